"""Decides a scalar kernel: a proof leaf by leaf, a refutation by a certified witness, else evidence only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import sympy as sp

from ..encoding import Encoding
from ..recheck import (
    Definition,
    RejectedError,
    Terms,
    Tree,
    at_zero,
    folded,
    hypotheses,
    read_tree,
    resolved,
    tree_defects,
)
from ..substitute import at
from . import certificate, tree_bridge
from .deadline import tick
from .definition import Stored
from .translate import OutsideClassError
from .tree_witness import Search, search, value_at
from .trees import TreeBuilder, places, store, with_functions
from .verdicts import Proposition, Verdict


@dataclass(frozen=True)
class Problem:
    """A scalar e of the positions that a record's lag invariance is about, for whom, and in which weaker sense."""

    record: Encoding
    e: sp.Expr
    quantifiers: str
    sense: str | None = None


def lag_invariance(problem: Problem, given: Any = None) -> Proposition:
    """Whether e is unchanged when every position moves alike, under the condition `given` where there is one."""
    name = "lag-invariant" if given is None else "lag-invariant-when"
    stored, builder, proof_of = None, None, None
    for atoms in (False, True):
        try:
            stored, builder = store(problem.record, problem.e, atoms=atoms)
            proof_of = _proof(problem, stored, builder, given)
        except (OutsideClassError, RejectedError) as error:
            return Proposition(name, Verdict.UNDECIDED, reason=str(error))
        if proof_of is not None:
            return replace(proof_of, name=name)
        if not atoms:
            plain = stored, builder
    return replace(_refutation(problem, *plain, given), name=name)


def _proof(problem: Problem, stored: Stored, builder: TreeBuilder, given: Any) -> Proposition | None:
    d = Definition(stored)
    assert d.tree is not None
    extra: dict[str, Any] = {} if problem.sense is None else {"sense": problem.sense}
    tree = d.tree
    if given is not None:
        extra["given"] = builder.build(given)
        tree = resolved(d, tree, hypotheses(d.ring, read_tree(d.ring, extra["given"])))
    if not all(d.ring.is_zero(x) for x in tree_defects(d, folded(d, tree))):
        return None
    tree_bridge.check(problem.record, problem.e, stored, builder)
    words = problem.quantifiers + (f", where {given}" if given is not None else "")
    made = certificate.make(problem.record.name, stored, "lag-invariant", True, words, {"method": "normal-form"}, extra)
    return Proposition("lag-invariant", Verdict.PROVED, words, detail=problem.sense, certificate=made)


def _refutation(problem: Problem, stored: Stored, builder: TreeBuilder, given: Any) -> Proposition:
    record = problem.record
    names = {s: builder.translator.names[s] for s in builder.symbols}
    found = search(record, problem.e, names, given)
    if found.hit is None:
        reason = "a leaf changes with the positions, and no witness was found"
        detail = f"certified numeric evidence: {found.tried} pairs of values agree to 128 bits" if found.tried else None
        return Proposition("lag-invariant", Verdict.UNDECIDED, reason=reason, detail=detail)
    point = {n: str(v) for n, v in found.hit.point.items()}
    proof = {"method": "witness", "point": point, "functions": dict(found.hit.functions)}
    extra: dict[str, Any] = {} if given is None else {"given": builder.build(given)}
    if problem.sense is not None:
        extra["sense"] = problem.sense
    made = _checked(certificate.make(record.name, stored, "lag-invariant", False, "at one point", proof, extra))
    words = "at one point" + ("" if made else ", enclosed by Arb")
    return Proposition(
        "lag-invariant",
        Verdict.REFUTED,
        words,
        witness=_shown(record, found),
        certificate=made,
        holds_when=None if given is not None else holds_when(problem),
    )


def _checked(made: dict[str, Any]) -> dict[str, Any] | None:
    """The certificate, where the standard library alone has intervals for every function in it."""
    from ..recheck import check

    try:
        check(made)
    except RejectedError:
        return None
    return made


def _shown(record: Encoding, found: Search) -> dict[str, Any]:
    assert found.hit is not None
    point = dict(found.hit.point)
    said: dict[str, Any] = {}
    for letter, word in (("s", "query_position"), ("t", "key_position"), ("c", "shift")):
        values = [str(point.pop(f"{letter}{j}")) for j in range(record.axes) if f"{letter}{j}" in point]
        said[word] = values[0] if record.axes == 1 else values
    said["values"] = list(found.hit.values)
    functions = {f"{n}(x, …)": "1 + x^2 + …" if k == "squares" else "x + …" for n, k in found.hit.functions.items()}
    return said | {"parameters": {n.strip("?"): str(v) for n, v in point.items()} | functions}


