"""What several checks need: positions to test, comparison with the oracle, and measurements of two usual kinds."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..budget import Budget, budget, mixes, travelled
from ..finding import Level, Measurement, Outcome
from ..libraries import Array
from ..subject import Subject

HEADLINE = (0, 1, 255, 256, 257, 2047, 2048, 2049, 4095, 65504, 131071, 2**20)


def bilinear(subject: Subject) -> str | None:
    """Leaves out, without a row, what is not bilinear: there is no A_s and B_t to promise anything of."""
    return None if subject.record.kind == "bilinear" else "no such door: A_s and B_t"


def encodes(subject: Subject) -> str | None:
    """Skips a subject without the `encode` door."""
    return bilinear(subject) or (None if subject.encode else "no such door: encode")


def claims(name: str) -> Callable[[Subject], str | None]:
    """Skips an encoding that does not claim `name`, and subjects without the `encode` door."""

    def applies(subject: Subject) -> str | None:
        said = subject.record.claims.get(name)
        if said is False:
            return f"{subject.record.name} says itself that {name} is false"
        return encodes(subject) or (None if said else f"{subject.record.name} does not claim {name}")

    return applies


def promised(item: str) -> Callable[[Subject], str | None]:
    """Marks a check that only a subject with `item` among its `supports` must pass (see `unpromised`)."""

    def applies(subject: Subject) -> str | None:
        return encodes(subject) or (None if item in subject.supports else f"not promised: {item} is not in supports")

    return applies


@dataclass(frozen=True)
class Ruler:
    """The budget of a bench with its blocks: which block each output coordinate belongs to, and what turns it."""

    bench: Bench
    budget: Budget
    owner: Array  # (width,): the block of an output coordinate, -1 where it passes unchanged
    turning: Array  # (axes, blocks): radians per position
    growing: Array  # (blocks,): |ln gain| per position

    @property
    def whole(self) -> bool:
        """Whether the whole vector is one block: a basis mixes it, or an unknown isometry may follow."""
        return mixes(self.bench.subject.record) or self.bench.subject.up_to is not None

    @property
    def stretch(self) -> Array:
        """(blocks,): 1; where 2p/d is rounded as well, base^(2p/d) is off by |ln θ| roundings beside the four."""
        covered = self.bench.oracle.instance.covered // self.bench.subject.record.axes
        exact = covered & (covered - 1) == 0 or "theta" in self.bench.numbers
        found: Array = np.ones(self.turning.shape[1]) + (
            0.0 if exact else np.abs(np.log(np.maximum(self.turning.max(axis=0), 1e-300))) / 4
        )
        return found

    @property
    def unit(self) -> str:
        """What errors are measured in."""
        return "u of the vector norm" if self.whole else "u of the block norm"

    def norms(self, outputs: Array) -> Array:
        """(…, width) -> for each coordinate the norm of its block in `outputs`."""
        if self.whole:
            return np.broadcast_to(np.linalg.norm(outputs, axis=-1, keepdims=True), outputs.shape)
        found = np.abs(outputs)
        for group in self.bench.oracle.pairs:
            found[..., group] = np.linalg.norm(outputs[..., group], axis=-1, keepdims=True)
        if self.bench.subject.record.affine:
            found[..., self.owner >= 0] += (
                2.0  # ‖x + p‖ may be small where x and p are not: ‖x‖ + ‖p‖ <= ‖x + p‖ + 2‖p‖
            )
        return found

    def relative(self, positions: Sequence[Any], kind: str = "elementwise") -> Array:
        """(n, width): what is allowed at each position, relative to the norm of the block."""
        turns = travelled(self.turning * self.stretch, positions)
        steps = np.abs(np.asarray(positions, dtype=np.float64)).reshape(len(positions), -1).sum(axis=1)
        bound = getattr(self.budget, kind)(turns, steps[:, None] * self.growing)
        whole = np.concatenate([bound, self._rest(kind, len(positions))], axis=1)
        found: Array = whole[:, self.owner]
        return found

    def spread(self, positions: Sequence[Any]) -> Array:
        """(n,): the largest allowed error of a whole vector at each position, relative to its norm."""
        found: Array = self.relative(positions, "vector").max(axis=1, initial=0.0)
        return found

    def score_bound(self, q: Array, k: Array, at_q: Sequence[Any], at_k: Sequence[Any]) -> Array:
        """(…, n): how far Σ q̂ k̂ may be off for rows q[i] at at_q[i] and k[i] at at_k[i], both encoded.

        Σ over blocks of ‖q̂‖‖k̂‖(e_q + e_k + e_q·e_k); where the basis mixes, the whole vector is one block.
        """
        if self.whole:
            a, b = self.spread(at_q), self.spread(at_k)
            bound: Array = np.linalg.norm(q, axis=-1) * np.linalg.norm(k, axis=-1) * (a + b + a * b)
        else:
            a, b = self.relative(at_q, "vector"), self.relative(at_k, "vector")
            sizes = np.empty(q.shape[-1])
            for group in self.bench.oracle.pairs:
                sizes[list(group)] = len(group)
            bound = np.sum(self.norms(q) * self.norms(k) * (a + b + a * b) / sizes, axis=-1)
        size = np.sum(np.abs(q) + np.abs(k), axis=-1)
        own = summed(q.shape[-1]) * np.sum(np.abs(q * k), axis=-1)
        total: Array = bound + self.budget.tiny * size + own
        return total

    def _rest(self, kind: str, n: int) -> Array:
        still = getattr(self.budget, kind)() if self.whole else 0.0
        return np.full((n, 1), still)


def summed(n: int) -> float:
    """The bench's own error for a sum of n products in extended precision, relative to the sum of their sizes."""
    return n * float(np.finfo(np.longdouble).eps)


