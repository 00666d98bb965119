"""Certified values of a random encoding: its scores given the drawn noise, and their mean and variance over the noise.

SPE: X_r = Σ_d q_d Q̄_d(m, r), Y_r = Σ_d k_d K̄_d(n, r), score = Σ_r X_r Y_r / R. With a = E X², b = E Y², c = E XY:
mean c, variance (ab + c²)/R, and E e^{λ·R·score} = [(1 − λc)² − λ²ab]^{−R/2} (Isserlis; a Gaussian pair for each r).
FLT: score = scale q·k + (1/r) Σ_l ρ(ξ_l) cos 2πξ_l·(x_k − x_q), with the mean scale q·k + f.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import sympy as sp
from flint import arb, ctx, fmpq

from .balls import Program, ball, rational
from .encoding import Encoding, EncodingError
from .flt_record import frequencies, lags, rho

Rows = list[list[arb]]
Vectors = Sequence[Sequence[float]]
BITS = 128


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
