"""Lower bounds of a Hankel rank: certified nonzero minors of growing size, over a prime field or by Arb."""

from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from .encoding import EncodingError
from .exact.deadline import tick
from .prime_field import Field, NotInFieldError, rank
from .substitute import at, without_logarithms

SIZES = (4, 8, 16, 32)
ARB_SIZES = tuple(range(1, 13))
BITS = 1024


def at_least(kernel: Any, n: sp.Symbol) -> dict[str, Any]:
    """{"at_least": r, "up_to_length": N} of H_ij = κ(i + j + 1), i, j < N, κ written in n; N: the largest done."""
    kernel = without_logarithms(sp.sympify(kernel))
    try:
        return _in_the_field(kernel, n)
    except (NotInFieldError, ZeroDivisionError, ValueError):
        pass
    try:
        return _by_arb(kernel, n)
    except (EncodingError, ArithmeticError, TypeError, ValueError):  # no certified value of some function in it
        return {"at_least": 1, "up_to_length": 1}


def _in_the_field(kernel: Any, n: sp.Symbol) -> dict[str, Any]:
    field = Field()
    values: list[int] = []
    best, done = 0, 0
    for size in SIZES:
        for i in range(len(values) + 1, 2 * size):
            tick()
            values.append(field(at(kernel, {n: i})))
        found = rank([[values[i + j] for j in range(size)] for i in range(size)])
        best, done = max(best, found), size
    return {"at_least": best, "up_to_length": done}


def _by_arb(kernel: Any, n: sp.Symbol) -> dict[str, Any]:
    """The largest leading minor that Arb encloses away from zero, at simple values of the symbols."""
    from flint import arb, arb_mat, ctx

    from .balls import evaluate

    calls = sorted(kernel.atoms(AppliedUndef), key=str)
    if calls:
        return {"at_least": 1, "up_to_length": 1}
    values = {s: sp.Rational(i + 2, i + 3) for i, s in enumerate(sorted(kernel.free_symbols - {n}, key=str))}
    best, done = 0, 0
    sequence: list[Any] = []
    for size in ARB_SIZES:
        for i in range(len(sequence) + 1, 2 * size):
            tick()
            sequence.append(evaluate(at(kernel, {n: i}), values, bits=BITS))
        with ctx.workprec(BITS):
            if not all(isinstance(x, arb) for x in sequence):
                break
            determinant = arb_mat([[sequence[i + j] for j in range(size)] for i in range(size)]).det()
        done = size
        if not determinant.contains(0):
            best = size
    return {"at_least": max(best, 1), "up_to_length": max(done, 1)}
