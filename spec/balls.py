"""SymPy expressions of a record as certified numbers: compiled once into a tape, run at any precision of python-flint.

A value on the tape is a rational (`fmpq`), a rational multiple of π (`Turn`), a real ball (`arb`) or a complex one
(`acb`). The first two are exact, so that cos(π/3) is 1/2 and a zero is known to be zero; balls start where they end.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy as sp
from flint import acb, arb, ctx, fmpq

from .ball_comparisons import BOOLEAN, RELATIONS, choose, larger, smaller
from .ball_operations import UNARY, OverlapError, Turn, absolute, ball, cosine, floor, phase, plus, power, sine, times
from .encoding import EncodingError

__all__ = ["LIMIT", "OverlapError", "Program", "Turn", "ball", "evaluate", "rational", "second_opinion"]

LIMIT = 4096  # bits: the last precision that is tried


def rational(value: Any) -> fmpq:
    """An int, float, Fraction or SymPy number as an exact rational; a float is the dyadic number that it stores."""
    if isinstance(value, sp.Float):
        sign, mantissa, exponent, _ = value._mpf_
        return fmpq(-int(mantissa) if sign else int(mantissa)) * fmpq(2) ** int(exponent)
    if isinstance(value, sp.Rational):
        return fmpq(int(value.p), int(value.q))
    top, bottom = value.as_integer_ratio()
    return fmpq(int(top), int(bottom))


class Program:
    """Expressions in named symbols, compiled once: `Program([x**2], [x])(fmpq(3))` is `[9]`.

    Values are of the four kinds above, in the order of `symbols`; the precision is that of `flint.ctx` at the call.
    Raises EncodingError naming the first node that has no certified evaluation or the symbol that has no value.
    """

    def __init__(self, expressions: Sequence[Any], symbols: Sequence[sp.Symbol], subject: str = "expression") -> None:
        self._subject = subject
        self._steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self._known: dict[Any, int] = {symbol: i for i, symbol in enumerate(symbols)}
        self._inputs = len(symbols)
        self._results = [self._node(sp.sympify(e)) for e in expressions]

    def __call__(self, *values: Any) -> list[Any]:
        cells = list(values)
        for operation, places in self._steps:
            cells.append(operation(*[cells[i] for i in places]))
        return [cells[i] for i in self._results]

    def _step(self, key: Any, operation: Callable[..., Any], *arguments: int) -> int:
        self._steps.append((operation, arguments))
        self._known[key] = self._inputs + len(self._steps) - 1
        return self._known[key]

    def _constant(self, key: Any, value: Any) -> int:
        return self._step(key, lambda: value)

    def _node(self, node: Any) -> int:
        if node in self._known:
            return self._known[node]
        if isinstance(node, (sp.Rational, sp.Float)):
            return self._constant(node, rational(node))
        if node is sp.pi:
            return self._constant(node, Turn(fmpq(1)))
        if node is sp.I:
            return self._constant(node, acb(0, 1))
        if node is sp.E:
            return self._step(node, arb.const_e)
        if node in (sp.true, sp.false):
            return self._constant(node, bool(node))
        if isinstance(node, sp.Symbol):
            raise EncodingError(f"{self._subject}: {node.name} has no value")
        if isinstance(node, sp.exp):
            return self._exponential(node)
        if isinstance(node, sp.Piecewise):
            return self._piecewise(node)
        operation = self._operation(node)
        return self._step(node, operation, *[self._node(a) for a in node.args])

    def _operation(self, node: Any) -> Callable[..., Any]:
        found = _OPERATIONS.get(node.func)
        if found is None:
            raise EncodingError(f"{self._subject}: no certified evaluation of {type(node).__name__}, got {node}")
        return found

    def _exponential(self, node: Any) -> int:
        parts = sp.Add.make_args(sp.expand_mul(node.args[0]))
        turned = [a / sp.I for a in parts if a.has(sp.I)]
        if not turned or any(t.has(sp.I) for t in turned):
            return self._step(node, UNARY["exp"], self._node(node.args[0]))
        unit = self._step(("phase", node), phase, self._node(sp.Add(*turned)))
        growth = [a for a in parts if not a.has(sp.I)]
        if not growth:
            self._known[node] = unit
            return unit
        return self._step(node, times, self._node(sp.exp(sp.Add(*growth))), unit)

    def _piecewise(self, node: Any) -> int:
        flat = [self._node(x) for value, condition in node.args for x in (condition, value)]
        return self._step(node, choose, *flat)


_OPERATIONS: Mapping[Any, Callable[..., Any]] = {
    sp.Add: plus,
    sp.Mul: times,
    sp.Pow: power,
    sp.cos: cosine,
    sp.sin: sine,
    sp.ceiling: lambda value: times(fmpq(-1), floor(times(fmpq(-1), value))),
    sp.floor: floor,
    sp.Abs: absolute,
    sp.Max: larger,
    sp.Min: smaller,
    **{getattr(sp, name): operation for name, operation in UNARY.items() if name != "exp"},
    **{getattr(sp, name): operation for name, operation in RELATIONS.items()},
    **{getattr(sp, name): operation for name, operation in BOOLEAN.items()},
}


def evaluate(expression: Any, values: Mapping[sp.Symbol, Any], bits: int = 128, subject: str = "expression") -> Any:
    """One expression as a ball at `bits` or, where a comparison or a floor needs more to be decided, up to 4096 bits.

    Values are ints, floats (exact), Fractions or balls. Raises EncodingError where 4096 bits do not decide.
    """
    symbols = list(values)
    program = Program([expression], symbols, subject)
    exact = [v if isinstance(v, (fmpq, Turn, arb, acb)) else rational(v) for v in values.values()]
    while True:
        try:
            with ctx.workprec(bits):
                return ball(program(*exact)[0])
        except OverlapError as open_question:
            if bits >= LIMIT:
                raise EncodingError(f"{subject}: {open_question} is not decided at {LIMIT} bits") from None
            bits = min(2 * bits, LIMIT)


def second_opinion(expression: Any, values: Mapping[sp.Symbol, Any], digits: int = 60) -> Any:
    """The same number from mpmath at `digits` decimal digits, not certified: two libraries must agree on a sample."""
    import mpmath

    with mpmath.workdps(digits + 10):
        exact = {s: sp.Rational(int(q.p), int(q.q)) for s, q in ((s, rational(v)) for s, v in values.items())}
        arguments = [mpmath.mpf(int(q.p)) / int(q.q) for q in exact.values()]
        return +sp.lambdify(list(exact), expression, "mpmath")(*arguments)
