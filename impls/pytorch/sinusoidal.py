"""Sinusoidal absolute encoding: x_s + p_s with p_s = (sin s θ_p, cos s θ_p) pairs, θ_p = base^(−2p/dim).

Vaswani et al., Attention Is All You Need, arXiv 1706.03762.
"""

import torch
from torch import Tensor

from .common import beside_heads, checked_positions, floating, working
from .rope import rope_schedule
from .turns import table


def sinusoidal(x: Tensor, positions: Tensor, *, base: float = 10000.0, accurate: bool = False) -> Tensor:
    """Add p_s to x, (..., length, dim); an odd last coordinate passes unchanged. Table and sum are never narrow."""
    floating("sinusoidal", x)
    dtype = working(x.dtype, accurate)
    positions = checked_positions("sinusoidal", x, positions, 1)
    schedule = rope_schedule(x.shape[-1], base, None, 1, "sinusoidal")
    cos, sin = table(schedule, positions, fine=dtype == torch.float64)
    added = torch.stack([sin, cos], -1).flatten(-2).to(dtype)
    covered = added.shape[-1]
    summed = (x[..., :covered].to(dtype) + beside_heads(x, added)).to(x.dtype)
    return summed if covered == x.shape[-1] else torch.cat([summed, x[..., covered:]], -1)
