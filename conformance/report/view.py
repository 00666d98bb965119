"""A report arranged for reading. Every renderer shows this arrangement; none of them looks at a number again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stream import Report, Row, count
from .wording import headline

READABLE = 12  # subjects that a person reads one by one
WORST_FIRST = ("failed", "errored", "passed", "skipped")


@dataclass(frozen=True)
class Cell:
    """What one check of one subject came to in one dtype: the worst of its rows, and all of them."""

    check: str
    dtype: str
    outcome: str
    rows: Sequence[Row]

    @property
    def reason(self) -> str:
        """The reason of the first row that did not pass."""
        return next((str(r["reason"]) for r in self.rows if r["outcome"] == self.outcome and r.get("reason")), "")


@dataclass(frozen=True)
class SubjectView:
    """One subject: its rows, its cells by check and dtype, and the row that came closest to its limit."""

    name: str
    encoding: str
    version: str
    others: bool
    rows: Sequence[Row]
    cells: Sequence[Cell]
    promise: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Promised findings by outcome."""
        return count(promised(self.rows))

    @property
    def outcome(self) -> str:
        """The worst outcome of what it promises."""
        return worst(promised(self.rows))

    @property
    def checks(self) -> list[str]:
        """The checks it has cells for, in order."""
        return sorted({cell.check for cell in self.cells})

    @property
    def dtypes(self) -> list[str]:
        """The dtypes it has cells for, in order; the empty name stands for checks that have none."""
        return sorted({cell.dtype for cell in self.cells})

    @property
    def closest(self) -> Row | None:
        """Of the rows that passed, the one that used most of what is allowed."""
        return max((r for r in promised(self.rows) if r["outcome"] == "passed" and _used(r)), key=_used, default=None)

    def cell(self, check: str, dtype: str) -> Cell | None:
        """The cell of a check in a dtype, if there is one."""
        return next((c for c in self.cells if (c.check, c.dtype) == (check, dtype)), None)


@dataclass(frozen=True)
class Overview:
    """What all subjects of one encoding in one target came to."""

    outcome: str
    rows: Sequence[Row]
    subjects: int


@dataclass(frozen=True)
class View:
    """A whole report, arranged: own subjects, those of other people, what is to be mended, what was skipped and why."""

    report: Report
    headline: str
    subjects: Sequence[SubjectView]
    others: Sequence[SubjectView]
    broken: Sequence[Row]
    skipped: Sequence[tuple[str, Sequence[Row]]]
    targets: Sequence[str]
    overview: Sequence[tuple[str, Sequence[Overview | None]]]  # by encoding, a cell for each of `targets`


def arrange(report: Report) -> View:
    """The view of a report."""
    listed = {s["name"]: s for s in report.header.get("subjects", ())}
    others = {name for name, subject in listed.items() if subject["others"]}
    names = sorted({str(row["subject"]) for row in report.rows})
    promises = {name: str(subject.get("promise", "")) for name, subject in listed.items()}
    subjects = [
        _subject(name, [r for r in report.rows if r["subject"] == name], name in others, promises.get(name, ""))
        for name in names
    ]
    own = [s for s in subjects if not s.others]
    everything = promised(report.rows)
    shown = own if own else subjects
    rows = [row for subject in shown for row in promised(subject.rows)]
    targets = sorted({str(listed[s.name]["target"]) for s in own if s.name in listed})
    return View(
        report=report,
        headline=headline(count(rows), len([s for s in shown if s.name in listed] or shown)),
        targets=targets,
        overview=_overview(own, {name: str(s["target"]) for name, s in listed.items()}, targets),
        subjects=own,
        others=[s for s in subjects if s.others],
        broken=not_passed(row for subject in own for row in promised(subject.rows)),
        skipped=_by_reason(row for row in everything if row["outcome"] == "skipped"),
    )


def promised(rows: Iterable[Row]) -> list[Row]:
    """The rows about what a subject promises."""
    return [row for row in rows if row.get("basis") != "definition"]


def not_passed(rows: Iterable[Row]) -> list[Row]:
    """The rows that failed or errored."""
    return [row for row in rows if row["outcome"] in ("failed", "errored")]


def measured(rows: Iterable[Row]) -> list[Row]:
    """The rows that say how far a subject is from the definition, where that was measured: numbers, no verdicts."""
    return [row for row in rows if row.get("basis") == "definition" and row["outcome"] != "skipped"]


def worst(rows: Iterable[Row]) -> str:
    """The worst outcome among rows; skipped where nothing ran."""
    found = {str(row["outcome"]) for row in rows}
    return next((outcome for outcome in WORST_FIRST if outcome in found), "skipped")


def _subject(name: str, rows: Sequence[Row], others: bool, promise: str) -> SubjectView:
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in promised(rows):
        grouped.setdefault((str(row["check"]), str(row.get("dtype") or "")), []).append(row)
    cells = [Cell(check, dtype, worst(held), held) for (check, dtype), held in sorted(grouped.items())]
    versions = sorted({str(row["subject_version"]) for row in rows if row.get("subject_version")})
    encodings = sorted({str(row["encoding"]) for row in rows if row["encoding"]})
    return SubjectView(name, ", ".join(encodings), ", ".join(versions), others, rows, cells, promise)


def _overview(
    subjects: Sequence[SubjectView], target: Mapping[str, str], targets: Sequence[str]
) -> list[tuple[str, Sequence[Overview | None]]]:
    """Encodings by targets, where there are too many subjects to read one by one."""
    if len(subjects) <= READABLE:
        return []
    encodings = sorted({s.encoding for s in subjects if s.name in target})
    grouped: dict[tuple[str, str | None], list[SubjectView]] = {}
    for subject in subjects:
        grouped.setdefault((subject.encoding, target.get(subject.name)), []).append(subject)
    return [(e, [_together(grouped.get((e, t), ())) for t in targets]) for e in encodings]


def _together(subjects: Sequence[SubjectView]) -> Overview | None:
    rows = [row for subject in subjects for row in promised(subject.rows)]
    return Overview(worst(rows), rows, len(subjects)) if subjects else None


def _by_reason(rows: Iterable[Row]) -> list[tuple[str, Sequence[Row]]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(str(row.get("reason") or "no reason given"), []).append(row)
    return sorted(grouped.items())


def _used(row: Row) -> float:
    measured_, allowed = _number(row.get("measured")), _number(row.get("allowed"))
    return measured_ / allowed if allowed > 0 and row.get("unit") != "bool" else 0.0


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
