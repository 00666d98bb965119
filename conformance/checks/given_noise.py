"""Random encodings given their noise: scores are the definition's, attention is their sum, gates end right."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...spec.random_oracle import CodeOracle, FrequencyOracle
from ..bench import Bench
from ..budget import U
from ..finding import Check, Measurement
from ..libraries import Array
from ..subject import Subject
from .shared import dot, holds, judge
from .trials import features, heads_of, oracle, places, reads, stochastic, trial

NEAR, FAR = (0, 1, 2, 3, 7), (0, 255, 4095, 65504, 131071)
SHORT_AND_LONG = (512, 2048)
ANGLE = {"exact": 2.0**-48, "float64": 2.0**-48}  # radians, whole turns removed exactly


def angle(bench: Bench, turns: float) -> float:
    """Radians by which a phase of so many turns may be off."""
    said = bench.subject.declared("angles")
    return ANGLE.get(said or "", 2 * np.pi * turns * 2.0**-23)


def steps(bench: Bench) -> int:
    """Roundings of one feature: a sum over coordinates and terms, the products in it, and the scale."""
    numbers = bench.subject.numbers
    if "gains" in numbers:
        return bench.dim * (2 * len(numbers["gains"][0][0]) + 1) + 8
    return bench.dim * (int(np.prod(np.shape(numbers.get("query_filter", [[[0]]]))[2:])) + 1) + 8


def score_bounds(bench: Bench, own: Any, q: Array, k: Array, at: list[Any]) -> tuple[Array, Array]:
    """(|x| run of the scores, how far they may be off), (n, n) for one head."""
    u, wide = U[bench.dtype], max(float(np.max(np.abs(np.array(at, dtype=float)), initial=0.0)), 1.0)
    if isinstance(own, CodeOracle):
        sizes = [np.array([own.size(s, x, p) for x, p in zip(rows.tolist(), at, strict=True)])
                 for s, rows in (("query", q), ("key", k))]  # fmt: skip
        run: Array = sizes[0] @ sizes[1].T / own.realizations
        return run, 2.5 * (steps(bench) * u + angle(bench, wide / 2)) * run
    assert isinstance(own, FrequencyOracle)
    ratios = float(np.mean([abs(float(x.mid())) for x in own.ratios()]))
    content = np.abs(q) @ np.abs(k).T * float(own.content([1.0] * bench.dim, [1.0] * bench.dim).mid()) / bench.dim
    drawn = float(np.max(np.abs(np.array(bench.numbers["frequencies"])), initial=0.0))
    off = 8 * u + 2 * angle(bench, wide * drawn) + 2.0**-46
    return content + 1.5 * ratios, off * (content + 1.5 * ratios)


def definition(own: Any, q: Array, k: Array, at: list[Any]) -> tuple[Array, Array]:
    """Scores given the noise as hi + lo, (n, n)."""
    from ...spec.oracle import split

    parts = np.array([[split(b)[:2] for b in row] for row in own.scores(q.tolist(), k.tolist(), at, at)])
    return parts[..., 0], parts[..., 1]


def _compared(bench: Bench, case: str, numbers: tuple[int, ...]) -> Measurement:
    rng, at = bench.rng("given noise", case), places(bench, numbers)
    q, k = (bench.draw(rng, 1, heads_of(bench), len(at), bench.dim) for _ in range(2))
    left, right = features(bench, q, k, at, at)
    errors, allowed, scale = [], [], []
    for head in range(heads_of(bench)):
        own = oracle(bench, head)
        hi, lo = definition(own, q[0, head], k[0, head], at)
        run, bound = score_bounds(bench, own, q[0, head], k[0, head], at)
        got = dot(left[0, head, :, None, :], right[0, head, None, :, :])
        errors.append(np.abs(np.asarray((got - hi) - lo, dtype=np.float64)))
        allowed.append(bound)
        scale.append(run * U[bench.dtype])
    formula = (
        "q̂·k̂ = (1/R) Σ_r Σ_d q_d Q̄_dr Σ_d k_d K̄_dr" if isinstance(own, CodeOracle) else "scale q·k + (1/r) Σ ρ cos"
    )
    return judge(
        case, np.stack(errors), np.stack(allowed), np.stack(scale), "u of the |x| run",
        expected=f"{formula} with the noise that was read",
        where=lambda head, i, j: {"head": head, "query position": at[i], "key position": at[j]},
        budget="roundings of both features (each term, the products and the scale) and the angle",
        what="a score given the noise",
    )  # fmt: skip


def _given(bench: Bench) -> Iterable[Measurement]:
    yield _compared(bench, "near", NEAR)
    if bench.subject.max_position is None:
        yield _compared(bench, "far", FAR)


def _gates(bench: Bench) -> Iterable[Measurement]:
    """δ = 1: content only, the same at every position; δ = 0: the codes alone. Both against the definition."""
    for end in (1.0, 0.0):
        shape = np.shape(bench.subject.numbers["gate"])
        ended = trial(bench, 0, gate=np.full(shape, end).tolist())
        yield _compared(ended, f"gate {end:g}", NEAR)
        if end == 1.0:
            yield _blind(ended)


def _blind(bench: Bench) -> Measurement:
    rng, at = bench.rng("gate"), places(bench, NEAR)
    q, k = (bench.draw(rng, 1, heads_of(bench), len(at), bench.dim) for _ in range(2))
    found = [features(bench, q, k, p, p) for p in (at, places(bench, tuple(n + 11 for n in NEAR)))]
    error = float(max(np.max(np.abs(a - b)) for a, b in zip(*found, strict=True)))
    size = float(max(np.max(np.abs(a)) for a in found[0]))
    reason = f"features move by {error:.3g} of {size:.3g} when every position is moved by 11, with the gate at 1"
    return holds("gate 1, moved", error <= 4 * U[bench.dtype] * size, "a gate of 1 leaves the content alone", reason)


def _gated(subject: Subject) -> str | None:
    found = reads(subject)
    if found or ("gate" in subject.parameters and subject.build and "seed" in subject.names("build")):
        return found
    return "no such door: gate"


def _attends(subject: Subject) -> str | None:
    record = subject.record
    if record.noise is None and record.law is None:
        return "no such door: it draws no noise"
    if not subject.attend:
        return "no such door: attend"
    if subject.options.get("attention") != "norm-linear":
        return f"attention {subject.options.get('attention', 'softmax')} of random features is not tested yet"
    return None if subject.read else "read does not hand over the noise"


def _fast(bench: Bench) -> Iterable[Measurement]:
    """Σ_j score_ij v_j, scores from the oracle given the noise, for both orders of attention."""
    numbers = tuple(range(11))
    rng, at, heads = bench.rng("attend"), places(bench, numbers), heads_of(bench)
    q, k, v = (bench.draw(rng, 1, heads, len(at), bench.dim) for _ in range(3))
    here = bench.positions(at)
    given = {"positions": here, "query_positions": here, "key_positions": here, "length": len(at), "carry": None}
    arrays = dict(zip("qkv", (bench.native(x) for x in (q, k, v)), strict=True))
    for causal in (False, True):
        found = bench.exact(bench.call("attend", **arrays, **given, causal=causal), encoded=False)
        yield _sums(bench, f"causal={causal}", found, (q, k, v), at, causal)


def _sums(
    bench: Bench, case: str, found: Array, rows: tuple[Array, Array, Array], at: list[Any], causal: bool
) -> Measurement:
    u, n = U[bench.dtype], len(at)
    seen = np.tril(np.ones((n, n))) if causal else np.ones((n, n))
    scale = float(bench.subject.options.get("scale", 1.0))
    errors, allowed, units = [], [], []
    for head in range(heads_of(bench)):
        q, k, v = (x[0, head] for x in rows)
        own = oracle(bench, head)
        hi, _ = definition(own, q, k, at)
        run, off = score_bounds(bench, own, q, k, at)
        width = 2 * len(bench.numbers["frequencies"][0]) if isinstance(own, FrequencyOracle) else own.realizations
        total = scale * (run * seen) @ np.abs(v)
        errors.append(np.abs(found[0, head] - scale * (hi * seen) @ v))
        allowed.append(scale * (off * seen) @ np.abs(v) + (n + width + bench.dim + 4) * u * total)
        units.append(total * u)
    return judge(
        case, np.stack(errors), np.stack(allowed), np.stack(units), "u of the |x| run",
        expected="out_i = scale Σ_j (q̂_i·k̂_j) v_j with the noise that was read",
        where=lambda head, i, c: {"head": head, "position": at[i], "coordinate": c},
        budget="errors of the scores times |v|, and (n + features + 4) u of the |x| run", what="an output",
    )  # fmt: skip


def _memory(bench: Bench) -> Iterable[Measurement]:
    """Peaks of two lengths, what is given and returned not counted: four times the length, four times the peak."""
    import tracemalloc

    rng, heads, peaks = bench.rng("memory"), heads_of(bench), []
    for n in SHORT_AND_LONG:
        at = places(bench, tuple(range(n)))
        arrays = dict(
            zip("qkv", (bench.native(bench.draw(rng, 1, heads, n, bench.dim)) for _ in range(3)), strict=True)
        )
        here = bench.positions(at)
        given = {"positions": here, "query_positions": here, "key_positions": here, "length": n, "carry": None}
        bench.call("attend", **arrays, **given, causal=False)
        tracemalloc.start()
        bench.call("attend", **arrays, **given, causal=False)
        peaks.append(float(tracemalloc.get_traced_memory()[1]))
        tracemalloc.stop()
    ratio, grown = peaks[1] / peaks[0], SHORT_AND_LONG[1] / SHORT_AND_LONG[0]
    where = {"length": SHORT_AND_LONG[1], "peak bytes": peaks[1], "peak bytes at a quarter of it": peaks[0]}
    reason = f"the peak grows {ratio:.3g} times where the length grows {grown:g} times"
    yield Measurement(
        "peak", ratio, 2 * grown, "times", "live memory of attention is linear in the length", where,
        "twice the growth of the length; quadratic memory grows by its square", reason if ratio > 2 * grown else "",
    )  # fmt: skip


def _countable(subject: Subject) -> str | None:
    found = _attends(subject)
    if found or (subject.library == "numpy" and subject.max_position is None):
        return found
    if subject.library != "numpy":
        return f"allocations of {subject.library} are not counted here"
    return f"positions end at {subject.max_position}: too short to tell growth"


CHECKS = (
    Check(
        "memory-linear",
        "attention through random features keeps no score for each query and key",
        "the N × N scores, or codes of all positions and realizations, are formed at once",
        _memory,
        applies=_countable,
    ),
    Check(
        "equals-definition-given-noise",
        "with the noise that was read, scores are those of the definition",
        "another kernel (phase, gate, filters, ratio or scale), or noise that differs between q and k",
        _given,
        applies=reads,
    ),
    Check(
        "gate-ends",
        "a gate of 1 leaves the content alone, a gate of 0 the position",
        "the gate has the opposite polarity, or its noise is drawn again",
        _gates,
        applies=_gated,
    ),
    Check(
        "fast-equals-dense",
        "attention through random features is the sum of its scores times the values",
        "noise is drawn again for each chunk, or rows and keys are paired wrongly at its borders",
        _fast,
        applies=_attends,
    ),
)
__all__ = ["CHECKS", "score_bounds", "stochastic"]
