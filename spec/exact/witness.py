"""The smallest witness: a rational point of the domain where a defect is certainly not zero."""

import cmath
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..recheck import Definition, Key, Poly, RejectedError, Terms, _is_reciprocal, enclose, poly_value
from .deadline import tick

Point = dict[str, Fraction]

_POSITIONS = tuple(map(Fraction, (0, 1, 2, 3, -1, 5)))
_BETWEEN = (Fraction(1, 2), Fraction(1, 3))  # on real positions, after the whole ones
_VALUES = tuple(Fraction(x) for x in ("1", "2", "1/2", "3", "3/5", "4/5", "0", "-1", "7/10", "-1/2"))
_TRIES = 2000


def fits(symbol: Any, value: Fraction) -> bool:
    """Whether a symbol's assumptions allow the value: all that SymPy knows of a number, not its sign alone."""
    number = sp.Rational(value.numerator, value.denominator)
    return all(getattr(number, f"is_{name}", None) == wanted for name, wanted in symbol.assumptions0.items())


def search(d: Definition, defects: list[Terms], symbols: Mapping[str, Any] | None = None) -> tuple[Point, int] | None:
    """A point, of values that `symbols` can have, and which defect excludes zero there; None without one."""
    names = sorted(_names(defects, d))
    if any(n.lstrip("?")[0] == "(" and not _is_reciprocal(d, n) for n in names):
        return None  # the value of a function of symbols is not ours to choose
    for tries, point in enumerate(_points(names, d, symbols or {})):
        tick()
        if tries > _TRIES:
            return None
        for i, terms in enumerate(defects):
            if terms and _looks_nonzero(terms, point) and _excludes(terms, point):
                return {n: v for n, v in point.items() if not n.endswith("*")}, i
    return None


def _looks_nonzero(terms: Terms, point: Mapping[str, Fraction]) -> bool:
    """A float's opinion, so that intervals are computed only where there is something to certify."""
    try:
        values = {n: float(v) for n, v in point.items()} | {"pi": math.pi, "e": math.e}
        parts = [_float_term(key, float(c), values) for key, c in terms.items()]
    except (OverflowError, ZeroDivisionError, ValueError, KeyError):
        return False
    return abs(sum(parts)) > 1e-9 * sum(map(abs, parts))


def _float_term(key: Key, c: float, values: Mapping[str, float]) -> complex:
    phase, growth, mono = key
    for name, power in mono:
        c *= _float(name, values) ** float(power)
    for base, poly in growth:
        c *= _float(base, values) ** _float_poly(poly, values)
    return c * cmath.exp(1j * _float_poly(phase, values))


def _float_poly(poly: Poly, values: Mapping[str, float]) -> float:
    return math.fsum(float(c) * math.prod(_float(n, values) ** float(p) for n, p in mono) for mono, c in poly)


def _float(name: str, values: Mapping[str, float]) -> float:
    return float(name[1:]) if name[0] == "#" else values[name]


def _excludes(terms: Terms, point: Mapping[str, Fraction]) -> bool:
    try:
        return any(lo > 0 or hi < 0 for lo, hi in enclose(terms, point))
    except RejectedError:
        return False


def _names(defects: list[Terms], d: Definition) -> set[str]:
    found: set[str] = set()
    polynomials = list(d.relations)
    for terms in defects:
        for phase, growth, mono in terms:
            found |= {n for n, _ in mono} | {b for b, _ in growth}
            polynomials += [phase, *(p for _, p in growth)]
    found |= {n for poly in polynomials for mono, _ in poly for n, _ in mono}
    return {n for n in found if n != "pi" and n != "e" and n[0] != "#"}


def _points(names: list[str], d: Definition, symbols: Mapping[str, Any]) -> Iterator[Point]:
    positions = [n for n in names if n[0] in "stc" and n[1:].isdigit()]
    others = [n for n in names if n not in positions and not n.endswith("*")]
    choices = _POSITIONS + (_BETWEEN if d.domain == "real" else ())
    for values in _parameters(others, d, symbols):
        base = dict(zip(others, values, strict=True))
        base |= {n + "*": v for n, v in base.items() if n[0] == "?"}
        if not _satisfied(d, base):
            continue
        for places in (
            sorted(product(choices, repeat=len(positions)), key=_size) if len(positions) < 5 else _few(len(positions))
        ):
            yield base | dict(zip(positions, places, strict=True))


def _size(places: tuple[Fraction, ...]) -> tuple[int, Fraction, int, tuple[Fraction, ...]]:
    broken = sum(x.denominator > 1 for x in places)
    return broken, sum(map(abs, places), Fraction(0)), sum(x < 0 for x in places), places


def _few(count: int) -> list[tuple[Fraction, ...]]:
    return [tuple(Fraction(1 if i == j else (i % 3) * k) for i in range(count)) for j in range(count) for k in range(3)]


def _parameters(others: list[str], d: Definition, symbols: Mapping[str, Any]) -> Iterator[tuple[Fraction, ...]]:
    """All ones first, then rotated lists so that different symbols get different values, then every combination."""
    allowed = [
        [
            v
            for v in _VALUES
            if not (n in d.positive and v <= 0)
            and not (n in d.whole and v.denominator != 1)
            and (n not in symbols or fits(symbols[n], v))
        ]
        for n in others
    ]
    if not all(allowed):
        return
    if not d.relations:
        for shift in range(4):
            yield tuple(a[(i * (shift > 0) + shift) % len(a)] for i, a in enumerate(allowed))
    if len(others) <= 4:
        yield from product(*allowed)


def _satisfied(d: Definition, point: Mapping[str, Fraction]) -> bool:
    try:
        return not any(any(poly_value(r, point)) for r in d.relations)
    except RejectedError:
        return False
