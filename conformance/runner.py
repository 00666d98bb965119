"""Runs subjects, each in its own worker process, a few at a time, and yields what is found as it is found."""

import queue
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from .finding import Finding, Outcome
from .isolation import Nursery, Worker, WorkerDiedError, can_fork
from .stream import Row
from .targets import TargetError, precheck

ASKED = ("level", "encoding", "only", "checks", "dtypes", "devices", "seed")


@dataclass(frozen=True)
class Options:
    """What is run, and how: subjects of one `encoding`, `only` the one of a name; None stands for all there are."""

    level: str = "standard"
    encoding: str | None = None
    only: str | None = None
    checks: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    seed: int = 0
    time_limit: float = 60.0
    jobs: int = 2


@dataclass(frozen=True)
class Named:
    """A subject of a target, before it is run; `spec` is the hash of its encoding's record."""

    target: str
    name: str
    encoding: str
    spec: str | None
    promise: str = ""


@dataclass(frozen=True)
class Found:
    """One row of a subject, and how long it took."""

    row: Row
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """Nothing more comes of this subject (None: of a target that gave no subject)."""

    target: str
    subject: str | None


Event = Named | Found | Ended


@dataclass
class _Progress:
    """What is known of one subject so far, over the worker processes it has had."""

    target: str
    subject: str | None = None
    encoding: str = ""
    nursery: Nursery | None = None
    seen: list[Sequence[str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    earlier: set[str] = field(default_factory=set)  # the ids found by processes before this one
    fresh: bool = True  # this process has begun no check yet
    now: Sequence[str] = ("load", "", "cpu")  # what this process is doing: check, dtype, device


class Runner:
    """One run over targets. Iterate over `events()`; Ctrl-C ends every worker."""

    def __init__(self, targets: Sequence[str], options: Options) -> None:
        for target in targets:
            precheck(target)
        self._targets = list(dict.fromkeys(targets))
        self._options = options
        self._events: queue.Queue[Event | BaseException] = queue.Queue()
        self._owner: dict[str, str] = {}

    def events(self) -> Generator[Event, None, None]:
        """What happens, as it happens. Raises TargetError for a target that turns out to name nothing."""
        Worker.allow()
        open_work = len(self._targets)
        self._pool = ThreadPoolExecutor(max(1, self._options.jobs))
        self._nurseries = ExitStack()
        try:
            for target in self._targets:
                self._pool.submit(self._guarded, _Progress(target))
            while open_work:
                event = self._events.get()
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, Named):
                    self._claim(event)
                    open_work += 1
                if isinstance(event, Ended):
                    open_work -= 1
                yield event
        finally:
            Worker.stop_all()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._nurseries.close()
            Worker.allow()

    def _claim(self, named: Named) -> None:
        owner = self._owner.setdefault(named.name, named.target)
        if owner != named.target:
            raise TargetError(f"two subjects are named {named.name!r}: one in {owner!r}, one in {named.target!r}")

    def _guarded(self, progress: _Progress) -> None:
        try:
            self._subject(progress)
        except BaseException as error:
            self._events.put(error)

    def _subject(self, progress: _Progress) -> None:
        """Runs one subject to its end, in a second process from the next check on if the first one dies."""
        listing = progress.subject is None
        if listing and can_fork(progress.target):
            self._nurse(progress)
            return
        for attempt in ("first", "last"):
            progress.fresh, progress.now, progress.earlier = True, ("load", "", "cpu"), set(progress.ids)
            try:
                with self._worker(progress) as worker:
                    for message in worker.messages():
                        self._take(progress, message)
                break
            except WorkerDiedError as error:
                self._died(progress, str(error), last=attempt == "last")
                if progress.fresh:  # it died before any check: it would die again
                    break
        if progress.subject is not None:
            self._events.put(Ended(progress.target, progress.subject))
        if listing:
            self._events.put(Ended(progress.target, None))

    def _nurse(self, progress: _Progress) -> None:
        """Lists a target in a process that stays, so that the workers of its subjects are forked from there."""
        progress.nursery = Nursery(self._request(progress), self._options.time_limit, jobs=self._options.jobs)
        try:
            self._nurseries.enter_context(progress.nursery)
            for message in progress.nursery.messages():
                self._take(progress, message)
        except WorkerDiedError as error:
            self._died(progress, str(error), last=False)
        self._events.put(Ended(progress.target, None))

    def _worker(self, progress: _Progress) -> Worker:
        options = self._options
        return Worker(self._request(progress), options.time_limit, jobs=options.jobs, nursery=progress.nursery)

    def _request(self, progress: _Progress) -> dict[str, Any]:
        return {
            "target": progress.target,
            "subject": progress.subject,
            "seen": progress.seen,
            **{key: value for key, value in asdict(self._options).items() if key in ASKED},
        }

    def _take(self, progress: _Progress, message: dict[str, Any]) -> None:
        kind = message["kind"]
        if kind == "usage":
            raise TargetError(message["message"])
        if kind == "subjects":
            self._list(progress, message["subjects"])
        elif kind in ("loaded", "end"):
            progress.now = ("smoke", "", "cpu")
        elif kind == "begin":
            progress.fresh, progress.now = False, message["cell"]
            progress.seen.append(message["cell"])
        elif kind == "finding":
            self._found(progress, message["row"], message["seconds"])
        elif kind == "unloadable":
            self._errored(progress, "load", "import", message["reason"])
        elif kind == "unavailable":
            self._errored(progress, "load", "available", message["reason"], Outcome.SKIPPED)

    def _list(self, progress: _Progress, subjects: Sequence[dict[str, Any]]) -> None:
        names = [subject["name"] for subject in subjects]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise TargetError(f"target {progress.target!r}: two subjects are named {twice!r}")
        for subject in subjects:
            known = (subject["name"], subject["encoding"], subject["spec"], subject.get("promise", ""))
            self._events.put(Named(progress.target, *known))
        if subjects and progress.nursery is None:  # this worker goes on with the first one
            progress.subject, progress.encoding = subjects[0]["name"], subjects[0]["encoding"]
        for subject in subjects if progress.nursery else subjects[1:]:
            work = _Progress(progress.target, subject["name"], subject["encoding"], progress.nursery)
            self._pool.submit(self._guarded, work)

    def _found(self, progress: _Progress, row: Row, seconds: float | None = None) -> None:
        if row["id"] not in progress.ids:
            progress.ids.add(row["id"])
            self._events.put(Found(row, seconds))
        elif row["id"] not in progress.earlier:
            reason = f"the check gave two findings with the id {row['id']!r}"
            self._errored(progress, row["check"], f"{row['case']} (repeated)", reason)

    def _died(self, progress: _Progress, reason: str, *, last: bool) -> None:
        check, dtype, device = progress.now
        given_up = "; this was the second process, so the remaining checks did not run" if last else ""
        self._errored(progress, check, "process", reason + given_up, dtype=dtype, device=device)

    def _errored(
        self,
        progress: _Progress,
        check: str,
        case: str,
        reason: str,
        outcome: Outcome = Outcome.ERRORED,
        dtype: str = "",
        device: str = "cpu",
    ) -> None:
        finding = Finding(
            subject=progress.subject or progress.target,
            encoding=progress.encoding,
            check=check,
            case=case,
            outcome=outcome,
            dtype=dtype,
            device=device,
            reason=reason,
            expected="the subject can be loaded" if check == "load" else "the check runs to its end",
            repro=f"lagwise run {progress.target}",
        )
        self._found(progress, finding.row())
