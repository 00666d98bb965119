"""What the attention forms share: shapes, grouped heads, an encoding bound to positions, an honest division."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .common import Array, namespace, working

KINDS = ("softmax", "linear", "norm-linear")
Encode = Callable[[Array], Array] | None


@dataclass(frozen=True)
class Bound:
    """`encode(x, positions)` with its positions: x → x̂; `part(start, stop)` encodes only those rows, so that long
    inputs can be encoded chunk by chunk. Positions: (length,) or (batch, length), a trailing axis when `axes` > 1.
    """

    encode: Callable[[Array, Array], Array]
    positions: Array
    axes: int = 1

    def __call__(self, x: Array) -> Array:
        """x̂ for all rows."""
        return self.encode(x, self.positions)

    def part(self, start: int, stop: int) -> "Bound":
        """The same for rows start … stop − 1."""
        rows = (..., slice(start, stop)) if self.axes == 1 else (..., slice(start, stop), slice(None))
        return Bound(self.encode, self.positions[rows], self.axes)


def bind(encode: Callable[[Array, Array], Array], positions: Array, axes: int = 1) -> Bound:
    """`encode` at `positions`, for `encode_query` and `encode_key`."""
    return Bound(encode, positions, axes)


def checked(where: str, q: Array, k: Array, v: Array, kind: str, kinds: tuple[str, ...]) -> tuple[Any, Any]:
    """(namespace, working dtype) of q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim) and v with any d_v."""
    xp = namespace(where, q, k, v)
    if kind not in kinds:
        raise ValueError(f"{where}: kind must be {' or '.join(kinds)}, got {kind}")
    if q.dtype != k.dtype or q.dtype != v.dtype:
        raise TypeError(f"{where}: q, k and v must have one dtype, got {q.dtype}, {k.dtype} and {v.dtype}")
    check_shapes(where, q, k, v)
    return xp, working(xp, q.dtype)


def check_shapes(where: str, q: Array, k: Array, v: Array) -> None:
    """One line for the first shape that does not fit."""
    for name, array in (("q", q), ("k", k), ("v", v)):
        if array.ndim != 4:
            raise ValueError(f"{where}: {name} must be (batch, heads, length, dim), got shape {tuple(array.shape)}")
    if tuple(v.shape[:3]) != tuple(k.shape[:3]):
        raise ValueError(f"{where}: k and v must agree up to dim, got {tuple(k.shape)} and {tuple(v.shape)}")
    if q.shape[0] != k.shape[0] or q.shape[-1] != k.shape[-1]:
        raise ValueError(f"{where}: q and k must agree in batch and dim, got {tuple(q.shape)} and {tuple(k.shape)}")
    if k.shape[1] == 0 or q.shape[1] % k.shape[1]:
        raise ValueError(f"{where}: kv_heads must divide heads = {q.shape[1]}, got {k.shape[1]}")


def grouped(xp: Any, q: Array, kv_heads: int) -> Array:
    """(batch, heads, n, dim) → (batch, kv_heads, heads / kv_heads, n, dim); head h reads key head h // group."""
    return xp.reshape(q, (q.shape[0], kv_heads, q.shape[1] // kv_heads, *q.shape[2:]))


def ahead(where: str, q: Array, k: Array) -> int:
    """How many keys lie before the first query: queries are the last rows of a causal sequence."""
    if k.shape[-2] < q.shape[-2]:
        raise ValueError(f"{where}: causal needs at least as many keys as queries, got {k.shape[-2]} and {q.shape[-2]}")
    return int(k.shape[-2] - q.shape[-2])


def divided(where: str, xp: Any, total: Array, weight: Array, first_row: int = 0) -> Array:
    """total / weight, (batch, kv_heads, group, n, d_v) and the same without d_v; ZeroDivisionError at a zero weight."""
    zero = weight == 0
    if bool(xp.any(zero)):
        place = int(xp.argmax(xp.reshape(xp.astype(zero, xp.int64), (-1,))))
        _, heads, group, rows = weight.shape
        batch, head, row = place // (heads * group * rows), place // rows % (heads * group), place % rows
        raise ZeroDivisionError(
            f"{where}: the denominator is zero at batch {batch}, head {head}, row {first_row + row}"
        )
    return total / weight[..., None]
