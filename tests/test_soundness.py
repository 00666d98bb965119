"""Attacks: forged certificates that must be rejected, and designs on which a verdict was once wrong."""

import pytest
import sympy as sp
from lagwise.spec import Encoding, position
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import THEOREMS, RejectedError, _roots_vanish, check, digest


def cert(prop="lag-invariant", value=True, q=None, k=None, proof=None, claim=None, **d):
    de = {
        "axes": 1,
        "domain": "integer",
        "integers": [],
        "positive": [],
        "relations": [],
        "basis": "identity",
        "query": q if q is not None else [[[{"c": "1"}]]],
        "key": k if k is not None else [[[{"c": "1"}]]],
    } | d
    b = {
        "schema": "lagwise-certificate/1",
        "encoding": "forged",
        "definition": de,
        "record": digest(de),
        "claim": {"property": prop, "value": value, "quantifiers": "everything", **(claim or {})},
        "proof": proof or {"method": "normal-form" if value else "witness", "point": {}, "lemmas": []},
    }
    return b | {"hash": digest(b)}


one = [[[{"c": "1"}]]]


def m(c="1", **mono):
    return [[[{"c": c, "mono": mono}]]]


S = [["1", {"s0": "1"}]]
FORGED = {
    "one=zero": cert(q=m(s0="1"), relations=[[["1", {}]]]),
    "relation on position": cert(q=m(s0="1"), relations=[[["1", {"s0": "1"}]]]),
    "relation s-t": cert(q=m(s0="1"), relations=[[["1", {"s0": "1"}], ["-1", {"t0": "1"}]]]),
    "growth base position": cert(q=[[[{"c": "1", "growth": {"s0": [["1", {"x": "1"}]]}}]]]),
    "c0 in phase": cert(q=[[[{"c": "1", "phase": [["2", {"pi": "1", "s0": "1", "c0": "-1"}]]}]]]),
    "c0 const": cert(
        q=[[[{"c": "1", "phase": [["2", {"pi": "1", "s0": "1", "c0": "1"}]]}]]], domain="real", integers=["c0", "s0"]
    ),
    "noise position": cert(q=m(s0="1"), noise=["s0"], claim={"sense": "in expectation"}),
    "noise relation": cert(
        "identity-at-zero",
        q=m(z="1"),
        k=m(z="1"),
        noise=["z"],
        relations=[[["1", {"z": "1"}], ["-2", {}]]],
        claim={"sense": "in expectation"},
    ),
    "empty": cert(q=[], k=[]),
    "empty rows": cert(q=[[]], k=[[]]),
    "heights": cert(q=one, k=[[[{"c": "1"}]], [[{"c": "1", "mono": {"t0": "1"}}]]]),
    "identity wide": cert("identity-at-zero", q=one, k=[[[{"c": "1"}], []]]),
    "ragged": cert("unitary", q=[[[{"c": "1"}]], [[], [{"c": "1", "mono": {"s0": "1"}}]]], k=[[[{"c": "1"}]], [[]]]),
    "prime -1": cert(
        "gain",
        q=[[[{"c": "1", "mono": {"#-1": "1/2"}}]]],
        k=[[[{"c": "1", "mono": {"#-1": "1/2"}}]]],
        claim={"gain_squared": [{"c": "-1"}]},
    ),
    "prime 15": cert("gain", q=m(**{"#15": "1/2"})),
    "root of negative": cert(
        "gain", q=m(x="1/2"), k=m(x="1/2"), claim={"gain_squared": [{"c": "1", "mono": {"x": "1"}}]}
    ),
    "star real": cert(
        "gain", q=m(**{"x*": "1"}), k=m(**{"x*": "1"}), claim={"gain_squared": [{"c": "1", "mono": {"x": "2"}}]}
    ),
    "when absurd": cert(q=m(s0="1"), claim={"when": [[["1", {}]]]}),
    "when position": cert(q=m(s0="1"), claim={"when": [[["1", {"s0": "1"}]]]}),
    "when unitary": cert(
        "unitary", q=m("2", x="1"), k=m("2", x="1"), claim={"when": [[["1", {"x": "2"}], ["-1/4", {}]]]}
    ),
    "theorem claim": (lambda b: b | {"hash": digest(b)})(
        {
            "schema": "lagwise-certificate/1",
            "encoding": "mine",
            "definition": {"theorem": "odd-permutations-are-no-rotations"},
            "record": digest({"theorem": "odd-permutations-are-no-rotations"}),
            "claim": {
                "property": "unitary",
                "value": True,
                "quantifiers": "",
                "statement": THEOREMS["odd-permutations-are-no-rotations"][0],
            },
            "proof": {"method": "theorem", "trusted": []},
        }
    ),
    "gen ragged": cert(q=[], k=[], generators=[[[[], [{"c": "1"}]]]]),
    "gen position": cert(
        q=[], k=[], generators=[[[[{"c": "1", "mono": {"s0": "1"}, "phase": [["1/2", {"pi": "1"}]]}]]]]
    ),
    "gen axes": cert(q=[], k=[], axes=2, generators=[[[[]]]]),
    "gen and maps": cert(q=m(s0="1"), generators=[[[[]]]]),
    "tree and maps": cert(q=m(s0="1"), tree={"terms": []}),
    "A in t": cert(q=m(t0="1")),
    "s1 const": cert(q=m(s1="1"), k=one),
    "neg base real": cert("unitary", q=[[[{"c": "1", "growth": {"r": S}}]]], domain="real"),
    "domain odd": cert(domain="whole"),
    "axes 0": cert(axes=0, q=m(s0="1")),
    "variance short": cert("variance", q=m(z="1"), noise=["z"], claim={"query": [], "key": [], "terms": []}),
    "variance name": cert("variance", q=m(z="1"), noise=["z"], claim={"query": ["z"], "key": ["z"], "terms": []}),
    "given never": cert(
        q=[],
        k=[],
        form="bias",
        tree={"op": "Abs", "args": [{"terms": [{"c": "1", "mono": {"s0": "1"}}]}]},
        claim={"given": {"op": "<", "args": [{"terms": [{"c": "1"}]}, {"terms": []}]}},
    ),
    "positive s0": cert(
        q=[],
        k=[],
        form="bias",
        positive=["s0"],
        tree={"op": "Pow", "args": [{"terms": []}, {"terms": [{"c": "1", "mono": {"s0": "1"}}]}]},
    ),
    "when false": cert(
        "lag-invariant",
        False,
        q=[[[{"c": "1", "growth": {"r": S}}]]],
        positive=["r"],
        claim={"when": [[["1", {"r": "1"}], ["-1", {}]]]},
        proof={"method": "witness", "point": {"s0": "0", "t0": "0", "c0": "1", "r": "2"}},
    ),
    "faithful half": cert("faithful", False, q=one, domain="real", proof={"method": "witness", "point": {"t0": "1/2"}}),
    "tree c0": cert(
        q=[], k=[], form="bias", tree={"op": "cos", "args": [{"terms": [{"c": "1", "mono": {"c0": "1"}}]}]}
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_certificate_is_rejected(name):
    with pytest.raises(RejectedError):
        check(FORGED[name])


def test_the_forgery_without_its_fault_is_accepted():
    assert check(cert("unitary")) == "forged: unitary is True (all whole positions)"


def real(name, **assumptions):
    return sp.Symbol(name, **(assumptions or {"real": True}))


def scalar(a, b=None, **more):
    return Encoding("scalar", query=sp.Matrix([[a]]), key=sp.Matrix([[a if b is None else b]]), **more)


x, odd = real("x"), real("n", odd=True)
NOT_PROVED = {
    "symbols with one stored name": scalar(1 + (real("s0") - real("s0'")) * position, 1),
    "one name, two assumptions": scalar(1 + (x - real("x", positive=True)) * position, 1),
    "floats that print alike": scalar(sp.Float(0.1) ** position, sp.Float(0.10000000000000002) ** (-position)),
    "functions that print alike": scalar(
        1
        + (sp.log(real("a + b", positive=True)) - sp.log(real("a", positive=True) + real("b", positive=True)))
        * position,
        1,
    ),
    "relations that contradict": scalar(position, relations=(sp.Integer(1),)),
}
NOT_REFUTED = {
    "odd": scalar(1, (-1) ** (odd * position) * (-1) ** position),
    "even": scalar(1, (-1) ** (real("n", even=True) * position)),
    "imaginary": scalar(sp.exp(real("y", imaginary=True) * position)),
}


@pytest.mark.parametrize("name", NOT_PROVED)
def test_what_is_false_is_not_proved(name):
    assert judge(NOT_PROVED[name]).propositions["lag-invariant"].verdict != "proved"


@pytest.mark.parametrize("name", NOT_REFUTED)
def test_what_is_true_is_not_refuted(name):
    assert judge(NOT_REFUTED[name]).propositions["lag-invariant"].verdict != "refuted"


def test_a_gain_is_refuted_by_a_witness_alone():
    known = scalar(x, claims={"unitary": {"gain": sp.Abs(x)}})
    assert judge(known).claims == {"unitary": True}
    hidden = scalar(sp.sqrt(2 + 2 * sp.cos(1)), claims={"unitary": {"gain": 2 * sp.cos(sp.Rational(1, 2))}})
    assert judge(hidden).claims == {"unitary": None}
    assert judge(scalar(x, claims={"unitary": {"gain": 3 * x}})).claims == {"unitary": False}


def test_functions_of_the_noise_are_not_constants():
    random = Encoding("z", query=sp.Matrix([[sp.Abs(x)]]), key=sp.Matrix([[1]]), noise=x)
    assert judge(random).propositions["variance"].verdict == "undecided"


def waves(a, b):
    return sp.Matrix([f(c * position) for c in (a, b) for f in (sp.cos, sp.sin)])


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding("E", query=sp.eye(2), key=sp.Matrix([[sp.E, sp.E**2], [1, sp.E]])),
        Encoding("logs", query=waves(sp.log(4) / 2, sp.log(2))),
        Encoding("tied", query=waves(x, real("y")), relations=(x - real("y"),)),
    ],
    ids=lambda e: e.name,
)
def test_a_rank_is_not_counted_over_what_may_depend(encoding):
    assert "value" not in judge(encoding).ranks["bidirectional"]


