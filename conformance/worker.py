"""The process that one subject runs in; its findings leave as JSON lines on a pipe of their own, safe from prints."""

import json
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from .finding import Check, Finding, Measurement, Outcome

if TYPE_CHECKING:
    from .subject import Subject

SEEN = "measured by an earlier process"
Cell = tuple[str, str, str]  # check, dtype, device


class Channel:
    """The private pipe to the parent: one JSON object a line."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._last = time.perf_counter()

    def send(self, kind: str, **content: Any) -> None:
        """Writes one message, whole. A parent that is gone ends this process."""
        line = json.dumps({"kind": kind} | content, ensure_ascii=False, allow_nan=False, default=_plain)
        data = (line + "\n").encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except BrokenPipeError:
            os._exit(1)

    def finding(self, finding: Finding) -> None:
        """Sends one finding with the seconds since the last."""
        now = time.perf_counter()
        self.send("finding", row=finding.row(), seconds=now - self._last)
        self._last = now


def watched(check: Check, channel: Channel, seen: Iterable[Cell]) -> Check:
    """The same check, which says when it begins and ends, and measures nothing where an earlier process has been."""
    known = set(seen)

    def run(bench: Any) -> Iterator[Measurement]:
        cell = (check.name, str(getattr(bench, "dtype", "")), str(getattr(bench, "device", "cpu")))
        if cell in known:
            yield Measurement(SEEN, 0.0, 0.0, "", "", outcome=Outcome.SKIPPED, reason=SEEN)
            return
        channel.send("begin", cell=cell)
        yield from check.run(bench)
        channel.send("end")

    return replace(check, run=run)


def measure(subject: "Subject", request: dict[str, Any], channel: Channel) -> None:
    """Sends every finding of a subject, as it comes."""
    from .checks import all_checks, findings
    from .targets import nearest

    known = ["smoke", *(check.name for check in all_checks())]
    for name in request["checks"] or ():
        if name not in known:
            return channel.send("usage", message=f"unknown check {name!r}{nearest(name, known)}")
    seen: Sequence[Cell] = [tuple(cell) for cell in request["seen"]]
    wanted = [check for check in all_checks() if request["checks"] is None or check.name in request["checks"]]
    checks = tuple(watched(check, channel, seen) for check in wanted)
    options = {key: request[key] for key in ("level", "dtypes", "devices", "seed")}
    for finding in findings(subject, checks=checks, **options):
        if finding.case != SEEN:
            channel.finding(replace(finding, repro=_command(finding, request)) if finding.repro else finding)
    return None


def _command(finding: "Finding", request: dict[str, Any]) -> str:
    """The command line that gives this finding again."""
    words = ["lagwise", "run", request["target"], "--subject", finding.subject, "--check", finding.check]
    words += ["--dtype", finding.dtype, "--device", finding.device]
    return shlex.join([*words, "--level", request["level"], "--seed", str(request["seed"])])


def loaded(request: dict[str, Any], channel: Channel) -> "list[Subject] | None":
    """The subjects of the target, said to the parent if it asked for no one; None if it said why there are none."""
    from .targets import UnavailableError, encoding_name, is_usage, load

    try:
        subjects = load(request["target"], request["encoding"], request["only"])
    except UnavailableError as error:
        channel.send("unavailable", reason=str(error))
        return None
    except Exception as error:
        if is_usage(error):
            channel.send("usage", message=str(error))
        else:
            channel.send("unloadable", reason=f"cannot be imported: {one_line(error)}")
        return None
    if request["subject"] is None:
        held = [
            {"name": s.name, "encoding": encoding_name(s), "spec": _hash(s), "promise": s.promise} for s in subjects
        ]
        channel.send("subjects", subjects=held)
    return subjects


def serve(request: dict[str, Any], channel: Channel, subjects: "list[Subject] | None" = None) -> None:
    """Measures one subject of the target: the one asked for, or else the first."""
    found = loaded(request, channel) if subjects is None else subjects
    chosen = [s for s in found or () if request["subject"] in (None, s.name)]
    if chosen:
        channel.send("loaded")
        measure(chosen[0], request, channel)


def nurse(request: dict[str, Any], channel: Channel) -> None:
    """Loads the target once and forks a worker for each request that comes on the socket, until it is closed."""
    from importlib import import_module

    from .checks import all_checks

    subjects = loaded(request, channel)
    if subjects:
        all_checks()  # so that what they import is imported once; so are the oracles
        for name in ("oracle", "kernel_oracle", "random_oracle"):
            import_module(f"..spec.{name}", __package__)
    channel.send("done")
    server = socket.socket(fileno=request["nursery"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are reaped by the system
    while True:
        data, descriptors, _, _ = socket.recv_fds(server, 1 << 20, 2)
        if not data:
            os._exit(0)
        if os.fork() == 0:
            server.close()
            _keep(json.loads(data), descriptors, subjects)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(request: dict[str, Any], descriptors: list[int], subjects: "list[Subject] | None") -> None:
    """Forks the worker and waits for it, since only its parent learns how it ended."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request |= {"findings": descriptors[0], "life": descriptors[1]}
    child = os.fork()
    if child == 0:
        answer(request, subjects)
    _, status = os.waitpid(child, 0)
    Channel(descriptors[0]).send("ended", status=os.waitstatus_to_exitcode(status))
    os.read(descriptors[1], 1)  # stays until the parent has ended the group, so that no other group can get its number
    os._exit(0)


