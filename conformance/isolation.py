"""The parent's side of a worker process: it reads until findings end, the process dies or is silent too long."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

Message = dict[str, Any]


class WorkerDiedError(Exception):
    """The process ended, or was ended, before it was done; the message is the reason for the errored row."""


class Worker:
    """One worker process, as a context manager: whatever happens, it and its children are gone at the end.

    `limit` is how long, in seconds, it may take from one message to the next. With a `nursery` the process is forked
    from there, where the target is loaded already; otherwise it is a fresh interpreter.
    """

    _alive: ClassVar["set[Worker]"] = set()
    _lock = threading.Lock()
    _stopping = False

    def __init__(self, request: Message, limit: float, *, jobs: int = 1, nursery: "Nursery | None" = None) -> None:
        self.limit = limit
        self._request = request
        self._threads = str(max(1, (os.cpu_count() or 1) // jobs))
        self._nursery = nursery
        self._process: subprocess.Popen[bytes] | None = None
        self._group: int | None = None

    def __enter__(self) -> Self:
        self._findings, findings = os.pipe()
        life, self._life = os.pipe()
        try:
            with Worker._lock:
                if Worker._stopping:
                    raise WorkerDiedError("the run was stopped")
                if self._nursery is not None:
                    self._nursery.fork(self._request, findings, life)
                else:
                    self._spawn(self._request | {"findings": findings, "life": life}, (findings, life))
                Worker._alive.add(self)
        except BaseException:
            self._close()
            raise
        finally:
            os.close(findings)
            os.close(life)
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        if self._process is not None:
            self._process.wait()
        with Worker._lock:
            Worker._alive.discard(self)
        self._close()

    def _close(self) -> None:
        os.close(self._findings)
        os.close(self._life)

    def _spawn(self, request: Message, descriptors: tuple[int, ...]) -> None:
        quiet = None if os.environ.get("LAGWISE_DEBUG") else subprocess.DEVNULL
        defaults = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": self._threads, "TOKENIZERS_PARALLELISM": "false"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}.worker", json.dumps(request)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
            env=defaults | os.environ,
        )
        self._group = self._process.pid

    def messages(self) -> Iterator[Message]:
        """What the worker says, as it says it, until it is done. Raises WorkerDiedError if it crashes or hangs."""
        pending = b""
        while True:
            chunk = self._read(time.monotonic() + self.limit)
            if not chunk:
                raise WorkerDiedError(self._end())
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if message["kind"] == "done":
                    return
                if message["kind"] == "ready":
                    self._group = message["group"]
                elif message["kind"] == "ended":
                    raise WorkerDiedError(_reason(message["status"]))
                elif message["kind"] == "failure":
                    raise WorkerDiedError(message["reason"])
                else:
                    yield message

    def _read(self, deadline: float) -> bytes:
        ready, _, _ = select.select([self._findings], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            self.kill()
            raise WorkerDiedError(f"no result within {self.limit:g} s")
        return os.read(self._findings, 1 << 16)

    def _end(self) -> str:
        if self._process is None:
            return "the subject ended its process and those around it"
        try:
            return _reason(self._process.wait(timeout=5))
        except subprocess.TimeoutExpired:
            return "the subject closed its pipe and went on"

    def kill(self) -> None:
        """Ends the process and every process it started."""
        if self._group is not None:
            try:
                os.killpg(self._group, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                return

    @classmethod
    def stop_all(cls) -> None:
        """Ends every worker of this process and starts no more: for Ctrl-C."""
        with cls._lock:
            cls._stopping = True
            alive = list(cls._alive)
        for worker in alive:
            worker.kill()

    @classmethod
    def allow(cls) -> None:
        """Lets workers start again after `stop_all`."""
        with cls._lock:
            cls._stopping = False


class Nursery(Worker):
    """A process that has loaded a target and forks a worker per subject: importing a library once instead of 80 times.

    Only for targets of ours: a process whose libraries have started threads or a GPU cannot be forked.
    """

    def _spawn(self, request: Message, descriptors: tuple[int, ...]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            super()._spawn(request | {"nursery": theirs.fileno()}, (*descriptors, theirs.fileno()))

    def fork(self, request: Message, findings: int, life: int) -> None:
        """Has a worker forked that serves `request` on these pipes. Raises WorkerDiedError if the nursery is gone."""
        try:
            socket.send_fds(self._socket, [json.dumps(request).encode() + b"\n"], [findings, life])
        except OSError:
            raise WorkerDiedError("the process that had loaded the target is gone") from None

    def _close(self) -> None:
        super()._close()
        self._socket.close()


def can_fork(target: str) -> bool:
    """Whether workers for a target can be forked: our backends on a machine where no GPU can have been started."""
    return target in ("backend:numpy", "backend:torch") and not Path("/dev/nvidiactl").exists()


def _reason(status: int) -> str:
    if status >= 0:
        return f"the subject ended its process with exit status {status}"
    name = signal.Signals(-status).name
    hint = {"SIGSEGV": " (segmentation fault)", "SIGKILL": " (perhaps out of memory)"}.get(name, "")
    return f"the process was killed by {name}{hint}"
