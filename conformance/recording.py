"""A run, written down: every row goes to the report file as it comes, and the finished report is sorted and counted."""

import os
import platform
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any

from .runner import Ended, Event, Found, Named, Options, Runner
from .stream import Report, Writer, exit_code
from .targets import is_third_party

LIBRARIES = ("lagwise", "numpy", "sympy", "python-flint", "mpmath", "torch", "transformers", "rotary-embedding-torch")
CUDA = ("cupy-cuda12x", "cupy-cuda13x")


def record(
    targets: Sequence[str], options: Options, folder: Path, observe: Callable[[Event], None] = lambda event: None
) -> Report:
    """Runs the targets and writes `folder/report.jsonl`; `observe` is told of every event. Raises TargetError.

    Interrupted, it leaves the rows found so far without a footer.
    """
    events = Runner(targets, options).events()
    first = next(events)  # a usage error comes before anything and leaves an earlier report as it was
    named: dict[str, Named] = {}
    empty: set[str] = set()
    with closing(events), closing(Writer(folder, header(targets, options))) as writer:
        for event in chain([first], events):
            if isinstance(event, Named):
                named[event.name] = event
            if isinstance(event, Found):
                writer.add(event.row, event.seconds)
            if isinstance(event, Ended) and event.subject is None:
                empty |= {event.target} - {n.target for n in named.values()}
            observe(event)
        status = exit_code(list(writer.rows.values()), {*named, *empty})
        specs = {n.encoding: n.spec for n in named.values() if n.spec is not None}
        subjects = [
            {"name": n.name, "target": n.target, "others": is_third_party(n.target), "promise": n.promise}
            for n in named.values()
        ]
        subjects.sort(key=lambda subject: str(subject["name"]))
        return writer.finish(status, subjects=subjects, specs=dict(sorted(specs.items())))


def header(targets: Sequence[str], options: Options) -> dict[str, Any]:
    """What a run was: its versions, the kind of machine (without its name), the seed, the level, the targets."""
    asked = {key: value for key, value in asdict(options).items() if key not in ("jobs", "time_limit")}
    return {"versions": versions(), "machine": machine(), "targets": list(targets)} | asked


def versions() -> dict[str, str]:
    """The installed versions of what can change a finding."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES + CUDA:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The kind of machine, without its name."""
    return {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()}
