"""The decision procedure: true claims proved for all, false ones refuted with a witness, the rest undecided."""

import pytest
import sympy as sp
from lagwise.spec import Encoding, axis, length, position
from lagwise.spec.catalogue import get, members, names
from lagwise.spec.exact import bridge
from lagwise.spec.exact.definition import store
from lagwise.spec.exact.verdicts import Verdict, judge
from lagwise.spec.recheck import check

theta = sp.Symbol("theta", positive=True)
phi = sp.Symbol("phi", positive=True)
r = sp.Symbol("r", positive=True)


def turn(angle):
    return sp.Matrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])


def found(encoding):
    return {name: str(p.verdict) for name, p in judge(encoding).propositions.items()}


@pytest.mark.parametrize("member", [m for name in names() for m in members(name)])
def test_every_claim_of_the_catalogue_is_confirmed(member):
    judgement = judge(get(member))
    assert set(judgement.claims.values()) == {True}, judgement.claims
    for proposition in judgement.propositions.values():
        if proposition.certificate:
            check(proposition.certificate)


FAMILIES = [
    ("rope", "orthogonal"),
    ("nope", "orthogonal"),
    ("xpos", "gated"),
    ("sinusoidal", "none"),
    ("lrpe[core=unitary,p=identity]", "unitary"),
    ("lrpe[core=permutation,p=shuffle]", "permutation"),
    ("lrpe[core=permutation,p=dct]", "orthogonal"),
    ("lrpe[core=orthogonal,p=dft]", "unitary"),
]


@pytest.mark.parametrize(("name", "family"), FAMILIES)
def test_the_family_is_the_narrowest_that_is_proved(name, family):
    assert judge(get(name)).family == family


TRUE_AND_FALSE = [
    (Encoding("two angles", query=turn(position * theta), key=turn(position * phi)), "refuted", "proved"),
    (Encoding("decay on both", query=r**position * sp.eye(2)), "refuted", "refuted"),
    (Encoding("decay", query=r**position * sp.eye(2), key=r**-position * sp.eye(2)), "proved", "refuted"),
    (
        Encoding(
            "no conjugate",
            query=sp.Matrix([[sp.exp(sp.I * theta * position)]]),
            key=sp.Matrix([[sp.exp(-sp.I * theta * position)]]),
        ),
        "refuted",
        "proved",
    ),
    (
        Encoding("Jordan", query=sp.Matrix([[1, position], [0, 1]]), key=sp.Matrix([[1, 0], [-position, 1]]).T),
        "refuted",
        "refuted",
    ),
    (
        Encoding("Jordan, dual", query=sp.Matrix([[1, 0], [position, 1]]).T, key=sp.Matrix([[1, 0], [-position, 1]])),
        "proved",
        "refuted",
    ),
    (Encoding("sign", query=sp.Matrix([[(-1) ** position]])), "proved", "proved"),
    (Encoding("cosine of whole turns", query=sp.Matrix([[sp.cos(sp.pi * position)]])), "proved", "proved"),
    (
        Encoding("the same on real positions", query=sp.Matrix([[sp.cos(sp.pi * position)]]), domain="real"),
        "refuted",
        "refuted",
    ),
    (Encoding("tall", query=sp.Matrix([sp.cos(position * theta), sp.sin(position * theta)])), "proved", "proved"),
    (Encoding("swap", query=sp.Matrix([[0, 1], [1, 0]]) ** position), "proved", "proved"),
    (
        Encoding(
            "constant on one side",
            query=turn(position * theta),
            key=sp.Matrix([[1, 1], [0, 1]]) * turn(position * theta),
        ),
        "refuted",
        "refuted",
    ),
    (Encoding("length angle", query=sp.Matrix([[sp.exp(sp.I * position / length)]])), "proved", "proved"),
    (Encoding("square angle", query=turn(position**2 * theta)), "refuted", "proved"),
]


@pytest.mark.parametrize(("encoding", "relative", "unitary"), TRUE_AND_FALSE, ids=lambda e: getattr(e, "name", e))
def test_designs_true_and_false(encoding, relative, unitary):
    verdicts = found(encoding)
    assert (verdicts["lag-invariant"], verdicts["unitary"]) == (relative, unitary)


@pytest.mark.parametrize(("encoding", "relative", "_unitary"), TRUE_AND_FALSE, ids=lambda e: getattr(e, "name", e))
def test_a_witness_shows_the_defect_in_plain_numbers(encoding, relative, _unitary):
    if relative == "proved":
        return
    witness = judge(encoding).propositions["lag-invariant"].witness
    s, t, c = (sp.Rational(witness[k]) for k in ("query_position", "key_position", "shift"))
    values = {sp.Symbol(n, positive=True): sp.Rational(v) for n, v in witness["parameters"].items()}
    A = lambda x: encoding.query.subs(position, x).subs(values)  # noqa: E731
    B = lambda x: encoding.key.subs(position, x).subs(values)  # noqa: E731
    i, j = witness["entry"]
    defect = (A(s + c).H * B(t + c) - A(s).H * B(t))[i, j]
    assert abs(complex(defect) - complex(witness["defect"])) < 1e-5
    assert abs(complex(defect)) > 1e-9


