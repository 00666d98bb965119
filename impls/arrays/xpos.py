"""xPos: q_s ↦ ζ^(s/S) R_s q, k_t ↦ ζ^(−t/S) R_t k with ζ_p = (2p/dim + γ)/(1 + γ): RoPE with a decay in the lag.

Sun et al., A Length-Extrapolatable Transformer, arXiv 2212.10554. Positions are not centred. Causal use: the factor
of a key grows with its position and leaves float32 near S · 70 (γ = 0.4), float16 near S · 9.
"""

from typing import Literal

from ..schedules import decays, positive, rope_schedule
from .common import Array, beside_heads, checked_positions, constant, namespace, working
from .rope import rotated
from .turns import table


def xpos(
    x: Array,
    positions: Array,
    side: Literal["query", "key"] = "query",
    *,
    base: float = 10000.0,
    scale_base: float = 512,
    gamma: float = 0.4,
    accurate: bool = False,
) -> Array:
    """Encode queries or keys, (..., length, dim) with pairs (2p, 2p + 1); an odd last coordinate passes unchanged.

    scale_base: S, the number of positions over which a pair decays by ζ_p. The factor joins the table in float64.
    """
    xp = namespace("xpos", x, positions)
    if side not in ("query", "key"):
        raise ValueError(f"xpos: side must be query or key, got {side}")
    for name, value in (("scale_base", scale_base), ("gamma", gamma)):
        positive("xpos", name, value)
    dim, dtype = x.shape[-1], working(xp, x.dtype, accurate)
    positions = checked_positions("xpos", xp, x, positions, 1)
    cos, sin = table(xp, rope_schedule(dim, base, None, 1, "xpos"), positions, fine=dtype == xp.float64)
    exponent = xp.astype(positions, xp.float64) * (1 / scale_base if side == "query" else -1 / scale_base)
    factor = xp.exp(exponent * constant(xp, decays(gamma, dim, dim // 2), xp.float64, x))
    cos, sin = (beside_heads(xp, x, xp.astype(part * factor, dtype, copy=False)) for part in (cos, sin))
    return rotated(xp, x, cos, sin, layout="interleaved", axes=1)
