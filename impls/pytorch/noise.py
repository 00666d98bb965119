"""Standard normals and uniforms with an address: (seed, stream, row, column) decides it, whatever is drawn beside.

The random bits are those of the array functions; Box–Muller is float64, so the normals agree to a few units.
"""

from collections.abc import Callable
from math import pi

import torch
from torch import Tensor

from ..philox import check_count, check_seed, pairs, stream

Shaped = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
CACHED = 1 << 17  # normals drawn at once: the integers of ten rounds stay near the cache, which is three times faster


def normals(like: Tensor, rows: Tensor, count: int, *, seed: int, kind: str, head: int = 0) -> Tensor:
    """Standard normals (n, count), float64 on the device of `like`: `count` for each integer row address.

    rows: (n,) or (n, up to 3) integers, taken modulo 2^32; seed 0 … 2^32 − 1; (kind, head) selects the stream, kind one
    of `philox.KINDS`. Raises ValueError for another seed or a count below 1. Box and Muller 1958.
    """
    return _drawn("normals", like, rows, count, (seed, kind, head), _box_muller)


def uniforms(like: Tensor, rows: Tensor, count: int, *, seed: int, kind: str, head: int = 0) -> Tensor:
    """Uniforms (n, count) in (0, 1], float64, addressed as `normals`."""
    return _drawn("uniforms", like, rows, count, (seed, kind, head), lambda first, second: (first, second))


def _drawn(where: str, like: Tensor, rows: Tensor, count: int, source: tuple[int, str, int], shaped: Shaped) -> Tensor:
    rows = (rows if rows.ndim == 2 else rows[:, None]).to(device=like.device, dtype=torch.int64)
    blocks = torch.arange((check_count(where, "count", count) + 1) // 2, device=like.device)
    key = (check_seed(where, source[0]), stream(*source[1:]))
    out = torch.empty(rows.shape[0], count, dtype=torch.float64, device=like.device)
    step = max(1, CACHED // count)
    for start in range(0, rows.shape[0], step):
        first, second = _philox(rows[start : start + step], blocks, *key)
        out[start : start + step] = torch.stack(shaped(_unit(first), _unit(second)), -1).flatten(1)[:, :count]
    return out


# one opaque operator: the rounds inlined into a compiled graph would double their operations ten times
@torch.library.custom_op("lagwise::philox", mutates_args=())
def _philox(rows: Tensor, blocks: Tensor, seed: int, number: int) -> tuple[Tensor, Tensor]:
    return pairs(list(rows.unbind(1)), blocks, (seed, number))


@_philox.register_fake
def _(rows: Tensor, blocks: Tensor, seed: int, number: int) -> tuple[Tensor, Tensor]:
    shape = (rows.shape[0], blocks.shape[0])
    return rows.new_empty(shape), rows.new_empty(shape)


def _box_muller(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    radius, angle = torch.sqrt(-2.0 * torch.log(first)), (2 * pi) * second
    return radius * torch.cos(angle), radius * torch.sin(angle)


def _unit(integers: Tensor) -> Tensor:
    return (integers.to(torch.float64) + 0.5) * 2.0**-53


def by_head(where: str, like: Tensor, kind: str, sizes: tuple[int, int, int, int], seed: int) -> Tensor:
    """Standard normals (heads, rows, terms, realizations) in the dtype of `like`, each head a stream of its own."""
    for name, size in zip(("heads", "dim", "terms", "realizations"), sizes, strict=True):
        check_count(where, name, size)
    heads, rows, terms, realizations = sizes
    address = torch.arange(rows, device=like.device)
    drawn = [normals(like, address, terms * realizations, seed=seed, kind=kind, head=head) for head in range(heads)]
    return torch.stack(drawn).reshape(sizes).to(like.dtype)
