"""Rows of a masked attention whose denominator is lost in the rounding of the FFTs: an error, or direct sums."""

from typing import Any

from ..lags import WORK
from .common import Array

LOST = 16  # a denominator of fewer roundings than this has less than four certain bits
Exact = list[tuple[tuple[int, int, int], Array, Array]]


def check_tails(where: str, tails: str) -> None:
    """ValueError unless it is one of the two."""
    if tails not in ("raise", "recompute"):
        raise ValueError(f"{where}: tails must be raise or recompute, got {tails}")


def settle(where: str, run: Any, weight: Array, rounding: Array, tails: str) -> Exact:
    """Rows to overwrite, as ((batch, kv_head, group), rows, values); their weight is set to 1 meanwhile.

    Raises FloatingPointError for the first lost row when tails is "raise", ZeroDivisionError for a true zero.
    """
    xp = run.xp
    lost = (weight if run.positive else xp.abs(weight)) <= LOST * rounding
    if not bool(xp.any(lost)):
        return []
    exact: Exact = []
    batches, kv_heads, groups, _ = weight.shape
    for place in ((b, h, g) for b in range(batches) for h in range(kv_heads) for g in range(groups)):
        rows = xp.nonzero(lost[*place, :])[0]
        if rows.shape[0] and tails == "raise":
            row, head = int(rows[0]), place[1] * groups + place[2]
            raise FloatingPointError(
                f"{where}: the denominator at batch {place[0]}, head {head}, row {row} is "
                f"{float(weight[*place, row]):.1e}, lost in the FFT's rounding of {float(rounding[*place, row]):.1e}; "
                f"use tails=recompute or float64"
            )
        exact += [(place, rows[s], _direct(where, run, place, rows[s])) for s in _slices(run, rows.shape[0])]
    weight[...] = xp.where(lost, xp.ones_like(weight), weight)
    return exact


def _slices(run: Any, count: int) -> list[slice]:
    step = max(1, WORK // (32 * max(run.keys.shape[-2], 1)))
    return [slice(first, min(first + step, count)) for first in range(0, count, step)]


def _direct(where: str, run: Any, place: tuple[int, int, int], rows: Array) -> Array:
    """The rows of the output by their sums, (rows, d_v)."""
    xp, (batch, head, group) = run.xp, place
    kernel = run.embedding.kernel[head, min(group, run.embedding.kernel.shape[1] - 1), ...]
    queries = xp.take(run.queries[batch, head, group, :, :], rows, axis=0)
    weights = xp.matmul(queries, xp.matrix_transpose(run.keys[batch, head, 0, :, :]))
    weights = weights * _mask_rows(run, kernel, rows)
    total = xp.sum(weights, axis=-1)
    if bool(xp.any(total == 0)):
        row = int(rows[int(xp.argmax(xp.astype(total == 0, xp.int64)))])
        name = head * run.queries.shape[2] + group
        raise ZeroDivisionError(f"{where}: the denominator is zero at batch {batch}, head {name}, row {row}")
    return xp.matmul(weights, run.values[batch, head, :, :]) / total[:, None]


def _mask_rows(run: Any, kernel: Array, rows: Array) -> Array:
    """κ(j − i) for the rows i and every key j."""
    xp, sizes, device = run.xp, run.embedding.rows, rows.device
    keys, queries = xp.zeros(1, dtype=xp.int64, device=device), xp.zeros(1, dtype=xp.int64, device=device)
    left, stride = rows, 1
    for axis in reversed(range(len(sizes))):
        span = xp.arange(run.embedding.keys[axis], dtype=xp.int64, device=device) * stride
        keys = xp.reshape(span[:, None] + keys[None, :], (-1,))
        queries = queries + (sizes[axis] - 1 - left % sizes[axis]) * stride
        left = left // sizes[axis]
        stride *= kernel.shape[axis]
    places = xp.reshape(queries[:, None] + keys[None, :], (-1,))
    return xp.reshape(xp.take(xp.reshape(kernel, (-1,)), places, axis=0), (rows.shape[0], -1))
