"""The constant isometries P of a record: identity, Householder, DCT-II, DFT and the odd-even shuffle, as balls."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flint import acb, acb_mat, arb, arb_mat, ctx, fmpq

from .ball_operations import cosine, phase, power
from .balls import Turn, ball
from .instance import Instance


def apply_basis(instance: Instance, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """P x for every row x. Exact rows stay exact under identity, shuffle and, where it divides, Householder."""
    kind, d = instance.encoding.basis, instance.dim
    if kind == "identity" or not rows:
        return [list(row) for row in rows]
    if kind == "shuffle":
        return [[row[j] for j in shuffled(d)] for row in rows]
    if kind == "householder":
        return [_reflect(instance.vector, row) for row in rows]
    matrix = basis_matrix(instance)
    kind_of = type(matrix) if not any(isinstance(x, acb) for row in rows for x in row) else acb_mat
    left = kind_of(len(rows), d, [x for row in rows for x in row])
    found = left * kind_of(matrix.transpose())
    return [list(row) for row in found.tolist()]


def basis_matrix(instance: Instance) -> Any:
    """P as arb_mat, or acb_mat for the DFT, at the precision in force."""
    kind, d = instance.encoding.basis, instance.dim
    if kind == "dct":
        return _dct(d, ctx.prec)
    if kind == "dft":
        return _dft(d, ctx.prec)
    unit = [[arb(int(i == j)) for j in range(d)] for i in range(d)]
    columns = apply_basis(instance, unit)
    return arb_mat(d, d, [x for row in columns for x in row]).transpose()


def shuffled(d: int) -> list[int]:
    """y[2k] = x[k] and y[2k + 1] = x[k + ceil(d/2)]: the index in x of each y."""
    return [i // 2 + (i % 2) * ((d + 1) // 2) for i in range(d)]


def _reflect(v: tuple[fmpq, ...], row: Sequence[Any]) -> list[Any]:
    """(I − 2 v vᵀ / (v·v)) x, in rationals when x is exact, so that an exact result is known to be exact."""
    norm = sum((x * x for x in v), fmpq(0))
    if all(isinstance(x, arb) and x.is_exact() for x in row):
        exact = [_dyadic(x) for x in row]
        share = 2 * sum((a * b for a, b in zip(v, exact, strict=True)), fmpq(0)) / norm
        return [arb(x - share * a) for a, x in zip(v, exact, strict=True)]
    total = arb(0)
    for a, x in zip(v, row, strict=True):
        total = total + x * a
    total = 2 * total / norm
    return [x - total * a for a, x in zip(v, row, strict=True)]


def _dyadic(x: arb) -> fmpq:
    mantissa, exponent = x.man_exp()
    return fmpq(mantissa) * fmpq(2) ** int(exponent)


@lru_cache(maxsize=8)
def _dct(d: int, bits: int) -> arb_mat:
    """C_kj = √(2/d) c_k cos(π(2j + 1)k / 2d), c_0 = 1/√2."""
    turns = [cosine(Turn(fmpq(n, 2 * d))) if n else fmpq(1) for n in range(4 * d)]
    first, other = ball(power(fmpq(1, d), fmpq(1, 2))), ball(power(fmpq(2, d), fmpq(1, 2)))
    scaled = [other * ball(t) if t != 0 else arb(0) for t in turns]
    return arb_mat(d, d, [scaled[(2 * j + 1) * k % (4 * d)] if k else first for k in range(d) for j in range(d)])


@lru_cache(maxsize=8)
def _dft(d: int, bits: int) -> acb_mat:
    """F_kj = d^(−1/2) e^(−2πi kj/d)."""
    scale = ball(power(fmpq(1, d), fmpq(1, 2)))
    scaled = [(phase(Turn(fmpq(-2 * n, d))) if n else acb(1)) * scale for n in range(d)]
    return acb_mat(d, d, [scaled[k * j % d] for k in range(d) for j in range(d)])
