"""Certified values of a random encoding: its scores given the drawn noise, and their mean and variance over the noise.

SPE: X_r = Σ_d q_d Q̄_d(m, r), Y_r = Σ_d k_d K̄_d(n, r), score = Σ_r X_r Y_r / R. With a = E X², b = E Y², c = E XY:
mean c, variance (ab + c²)/R, and E e^{λ·R·score} = [(1 − λc)² − λ²ab]^{−R/2} (Isserlis; a Gaussian pair for each r).
For FLT, whose noise are frequencies, see `frequency_oracle`; `random_oracle` chooses.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import sympy as sp
from flint import arb, ctx

from .balls import Program, ball, rational
from .encoding import Encoding, EncodingError
from .frequency_oracle import BITS, FrequencyOracle, Rows, Vectors

__all__ = ["CodeOracle", "FrequencyOracle", "random_oracle", "softmax_mean", "variance"]


class CodeOracle:
    """SPE with the numbers of one head: codes as exact coefficients of the noise, derived from the record.

    Numbers by name, without the axis of heads: `frequencies` (dim, sines[, axes]), `phases`, `gains` (dim, sines), or
    `query_filter`, `key_filter` (dim, taps[, …]); `gate` (dim,); and, for scores, `noise` (dim, 2 sines, R) or (sites…,
    dim, R) and `gate_noise` (dim, R). Floats are taken exactly. Raises EncodingError for what is missing.
    """

    def __init__(self, encoding: Encoding, numbers: Mapping[str, Any], bits: int = BITS) -> None:
        self.name, self.bits, self._numbers = encoding.name, bits, dict(numbers)
        self._filtered = encoding.kind == "terms"
        wanted = ("query_filter", "key_filter") if self._filtered else ("frequencies", "phases", "gains")
        for name in wanted:
            if name not in numbers:
                raise EncodingError(f"{self.name}: {name} is missing; give it among the parameters")
        self.dim = len(numbers[wanted[0]])
        self._sides = {} if self._filtered else _programs(encoding, len(numbers["gains"][0]))
        self._made: dict[Any, dict[Any, arb]] = {}

    def code(self, side: str, coordinate: int, place: Any) -> dict[Any, arb]:
        """The coefficients of one code: noise index (within the coordinate) → number; "gate" for ε."""
        key = side, coordinate, tuple(place) if isinstance(place, (tuple, list)) else (place,)
        if key not in self._made:
            with ctx.workprec(self.bits):
                self._made[key] = self._gated(coordinate, self._plain(*key))
        return self._made[key]

    def _plain(self, side: str, coordinate: int, place: tuple[Any, ...]) -> dict[Any, arb]:
        if self._filtered:
            taps = self._numbers[f"{side}_filter"][coordinate]
            found = {}
            for shift in product(range(len(taps)), repeat=len(place)):
                value = taps
                for step in shift:
                    value = value[step]
                found[tuple(p - s for p, s in zip(place, shift, strict=True))] = arb(rational(value))
            return found
        values = [rational(p) for p in place]
        given = self._numbers["frequencies"][coordinate]
        for sine, gain in enumerate(self._numbers["gains"][coordinate]):
            own = given[sine] if isinstance(given[sine], (list, tuple)) else [given[sine]]
            phase = self._numbers["phases"][coordinate][sine]
            values += [*(rational(f) for f in own), rational(phase), rational(gain)]
        return dict(enumerate(ball(x) for x in self._sides[side](*values)))

    def _gated(self, coordinate: int, code: dict[Any, arb]) -> dict[Any, arb]:
        if "gate" not in self._numbers:
            return code
        delta = arb(rational(self._numbers["gate"][coordinate]))
        rest = (1 - delta).sqrt()
        return {index: rest * value for index, value in code.items()} | {"gate": delta.sqrt()}

    @property
    def realizations(self) -> int:
        """R of the noise."""
        level = self._numbers["noise"]
        while isinstance(level[0], (list, tuple)):
            level = level[0]
        return len(level)

    def sums(self, side: str, vectors: Vectors, places: Sequence[Any]) -> Rows:
        """X or Y: (rows, R)."""
        with ctx.workprec(self.bits):
            return [self._sum(side, row, place) for row, place in zip(vectors, places, strict=True)]

    def _sum(self, side: str, row: Sequence[float], place: Any) -> list[arb]:
        total = [arb(0)] * self.realizations
        for coordinate, entry in enumerate(row):
            for index, value in self.code(side, coordinate, place).items():
                weight = value * arb(rational(entry))
                drawn = self._drawn(coordinate, index)
                total = [t + weight * z for t, z in zip(total, drawn, strict=True)]
        return total

    def _drawn(self, coordinate: int, index: Any) -> list[arb]:
        if index == "gate":
            return [arb(z) for z in self._numbers["gate_noise"][coordinate]]
        level = self._numbers["noise"]
        if not self._filtered:
            return [arb(z) for z in level[coordinate][index]]
        reach = len(self._numbers["query_filter"][0]) - 1
        for place in index:
            if not 0 <= place + reach < len(level):
                raise EncodingError(f"{self.name}: noise does not reach position {place}")
            level = level[place + reach]
        return [arb(z) for z in level[coordinate]]

    def scores(self, q: Vectors, k: Vectors, query_places: Sequence[Any], key_places: Sequence[Any]) -> Rows:
        """(1/R) Σ_r X_r Y_r for every query and key, given the noise."""
        left, right = self.sums("query", q, query_places), self.sums("key", k, key_places)
        with ctx.workprec(self.bits):
            return [[sum((x * y for x, y in zip(a, b, strict=True)), arb(0)) / len(a) for b in right] for a in left]

    def size(self, side: str, row: Sequence[float], place: Any) -> list[float]:
        """Σ |q_d| |coefficient| |noise| for each realization: the |x| run of X or Y."""
        total = [0.0] * self.realizations
        for coordinate, entry in enumerate(row):
            for index, value in self.code(side, coordinate, place).items():
                weight = abs(float(value.mid())) * abs(entry)
                drawn = self._drawn(coordinate, index)
                total = [t + weight * abs(float(z.mid())) for t, z in zip(total, drawn, strict=True)]
        return total

    def moments(self, q: Sequence[float], k: Sequence[float], query_place: Any, key_place: Any) -> tuple[arb, arb, arb]:
        """(a, b, c) of one query and key: the score's mean is c, its variance (ab + c²)/R."""
        a = b = c = arb(0)
        with ctx.workprec(self.bits):
            for d in range(self.dim):
                left, right = self.code("query", d, query_place), self.code("key", d, key_place)
                x, y = arb(rational(q[d])), arb(rational(k[d]))
                a += x * x * sum((v * v for v in left.values()), arb(0))
                b += y * y * sum((v * v for v in right.values()), arb(0))
                c += x * y * sum((v * right[i] for i, v in left.items() if i in right), arb(0))
        return a, b, c

    def twin(self, side: str, row: Sequence[float], place: Any) -> dict[tuple[int, Any], arb]:
        """The deterministic features, coordinate by coordinate: their dot products are the mean of the scores."""
        with ctx.workprec(self.bits):
            return {
                (d, index): value * arb(rational(entry))
                for d, entry in enumerate(row)
                for index, value in self.code(side, d, place).items()
            }


