"""Certified numeric evidence about matrices: Arb's enclosures of a defect at small positions and simple numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

import sympy as sp

from ..encoding import Encoding
from .deadline import tick
from .tree_witness import parameters, value_at

_POINTS = 60


@dataclass(frozen=True)
class Evidence:
    """How many points were enclosed, and the first witness with a defect that excludes zero (None: all hold zero)."""

    points: int
    witness: Mapping[str, Any] | None = None

    @property
    def text(self) -> str | None:
        """One line, labelled as what it is."""
        if self.witness is not None:
            where = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in self.witness.items() if v not in ({}, []))
            return f"certified numeric evidence against: {where}"
        return f"certified numeric evidence for: no defect at {self.points} points" if self.points else None


def evidence(record: Encoding, name: str) -> Evidence:
    """Looks for a certified nonzero entry of the defect of lag invariance, isometry or the identity at zero."""
    if name not in ("lag-invariant", "unitary", "identity-at-zero") or not isinstance(record.query, sp.MatrixBase):
        return Evidence(0)
    entries = sp.Tuple(*record.query, *record.key)
    count = 0
    for values in parameters(entries, list(record.coordinates), record):
        for s, t, c in _places(record, name):
            tick()
            defect = _defect(record, name, values, s, t, c)
            if defect is None:
                continue
            count += 1
            for i, row in enumerate(defect):
                for j, x in enumerate(row):
                    if not x.contains(0):
                        return Evidence(count, _witness(record, values, (s, t, c), [i, j], x, name))
            if count >= _POINTS:
                return Evidence(count)
    return Evidence(count)


def _places(record: Encoding, name: str) -> Iterator[tuple[tuple[int, ...], ...]]:
    zero = (0,) * record.axes
    units = [tuple(int(i == j) for i in range(record.axes)) for j in range(record.axes)]
    spots = sorted(product(range(4), repeat=record.axes), key=lambda x: (sum(x), x))
    if name != "lag-invariant":
        yield from ((s, s, zero) for s in (spots if name == "unitary" else [zero]))
        return
    pairs = sorted(product(spots[:10], repeat=2), key=lambda x: sum(x[0]) + sum(x[1]))
    yield from ((s, t, c) for s, t in pairs for c in units)


def _defect(record: Encoding, name: str, values: Mapping[Any, Fraction], s: Any, t: Any, c: Any) -> Any:
    def at(M: Any, place: Any) -> Any:
        spot = {**values, **{x: Fraction(v) for x, v in zip(record.coordinates, place, strict=True)}}
        return [[value_at(M[i, j], spot) for j in range(M.shape[1])] for i in range(M.shape[0])]

    if name == "lag-invariant":
        moved = [tuple(a + b for a, b in zip(x, c, strict=True)) for x in (s, t)]
        up = _product(at(record.query, moved[0]), at(record.key, moved[1]))
        return _minus(up, _product(at(record.query, s), at(record.key, t)))
    if name == "identity-at-zero":
        return _minus_identity(_product(at(record.query, s), at(record.key, s)))
    grams = [_minus_identity(_product(at(M, s), at(M, s))) for M in (record.query, record.key)]
    return None if None in grams else [row for gram in grams for row in gram]


def _minus_identity(M: Any) -> Any:
    return None if M is None else _minus(M, [[int(i == j) for j in range(len(row))] for i, row in enumerate(M)])


def _product(A: Any, B: Any) -> Any:
    from flint import acb, ctx

    if any(x is None for M in (A, B) for row in M for x in row):
        return None
    with ctx.workprec(128):
        return [
            [sum((acb(A[r][i]).conjugate() * acb(B[r][j]) for r in range(len(A))), acb(0)) for j in range(len(B[0]))]
            for i in range(len(A[0]))
        ]


def _minus(A: Any, B: Any) -> Any:
    if A is None or B is None:
        return None
    return [[x - y for x, y in zip(a, b, strict=True)] for a, b in zip(A, B, strict=True)]


def _witness(record: Encoding, values: Mapping[Any, Any], places: Any, entry: list[int], defect: Any, name: str) -> Any:
    said: dict[str, Any] = {}
    for word, place in zip(("query_position", "key_position", "shift"), places, strict=True):
        if name == "lag-invariant" or (name == "unitary" and word == "query_position"):
            said[word] = str(place[0]) if record.axes == 1 else [str(x) for x in place]
    size = f"{float(defect.real.mid()):.6g}" if defect.imag.contains(0) else f"{complex(defect.mid()):.6g}"
    return said | {"entry": entry, "defect": size, "parameters": {str(s): str(v) for s, v in values.items()}}
