"""PermuteFormer: φ(q_s) ↦ r^s P^s φ(q_s), φ(k_t) ↦ r^(−t) P^t φ(k_t), one permutation for each head.

Chen, arXiv 2109.02377. P^s by the cycles of the permutation, for any s; causal for r < 1, where r^(−t) grows: float32
ends near t = 88 / −ln r.
"""

from collections.abc import Sequence
from typing import Any, Literal

from ..retained import log_rates
from .common import Array, beside_heads, checked_positions, namespace, working
from .lrpe import lrpe


def permuteformer(
    x: Array,
    positions: Array,
    side: Literal["query", "key"] = "query",
    *,
    permutation: Sequence[int] | Array,
    rate: float = 1.0,
    accurate: bool = False,
) -> Array:
    """Encode features x, (..., length, dim), at integer positions; (P^s x)_j = x[π^s(j)], rate r in (0, 1].

    With rate 1 values are only moved. Raises TypeError for a dtype, ValueError for a side, a rate or a permutation.
    """
    xp = namespace("permuteformer", x, positions)
    if side not in ("query", "key"):
        raise ValueError(f"permuteformer: side must be query or key, got {side}")
    moved = lrpe(x, positions, core="permutation", permutation=permutation)
    if rate == 1:
        return moved
    positions = checked_positions("permuteformer", xp, x, positions, 1)
    dtype: Any = working(xp, x.dtype, accurate)
    exponent = xp.astype(positions, xp.float64) * (1 if side == "query" else -1) * log_rates("permuteformer", rate)[0]
    factor = beside_heads(xp, x, xp.astype(xp.exp(exponent), dtype, copy=False))
    return xp.astype(xp.astype(moved, dtype, copy=False) * factor, x.dtype, copy=False)
