"""Random forms: expectations over standard normal symbols, exact variances, and what holds only on average."""

import copy
from fractions import Fraction

import pytest
import sympy as sp
from lagwise.spec import Encoding, axis, lag, position
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import Algebra, RejectedError, check, digest, expectation

theta, phi, gain, other = sp.symbols("theta phi gain other", positive=True)
delta = sp.Symbol("delta", positive=True)
z1, z2, z3, z4 = sp.symbols("z1:5", real=True)


def sines(places, *, phase=0, gains=(gain,), frequencies=(theta,), noise=(z1, z2)):
    """λ (cos(f x + phase) z + sin(f x + phase) z'), summed over the sines: one realisation of sineSPE."""
    parts = [
        g * (sp.cos(f * places + phase) * noise[2 * i] + sp.sin(f * places + phase) * noise[2 * i + 1])
        for i, (g, f) in enumerate(zip(gains, frequencies, strict=True))
    ]
    return sp.Matrix([[sum(parts)]])


SINE = Encoding("sine", query=sines(position, phase=phi), key=sines(position), noise=(z1, z2))
TWO = {"gains": (gain, other), "frequencies": (theta, 3 * theta), "noise": (z1, z2, z3, z4)}
TWO_SINES = Encoding("two", query=sines(position, **TWO), key=sines(position, **TWO), noise=sp.Matrix([z1, z2, z3, z4]))
# delta = sin² a: the gate's two square roots are a sine and a cosine
ON, OFF = sp.sin(delta), sp.cos(delta)
GATED = Encoding(
    "gated",
    query=OFF * sines(position) + ON * sp.Matrix([[z3]]),
    key=OFF * sines(position) + ON * sp.Matrix([[z3]]),
    noise=(z1, z2, z3),
)
TWO_AXES = Encoding("axes", query=sines(theta * axis(0) + phi * axis(1)), noise=(z1, z2), axes=2)
FALSE = [
    Encoding("other frequency", query=sines(position), key=sines(2 * position), noise=(z1, z2)),
    Encoding("noise redrawn", query=sines(position, noise=(z1, z2)), key=position * sines(position), noise=(z1, z2)),
    Encoding("growing", query=sp.Matrix([[z1 * position]]), noise=z1),
]


@pytest.mark.parametrize("encoding", [SINE, TWO_SINES, GATED, TWO_AXES], ids=lambda e: e.name)
def test_relative_in_expectation_and_not_outright(encoding):
    judgement = judge(encoding)
    found = judgement.propositions["lag-invariant"]
    assert (found.verdict, found.detail) == ("proved", "in expectation")
    assert "on average over independent standard normal" in found.quantifiers
    assert check(found.certificate)
    assert judgement.confirms("lag-invariant", "in expectation") is True
    assert judgement.confirms("lag-invariant", True) is False
    assert judgement.confirms("lag-invariant", False) is False


@pytest.mark.parametrize("encoding", FALSE, ids=lambda e: e.name)
def test_expectations_that_change_are_refuted_with_a_witness(encoding):
    found = judge(encoding).propositions["lag-invariant"]
    assert (found.verdict, found.detail) == ("refuted", "in expectation")
    check(found.certificate)
    s, t, c = (int(found.witness[k]) for k in ("query_position", "key_position", "shift"))
    values = {sp.Symbol(n, positive=True): sp.Rational(v) for n, v in found.witness["parameters"].items()}

    def average(q, k):
        product = sp.expand((encoding.query.subs(position, q) * encoding.key.subs(position, k))[0, 0])
        squares = product.subs({z1**2: 1, z2**2: 1, z1 * z2: 0}).subs({z1: 0, z2: 0})
        return float(squares.subs(values))

    assert abs(average(s + c, t + c) - average(s, t) - float(found.witness["defect"])) < 1e-5


