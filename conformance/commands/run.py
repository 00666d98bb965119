"""`lagwise run TARGET…`: every subject in a process of its own, the first failure at once, a table at the end."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from ..finding import Level
from ..recording import record
from ..report.text import COLOURS, console, pieces
from ..report.wording import paragraph, title
from ..runner import Ended, Event, Found, Named, Options
from ..stream import Report
from ..targets import TargetError

DTYPES = ("float64", "float32", "float16", "bfloat16")


def run(
    targets: Sequence[str],
    *,
    encoding: str | None = None,
    subject: str | None = None,
    checks: Sequence[str] | None = None,
    dtypes: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    level: str = "standard",
    seed: int = 0,
    out: Path = Path("out"),
    json: bool = False,
    explain: bool = False,
    time_limit: float = 60.0,
    jobs: int = 2,
) -> int:
    """Runs the targets, writes `out/report.jsonl`, prints the table (or the JSON) and returns the exit status.

    Raises TargetError or EncodingError for what the person at the command line got wrong.
    """
    cells = {"checks": _split(checks), "dtypes": _split(dtypes), "devices": _split(devices)}
    options = Options(level, encoding, subject, **cells, seed=seed, time_limit=time_limit, jobs=jobs)
    _validate(options)
    progress = Progress(console(stderr=True), quiet=json)
    with progress:
        report = record(targets, options, out, progress.observe)
    if json:
        from ..report.json_ import render

        print(render(report), end="")
    else:
        show(report, console(), explain=explain)
        print(f"report: {out / 'report.jsonl'}")
    return int(report.footer["exit"])


def show(report: Report, to: Console, *, explain: bool = False) -> None:
    """Prints a report: with `explain`, first what each budget is the sum of."""
    if explain:
        for row in report.rows:
            if row.get("budget"):
                to.print(
                    f"{title(row)}\n  allowed {row['allowed']} {row['unit']}: {row['budget']}",
                    markup=False,
                    soft_wrap=True,
                )
    to.print(pieces(report))
    if report.footer.get("exit") == 3 and not report.counts["errored"]:
        to.print("exit 3: a subject that was named ran nothing", style="yellow")


class Progress:
    """What a person sees while a run goes on: where it is, and the first failure as soon as it is known."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console = console
        self._quiet = quiet
        self._status = Status("starting", console=console) if console.is_terminal and not quiet else None
        self._subjects, self._ended, self._findings, self._bad = 0, 0, 0, 0

    def __enter__(self) -> "Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._status:
            self._status.stop()

    def observe(self, event: Event) -> None:
        """Takes one event of the run."""
        if isinstance(event, Named):
            self._subjects += 1
        elif isinstance(event, Ended):
            self._ended += event.subject is not None
        elif isinstance(event, Found):
            self._found(event)
        if self._status:
            bad = f", [red]{self._bad} not passed[/]" if self._bad else ""
            self._status.update(f"{self._ended} of {self._subjects} subjects, {self._findings} findings{bad}")

    def _found(self, event: Found) -> None:
        self._findings += 1
        outcome = str(event.row["outcome"])
        if outcome in ("failed", "errored") and event.row.get("basis") != "definition":
            self._bad += 1
            if self._bad == 1 and not self._quiet:
                self._console.print(escape(paragraph(event.row)), style=COLOURS[outcome], soft_wrap=True)


def _split(values: Iterable[str] | None) -> tuple[str, ...] | None:
    parts = tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())
    return parts or None


def _validate(options: Options) -> None:
    levels = [str(level) for level in Level]
    if options.level not in levels:
        raise TargetError(f"--level must be one of {', '.join(levels)}, got {options.level!r}")
    for dtype in options.dtypes or ():
        if dtype not in DTYPES:
            raise TargetError(f"--dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    if options.time_limit <= 0:
        raise TargetError(f"--time-limit must be a number of seconds > 0, got {options.time_limit:g}")
    from ..designs import design, is_file

    if options.encoding is not None and is_file(options.encoding):
        design(options.encoding)
    elif options.encoding is not None:
        from ...spec.catalogue import get

        get(options.encoding)
