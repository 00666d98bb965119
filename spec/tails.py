"""How a spectrum and a density fall off, and which of ∫|g|, ∫ g²/p and ∫ g⁴/p³ are finite for that reason.

A tail is e^{−aξ²} |ξ|^b up to bounded oscillation: it is integrable on R^n iff a > 0, or a = 0 and b + n < 0. Sines
keep a positive mean, so they change neither answer. ∫|g| = ∞ makes ∫ g²/p = ∞ for every p (Cauchy and Schwarz).
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy as sp


@dataclass(frozen=True)
class Tail:
    """e^{−gauss ξ²} |ξ|^degree; `compact` when it vanishes outside a bounded set."""

    gauss: Any = sp.S.Zero
    degree: Any = sp.S.Zero
    compact: bool = False

    def __mul__(self, other: "Tail") -> "Tail":
        both = self.compact or other.compact
        return Tail(sp.expand(self.gauss + other.gauss), self.degree + other.degree, both)

    def __pow__(self, power: Any) -> "Tail":
        return Tail(sp.expand(self.gauss * power), self.degree * power, self.compact)


class NoTailError(ValueError):
    """An expression whose decay is not read off; the message names it."""


def tails(e: Any, k: sp.Symbol) -> list[Tail]:
    """The tails of the terms of a sum in k, one for each: the sum falls off like the slowest of them."""
    return [tail(term, k) for term in sp.Add.make_args(e)]


def tail(e: Any, k: sp.Symbol) -> Tail:
    """The tail of one product. Raises NoTailError for what is neither power, Gaussian nor sine."""
    if not e.has(k):
        return Tail()
    if e == k:
        return Tail(degree=sp.S.One)
    if e.is_Mul:
        return reduce(Tail.__mul__, (tail(factor, k) for factor in e.args), Tail())
    if isinstance(e, sp.exp):
        return _exponential(e, k)
    if e.is_Pow and not e.exp.has(k):
        found: Tail = tail(e.base, k) ** e.exp
        return found
    if isinstance(e, (sp.sin, sp.cos)):
        return Tail()
    if isinstance(e, sp.besselj):
        return tail(e.args[1], k).__pow__(-sp.S.Half)
    if isinstance(e, sp.Abs):
        return tail(e.args[0], k)
    if isinstance(e, sp.Piecewise) and e.args[-1] == (0, sp.true):
        return Tail(compact=True)
    if e.is_Add and e.is_polynomial(k):
        return Tail(degree=sp.Integer(sp.degree(e, k)))
    raise NoTailError(f"no tail is read off {e}")


def _exponential(e: Any, k: sp.Symbol) -> Tail:
    polynomial = sp.Poly(sp.expand(e.args[0]), k)
    if polynomial.degree() != 2:
        raise NoTailError(f"no tail is read off {e}")
    return Tail(gauss=-polynomial.coeff_monomial(k**2))


def finite(found: Tail, n: int) -> Any:
    """Whether the integral over R^n converges in its tail: True, False, or the condition on the symbols."""
    if found.compact:
        return sp.true
    decays = sp.sympify(found.gauss)
    if decays == 0:
        return sp.true if found.degree + n < 0 else sp.false
    return _positive(decays)


def _positive(e: Any) -> Any:
    """e > 0, with one positive symbol σ in a/σ² > b written as σ² < a/b."""
    if e.is_positive:
        return sp.true
    if e.is_nonpositive:
        return sp.false
    parts = sp.Add.make_args(sp.expand(e))
    constant = sp.Add(*(p for p in parts if p.is_number))
    rest = sp.Add(*(p for p in parts if not p.is_number))
    inverse = 1 / rest
    if constant.is_negative and (inverse.is_Mul or inverse.is_Pow or inverse.is_Symbol):
        coefficient, symbols = inverse.as_coeff_Mul()
        return sp.Lt(symbols, 1 / (-constant * coefficient))
    return sp.Gt(e, 0)


def moment(g: Any, p: Any, k: sp.Symbol, n: int, power: int) -> Any:
    """Whether ∫ g^power / p^(power − 1) over R^n is finite: True, False or the condition."""
    law = tail(p, k)
    return sp.And(*(finite(t**power * law ** (1 - power), n) for t in tails(g, k)))


def absolutely(g: Any, k: sp.Symbol, n: int) -> Any:
    """Whether ∫ |g| over R^n is finite."""
    return sp.And(*(finite(t, n) for t in tails(g, k)))
