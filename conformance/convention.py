"""Which convention a rotary implementation follows when not the one it declares: candidates, tried on its numbers.

A candidate changes where pairs are read and written, the sense of turning, the base, or what is taken for the position.
It is named only after the definition, changed so, has reproduced every number within the budget.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from ..spec.layout import LAYOUTS, order
from .bench import Bench
from .budget import Budget, budget
from .libraries import Array
from .recipe import angles
from .rounding import exact as rounded


def eleven_bits(s: Array) -> Array:
    """Rounded as float16 rounds, without its overflow."""
    mantissa, exponent = np.frexp(s)
    return np.asarray(np.ldexp(np.rint(mantissa * 2.0**11), exponent - 11))


def _modulo(n: int) -> Callable[[Array], Array]:
    return lambda s: s % n


def _stopped(n: int) -> Callable[[Array], Array]:
    return lambda s: np.minimum(s, n - 1)


LENGTHS = (1024, 2048, 4096, 8192)
POSITIONS: dict[str, Callable[[Array], Array]] = {
    "": lambda s: s,
    "positions are one too large": lambda s: s + 1,
    "positions are one too small": lambda s: s - 1,
    "positions are rounded to bfloat16": lambda s: rounded(s, "bfloat16"),
    "positions are rounded to float16": eleven_bits,
    "nothing is encoded": lambda s: 0 * s,
    **{f"positions are taken modulo {n}": _modulo(n) for n in LENGTHS},
    **{f"positions stop at {n - 1}": _stopped(n) for n in LENGTHS},
    "positions are ignored (0, 1, 2, …)": lambda s: np.arange(len(s), dtype=np.float64),
    "positions are counted from the first one": lambda s: s - s[:1],
}
BASES = (10000.0, 500000.0, 1000000.0)


@dataclass(frozen=True)
class Convention:
    """Where pairs are read and written, the sense of turning, the base, and what is taken for the position."""

    reads: str
    writes: str
    base: float
    sense: int = 1
    positions: str = ""
    gain: float = 1.0
    frequencies: str = ""  # the dtype they are rounded to, if any

    def changes(self, declared: "Convention") -> list[str]:
        """In words, what differs from the declared convention."""
        said = []
        if self.reads == self.writes != declared.reads == declared.writes:
            said.append(f"its layout is {self.reads}")
        elif (self.reads, self.writes) != (declared.reads, declared.writes):
            said.append(f"it reads {self.reads} and writes {self.writes}")
        if self.sense != declared.sense:
            said.append("the sign of the rotation is reversed")
        if self.base != declared.base:
            said.append(f"base = {self.base:g} (declared: {declared.base:g})")
        if self.frequencies:
            said.append(f"frequencies are rounded to {self.frequencies}")
        if self.gain != declared.gain:
            said.append(f"everything is multiplied by {self.gain:g}")
        return said + ([self.positions] if self.positions else [])


@dataclass(frozen=True)
class Evidence:
    """One side of one call: x and y (batch, heads, n, dim) in the coordinates of the definition, at `positions`."""

    bench: Bench
    positions: tuple[int, ...]
    x: Array
    y: Array


def declared(bench: Bench) -> Convention:
    """The convention a subject declares."""
    reads = bench.subject.layout
    return Convention(reads, bench.subject.writes or reads, float(bench.numbers.get("base", 10000.0)))


def simulate(seen: Evidence, convention: Convention) -> Array:
    """The definition, changed as `convention` says, on the same vectors, in float64."""
    bench, oracle = seen.bench, seen.bench.oracle
    covered = oracle.covered
    native = np.empty_like(seen.x)
    native[..., bench.reading] = seen.x
    read, write = (np.array(order(name, covered, bench.dim)) for name in (convention.reads, convention.writes))
    at = POSITIONS[convention.positions](np.asarray(seen.positions, dtype=np.float64))
    phase = convention.sense * at[:, None] * frequencies(bench, convention)
    first, second = native[..., read[0:covered:2]], native[..., read[1:covered:2]]
    out = native.copy()
    out[..., write[0:covered:2]] = first * np.cos(phase) - second * np.sin(phase)
    out[..., write[1:covered:2]] = first * np.sin(phase) + second * np.cos(phase)
    return np.asarray(convention.gain * out[..., bench.writing])


def frequencies(bench: Bench, convention: Convention) -> Array:
    """θ_p of the definition, or those of another base, (pairs,)."""
    oracle = bench.oracle
    own = convention.base == declared(bench).base
    theta = angles(bench) if own else convention.base ** (-np.arange(0, oracle.covered, 2) / oracle.covered)
    return rounded(theta, convention.frequencies) if convention.frequencies else np.asarray(theta)


def excess(seen: Evidence, convention: Convention, allowed: Budget) -> float:
    """Largest error against the changed definition, as a multiple of the budget (relative to the norm of the pair)."""
    wanted = simulate(seen, convention)
    covered = seen.bench.oracle.covered
    turns = np.abs(np.asarray(seen.positions))[:, None] * frequencies(seen.bench, convention)
    if not np.array_equal(seen.y[..., covered:], wanted[..., covered:]) and convention.gain == 1.0:
        return float("inf")
    error, norm = _pairs(np.abs(seen.y - wanted), covered).max(axis=-1), _pairs(wanted, covered)
    bound = allowed.elementwise(turns) * np.linalg.norm(norm, axis=-1) + allowed.tiny
    return float(np.max(np.where(np.isfinite(error), error, np.inf) / np.maximum(bound, 1e-300), initial=0.0))


def _pairs(x: Array, covered: int) -> Array:
    return x[..., :covered].reshape(*x.shape[:-1], -1, 2)


def generous(bench: Bench) -> Budget:
    """The budget of the usual recipe (float32 angles, tables and products in the dtype), whatever is declared."""
    usual: dict[str, Any] = {"angles": "float32", "arithmetic": "input", "table_precision": "input"}
    return budget(replace(bench.subject, **usual), bench.dtype)


def candidates(seen: Evidence) -> Iterator[Convention]:
    """Every combination, fewest changes first."""
    own = declared(seen.bench)
    bases = list(dict.fromkeys((own.base, *_bases(seen), *BASES)))
    gains = list(dict.fromkeys((1.0, _gain(seen))))
    axes = (LAYOUTS, LAYOUTS, bases, (1, -1), POSITIONS, gains, ("", "bfloat16", "float16"))
    every = [Convention(*values) for values in product(*axes)]
    yield from sorted(every, key=lambda c: len(c.changes(own)))


def identify(seen: Sequence[Evidence]) -> tuple[Convention, float] | None:
    """The convention with the fewest changes that explains all the numbers, and its largest error over budget; or None.

    At most three things are changed at once.
    """
    allowed, own = generous(seen[0].bench), declared(seen[0].bench)
    for convention in candidates(seen[0]):
        if len(convention.changes(own)) > 3:
            break
        over = 0.0
        for one in seen:
            over = max(over, excess(one, convention, allowed))
            if over > 1.0:
                break
        if over <= 1.0:
            return convention, over
    return None


def verdict(seen: Sequence[Evidence], allowed: Budget) -> str:
    """What these numbers are, beside what is declared: a predicate, in words."""
    own = declared(seen[0].bench)
    if all(excess(one, own, allowed) <= 1.0 for one in seen):
        return "agrees with its definition"
    found = identify(seen)
    if found is None:
        return "differs from its definition, and nothing that was tried explains it"
    changes, over = found[0].changes(own), found[1]
    if changes:
        return f"agrees with its definition if {' and '.join(changes)} (largest error: {over:.2g} of the budget)"
    usual = f"float32 angles and tables in {seen[0].bench.dtype}"
    return f"agrees with its definition within the budget of {usual} ({over:.2g} of it), not within its own"


def _gain(seen: Evidence) -> float:
    """The quotient of the norms, to four digits."""
    norms = float(np.linalg.norm(seen.x)), float(np.linalg.norm(seen.y))
    return float(f"{norms[1] / norms[0]:.4g}") if norms[0] and np.isfinite(norms[1]) and norms[1] else 1.0


def _bases(seen: Evidence) -> list[float]:
    """Bases read off the turn of pair 1 at the smallest position above 0, in either layout, to three digits."""
    above = [(p, row) for row, p in enumerate(seen.positions) if p > 0]
    covered = seen.bench.oracle.covered
    if not above or covered < 4:
        return []
    position, row = min(above)
    native = []
    for values, places in ((seen.x, seen.bench.reading), (seen.y, seen.bench.writing)):
        placed = np.empty_like(values)
        placed[..., places] = values
        native.append(placed[0, 0, row])
    found = []
    for name in LAYOUTS:
        i, j = order(name, covered, seen.bench.dim)[2:4]
        x, y = (v[i] + 1j * v[j] for v in native)
        angle = abs(np.angle(y / x)) / position if x else 0.0
        if 0 < angle < 1:
            found.append(float(f"{angle ** (-covered / 2):.3g}"))
    return found


def positions_tried(limit: int) -> Sequence[int]:
    """The positions at which two subjects are compared: small ones, the neighbours of powers of two, large ones."""
    small = [0, 1, 2, 3, 7, 17, 64, 100]
    edges = [p + d for p in (256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072) for d in (-1, 0, 1)]
    return [p for p in [*small, *edges] if p < limit]