def one_line(error: BaseException) -> str:
    """An exception as one line: its type and the first line of its text."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _hash(subject: "Subject") -> str | None:
    """The hash of the record that the subject is measured against; None if there is none (a finding says so)."""
    from ..spec.encoding import Encoding, EncodingError

    try:
        if isinstance(subject.encoding, Encoding):
            return record_hash(subject.encoding)
        from ..spec.catalogue import get

        return record_hash(get(subject.encoding))
    except (EncodingError, ValueError):
        return None


def record_hash(encoding: Any) -> str:
    """SHA-256 of a record: every field that decides what is computed, in SymPy's own exact notation."""
    import hashlib

    import sympy as sp

    def exact(value: Any) -> str:
        if isinstance(value, sp.MatrixBase):
            return f"{value.shape}{[sp.srepr(entry) for entry in value]}"
        if isinstance(value, (tuple, list)):
            return f"({', '.join(map(exact, value))})"
        if hasattr(value, "items"):
            return f"{{{', '.join(sorted(f'{exact(k)}: {exact(v)}' for k, v in value.items()))}}}"
        return str(sp.srepr(value)) if isinstance(value, sp.Basic) else repr(value)

    people = ("source", "summary", "conventions")
    text = "\n".join(f"{key} = {exact(value)}" for key, value in sorted(vars(encoding).items()) if key not in people)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """NumPy and torch scalars and arrays in a finding, as plain numbers and lists."""
    plain = value.tolist() if hasattr(value, "tolist") else str(value)
    return str(plain) if isinstance(plain, float) and plain - plain != 0 else plain


def _die_with_parent(descriptor: int) -> None:
    """Ends this process when the parent's end of a pipe closes, however the parent ended."""

    def wait() -> None:
        os.read(descriptor, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def answer(request: dict[str, Any], subjects: "list[Subject] | None" = None) -> NoReturn:
    """Serves one request, says `done` if it came to the end, and ends the process."""
    channel = Channel(request["findings"])
    if "nursery" not in request:
        _die_with_parent(request["life"])
    channel.send("ready", group=os.getpgid(0))
    try:
        if "nursery" in request:
            nurse(request, channel)
        serve(request, channel, subjects)
    except SystemExit as error:
        channel.send("failure", reason=f"the subject called sys.exit({error.code!r})")
    except BaseException as error:
        channel.send("failure", reason=f"the subject raised {one_line(error)}")
    else:
        channel.send("done")
    sys.stdout.flush()
    os._exit(0)  # a subject's own threads and exit handlers have no say


if __name__ == "__main__":
    answer(json.loads(sys.argv[1]))
