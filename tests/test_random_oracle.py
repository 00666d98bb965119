"""Random encodings by their definition: scores given noise, twins, moments over noise, against loops and samples."""

from math import cos, exp, pi

import numpy as np
import pytest
from lagwise.spec.catalogue import get
from lagwise.spec.encoding import EncodingError
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.flt_moments import fourth_is_finite, ratio_bound, second_moment
from lagwise.spec.random_oracle import CodeOracle, FrequencyOracle, random_oracle, softmax_mean, variance

rng = np.random.default_rng(12)
D, K, R, P = 3, 2, 5, 3
SINE = {
    "frequencies": rng.uniform(0, 0.5, (D, K)).tolist(),
    "phases": rng.standard_normal((D, K)).tolist(),
    "gains": rng.uniform(0.3, 1, (D, K)).tolist(),
}
Z = rng.standard_normal((D, 2 * K, R)).tolist()
GATE = {"gate": [0.25, 0.5, 1.0], "gate_noise": rng.standard_normal((D, R)).tolist()}
FILTERS = {"query_filter": rng.uniform(size=(D, P)).tolist(), "key_filter": rng.uniform(size=(D, P)).tolist()}
Q, X = rng.standard_normal((4, D)), rng.standard_normal((4, D))
AT, TO = [0, 3, 100, 7], [5, 3, 2, 101]


def mid(rows):
    return np.array([[float(b.mid()) for b in row] for row in rows])


def sine_code(side, d, n, noise, gate=0.0, gate_noise=None):
    """Σ_k λ (cos, sin)(2π f n + θ) Z, as the paper has it, for R draws."""
    total = np.zeros(np.shape(noise)[-1])
    for k in range(K):
        angle = 2 * pi * SINE["frequencies"][d][k] * n + (SINE["phases"][d][k] if side == "query" else 0)
        pair = np.cos(angle) * np.array(noise[d][2 * k]) + np.sin(angle) * np.array(noise[d][2 * k + 1])
        total += SINE["gains"][d][k] * pair
    return np.sqrt(1 - gate) * total + (np.sqrt(gate) * np.array(gate_noise[d]) if gate_noise is not None else 0)


@pytest.mark.parametrize("gated", [False, True])
def test_scores_given_the_noise_are_those_of_the_paper(gated):
    numbers = SINE | {"noise": Z} | (GATE if gated else {})
    own = CodeOracle(get("spe-sine[gated=yes]" if gated else "spe-sine"), numbers)
    gates = [(GATE["gate"][d], GATE["gate_noise"]) if gated else (0.0, None) for d in range(D)]
    codes = [
        [sum(row[d] * sine_code(side, d, n, Z, *gates[d]) for d in range(D)) for row, n in zip(rows, at, strict=True)]
        for side, rows, at in (("query", Q, AT), ("key", X, TO))
    ]
    wanted = np.array(codes[0]) @ np.array(codes[1]).T / R
    assert np.abs(mid(own.scores(Q.tolist(), X.tolist(), AT, TO)) - wanted).max() < 1e-12


def test_the_twin_has_the_mean_exactly_and_the_engine_agrees():
    own = CodeOracle(get("spe-sine"), SINE)
    for q, k, s, t in zip(Q, X, AT, TO, strict=True):
        left, right = own.twin("query", q.tolist(), s), own.twin("key", k.tolist(), t)
        assert len(left) == 2 * K * D
        dot = sum((left[i] * right[i] for i in left), 0)
        a, b, c = own.moments(q.tolist(), k.tolist(), s, t)
        stated = sum(
            q[d]
            * k[d]
            * SINE["gains"][d][j] ** 2
            * cos(2 * pi * SINE["frequencies"][d][j] * (s - t) + SINE["phases"][d][j])
            for d in range(D)
            for j in range(K)
        )
        assert c.overlaps(dot)
        assert abs(float(c.mid()) - stated) < 1e-12
        assert c * c <= a * b
    symbol = judge(get("spe-sine")).canonical_form
    assert symbol == "E[A_s^H B_t] = W_τ = gain_0^2·cos(2·π·frequency_0·τ - phase_0)"


def test_a_filter_has_its_cross_correlation_as_mean_and_a_bounded_support():
    own = CodeOracle(get("spe-conv"), FILTERS)
    for lag in range(-4, 5):
        wanted = sum(
            q[d] * k[d] * FILTERS["query_filter"][d][p] * FILTERS["key_filter"][d][p + lag]
            for q, k in [(Q[0], X[0])]
            for d in range(D)
            for p in range(P)
            if 0 <= p + lag < P
        )
        c = own.moments(Q[0].tolist(), X[0].tolist(), 10, 10 + lag)[2]
        assert abs(float(c.mid()) - wanted) < 1e-14
        assert abs(lag) < P or c == 0


