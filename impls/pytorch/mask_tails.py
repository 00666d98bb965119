"""Rows of a masked attention whose denominator is lost in the rounding of the FFTs: an error, or direct sums."""

from typing import Any

import torch
from torch import Tensor

from ..lags import WORK

LOST = 16  # a denominator of fewer roundings than this has less than four certain bits
Exact = list[tuple[tuple[Tensor, ...], Tensor]]


def check_tails(where: str, tails: str) -> None:
    """ValueError unless it is one of the two."""
    if tails not in ("raise", "recompute"):
        raise ValueError(f"{where}: tails must be raise or recompute, got {tails}")


def looked_at(x: Tensor) -> bool:
    """Whether values may decide: not in a compiled graph and not on the meta device."""
    return not torch.compiler.is_compiling() and not x.is_meta


def settle(where: str, run: Any, weight: Tensor, rounding: Tensor, tails: str) -> tuple[Tensor, Exact]:
    """The weights, 1 where a row is lost, and those rows: ((batch, kv_head, group, row) indices, values).

    Raises FloatingPointError for the first lost row when tails is "raise", ZeroDivisionError for a true zero.
    """
    if not looked_at(weight):
        return weight, []
    plain = weight.detach()
    lost = (plain if run.positive else plain.abs()) <= LOST * rounding
    if not bool(lost.any()):
        return weight, []
    places = lost.nonzero()
    if tails == "raise":
        batch, kv_head, group, row = places[0].tolist()
        raise FloatingPointError(
            f"{where}: the denominator at batch {batch}, head {kv_head * weight.shape[2] + group}, row {row} is "
            f"{float(plain[batch, kv_head, group, row]):.1e}, lost in the FFT's rounding of "
            f"{float(rounding[batch, kv_head, group, row]):.1e}; use tails=recompute or float64"
        )
    step = max(1, WORK // (32 * run.keys.shape[-2]))
    exact = [_direct(where, run, part) for part in _runs(places, step)]
    return torch.where(lost, 1.0, weight), exact


def _runs(places: Tensor, step: int) -> list[Tensor]:
    """The places of one (batch, head, group) each, at most `step` together."""
    _, counts = torch.unique_consecutive(places[:, :3], dim=0, return_counts=True)
    heads = torch.split(places, counts.tolist())
    return [part for head in heads for part in torch.split(head, step)]


def _direct(where: str, run: Any, places: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
    """The rows of the output by their sums, (rows, d_v), and where they go."""
    batch, head, group, rows = places.unbind(1)
    b, h, g = (int(x[0]) for x in (batch, head, group))
    kernel = run.embedding.kernel[h, min(g, run.embedding.kernel.shape[1] - 1)]
    weights = run.queries[b, h, g, rows] @ run.keys[b, h, 0].mT * _mask_rows(run, kernel, rows)
    total = weights.sum(-1)
    if bool((total == 0).any()):
        row, name = int(rows[(total == 0).to(torch.uint8).argmax()]), h * run.queries.shape[2] + g
        raise ZeroDivisionError(f"{where}: the denominator is zero at batch {b}, head {name}, row {row}")
    return (batch, head, group, rows), weights @ run.values[b, h] / total[:, None]


def _mask_rows(run: Any, kernel: Tensor, rows: Tensor) -> Tensor:
    """κ(j − i) for the rows i and every key j."""
    sizes, left, stride = run.embedding.rows, rows, 1
    keys, queries = rows.new_zeros(1), torch.zeros_like(rows)
    for axis in reversed(range(len(sizes))):
        span = torch.arange(run.embedding.keys[axis], device=rows.device) * stride
        keys = (span[:, None] + keys).flatten()
        queries = queries + (sizes[axis] - 1 - left % sizes[axis]) * stride
        left = left // sizes[axis]
        stride *= kernel.shape[axis]
    return kernel.flatten()[queries[:, None] + keys]
