"""Subject files that the harness tests write and run: one right RoPE in NumPy, and ways for it to go wrong."""

from pathlib import Path

RIGHT = '''
import ctypes, os, sys, time
from pathlib import Path

import numpy as np

from lagwise.conformance import Subject


def turn(x, positions, base, sign):
    theta = base ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    angle = np.asarray(positions, dtype=np.float64)[:, None] * theta
    c, s = np.cos(angle), sign * np.sin(angle)
    even, odd = x[..., 0::2].astype(np.float64), x[..., 1::2].astype(np.float64)
    return np.stack([even * c - odd * s, even * s + odd * c], axis=-1).reshape(x.shape).astype(x.dtype)


def rope(name, before=lambda q: None, sign=1, encoding="rope", **changes):
    def encode(q, k, positions, parameters):
        before(q)
        return turn(q, positions, parameters["base"], sign), turn(k, positions, parameters["base"], sign)

    declared = dict(dtypes=("float32",), angles="float64", tables="none", arithmetic="float64", max_position=4096)
    declared |= dict(encode=encode, parameters={"dim": 8, "base": 100.0}) | changes
    return Subject(name=name, encoding=encoding, **declared)


def once(action, here=__file__):
    """Goes wrong at the fifth call, and only in the first process that makes it."""
    calls = []

    def before(q):
        calls.append(1)
        marker = Path(here).with_suffix(".went-wrong")
        if len(calls) == 5 and not marker.exists():
            marker.touch()
            action()

    return before


def always(action):
    return lambda q: action()

'''

ACTIONS = {
    "segfault": "lambda: ctypes.string_at(0)",
    "os-exit": "lambda: os._exit(7)",
    "sys-exit": "lambda: sys.exit(3)",
    "hang": "lambda: time.sleep(600)",
}


def write(folder: Path, name: str, body: str) -> str:
    """A subject file with `body` after the common part; its path as a target."""
    path = folder / name
    path.write_text(RIGHT + body)
    return str(path)


def right(folder: Path, name: str = "right.py") -> str:
    """A file with one subject that keeps what it promises."""
    return write(folder, name, 'subject = rope("right")\n')


def wrong(folder: Path, name: str = "wrong.py") -> str:
    """A file with one subject that turns the other way."""
    return write(folder, name, 'subject = rope("wrong", sign=-1)\n')
