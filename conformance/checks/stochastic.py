"""Random encodings over their noise: its law, the mean and the second moments of scores, independence of realizations.

Thresholds are exact tail bounds (`tail_bounds`), split over all entries; seeds follow from the run's and are never
drawn again. The smallest error that is found with 99 % stands in every row.
"""

from collections.abc import Callable, Iterable, Iterator
from math import inf, log, sqrt
from typing import Any

import numpy as np

from ...spec.random_oracle import CodeOracle, FrequencyOracle
from ..bench import AnswerError, Bench
from ..finding import Check, Measurement, Outcome
from ..libraries import Array
from ..subject import Subject
from ..tail_bounds import Band, hoeffding, products, rectified, relu_mean, squares
from . import given_noise
from .trials import CHECKS_SHARING, Sample, first_dtype, is_code, oracle, redrawn, sample

Entry = tuple[float, float, Band, dict[str, Any]]  # measured mean, expected, band (in `size`), where


def judged(case: str, unit: str, expected: str, entries: Iterable[tuple[float, Band, dict[str, Any]]]) -> Measurement:
    """The entry that uses most of its band: |mean − expectation| in `unit` against what chance explains."""
    off, band, where = max(entries, key=lambda e: e[0] / e[1].allowed if np.isfinite(e[0]) else inf)
    text = f"{band.text}; an error of {band.found:.3g} is found with 99 %"
    spot = ", ".join(f"{k} {v}" for k, v in where.items())
    reason = "" if off <= band.allowed else f"off by {off:.3g} {unit} at {spot}; {band.allowed:.3g} is chance"
    return Measurement(case, off, band.allowed, unit, expected, where, text, reason)


def skipped(case: str, expected: str, reason: str) -> Measurement:
    """A case that cannot be tested, with its reason."""
    return Measurement(case, 0.0, 0.0, "", expected, reason=reason, outcome=Outcome.SKIPPED)


def _in_first_dtype(run: Callable[[Bench], Iterable[Measurement]]) -> Callable[[Bench], Iterable[Measurement]]:
    return lambda bench: run(bench) if first_dtype(bench) else ()


def _moments(found: Sample) -> dict[tuple[int, int], tuple[float, float, float]]:
    """(a, b, c) for each head and pair."""
    own = {head: oracle(found.bench, head) for head in range(found.left.shape[1])}
    made = {}
    for head, pair, _ in found.entries():
        codes = own[head]
        assert isinstance(codes, CodeOracle)
        q, k = found.q[head, pair].tolist(), found.k[head, pair].tolist()
        values = codes.moments(q, k, found.at_q[pair], found.at_k[pair])
        made[head, pair] = tuple(float(v.mid()) for v in values)
    return made  # type: ignore[return-value]


def realized(found: Sample) -> tuple[Array, Array, int]:
    """X and Y, (trials, heads, pairs, R), and how many independent draws there are for an entry."""
    width = found.left.shape[-1]
    wanted = int(found.bench.subject.numbers.get("realizations", width))
    if width != wanted:
        raise AnswerError(f"encode returned {width} features, wanted one for each of {wanted} realizations")
    return found.left * sqrt(width), found.right * sqrt(width), found.left.shape[0] * width


def _mean(bench: Bench) -> Iterator[Measurement]:
    found = sample(bench)
    yield from _mean_of_codes(found) if is_code(bench) else _mean_of_masks(found)


def _mean_of_codes(found: Sample) -> Iterator[Measurement]:
    left, right, n = realized(found)
    moments = _moments(found)
    entries = CHECKS_SHARING * len(moments)
    plain, after = [], []
    for head, pair, where in found.entries():
        a, b, c = moments[head, pair]
        size, rho = sqrt(a * b), max(-1.0, min(1.0, c / sqrt(a * b)))
        x, y = left[:, head, pair] / sqrt(a), right[:, head, pair] / sqrt(b)
        plain.append((abs(float(np.mean(x * y)) - c / size), products(n, rho, entries), where))
        bent = float(np.mean(np.maximum(x, 0) * np.maximum(y, 0)))
        after.append((abs(bent - relu_mean(rho)), rectified(n, rho, entries), where))
    reported = _softmax(found, moments)
    row = judged("scores", "of √(ab)", "E q̂·k̂ = c = Σ_d q_d P_d(τ) k_d", plain)
    yield Measurement(**{**row.__dict__, "where": {**row.where, **reported}})
    yield judged(
        "after ReLU",
        "of √(ab)",
        "E relu(X) relu(Y) = √(ab) (sin φ + (π − φ) cos φ)/2π: relative in the mean only",
        after,
    )


