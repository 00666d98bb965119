"""What is known of other people's libraries, by version: a run is compared with it, and only a change is news."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

WORST_FIRST = ("errored", "failed", "passed", "skipped")


class Status(StrEnum):
    """How an outcome stands to what was expected of this version."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEW = "new"  # nothing is on record for this subject in this version


@dataclass(frozen=True)
class Change:
    """One check of one subject in one dtype: the worst outcome of its rows beside the expected ones, and the reason."""

    subject: str
    version: str
    check: str
    dtype: str
    expected: tuple[str, ...]
    outcome: str
    status: Status
    reason: str = ""
    repro: str = ""


def on_record() -> dict[str, Any]:
    """The expectations by subject: the versions they hold for, exceptional rows, and what holds for all others."""
    text = files(__package__).joinpath("expected.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def changes(rows: Iterable[Mapping[str, Any]], record: Mapping[str, Any] | None = None) -> list[Change]:
    """Each (subject, check, dtype) among the rows of a report, beside what is on record; in the order of the rows.

    `rows` have the keys of a finding's row: subject, subject_version, check, dtype, outcome.
    """
    known = on_record() if record is None else record
    worst: dict[tuple[str, str, str, str], str] = {}
    for row in rows:
        key = (row["subject"], row.get("subject_version") or "", row["check"], row["dtype"])
        both = (worst.get(key, "skipped"), str(row["outcome"]))
        worst[key] = min(both, key=WORST_FIRST.index)
    return [_judged(*key, outcome, known.get(key[0])) for key, outcome in worst.items()]


def _judged(
    subject: str, version: str, check: str, dtype: str, outcome: str, known: Mapping[str, Any] | None
) -> Change:
    if known is None or not fnmatchcase(version, known["versions"]):
        return Change(subject, version, check, dtype, (), outcome, Status.NEW)
    row: Mapping[str, Any] = next((r for r in known["rows"] if (r["check"], r["dtype"]) == (check, dtype)), {})
    expected = tuple(row.get("outcome", known["otherwise"]))
    status = Status.UNCHANGED if outcome in expected else Status.CHANGED
    return Change(
        subject, version, check, dtype, expected, outcome, status, row.get("reason", ""), row.get("repro", "")
    )
