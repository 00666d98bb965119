"""Correct rounding of many numbers at once: round (hi, lo) to odd, then round once to the format wanted.

Rounding a float64 to bfloat16 through float32 rounds twice; 53 bits rounded to odd are enough to round once, correctly,
to any format with at most 51 (Boldo and Melquiond, Emulation of FMA and correctly rounded sums, 2008).
"""

from typing import Any

import numpy as np

from ..spec.rounding import format_of

__all__ = ["exact", "nearest", "round_to_odd", "ulp", "unit_roundoff"]


def unit_roundoff(dtype: str) -> float:
    """u of the format: 2^-53, 2^-24, 2^-11 or 2^-8. Raises ValueError for an unknown dtype."""
    return format_of(dtype).unit_roundoff


def ulp(values: Any, dtype: str) -> np.ndarray:
    """The distance between the numbers of the format around each value (any shape), as float64."""
    form = format_of(dtype)
    given = np.asarray(values, dtype=np.float64)
    _, exponent = np.frexp(given)
    return np.asarray(np.ldexp(1.0, np.where(given == 0, form.least, np.maximum(exponent - form.bits, form.least))))


def exact(values: Any, dtype: str) -> np.ndarray:
    """float64 values rounded once to nearest even in the format, as float64; overflow goes to infinity."""
    form = format_of(dtype)
    given = np.asarray(values, dtype=np.float64)
    if dtype == "float64":
        return given.copy()
    finite = np.where(np.isfinite(given), given, 0.0)
    _, exponent = np.frexp(finite)
    quantum = np.maximum(exponent - form.bits, form.least)
    with np.errstate(over="ignore"):  # beyond the format's largest number, which is infinity below
        rounded = np.ldexp(np.rint(np.ldexp(finite, -quantum)), quantum)
    rounded = np.where(np.abs(rounded) >= 2.0**form.top, np.copysign(np.inf, rounded), rounded)
    return np.where(np.isfinite(given), rounded, given)


def round_to_odd(hi: Any, lo: Any) -> np.ndarray:
    """hi + lo to 53 bits: what is not a float64 becomes the neighbour with an odd last bit. Only lo's sign counts."""
    high = np.array(hi, dtype=np.float64)
    low = np.broadcast_to(np.asarray(lo, dtype=np.float64), high.shape)
    inexact = (low != 0) & ~np.isnan(high)
    start = np.where(inexact & (high == 0), np.copysign(0.0, low), high)
    bits = np.ascontiguousarray(start).view(np.int64)
    toward_zero = inexact & (high != 0) & (np.signbit(low) != np.signbit(high))
    return np.where(inexact, (bits - toward_zero) | 1, bits).view(np.float64)


def nearest(hi: Any, lo: Any, dtype: str) -> np.ndarray:
    """The numbers hi + lo, correctly rounded to float64, float32, float16 or bfloat16; returned as float64 values.

    hi and lo have one shape; hi is the float64 nearest to the number and lo has the sign of the rest, as
    `spec.rounding.split` returns them.
    """
    if dtype == "float64":
        high = np.array(hi, dtype=np.float64)
        return np.where((high == 0) & (np.asarray(lo) != 0), np.copysign(0.0, lo), high)
    return exact(round_to_odd(hi, lo), dtype)
