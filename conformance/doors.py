"""The doors in Python: check an encoding or a subject here and now, or have one pytest test per subject and check."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, TypeVar, overload

from .finding import Check, Finding, Level, Outcome
from .report.wording import counted, paragraph
from .stream import Report as Written
from .stream import count

if TYPE_CHECKING:
    from ..spec.encoding import Encoding
    from ..spec.exact.verdicts import Judgement
    from .subject import Subject

Test = TypeVar("Test", bound=Callable[..., Any])
LEVELS = tuple(Level)


class Report(Sequence[Finding]):
    """What was found: a sequence of findings that says whether all is well and shows itself in a notebook."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._findings = tuple(findings)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> "Report": ...
    def __getitem__(self, index: "int | slice") -> "Finding | Report":
        return Report(self._findings[index]) if isinstance(index, slice) else self._findings[index]

    def __len__(self) -> int:
        return len(self._findings)

    @property
    def ok(self) -> bool:
        """Whether something was found and nothing of it failed or errored."""
        return bool(self._findings) and not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that failed or errored on something promised."""
        return tuple(f for f in self._findings if not f.ok and f.basis != "definition")

    def raise_for_failures(self) -> None:
        """Raises AssertionError with every failure in full; also when nothing was found: nothing follows from that."""
        if not self._findings:
            raise AssertionError("nothing was found: no check ran")
        if self.failures:
            raise AssertionError("\n\n".join(paragraph(f.row()) for f in self.failures))

    def __repr__(self) -> str:
        return f"<Report: {counted(count(f.row() for f in self._findings))}>"

    def _repr_html_(self) -> str:
        from .report.text import render

        return f"<pre>{escape(render(Written({}, [f.row() for f in self._findings])))}</pre>"


def check_implementation(
    subject: "Subject",
    level: str = "standard",
    *,
    dtypes: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    seed: int = 0,
    checks: Sequence[Check | str] | None = None,
) -> Report:
    """Runs the checks of a level on a subject, in this process, and returns what was found.

    `dtypes` and `devices` default to all that the subject declares, `checks` (or their names) to all there are. Raises
    ValueError for an unknown level or check; what the subject raises becomes an errored finding. A crash takes this
    process with it: the command `lagwise run` isolates each subject.
    """
    from .checks import findings

    return Report(
        list(findings(subject, level=_level(level), dtypes=dtypes, devices=devices, seed=seed, checks=checks))
    )


@dataclass(frozen=True)
class Bound:
    """A check as a test calls it: `check(subject)` raises AssertionError, skips with its reason, or returns."""

    check: Check
    level: Level
    seed: int = 0

    def __call__(self, subject: "Subject") -> None:
        """Runs the check on the subject in every dtype it declares."""
        import pytest

        report = check_implementation(subject, self.level, seed=self.seed, checks=(self.check,))
        report.raise_for_failures()
        own = [finding for finding in report if finding.check == self.check.name]
        if all(finding.outcome is Outcome.SKIPPED for finding in own):
            pytest.skip(next((f.reason for f in own if f.reason), "the check does not apply"))


def parametrize_with_checks(
    subjects: "Sequence[Subject]", level: str = "standard", *, seed: int = 0
) -> "Callable[[Test], Test]":
    """Decorates `def test(subject, check): check(subject)`: one pytest test per subject and check of the level.

    Nothing of a subject runs while pytest collects. Raises ValueError for an unknown level or for no subjects.
    """
    import pytest

    from .checks import all_checks

    chosen = _level(level)
    if not subjects:
        raise ValueError("parametrize_with_checks: wanted at least one subject, got none")
    pairs = [
        pytest.param(subject, Bound(check, chosen, seed), id=f"{subject.name}-{check.name}")
        for subject in subjects
        for check in all_checks()
        if LEVELS.index(check.level) <= LEVELS.index(chosen)
    ]
    return pytest.mark.parametrize(("subject", "check"), pairs)


def check_encoding(encoding: "Encoding | str") -> Report:
    """Decides every property of an encoding, a record or a catalogue name, exactly: one finding per property.

    A claimed property passes if what was found is what is claimed (a claim may be that it is false). One that could
    not be decided is an errored finding: nothing follows from it. Unclaimed ones are skipped and say what was found.
    Raises EncodingError for an unknown name.
    """
    from ..spec.exact.verdicts import judge

    if isinstance(encoding, str):
        from ..spec.catalogue import get

        encoding = get(encoding)
    return Report(list(_decided(judge(encoding))))


def _decided(judgement: "Judgement") -> Iterator[Finding]:
    confirmed = judgement.claims
    for name in dict.fromkeys([*confirmed, *judgement.propositions]):
        found = _proposition(judgement, name)
        if name in confirmed:
            outcome = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.ERRORED}[confirmed[name]]
            expected, reason = f"{name} is {judgement.encoding.claims[name]}, as claimed", found
        else:
            outcome, expected, reason = Outcome.SKIPPED, f"{name} is not claimed", f"not claimed; {found}"
        subject = judgement.encoding.name
        yield Finding(subject, subject, name, "decided", outcome, expected=expected, reason=reason)


def _proposition(judgement: "Judgement", name: str) -> str:
    """What was found of a property, in a sentence."""
    found = judgement.propositions.get(name)
    if found is None:
        known = {"family": judgement.family, "rank": judgement.ranks}
        return f"found: {known[name]}" if name in known else "no procedure decides it"
    parts = [f"found: {found.verdict}", found.quantifiers, f"witness {dict(found.witness)}" if found.witness else ""]
    parts += [f"holds when {found.holds_when}" if found.holds_when else "", found.detail or "", found.reason]
    return ", ".join(part for part in parts if part)


def _level(level: str) -> Level:
    if level not in [str(known) for known in LEVELS]:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
    return Level(level)
