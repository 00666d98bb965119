"""Forms that are not bilinear: bias, mask, output, terms, random, adaptive and path."""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..encoding import Encoding
from .scalar import Problem, at_lag_zero, lag_invariance
from .trees import in_positions, places
from .verdicts import Proposition, Verdict

NAMES = ("lag-invariant", "unitary", "identity-at-zero")
SCALARS = ("bias", "mask", "output")


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of a record of another form than bilinear."""
    if record.form in SCALARS:
        return _scalar(record)
    reason = f"the form {record.form}= is not decided by this version"
    return {name: Proposition(name, Verdict.UNDECIDED, reason=reason) for name in NAMES}


def _scalar(record: Encoding) -> dict[str, Proposition]:
    problem = Problem(record, in_positions(record, getattr(record, record.form)), quantifiers(record))
    found = {"lag-invariant": lag_invariance(problem)}
    found["unitary"] = Proposition(
        "unitary", Verdict.NOT_APPLICABLE, reason=f"{record.form}= has no maps of q and k that could be isometries"
    )
    found["identity-at-zero"] = at_lag_zero(problem)
    claimed = record.claims.get("lag-invariant")
    if isinstance(claimed, Mapping):
        found["lag-invariant-when"] = lag_invariance(problem, in_positions(record, claimed["when"]))
    return found


def quantifiers(record: Encoding) -> str:
    """For whom a claim about a scalar kernel holds: symbols, free functions, positions."""
    from .decide import _assumed

    e = sp.sympify(getattr(record, record.form))
    inside = {x for side in places(record) for x in side} | set(record.coordinates)
    names = {"lag", "query_position", "key_position", "score"}
    symbols = sorted((s for s in e.free_symbols - inside if s.name not in names), key=str)
    functions = sorted({type(f).__name__ for f in e.atoms(sp.core.function.AppliedUndef)})
    whole = "whole" if record.domain == "integer" else "real"
    axes = "positions s, t" if record.axes == 1 else f"positions in {record.axes} axes"
    words = [_assumed(s) for s in symbols] + [f"every function {f}" for f in functions] + [f"all {whole} {axes}"]
    return ", ".join(words)


def canonical_form(record: Encoding) -> tuple[Any, str, str]:
    """(kernel, text, LaTeX) of a record of another form than bilinear."""
    return None, f"not derived for {record.form}= by this version", r"\text{not derived}"
