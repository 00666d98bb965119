"""Decides the properties of a record: a zero normal form proves, a certified nonzero refutes, the rest is undecided."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from ..canonical import expression
from ..encoding import Encoding, EncodingError, PermutationPower
from ..recheck import Definition, defects, faithful_rank, is_scalar, names_in, under
from ..wellformed import expressions
from . import bridge, certificate, generators
from .deadline import within
from .definition import Stored, store, write_terms
from .numeric import Evidence, evidence
from .translate import OutsideClassError, Translator
from .verdicts import Proposition, Verdict, in_time
from .witness import search

BILINEAR = ("lag-invariant", "unitary", "identity-at-zero", "group-law", "faithful")


def propositions(record: Encoding) -> dict[str, Proposition]:
    """Every property of the record by name, in a fixed order."""
    if record.kind != "bilinear":
        from .kernels import propositions as of_kernels

        return of_kernels(record)
    if isinstance(record.query, PermutationPower):
        return _permutation(record)
    return within(lambda: _bilinear(record), lambda why: {name: _undecided(name, why) for name in BILINEAR})


def _bilinear(record: Encoding) -> dict[str, Proposition]:
    try:
        stored, _ = store(record)
    except OutsideClassError as error:
        reason = str(error)
        return {name: in_time(name, partial(_outside, record, name, reason)) for name in BILINEAR}
    bridge.check(record, stored)
    if record.generators is not None:
        return generators.propositions(record, stored)
    found = {name: in_time(name, partial(_decide, record, stored, name)) for name in BILINEAR[:4]}
    found["faithful"] = in_time("faithful", lambda: _faithful(record, stored, found["unitary"].verdict))
    relative = found["lag-invariant"].verdict
    if relative is not Verdict.PROVED:
        for name in ("group-law", "faithful"):
            found[name] = Proposition(name, Verdict.NOT_APPLICABLE, reason="there is no W of the lag alone")
            if relative is Verdict.UNDECIDED:
                found[name] = _undecided(name, "lag invariance is undecided")
    more = lambda: _gain(record, stored, found) | _under_a_condition(record, stored, found["lag-invariant"])  # noqa: E731
    return found | within(more, lambda _: {})


def decide_one(record: Encoding, name: str) -> Proposition:
    """One property of a bilinear record by name."""
    try:
        stored, _ = store(record)
    except OutsideClassError as error:
        return _outside(record, name, str(error))
    return _decide(record, stored, name)


def _under_a_condition(record: Encoding, stored: Stored, outright: Proposition) -> dict[str, Proposition]:
    """The claim {"when": equations}: decided again with the equations as relations."""
    name, claimed = "lag-invariant-when", record.claims.get("lag-invariant")
    if not isinstance(claimed, Mapping) or outright.verdict is Verdict.PROVED:
        return {}
    parts = [sp.sympify(x) for x in sp.And.make_args(sp.sympify(claimed["when"]))]
    if not all(isinstance(x, sp.Eq) for x in parts):
        return {name: _undecided(name, f"matrices are decided under equations only, got {claimed['when']}")}
    sides = [(x.lhs, x.rhs) if x.lhs.is_Symbol else (x.rhs, x.lhs) for x in parts]
    values = {symbol: value for symbol, value in sides if symbol.is_Symbol}
    words = f"{quantifiers(record)}, where {claimed['when']}"
    if len(values) == len(parts) and _holds(record, values, "lag-invariant"):
        proved = _proved(record, store(record, values)[0], "lag-invariant")
        return {name: replace(proved, name=name, quantifiers=words)}
    try:
        together = replace(record, relations=(*record.relations, *(x.lhs - x.rhs for x in parts)), claims={})
        conditions = store(together)[0]["relations"][len(record.relations) : len(record.relations) + len(parts)]
    except OutsideClassError as error:
        return {name: _undecided(name, str(error))}
    extra = {"when": conditions}
    d = Definition(stored)
    d.ring = under(d, conditions)
    if all(d.ring.is_zero(t) for t in defects(d, "lag-invariant")):
        method = {"method": "normal-form"}
        made = certificate.make(record.name, stored, "lag-invariant", True, words, method, extra)
        return {name: Proposition(name, Verdict.PROVED, words, certificate=made)}
    return {name: _when_refuted(record, together, name, claimed["when"])}


def _when_refuted(record: Encoding, together: Encoding, name: str, condition: Any) -> Proposition:
    """A witness that satisfies the condition: it is one against the record with the condition as a relation."""
    found = _decide(together, store(together)[0], "lag-invariant")
    reason = found.reason or f"not even where {condition}"
    return replace(found, name=name, reason=reason)


def _decide(record: Encoding, stored: Stored, name: str) -> Proposition:
    reason = _not_applicable(stored, name)
    if reason:
        return Proposition(name, Verdict.NOT_APPLICABLE, reason=reason)
    if _vanishes(Definition(stored), name):
        return _proved(record, stored, name)
    for values in _instances(record):
        try:
            instance, translator = store(record, values)
        except OutsideClassError as error:
            return _undecided(name, str(error))
        d = Definition(instance)
        if values and _vanishes(d, name):
            return _proved(record, instance, name)
        point = search(d, [{} if d.ring.is_zero(t) else t for t in defects(d, name)], _by_name(translator))
        if point is not None:
            return _refuted(record, instance, name, values, *point)
    return _by_arb(record, name)


def _by_name(translator: Translator | None) -> dict[str, Any]:
    return {} if translator is None else {name: symbol for symbol, name in translator.names.items()}


def _by_arb(record: Encoding, name: str) -> Proposition:
    """A witness enclosed by Arb, where functions of symbols have no rational value to put into a certificate."""
    found = evidence(record, name) if record.noise is None else Evidence(0)
    if found.witness is not None:
        return Proposition(name, Verdict.REFUTED, "at one point, enclosed by Arb", witness=found.witness)
    reason = "no normal form is zero and no certain witness was found"
    return Proposition(name, Verdict.UNDECIDED, reason=reason, detail=found.text)


def _not_applicable(stored: Stored, name: str) -> str:
    rows, columns, other = len(stored["query"]), len(stored["query"][0]), len(stored["key"][0])
    if name in ("identity-at-zero", "group-law", "faithful") and columns != other:
        return f"query and key take different widths ({columns} and {other})"
    if name == "unitary" and rows < columns - 1:
        return f"a {rows} x {columns} map cannot be an isometry"
    return ""


def _vanishes(d: Definition, name: str, detail: Mapping[str, Any] | None = None) -> bool:
    return all(d.ring.is_zero(t) for t in defects(d, name, detail))


def _instances(record: Encoding) -> Iterator[dict[sp.Symbol, Any]]:
    """Values under which a failed identity is decided again: none, the record's own schedule, small dims of it."""
    yield {}
    own = {s: sp.sympify(v) for s, v in record.parameters.items() if isinstance(v, (int, float, sp.Basic))}
    if not own:
        return
    resolved = dict(own)
    for _ in own:
        resolved = {s: sp.sympify(v).xreplace(own) for s, v in resolved.items()}
    free = set().union(*(sp.sympify(v).free_symbols for v in resolved.values()))
    small = {"dim": 4, "pair": 0, "head": 0, "length": 8}
    numbers = {s: sp.Integer(small[s.name]) for s in free if s.name in small}
    yield {s: sp.sympify(v).xreplace(numbers) for s, v in resolved.items()} | numbers


