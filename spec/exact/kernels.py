"""Forms that are not bilinear: their properties and their canonical form."""

from typing import Any

from ..encoding import Encoding
from .verdicts import Proposition, Verdict

NAMES = ("lag-invariant", "unitary", "identity-at-zero")


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of a record of another form than bilinear."""
    reason = f"the form {record.form}= is not decided by this version"
    return {name: Proposition(name, Verdict.UNDECIDED, reason=reason) for name in NAMES}


def canonical_form(record: Encoding) -> tuple[Any, str, str]:
    """(kernel, text, LaTeX) of a record of another form than bilinear."""
    return None, f"not derived for {record.form}= by this version", r"\text{not derived}"
