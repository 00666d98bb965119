"""cos and sin of position · θ with the phase reduced exactly in integers: no table of positions, no cap on them.

One limb: F = round(2^64 θ/2π); s·F, wrapping in int64, *is* the phase modulo one turn, in units of 2^-64 turns. Its
error is |s| 2^-65 turns: 4e-16 rad at 10^3, 3.6e-10 at 2^31, enough for float32. Two limbs carry 32 bits more: below
2^31 the integer phase is good to 2^-63 turns; beyond, to |s| 2^-64 turns, because the lower limb then wraps.
"""

from math import pi
from typing import Any

from ..schedules import Schedule
from .common import Array, constant

_RADIANS = 2 * pi / 2**64
_HALF = 1 << 62  # a quarter turn: beyond it the fine phase is moved by half a turn


def table(xp: Any, schedule: Schedule, positions: Array, *, fine: bool) -> tuple[Array, Array]:
    """(cos, sin) of positions · θ_p in float64, shape (..., pairs), from positions of shape (..., 1) or (...,).

    fine: error of the pair (cos, sin) ≤ (3π/2 + √2 k) 2^-53 < 11 · 2^-53 at every integer position below 2^31, where
    k ≤ 4 is the error of the library's cos and sin in units of 2^-53: the phase, at most a quarter turn after a move by
    half a turn, meets three roundings (int64 → float64, the constant, the product), each (π/2) 2^-53 at most; those of
    the constant (0.36 of that) and the integer phase itself (2^-63 turns = 0.006 · 2^-53 rad) stay within the three.
    Not fine: π for π/2, and the one-limb error. Real positions add their fraction · θ, one float64 product.
    """
    whole, fraction = _split(xp, positions)
    phase, sign = _fine(xp, schedule, whole) if fine else (_coarse(xp, schedule, whole), None)
    if fraction is not None:
        phase = phase + fraction * constant(xp, schedule.angles, xp.float64, positions)
    cos, sin = xp.cos(phase), xp.sin(phase)
    return (cos, sin) if sign is None else (cos * sign, sin * sign)


def _split(xp: Any, positions: Array) -> tuple[Array, Array | None]:
    if xp.isdtype(positions.dtype, "integral"):
        return xp.astype(positions, xp.int64), None
    positions = xp.astype(positions, xp.float64)
    whole = xp.round(positions)
    return xp.astype(whole, xp.int64), positions - whole


def _coarse(xp: Any, schedule: Schedule, whole: Array) -> Array:
    return xp.astype(whole * constant(xp, schedule.coarse, xp.int64, whole), xp.float64) * _RADIANS


def _fine(xp: Any, schedule: Schedule, whole: Array) -> tuple[Array, Array]:
    carried = (whole * constant(xp, schedule.low, xp.int64, whole)) >> 32
    units = whole * constant(xp, schedule.high, xp.int64, whole) + carried
    flip = xp.astype((units + _HALF) < 0, xp.int64)  # wraps exactly when the phase is beyond a quarter turn
    units = units + flip * -(2**63)
    return xp.astype(units, xp.float64) * _RADIANS, xp.astype(1 - 2 * flip, xp.float64)