def test_mean_variance_and_softmax_over_many_draws():
    """S16, S17 and S19 against 20000 draws of R = 5; five standard errors, one seed."""
    own = CodeOracle(get("spe-sine"), SINE)
    q, k = Q[0] / 2, X[0] / 2
    a, b, c = own.moments(q.tolist(), k.tolist(), 3, 8)
    draws = rng.standard_normal((D, 2 * K, R * 20_000))
    x = sum(q[d] * sine_code("query", d, 3, draws) for d in range(D))
    y = sum(k[d] * sine_code("key", d, 8, draws) for d in range(D))
    scores = (x * y).reshape(-1, R).mean(-1)
    spread = float(variance(a, b, c, R).mid()) ** 0.5
    assert abs(scores.mean() - float(c.mid())) < 5 * spread / 20_000**0.5
    assert abs(scores.var() / spread**2 - 1) < 0.1
    scale = D**-0.5
    wanted = float(softmax_mean(a, b, c, R, own.code("query", 0, 3)[0] * 0 + scale).mid())
    found = np.exp(scale * scores)
    assert abs(found.mean() - wanted) < 5 * found.std() / 20_000**0.5
    assert wanted > exp(scale * float(c.mid()))  # Jensen
    with pytest.raises(ValueError, match="is infinite"):
        softmax_mean(a, b, c, R, own.code("query", 0, 3)[0] * 0 + 1000)


def test_gate_ends():
    closed = CodeOracle(get("spe-sine[gated=yes]"), SINE | {"gate": [1.0] * D})
    for s, t in ((0, 0), (0, 50), (9, 2)):
        assert abs(float(closed.moments(Q[0].tolist(), X[0].tolist(), s, t)[2].mid()) - Q[0] @ X[0]) < 1e-13
    opened = CodeOracle(get("spe-sine[gated=yes]"), SINE | {"gate": [0.0] * D})
    plain = CodeOracle(get("spe-sine"), SINE)
    both = [o.moments(Q[0].tolist(), X[0].tolist(), 3, 8)[2] for o in (opened, plain)]
    assert both[0].overlaps(both[1])


def test_two_axes_use_both_frequencies():
    numbers = SINE | {"frequencies": rng.uniform(0, 0.5, (D, K, 2)).tolist()}
    own = CodeOracle(get("spe-sine[axes=2]"), numbers)
    q, k = Q[0].tolist(), X[0].tolist()
    first, same, other = (own.moments(q, k, s, t)[2] for s, t in (((0, 0), (1, 2)), ((4, 5), (5, 7)), ((0, 0), (2, 1))))
    assert first.overlaps(same)
    assert not first.overlaps(other)


MIXTURE = {"dim": D, "weights": [1.0, -0.75], "means": [0.3, -0.2], "sigmas": [0.5, 0.8]}
MASKS = {
    "flt-gaussian-mixture": MIXTURE,
    "flt-shift-invariant[kernel=laplace]": {"dim": D, "rate": 0.75},
    "flt-shift-invariant[kernel=matern32]": {"dim": D, "scale": 2.5},
    "flt-local[shape=tent]": {"dim": D, "width": 4.5},
    "flt-local[shape=smoothed]": {"dim": D, "width": 2.5, "tau": 0.75},
    "flt-local[shape=grid]": {"dim": D, "width": 3},
}


@pytest.mark.parametrize("name", MASKS)
def test_masks_given_their_frequencies_and_their_mean(name):
    from lagwise.conformance.adapters.own_random import spectrum
    from lagwise.impls import arrays

    made = spectrum(name, MASKS[name])
    xi = arrays.flt_frequencies(np.zeros(1), made, 1, 4000, 1, seed=4)
    ratios = arrays.flt_ratios(made, xi)[0]
    own = FrequencyOracle(get(name), MASKS[name] | {"frequencies": xi[0, :20].tolist()})
    assert np.allclose([float(r.mid()) for r in own.ratios()], ratios[:20], rtol=1e-12)
    bound = ratio_bound(own)
    assert np.abs(ratios).max() <= bound * (1 + 1e-12)
    assert fourth_is_finite(own)
    for lag in (0, 1, -1, 5):
        waves = np.cos(2 * pi * xi[0, :, 0] * lag) * ratios
        assert abs(float(own.estimate([lag]).mid()) - waves[:20].mean()) < 1e-12
        assert abs(waves.mean() - float(own.mean([lag]).mid())) < bound * 6 / 4000**0.5
        assert abs((waves**2).mean() - second_moment(own, [lag])) < bound**2 * 6 / 4000**0.5
        assert own.mean([lag]).overlaps(own.mean([-lag]))


def test_a_wide_mixture_has_no_bound_and_then_no_fourth_moment():
    for sigma, bounded, fourth in ((0.9, True, True), (1.1, False, True), (1.3, False, False)):
        own = FrequencyOracle(get("flt-gaussian-mixture"), MIXTURE | {"sigmas": [0.5, sigma]})
        assert (ratio_bound(own) < float("inf"), fourth_is_finite(own)) == (bounded, fourth)


def test_what_is_missing_is_one_line():
    with pytest.raises(EncodingError, match=r"^spe-sine: gains is missing; give it among the parameters$"):
        random_oracle(get("spe-sine"), {"frequencies": [[[0.1]]], "phases": [[[0.0]]]}, 0)
    with pytest.raises(
        EncodingError, match=r"^flt-shift-invariant\[kernel=laplace\]: rate is missing; give it among the parameters$"
    ):
        random_oracle(get("flt-shift-invariant[kernel=laplace]"), {"dim": 4}, 0)
    short = CodeOracle(get("spe-conv"), FILTERS | {"noise": rng.standard_normal((P, D, R)).tolist()})
    with pytest.raises(EncodingError, match=r"^spe-conv: noise does not reach position 2$"):
        short.scores(Q[:1].tolist(), X[:1].tolist(), [2], [0])
