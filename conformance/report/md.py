"""The report as Markdown: what a pull request or a folder of published reports shows."""

from collections.abc import Iterable, Sequence
from typing import Any

from ..stream import Report
from .view import SubjectView, arrange, measured, not_passed, promised
from .wording import SYMBOLS, details, place, quantity, title


def render(report: Report) -> str:
    """Markdown: the headline, the subjects, what is to be mended, what was found in others, what was skipped."""
    view = arrange(report)
    parts = ["# lagwise report", view.headline]
    if view.subjects:
        parts += ["## Subjects", _subjects(view.subjects)]
        parts += [_matrix(subject) for subject in view.subjects]
    parts += _failures(view.broken, "## To be mended")
    if view.others:
        parts += ["## What we found in others", OTHERS, _subjects(view.others)]
        for other in view.others:
            parts += [f"{other.name} promises: {_plain(other.promise)}"] if other.promise else []
            parts += [_matrix(other), *_measured(other), *_failures(not_passed(promised(other.rows)), "")]
    if view.skipped:
        parts += ["## Skipped", "\n".join(f"- {_plain(reason)} ({len(rows)})" for reason, rows in view.skipped)]
    parts += ["## How this was run", _run(report)]
    return "\n\n".join(parts) + "\n"


OTHERS = (
    "Their outcomes never decide ours. Distances from the definition are numbers: nobody promised them. "
    "The order is alphabetical."
)


def _subjects(subjects: Sequence[SubjectView]) -> str:
    header = ("subject", "version", "encoding", "verdict", "passed", "failed", "errored", "skipped")
    return _table(
        header,
        (
            (s.name, s.version, s.encoding, f"{SYMBOLS[s.outcome]} {s.outcome}", *map(str, s.counts.values()))
            for s in subjects
        ),
    )


def _matrix(subject: SubjectView) -> str:
    header = [f"{subject.name}: check", *(dtype or "–" for dtype in subject.dtypes)]
    return _table(header, ([check, *(_cell(subject, check, d) for d in subject.dtypes)] for check in subject.checks))


def _cell(subject: SubjectView, check: str, dtype: str) -> str:
    cell = subject.cell(check, dtype)
    return f"{SYMBOLS[cell.outcome]} {cell.outcome}" if cell else ""


def _failures(rows: Sequence[dict[str, Any]], heading: str) -> list[str]:
    parts = [heading] if rows and heading else []
    for row in rows:
        parts.append(f"### {SYMBOLS[row['outcome']]} {_plain(title(row))}")
        parts.append("\n".join(f"- {label}: {_plain(text)}" for label, text in details(row)))
    return parts


def _measured(subject: SubjectView) -> list[str]:
    rows = measured(subject.rows)
    if not rows:
        return []
    header = (f"{subject.name}: distance from the definition", "case", "dtype", "measured", "where")
    cells = (
        (
            r["check"],
            r["case"],
            r.get("dtype") or "",
            quantity(r.get("measured"), str(r.get("unit") or "")),
            place(r.get("where") or {}),
        )
        for r in rows
    )
    return [_table(header, cells)]


def _run(report: Report) -> str:
    header = report.header
    versions = ", ".join(f"{name} {version}" for name, version in header.get("versions", {}).items())
    machine = ", ".join(f"{key} {value}" for key, value in header.get("machine", {}).items())
    targets = ", ".join(map(str, header.get("targets", ())))
    asked = f"level {header.get('level')}, seed {header.get('seed')}, targets {targets}"
    return f"{asked}.\n\n{versions}.\n\n{machine}."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_plain(str(cell)) for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    escaped = (
        text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
    )
    return " ".join(escaped.split())
