"""Comparisons of exact numbers and balls: decided, or an OverlapError that asks for more bits; never guessed."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from flint import fmpq

from .ball_operations import OverlapError, Turn, ball


def _less(a: Any, b: Any) -> bool:
    if type(a) is Turn and type(b) is Turn:
        return bool(a.halves < b.halves)
    if type(a) is fmpq and type(b) is fmpq:
        return bool(a < b)
    left, right = ball(a), ball(b)
    if left < right:
        return True
    if left >= right:
        return False
    raise OverlapError("a comparison")


def _equal(a: Any, b: Any) -> bool:
    if type(a) is Turn and type(b) is Turn:
        return bool(a.halves == b.halves)
    if type(a) is fmpq and type(b) is fmpq:
        return bool(a == b)
    left, right = ball(a), ball(b)
    if left == right:  # both exact
        return True
    if left.overlaps(right):
        raise OverlapError("an equality")
    return False


def larger(*values: Any) -> Any:
    """The largest, as a ball that holds it even where the order is open."""
    return reduce(lambda a, b: _extreme(a, b, 1), values)


def smaller(*values: Any) -> Any:
    """The smallest, as a ball that holds it even where the order is open."""
    return reduce(lambda a, b: _extreme(a, b, -1), values)


def _extreme(a: Any, b: Any, sign: int) -> Any:
    try:
        return (b if _less(a, b) else a) if sign > 0 else (a if _less(a, b) else b)
    except OverlapError:
        left, right = ball(a), ball(b)
        return left.max(right) if sign > 0 else left.min(right)


def choose(*flat: Any) -> Any:
    """The value after the first condition that holds: (condition, value, condition, value, …)."""
    for condition, value in zip(flat[::2], flat[1::2], strict=True):
        if condition:
            return value
    raise OverlapError("a Piecewise without a last case")


RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "StrictLessThan": _less,
    "StrictGreaterThan": lambda a, b: _less(b, a),
    "LessThan": lambda a, b: not _less(b, a),
    "GreaterThan": lambda a, b: not _less(a, b),
    "Equality": _equal,
    "Unequality": lambda a, b: not _equal(a, b),
}
BOOLEAN: dict[str, Callable[..., bool]] = {
    "And": lambda *x: all(x),
    "Or": lambda *x: any(x),
    "Not": lambda x: not x,
}
