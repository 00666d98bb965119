"""Standard normals and uniforms with an address: (seed, stream, row, column) decides it, whatever is drawn beside.

Noise can therefore be drawn per chunk, frozen for decoding and handed to a reference. The random bits are equal in
every library; Box–Muller is float64, so the normals agree to a few units in the last place.
"""

from collections.abc import Callable
from math import pi
from typing import Any

import array_api_compat

from ..philox import check_count, check_seed, pairs, stream
from .common import Array

Shaped = Callable[[Any, Array, Array], tuple[Array, Array]]
CACHED = 1 << 17  # normals drawn at once: the integers of ten rounds stay near the cache, which is three times faster


def normals(like: Array, rows: Array, count: int, *, seed: int, kind: str, head: int = 0) -> Array:
    """Standard normals (n, count), float64 on the device of `like`: `count` for each integer row address.

    rows: (n,) or (n, up to 3) integers, taken modulo 2^32; seed 0 … 2^32 − 1; (kind, head) selects the stream, kind one
    of `philox.KINDS`. Raises ValueError for another seed or a count below 1. Box and Muller 1958.
    """
    return _drawn("normals", like, rows, count, (seed, kind, head), _box_muller)


def uniforms(like: Array, rows: Array, count: int, *, seed: int, kind: str, head: int = 0) -> Array:
    """Uniforms (n, count) in (0, 1], float64, addressed as `normals`."""
    return _drawn("uniforms", like, rows, count, (seed, kind, head), lambda xp, first, second: (first, second))


def _drawn(where: str, like: Array, rows: Array, count: int, source: tuple[int, str, int], shaped: Shaped) -> Array:
    xp = array_api_compat.array_namespace(like)
    rows = xp.astype(rows if rows.ndim == 2 else rows[:, None], xp.int64)
    blocks = xp.arange((check_count(where, "count", count) + 1) // 2, dtype=xp.int64, device=rows.device)
    key = (check_seed(where, source[0]), stream(*source[1:]))
    out = xp.empty((rows.shape[0], count), dtype=xp.float64, device=rows.device)
    step = max(1, CACHED // count)
    for start in range(0, rows.shape[0], step):
        stop = min(start + step, rows.shape[0])
        part = rows[start:stop, :]
        first, second = pairs([part[:, axis] for axis in range(part.shape[1])], blocks, key)
        both = xp.stack(shaped(xp, _unit(xp, first), _unit(xp, second)), axis=-1)
        out[start:stop, :] = xp.reshape(both, (both.shape[0], -1))[:, :count]
    return out


def _box_muller(xp: Any, first: Array, second: Array) -> tuple[Array, Array]:
    radius, angle = xp.sqrt(-2.0 * xp.log(first)), (2 * pi) * second
    return radius * xp.cos(angle), radius * xp.sin(angle)


def _unit(xp: Any, integers: Array) -> Array:
    return (xp.astype(integers, xp.float64) + 0.5) * 2.0**-53


def by_head(where: str, like: Array, kind: str, sizes: tuple[int, int, int, int], seed: int) -> Array:
    """Standard normals (heads, rows, terms, realizations) in the dtype of `like`, each head a stream of its own."""
    xp = array_api_compat.array_namespace(like)
    for name, size in zip(("heads", "dim", "terms", "realizations"), sizes, strict=True):
        check_count(where, name, size)
    heads, rows, terms, realizations = sizes
    address = xp.arange(rows, dtype=xp.int64, device=array_api_compat.device(like))
    drawn = [normals(like, address, terms * realizations, seed=seed, kind=kind, head=head) for head in range(heads)]
    return xp.astype(xp.reshape(xp.stack(drawn), sizes), like.dtype, copy=False)
