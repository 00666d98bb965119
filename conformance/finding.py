"""The two types of the way of the data: a Check has not run yet, a Finding has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench import Bench
    from .subject import Subject


class Outcome(StrEnum):
    """What a measurement came to. Only `passed` is good; the other three are three different ways of not passing."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class Level(StrEnum):
    """How much is run: what a person waits for, what CI runs, what allows no skip."""

    SMOKE = "smoke"
    STANDARD = "standard"
    CERTIFIED = "certified"


@dataclass(frozen=True)
class Measurement:
    """What one case of a check came to: a number against its allowance, where it was worst, and why so much is allowed.

    `measured` and `allowed` are in `unit` ("u of the pair norm", "rad", "elements", "bool"). `budget` is the printed
    sum that `allowed` comes from. `reason` says in one sentence what was seen when it did not pass, or why it was
    skipped.
    """

    case: str
    measured: float
    allowed: float
    unit: str
    expected: str
    where: Mapping[str, Any] = field(default_factory=dict)
    budget: str = ""
    reason: str = ""
    likely_cause: str = ""
    outcome: Outcome | None = None  # None: passed iff measured <= allowed (a NaN fails)

    @property
    def verdict(self) -> Outcome:
        """The outcome given, or the comparison of `measured` with `allowed`."""
        if self.outcome is not None:
            return self.outcome
        return Outcome.PASSED if self.measured <= self.allowed else Outcome.FAILED


@dataclass(frozen=True)
class Check:
    """A check, not yet run: its name is the claim it tests.

    `applies(subject)` is None, or the reason why this check is skipped for that subject. `run(bench)` yields one
    Measurement per case; `bench` gives it the subject, the oracle and the arrays (see `bench.Bench`).
    """

    name: str
    clause: str
    failure_means: str
    run: "Callable[[Bench], Iterable[Measurement]]"
    applies: "Callable[[Subject], str | None]" = lambda subject: None
    level: Level = Level.SMOKE  # the lowest level at which it runs
    dtypes: Sequence[str] | None = None  # None: every dtype the subject declares


@dataclass(frozen=True)
class Finding:
    """One row of a report: what was expected of a subject, what was measured, how much was allowed, and where."""

    subject: str
    encoding: str
    check: str
    case: str
    outcome: Outcome
    dtype: str = ""
    device: str = "cpu"
    subject_version: str = ""
    expected: str = ""
    measured: float | str | None = None
    allowed: float | str | None = None
    unit: str = ""
    where: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    likely_cause: str = ""
    repro: str = ""
    basis: str = "promise"  # promise: what the subject declares | definition: a distance, a number only
    budget: str = ""
    kind: str = "finding"

    @property
    def id(self) -> str:
        """What makes a row unique in a report."""
        return "/".join((self.subject, self.encoding, self.check, self.case, self.dtype, self.device))

    @property
    def ok(self) -> bool:
        """Whether nothing is to be mended: it passed, or was skipped with its reason."""
        return self.outcome in (Outcome.PASSED, Outcome.SKIPPED)

    def row(self) -> dict[str, Any]:
        """The row as written to JSONL: plain values, numbers finite or the strings "inf", "-inf", "nan"."""
        return {"kind": self.kind, "id": self.id} | {k: _plain(v) for k, v in asdict(self).items() if k != "kind"}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "nan" if value != value else ("inf" if value > 0 else "-inf")
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value
