"""The smallest witness against a tree: two values that Arb encloses apart, at small positions and simple numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from ..encoding import Encoding, EncodingError
from ..substitute import at
from .deadline import tick
from .trees import places, with_functions

_VALUES = tuple(Fraction(x) for x in ("1", "2", "1/2", "3", "0", "-1", "3/2"))
_SMALL = (0, 1, 2, 3, -1, -2)
_LARGEST = 10**6
_ROTATIONS = 4


@dataclass(frozen=True)
class Hit:
    """Two values apart: at positions (s, t) and moved by the shift, or at lag zero and the value wanted there."""

    point: Mapping[str, Fraction]
    functions: Mapping[str, str]
    values: tuple[str, str]


@dataclass(frozen=True)
class Search:
    """What a search found; `tried` points were enclosed, all with equal values unless there is a hit."""

    hit: Hit | None
    tried: int


def search(record: Encoding, e: sp.Expr, names: Mapping[sp.Symbol, str], given: Any = None) -> Search:
    """Looks for s, t and a shift with different values of e, within the condition `given`, by Arb at 128 bits."""
    sides = places(record)
    coordinates = [x for side in sides for x in side]
    tried = 0
    for free in free_functions(e):
        concrete = with_functions(e, free)
        for values in parameters(concrete, coordinates, record):
            evaluate = _evaluator(concrete, [*coordinates, *values], given)
            for spot, moved, shift in _moves(record, concrete):
                tick()
                a, b = (evaluate([*x, *values.values()]) for x in (spot, moved))
                if a is None or b is None:
                    continue
                tried += 1
                if not a.overlaps(b):
                    point = {f"c{j}": c for j, c in enumerate(shift)} | {names[s]: v for s, v in values.items()}
                    letters = [f"{v}{j}" for v in "st" for j in range(record.axes)]
                    point |= dict(zip(letters, spot, strict=True))
                    used = {n: v for n, v in point.items() if not (n[0] == "t" and n[1:].isdigit()) or len(spot) > 1}
                    return Search(Hit(used, free, (_shown(a), _shown(b))), tried)
    return Search(None, tried)


def value_at(e: sp.Expr, values: Mapping[sp.Symbol, Fraction]) -> Any:
    """A ball of e at 128 bits, or None where there is none (a pole, an undecided comparison, an unknown function)."""
    from ..balls import evaluate

    try:
        if e.has(sp.Piecewise):
            e, values = at(e, values), {}
        found = evaluate(e, values)
    except (EncodingError, ArithmeticError, TypeError, ValueError, AttributeError):
        return None
    return found if bool(getattr(found, "is_finite", lambda: False)()) else None


def _evaluator(e: sp.Expr, symbols: list[sp.Symbol], given: Any) -> Any:
    def at(numbers: list[Fraction]) -> Any:
        values = dict(zip(symbols, numbers, strict=True))
        if given is not None and not _true(given, values):
            return None
        return value_at(e, values)

    return at


def _true(condition: Any, values: Mapping[sp.Symbol, Fraction]) -> bool:
    return bool(at(condition, values) == sp.true)


def _shown(ball: Any) -> str:
    return str(ball.str(12, radius=False))


def free_functions(e: sp.Expr) -> Iterator[dict[str, str]]:
    calls = e.atoms(AppliedUndef) | e.atoms(sp.Indexed)
    names = sorted({str(x.base) if isinstance(x, sp.Indexed) else type(x).__name__ for x in calls})
    yield dict.fromkeys(names, "squares")
    if names and not any(x.is_positive for x in calls):
        yield dict.fromkeys(names, "sum")


def parameters(e: sp.Expr, coordinates: list[Any], record: Encoding) -> Iterator[dict[sp.Symbol, Fraction]]:
    """Values of the other symbols: all ones, then rotated lists, so that they get different values."""
    free = sorted(e.free_symbols - set(coordinates), key=str)
    allowed = [[v for v in _VALUES if _fits(s, v)] for s in free]
    for shift in range((_ROTATIONS if free else 1) if all(allowed) else 0):
        values = {s: a[(i * (shift > 0) + shift) % len(a)] for i, (s, a) in enumerate(zip(free, allowed, strict=True))}
        if all(_is_zero(r, values) for r in record.relations):
            yield values


def _is_zero(relation: Any, values: Mapping[sp.Symbol, Fraction]) -> bool:
    exact = {s: sp.Rational(v.numerator, v.denominator) for s, v in values.items()}
    return bool(sp.expand(sp.sympify(relation).xreplace(exact)) == 0)


def _fits(symbol: sp.Symbol, value: Fraction) -> bool:
    from .witness import fits

    return fits(symbol, value)


def _size(move: Any) -> Any:
    spot, _, shift = move
    broken = sum(Fraction(v).denominator > 1 for v in (*spot, *shift))
    return broken, sum(map(abs, spot)) + sum(shift), sum(v < 0 for v in spot), move


def _moves(
    record: Encoding, e: sp.Expr
) -> list[tuple[tuple[Fraction, ...], tuple[Fraction, ...], tuple[Fraction, ...]]]:
    """(places, moved places, shift), smallest first; numbers in the expression stand for where it changes."""
    marks = {int(x) for x in e.atoms(sp.Integer) if 3 < abs(int(x)) < _LARGEST}
    places_ = (*_SMALL, *sorted({m + i for m in map(abs, marks) for i in (-1, 0, 1)})[:12])
    found: list[Any] = []
    if record.axes == 1:
        between = (Fraction(1, 2),) if record.domain == "real" else ()
        spots = (*places_, *between)
        for s, t, c in product(spots, spots, [x for x in spots if x > 0]):
            found.append(((s, t), (s + c, t + c), (c,)))
    else:
        for spot in product((0, 1, 2), repeat=2 * record.axes):
            for j in range(record.axes):
                shift = tuple(int(i == j) for i in range(record.axes))
                found.append((spot, tuple(x + c for x, c in zip(spot, shift * 2, strict=True)), shift))
    found.sort(key=_size)
    exact = [tuple(tuple(Fraction(v) for v in part) for part in x) for x in found[:3000]]
    return [(a, b, c) for a, b, c in exact]