def _softmax(found: Sample, moments: Any) -> dict[str, Any]:
    """Jensen's bias of softmax, predicted exactly: ln E e^{score/√dim} − c/√dim (reported, not judged)."""
    dim, R = found.bench.dim, found.left.shape[-1]
    weight = 1 / (R * sqrt(dim))
    worst = 0.0
    for a, b, c in moments.values():
        inside = (1 - weight * c) ** 2 - weight**2 * a * b
        worst = max(worst, abs(-R / 2 * log(inside) - c / sqrt(dim)) if inside > 0 and weight * c < 1 else inf)
    return {"log bias of exp(score), predicted": worst}


def _content(found: Sample, own: FrequencyOracle, head: int, pair: int) -> float:
    return float(own.content(found.q[head, pair].tolist(), found.k[head, pair].tolist()).mid())


def _lag(found: Sample, pair: int) -> list[float]:
    s, t = (np.atleast_1d(np.array(at[pair], dtype=float)) for at in (found.at_q, found.at_k))
    return [float(x) for x in t - s]


def _mean_of_masks(found: Sample) -> Iterator[Measurement]:
    from ...spec.flt_moments import ratio_bound

    bench, formula = found.bench, "E f̂ = f(τ) = ∫ g e^{2πiξ·τ} dξ"
    own = oracle(bench, 0)
    assert isinstance(own, FrequencyOracle)
    size = ratio_bound(own)
    if size == inf:
        yield skipped("masks", formula, "|g/p| is not bounded with these numbers: no exact bound for a mean")
        return
    draws = int(bench.subject.numbers["realizations"]) * found.left.shape[0]
    entries = CHECKS_SHARING * found.left.shape[1] * found.left.shape[2]
    made = []
    for head, pair, where in found.entries():
        drawn = found.scores[:, head, pair] - _content(found, own, head, pair)
        f = float(own.mean(_lag(found, pair)).mid())
        made.append((abs(float(np.mean(drawn)) - f), hoeffding(draws, size, entries), where))
    row = judged("masks", "", formula, made)
    drawn = found.scores[:, 0, 0] - _content(found, own, 0, 0)
    bias = float(np.log(np.mean(np.exp(drawn))) - own.mean(_lag(found, 0)).mid())
    yield Measurement(**{**row.__dict__, "where": {**row.where, "log bias of exp(f̂) at the first lag, measured": bias}})


def _second(bench: Bench) -> Iterator[Measurement]:
    if is_code(bench):
        yield from _squares(sample(bench))
    elif "realizations" not in bench.subject.parameters:
        yield skipped("masks", "Var f̂ = (E(ρ cos)² − f²)/r", "realizations is no parameter: r cannot be chosen")
    else:
        for r in (1, 16):
            yield _mean_square(bench, r)


def _squares(found: Sample) -> Iterator[Measurement]:
    left, right, n = realized(found)
    moments = _moments(found)
    band = squares(n, 2 * CHECKS_SHARING * len(moments))
    for name, side, index in (("queries", left, 0), ("keys", right, 1)):
        made = []
        for head, pair, where in found.entries():
            expected = moments[head, pair][index]
            made.append((abs(float(np.mean(side[:, head, pair] ** 2)) / expected - 1), band, where))
        yield judged(name, "of the variance", f"E {'XY'[index]}² = {'ab'[index]}: Var q̂·k̂ = (ab + c²)/R", made)


