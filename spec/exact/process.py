"""White noise at every whole position, z(position + p): its values as symbols, and the kernel they have on average."""

from dataclasses import replace
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef, UndefinedFunction

from ..canonical import expression
from ..encoding import Encoding, lag
from ..recheck import Definition, correlations
from .translate import OutsideClassError


def functions(record: Encoding) -> list[Any]:
    """The noise of a record that is a function of the position, such as sp.Function("z")."""
    given = record.noise
    found = list(given) if isinstance(given, (sp.MatrixBase, tuple, list, sp.Tuple)) else [given]
    return [z for z in found if isinstance(z, UndefinedFunction)]


def surrogate(record: Encoding) -> Encoding:
    """The record with z(position + p) as the symbols "q:z@p" and "k:z@p" of recheck. Raises OutsideClassError."""
    names = {str(z) for z in functions(record)}
    used: list[sp.Symbol] = []

    def put(side: str, call: Any) -> sp.Symbol:
        offsets = [a - x for a, x in zip(call.args, record.coordinates, strict=False)]
        if len(call.args) != record.axes or not all(x.is_Integer for x in offsets):
            raise OutsideClassError(f"noise must stand at the position plus whole numbers, got {call}")
        symbol = sp.Symbol(f"{side}:{type(call).__name__}@{','.join(map(str, offsets))}", real=True)
        used.append(symbol)
        return symbol

    def named(e: Any) -> bool:
        return isinstance(e, AppliedUndef) and type(e).__name__ in names

    query, key = (
        M.applyfunc(lambda e, side=side: e.replace(named, lambda call: put(side, call)))
        for side, M in (("q", record.query), ("k", record.key))
    )
    others = [z for z in _listed(record.noise) if not isinstance(z, UndefinedFunction)]
    return replace(record, query=query, key=key, noise=(*others, *dict.fromkeys(used)))


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (sp.MatrixBase, tuple, list, sp.Tuple)) else [given]


def kernel(record: Encoding, d: Definition) -> sp.Matrix:
    """E[A^H B] in the lag: cases, one for each lag at which the two sides meet, on top of what is always there."""
    found = correlations(d)
    lags = [lag] if record.axes == 1 else list(record.coordinates)
    zero: dict[str, Any] = {f"s{j}": () for j in range(d.axes)}
    always = found.pop((), None)

    def entry(i: int, j: int) -> sp.Expr:
        base = sp.Integer(0) if always is None else expression(d.at(always, zero)[i][j], record)
        cases = []
        for at, W in sorted(found.items()):
            place = zero | {f"t{k}": (((), x),) if x else () for k, x in enumerate(at)}
            value = expression(d.at(W, place)[i][j], record)
            cases.append((value, sp.And(*(sp.Eq(x, v) for x, v in zip(lags, at, strict=True)))))
        return base + (sp.Piecewise(*cases, (0, True)) if cases else 0)

    return sp.Matrix(len(d.A[0]), len(d.B[0]), entry)
