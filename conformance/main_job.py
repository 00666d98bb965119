"""What `make run` does: prove the catalogue, run our backends and public libraries, write the page, say it shortly."""

import argparse
import io
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

from rich.table import Table
from rich.text import Text

from .adapters import third_party
from .adapters.expected import Status, changes
from .commands.run import Progress
from .recording import record
from .report import render
from .report.text import SHOWN, console, outcome
from .report.view import promised, worst
from .report.wording import counted, paragraph
from .runner import Options
from .stream import Report, Row, count, exit_code
from .targets import BACKENDS

OWN = tuple(f"backend:{name}" for name in BACKENDS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every claim is decided as stated and our backends keep what they promise; others decide nothing."""
    parser = argparse.ArgumentParser(prog="python -m lagwise.conformance.main_job", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the report, the page and the proofs")
    parser.add_argument("--level", default="smoke", choices=("smoke", "standard", "certified"))
    given = parser.parse_args(arguments)
    started = time.monotonic()
    proofs, said = prove(given.out / "proofs")
    with Progress(console(stderr=True), quiet=True) as progress:
        report = record([*OWN, *third_party()], Options(given.level), given.out, progress.observe)
    for name, format in (("page.html", "html"), ("report.md", "md")):
        (given.out / name).write_text(render(report, format), encoding="utf-8")
    own = exit_code(rows_of(report, OWN), named(report, OWN))
    show(report, proofs, said)
    console().print(f"\n{time.monotonic() - started:.0f} s. The page: {given.out / 'page.html'}", soft_wrap=True)
    return 1 if 1 in (proofs, own) else max(proofs, own)


def prove(folder: Path) -> tuple[int, list[str]]:
    """Decides every claim of the catalogue and writes the certificates; the exit status and the printed lines."""
    from .commands.prove import run

    with redirect_stdout(io.StringIO()) as printed:
        status = run([], certificates=folder)
    return status, printed.getvalue().strip().splitlines()


def named(report: Report, targets: Sequence[str]) -> list[str]:
    """The subjects that these targets gave."""
    return [subject["name"] for subject in report.header["subjects"] if subject["target"] in targets]


def rows_of(report: Report, targets: Sequence[str]) -> list[Row]:
    """The findings about the subjects of these targets, and about the targets themselves."""
    wanted = {*named(report, targets), *targets}
    return [row for row in report.rows if row["subject"] in wanted]


def show(report: Report, proofs: int, said: Sequence[str]) -> None:
    """Prints a row for the proofs and for each target, then what is to be mended, then what changed in others."""
    out = console()
    for line in said if proofs else ():
        out.print(line, markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "verdict", "subjects", "what was found"):
        table.add_column(column, justify="right" if column == "subjects" else "left", overflow="fold")
    decided = next((line for line in said if "claims:" in line), said[-1] if said else "")
    table.add_row("proofs of the catalogue", outcome("failed" if proofs else "passed"), "", Text(decided))
    for target in OWN:
        table.add_row(f"ours, {target}", *_own(report, target))
    for target in third_party():
        table.add_row(f"others, {target}", *_other(report, target))
    out.print(table)
    broken = [row for row in promised(rows_of(report, OWN)) if row["outcome"] in ("failed", "errored")]
    for row in broken[:SHOWN]:
        out.print("\n" + paragraph(row), markup=False, soft_wrap=True)
    if len(broken) > SHOWN:
        out.print(f"\nand {len(broken) - SHOWN} more like these; the page and the JSONL have them all.")
    _news(report)


def _own(report: Report, target: str) -> tuple[Text, str, Text]:
    rows = promised(rows_of(report, (target,)))
    subjects = named(report, (target,))
    if not subjects:
        return outcome("skipped"), "", Text(rows[0]["reason"] if rows else "not run")
    return outcome(worst(rows)), str(len(subjects)), Text(counted(count(rows)))


def _other(report: Report, target: str) -> tuple[Text, str, Text]:
    rows = promised(rows_of(report, (target,)))
    subjects = named(report, (target,))
    if not subjects:
        return outcome("skipped"), "", Text(rows[0]["reason"] if rows else "not run")
    moved = sum(change.status is not Status.UNCHANGED for change in changes(rows))
    known = f"{moved} not as on record" if moved else "as on record"
    return Text(known, style="yellow" if moved else ""), str(len(subjects)), Text(counted(count(rows)))


def _news(report: Report) -> None:
    """What is not as on record in other people's libraries: news for us, never a failure of this run."""
    for change in changes(promised(rows_of(report, tuple(third_party())))):
        if change.status is not Status.UNCHANGED:
            expected = " or ".join(change.expected) or "nothing on record"
            cell = " · ".join(filter(None, (change.subject, change.version, change.check, change.dtype)))
            console().print(f"{change.status}: {cell}: {change.outcome}, was {expected}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