def test_a_refuted_property_says_when_it_would_hold():
    permute = Encoding("p", query=r**position * sp.eye(2))
    assert judge(permute).propositions["lag-invariant"].holds_when == "r = 1"
    both = Encoding("b", query=turn(position * theta), key=turn(position * phi))
    assert judge(both).propositions["lag-invariant"].holds_when == "phi = theta"


def test_one_shared_angle_for_two_axes_is_not_faithful():
    shared = Encoding("s", query=sp.Matrix([[sp.exp(sp.I * theta * (axis(0) + axis(1)))]]), axes=2)
    proposition = judge(shared).propositions["faithful"]
    assert proposition.verdict is Verdict.REFUTED
    assert proposition.witness == {"lag": [1, -1]}
    assert found(get("rope[axes=2]"))["faithful"] == "proved"


def test_generators_are_relative_iff_they_commute_and_are_skew():
    spin = sp.Matrix([[0, -1, 0], [1, 0, 0], [0, 0, 0]])
    other = sp.Matrix([[0, 0, 0], [0, 0, -1], [0, 1, 0]])
    for domain in ("integer", "real"):
        apart = found(Encoding("g", generators=(spin, other), axes=2, domain=domain))
        assert (apart["lag-invariant"], apart["unitary"]) == ("refuted", "proved")
        together = found(Encoding("g", generators=(spin, 2 * spin), axes=2, domain=domain))
        assert (together["lag-invariant"], together["unitary"]) == ("proved", "proved")
    assert found(Encoding("g", generators=(sp.eye(2),), domain="real"))["unitary"] == "refuted"


def test_a_gain_is_proved_and_a_wrong_one_contradicted():
    for gain, confirmed in ((2, True), (3, False)):
        scaled = Encoding("g", query=2 * turn(position * theta), claims={"unitary": {"gain": gain}})
        assert judge(scaled).claims == {"unitary": confirmed}
    assert judge(Encoding("g", query=2 * turn(position * theta))).propositions["gain"].detail == "2"


def test_outside_the_class_is_undecided_and_names_the_part():
    judgement = judge(Encoding("log", query=sp.Matrix([[sp.log(1 + position)]]), claims={"lag-invariant": True}))
    assert judgement.propositions["lag-invariant"].reason == (
        "log(position + 1) is no exponential polynomial in the position"
    )
    assert judgement.claims == {"lag-invariant": None}
    assert judgement.exit_code == 3


def test_dependent_frequencies_of_a_concrete_schedule_are_merged():
    """At d = 64 and base 10000, θ_0 = 10 θ_8: cos(10 θ_8 s) and cos(θ_0 s) are one character."""
    frequencies = [sp.Integer(10000) ** sp.Rational(-2 * p, 64) for p in (0, 8)]
    difference = sp.cos(position * frequencies[0]) - sp.cos(10 * position * frequencies[1])
    zero = Encoding("z", query=turn(position * frequencies[0]) + difference * sp.ones(2))
    assert found(zero)["lag-invariant"] == "proved"


def test_a_stored_entry_that_is_not_the_records_is_noticed():
    rope = get("rope")
    stored, _ = store(rope)
    assert bridge.check(rope, stored) == 16
    stored["query"][0][0][0]["c"] = "1/3"
    with pytest.raises(bridge.BridgeError, match=r"rope: entry \[0, 0\]"):
        bridge.check(rope, stored)


RANKS = [
    (get("xpos"), 2),
    (Encoding("two frequencies", query=sp.diag(turn(position), turn(2 * position))), 4),
    (Encoding("one frequency twice", query=sp.diag(turn(position), turn(position))), 4),
    (Encoding("decay", query=sp.Matrix([[r**position]]), key=sp.Matrix([[r**-position]])), 1),
    (Encoding("cosine", query=sp.Matrix([sp.cos(position * theta), sp.sin(position * theta)])), 2),
    (
        Encoding(
            "n·ρⁿ",
            query=sp.Matrix([position * r**position, r**position]),
            key=sp.Matrix([r**-position, -position * r**-position]),
        ),
        2,
    ),
    (Encoding("redundant", query=sp.Matrix([1, 1, 1])), 1),
]


@pytest.mark.parametrize(("encoding", "rank"), RANKS, ids=lambda e: getattr(e, "name", e))
def test_ranks_are_exact(encoding, rank):
    assert judge(encoding).ranks == {"bidirectional": {"value": rank}, "causal": {"value": rank}}
