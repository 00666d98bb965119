"""Does it compute the definition? Every element of encode(x, s) against the certified A_s x, near and far."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Check, Measurement
from ..horizon import turns_pairs
from .causes import likely_cause
from .shared import HEADLINE, count, definition, encodes, formula, judge, ruler

HEADS = 2


def places(bench: Bench, label: str, samples: int) -> list[int]:
    """The headline positions below the limit, the last one, and `samples` others, log-uniform, drawn from the seed."""
    rng = bench.rng(label, "positions")
    top = min(bench.limit, 2**20 + 1)
    drawn = np.exp(rng.uniform(0, np.log(max(top, 2)), samples)).astype(np.int64)
    return sorted({*bench.within(HEADLINE), top - 1, *(int(p) for p in drawn if p < top)})


def searched(bench: Bench, samples: int, keep: int = 8) -> list[int]:
    """Of `samples` positions those where the phases come nearest to their budget, in float64: for the oracle to judge.

    Phases are exact: s·F modulo 2^96, F = round(2^96 θ/2π), in Python's integers.
    """
    if not samples or bench.growth or turns_pairs(bench.subject) or "arbitrary-positions" not in bench.subject.supports:
        return []
    measure, instance = ruler(bench), bench.oracle.instance
    first = [instance.places(p, 2)[0] for p in range(instance.blocks)]
    angles = [bench.oracle.angle(p) for p in range(instance.blocks)]
    units = [int((2**96 * a / (2 * a.pi())).mid().floor().unique_fmpz()) for a in angles if a is not None]
    if len(units) < len(angles):
        return []
    top = min(bench.limit, 2**20 + 1)
    drawn = bench.rng("matches-the-definition", "search").uniform(0, np.log(top), samples)
    at = sorted({min(int(s), top - 1) for s in np.exp(drawn)})
    x = np.zeros((1, 1, len(at), bench.dim))
    x[..., first] = 1.0
    y = bench.encode(x, x, at)[0][0, 0]
    phase = np.array([[s * F % 2**96 / 2**96 * 2 * np.pi for F in units] for s in at])
    ratio = np.abs(y[:, first] - np.cos(phase)) / measure.relative(at)[:, first]
    return [at[int(i)] for i in np.argsort(-ratio.max(axis=1))[:keep]]


def _run(bench: Bench) -> Iterable[Measurement]:
    rng = bench.rng("matches-the-definition")
    at = bench.at(places(bench, "matches-the-definition", count(bench, 6, 32)))
    at += [p for p in searched(bench, count(bench, 0, 256)) if p not in at]
    given = {side: bench.draw(rng, 1, count(bench, 1, HEADS), len(at), bench.dim) for side in ("query", "key")}
    found = dict(zip(given, bench.encode(given["query"], given["key"], at), strict=True))
    for side, vectors in given.items():
        yield _compare(bench, side, vectors, found[side], at)


def _compare(bench: Bench, side: str, vectors: Any, found: Any, at: list[Any]) -> Measurement:
    measure = ruler(bench)
    hi, lo = definition(bench, side, vectors, at)
    norms = measure.norms(hi)
    error = np.abs((found - hi) - lo)
    letter, other = ("q̂", "q") if side == "query" else ("k̂", "k")

    def where(batch: int, head: int, row: int, coordinate: int) -> dict[str, Any]:
        return {"position": at[row], "head": head, "coordinate": coordinate, "pair": int(measure.owner[coordinate])}

    return judge(
        side,
        error,
        measure.relative(at) * norms + measure.budget.tiny,
        norms * measure.budget.u,
        measure.unit,
        expected=f"{letter}_s = A_s {other}_s; {formula(bench)}" if side == "query" else f"{letter}_t = B_t {other}_t",
        where=where,
        budget=str(measure.budget),
        what=letter,
        cause=lambda: likely_cause(bench, side, vectors, found, at),
    )


CHECK = Check(
    "matches-the-definition",
    "every element of encode(x, s) is the certified A_s x within the declared budget, at positions up to 2^20",
    "another pairing, sign, base or offset; positions or tables in a low precision; the key not encoded",
    _run,
    applies=lambda subject: encodes(subject) or _only_scores(subject),
)


def _only_scores(subject: Any) -> str | None:
    return "declared up_to='isometry': only scores are compared" if subject.up_to else None
