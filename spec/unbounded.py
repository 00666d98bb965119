"""Why a kernel is eventually no exponential polynomial, from its growth; each reason is a theorem on such sums.

A nonzero exponential polynomial Σ p_z(n) z^n is, along some n → ∞, as large as n^k ρ^n (k the degree at the largest
modulus ρ, a natural number), and never larger than a constant times that. So growth between these is excluded.
"""

from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from .substitute import without_logarithms


def reason(e: Any, n: sp.Symbol) -> str:
    """One line, or "" where none of the theorems here applies."""
    e = sp.powsimp(without_logarithms(sp.sympify(e)))
    for test in (_free, _exponent, _power, _logarithm):
        found = test(e, n)
        if found:
            return found
    return ""


def _free(e: Any, n: sp.Symbol) -> str:
    """w(n), a w(n) + b, or exp of it: all values are free, so no minor vanishes identically."""
    calls = [c for c in e.atoms(AppliedUndef) if c.has(n)]
    if len(calls) != 1:
        return ""
    (argument, *more), x = calls[0].args, sp.Dummy()
    inner = e.args[0].xreplace({calls[0]: x}) if isinstance(e, sp.exp) else e.xreplace({calls[0]: x})
    free = not more and argument.has(n) and sp.expand(argument).diff(n, 2) == 0
    if free and sp.expand(inner).diff(x, 2) == 0 and not sp.expand(inner).diff(x).has(x):
        return "a free value at every lag: no minor vanishes identically"
    return ""


def _exponent(e: Any, n: sp.Symbol) -> str:
    """e^q with q a sum of real powers of n, one of them other than 0 and 1."""
    if not isinstance(e, sp.exp):
        return ""
    powers = [_degree(x, n) for x in sp.Add.make_args(sp.expand(e.args[0]))]
    if any(p is None for p in powers):
        return ""
    odd = [p for p in powers if p not in (0, 1)]
    if not odd or len(set(powers)) != len(powers) or not all(c.is_real for c in e.args[0].free_symbols):
        return ""
    p = odd[0]
    if p.is_number and p > 1:
        return f"e^(c n^{p}) leaves every exponential rate behind"
    if p.is_number and 0 < p < 1:
        return f"e^(c n^{p}) moves slower than every exponential and faster than every power of n"
    return f"e^(c n^{p}) is of no exponential rate for any {p} other than 1" if p.is_Symbol and p.is_positive else ""


def _degree(x: Any, n: sp.Symbol) -> Any:
    """p where x = c n^p with a constant c; None for other terms."""
    constant, moving = x.as_independent(n, as_Add=False)
    if moving == 1:
        return sp.Integer(0)
    base, power = moving.as_base_exp()
    return power if base == n and not power.has(n) and not constant.has(sp.I) else None


def _power(e: Any, n: sp.Symbol) -> str:
    """c (polynomial in n with positive coefficients)^p, p no natural number."""
    _, moving = e.as_independent(n, as_Add=False)
    if not moving.is_Pow or moving.exp.has(n):
        return ""
    base, p = moving.as_base_exp()
    if not base.is_polynomial(n) or not all(c.is_positive for c in sp.Poly(base, n).coeffs()):
        return ""
    if p.is_negative:
        return "tends to zero like a power of n; an exponential polynomial that tends to zero does so exponentially"
    whole = (p * sp.Poly(base, n).degree()).is_integer
    return "" if whole or (p.is_number and whole is None) else f"grows like n^({p}), no natural power"


def _logarithm(e: Any, n: sp.Symbol) -> str:
    """a log(polynomial in n with positive coefficients) + b."""
    terms = [x for x in sp.Add.make_args(sp.expand(e)) if x.has(n)]
    if len(terms) != 1:
        return ""
    _, moving = terms[0].as_independent(n, as_Add=False)
    if isinstance(moving, sp.log) and moving.args[0].is_polynomial(n):
        coefficients = sp.Poly(moving.args[0], n).coeffs()
        if all(c.is_positive for c in coefficients):
            return "grows like log n: without bound, and slower than every power of n"
    return ""
