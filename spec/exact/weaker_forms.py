"""Adaptive and path forms: relative given the scores, or given the path, when nothing else in them knows positions."""

from collections.abc import Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from ..encoding import Encoding, position, prior
from .scalar import Problem, lag_invariance
from .trees import in_positions
from .verdicts import Proposition, Verdict

_REASONS = {
    "adapt": "a function of the score has no maps of q and k",
    "step": "the maps are products along the path, not functions of a position",
}


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of an adaptive or a path record."""
    from .kernels import quantifiers_of

    if record.form == "adapt":
        e, sense, words = adapted(record), "given the scores", "all scores"
        if prior in e.free_symbols:
            words += ", every prior that is a function of the lag"
    else:
        e, sense, words = given_contents(record), "given the path", "all contents along the path"
    problem = Problem(record, e, f"{words}, {quantifiers_of(record, e)}", sense)
    found = {"lag-invariant": lag_invariance(problem)}
    claimed = record.claims.get("lag-invariant")
    if isinstance(claimed, Mapping):
        found["lag-invariant-when"] = lag_invariance(problem, in_positions(record, claimed["when"]))
    for name in ("unitary", "identity-at-zero"):
        found[name] = Proposition(name, Verdict.NOT_APPLICABLE, reason=_REASONS[record.form])
    return found


def adapted(record: Encoding) -> sp.Expr:
    """adapt= with the prior that `parameters` gives (an expression in the lag or the positions) put in its place."""
    given = record.parameters.get(prior)
    e = record.adapt if given is None else record.adapt.xreplace({prior: sp.sympify(given)})
    return in_positions(record, e)


def given_contents(record: Encoding) -> sp.Expr:
    """step= with every f(position), a content at a token, as a symbol of its own: given the path, it moves along."""
    form = record.step
    e = sp.Function("step")(*form) if isinstance(form, sp.MatrixBase) else form

    def is_content(x: Any) -> bool:
        return (
            isinstance(x, AppliedUndef)
            and position in x.args
            and not any(a.has(position) for a in set(x.args) - {position})
        )

    def put(x: Any) -> sp.Symbol:
        others = [str(a) for a in x.args if a != position]
        kind = {"positive": True} if x.is_positive else {"real": True}
        return sp.Symbol(f"content {type(x).__name__}" + (f"[{', '.join(others)}]" if others else ""), **kind)

    return in_positions(record, e.replace(is_content, put))
