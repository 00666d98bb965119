"""The canonical form itself, Σ q̂^H W_τ k̂ with q̂ in {q, 1} and k̂ in {k, 1}: relative as it stands."""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from ..encoding import Encoding, lag, position
from ..recheck import Definition, polynomial
from .scalar import Problem, lag_invariance
from .trees import in_positions
from .verdicts import Proposition, Verdict, in_time


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of a record in terms."""
    from .kernels import quantifiers_of

    terms = record.terms or ()
    entries = [in_positions(record, x) for _, W, _ in terms for x in W]
    sense = "given the pair" if any((left, right) in (("q", "1"), ("1", "k")) for left, _, right in terms) else None
    score = sp.Function("score_of_the_pair")(*entries)
    problem = Problem(record, score, quantifiers_of(record, sp.Tuple(*entries)), sense)
    found = {"lag-invariant": in_time("lag-invariant", lambda: lag_invariance(problem))}
    for name in ("unitary", "identity-at-zero"):
        found[name] = in_time(name, partial(_of_one, record, name))
    return found


def _of_one(record: Encoding, name: str) -> Proposition:
    """A single term q^H W_τ k: W_0 = I outright; unitary when W_s^H W_t = W_{t-s} and every W_τ is."""
    terms = record.terms or ()
    if len(terms) != 1 or terms[0][0] != "q" or terms[0][2] != "k":
        return Proposition(name, Verdict.NOT_APPLICABLE, reason="there are no two maps of q and k, but several terms")
    W = terms[0][1]
    if W.shape[0] != W.shape[1]:
        return Proposition(name, Verdict.NOT_APPLICABLE, reason=f"W is {W.shape[0]} x {W.shape[1]}, not square")
    from .decide import decide_one

    moved = W.xreplace({lag: position})
    query = sp.eye(W.shape[0]) if name == "identity-at-zero" else moved
    found = decide_one(as_bilinear(record, query, moved), name)
    if name == "unitary" and found.verdict is Verdict.PROVED and not _is_own_kernel(record, W):
        reason = "every W_τ is unitary, but W_s^H W_t is not W_{t-s}: no unitary maps have this kernel"
        return Proposition(name, Verdict.REFUTED, reason=reason)
    return found


def as_bilinear(record: Encoding, query: Any, key: Any) -> Encoding:
    """The bilinear record with these maps and everything else of the record in terms."""
    return replace(record, terms=None, query=query, key=key, claims={})


def _is_own_kernel(record: Encoding, W: Any) -> bool:
    from .definition import store

    moved = W.xreplace({lag: position})
    d, e = (Definition(store(as_bilinear(record, q, moved))[0]) for q in (moved, sp.eye(W.shape[0])))
    ours, theirs = d.kernel(), e.lag_kernel("t")
    shift = {f"t{j}": _difference(j) for j in range(d.axes)}
    return all(
        d.ring.is_zero(d.ring.add(a, d.ring.scale(Fraction(-1), d.ring.substitute(b, shift))))
        for x, y in zip(ours, theirs, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def _difference(j: int) -> Any:
    parts = ((f"t{j}", 1), (f"s{j}", -1))
    return polynomial((((name, Fraction(1)),), Fraction(sign)) for name, sign in parts)