def _proved(record: Encoding, stored: Stored, name: str, extra: Mapping[str, Any] | None = None) -> Proposition:
    words = quantifiers(record)
    if name == "faithful":
        words = words.replace("every real ", "almost every real ").replace("every positive ", "almost every positive ")
        words = words.replace("all real positions", "all whole positions")
    if name == "gain":
        words = words.replace("other coordinates untouched", "no coordinate beside them")
    made = certificate.make(record.name, stored, name, True, words, {"method": "normal-form"}, extra)
    return Proposition(name, Verdict.PROVED, words, certificate=made)


def _refuted(
    record: Encoding, stored: Stored, name: str, values: Mapping[Any, Any], point: dict[str, Fraction], entry: int
) -> Proposition:
    given = {str(s): str(v) for s, v in values.items()}
    words = "at one point" + (f", {', '.join(f'{k} = {v}' for k, v in given.items())}" if given else "")
    witness = {n: str(v) for n, v in point.items()}
    full = witness | {n + "*": v for n, v in witness.items() if n[0] == "?"}
    made = certificate.make(record.name, stored, name, False, words, {"method": "witness", "point": full})
    shown = certificate.explain(Definition(stored), name, point, entry) | {"parameters": given | _free(witness)}
    return Proposition(
        name, Verdict.REFUTED, words, witness=shown, holds_when=_holds_when(record, name), certificate=made
    )


