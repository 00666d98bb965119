"""The horizon of a subject: how far its positions go before the phase it applies is off by ε radians in some pair.

Each pair is given START unit vectors x; the phase applied at s is arg Σ conj(x) x̂. It is compared with that of the
exact result rounded once to the dtype, so that what any implementation loses by rounding its output does not count.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .bench import Bench
from .budget import U
from .finding import Check, Level, Measurement, Outcome
from .libraries import Array
from .subject import Subject

EPSILON = 2.0**-11  # radians
START = 64


@dataclass(frozen=True)
class Horizon:
    """`reach`: every tested position below it is right to `epsilon`; `curve`: (position, largest error, radians).

    `bounded`: whether the limit was that of the subject (or of a run), not an error beyond `epsilon`. `noise` is what
    products rounded in the dtype leave in such a measurement (radians, five standard deviations); `logit` the rms
    change of q·k/sqrt(dim) that the phase errors cause at the last position, for normal q and k.
    """

    reach: int
    epsilon: float
    curve: tuple[tuple[int, float], ...]
    bounded: bool
    noise: float
    logit: float


def horizon(bench: Bench, epsilon: float = EPSILON) -> Horizon:
    """Measures it through `encode`, at positions on a logarithmic grid below the subject's limit."""
    free = bool(set(bench.subject.supports) & {"offset", "arbitrary-positions"})
    starts = START if free else START // 8  # without them, all rows before a position are computed too
    at = _grid(min(bench.limit, 2**31 if free else 2**15))
    errors = _phases(bench, at, starts)
    largest = np.abs(errors).max(axis=1)
    beyond = np.flatnonzero(~(largest <= epsilon))
    reach = at[int(beyond[0])] if beyond.size else at[-1] + 1
    noise = 5 * U[bench.dtype] / np.sqrt(3 * starts)
    logit = float(np.sqrt(2 * np.sum(errors[-1] ** 2) / bench.dim))
    curve = tuple((p, float(e)) for p, e in zip(at, largest, strict=True))
    return Horizon(reach, epsilon, curve, not beyond.size, float(noise), logit)


def _grid(limit: int) -> list[int]:
    """0, then in each octave its first position, one in the middle and its last, below `limit`; and the last of all."""
    found = {0, limit - 1}
    for k in range(31):
        found |= {p for p in (2**k, 2**k + 2**k // 2 + 1, 2 ** (k + 1) - 1) if p < limit}
    return sorted(found)


def _phases(bench: Bench, at: list[int], starts: int) -> Array:
    """(n, pairs): by how much the phase applied to queries differs from s·θ_p."""
    instance = bench.oracle.instance
    turns = 2 * np.pi * (np.arange(starts) + 0.5) / starts
    x = np.zeros((1, starts, len(at), bench.dim))
    places = np.array([instance.places(p, 2) for p in range(instance.blocks)])
    x[..., places[:, 0]] = np.cos(turns)[None, :, None, None]
    x[..., places[:, 1]] = np.sin(turns)[None, :, None, None]
    x = bench.representable(x)
    y = bench.encode(x, x, at)[0]
    start, end = (v[0, ..., places[:, 0]] + 1j * v[0, ..., places[:, 1]] for v in (x, y))
    applied = np.sum(start.conj() * end, axis=1).T  # (n, pairs): its angle is the phase applied
    unit = np.zeros((len(at), bench.dim))
    unit[:, places[:, 0]] = 1.0
    rows = np.array([[float(b.mid()) for b in row] for row in bench.oracle.query(unit.tolist(), at)])
    exact = (rows[:, places[:, 0]] + 1j * rows[:, places[:, 1]]).T[:, None, :] * start
    rounded = bench.representable(exact.real) + 1j * bench.representable(exact.imag)
    found: Array = np.angle(applied * np.sum(start.conj() * rounded, axis=1).T.conj())
    return found


def turns_pairs(subject: Subject) -> str | None:
    """None where every pair is turned by one phase, or the reason why no phase can be read off."""
    record = subject.record
    if subject.encode is None:
        return "no such door: encode"
    plain = record.kind == "bilinear" and record.basis == "identity" and subject.up_to is None
    turns = plain and record.block == 2 and record.axes == 1 and not record.affine
    return None if turns else f"{record.name} does not turn pairs by one phase each"


def _run(bench: Bench) -> Any:
    found = horizon(bench)
    where = {
        "epsilon": found.epsilon,
        "reached": "limit" if found.bounded else "error",
        "noise": found.noise,
        "logit rms": found.logit,
        "curve": [list(point) for point in found.curve],
    }
    expected = "the largest N so that the phase applied at every tested position below N is right to 2^-11 rad"
    yield Measurement(
        "2^-11 rad", float(found.reach), float(found.reach), "positions", expected, where, outcome=Outcome.PASSED
    )


CHECK = Check(
    "horizon",
    "how far positions go before an applied phase is off by 2^-11 rad",
    "a number, not a promise",
    _run,
    applies=turns_pairs,
    level=Level.STANDARD,
)