def _mean_square(bench: Bench, r: int) -> Measurement:
    from ...spec.flt_moments import fourth_is_finite, ratio_bound, second_moment

    case, formula = f"r = {r}", "E f̂² = f² + (E(ρ cos 2πξ·τ)² − f²)/r"
    own = oracle(bench, 0)
    assert isinstance(own, FrequencyOracle)
    size = ratio_bound(own)
    if not fourth_is_finite(own):
        return skipped(case, formula, "∫ g⁴/p³ is infinite: sample variances have none; the mean is tested")
    if size == inf:
        return skipped(case, formula, "|g/p| is not bounded with these numbers: no exact bound for a mean square")
    found = sample(bench, realizations=r)
    entries, made = CHECKS_SHARING * 2 * found.left.shape[1] * found.left.shape[2], []
    band = hoeffding(found.left.shape[0], size**2 / 2, entries)  # in [0, size²]: half of it around the middle
    for head, pair, where in found.entries():
        lag = _lag(found, pair)
        f = float(own.mean(lag).mid())
        expected = f * f + (second_moment(own, lag) - f * f) / r
        drawn = found.scores[:, head, pair] - _content(found, own, head, pair)
        made.append((abs(float(np.mean(drawn**2)) - expected), band, where))
    return judged(case, "", formula, made)


def _independent(bench: Bench) -> Iterator[Measurement]:
    """Disjoint pairs of realizations, and of trials, are uncorrelated: the error falls as R^{−1/2}."""
    found = sample(bench)
    left, _, _ = realized(found)
    moments = _moments(found)
    even, odd = left[..., 0::2], left[..., 1::2]
    across = left[0::2], left[1::2]
    entries = CHECKS_SHARING * 2 * len(moments)
    slope = {"slope of the error in R, measured": _slope(found, moments)}
    for name, (one, two) in (("realizations", (even[..., : odd.shape[-1]], odd)), ("draws", across)):
        m = min(one.shape[0], two.shape[0])
        band = products(m * one.shape[-1], 0.0, entries)
        made = []
        for head, pair, where in found.entries():
            a = moments[head, pair][0]
            mean = float(np.mean(one[:m, head, pair] * two[:m, head, pair])) / a
            made.append((abs(mean), band, {**where, **slope}))
        yield judged(name, "of the variance", f"E X_r X_r' = 0 over {name}: Var q̂·k̂ falls as 1/R", made)


def _slope(found: Sample, moments: Any) -> float:
    """ln(error at R / error at R/4) / ln 4, out of the same draws: −1/2 up to chance."""
    left, right, _ = realized(found)
    c = np.array([[moments[h, p][2] for p in range(left.shape[2])] for h in range(left.shape[1])])
    quarter = max(left.shape[-1] // 4, 1)
    errors = [float(np.sqrt(np.mean((np.mean((left * right)[..., :m], axis=-1) - c) ** 2))) for m in
              (quarter, left.shape[-1])]  # fmt: skip
    return log(errors[1] / errors[0]) / log(left.shape[-1] / quarter)


def _codes_redrawn(subject: Subject) -> str | None:
    found = redrawn(subject)
    if found or subject.record.expectation is None:
        return found
    return "no such door: its realizations are frequencies"


CHECKS = (
    *given_noise.CHECKS,
    Check(
        "mean-in-expectation",
        "over its noise, the mean of a score is what the encoding states, at every pair of positions",
        "a kernel other than the stated one (a squared ratio, a missing factor), or other noise for k than for q",
        _in_first_dtype(_mean),
        applies=redrawn,
    ),
    Check(
        "variance-in-expectation",
        "over its noise, codes have the stated second moments, and masks the stated mean square at r = 1 and 16",
        "noise of another variance, or the same draw used several times",
        _in_first_dtype(_second),
        applies=redrawn,
    ),
    Check(
        "realizations-independent",
        "realizations, and draws with different seeds, are uncorrelated",
        "one realization is used several times, or the seed does not reach the noise: more of it does not help",
        _in_first_dtype(_independent),
        applies=_codes_redrawn,
    ),
)
