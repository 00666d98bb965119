"""Certified values of biases, masks, outputs and adapted scores, and of the attention they are used in, as balls.

A kernel is evaluated at a head, a query and a key position; for attention the rows are dense sums. What a record leaves
free (`w(lag)`, an MLP) comes with the parameters, exactly as a subject stores it.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from . import encoding as symbols
from .balls import LIMIT, Program, ball
from .encoding import Encoding, EncodingError, Learned, prior, score
from .kernel_formula import Formula
from .kernel_functions import Call, depth, looked_up, perceptron, tabled
from .rounding import settled, split
from .substitute import at as exactly

__all__ = ["KernelOracle", "settled", "split"]

KINDS = ("bias", "mask", "output", "adaptive")
SETTINGS = ("dim", "heads", "length", "projection", "scale")
Rows = list[list[arb]]


class KernelOracle:
    """The kernel of a bias, mask, output or adaptive record at given parameter values, for `heads` heads.

    Parameters by name: numbers; lists with one number for each head; tables for free functions, (…) or (heads, …), a
    bare lag counted from the middle; "f.w1", "f.b1", "f.w2", "f.b2" where f is an MLP over the heads. Positions are
    integers, or tuples for several axes.
    """

    def __init__(self, encoding: Encoding, parameters: Mapping[str, Any], bits: int = 128) -> None:
        if encoding.kind not in KINDS:
            raise EncodingError(f"{encoding.name}: only {', '.join(KINDS)} records have kernels, got {encoding.kind!r}")
        self.encoding, self.bits = encoding, bits
        self.given = {name: tabled(value) for name, value in parameters.items()}
        form = encoding.adapt if encoding.kind == "adaptive" else getattr(encoding, encoding.form)
        self._main = Formula(self, form)
        expression = encoding.parameters.get(prior)
        self._prior = Formula(self, expression) if expression is not None and form.has(prior) else None
        self.takes_prior = bool(form.has(prior))
        self._check_names()
        self.dim = int(self.given.get("dim", fmpq(64)))
        self.heads = self._heads()
        self._known: dict[Any, list[arb]] = {}
        self._constants: dict[Any, Program] = {}

    def kernel(self, query_position: Any, key_position: Any) -> list[arb]:
        """b, κ or w at one query and key, one ball for each head; of an adaptive record its prior."""
        formula = self._prior if self.encoding.kind == "adaptive" else self._main
        if formula is None:
            raise EncodingError(f"{self.encoding.name}: it has no prior of its own")
        s, t = self._position(query_position), self._position(key_position)
        place: Any = tuple(b - a for a, b in zip(s, t, strict=True)) if formula.of_lag else (s, t)
        if place not in self._known:
            self._known[place] = self._settled(lambda: formula.values(s, t, None))
        return self._known[place]

    def matrix(self, query_positions: Sequence[Any], key_positions: Sequence[Any]) -> list[Rows]:
        """The same for every pair: [head][query][key]."""
        table = [[self.kernel(s, t) for t in key_positions] for s in query_positions]
        return [[[cell[h] for cell in row] for row in table] for h in range(self.heads)]

    def adapt(self, scores: Any, query_positions: Any, key_positions: Any, priors: Any = None) -> list[Rows]:
        """Adapted scores [head][query][key] of scores [head][query][key], given the priors or with the record's own.

        Numbers are floats, taken exactly, or balls.
        """
        if priors is None and self.takes_prior:
            priors = self.matrix(query_positions, key_positions)
        found: list[Rows] = [[] for _ in range(self.heads)]
        for i, s in enumerate(map(self._position, query_positions)):
            row: list[list[arb]] = []
            for j, t in enumerate(map(self._position, key_positions)):
                given = [
                    {score: _exact(scores[h][i][j])} | ({prior: _exact(priors[h][i][j])} if self.takes_prior else {})
                    for h in range(self.heads)
                ]
                row.append(self._settled(lambda s=s, t=t, given=given: self._main.values(s, t, given)))  # type: ignore[misc]
            for h in range(self.heads):
                found[h].append([cell[h] for cell in row])
        return found

    def attend(self, q: Any, k: Any, v: Any, query_positions: Any, key_positions: Any, **options: Any) -> list[Rows]:
        """Attention outputs [head][query][column]; see `kernel_attention.attend`."""
        from .kernel_attention import attend

        return attend(self, q, k, v, query_positions, key_positions, **options)

    def mix(self, v: Any, query_positions: Any, key_positions: Any) -> list[Rows]:
        """W v of an output record, [head][query][column], v [head][key][column]."""
        from .kernel_attention import weighted

        with ctx.workprec(self.bits):
            return [
                weighted(rows, values)
                for rows, values in zip(self.matrix(query_positions, key_positions), v, strict=True)
            ]

    def one_sided(self) -> bool:
        """Whether all keys after the query have the kernel of lag zero: they are meant to be hidden."""
        if self.encoding.axes > 1 or self.encoding.kind == "output":
            return False
        here, later = self.kernel(9, 9), [self.kernel(9, t) for t in (10, 11, 14)]
        return all(a.overlaps(b) for row in later for a, b in zip(here, row, strict=True))

    # values

    def value(self, symbol: sp.Symbol, head: int) -> Any:
        """A parameter at a head: as given, else by the record's expression, at the precision in force."""
        if symbol.name in self.given:
            held = self.given[symbol.name]
            return held[head] if isinstance(held, tuple) else held
        if (symbol, head) not in self._constants:
            self._constants[symbol, head] = Program([self.constant(symbol, head)], [], self.encoding.name)
        return self._constants[symbol, head]()[0]

    def constant(self, symbol: sp.Symbol, head: int, above: tuple[sp.Symbol, ...] = ()) -> Any:
        """The same as an exact SymPy number, so that floors of logarithms are decided."""
        if symbol == symbols.head:
            return sp.Integer(head)
        if symbol.name in self.given:
            held = self.given[symbol.name]
            held = held[head] if isinstance(held, tuple) else held
            return sp.Rational(int(held.p), int(held.q))
        if symbol.name == "heads":
            return sp.Integer(self.heads)
        expression = self.encoding.parameters.get(symbol)
        expression = expression.init if isinstance(expression, Learned) else expression
        if expression is None or symbol in above:
            raise EncodingError(f"{self.encoding.name}: {symbol.name} is missing; give it among the parameters")
        expression = sp.sympify(expression)
        inside = {s: self.constant(s, head, (*above, symbol)) for s in expression.free_symbols}
        return exactly(expression, inside)

    def by_head(self, symbol: sp.Symbol) -> bool:
        """Whether a parameter differs from head to head."""
        if symbol.name in self.given:
            return isinstance(self.given[symbol.name], tuple)
        expression = self.encoding.parameters.get(symbol)
        inside: set[sp.Symbol] = getattr(expression, "free_symbols", set())
        return symbols.head in inside or any(self.by_head(x) for x in inside - {symbol})

    def function(self, call: Call, arguments: Sequence[Sequence[Any]], per_head: Sequence[bool]) -> list[Any]:
        """f at its arguments, one row of values for each head."""
        name = call.name
        held = sp.Symbol(f"{name}.slope")
        slope = self.given.get(held.name)
        if slope is None:
            slope = ball(Program([self.encoding.parameters.get(held, 0)], [], self.encoding.name)()[0])
        made = perceptron(self.encoding, name, self.given, slope)
        if made is not None:
            inputs = [
                x
                for i, wide in enumerate(per_head)
                for x in ([row[i] for row in arguments] if wide else [arguments[0][i]])
            ]
            return made(inputs)
        if name not in self.given:
            raise EncodingError(
                f"{self.encoding.name}: {name} is free and has no values; give a table {name}, or {name}.w1 …"
            )
        return [looked_up(self.encoding, name, self.given[name], h, call, row) for h, row in enumerate(arguments)]

    def _heads(self) -> int:
        if "heads" in self.given:
            return int(self.given["heads"].p)
        lengths = {len(v) for k, v in self.given.items() if isinstance(v, tuple) and k in self._per_head_names()}
        lengths |= {len(v) for k, v in self.given.items() if k.endswith(".b2")}
        for c in [*self._main.calls, *(self._prior.calls if self._prior else [])]:
            held = self.given.get(c.name)
            if isinstance(held, tuple) and depth(held) > len(c.arguments):
                lengths.add(len(held))
        if len(lengths) > 1:
            raise EncodingError(
                f"{self.encoding.name}: parameters disagree about the number of heads: {sorted(lengths)}"
            )
        default = self.encoding.parameters.get(sp.Symbol("heads", integer=True, positive=True), 1)
        return lengths.pop() if lengths else int(default)

    def _per_head_names(self) -> set[str]:
        return {s.name for f in (self._main, self._prior) if f for s in f.symbols}

    def _check_names(self) -> None:
        known = {*SETTINGS, *(s.name for s in self.encoding.parameters)} | self._per_head_names()
        for formula in (self._main, self._prior):
            for c in formula.calls if formula else ():
                known |= {c.name, *(f"{c.name}.{part}" for part in ("w1", "b1", "w2", "b2", "slope"))}
        for expression in self.encoding.parameters.values():
            known |= {s.name for s in getattr(expression, "free_symbols", set())}
        for name in self.given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
                raise EncodingError(f"{self.encoding.name}: unknown parameter {name!r}; {hint}")

    def _position(self, value: Any) -> tuple[fmpq, ...]:
        many = value if hasattr(value, "__len__") else (value,)
        if len(many) != self.encoding.axes:
            raise EncodingError(
                f"{self.encoding.name}: a position needs {self.encoding.axes} coordinates, got {value!r}"
            )
        return tuple(tabled(x) for x in many)

    def _settled(self, compute: Callable[[], list[Any]]) -> list[arb]:
        bits = self.bits
        while True:
            with ctx.workprec(bits):
                found = [ball(x) for x in compute()]
            if any(x.is_nan() for x in found):
                raise EncodingError(f"{self.encoding.name}: it has no finite value at these positions, or a table ends")
            if bits >= LIMIT or all(settled(x) or not x.is_finite() for x in found):
                return found
            bits = min(2 * bits, LIMIT)


def _exact(value: Any) -> Any:
    return value if isinstance(value, (arb, fmpq)) else tabled(value)
