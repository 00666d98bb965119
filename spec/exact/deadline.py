"""A time limit without signals: long loops call `tick`, which raises when the limit of the running decision is over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from ..recheck import Algebra

T = TypeVar("T")
_ends: ContextVar[tuple[float, float] | None] = ContextVar("_ends", default=None)


class TimeLimitError(Exception):
    """The time limit of a decision is over; the message says which."""


def tick() -> None:
    """Raises TimeLimitError after the end of the running limit; does nothing without one."""
    found = _ends.get()
    if found is not None and time.monotonic() > found[0]:
        raise TimeLimitError(f"not decided within the time limit of {found[1]:g} s")


def within(attempt: Callable[[], T], otherwise: Callable[[str], T]) -> T:
    """What the attempt gives, or, where the time limit ends it, what `otherwise` makes of the reason."""
    try:
        return attempt()
    except TimeLimitError as error:
        return otherwise(str(error))


@contextmanager
def limit(seconds: float | None) -> Iterator[None]:
    """Everything inside has `seconds` together (None: no limit). Products of terms count as steps too."""
    token = _ends.set(None if seconds is None else (time.monotonic() + seconds, seconds))
    try:
        yield
    finally:
        _ends.reset(token)


Algebra.on_product = staticmethod(tick)
