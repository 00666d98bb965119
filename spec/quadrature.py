"""Fourier integrals as certified balls at stated points: python-flint's quadrature, plus a bound for the tail."""

from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import acb, arb, ctx

from .fourier import Pair, x, xi

_BITS = 96


def transform(pair: Pair, values: dict[sp.Symbol, Any], point: Any, sign: int = -1, bits: int = _BITS) -> acb:
    """∫ f(|x|) e^{sign·2πi ξx} dx at ξ = point, over the whole line: a ball that holds the number.

    Beyond x = T, where these decreasing masks halve at every further step, both sides add at most 4 f(T); compact masks
    end at `width`.
    """
    with ctx.workprec(bits):
        end, rest = _range(pair, values)
        half = _function(pair, values)
        turn = 2j * acb.pi() * _number(point) * sign

        def integrand(z: acb, analytic: bool) -> acb:
            return half(z) * ((turn * z).exp() + (-turn * z).exp())

        total = acb.integral(integrand, acb(0), acb(end))
        return total + acb(arb(0, rest), arb(0, rest))


def spectrum(pair: Pair, values: dict[sp.Symbol, Any], point: Any, bits: int = _BITS) -> arb:
    """The stated g at a point."""
    from .balls import evaluate

    found: arb = evaluate(pair.spectrum, {**values, xi: point}, bits)
    return found


def agrees(pair: Pair, values: dict[sp.Symbol, Any], point: Any, tolerance: float = 1e-20) -> bool:
    """Whether g(point) and g(−point) are the integrals with both signs, to within balls narrower than `tolerance`."""
    for at in (point, -point):
        stated = spectrum(pair, values, at)
        for sign in (1, -1):
            found = transform(pair, values, at, sign)
            if float(found.real.rad()) > tolerance or not (found.real.overlaps(stated) and found.imag.contains(0)):
                return False
    return True


def _number(value: Any) -> arb:
    from .balls import rational

    return arb(rational(value))


def _range(pair: Pair, values: dict[sp.Symbol, Any]) -> tuple[arb, float]:
    """(T, a bound for what lies beyond it)."""
    width = next((v for s, v in values.items() if s.name == "width"), None)
    if pair.mask.has(sp.Piecewise) or pair.mask.has(sp.Max):
        return _number(width), 0.0
    half, T = _function(pair, values), 1
    with ctx.workprec(256):
        while True:
            here, after = (half(acb(t)).real for t in (T, T + 1))
            if here < 1e-24 and after * 2 < here:
                return arb(T), 4.0 * float(here.upper())
            T += 1


def _function(pair: Pair, values: dict[sp.Symbol, Any]) -> Callable[[acb], acb]:
    """f on [0, T] as a function of complex balls: analytic there."""
    mask = pair.mask
    if mask.has(sp.Piecewise):
        return lambda z: acb(1)
    if mask.has(sp.Max):
        inverse = 1 / _number(next(v for s, v in values.items() if s.name == "width"))
        return lambda z: 1 - z * inverse
    return _compiled(mask, {s: _number(v) for s, v in values.items()})


def _compiled(e: Any, values: dict[sp.Symbol, arb]) -> Callable[[acb], acb]:
    if e == x:
        return lambda z: z
    if e in values:
        return lambda z: acb(values[e])
    if e.is_Rational:
        return lambda z: acb(_number(e))
    parts = [_compiled(a, values) for a in e.args]
    if e.is_Add:
        return lambda z: sum((p(z) for p in parts), acb(0))
    if e.is_Mul:
        return lambda z: _product([p(z) for p in parts])
    if e.is_Pow and e.exp.is_Integer:
        return lambda z: parts[0](z) ** int(e.exp)
    if e.is_Pow and e.exp == sp.S.Half:
        return lambda z: parts[0](z).sqrt()
    if e.is_Pow and e.exp == -sp.S.Half:
        return lambda z: 1 / parts[0](z).sqrt()
    return lambda z: getattr(parts[0](z), type(e).__name__)()


def _product(values: list[acb]) -> acb:
    total = acb(1)
    for value in values:
        total *= value
    return total