def test_noise_that_cancels_is_relative_outright():
    cancelled = Encoding("c", query=sp.Matrix([[sp.exp(sp.I * theta * position) * (1 + z1)]]), noise=z1)
    judgement = judge(cancelled)
    assert judgement.propositions["lag-invariant"].detail is None
    assert judgement.confirms("lag-invariant", True) is True


def test_the_variance_is_that_of_isserlis():
    """(ab + c²) of one realisation: a, b the variances of the two codes and c their covariance."""
    q, k = sp.symbols("q_0 k_0", real=True)
    a = q**2 * gain**2
    b = k**2 * gain**2
    c = q * k * gain**2 * sp.cos(theta * lag - phi)
    found = judge(SINE).propositions["variance"]
    assert check(found.certificate)
    stated = sp.sympify(found.detail, locals={s.name: s for s in (q, k, gain, theta, lag, phi)})
    points = [{q: 2, k: 3, gain: 1, theta: 0.3, lag: n, phi: 0.7} for n in range(4)]
    for point in points:
        assert abs(float((stated - (a * b + c**2)).subs(point))) < 1e-12


def test_the_expectation_is_the_canonical_form_and_has_its_rank():
    assert judge(SINE).canonical_form == "E[A_s^H B_t] = W_τ = gain^2·cos(τ·θ - phi)"
    assert judge(SINE).ranks["causal"] == {"value": 2}
    assert judge(TWO_SINES).ranks["bidirectional"] == {"value": 4}
    assert judge(GATED).ranks["causal"] == {"value": 3}
    assert judge(TWO_AXES).ranks["bidirectional"] == {"value": 2}
    assert judge(FALSE[0]).canonical_form == "none: E[A_s^H B_t] is not a function of the lag"


def test_identity_at_zero_is_meant_on_average():
    one = Encoding("one", query=sines(position, gains=(1,)), noise=(z1, z2))
    assert judge(one).propositions["identity-at-zero"].detail == "in expectation"
    assert judge(SINE).propositions["identity-at-zero"].verdict == "refuted"
    assert judge(one).propositions["unitary"].verdict == "not-applicable"


z = sp.Function("z")
a, b = sp.symbols("a0:4", real=True), sp.symbols("b0:4", real=True)
QUERY, KEY = (sp.Matrix([[sum(w[i] * z(position + i) for i in range(4))]]) for w in (a, b))
CONVOLVED = Encoding("convSPE", query=QUERY, key=KEY, noise=z)


def test_filtered_white_noise_is_relative_with_compact_support():
    """convSPE with four taps: E is the cross-correlation of the filters, zero at lags from 4 on."""
    judgement = judge(CONVOLVED)
    found = judgement.propositions["lag-invariant"]
    assert (found.verdict, found.detail) == ("proved", "in expectation")
    assert check(found.certificate)
    assert set(judgement.ranks["bidirectional"]) == {"unbounded"}
    assert judgement.ranks["causal"] == {"value": 3}
    for tau in range(-3, 4):
        taps = sum(a[p + tau] * b[p] for p in range(4) if 0 <= p + tau < 4)
        assert f"({taps}, Eq(τ, {tau}))".replace("*", "·") in judgement.canonical_form
    assert "Eq(τ, 4)" not in judgement.canonical_form


def test_filtered_noise_with_gate_growth_and_other_noise():
    kept = Encoding(
        "g", query=OFF * QUERY + ON * sp.Matrix([[z1]]), key=OFF * KEY + ON * sp.Matrix([[z1]]), noise=(z, z1)
    )
    divided = Encoding("d", query=QUERY * theta**position, key=KEY * theta**-position, noise=z)
    apart = Encoding("a", query=QUERY, key=sp.Matrix([[sp.Function("y")(position)]]), noise=(z, sp.Function("y")))
    for encoding in (kept, divided, apart):
        assert judge(encoding).propositions["lag-invariant"].verdict == "proved"
    assert judge(apart).canonical_form == "E[A_s^H B_t] = W_τ = 0"
    two = Encoding("2", query=sp.Matrix([[z(axis(0), axis(1)) + z(axis(0) + 1, axis(1))]]), noise=z, axes=2)
    assert judge(two).propositions["lag-invariant"].verdict == "proved"
    growing = judge(Encoding("p", query=QUERY * position, key=KEY, noise=z)).propositions["lag-invariant"]
    assert growing.verdict == "refuted"
    assert check(growing.certificate)


