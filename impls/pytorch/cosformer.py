"""cosFormer: x ↦ [x cos a_s; x sin a_s], a_s = π s / 2M, so that a score is weighed by cos(π (t − s) / 2M).

Qin et al., arXiv 2202.08791. The feature map, ReLU there, comes first; M is given, not taken from a length.
"""

import torch
from torch import Tensor

from ..schedules import harmonic
from .common import beside_heads, checked_positions, floating, schedule_once, working
from .turns import table

_schedule = schedule_once(harmonic)


def cosformer(x: Tensor, positions: Tensor, *, reach: int, accurate: bool = False) -> Tensor:
    """Encode x, (..., length, dim), at `positions`: (..., length, 2 dim), the cosines then the sines.

    reach: M, the lag at which the weight is zero; weights are not negative while lags stay within it.
    Raises TypeError for a dtype, ValueError for a shape or a reach below 1.
    """
    floating("cosformer", x)
    if reach < 1:
        raise ValueError(f"cosformer: reach must be at least 1, got {reach}")
    dtype = working(x.dtype, accurate)
    positions = checked_positions("cosformer", x, positions, 1)
    cos, sin = table(_schedule(reach, 1), positions, fine=dtype == torch.float64)
    parts = [x.to(dtype) * beside_heads(x, part.to(dtype)) for part in (cos, sin)]
    return torch.cat(parts, -1).to(x.dtype)