def holds_when(problem: Problem) -> str | None:
    """A simple condition under which a refuted invariance does hold, proved before it is said."""
    for condition in _conditions(problem):
        tick()
        try:
            stored, builder = store(problem.record, problem.e)
            if _proof(problem, stored, builder, condition) is not None:
                return str(condition)
        except (OutsideClassError, RejectedError):
            continue
    moving = {x for side in places(problem.record) for x in side}
    for symbol in sorted(problem.e.free_symbols - moving, key=str):
        if symbol.name.startswith("content "):
            continue
        for value in (0, 1):
            if symbol.is_positive and not value:
                continue
            try:
                stored, builder = store(problem.record, problem.e.subs(symbol, value))
                if _proof(problem, stored, builder, None) is not None:
                    return f"{symbol} = {value}"
            except (OutsideClassError, RejectedError):
                continue
    return None


def _conditions(problem: Problem) -> Iterator[Any]:
    """For each Max, Min, Abs and Piecewise of the positions: each way in which it can be decided."""
    moving = {x for side in places(problem.record) for x in side}
    for node in sorted(problem.e.atoms(sp.Max, sp.Min), key=str):
        parts = list(node.args)
        for winner in parts:
            others = [x for x in parts if x is not winner]
            if len(others) == 1 and node.free_symbols & moving:
                low, high = (others[0], winner) if isinstance(node, sp.Max) else (winner, others[0])
                yield sp.Le(low, high)
    for node in sorted(problem.e.atoms(sp.Piecewise), key=str):
        for _, condition in node.args:
            if isinstance(condition, (sp.Lt, sp.Le, sp.Gt, sp.Ge)) and condition.free_symbols & moving:
                yield condition
                yield sp.Not(condition)


def at_lag_zero(problem: Problem) -> Proposition:
    """Whether a bias is 0, or a mask 1, at lag zero."""
    name, record = "identity-at-zero", problem.record
    if record.form not in ("bias", "mask"):
        return Proposition(name, Verdict.NOT_APPLICABLE, reason=f"{record.form}= does not act on the score of a pair")
    zero = {x: sp.Integer(0) for side in places(record) for x in side}
    wanted = 1 if record.form == "mask" else 0
    try:
        stored, builder = store(record, problem.e)
        d = Definition(stored)
        value: Tree = at_zero(d)
    except (OutsideClassError, RejectedError) as error:
        return Proposition(name, Verdict.UNDECIDED, reason=str(error))
    target: Terms = {((), (), ()): Fraction(-wanted)} if wanted else {}
    if value[0] == "terms" and d.ring.is_zero(d.ring.add(value[1], target)):
        words = f"at lag zero {'κ' if wanted else 'b'} = {wanted}"
        made = certificate.make(record.name, stored, name, True, words, {"method": "normal-form"})
        return Proposition(name, Verdict.PROVED, words, certificate=made)
    names = {s: builder.translator.names[s] for s in builder.symbols}
    return _not_at_zero(problem, stored, zero, wanted, names)


def _not_at_zero(
    problem: Problem, stored: Stored, zero: Mapping[Any, Any], wanted: int, names: Mapping[Any, str]
) -> Proposition:
    from .tree_witness import free_functions, parameters

    record, name = problem.record, "identity-at-zero"
    for free in free_functions(problem.e):
        for values in parameters(problem.e, [x for side in places(record) for x in side], record):
            found = value_at(with_functions(at(problem.e, zero), free), values)
            if found is None or found.overlaps(type(found)(wanted)):
                continue
            point = {names[s]: str(v) for s, v in values.items()}
            proof = {"method": "witness", "point": point, "functions": free}
            made = _checked(certificate.make(record.name, stored, name, False, "at one point", proof))
            shown = {"lag": "0", "values": [str(found.str(12, radius=False)), str(wanted)], "parameters": point}
            words = "at one point" + ("" if made else ", enclosed by Arb")
            return Proposition(name, Verdict.REFUTED, words, witness=shown, certificate=made)
    return Proposition(name, Verdict.UNDECIDED, reason="neither exactly decided nor certainly different")
