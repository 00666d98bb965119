"""`lagwise diff OLD NEW`: which findings appeared, vanished or changed between two reports."""

import json as json_module
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..stream import Report, Row, read

GOOD = ("passed", "skipped")


@dataclass(frozen=True)
class Change:
    """One finding that is not what it was: `what` is appeared, vanished, outcome, measured or allowed."""

    id: str
    what: str
    old: str
    new: str
    regression: bool


def run(old: Path, new: Path, *, json: bool = False) -> int:
    """Prints what changed; returns 1 if something got worse, else 0. Raises ReportError for no report."""
    changes = list(difference(read(old), read(new)))
    if json:
        print(json_module.dumps([asdict(change) for change in changes], ensure_ascii=False, indent=2))
    elif not changes:
        print("no difference")
    for change in () if json else changes:
        mark = "regression" if change.regression else "changed"
        print(f"{mark:<11}{change.id}: {change.what}: {change.old} → {change.new}")
    return int(any(change.regression for change in changes))


def difference(old: Report, new: Report) -> Iterator[Change]:
    """What changed, by id in sorted order.

    A regression: a good outcome that became a bad one, a bad row that appeared, a passed row that is gone or skipped.
    Another measured number is a change and no regression while its outcome holds: the budget decides, not the diff.
    """
    before, after = ({row["id"]: row for row in report.rows} for report in (old, new))
    for id_ in sorted(before.keys() | after.keys()):
        was, now = before.get(id_), after.get(id_)
        if was is None and now is not None:
            yield Change(id_, "appeared", "–", now["outcome"], now["outcome"] not in GOOD)
        elif now is None and was is not None:
            yield Change(id_, "vanished", was["outcome"], "–", was["outcome"] == "passed")
        elif was is not None and now is not None:
            yield from _changed(id_, was, now)


def _changed(id_: str, was: Row, now: Row) -> Iterator[Change]:
    if was["outcome"] != now["outcome"]:
        worse = was["outcome"] == "passed" or (was["outcome"] in GOOD and now["outcome"] not in GOOD)
        yield Change(id_, "outcome", was["outcome"], now["outcome"], worse)
    for key in ("allowed", "measured"):
        if was.get(key) != now.get(key):
            yield Change(id_, key, str(was.get(key)), f"{now.get(key)} {now.get('unit') or ''}".strip(), False)