def _free(witness: Mapping[str, str]) -> dict[str, str]:
    return {n.strip("?"): v for n, v in witness.items() if not (n[0] in "stc" and n[1:].isdigit())}


def _holds_when(record: Encoding, name: str) -> str | None:
    """A simple condition on the symbols under which the identity does hold, proved before it is said."""
    symbols = free_symbols(record)
    for i, s in enumerate(symbols):
        conditions = [(s, sp.Integer(1)), (s, sp.Integer(0)), (s, sp.Integer(-1))]
        conditions += [(s, sign * o) for o in symbols[i + 1 :] for sign in (1, -1)]
        for symbol, value in conditions:
            if symbol.is_positive and (value.is_nonpositive or value.could_extract_minus_sign()):
                continue
            if _holds(record, {symbol: value}, name):
                return f"{symbol} = {value}"
    return None


def _holds(record: Encoding, values: Mapping[sp.Symbol, Any], name: str) -> bool:
    try:
        stored, _ = store(record, values)
    except (OutsideClassError, EncodingError):
        return False
    return _vanishes(Definition(stored), name)


def free_symbols(record: Encoding) -> list[sp.Symbol]:
    """The symbols that a claim about the record quantifies over, by name."""
    found: set[sp.Symbol] = set().union(*(m.free_symbols for m in expressions(record)))
    return sorted(found - set(record.coordinates), key=str)


def _gain(record: Encoding, stored: Stored, found: Mapping[str, Proposition]) -> dict[str, Proposition]:
    """A^H A = B^H B = g² I with one g for every position: the gain, where the map is not unitary."""
    claimed = record.claims.get("unitary")
    if found["unitary"].verdict is Verdict.PROVED:
        return {}
    d = Definition(stored)
    square = d.gram("query")[0][0]
    if isinstance(claimed, Mapping):
        g = sp.sympify(claimed["gain"])
        try:
            squared, translator = store(replace(record, query=sp.Matrix([[g * sp.conjugate(g)]]), key=None, claims={}))
        except OutsideClassError as error:
            return {"gain": _undecided("gain", str(error))}
        square = Definition(squared).A[0][0]
    elif any(n[0] in "stc" and n[1:].isdigit() for n in names_in(square)):
        return {}
    detail = {"gain_squared": write_terms(square)}
    if not _vanishes(d, "gain", detail):
        if isinstance(claimed, Mapping):
            return {"gain": _gain_refuted(record, d, square, translator, claimed["gain"])}
        return {}
    proved = _proved(record, stored, "gain", detail)
    return {"gain": replace(proved, detail=str(sp.sqrt(expression(square, record))))}


def _gain_refuted(
    record: Encoding, d: Definition, square: Any, translator: Translator | None, gain: Any
) -> Proposition:
    """Refuted where an entry of A^H A - g² I or B^H B - g² I is certainly not zero."""
    reason, minus = f"A^H A is not ({gain})² I", Fraction(-1)
    left = [
        d.ring.add(x, d.ring.scale(minus, square)) if i == j else x
        for side in ("query", "key")
        for i, row in enumerate(d.gram(side))
        for j, x in enumerate(row)
    ]
    symbols = _by_name(store(record)[1]) | _by_name(translator)
    hit = search(d, [{} if d.ring.is_zero(x) else x for x in left], symbols)
    if hit is None:
        return _undecided("gain", f"neither is A^H A = ({gain})² I in normal form nor is it certainly different")
    shown = {n.strip("?"): str(v) for n, v in hit[0].items()}
    return Proposition("gain", Verdict.REFUTED, "at one point", reason=reason, witness={"parameters": shown})


