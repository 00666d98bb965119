"""The report on a terminal: what a newcomer reads at the end of a run."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..stream import Report
from .view import SubjectView, View, arrange
from .wording import SYMBOLS, number, paragraph, quantity

COLOURS = {"passed": "green", "failed": "red", "errored": "yellow", "skipped": "bright_black"}
SHOWN = 5


def render(report: Report, *, width: int = 120) -> str:
    """The report as plain text, `width` columns wide."""
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(pieces(report))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def pieces(report: Report) -> RenderableType:
    """What is printed: a table of the subjects, what is to be mended in full, and the headline."""
    view = arrange(report)
    parts: list[RenderableType] = []
    if view.overview:
        parts.append(_overview(view))
    elif view.subjects:
        parts.append(_table(view.subjects, "Subjects"))
    parts += _broken(view)
    if view.others:
        parts.append(_table(view.others, "What we found in others (not judged by the exit status of `make run`)"))
    parts.append(Text(view.headline, style="bold"))
    return Group(*parts)


def console(*, stderr: bool = False) -> Console:
    """The console to print on; output that goes to a file is 110 columns wide."""
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=110)


def outcome(name: str) -> Text:
    """An outcome with its colour and its symbol."""
    return Text(f"{SYMBOLS[name]} {name}", style=COLOURS[name])


def _table(subjects: Sequence[SubjectView], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("subject", "encoding", "verdict"):
        table.add_column(column, overflow="fold")
    for column in ("passed", "failed", "errored", "skipped"):
        table.add_column(column, justify="right")
    table.add_column("closest to its limit", overflow="fold")
    for subject in subjects:
        counts = [str(n) if n else "·" for n in subject.counts.values()]
        table.add_row(
            Text(subject.name), Text(subject.encoding), outcome(subject.outcome), *counts, Text(_closest(subject))
        )
    return table


def _overview(view: View) -> Table:
    table = Table(title="Encodings", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in ("encoding", *view.targets):
        table.add_column(column, overflow="fold")
    for encoding, cells in view.overview:
        table.add_row(
            Text(encoding), *(outcome(c.outcome).append(f" ({len(c.rows)})", "dim") if c else "" for c in cells)
        )
    return table


def _closest(subject: SubjectView) -> str:
    row = subject.closest
    if row is None:
        return ""
    return f"{number(row['measured'])} of {quantity(row['allowed'], row.get('unit', ''))} · {row['check']}"


def _broken(view: View) -> list[RenderableType]:
    shown: list[RenderableType] = [
        Text("\n" + paragraph(row), style=COLOURS[str(row["outcome"])]) for row in view.broken[:SHOWN]
    ]
    if len(view.broken) > SHOWN:
        shown.append(Text(f"\nand {len(view.broken) - SHOWN} more like these; the page and the JSONL have them all."))
    return [*shown, Text("")] if shown else []
