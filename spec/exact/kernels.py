"""Forms that are not bilinear: bias, mask, output, terms, random, adaptive and path."""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..encoding import Encoding
from ..wellformed import expressions
from .deadline import within
from .scalar import Problem, at_lag_zero, lag_invariance
from .trees import in_positions, places
from .verdicts import Proposition, Verdict, in_time

NAMES = ("lag-invariant", "unitary", "identity-at-zero")
SCALARS = ("bias", "mask", "output")


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of a record of another form than bilinear."""
    return within(
        lambda: _of_kind(record),
        lambda why: {name: Proposition(name, Verdict.UNDECIDED, reason=why) for name in NAMES},
    )


def _of_kind(record: Encoding) -> dict[str, Proposition]:
    from . import random_form, terms_form, weaker_forms

    if record.kind == "random":
        return random_form.propositions(record)
    if record.form == "terms":
        return terms_form.propositions(record)
    if record.form in ("adapt", "step"):
        return weaker_forms.propositions(record)
    return _scalar(record)


def _scalar(record: Encoding) -> dict[str, Proposition]:
    problem = Problem(record, in_positions(record, getattr(record, record.form)), quantifiers(record))
    found = {"lag-invariant": in_time("lag-invariant", lambda: lag_invariance(problem))}
    found["unitary"] = Proposition(
        "unitary", Verdict.NOT_APPLICABLE, reason=f"{record.form}= has no maps of q and k that could be isometries"
    )
    found["identity-at-zero"] = in_time("identity-at-zero", lambda: at_lag_zero(problem))
    claimed = record.claims.get("lag-invariant")
    if isinstance(claimed, Mapping):
        condition = in_positions(record, claimed["when"])
        found["lag-invariant-when"] = in_time("lag-invariant-when", lambda: lag_invariance(problem, condition))
    return found


def quantifiers(record: Encoding) -> str:
    """For whom a claim about a scalar kernel holds: symbols, free functions, positions."""
    return quantifiers_of(record, sp.Tuple(*(x for e in expressions(record) for x in _entries(e))))


def _entries(e: Any) -> list[Any]:
    return list(e) if isinstance(e, sp.MatrixBase) else [e]


def quantifiers_of(record: Encoding, e: Any) -> str:
    """For whom a claim about an expression of the record holds."""
    from .decide import _assumed

    inside = {x for side in places(record) for x in side} | set(record.coordinates)
    names = {"lag", "query_position", "key_position", "score", "prior"}
    symbols = sorted((s for s in e.free_symbols - inside if s.name not in names), key=str)
    functions = sorted({type(f).__name__ for f in e.atoms(sp.core.function.AppliedUndef)} - {"step"})
    whole = "whole" if record.domain == "integer" else "real"
    axes = "positions s, t" if record.axes == 1 else f"positions in {record.axes} axes"
    words = [_assumed(s) for s in symbols if not s.name.startswith("content ")]
    return ", ".join([*words, *(f"every function {f}" for f in functions), f"all {whole} {axes}"])


def canonical_form(record: Encoding, found: Mapping[str, Proposition]) -> tuple[Any, str, str]:
    """(kernel, text, LaTeX) of a record of another form than bilinear."""
    from .forms import canonical

    return canonical(record, found)
