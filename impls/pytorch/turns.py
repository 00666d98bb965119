"""cos and sin of position · θ: the phase is reduced exactly in integers, or, for a learned θ, in double-double.

The integer phases, their error and their limits are those of the array functions; the two agree bit for bit.
"""

from math import pi

import torch
from torch import Tensor

from ..schedules import Schedule

_RADIANS = 2 * pi / 2**64
_HALF = 1 << 62  # a quarter turn: beyond it the fine phase is moved by half a turn
_SPLIT = 134217729.0  # 2^27 + 1, Veltkamp's constant for float64


def table(schedule: Schedule, positions: Tensor, *, fine: bool) -> tuple[Tensor, Tensor]:
    """(cos, sin) of positions · θ_p in float64, (..., pairs), from (..., 1); the pair is good to 11 · 2^-53 when fine.

    Not fine: the one-limb error, 3.6e-10 rad at position 2^31, comes on top. Built from Python integers at every call:
    nothing is stored that a cast, a move or `to_empty` could spoil.
    """
    whole, fraction = _split(positions)
    phase, sign = _fine(schedule, whole) if fine else (_coarse(schedule, whole), None)
    if fraction is not None:
        phase = phase + fraction * _constant(schedule.angles, torch.float64, positions)
    cos, sin = torch.cos(phase), torch.sin(phase)
    return (cos, sin) if sign is None else (cos * sign, sin * sign)


def learned_table(theta: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """(cos, sin) in float64 of positions · theta, theta exactly as stored, with the gradient of s · θ.

    The product is kept as hi + lo (Dekker, exact below 2^970); the library reduces hi, and |lo| < 2^-22 at a phase of
    2^31 rad, so two terms of cos(hi + lo) suffice. lo is held constant: the derivative is −s sin(s θ), as it should be.
    """
    left, right = positions.to(torch.float64), theta.to(torch.float64)
    high = left * right
    with torch.no_grad():
        low = _product_error(left, right, high)
    cos, sin = torch.cos(high), torch.sin(high)
    kept = 1 - low * low / 2
    return cos * kept - low * sin, sin * kept + low * cos


def _product_error(left: Tensor, right: Tensor, product: Tensor) -> Tensor:
    a, b = _upper(left), _upper(right)
    return (left - a) * (right - b) - (((product - a * b) - (left - a) * b) - a * (right - b))


def _upper(value: Tensor) -> Tensor:
    scaled = value * _SPLIT
    return scaled - (scaled - value)


def _split(positions: Tensor) -> tuple[Tensor, Tensor | None]:
    if not positions.dtype.is_floating_point:
        return positions.to(torch.int64), None
    positions = positions.to(torch.float64)
    whole = torch.round(positions)
    return whole.to(torch.int64), positions - whole


def _constant(values: tuple[int, ...] | tuple[float, ...], dtype: torch.dtype, like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=dtype, device=like.device)


def _coarse(schedule: Schedule, whole: Tensor) -> Tensor:
    return (whole * _constant(schedule.coarse, torch.int64, whole)).to(torch.float64) * _RADIANS


def _fine(schedule: Schedule, whole: Tensor) -> tuple[Tensor, Tensor]:
    carried = (whole * _constant(schedule.low, torch.int64, whole)) >> 32
    units = whole * _constant(schedule.high, torch.int64, whole) + carried
    flip = ((units + _HALF) < 0).to(torch.int64)  # wraps exactly when the phase is beyond a quarter turn
    units = units + flip * -(2**63)
    return units.to(torch.float64) * _RADIANS, (1 - 2 * flip).to(torch.float64)
