"""Certified values of FLT: scores given its frequencies, and the mask that is their mean.

score = scale q·k + (1/r) Σ_l ρ(ξ_l) cos 2πξ_l·(x_k − x_q), with the mean scale q·k + f.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from .balls import Program, ball, rational
from .encoding import Encoding, EncodingError
from .flt_record import frequencies, lags, rho

Rows = list[list[arb]]
Vectors = Sequence[Sequence[float]]
BITS = 128


class FrequencyOracle:
    """FLT with the numbers of one head: `frequencies` (r, axes), and the record's own symbols by name.

    `weights`, `means`, `sigmas` of a mixture are lists over its terms. Raises EncodingError for what is missing.
    """

    def __init__(self, encoding: Encoding, numbers: Mapping[str, Any], bits: int = BITS) -> None:
        self.encoding, self.bits = encoding, bits
        self.values = _values(encoding, numbers)
        self.dim = int(numbers["dim"])
        self.scale = arb(rational(numbers["scale_of_content"])) if "scale_of_content" in numbers else None
        self._drawn = numbers.get("frequencies")
        self._ratio = Program([encoding.parameters[rho]], [*frequencies(encoding.axes), *self.values], encoding.name)
        self._mean = Program([encoding.expectation], [*lags(encoding.axes), *self.values], encoding.name)

    def content(self, q: Sequence[float], k: Sequence[float]) -> arb:
        """q·k/√dim, or times the declared scale."""
        scale = 1 / arb(self.dim).sqrt() if self.scale is None else self.scale
        return scale * sum((arb(x) * arb(y) for x, y in zip(q, k, strict=True)), arb(0))

    def ratios(self) -> list[arb]:
        """ρ = g/p at the drawn frequencies."""
        with ctx.workprec(self.bits):
            drawn = [[rational(x) for x in _flat(point)] for point in self._drawn or ()]
            return [ball(self._ratio(*point, *self.values.values())[0]) for point in drawn]

    def estimate(self, lag: Sequence[Any]) -> arb:
        """(1/r) Σ ρ cos 2πξ·lag given the frequencies; lag = key − query, a number for each axis."""
        total = arb(0)
        with ctx.workprec(self.bits):
            for point, ratio in zip(self._drawn or (), self.ratios(), strict=True):
                turns = sum((rational(x) * rational(t) for x, t in zip(_flat(point), lag, strict=True)), fmpq(0))
                total += ratio * (2 * arb(turns)).cos_pi()
            return total / len(self._drawn or ())

    def mean(self, lag: Sequence[Any]) -> arb:
        """f at a lag."""
        with ctx.workprec(self.bits):
            return ball(self._mean(*(rational(t) for t in lag), *self.values.values())[0])

    def scores(self, q: Vectors, k: Vectors, query_places: Sequence[Any], key_places: Sequence[Any]) -> Rows:
        """scale q·k + f̂ for every query and key, given the frequencies."""
        cache: dict[Any, arb] = {}

        def mask(s: Any, t: Any) -> arb:
            lag = tuple(y - x for x, y in zip(_flat(s), _flat(t), strict=True))
            if lag not in cache:
                cache[lag] = self.estimate(lag)
            return cache[lag]

        with ctx.workprec(self.bits):
            return [
                [self.content(x, y) + mask(s, t) for y, t in zip(k, key_places, strict=True)]
                for x, s in zip(q, query_places, strict=True)
            ]


def _flat(point: Any) -> list[Any]:
    return list(point) if isinstance(point, (list, tuple)) else [point]


def _values(encoding: Encoding, numbers: Mapping[str, Any]) -> dict[sp.Symbol, fmpq]:
    """The record's own symbols, from their names or from the lists of a mixture."""
    wanted = encoding.parameters[rho].free_symbols | encoding.expectation.free_symbols
    wanted -= {*frequencies(encoding.axes), *lags(encoding.axes)}
    found = {}
    for symbol in sorted(wanted, key=str):
        name, *index = symbol.name.split("_")
        value = numbers.get(symbol.name, numbers.get(f"{name}s" if index else name))
        for step in index if symbol.name not in numbers else ():
            value = value[int(step)] if isinstance(value, (list, tuple)) else value
        if value is None:
            raise EncodingError(f"{encoding.name}: {symbol.name} is missing; give it among the parameters")
        found[symbol] = rational(value)
    return found