def _faithful(record: Encoding, stored: Stored, found_unitary: Verdict) -> Proposition:
    d = Definition(stored)
    if faithful_rank(d) == d.axes:
        return _proved(record, stored, "faithful")
    W = d.lag_kernel("t")
    for lag in _lags(d.axes):
        values = {f"t{j}": ((((), Fraction(x)),) if x else ()) for j, x in enumerate(lag)}
        if is_scalar(d.ring, d.at(W, values), d.ring.term(Fraction(1))):
            point = {f"t{j}": str(x) for j, x in enumerate(lag)}
            words = "one lag other than zero"
            made = certificate.make(
                record.name, stored, "faithful", False, words, {"method": "witness", "point": point}
            )
            return Proposition("faithful", Verdict.REFUTED, words, witness={"lag": list(lag)}, certificate=made)
    if found_unitary is not Verdict.PROVED:
        return Proposition("faithful", Verdict.NOT_APPLICABLE, reason="decided for unitary encodings only")
    return _undecided("faithful", "neither do the phases separate all lags nor does a small lag act as the identity")


def _lags(axes: int) -> list[tuple[int, ...]]:
    if axes == 1:
        return [(x,) for x in range(1, 65)]
    from itertools import product

    return sorted(
        (x for x in product(range(-3, 4), repeat=axes) if any(x)), key=lambda x: (sum(map(abs, x)), [-v for v in x])
    )


def _permutation(record: Encoding) -> dict[str, Proposition]:
    stored, _ = store(record)
    words = quantifiers(record)
    found = {
        name: Proposition(
            name,
            Verdict.PROVED,
            words,
            certificate=certificate.make(record.name, stored, name, True, words, {"method": "normal-form"}),
        )
        for name in BILINEAR[:4]
    }
    reason = "periodic with the order of π; a lag of that order acts as the identity"
    return found | {"faithful": Proposition("faithful", Verdict.NOT_APPLICABLE, reason=reason)}


def quantifiers(record: Encoding, averaged: Collection[sp.Symbol] = ()) -> str:
    """For whom the identity holds: sizes, symbols (those that are averaged over left out), positions."""
    if record.query is None and record.generators is None:
        from .kernels import quantifiers as of_kernel

        return of_kernel(record)
    if isinstance(record.query, PermutationPower):
        size = "every d and every permutation" if record.query.images is None else f"d = {len(record.query.images)}"
        basis = {"identity": "", "householder": ", every v ≠ 0"}.get(record.basis, f", P = {record.basis} at every d")
        return f"{size}{basis}, all whole positions s, t"
    symbols = [s for s in free_symbols(record) if s not in averaged]
    many = f"every number of {record.block}-wide blocks, other coordinates untouched"
    blocks = many if record.parameters else f"one block of {record.block}"
    basis = {"identity": "", "householder": "P = I - 2vv^T/v·v for every v ≠ 0"}.get(
        record.basis, f"P = {record.basis} at every d"
    )
    places = ("all whole" if record.domain == "integer" else "all real") + (
        " positions s, t" if record.axes == 1 else f" positions in {record.axes} axes"
    )
    where = f"where {' and '.join(f'{r} = 0' for r in record.relations)}" if record.relations else ""
    return "; ".join(filter(None, (blocks, basis, ", ".join(map(_assumed, symbols)), places, where)))


def _assumed(symbol: sp.Symbol) -> str:
    if symbol.is_integer:
        return f"every whole {symbol}" + (" > 0" if symbol.is_positive else "")
    kind = "positive" if symbol.is_positive else "real" if symbol.is_real else "complex"
    return f"every {kind} {symbol}"


def _outside(record: Encoding, name: str, reason: str) -> Proposition:
    """Undecided, with the part that is outside the class and what numbers say."""
    detail = None if record.generators is not None else evidence(record, name).text
    return Proposition(name, Verdict.UNDECIDED, reason=reason, detail=detail)


def _undecided(name: str, reason: str) -> Proposition:
    return Proposition(name, Verdict.UNDECIDED, reason=reason)
