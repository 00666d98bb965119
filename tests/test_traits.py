"""Traits of a relative encoding, and how many exponentials stand in for a kernel that has no finite rank."""

import numpy as np
import pytest
import sympy as sp
from lagwise.conformance.approximation import approximation, fit, of_judgement
from lagwise.spec import Encoding, PermutationPower, lag, position
from lagwise.spec.catalogue import get
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.traits import traits

theta = sp.Symbol("theta", positive=True)
c, s = sp.cos(position * theta), sp.sin(position * theta)


def test_a_rotation_has_phases_and_a_generator_and_tells_past_from_future():
    found = traits(get("rope"))
    assert found["eigenphases"] == ["theta", "-theta"]
    assert found["generator"] == "[[0, -theta], [theta, 0]]"
    assert found["even in the lag"] is False


@pytest.mark.parametrize(
    ("encoding", "even"),
    [
        (get("lrpe[core=unitary,p=identity]"), True),
        (get("nope"), True),
        (Encoding("cosine", query=sp.Matrix([c, s])), True),
        (get("xpos"), False),
        (Encoding("Jordan", query=sp.Matrix([[1, position], [0, 1]]), key=sp.Matrix([[1, 0], [-position, 1]])), False),
    ],
    ids=lambda e: getattr(e, "name", str(e)),
)
def test_even_in_the_lag_is_blind_to_direction(encoding, even):
    assert traits(encoding)["even in the lag"] is even


def test_periods_of_phases_and_permutations():
    eighth = Encoding("eighth", query=sp.Matrix([[sp.exp(sp.I * sp.pi * position / 4)]]))
    assert traits(eighth)["period"] == 8
    assert traits(Encoding("swap", query=sp.Matrix([[0, 1], [1, 0]]) ** position))["period"] == 2
    cycles = traits(Encoding("p", query=PermutationPower((1, 0, 3, 4, 2, 5))))
    assert cycles == {"period": 6, "fixed coordinates": [5]}


def test_growth_says_where_each_dtype_ends():
    """math: torchscale's fp16 table overflows from n ≈ 9066 when positions are centred, so at 4533 from the centre."""
    found = traits(get("xpos"))
    assert found["overflows beyond"]["float16"] == 4532
    zeta = (0.4) / 1.4
    assert zeta ** (-4532 / 512) < 65504 < zeta ** (-4533 / 512)
    tenths = Encoding(
        "t", query=sp.Matrix([[sp.Rational(9, 10) ** position]]), key=sp.Matrix([[sp.Rational(10, 9) ** position]])
    )
    assert traits(tenths)["grows"] == ["10/9", "9/10"]


def test_a_sum_of_exponentials_is_found_again():
    n = np.arange(1, 201)
    assert fit(0.9**n + 0.5 * 0.7**n, 1e-9)[0] == 2
    assert fit(np.cos(0.3 * n), 1e-9)[0] == 2
    assert fit(0.95**n, 1e-9)[0] == 1


def test_the_error_that_is_said_is_measured_and_more_exponentials_lower_it():
    n = np.arange(1, 513)
    kernel = (1 + 0.7 * n) ** -0.4
    coarse, coarse_error = fit(kernel, 1e-2)
    fine, fine_error = fit(kernel, 1e-4)
    assert coarse_error <= 1e-2
    assert fine_error <= 1e-4
    assert coarse < fine
    noise = np.random.default_rng(0).standard_normal(512)
    count, error = fit(noise, 1e-3)
    assert count is None
    assert error > 1e-3


def test_only_kernels_without_an_exact_rank_are_approximated():
    assert of_judgement(judge(get("kerple"))).count is not None
    assert of_judgement(judge(get("alibi"))) is None
    assert of_judgement(judge(get("rope"))) is None
    assert approximation(Encoding("two", bias=sp.Function("w")(lag))) is None
    assert "e^b on 512 past lags, r1 = 0.375" in str(of_judgement(judge(get("kerple"))))