def dot(a: Array, b: Array) -> Array:
    """Σ a·b over the last axis, in extended precision."""
    found: Array = np.sum(a.astype(np.longdouble) * b.astype(np.longdouble), axis=-1)
    return found


def ruler(bench: Bench) -> Ruler:
    """The ruler of a bench; computed once."""
    found: Ruler | None = bench.__dict__.get("_ruler")
    if found is None:
        turning, growing = bench.rates
        instance = bench.oracle.instance
        rows = bench.oracle.width // (1 + bench.oracle.complex)
        owner = np.full(rows, -1)
        for p in range(instance.blocks):
            owner[instance.places(p, max(bench.subject.record.block, 1) * rows // bench.dim)] = p
        wide = np.concatenate([owner] * (1 + bench.oracle.complex))
        found = Ruler(bench, budget(bench.subject, bench.dtype, bool(np.any(growing))), wide, turning, growing)
        bench.__dict__["_ruler"] = found
    return found


def definition(bench: Bench, side: str, vectors: Array, positions: Sequence[Any]) -> tuple[Array, Array]:
    """The oracle's values for vectors (…, n, dim), row i at positions[i], as (hi, lo) of shape (…, n, width)."""
    from ...spec.oracle import split

    rows = vectors.reshape(-1, vectors.shape[-1])
    at = list(positions) * (len(rows) // max(len(positions), 1))
    balls = getattr(bench.oracle, side)(rows.tolist(), at)
    parts = [[split(b)[:2] for b in row] for row in balls]
    both = np.array(parts, dtype=np.float64).reshape(*vectors.shape[:-1], bench.oracle.width, 2)
    return both[..., 0], both[..., 1]


def worst(error: Array, allowed: Array) -> tuple[tuple[int, ...], float]:
    """Where error / allowed is largest (0/0 counts as 0, a NaN as infinite), and that ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, 0.0, error / allowed)
    ratio = np.where(np.isnan(error), np.inf, ratio)
    if ratio.size == 0:
        return (), 0.0
    place = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    return tuple(int(i) for i in place), float(ratio[place])


def judge(
    case: str, error: Array, allowed: Array, scale: Array, unit: str, *, expected: str,
    where: Callable[..., dict[str, Any]], budget: str, what: str, cause: Callable[[], str] | None = None,
) -> Measurement:  # fmt: skip
    """One measurement out of arrays: the element that uses most of its allowance; `scale` is one `unit` there."""
    place, ratio = worst(error, allowed)
    if not place:
        return Measurement(case, 0.0, 0.0, unit, expected, {}, budget)
    size = float(np.broadcast_to(scale, error.shape)[place]) or 1.0
    measured, limit = float(error[place]) / size, float(np.broadcast_to(allowed, error.shape)[place]) / size
    at = where(*place)
    if ratio <= 1:
        return Measurement(case, measured, limit, unit, expected, at, budget)
    spot = ", ".join(f"{k} {v}" for k, v in at.items())
    beyond = "not a number" if not np.isfinite(ratio) and limit > 0 else f"{ratio:.3g} times the budget"
    beyond = "must be exact" if limit == 0 else beyond
    reason = f"{what} is off by {measured:.3g} {unit} at {spot}; {limit:.3g} allowed ({beyond})"
    return Measurement(case, measured, limit, unit, expected, at, budget, reason, cause() if cause else "")


def holds(case: str, ok: bool, expected: str, reason: str, where: dict[str, Any] | None = None) -> Measurement:
    """A measurement that counts violations: none is allowed."""
    return Measurement(case, 0.0 if ok else 1.0, 0.0, "violations", expected, where or {}, "", "" if ok else reason)


def guarded(case: str, expected: str, run: Callable[[], Iterable[Measurement]]) -> Iterable[Measurement]:
    """The measurements of one case; one errored measurement when the subject raises in it."""
    try:
        yield from run()
    except AnswerError as error:
        yield Measurement(case, float("nan"), 0.0, "violations", expected, reason=str(error), outcome=Outcome.ERRORED)


def count(bench: Bench, smoke: int, standard: int) -> int:
    """How many samples a level takes."""
    return smoke if bench.level is Level.SMOKE else standard


def formula(bench: Bench) -> str:
    """The generic block in one line, as far as it fits."""
    record = bench.subject.record
    text = str(record.query.tolist()) if hasattr(record.query, "tolist") else "(Λ_s x)_j = x[π^s(j)]"
    basis = "" if record.basis == "identity" else f" · P ({record.basis})"
    return f"A_s = blockdiag {text if len(text) <= 160 else text[:157] + '…'}{basis}"