def test_quantifiers_say_relations_and_exceptions():
    a = real("a")
    assert "where a**2 - 1 = 0" in judge(scalar(a, relations=(a**2 - 1,))).propositions["unitary"].quantifiers
    turn = sp.Matrix([[sp.exp(sp.I * x * position)]])
    found = judge(Encoding("turn", query=turn, domain="real")).propositions["faithful"].quantifiers
    assert "almost every real x" in found
    assert "all whole positions" in found


def test_roots_of_high_order_need_no_room():
    from fractions import Fraction

    fine = Fraction(3602879701896397, 2**54)
    turn = sp.Matrix([[sp.exp(sp.I * sp.Float(0.1) * sp.pi * position)]])
    assert judge(Encoding("turn", query=turn)).propositions["unitary"].verdict == "proved"
    assert not _roots_vanish({fine: Fraction(1), Fraction(0): Fraction(1)})
    assert _roots_vanish({fine: Fraction(1), fine + 1: Fraction(1)})
    for n in range(2, 31):
        roots = {Fraction(2 * k, n): Fraction(1) for k in range(n)}
        assert _roots_vanish(roots)
        assert not _roots_vanish(roots | {Fraction(0): Fraction(2)})


def test_the_number_pi_and_a_symbol_pi_are_two():
    assert judge(scalar(real("pi") * sp.pi**2)).propositions["gain"].verdict == "proved"


def test_a_conjugate_is_no_crash():
    z = sp.Symbol("z")
    assert judge(scalar(sp.conjugate(z), 1 / z)).propositions["lag-invariant"].verdict == "proved"