def variance(a: arb, b: arb, c: arb, realizations: int) -> arb:
    """(ab + c²)/R of a score with these moments; divide by D where the score carries 1/√D."""
    return (a * b + c * c) / realizations


def softmax_mean(a: arb, b: arb, c: arb, realizations: int, scale: arb) -> arb:
    """E e^{scale·score} = [(1 − λc)² − λ²ab]^{−R/2}, λ = scale/R; raises ValueError where it is infinite."""
    weight = scale / realizations
    base = (1 - weight * c) ** 2 - weight**2 * a * b
    if not (base > 0 and weight * c < 1):
        raise ValueError("E exp(score) is infinite: wanted scale (c + √(ab)) < R")
    return base ** (arb(-realizations) / 2)


def _programs(encoding: Encoding, sines: int) -> dict[str, Program]:
    """For each side the coefficients of the noise: programs in (position…, then frequency…, phase, gain per sine)."""
    from .catalogue import spe_sine

    record = spe_sine.encoding(axes=str(encoding.axes), sines=str(sines))
    inputs = list(record.coordinates)
    for sine in range(sines):
        own, phase, gain = spe_sine.symbols(sine, encoding.axes)
        inputs += [*own, phase, gain]
    noise = list(record.noise)
    both = (("query", record.query), ("key", record.key))
    return {side: Program([sp.diff(m[0, 0], z) for z in noise], inputs, record.name) for side, m in both}


def random_oracle(encoding: Encoding, numbers: Mapping[str, Any], head: int) -> "CodeOracle | FrequencyOracle":
    """The oracle of one head, out of numbers whose arrays carry an axis of heads."""
    if encoding.expectation is not None:
        own = dict(numbers)
        if "frequencies" in numbers:
            own["frequencies"] = numbers["frequencies"][head]
        return FrequencyOracle(encoding, own)
    arrays = ("frequencies", "phases", "gains", "query_filter", "key_filter", "gate", "gate_noise")
    own = {name: numbers[name][head] for name in arrays if name in numbers}
    if "noise" in numbers:
        sites = encoding.axes if encoding.kind == "terms" else 0
        own["noise"] = _at_sites(numbers["noise"], sites, head)
    return CodeOracle(encoding, own)


def _at_sites(noise: Any, axes: int, head: int) -> Any:
    """(sites…, heads, dim, R) → (sites…, dim, R)."""
    return noise[head] if axes == 0 else [_at_sites(part, axes - 1, head) for part in noise]
