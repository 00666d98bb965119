"""Fourier pairs by elementary steps and by certified quadrature, tails, and what is decided of FLT's records."""

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy as sp
from flint import acb, arb, ctx
from lagwise.spec.catalogue import get, members
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.flt_record import rho
from lagwise.spec.fourier import PAIRS, Pair, proved, rate, scale, step_up, student, tau, vanishes, width, x, xi
from lagwise.spec.quadrature import agrees, spectrum, transform
from lagwise.spec.tails import NoTailError, Tail, absolutely, finite, moment, tail

VALUES = {scale: Fraction(3, 4), rate: Fraction(5, 2), tau: Fraction(2, 5), width: Fraction(3, 2)}
ON_THE_LINE = sorted(set(PAIRS) - {"grid"})
FLT = [m for name in ("flt-gaussian-mixture", "flt-shift-invariant", "flt-local") for m in members(name)]


def values_of(pair):
    return {s: v for s, v in VALUES.items() if s in pair.mask.free_symbols | pair.spectrum.free_symbols}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_every_step_of_a_pair_vanishes(name):
    assert proved(PAIRS[name]) == []
    assert len(PAIRS[name].steps()) >= 2


@pytest.mark.parametrize("name", sorted(set(PAIRS) - {"grid"}))
@pytest.mark.parametrize("point", [Fraction(3, 7), Fraction(5, 4)])
def test_certified_quadrature_agrees_at_both_signs(name, point):
    assert agrees(PAIRS[name], values_of(PAIRS[name]), point)


def test_quadrature_refutes_a_wrong_spectrum():
    for name in ON_THE_LINE:
        pair = PAIRS[name]
        wrong = replace(pair, spectrum=pair.spectrum * sp.Rational(1001, 1000))
        assert not agrees(wrong, values_of(pair), Fraction(3, 7))


def test_steps_refute_a_wrong_spectrum():
    laplace = PAIRS["laplace"]
    angular = 2 * rate / (rate**2 + xi**2)  # angular frequency taken for cycles
    steps = [*laplace.steps()[:-1], ("g", laplace.steps()[-1][1] + laplace.spectrum - angular)]
    assert proved(Pair("angular", laplace.mask, angular, lambda: steps, "")) == ["g"]
    assert vanishes(sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1)
    assert not vanishes(sp.sin(x) ** 2 + sp.cos(x) ** 2 - sp.Rational(99, 100))


@pytest.mark.parametrize("v", [0, 1, 3])
def test_the_grid_form_at_whole_lags_of_both_signs(v):
    """∫_{-1/2}^{1/2} D_v(ξ) e^{2πiξn} dξ with D_v = Σ e^{2πijξ}, certified."""
    with ctx.workprec(96):
        for n in range(-v - 2, v + 3):

            def integrand(z, analytic, n=n):
                return sum((2j * acb.pi() * (j + n) * z).exp() for j in range(-v, v + 1))

            found = acb.integral(integrand, acb(-0.5), acb(0.5))
            assert abs(complex(found) - (abs(n) <= v)) < 1e-20
    own = PAIRS["grid"].spectrum.subs({"width": v})
    dirichlet = sum(sp.cos(2 * sp.pi * j * xi) for j in range(-v, v + 1))
    symbol = next(s for s in PAIRS["grid"].spectrum.free_symbols if s.name == "width")
    assert abs(float((PAIRS["grid"].spectrum.subs(symbol, v) - dirichlet).subs(xi, 0.3))) < 1e-12, own


@pytest.mark.parametrize("twice_nu", [1, 3, 5])
def test_matern_in_the_plane_and_in_space(twice_nu):
    """2π ∫ f(ρ) J₀(2πkρ) ρ dρ in R², by quadrature; R³ follows from R by one derivative."""
    assert vanishes(step_up(twice_nu))
    assert not vanishes(step_up(twice_nu) + 1)
    b = arb(twice_nu).sqrt() / (arb(3) / 4)
    polynomial = {1: lambda u: 1, 3: lambda u: 1 + u, 5: lambda u: 1 + u + u * u / 3}[twice_nu]
    with ctx.workprec(96):
        k = arb(3) / 7

        def integrand(z, analytic):
            wave = (2 * acb.pi() * acb(k) * z).bessel_j(0)
            return 2 * acb.pi() * z * polynomial(b * z) * (-b * z).exp() * wave

        found = complex(acb.integral(integrand, acb(0), acb(60))).real
    stated = float(student(twice_nu, 2, sp.Rational(9, 49)).subs(scale, sp.Rational(3, 4)))
    assert abs(found - stated) < 1e-12


