"""Adapters that misbehave instead of computing something wrong: what running in a separate process has to survive.

Each one is right at first sight; `expected` says what a run must make of it: an errored row, or a failed one.
"""

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..subject import Subject
from .rotary import HONEST, Array, subject


@dataclass(frozen=True)
class FailingAdapter:
    """A subject that misbehaves, the outcome its rows must have, and words that the reason must contain."""

    subject: Subject
    expected: str
    says: str


def _right(state: Any, q: Array, k: Array, positions: Array) -> Any:
    return HONEST.both(q, k, positions, state)


def _raises(state: Any, q: Array, k: Array, positions: Array) -> Any:
    raise RuntimeError("no kernel for this device")


def _wrong_shape(state: Any, q: Array, k: Array, positions: Array) -> Any:
    return q[..., :-1], k[..., :-1]


def _not_a_pair(state: Any, q: Array, k: Array, positions: Array) -> Any:
    return HONEST.one(q, positions, state)


def _not_arrays(state: Any, q: Array, k: Array, positions: Array) -> Any:
    return [x.tolist() for x in HONEST.both(q, k, positions, state)]


def _mutates(state: Any, q: Array, k: Array, positions: Array) -> Any:
    turned = HONEST.both(q, k, positions, state)
    q *= 2
    positions += 1
    return turned


def _hangs(state: Any, q: Array, k: Array, positions: Array) -> Any:
    time.sleep(3600)


def _exits(state: Any, q: Array, k: Array, positions: Array) -> Any:
    sys.exit(7)


def _crashes(state: Any, q: Array, k: Array, positions: Array) -> Any:
    ctypes.string_at(0)


def _build_raises(parameters: Any, dtype: Any, device: str) -> Any:
    raise ValueError("weights not found")


_ROWS: tuple[tuple[str, Callable[..., Any], dict[str, Any], str, str], ...] = (
    ("raises", _raises, {}, "errored", "no kernel for this device"),
    ("build-raises", _right, {"build": _build_raises}, "errored", "weights not found"),
    ("wrong-shape", _wrong_shape, {}, "errored", "shape"),
    ("not-a-pair", _not_a_pair, {}, "errored", "wanted the pair"),
    ("not-arrays", _not_arrays, {}, "errored", "wanted an array"),
    ("mutates", _mutates, {}, "failed", "changed"),
    ("hangs", _hangs, {}, "errored", "no result within"),
    ("exits", _exits, {}, "errored", "sys.exit(7)"),
    ("crashes", _crashes, {}, "errored", "SIGSEGV"),
)


def adapters_that_fail() -> list[FailingAdapter]:
    """Every failing adapter; those named hangs, exits and crashes must never be called in the caller's own process."""
    found = []
    for name, encode, declared, expected, says in _ROWS:
        found.append(FailingAdapter(subject(f"fails:{name}", encode=encode, **declared), expected, says))
    return found


subjects = [adapter.subject for adapter in adapters_that_fail()]
