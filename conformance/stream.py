"""The report file: a header, a row per finding and a footer, as JSON lines. Without its footer it was interrupted."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

Row = dict[str, Any]
SCHEMA = 1
OUTCOMES = ("passed", "failed", "errored", "skipped")


class ReportError(ValueError):
    """A report file that cannot be read as one; the message is one line with the file and the line number."""

    usage = True


class UnfinishedError(ReportError):
    """A report without its footer: the run was interrupted, so nothing follows from what is missing in it."""

    exit_status = 3


class DuplicateError(ReportError):
    """Two findings with one id."""


@dataclass(frozen=True)
class Report:
    """A whole report: what was run and where (`header`), the findings as plain rows, the counts and the exit status."""

    header: Row
    rows: Sequence[Row]
    footer: Row = field(default_factory=dict)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many findings came to each outcome."""
        return count(self.rows)


def count(rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows came to each outcome; outcomes nothing came to count 0."""
    tally = Counter(str(row["outcome"]) for row in rows)
    return {outcome: tally[outcome] for outcome in OUTCOMES}


def exit_code(rows: Sequence[Mapping[str, Any]], named: Iterable[str] = ()) -> int:
    """1: a promise failed; 3: something errored, nothing was found, or one of the subjects `named` ran nothing; else 0.

    Rows with basis "definition" say how far a subject is from the mathematics: nobody promised that, they fail nothing.
    """
    if any(row["outcome"] == "failed" and row.get("basis") != "definition" for row in rows):
        return 1
    ran = {row["subject"] for row in rows if row["outcome"] in ("passed", "failed")}
    if any(row["outcome"] == "errored" for row in rows) or not rows or set(named) - ran:
        return 3
    return 0


def order(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The place of a row in a finished report."""
    return tuple(str(row[key]) for key in ("subject", "encoding", "check", "dtype", "device", "case"))


class Writer:
    """Writes `folder/report.jsonl`: rows as they come, so that an interrupted run keeps them; sorted when it is closed.

    Durations go to the sibling `timings.jsonl`, so that two runs of one commit have the same rows.
    """

    def __init__(self, folder: Path, header: Row) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "report.jsonl"
        self.header = {"kind": "header", "schema": SCHEMA} | header
        self.rows: dict[str, Row] = {}
        self._file: IO[str] = self.path.open("w", encoding="utf-8")
        self._timings: IO[str] = (folder / "timings.jsonl").open("w", encoding="utf-8")
        self._put(self._file, self.header)

    def add(self, row: Row, seconds: float | None = None) -> None:
        """Takes one finding. Raises DuplicateError if one with its id is there already."""
        if row["id"] in self.rows:
            raise DuplicateError(f"{self.path}: two findings have the id {row['id']!r}")
        self.rows[row["id"]] = row
        self._put(self._file, row)
        if seconds is not None:
            self._put(self._timings, {"id": row["id"], "seconds": round(seconds, 6)})

    def finish(self, exit_status: int, **header: Any) -> Report:
        """Puts the sorted rows between the header (with what is known only now) and the footer; replaces the file."""
        rows = sorted(self.rows.values(), key=order)
        footer = {"kind": "footer", "findings": len(rows), "counts": count(rows), "exit": exit_status}
        report = Report(self.header | header, rows, footer)
        self.close()
        draft = self.path.with_suffix(".jsonl.tmp")
        with draft.open("w", encoding="utf-8") as file:
            for line in (report.header, *rows, footer):
                self._put(file, line)
        os.replace(draft, self.path)
        return report

    def close(self) -> None:
        """Closes the files as they stand: without `finish` the report has no footer."""
        self._file.close()
        self._timings.close()

    @staticmethod
    def _put(file: IO[str], value: Row) -> None:
        file.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()


def read(path: Path) -> Report:
    """The report in `path`, a file or a folder that holds `report.jsonl`.

    Raises ReportError (no such file, a line that is no JSON, an unknown kind, an id twice, counts that do not add up)
    and UnfinishedError (no footer).
    """
    path = path / "report.jsonl" if path.is_dir() else path
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    values = [_parse(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not values or values[0].get("kind") != "header":
        raise ReportError(f"{path}: line 1: wanted a header, got {_kind(values)}")
    if values[0].get("schema") != SCHEMA:
        raise ReportError(f"{path}: schema {values[0].get('schema')!r} is not the one known here, {SCHEMA}")
    if values[-1].get("kind") != "footer":
        raise UnfinishedError(f"{path}: no footer after {len(values) - 1} findings: the run was interrupted")
    report = Report(values[0], values[1:-1], values[-1])
    _check(path, report)
    return report


def _parse(path: Path, number: int, line: str) -> Row:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise ReportError(f"{path}: line {number}: not JSON: {error.msg} at column {error.colno}") from None
    if not isinstance(value, dict):
        raise ReportError(f"{path}: line {number}: wanted an object, got {type(value).__name__}")
    return value


def _kind(values: Sequence[Row]) -> str:
    return repr(values[0].get("kind")) if values else "an empty file"


def _check(path: Path, report: Report) -> None:
    seen: set[str] = set()
    for number, row in enumerate(report.rows, 2):
        if row.get("kind") != "finding":
            raise ReportError(f"{path}: line {number}: wanted a finding, got kind {row.get('kind')!r}")
        missing = [key for key in ("id", "subject", "encoding", "check", "case", "outcome") if key not in row]
        if missing:
            raise ReportError(f"{path}: line {number}: a finding without {', '.join(missing)}")
        if row["outcome"] not in OUTCOMES:
            raise ReportError(f"{path}: line {number}: outcome {row['outcome']!r} is none of {', '.join(OUTCOMES)}")
        if row["id"] in seen:
            raise DuplicateError(f"{path}: line {number}: two findings have the id {row['id']!r}")
        seen.add(row["id"])
    if report.footer.get("counts") != report.counts:
        raise ReportError(f"{path}: the footer counts {report.footer.get('counts')}, the rows are {report.counts}")
