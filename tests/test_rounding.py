"""Correct rounding: single values by integers, many by round-to-odd, against exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from lagwise.conformance.rounding import exact, nearest, round_to_odd, ulp, unit_roundoff
from lagwise.spec.rounding import FORMATS, UndecidedError, neighbours, round_ball, settled, split

NARROW = ["float32", "float16", "bfloat16"]
ALL = ["float64", *NARROW]
NUMPY = {"float64": np.float64, "float32": np.float32, "float16": np.float16}


@pytest.fixture(autouse=True)
def bits():
    with ctx.workprec(2400):
        yield


def dyadic(x):
    return arb(fmpq(x.numerator, x.denominator))


def by_fraction(x, dtype):
    """Nearest even of an exact fraction, by comparing with both neighbours on the grid of the format."""
    form, size = FORMATS[dtype], abs(x)
    if size == 0:
        return 0.0
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    while Fraction(2) ** exponent > size:
        exponent -= 1
    while Fraction(2) ** (exponent + 1) <= size:
        exponent += 1
    grid = Fraction(2) ** max(exponent + 1 - form.bits, form.least)
    rounded = round(size / grid) * grid  # Python's round of a Fraction is to nearest even
    return math.copysign(math.inf if rounded >= Fraction(2) ** form.top else float(rounded), 1 if x > 0 else -1)


def test_a_number_just_above_a_tie_of_bfloat16_goes_up():
    for tail in (40, 60, 300):
        x = 1 + arb(2) ** -8 + arb(2) ** -tail
        hi, lo, radius = split(x)
        assert nearest([hi], [lo], "bfloat16") == [1.0078125]
        assert round_ball(x, "bfloat16") == 1.0078125
        assert radius == 0.0
    assert exact(1 + 2.0**-8, "bfloat16") == 1.0
    assert nearest([1 + 2.0**-8], [-(2.0**-90)], "bfloat16") == [1.0]


@pytest.mark.parametrize("dtype", ALL)
def test_many_random_values_round_as_fractions_do(dtype):
    rng = np.random.default_rng(5)
    hi = np.ldexp(rng.uniform(-1, 1, 32768), rng.integers(-160, 140, 32768))
    near_tie = exact(hi, dtype) if dtype == "float64" else exact(hi, dtype) + ulp(hi, dtype) / 2
    hi[::2] = np.where(np.isfinite(near_tie), near_tie, hi)[::2]
    lo = hi * np.ldexp(rng.choice([-1.0, 0.0, 1.0], 32768), rng.integers(-140, -54, 32768))
    wanted = [by_fraction(Fraction(a) + Fraction(b), dtype) for a, b in zip(hi.tolist(), lo.tolist(), strict=True)]
    found = nearest(hi, lo, dtype)
    assert np.array_equal(found, wanted)
    assert np.array_equal(np.signbit(found), np.signbit(wanted))
    with ctx.workprec(4096):
        some = [round_ball(arb(a) + arb(b), dtype) for a, b in zip(hi[:2048].tolist(), lo[:2048].tolist(), strict=True)]
    assert some == wanted[:2048]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_one_cast_is_numpys(dtype):
    rng = np.random.default_rng(6)
    values = np.ldexp(rng.uniform(-2, 2, 20000), rng.integers(-170, 20, 20000))
    with np.errstate(over="ignore", under="ignore"):
        wanted = values.astype(NUMPY[dtype]).astype(np.float64)
    assert np.array_equal(exact(values, dtype), wanted)


EDGES = [
    ("float16", Fraction(65520) - Fraction(1, 2**60), 65504.0),
    ("float16", Fraction(65520), math.inf),
    ("float16", -Fraction(65520), -math.inf),
    ("float16", Fraction(1, 2**25), 0.0),
    ("float16", Fraction(1, 2**25) + Fraction(1, 2**90), 2.0**-24),
    ("float16", Fraction(3, 2**25), 2.0**-23),
    ("bfloat16", Fraction(2**128) - Fraction(2**119), math.inf),
    ("bfloat16", Fraction(2**128) - Fraction(2**119) - 1, 2.0**128 - 2.0**120),
    ("bfloat16", Fraction(1, 2**134), 0.0),
    ("float32", -Fraction(1, 2**150), -0.0),
    ("float64", Fraction(1, 2**1075) + Fraction(1, 2**1200), 5e-324),
    ("float64", Fraction(2**1024) - Fraction(2**970), math.inf),
    ("float64", Fraction(-(2**1024)) + Fraction(2**970) + 1, -1.7976931348623157e308),
    ("float64", Fraction(2**3000), math.inf),
]


@pytest.mark.parametrize(("dtype", "x", "wanted"), EDGES)
def test_edges_of_the_formats(dtype, x, wanted):
    with ctx.workprec(4096):
        ball = dyadic(x)
        single, (hi, lo, _) = round_ball(ball, dtype), split(ball)
    assert (single, math.copysign(1, single)) == (wanted, math.copysign(1, wanted))
    if dtype != "float64":
        many = float(nearest([hi], [lo], dtype)[0])
        assert (many, math.copysign(1, many)) == (wanted, math.copysign(1, wanted))


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.integers(-(2**120), 2**120), st.integers(-1150, 950), st.sampled_from(ALL))
def test_single_values_round_as_fractions_do(mantissa, exponent, dtype):
    x = Fraction(mantissa) * Fraction(2) ** exponent
    ball = arb((mantissa, exponent)) if mantissa else arb(0)
    found = round_ball(ball, dtype)
    assert found == by_fraction(x, dtype)
    hi, lo, radius = split(ball)
    if math.isfinite(hi):
        assert (lo > 0) - (lo < 0) == (x > Fraction(hi)) - (x < Fraction(hi))
        assert abs(x - Fraction(hi) - Fraction(lo)) <= Fraction(radius)
        assert settled(ball)
        assert nearest([hi], [lo], dtype)[0] == found


def test_a_ball_over_a_tie_is_undecided_with_both_neighbours():
    ball = arb(1 + 2.0**-8, 2.0**-60)
    assert neighbours(ball, "bfloat16") == (1.0, 1.0078125)
    assert neighbours(ball, "float32") == (1.00390625, 1.00390625)
    with pytest.raises(UndecidedError) as caught:
        round_ball(ball, "bfloat16")
    assert (caught.value.lower, caught.value.upper) == (1.0, 1.0078125)
    assert str(caught.value) == "the ball rounds to 1.0 or to 1.0078125"
    assert not settled(ball)


def test_settled_looks_at_float64_ties_too():
    tie = 1 + arb(2) ** -53
    assert settled(tie)
    assert not settled(arb(tie, arb(2) ** -100))
    assert settled(arb(tie + arb(2) ** -90, arb(2) ** -100))
    assert not settled(arb.nan())
    assert settled(arb(2) ** 5000)


def test_round_to_odd_keeps_what_is_exact():
    hi = np.array([1.0, 0.0, -0.0, np.inf, -1.0, 1.0])
    lo = np.array([0.0, 0.0, 0.0, 0.0, 2.0**-70, -(2.0**-70)])
    found = round_to_odd(hi, lo)
    assert found[:4].tobytes() == hi[:4].tobytes()
    assert found[4:].tolist() == [-1 + 2.0**-53, 1 - 2.0**-53]
    assert nearest([0.0, 0.0], [-5e-324, 5e-324], "float32").tolist() == [-0.0, 0.0]
    assert np.isnan(nearest([np.nan], [0.0], "bfloat16"))


def test_units_of_the_formats():
    assert [unit_roundoff(d) for d in ALL] == [2.0**-53, 2.0**-24, 2.0**-11, 2.0**-8]
    assert ulp([1.0, 1.5, 2.0, 0.0], "bfloat16").tolist() == [2.0**-7, 2.0**-7, 2.0**-6, 2.0**-133]
    with pytest.raises(ValueError, match="dtype") as caught:
        unit_roundoff("float8")
    assert str(caught.value) == "dtype must be one of float64, float32, float16, bfloat16, got 'float8'"
