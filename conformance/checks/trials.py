"""What checks of random encodings share: benches with other noise, features at chosen positions, oracles."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Level
from ..libraries import Array
from ..subject import Subject

if TYPE_CHECKING:
    from ...spec.random_oracle import CodeOracle, FrequencyOracle

CHECKS_SHARING = 8  # the false-alarm rate of a subject is split over so many checks
TRIALS = {Level.SMOKE: 32, Level.STANDARD: 128, Level.CERTIFIED: 512}
PAIRS = ((0, 0), (0, 1), (1, 0), (3, 9), (17, 14), (30, 2))  # (query, key) positions


def stochastic(subject: Subject) -> str | None:
    """Skips, without a row, what draws no noise and what has no `encode` door."""
    record = subject.record
    if record.noise is None and record.law is None:
        return f"no such door: {record.name} draws no noise"
    return None if subject.encode else "no such door: encode"


def reads(subject: Subject) -> str | None:
    """Skips a subject that does not hand over its noise."""
    found = stochastic(subject)
    return found or (None if subject.read else "read does not hand over the noise: only its statistics are tested")


def redrawn(subject: Subject) -> str | None:
    """Skips a subject whose noise cannot be drawn again."""
    found = stochastic(subject)
    if found or (subject.build and "seed" in subject.names("build")):
        return found
    return "build takes no seed: noise cannot be drawn again"


def heads_of(bench: Bench) -> int:
    """Heads of the subject: `heads` among its parameters, 2 by default."""
    return int(bench.subject.numbers.get("heads", 2))


def first_dtype(bench: Bench) -> bool:
    """The law of the noise is tested in the first dtype that a subject declares."""
    return bench.dtype == bench.subject.dtypes[0]


def trial(bench: Bench, number: int, **changed: Any) -> Bench:
    """A bench whose subject is built with another seed, a fixed function of the run's, and maybe other parameters."""
    subject = bench.subject
    if changed:
        subject = replace(subject, parameters={**subject.parameters, **changed})
    return Bench(subject, bench.dtype, bench.device, bench.level, (bench.seed * 65536 + number) % 2**32)


def oracle(bench: Bench, head: int) -> "CodeOracle | FrequencyOracle":
    """The certified values of one head, from the noise and the parameters as they are stored in the subject."""
    from ...spec.encoding import EncodingError
    from ...spec.random_oracle import random_oracle

    try:
        return random_oracle(bench.subject.record, bench.numbers, head)
    except (EncodingError, KeyError, IndexError, TypeError) as error:
        raise AnswerError(f"the parameters do not fit: {error}") from error


def is_code(bench: Bench) -> bool:
    """SPE (products of random codes), not FLT (random frequencies)."""
    return bench.subject.record.expectation is None


def places(bench: Bench, numbers: tuple[int, ...]) -> list[Any]:
    """Positions of the encoding's number of axes, below the subject's limit: (p, p + 1 mod 5, …) with several."""
    axes, limit = bench.subject.record.axes, bench.subject.max_position or 2**31
    return [n % limit if axes == 1 else (n % limit, *((n + j) % 5 for j in range(1, axes))) for n in numbers]


def features(bench: Bench, q: Array, k: Array, at_q: list[Any], at_k: list[Any]) -> tuple[Array, Array]:
    """q̂ at at_q and k̂ at at_k, (batch, heads, n, features), exactly."""
    n = len(at_q)
    both = [np.concatenate([q, k], axis=-2), np.concatenate([q, k], axis=-2)]
    found = bench.encode_native(bench.native(both[0]), bench.native(both[1]), [*at_q, *at_k])
    left, right = (bench.exact(x, encoded=False) for x in found)
    for x in found:
        bench.library.poison(x)
    return left[..., :n, :], right[..., n:, :]


@dataclass(frozen=True)
class Sample:
    """The same rows encoded by many draws: left and right (trials, heads, pairs, features)."""

    bench: Bench
    q: Array  # (heads, pairs, dim)
    k: Array
    at_q: list[Any]
    at_k: list[Any]
    left: Array
    right: Array

    @cached_property
    def scores(self) -> Array:
        """(trials, heads, pairs)."""
        found: Array = np.sum(self.left * self.right, axis=-1)
        return found

    def entries(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """(head, pair, where)."""
        for head in range(self.left.shape[1]):
            for pair in range(self.left.shape[2]):
                where = {"head": head, "query position": self.at_q[pair], "key position": self.at_k[pair]}
                yield head, pair, where


def sample(bench: Bench, trials: int | None = None, shift: int = 0, **changed: Any) -> Sample:
    """Features of PAIRS, all positions moved by `shift`, for as many draws as the level takes."""
    heads, rng = heads_of(bench), bench.rng("stochastic")
    q, k = (bench.draw(rng, 1, heads, len(PAIRS), bench.dim) for _ in range(2))
    at_q, at_k = (places(bench, tuple(pair[side] + shift for pair in PAIRS)) for side in range(2))
    made = [
        features(trial(bench, number, **changed), q, k, at_q, at_k) for number in range(trials or TRIALS[bench.level])
    ]
    left, right = (np.concatenate([pair[side] for pair in made]) for side in range(2))
    return Sample(bench, q[0], k[0], at_q, at_k, left, right)
