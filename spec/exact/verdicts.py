"""Verdicts: what was found of each property, with its certificate or witness, and whether the record's claims hold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..encoding import Encoding

TOO_WEAK = ("in expectation", "given the scores", "given the path")  # these do not confirm lag invariance outright


class Verdict(StrEnum):
    """What mathematics says of a property."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not-applicable"


@dataclass(frozen=True)
class Proposition:
    """One property of one encoding and what was found: for whom it holds, why, and how to check it again.

    `witness` (refuted): the smallest point found, with the value there. `holds_when`: a condition under which a refuted
    property holds, proved. `detail`: the gain, or the weaker form ("in expectation", …). `certificate`: see recheck.py.
    """

    name: str
    verdict: Verdict
    quantifiers: str = ""
    witness: Mapping[str, Any] | None = None
    holds_when: str | None = None
    detail: str | None = None
    reason: str = ""
    certificate: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Judgement:
    """All propositions of one encoding, its canonical form and family, and each claim with what became of it."""

    encoding: Encoding
    family: str
    canonical_form: str
    canonical_latex: str
    propositions: Mapping[str, Proposition]
    ranks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def claims(self) -> dict[str, bool | None]:
        """For each claim of the record: True confirmed, False contradicted, None undecided."""
        return {name: self.confirms(name, value) for name, value in self.encoding.claims.items()}

    def confirms(self, name: str, value: Any) -> bool | None:
        """Whether what was found confirms the claimed value; None when it was not decided."""
        if name == "family":
            return bool(self.family == value)
        if name == "rank":
            return (
                None if not isinstance(value, Mapping) else all(_rank_of(self.ranks, k) == v for k, v in value.items())
            )
        found = self.propositions.get(name)
        if name == "lag-invariant" and isinstance(value, Mapping):
            found = self._under_a_condition()
        if name == "unitary" and isinstance(value, Mapping):
            gain = self.propositions.get("gain")
            return None if gain is None or gain.verdict is Verdict.UNDECIDED else gain.verdict is Verdict.PROVED
        if found is None or found.verdict is Verdict.UNDECIDED:
            return None
        if value is False:
            return found.verdict is Verdict.REFUTED
        if found.verdict is not Verdict.PROVED:
            return False
        if isinstance(value, str):
            return found.detail == value
        # an adaptive encoding is never more than relative given the scores
        conditional = isinstance(value, Mapping) and self.encoding.kind == "adaptive"
        return conditional or found.detail not in TOO_WEAK

    def _under_a_condition(self) -> Proposition | None:
        outright = self.propositions.get("lag-invariant")
        if outright is not None and outright.verdict is Verdict.PROVED:
            return outright
        return self.propositions.get("lag-invariant-when")

    @property
    def exit_code(self) -> int:
        """1 if a claim is contradicted, else 3 if one is undecided, else 0."""
        outcomes = list(self.claims.values())
        return 1 if False in outcomes else 3 if None in outcomes else 0


def _rank_of(ranks: Mapping[str, Mapping[str, Any]], side: str) -> Any:
    found = ranks.get(side, {})
    return "unbounded" if "unbounded" in found else found.get("value")


def judge(encoding: Encoding, seconds: float | None = None) -> Judgement:
    """Decides every property of an encoding, within `seconds` where they are given.

    Raises nothing for a well-formed record: what lies outside the decidable class is `undecided`, with the part named,
    and so is what the time limit leaves open.
    """
    from .. import canonical
    from . import decide
    from .deadline import limit, within

    if encoding.law is not None:
        from .. import fourier_claims

        return fourier_claims.judged(encoding)
    with limit(seconds):
        propositions = decide.propositions(encoding)
        form = within(
            lambda: canonical.canonical_form(encoding, propositions),
            lambda why: canonical.CanonicalForm(None, f"not derived: {why}", r"\text{not derived}"),
        )
        return Judgement(
            encoding=encoding,
            family=within(lambda: canonical.family(encoding, propositions), lambda _: "none"),
            canonical_form=form.text,
            canonical_latex=form.latex,
            propositions=propositions,
            ranks=within(lambda: canonical.ranks(encoding, propositions), lambda _: _open_ranks()),
        )


def _open_ranks() -> dict[str, dict[str, Any]]:
    from ..rank import OPEN

    return {side: dict(OPEN) for side in ("bidirectional", "causal")}


def in_time(name: str, decide: Callable[[], Proposition]) -> Proposition:
    """What `decide` finds of the named property, or undecided with the time limit as its reason."""
    from .deadline import within

    return within(decide, lambda why: Proposition(name, Verdict.UNDECIDED, reason=why))
