"""The parent's side of a worker process: it reads until findings end, the process dies or is silent too long."""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, ClassVar

Message = dict[str, Any]


class WorkerDiedError(Exception):
    """The process ended, or was ended, before it was done; the message is the reason for the errored row."""


class Worker:
    """One worker process, as a context manager: whatever happens, it and its children are gone at the end.

    `limit` is how long, in seconds, it may take from one message to the next.
    """

    _alive: ClassVar["set[Worker]"] = set()
    _lock = threading.Lock()
    _stopping = False

    def __init__(self, request: Message, limit: float, *, jobs: int = 1) -> None:
        self.limit = limit
        self._request = request
        self._threads = str(max(1, (os.cpu_count() or 1) // jobs))

    def __enter__(self) -> "Worker":
        self._findings, findings = os.pipe()
        life, self._life = os.pipe()
        request = json.dumps(self._request | {"findings": findings, "life": life})
        with Worker._lock:
            if Worker._stopping:
                raise WorkerDiedError("the run was stopped")
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.worker", request],
                pass_fds=(findings, life),
                stdin=subprocess.DEVNULL,
                stdout=None if os.environ.get("LAGWISE_DEBUG") else subprocess.DEVNULL,
                stderr=None if os.environ.get("LAGWISE_DEBUG") else subprocess.DEVNULL,
                start_new_session=True,
                env=self._environment(),
            )
            Worker._alive.add(self)
        os.close(findings)
        os.close(life)
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        self._process.wait()
        with Worker._lock:
            Worker._alive.discard(self)
        os.close(self._findings)
        os.close(self._life)

    def _environment(self) -> dict[str, str]:
        defaults = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": self._threads, "TOKENIZERS_PARALLELISM": "false"}
        return defaults | os.environ

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
                if message["kind"] == "failure":
                    raise WorkerDiedError(message["reason"])
                yield message

    def _read(self, deadline: float) -> bytes:
        ready, _, _ = select.select([self._findings], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            self.kill()
            raise WorkerDiedError(f"no result within {self.limit:g} s")
        return os.read(self._findings, 1 << 16)

    def _end(self) -> str:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "the subject closed its pipe and went on"
        if status >= 0:
            return f"the subject ended its process with exit status {status}"
        name = signal.Signals(-status).name
        hint = {"SIGSEGV": " (segmentation fault)", "SIGKILL": " (perhaps out of memory)"}.get(name, "")
        return f"the process was killed by {name}{hint}"

    def kill(self) -> None:
        """Ends the process and every process it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()

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
