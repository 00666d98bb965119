"""The bridge from SymPy to the stored terms: both are enclosed at random points, and the enclosures must meet."""

from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

import sympy as sp

from ..encoding import Encoding, EncodingError
from ..recheck import Definition, Matrix, RejectedError, Terms, digest, enclose
from .definition import store

POINTS = 2
_COMPARED: dict[Any, int] = {}  # equal matrices with equal terms need no second look in one process


class BridgeError(AssertionError):
    """A stored entry is not the record's entry: a fault of this program, never of the record."""


def check(record: Encoding, stored: Mapping[str, Any]) -> int:
    """The number of (entry, point) pairs compared. Raises BridgeError where an entry and its terms are apart."""
    forms = record.generators or (record.query, record.key)
    made = (digest(stored), forms, record.domain)
    if made in _COMPARED:
        return _COMPARED[made]
    d, translator = Definition(stored), store(record)[1]
    written = {} if translator is None else translator.names
    sides: list[tuple[Any, Matrix, str]] = [(record.query, d.A, "s"), (record.key, d.B, "t")]
    if record.generators is not None:
        sides = [(g, m, "s") for g, m in zip(record.generators, d.generators, strict=True)]
    random = Random(record.name)
    each = (_compare(record, written, M, terms, letter, random) for M, terms, letter in sides for _ in range(POINTS))
    _COMPARED[made] = sum(each)
    return _COMPARED[made]


def _compare(record: Encoding, written: Mapping[Any, str], M: Any, terms: Matrix, letter: str, random: Random) -> int:
    count = 0
    point = {s: _draw(s, record, random) for s in sorted(M.free_symbols | set(record.coordinates), key=str)}
    names = {x: f"{letter}{j}" for j, x in enumerate(record.coordinates)}
    named = {names.get(s) or written.get(s, s.name): v for s, v in point.items()}
    named |= {f"{n}*": v for n, v in named.items() if n[0] == "?"}
    for i, row in enumerate(terms):
        for j, entry in enumerate(row):
            count += _meets(M[i, j], entry, point, named, f"{record.name}: entry [{i}, {j}]")
    return count


def _meets(e: Any, entry: Terms, point: Mapping[sp.Symbol, Fraction], named: Mapping[str, Fraction], what: str) -> int:
    from flint import acb, arb, ctx

    from ..balls import evaluate

    try:
        re, im = enclose(entry, named)
    except RejectedError:  # an atom or an irrational exponent has no value at a rational point
        return 0
    with ctx.workprec(128):
        ours = acb(*(_ball(lo, hi) for lo, hi in (re, im)))
        try:
            theirs = acb(evaluate(sp.sympify(e), {s: v for s, v in point.items() if s in e.free_symbols}))
        except EncodingError:  # a function that Arb has no name for, such as a conjugate
            return 0
        apart = abs(ours - theirs) > arb("1e-25") * (1 + abs(theirs))
    if apart:
        raise BridgeError(f"{what}: stored terms give {ours}, the record gives {theirs}")
    return 1


def _ball(lo: Fraction, hi: Fraction) -> Any:
    """The interval as a ball of Arb, its width included."""
    from flint import arb

    a, b = (arb(x.numerator) / x.denominator for x in (lo, hi))
    return a.union(b)


def _draw(symbol: sp.Symbol, record: Encoding, random: Random) -> Fraction:
    whole = symbol.is_integer or (symbol in record.coordinates and record.domain == "integer")
    return Fraction(random.randint(1, 9), 1 if whole else random.randint(2, 7))
