"""A kernel on one half-line n = 1, 2, …: finitely many values of its own, then a tail without Max, Min or cases."""

from dataclasses import dataclass
from typing import Any

import sympy as sp

from .exact.deadline import tick
from .substitute import at

_EXACT_POWERS = 64
STARTS = tuple(2**k for k in range(14))
_RISING = (sp.floor, sp.ceiling, sp.sign, sp.exp, sp.log, sp.tanh, sp.atan)


@dataclass(frozen=True)
class Tail:
    """What a kernel is for every whole n >= start."""

    start: int
    expression: sp.Expr


def resolve(e: Any, n: sp.Symbol, start: int) -> Any:
    """e for whole n >= start: each Max, Min, Abs, sign and case that monotony decides there is replaced."""
    if not e.has(n) or e == n:
        return e
    if isinstance(e, sp.Piecewise):
        return _resolve_cases(e, n, start)
    parts = [resolve(x, n, start) for x in e.args]
    found = e.func(*parts)
    if isinstance(found, (sp.Max, sp.Min)):
        return _resolve_extreme(found, n, start)
    if isinstance(found, (sp.Abs, sp.sign)) and found.has(n):
        for side in (1, -1):
            if nonnegative(side * found.args[0], n, start):
                inner = side * found.args[0]
                positive = nonnegative(inner, n, start, strict=True)
                return inner if isinstance(found, sp.Abs) else sp.Integer(side) if positive else found
    return found


def _resolve_extreme(e: Any, n: sp.Symbol, start: int) -> Any:
    sign, kept = (1 if isinstance(e, sp.Max) else -1), list(e.args)
    for x in e.args:
        if any(y is not x and nonnegative(sign * (y - x), n, start) for y in kept):
            kept = [y for y in kept if y is not x]
    return e.func(*kept)


def _resolve_cases(e: Any, n: sp.Symbol, start: int) -> Any:
    kept = []
    for value, condition in e.args:
        holds = decided(condition, n, start)
        if holds is False:
            continue
        kept.append((resolve(value, n, start), sp.true if holds else condition))
        if holds:
            break
    if not kept:
        return sp.nan
    return kept[0][0] if kept[0][1] == sp.true else sp.Piecewise(*kept)


def decided(condition: Any, n: sp.Symbol, start: int) -> bool | None:
    """Whether a condition holds at every whole n >= start (True), at none (False), or is open."""
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        answers = [decided(x, n, start) for x in condition.args]
        deciding = isinstance(condition, sp.Or)
        return deciding if deciding in answers else None if None in answers else not deciding
    if isinstance(condition, sp.Not):
        inner = decided(condition.args[0], n, start)
        return None if inner is None else not inner
    if isinstance(condition, (sp.Eq, sp.Ne)):
        apart = any(nonnegative(s * (condition.lhs - condition.rhs), n, start, strict=True) for s in (1, -1))
        return isinstance(condition, sp.Ne) if apart else None
    if not isinstance(condition, (sp.Lt, sp.Le, sp.Gt, sp.Ge)):
        return None
    rise = resolve(condition.gts - condition.lts, n, start)
    strict = isinstance(condition, (sp.Lt, sp.Gt))
    if nonnegative(rise, n, start, strict=strict):
        return True
    return False if nonnegative(-rise, n, start, strict=not strict) else None


def nonnegative(e: Any, n: sp.Symbol, start: int, strict: bool = False) -> bool:
    """Whether e >= 0 (or > 0) is certain at every whole n >= start: it rises, and is so at the start."""
    e = sp.expand(e)
    known = e.is_positive if strict else e.is_nonnegative
    if known is not None:
        return bool(known)
    if direction(e, n, start) not in (0, 1) or (start > _EXACT_POWERS and _grows(e, n)):
        return False
    return _sign_known(at(e, {n: start}), strict)


def _grows(e: Any, n: sp.Symbol) -> bool:
    """Whether n stands in an exponent: at a late start the exact value has too many digits."""
    return any(x.exp.has(n) for x in e.atoms(sp.Pow, sp.exp))


def _sign_known(value: Any, strict: bool) -> bool:
    known = value.is_positive if strict else value.is_nonnegative
    return bool(known)


def direction(e: Any, n: sp.Symbol, start: int) -> int | None:
    """1 where e certainly never falls on n >= start, -1 where it never rises, 0 where it is constant, else None."""
    if not e.has(n):
        return 0
    if e == n:
        return 1
    if isinstance(e, (sp.Add, sp.Max, sp.Min)):
        return _common([direction(x, n, start) for x in e.args])
    if isinstance(e, sp.Mul):
        return _of_product(e, n, start)
    if isinstance(e, sp.Pow) and not e.exp.has(n):
        inner = direction(e.base, n, start)
        if inner is None or not nonnegative(e.base, n, start):
            return None
        return inner if e.exp.is_nonnegative else -inner if e.exp.is_negative else None
    if isinstance(e, sp.Pow) and e.base.is_positive and not e.base.has(n):
        inner, above = direction(e.exp, n, start), (e.base - 1)
        return None if inner is None else inner if above.is_nonnegative else -inner if above.is_nonpositive else None
    if isinstance(e, _RISING):
        return direction(e.args[0], n, start)
    return None


def _common(found: list[int | None]) -> int | None:
    kinds = {x for x in found if x != 0}
    return 0 if not kinds else None if len(kinds) > 1 else kinds.pop()


def _of_product(e: sp.Expr, n: sp.Symbol, start: int) -> int | None:
    constant, moving = e.as_independent(n, as_Add=False)
    sign = 1 if constant.is_nonnegative else -1 if constant.is_nonpositive else None
    factors = sp.Mul.make_args(moving)
    if len(factors) > 1 and not all(nonnegative(x, n, start) for x in factors):
        return None
    common = _common([direction(x, n, start) for x in factors])
    return None if sign is None or common is None else sign * common


def tail(e: Any, n: sp.Symbol, accept: Any) -> Tail | None:
    """The first start (a power of 2) at which the resolved e is accepted, and what it is from there on."""
    for start in STARTS:
        tick()
        found = resolve(e, n, start)
        if accept(found):
            return Tail(start, found)
    return None


def last_apart(e: Any, n: sp.Symbol, found: Tail, differ: Any) -> int | None:
    """The last n below the start where e is not its tail (0: nowhere). None where `differ` cannot say."""
    for i in range(found.start - 1, 0, -1):
        tick()
        answer = differ(at(e, {n: i}), at(found.expression, {n: i}))
        if answer is None:
            return None
        if answer:
            return i
    return 0


def on_side(e: Any, lag: sp.Symbol, sign: int) -> tuple[Any, sp.Symbol]:
    """e at lag = sign · n, and n: whole and positive, so that |lag| is n at once."""
    n = sp.Symbol("n", integer=True, positive=True)
    return e.subs(lag, sign * n), n
