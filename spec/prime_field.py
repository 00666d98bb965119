"""Ranks over the field of 2^61 - 1 elements: a minor that is nonzero there is nonzero for generic symbols.

Symbols become random whole numbers, free functions random values, e a random element (it is transcendental, so a
polynomial in e with rational coefficients vanishes only identically). Nothing is concluded from a minor that is zero.
"""

from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

PRIME = 2**61 - 1
_SCALE = 5040  # e stands for its own 5040th root, so that exponents with small denominators are whole


class NotInFieldError(ValueError):
    """An expression without a value in the field; the message names the part."""


class Field:
    """Values of expressions in the field: the same symbol, function value or power of e is the same element."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)
        self._free: dict[Any, int] = {}
        self._symbols: dict[Any, Fraction] = {}
        self._e = self._random.randrange(2, PRIME)

    def __call__(self, e: Any) -> int:
        """The value of e. Raises NotInFieldError."""
        exact = self._exact(e)
        if exact is not None:
            return exact.numerator * pow(exact.denominator, -1, PRIME) % PRIME
        if isinstance(e, AppliedUndef) or e.func is sp.Indexed:
            return self._free.setdefault(e, self._random.randrange(2, PRIME))
        if e.is_Add:
            return sum(map(self, e.args)) % PRIME
        if e.is_Mul:
            found = 1
            for x in e.args:
                found = found * self(x) % PRIME
            return found
        if isinstance(e, sp.exp):
            return self._exponential(e.args[0])
        if e.is_Pow:
            power = self._exact(e.exp)
            if power is not None and power.denominator == 1:
                return pow(self(e.base), int(power), PRIME)
        raise NotInFieldError(f"{e} has no value in a prime field")

    def _exponential(self, x: Any) -> int:
        found = 1
        for part in sp.Add.make_args(sp.expand(x)):
            exact = self._exact(part)
            if exact is None:
                coefficient, rest = part.as_coeff_Mul()
                if not (isinstance(rest, AppliedUndef) or rest.func is sp.Indexed) or not coefficient.is_Integer:
                    raise NotInFieldError(f"exp({part}) has no value in a prime field")
                value = self._free.setdefault(sp.exp(rest), self._random.randrange(2, PRIME))
                found = found * pow(value, int(coefficient), PRIME) % PRIME
                continue
            power = exact * _SCALE
            if power.denominator != 1:
                raise NotInFieldError(f"exp({part}) has no value in a prime field")
            found = found * pow(self._e, int(power), PRIME) % PRIME
        return found

    def _exact(self, e: Any) -> Fraction | None:
        if e.is_Rational:
            return Fraction(int(e.p), int(e.q))
        if e.is_Symbol:
            return self._symbols.setdefault(e, Fraction(self._random.randrange(2, 1 << 20)))
        if e.is_Float:
            return Fraction(float(e))
        if e.is_Add or e.is_Mul:
            parts = [self._exact(x) for x in e.args]
            if any(p is None for p in parts):
                return None
            total = Fraction(0) if e.is_Add else Fraction(1)
            for p in parts:
                assert p is not None
                total = total + p if e.is_Add else total * p
            return total
        if e.is_Pow and e.exp.is_Integer and abs(int(e.exp)) < 64:
            base = self._exact(e.base)
            return None if base is None or (not base and e.exp < 0) else base ** int(e.exp)
        return None


def rank(rows: Sequence[Sequence[int]]) -> int:
    """The rank of a matrix over the field."""
    left, found = [list(r) for r in rows], 0
    for column in range(len(left[0]) if left else 0):
        pivot = next((i for i in range(found, len(left)) if left[i][column] % PRIME), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        inverse = pow(left[found][column], -1, PRIME)
        lead = [x * inverse % PRIME for x in left[found]]
        for i in range(found + 1, len(left)):
            factor = left[i][column]
            if factor:
                left[i] = [(a - factor * b) % PRIME for a, b in zip(left[i], lead, strict=True)]
        found += 1
    return found
