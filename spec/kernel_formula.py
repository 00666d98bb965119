"""One expression of a kernel record, evaluated: its free functions one after another, the rest as programs of balls."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp
from flint import fmpq

from .balls import OverlapError, Program
from .encoding import EncodingError, key_position, lag, prior, query_position, score
from .kernel_functions import Call, calls
from .substitute import at as exactly

if TYPE_CHECKING:
    from .kernel_oracle import KernelOracle


class Formula:
    """One expression of a record: its free functions called one after another, the rest as programs."""

    def __init__(self, oracle: "KernelOracle", expression: Any) -> None:
        self.oracle, self.expression = oracle, sp.sympify(expression)
        record = oracle.encoding
        self.rest, self.calls = calls(self.expression)
        self.places = {query_position, key_position, lag, *(record.coordinates if record.axes > 1 else ())}
        self.own = {c.symbol for c in self.calls}
        inside = self.rest.free_symbols | set().union(*(a.free_symbols for c in self.calls for a in c.arguments))
        self.symbols: set[sp.Symbol] = inside - self.places - self.own - {score, prior}
        self.of_lag = not inside & {query_position, key_position}
        self._programs: dict[Any, tuple[Program, list[sp.Symbol]]] = {}
        self._wide: dict[sp.Symbol, list[bool]] = {}

    def values(self, s: tuple[fmpq, ...], t: tuple[fmpq, ...], given: Any) -> list[Any]:
        """The expression for each head; `given` holds score and prior of each head."""
        oracle = self.oracle
        lags = [b - a for a, b in zip(s, t, strict=True)]
        moving: dict[sp.Symbol, Any] = {query_position: s[0], key_position: t[0], lag: lags[0]}
        if len(lags) > 1:
            moving = dict(zip(oracle.encoding.coordinates, lags, strict=True))
        scopes = [{**moving, **(given[h] if given else {})} for h in range(oracle.heads)]
        for c in self.calls:
            rows = [[self._at(a, scope, h) for a in c.arguments] for h, scope in enumerate(scopes)]
            found = oracle.function(c, rows, self._by_head(c))
            for scope, value in zip(scopes, found, strict=True):
                scope[c.symbol] = value
        return [self._at(self.rest, scope, h) for h, scope in enumerate(scopes)]

    def _by_head(self, c: Call) -> list[bool]:
        """For each argument whether it differs from head to head: an MLP then has one input of it for each."""
        if c.symbol not in self._wide:
            self._wide[c.symbol] = [
                any(x in (score, prior) or self.oracle.by_head(x) for x in a.free_symbols - self.places)
                for a in c.arguments
            ]
        return self._wide[c.symbol]

    def _at(self, expression: Any, scope: Mapping[sp.Symbol, Any], head: int) -> Any:
        if expression in scope:
            return scope[expression]
        if expression not in self._programs:
            inputs = sorted(expression.free_symbols, key=str)
            self._programs[expression] = (Program([expression], inputs, self.oracle.encoding.name), inputs)
        program, inputs = self._programs[expression]
        try:
            return program(*[scope[x] if x in scope else self.oracle.value(x, head) for x in inputs])[0]
        except OverlapError:
            return self._exactly(expression, scope, head)

    def _exactly(self, expression: Any, scope: Mapping[sp.Symbol, Any], head: int) -> Any:
        """A floor or a comparison at a value that it jumps at: decided with exact numbers."""
        numbers = {}
        for x in expression.free_symbols:
            held = scope.get(x)
            if held is not None and not isinstance(held, fmpq):
                raise EncodingError(f"{self.oracle.encoding.name}: a comparison is not decided")
            numbers[x] = self.oracle.constant(x, head) if held is None else sp.Rational(int(held.p), int(held.q))
        return Program([exactly(expression, numbers)], [], self.oracle.encoding.name)()[0]