def test_noise_at_other_places_or_squared_is_undecided():
    for query, reason in (
        (sp.Matrix([[z(2 * position)]]), "noise must stand at the position plus whole numbers, got z(2*position)"),
        (sp.Matrix([[z(position) * z(position + 1)]]), "each side must be linear in the noise at positions"),
    ):
        assert judge(Encoding("n", query=query, noise=z)).propositions["lag-invariant"].reason == reason


def test_a_moved_tap_is_rejected():
    made = copy.deepcopy(judge(CONVOLVED).propositions["lag-invariant"].certificate)
    made["definition"]["query"][0][0][0]["mono"]["s0"] = "1"
    with pytest.raises(RejectedError, match="entries do not vanish"):
        check(rehashed(made))
    made = copy.deepcopy(judge(CONVOLVED).propositions["lag-invariant"].certificate)
    made["definition"]["query"], made["definition"]["key"] = made["definition"]["key"], made["definition"]["query"]
    with pytest.raises(RejectedError, match="stands on the wrong side"):
        check(rehashed(made))


def test_moments_of_a_standard_normal():
    ring, noise = Algebra(), frozenset({"z", "y"})

    def term(**powers):
        return ring.term(Fraction(1), (), (), tuple(sorted((n, Fraction(p)) for n, p in powers.items())))

    assert [sum(expectation(ring, term(z=p), noise).values()) for p in range(1, 9)] == [0, 1, 0, 3, 0, 15, 0, 105]
    assert sum(expectation(ring, term(z=2, y=4), noise).values()) == 3
    assert expectation(ring, term(z=1, y=2), noise) == {}
    assert expectation(ring, term(z=2, x=3), noise) == term(x=3)
    with pytest.raises(RejectedError, match="only whole powers of the noise"):
        expectation(ring, term(z=Fraction(1, 2)), noise)


UNDECIDED = [
    (sp.Matrix([[sp.exp(sp.I * z1 * position)]]), z1, "noise stands in an exponent"),
    (sp.Matrix([[sp.Symbol("z") * position]]), sp.Symbol("z"), "noise must be real symbols"),
    (sp.Matrix([[sp.log(1 + position) * z1]]), z1, r"log(position + 1) is no exponential polynomial in the position"),
]


@pytest.mark.parametrize(("query", "noise", "reason"), UNDECIDED, ids=["exponent", "complex", "outside"])
def test_what_is_not_decided_says_why(query, noise, reason):
    found = judge(Encoding("u", query=query, noise=noise)).propositions["lag-invariant"]
    assert found.verdict == "undecided"
    assert reason in found.reason


def rehashed(made):
    body = {k: v for k, v in made.items() if k != "hash"} | {"record": digest(made["definition"])}
    return body | {"hash": digest(body)}


def test_a_certificate_without_its_sense_or_noise_is_rejected():
    made = judge(SINE).propositions["lag-invariant"].certificate
    for change in ("sense", "noise", "other"):
        bad = copy.deepcopy(made)
        if change == "noise":
            bad["definition"]["noise"] = ["z1"]
        elif change == "sense":
            del bad["claim"]["sense"]
        else:
            bad["claim"]["sense"] = "given the scores"
        with pytest.raises(RejectedError):
            check(rehashed(bad))


def test_a_changed_variance_is_rejected():
    made = copy.deepcopy(judge(SINE).propositions["variance"].certificate)
    made["claim"]["terms"][0]["c"] = str(Fraction(made["claim"]["terms"][0]["c"]) + 1)
    with pytest.raises(RejectedError, match="the variance is not the one that is stated"):
        check(rehashed(made))
