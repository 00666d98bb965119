"""An expression at exact values, the branches that are not taken left alone: log 0 beside n = 0 is never formed."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp


def at(e: Any, values: Mapping[Any, Any]) -> Any:
    """e with symbols replaced by exact numbers; logarithms of rationals over primes: ratios are exact."""
    exact = {s: _number(v) for s, v in values.items()}
    return _at(sp.sympify(e), exact)


def without_logarithms(e: Any) -> Any:
    """e^(c log x + y) as x^c e^y."""

    def put(x: Any) -> Any:
        found = sp.Integer(1)
        for part in sp.Add.make_args(sp.expand_mul(x.args[0])):
            logs = [f for f in sp.Mul.make_args(part) if isinstance(f, sp.log)]
            found *= logs[0].args[0] ** (part / logs[0]) if len(logs) == 1 else sp.exp(part)
        return found

    return e.replace(lambda x: isinstance(x, sp.exp), put)


def _number(value: Any) -> Any:
    return sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sp.sympify(value)


def _at(e: Any, values: Mapping[Any, Any]) -> Any:
    if e in values:
        return values[e]
    if not e.args:
        return e
    if isinstance(e, sp.Piecewise):
        return _case(e, values)
    found = e.func(*(_at(x, values) for x in e.args))
    if isinstance(found, sp.log) and found.args[0].is_Rational and found.args[0] > 0:
        return sp.Add(*(k * sp.log(p) for p, k in sp.factorrat(found.args[0]).items()))
    return found


def _case(e: Any, values: Mapping[Any, Any]) -> Any:
    kept = []
    for value, condition in e.args:
        holds = _at(condition, values)
        if holds == sp.false:
            continue
        kept.append((_at(value, values), holds))
        if holds == sp.true:
            break
    if not kept:
        return sp.nan
    return kept[0][0] if kept[0][1] == sp.true else sp.Piecewise(*kept)
