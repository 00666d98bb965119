"""Functions that a record leaves free, with the numbers they have in a subject: tables of values, and small MLPs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from flint import arb, fmpq
from sympy.core.function import AppliedUndef

from .balls import ball, rational
from .encoding import Encoding, EncodingError, lag

Exact = Any  # fmpq, or an arb at the precision in force


@dataclass(frozen=True)
class Call:
    """One application f(a, b, …) in an expression: the symbol that stands for it, its name and arguments."""

    symbol: sp.Symbol
    name: str
    arguments: tuple[Any, ...]


def calls(expression: Any) -> tuple[Any, list[Call]]:
    """The expression with every free function replaced by a symbol, and the calls, inner ones first."""
    found: list[Call] = []
    while True:
        inner = [x for x in expression.atoms(AppliedUndef) if not any(a.has(AppliedUndef) for a in x.args)]
        if not inner:
            return expression, found
        for node in sorted(inner, key=str):
            held = sp.Dummy(f"{type(node).__name__}_{len(found)}", real=True)
            found.append(Call(held, type(node).__name__, tuple(node.args)))
            expression = expression.xreplace({node: held})
            found = [Call(c.symbol, c.name, tuple(a.xreplace({node: held}) for a in c.arguments)) for c in found]


def tabled(value: Any) -> Any:
    """A nested list of numbers, exactly: floats are dyadic; -inf stays itself, as the one value e^b may take to 0."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(tabled(x) for x in value)
    return value if value == float("-inf") else rational(value)


def depth(table: Any) -> int:
    """How many axes a nested tuple has."""
    return 1 + depth(table[0]) if isinstance(table, tuple) and table else int(isinstance(table, tuple))


def looked_up(record: Encoding, name: str, table: Any, head: int, call: Call, at: Sequence[Exact]) -> Exact:
    """f(a, b, …) from a table (heads, …) or (…): a bare lag counts from the middle, anything else from 0.

    NaN where the table does not reach; the branch may not be taken.
    """
    axes = depth(table)
    if axes not in (len(at), len(at) + 1):
        raise EncodingError(f"{record.name}: {name} needs {len(at)} axes, or one more for the heads; got {axes}")
    if axes > len(at):
        table = table[head]
    for argument, value in zip(call.arguments, at, strict=True):
        place = int(_whole(record, name, value))
        if is_lag(argument):
            place += len(table) // 2
        if not 0 <= place < len(table):
            return arb("nan")
        table = table[place]
    return arb("-inf") if table == float("-inf") else table


def is_lag(argument: Any) -> bool:
    """Whether an argument is a bare lag: a table then counts it from its middle."""
    return isinstance(argument, sp.Symbol) and (argument == lag or argument.name.startswith("axis_"))


def _whole(record: Encoding, name: str, value: Exact) -> Any:
    if isinstance(value, fmpq) and value.q == 1:
        return value.p
    found = ball(value).unique_fmpz()
    if found is None:
        raise EncodingError(f"{record.name}: {name} is a table, its argument must be an integer, got {value}")
    return found


@dataclass(frozen=True)
class Perceptron:
    """w2 φ(w1 u + b1) + b2, φ(x) = x above zero and slope · x below; w1 (width, inputs), w2 (heads, width)."""

    w1: Any
    b1: Any
    w2: Any
    b2: Any
    slope: Any

    def __call__(self, u: Sequence[Exact]) -> list[Exact]:
        """All outputs, one for each head."""
        hidden = []
        for row, bias in zip(self.w1, self.b1, strict=True):
            x = ball(sum((w * a for w, a in zip(row, u, strict=True)), bias))
            below = x * self.slope
            hidden.append(
                x if x > 0 else below if x <= 0 else x.max(below) if ball(self.slope) <= 1 else x.union(below)
            )
        return [
            ball(sum((w * a for w, a in zip(row, hidden, strict=True)), bias))
            for row, bias in zip(self.w2, self.b2, strict=True)
        ]


def perceptron(record: Encoding, name: str, given: Mapping[str, Any], slope: Any) -> Perceptron | None:
    """The MLP `name` from NAME.w1, NAME.b1, NAME.w2, NAME.b2; None where there is none of them."""
    keys = [f"{name}.{part}" for part in ("w1", "b1", "w2", "b2")]
    missing = [key for key in keys if key not in given]
    if len(missing) == len(keys):
        return None
    if missing:
        raise EncodingError(f"{record.name}: {missing[0]} is missing; an MLP needs {', '.join(keys)}")
    w1, b1, w2, b2 = (given[key] for key in keys)
    w1 = tuple((x,) for x in w1) if depth(w1) == 1 else w1
    if len(w1) != len(b1) or any(len(row) != len(b1) for row in w2) or len(w2) != len(b2):
        raise EncodingError(
            f"{record.name}: {name} needs w1 (width, inputs), b1 (width,), w2 (heads, width), b2 (heads,)"
        )
    return Perceptron(w1, b1, w2, b2, slope)
