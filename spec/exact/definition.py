"""A bilinear record as the stored definition that certificates hold: matrices of terms, relations, basis, domain."""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..encoding import Encoding, PermutationPower
from ..recheck import Matrix, Mono, Poly, Terms
from .translate import OutsideClassError, Translator

Stored = dict[str, Any]


def store(record: Encoding, values: Mapping[sp.Symbol, Any] | None = None) -> tuple[Stored, Translator | None]:
    """The definition of a bilinear record, its symbols replaced by `values` first. Raises OutsideClassError.

    With it comes the translator that knows the names; None for a permutation power, which its own lemma covers.
    """
    if isinstance(record.query, PermutationPower):
        images = record.query.images
        return {"permutation": "every" if images is None else list(images), "basis": record.basis}, None
    forms = record.generators or (record.query, record.key)
    sides = [matrix.xreplace(dict(values or {})) for matrix in forms]
    relations = [sp.sympify(r).xreplace(dict(values or {})) for r in record.relations]
    symbols = set().union(*(x.free_symbols for x in (*sides, *relations))) - set(record.coordinates)
    noise = frozenset(sp.Tuple(record.noise).free_symbols) if isinstance(record.noise, sp.Basic) else _symbols(record)
    translator = Translator(frozenset(record.coordinates), record.domain == "integer", symbols, noise)
    letters = "st" if record.generators is None else "s" * len(sides)
    stored = [
        _write_matrix(translator.matrix(side, {x: f"{v}{j}" for j, x in enumerate(record.coordinates)}))
        for v, side in zip(letters, sides, strict=True)
    ]
    polynomials = [translator.relation(r) for r in relations] + translator.relations
    if any(p and not any(mono for mono, _ in p) for p in polynomials):
        raise OutsideClassError("the relations contradict each other: nothing satisfies them")
    return {
        "axes": record.axes,
        "domain": record.domain,
        "integers": sorted(translator.names[s] for s in symbols if s.is_integer),
        "positive": sorted(
            [translator.names[s] for s in symbols if s.is_positive]
            + [name for name, e in translator.atoms.items() if e.is_positive]
        ),
        "relations": [write_poly(p) for p in polynomials],
        "basis": record.basis,
        **({"query": stored[0], "key": stored[1]} if record.generators is None else _only_generators(stored)),
    }, translator


def _symbols(record: Encoding) -> frozenset[Any]:
    given = record.noise if isinstance(record.noise, (tuple, list)) else [record.noise]
    return frozenset(z for z in given if isinstance(z, sp.Symbol))


def _only_generators(stored: list[Any]) -> Stored:
    return {"generators": stored, "query": [], "key": []}


def _write_matrix(M: Matrix) -> list[list[Any]]:
    return [[write_terms(entry) for entry in row] for row in M]


def write_terms(terms: Terms) -> list[Stored]:
    """Terms as JSON values, in a fixed order."""
    out = []
    for (phase, growth, mono), c in sorted(terms.items()):
        item: Stored = {"c": str(c)}
        if phase:
            item["phase"] = write_poly(phase)
        if growth:
            item["growth"] = {b: write_poly(p) for b, p in growth}
        if mono:
            item["mono"] = _write_mono(mono)
        out.append(item)
    return out


def write_poly(poly: Poly) -> list[list[Any]]:
    """A polynomial as JSON values."""
    return [[str(c), _write_mono(m)] for m, c in poly]


def _write_mono(mono: Mono) -> dict[str, str]:
    return {n: str(p) for n, p in mono}
