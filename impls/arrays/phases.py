"""Phases ⟨f, position⟩ of frequencies in cycles per position, reduced modulo one turn without losing the position."""

from math import pi
from typing import Any

from .common import Array

_SPLIT = 134217729.0  # 2^27 + 1, Veltkamp's constant for float64


def cosines(xp: Any, frequencies: Array, positions: Array, offset: Array | None = None) -> tuple[Array, Array]:
    """(cos, sin) of 2π ⟨f, p⟩ + offset in float64; frequencies and positions broadcast, both with trailing (axes,).

    Each product is kept as high + low (Dekker, exact), so that whole turns drop out exactly: the error stays near
    1e-15 rad at every position below 2^53, for frequencies exactly as stored. offset is in radians.
    """
    left, right = xp.astype(frequencies, xp.float64), xp.astype(positions, xp.float64)
    high = left * right
    a, b = _upper(left), _upper(right)
    low = (left - a) * (right - b) - (((high - a * b) - (left - a) * b) - a * (right - b))
    turns = xp.sum((high - xp.round(high)) + low, axis=-1)
    phase = (2 * pi) * (turns - xp.round(turns))
    phase = phase if offset is None else phase + xp.astype(offset, xp.float64)
    return xp.cos(phase), xp.sin(phase)


def _upper(value: Array) -> Array:
    scaled = value * _SPLIT
    return scaled - (scaled - value)
