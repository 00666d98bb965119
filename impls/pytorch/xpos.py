"""xPos: q_s ↦ ζ^(s/S) R_s q, k_t ↦ ζ^(−t/S) R_t k with ζ_p = (2p/dim + γ)/(1 + γ): RoPE with a decay in the lag.

Sun et al., A Length-Extrapolatable Transformer, arXiv 2212.10554. Positions are not centred. Causal use: the factor
of a key grows with its position and leaves float32 near S · 70 (γ = 0.4), float16 near S · 9.
"""

from typing import Literal

import torch
from torch import Tensor

from ..schedules import decays, positive
from .common import beside_heads, checked_positions, compiled_once, floating, working
from .rope import rope_schedule, rotated
from .turns import table

_factors = compiled_once(decays)


def xpos(
    x: Tensor,
    positions: Tensor,
    side: Literal["query", "key"] = "query",
    *,
    base: float = 10000.0,
    scale_base: float = 512,
    gamma: float = 0.4,
    accurate: bool = False,
) -> Tensor:
    """Encode queries or keys, (..., length, dim) with pairs (2p, 2p + 1); an odd last coordinate passes unchanged.

    scale_base: S, the number of positions over which a pair decays by ζ_p. The factor joins the table in float64.
    """
    floating("xpos", x)
    if side not in ("query", "key"):
        raise ValueError(f"xpos: side must be query or key, got {side}")
    for name, value in (("scale_base", scale_base), ("gamma", gamma)):
        positive("xpos", name, value)
    dim, dtype = x.shape[-1], working(x.dtype, accurate)
    positions = checked_positions("xpos", x, positions, 1)
    cos, sin = table(rope_schedule(dim, base, None, 1, "xpos"), positions, fine=dtype == torch.float64)
    exponent = positions.to(torch.float64) * (1 / scale_base if side == "query" else -1 / scale_base)
    factor = torch.exp(exponent * torch.tensor(_factors(gamma, dim, dim // 2), dtype=torch.float64, device=x.device))
    cos, sin = (beside_heads(x, (part * factor).to(dtype)) for part in (cos, sin))
    return rotated(x, cos, sin, layout="interleaved")
