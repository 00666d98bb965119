"""PermuteFormer: φ(q_s) ↦ r^s P^s φ(q_s), φ(k_t) ↦ r^(−t) P^t φ(k_t), one permutation for each head.

Chen, arXiv 2109.02377. P^s by the cycles of the permutation, for any s; causal for r < 1, where r^(−t) grows: float32
ends near t = 88 / −ln r.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from ..retained import log_rates
from .common import beside_heads, checked_positions, compiled_once, working
from .lrpe import lrpe

_logs = compiled_once(log_rates)


def permuteformer(
    x: Tensor,
    positions: Tensor,
    side: Literal["query", "key"] = "query",
    *,
    permutation: Sequence[int] | Tensor,
    rate: float = 1.0,
    accurate: bool = False,
) -> Tensor:
    """Encode features x, (..., length, dim), at integer positions; (P^s x)_j = x[π^s(j)], rate r in (0, 1].

    With rate 1 values are only moved. Raises TypeError for a dtype, ValueError for a side, a rate or a permutation.
    """
    if side not in ("query", "key"):
        raise ValueError(f"permuteformer: side must be query or key, got {side}")
    moved = lrpe(x, positions, core="permutation", permutation=permutation)
    if rate == 1:
        return moved
    dtype = working(x.dtype, accurate)
    positions = checked_positions("permuteformer", x, positions, 1)
    exponent = positions.to(torch.float64) * (1 if side == "query" else -1) * _logs("permuteformer", rate)[0]
    return (moved.to(dtype) * beside_heads(x, torch.exp(exponent).to(dtype))).to(x.dtype)
