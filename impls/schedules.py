"""Angle schedules as exact integers F = round(2^96 · θ / 2π), from Python integers, fractions and `decimal` alone."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import NamedTuple

DIGITS = 90  # about 299 bits: a turn stays good to 2^-160 relative for every base and pair
TWO_PI = Decimal("6.2831853071795864769252867665590057683943387987502116419498891846156328125724179972560696506842")


class Schedule(NamedTuple):
    """Angles per position θ_p, with F = round(2^96 · θ_p / 2π): plain tuples, so that a compiler can hold them."""

    coarse: tuple[int, ...]  # one signed 64-bit limb, round(2^64 · θ / 2π)
    high: tuple[int, ...]  # upper signed 64 bits of F
    low: tuple[int, ...]  # lower 32 bits of F, not negative
    angles: tuple[float, ...]  # θ_p in radians
    gain: float = 1.0  # what cos and sin are multiplied by


@lru_cache(maxsize=256)
def geometric(base: float, step: Fraction, count: int) -> Schedule:
    """θ_p = base^(-p · step), p = 0 … count - 1; base is taken exactly as the float it is."""
    with localcontext(prec=DIGITS):
        ratio = (-Decimal(base).ln() * step.numerator / step.denominator).exp()
        value, values = Decimal(1), []
        for _ in range(count):
            values.append(value)
            value *= ratio
        return from_decimals(values)


@lru_cache(maxsize=256)
def linear(span: Fraction, count: int) -> Schedule:
    """θ_p = (π/2) (p + 1) / span: the schedule b of LRPE, with span = length · pairs."""
    return _rational([Fraction(p + 1) / (4 * span) for p in range(count)])


@lru_cache(maxsize=256)
def harmonic(length: int, count: int) -> Schedule:
    """θ_p = (π/2) / (length (p + 1)): the schedule c of LRPE."""
    return _rational([Fraction(1, 4 * length * (p + 1)) for p in range(count)])


def stored(theta: Iterable[float]) -> Schedule:
    """Learned angles, exactly as stored: a float is a dyadic number."""
    with localcontext(prec=DIGITS):
        return from_decimals([Decimal(float(angle)) for angle in theta])


@lru_cache(maxsize=64)
def decays(gamma: float, dim: int, count: int) -> tuple[float, ...]:
    """ln ζ_p of xPos, ζ_p = (2p/dim + gamma)/(1 + gamma), each correctly rounded but for one unit."""
    with localcontext(prec=DIGITS):
        offset = Decimal(gamma)
        return tuple(float(((Decimal(2 * p) / dim + offset) / (1 + offset)).ln()) for p in range(count))


def rope_schedule(dim: int, base: float, rotary_dim: int | None, axes: int, where: str = "rope") -> Schedule:
    """base^(-2p · axes / rotary_dim) for one section; without rotary_dim it is dim, and as many pairs as fit."""
    positive(where, "base", base)
    if axes < 1:
        raise ValueError(f"{where}: axes must be at least 1, got {axes}")
    if rotary_dim is not None:
        if rotary_dim % 2 or rotary_dim < 0:
            raise ValueError(f"{where}: rotary_dim must be even, got {rotary_dim}")
        if rotary_dim % (2 * axes):
            raise ValueError(f"{where}: rotary_dim must be a multiple of {2 * axes} for {axes} axes, got {rotary_dim}")
        if rotary_dim > dim:
            raise ValueError(f"{where}: rotary_dim must be at most dim = {dim}, got {rotary_dim}")
    width = dim if rotary_dim is None else rotary_dim
    return geometric(base, Fraction(2 * axes, max(width, 1)), width // (2 * axes))


def lrpe_schedule(dim: int, core: str, theta: str, base: float, length: int | None, axes: int) -> Schedule:
    """The angles a, b or c of one section of LRPE: one for each coordinate (unitary) or each pair (orthogonal)."""
    positive("lrpe", "base", base)
    width = 1 if core == "unitary" else 2
    count = dim // (width * axes)
    covered = Fraction(max(dim, 1), axes) if width == 1 else Fraction(max(2 * count, 1))
    if theta == "a":
        return geometric(base, 2 / covered, count)
    if theta not in ("b", "c"):
        raise ValueError(f"lrpe: theta must be a, b, c or an array, got {theta}")
    if length is None or length < 1:
        raise ValueError(f"lrpe: theta={theta} needs a positive length, got {length}")
    return linear(length * covered / width, count) if theta == "b" else harmonic(length, count)


def cycles(where: str, permutation: Sequence[int], dim: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """order, start, index, size with π^s(j) = order[start[j] + (index[j] + s) mod size[j]] for any integer s."""
    image = [int(j) for j in permutation]
    if sorted(image) != list(range(dim)):
        raise ValueError(f"{where}: permutation must be one of 0 … {dim - 1}, got {image}")
    order: list[int] = []
    start, index, size = [0] * dim, [0] * dim, [0] * dim
    for first in range(dim):
        if size[first]:
            continue
        cycle = [first]
        while image[cycle[-1]] != first:
            cycle.append(image[cycle[-1]])
        for place, j in enumerate(cycle):
            start[j], index[j], size[j] = len(order), place, len(cycle)
        order += cycle
    return order, start, index, size


def positive(where: str, name: str, value: float) -> float:
    """`value` as it is, or a ValueError that names it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (isfinite(value) and value > 0):
        raise ValueError(f"{where}: {name} must be a positive number, got {value!r}")
    return value


def _rational(turns: list[Fraction]) -> Schedule:
    with localcontext(prec=DIGITS):
        return from_decimals([TWO_PI * turn.numerator / turn.denominator for turn in turns])


def from_decimals(angles: list[Decimal]) -> Schedule:
    """The schedule of angles in radians; the caller sets the precision of `decimal`."""
    scale = Decimal(1 << 96) / TWO_PI
    turns = [int((angle * scale).to_integral_value()) for angle in angles]
    return Schedule(
        tuple(_signed((turn + (1 << 31)) >> 32) for turn in turns),
        tuple(_signed(turn >> 32) for turn in turns),
        tuple(turn & 0xFFFFFFFF for turn in turns),
        tuple(float(angle) for angle in angles),
    )


def _signed(value: int) -> int:
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)
