"""What each node of an expression does to exact numbers and balls; exact in, exact out, wherever that is possible."""

from collections.abc import Callable
from functools import reduce
from typing import Any

from flint import acb, arb, fmpq

_WIDEST = 4096  # bits of a numerator that a power may reach and still be formed exactly


class OverlapError(ArithmeticError):
    """A comparison or a floor of balls that overlap: more bits are needed."""


class Turn:
    """An exact rational multiple of π."""

    __slots__ = ("halves",)

    def __init__(self, halves: fmpq) -> None:
        self.halves = halves  # the multiple: half turns

    def __repr__(self) -> str:
        return f"Turn({self.halves})"


def ball(value: Any) -> Any:
    """A value of the tape as arb or acb at the precision in force."""
    if isinstance(value, fmpq):
        return arb(value)
    if isinstance(value, Turn):
        return arb.pi() * value.halves
    return value


def _turn(halves: fmpq) -> Any:
    return Turn(halves) if halves != 0 else fmpq(0)


def _plus(a: Any, b: Any) -> Any:
    if type(a) is Turn and type(b) is Turn:
        return _turn(a.halves + b.halves)
    if type(a) is Turn or type(b) is Turn:
        if _zero(a):
            return b
        return a if _zero(b) else ball(a) + ball(b)
    return a + b


def _times(a: Any, b: Any) -> Any:
    if _zero(a) or _zero(b):
        return fmpq(0)
    if type(a) is Turn or type(b) is Turn:
        if type(b) is fmpq:
            return _turn(a.halves * b)
        return _turn(a * b.halves) if type(a) is fmpq else ball(a) * ball(b)
    return a * b


def _zero(value: Any) -> bool:
    return type(value) is fmpq and value == 0


def plus(*values: Any) -> Any:
    """The sum."""
    return reduce(_plus, values)


def times(*values: Any) -> Any:
    """The product; an exact zero wins."""
    return reduce(_times, values)


def power(base: Any, exponent: Any) -> Any:
    """base ** exponent; exact where base and exponent are rational and the result is rational and not too long."""
    if type(exponent) is fmpq:
        if type(base) is fmpq:
            found = _exact_power(base, exponent)
            if found is not None:
                return found
        if exponent == fmpq(1, 2) and type(base) is not acb:
            return ball(base).sqrt()
        if exponent.q == 1:
            return ball(base) ** int(exponent.p)
    return ball(base) ** ball(exponent)


def _exact_power(base: fmpq, exponent: fmpq) -> fmpq | None:
    if base == 0:
        return fmpq(0) if exponent > 0 else None
    if exponent.q != 1:
        if base < 0 or exponent.q > 64:
            return None
        top, bottom = base.p.root(int(exponent.q)), base.q.root(int(exponent.q))
        if top**exponent.q != base.p or bottom**exponent.q != base.q:
            return None
        base = fmpq(top, bottom)
    if abs(exponent.p) * max(base.p.bit_length(), base.q.bit_length()) > _WIDEST:
        return None
    return base ** int(exponent.p)


def cosine(angle: Any) -> Any:
    """cos; exactly 0, ±1/2, ±1 at the angles that have them."""
    return _circular(angle, 0)


def sine(angle: Any) -> Any:
    """sin; exactly 0, ±1/2, ±1 at the angles that have them."""
    return _circular(angle, 1)


def _circular(angle: Any, which: int) -> Any:
    if type(angle) is fmpq:
        if angle == 0:
            return fmpq(1 - which)
        angle = arb(angle)
    if type(angle) is Turn:
        found = arb.sin_pi_fmpq(angle.halves) if which else arb.cos_pi_fmpq(angle.halves)
        return fmpq(int((2 * found).unique_fmpz()), 2) if found.is_exact() else found
    return angle.sin() if which else angle.cos()


def phase(angle: Any) -> Any:
    """e^(i angle) for a real angle."""
    if type(angle) is acb:
        return (angle * acb(0, 1)).exp()
    if type(angle) is arb:
        sine_part, cosine_part = angle.sin_cos()
        return acb(cosine_part, sine_part)
    return acb(ball(cosine(angle)), ball(sine(angle)))


def floor(value: Any) -> Any:
    """The largest integer not above; raises OverlapError where the ball holds more than one candidate."""
    if type(value) is fmpq:
        return fmpq(value.p // value.q)
    found = ball(value).floor().unique_fmpz()
    if found is None:
        raise OverlapError("a floor")
    return fmpq(found)


def absolute(value: Any) -> Any:
    """|value|."""
    if type(value) is Turn:
        return Turn(abs(value.halves))
    return abs(value)


def _method(name: str) -> Callable[[Any], Any]:
    def apply(value: Any) -> Any:
        if _zero(value) and name not in ("exp", "log", "cosh"):
            return fmpq(0)
        if type(value) is fmpq and ((name == "log" and value == 1) or (name in ("exp", "cosh") and value == 0)):
            return fmpq(0 if name == "log" else 1)
        return getattr(ball(value), name)()

    return apply


UNARY: dict[str, Callable[[Any], Any]] = {
    name: _method(name) for name in ("exp", "log", "tan", "sinh", "cosh", "tanh", "atan", "erf")
}
