"""One certified number in a machine format: split into two floats with an exact sign, or rounded to nearest even."""

import math
from dataclasses import dataclass

from flint import arb, ctx

TINY = 5e-324
_WORK = 16384  # bits: more than any ball of the oracle has


@dataclass(frozen=True)
class Format:
    """A binary format: bits of the significand, exponent of the least subnormal, exponent that overflows."""

    bits: int
    least: int
    top: int

    @property
    def unit_roundoff(self) -> float:
        """u: half the distance from 1 to the next number."""
        return math.ldexp(1.0, -self.bits)


FORMATS = {
    "float64": Format(53, -1074, 1024),
    "float32": Format(24, -149, 128),
    "float16": Format(11, -24, 16),
    "bfloat16": Format(8, -133, 128),
}


class UndecidedError(ArithmeticError):
    """The two ends of a ball round to different neighbours: `lower` and `upper` are both acceptable."""

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__(f"the ball rounds to {lower!r} or to {upper!r}")
        self.lower, self.upper = lower, upper


def format_of(dtype: str) -> Format:
    """The format by its name. Raises ValueError for an unknown one."""
    if dtype not in FORMATS:
        raise ValueError(f"dtype must be one of {', '.join(FORMATS)}, got {dtype!r}")
    return FORMATS[dtype]


def round_dyadic(mantissa: int, exponent: int, dtype: str) -> float:
    """mantissa · 2^exponent to nearest, ties to even, as the float64 that holds it; overflow goes to infinity."""
    form = format_of(dtype)
    sign, size = (-1.0 if mantissa < 0 else 1.0), abs(mantissa)
    if size == 0:
        return 0.0
    top = size.bit_length() + exponent
    if top > form.top:
        return sign * math.inf
    quantum = max(top - form.bits, form.least)
    shift = quantum - exponent
    if shift > size.bit_length() + 1:
        return sign * 0.0
    whole = size << -shift if shift <= 0 else _nearest_even(size, shift)
    if whole.bit_length() + quantum > form.top:
        return sign * math.inf
    return sign * math.ldexp(whole, quantum)


def _nearest_even(size: int, shift: int) -> int:
    whole, rest, half = size >> shift, size & ((1 << shift) - 1), 1 << (shift - 1)
    return whole + (rest > half or (rest == half and whole & 1))


def neighbours(ball: arb, dtype: str) -> tuple[float, float]:
    """What the two ends of the ball round to; equal where the rounding is decided."""
    if not ball.is_finite():
        return -math.inf, math.inf
    with ctx.workprec(_WORK):
        ends = [ball.lower().man_exp(), ball.upper().man_exp()]
    lower, upper = (round_dyadic(int(m), int(e), dtype) for m, e in ends)
    return lower, upper


def round_ball(ball: arb, dtype: str) -> float:
    """The correctly rounded number. Raises UndecidedError with both neighbours where the ball is too wide."""
    lower, upper = neighbours(ball, dtype)
    if lower != upper:
        raise UndecidedError(lower, upper)
    return lower


def settled(ball: arb) -> bool:
    """Whether `split` is exact in its signs: hi is the nearest float64 and the sign of lo is known.

    Then every narrower format is decided as well. False is the flag of the last resort at 4096 bits: either neighbour
    is then accepted.
    """
    high = float(ball.mid())
    if math.isinf(high):
        return bool(abs(ball) > 2**1024) if ball.is_finite() else False
    if high != high:
        return False
    rest = ball - high
    low, radius = float(rest.mid()), float(rest.rad())
    if radius == 0.0 and rest.is_exact():
        return True
    size, half = abs(low), math.ulp(high) / 2
    if size < 1e-290:  # float arithmetic underflows: decide with the ball itself
        return not rest.contains(0) and _one_neighbour(ball)
    return size > 2 * radius and all(abs(size - h) > 2 * radius for h in (half, half / 2))


def _one_neighbour(ball: arb) -> bool:
    lower, upper = neighbours(ball, "float64")
    return lower == upper


def split(ball: arb) -> tuple[float, float, float]:
    """(hi, lo, radius): |x − (hi + lo)| ≤ radius for every x of the ball, and lo has the sign of x − hi.

    The sign is exact wherever `settled` says so; lo is 0 only for a number that is exactly hi.
    """
    high = float(ball.mid())
    if not math.isfinite(high):
        return high, 0.0, math.inf
    rest = ball - high
    low = float(rest.mid())
    if low == 0.0 and not rest.is_zero():
        low = -TINY if rest < 0 else TINY if rest > 0 else 0.0
    error = rest - low
    return high, low, 0.0 if error.is_zero() else math.nextafter(float(error.abs_upper()), math.inf)
