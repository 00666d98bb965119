"""cosFormer: x ↦ [x cos a_s; x sin a_s], a_s = π s / 2M, so that a score is weighed by cos(π (t − s) / 2M).

Qin et al., arXiv 2202.08791. The feature map, ReLU there, comes first; M is given, not taken from a length.
"""

from ..schedules import harmonic
from .common import Array, beside_heads, checked_positions, namespace, working
from .turns import table


def cosformer(x: Array, positions: Array, *, reach: int, accurate: bool = False) -> Array:
    """Encode x, (..., length, dim), at `positions`: (..., length, 2 dim), the cosines then the sines.

    reach: M, the lag at which the weight is zero; weights are not negative while lags stay within it.
    Raises TypeError for a dtype, ValueError for a shape or a reach below 1.
    """
    xp = namespace("cosformer", x, positions)
    if reach < 1:
        raise ValueError(f"cosformer: reach must be at least 1, got {reach}")
    dtype = working(xp, x.dtype, accurate)
    positions = checked_positions("cosformer", xp, x, positions, 1)
    cos, sin = table(xp, harmonic(reach, 1), positions, fine=dtype == xp.float64)
    wide = xp.astype(x, dtype, copy=False)
    parts = [wide * beside_heads(xp, x, xp.astype(part, dtype, copy=False)) for part in (cos, sin)]
    return xp.astype(xp.concat(parts, axis=-1), x.dtype, copy=False)