def test_tails_decide_what_is_finite():
    assert tail(xi**2 * sp.exp(-3 * xi**2 + xi), xi) == Tail(sp.Integer(3), sp.Integer(2))
    assert finite(Tail(degree=sp.Integer(-2)), 1) == sp.true
    assert finite(Tail(degree=sp.Integer(-2)), 2) == sp.false
    assert finite(Tail(degree=sp.Integer(5), compact=True), 3) == sp.true
    normal = sp.exp(-(xi**2) / 2)
    sigma = sp.Symbol("sigma", positive=True)
    bell = sp.exp(-((xi - 1) ** 2) / (2 * sigma**2))
    assert moment(bell, normal, xi, 1, 2) == (sigma**2 < 2)
    assert moment(bell, normal, xi, 1, 4) == (sigma**2 < sp.Rational(4, 3))
    for n in (1, 2, 3):
        assert moment(student(1, n, xi**2), normal, xi, n, 2) == sp.false
        assert moment(student(3, n, xi**2), student(5, n, xi**2), xi, n, 2) == sp.true
        assert moment(student(1, n, xi**2), student(5, n, xi**2), xi, n, 2) == sp.false
    assert absolutely(PAIRS["box"].spectrum, xi, 1) == sp.false
    assert absolutely(PAIRS["tent"].spectrum, xi, 1) == sp.true
    with pytest.raises(NoTailError, match=r"^no tail is read off log\(xi\)$"):
        tail(sp.log(xi), xi)


@pytest.mark.parametrize("name", FLT)
def test_every_claim_of_flt_is_confirmed(name):
    judgement = judge(get(name))
    assert set(judgement.claims.values()) == {True}, judgement.claims
    assert judgement.propositions["directional"].verdict == "refuted"
    assert judgement.ranks["causal"] == {"value": 2}


def test_box_and_ball_are_refuted_for_every_density_with_a_remedy():
    for name in ("flt-local[shape=box]", "flt-local[shape=ball,axes=2]", "flt-local[shape=ball,axes=3]"):
        found = judge(get(name)).propositions["finite-variance"]
        assert (found.verdict, found.quantifiers) == ("refuted", "every density p")
        assert "≥ (∫|g|)² = ∞ for every p; take shape=smoothed, shape=tent, or shape=grid" in found.reason


def test_a_mixture_has_a_finite_variance_where_its_widths_are_below_root_two():
    record = get("flt-gaussian-mixture")
    assert "sigma_0**2 < 4/3" in judge(record).propositions["finite-variance"].reason
    plain = replace(record, claims={"finite-variance": True})
    found = judge(plain).propositions["finite-variance"]
    assert found.verdict == "refuted"
    assert "sigma_0**2 < 2" in found.holds_when
    assert judge(plain).claims == {"finite-variance": False}


def test_a_squared_ratio_or_another_mean_is_not_confirmed():
    record = get("flt-shift-invariant[kernel=laplace]")
    squared = replace(record, parameters={rho: record.parameters[rho] * 2})
    assert judge(squared).claims["unbiased"] is None
    other = replace(record, expectation=record.expectation**2)
    assert judge(other).claims["unbiased"] is None
    mixture = get("flt-gaussian-mixture")
    wrong = replace(mixture, parameters={rho: mixture.parameters[rho] ** 2})
    assert judge(wrong).claims["unbiased"] is None


def test_the_transform_is_a_ball_that_holds_the_number():
    found, stated = (f(PAIRS["laplace"], {rate: Fraction(5, 2)}, Fraction(3, 7)) for f in (transform, spectrum))
    assert found.real.overlaps(stated)
    assert float(found.real.rad()) < 1e-20


def test_the_variance_of_a_kernel_is_in_closed_form():
    found = judge(get("flt-shift-invariant[kernel=laplace]")).propositions["variance"]
    tau_, r = sp.Symbol("lag", real=True), rate
    stated = sp.sympify(found.detail, locals={"lag": tau_, "rate": r})
    for point in (0, 1, -3):
        wanted = (1 + sp.exp(-2 * r * abs(point))) / 2 - sp.exp(-2 * r * abs(point))
        assert abs(float((stated - wanted).subs({tau_: point, r: 0.7}))) < 1e-15
    mixture = judge(get("flt-gaussian-mixture")).propositions["variance"]
    assert mixture.detail == "∫ (g²/p) (1 + cos 4πξ·τ)/2 dξ − f(τ)²"
    assert judge(get("flt-local[shape=box]")).propositions["variance"].verdict == "not-applicable"
