"""Sinusoidal absolute encoding: x_s + p_s with p_s = (sin s θ_p, cos s θ_p) pairs, θ_p = base^(−2p/dim).

Vaswani et al., Attention Is All You Need, arXiv 1706.03762.
"""

from ..schedules import rope_schedule
from .common import Array, beside_heads, checked_positions, namespace, working
from .turns import table


def sinusoidal(x: Array, positions: Array, *, base: float = 10000.0, accurate: bool = False) -> Array:
    """Add p_s to x, (..., length, dim); an odd last coordinate passes unchanged. Table and sum are never narrow."""
    xp = namespace("sinusoidal", x, positions)
    dim, dtype = x.shape[-1], working(xp, x.dtype, accurate)
    positions = checked_positions("sinusoidal", xp, x, positions, 1)
    cos, sin = table(xp, rope_schedule(dim, base, None, 1, "sinusoidal"), positions, fine=dtype == xp.float64)
    pairs = xp.stack([sin, cos], axis=-1)
    added = xp.astype(xp.reshape(pairs, (*cos.shape[:-1], 2 * cos.shape[-1])), dtype, copy=False)
    covered = added.shape[-1]
    summed = xp.astype(x[..., :covered], dtype, copy=False) + beside_heads(xp, x, added)
    summed = xp.astype(summed, x.dtype, copy=False)
    return summed if covered == dim else xp.concat([summed, x[..., covered:]], axis=-1)
