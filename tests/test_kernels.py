"""Biases, masks, outputs, terms, adaptive and path forms: proofs leaf by leaf, witnesses as pairs of intervals."""

import copy
from fractions import Fraction

import pytest
import sympy as sp
from lagwise.spec import Encoding, axis, key_position, lag, length, position, prior, query_position, recheck, score
from lagwise.spec.exact import tree_bridge
from lagwise.spec.exact.trees import in_positions, store
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import RejectedError, check, digest

m, r1, r2, c, L, theta = sp.symbols("m r1 r2 c L theta", positive=True)
w, f, x = (sp.Function(name) for name in "wfx")
s, t = query_position, key_position


def psi(distance):
    return sp.log(1 + c * distance)


def turn(angle):
    return sp.Matrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])


FIRE = f(psi(s - t) / psi(sp.Max(L, s)))
DECIDED = [
    (Encoding("ALiBi", bias=-m * sp.Abs(lag)), "proved", "proved"),
    (Encoding("KERPLE log", bias=-r1 * sp.log(1 + r2 * sp.Abs(lag))), "proved", "proved"),
    (Encoding("KERPLE power", bias=-r1 * sp.Abs(lag) ** r2), "proved", "proved"),
    (Encoding("in positions", bias=-m * sp.Abs(s - t)), "proved", "proved"),
    (Encoding("free", bias=w(lag)), "proved", "refuted"),
    (Encoding("clipped", bias=sp.sign(lag) * sp.Min(8, sp.Abs(lag))), "proved", "proved"),
    (Encoding("buckets", bias=sp.floor(sp.sqrt(sp.Abs(lag)))), "proved", "proved"),
    (Encoding("over the length", bias=-m * sp.Abs(lag) / length), "proved", "proved"),
    (Encoding("window", mask=sp.Piecewise((1, sp.Abs(lag) < 4), (0, True))), "proved", "proved"),
    (
        Encoding("cosine", mask=sp.cos(theta * s) * sp.cos(theta * t) + sp.sin(theta * s) * sp.sin(theta * t)),
        "proved",
        "proved",
    ),
    (Encoding("half", mask=sp.exp(-m * sp.Abs(lag)) / 2), "proved", "refuted"),
    (Encoding("atom", bias=sp.sqrt(1 + m) * s - sp.sqrt(1 + m) * t), "proved", "proved"),
    (Encoding("two axes", bias=-m * sp.Abs(axis(0)) - sp.log(1 + sp.Abs(axis(1))), axes=2), "proved", "proved"),
    (Encoding("row constant", bias=m * t), "refuted", "proved"),
    (Encoding("one cosine", mask=sp.cos(theta * s)), "refuted", "proved"),
    (Encoding("logarithms apart", bias=sp.log(1 + sp.Abs(s)) - sp.log(1 + sp.Abs(t))), "refuted", "proved"),
    (Encoding("sum", bias=w(s + t)), "refuted", "refuted"),
    (Encoding("far away", bias=sp.Max(512, s)), "refuted", "refuted"),
    (Encoding("below zero", bias=sp.Min(0, t)), "refuted", "proved"),
    (Encoding("FIRE", bias=FIRE), "refuted", "refuted"),
]


@pytest.mark.parametrize(("encoding", "relative", "at_zero"), DECIDED, ids=lambda e: getattr(e, "name", e))
def test_scalar_kernels_true_and_false(encoding, relative, at_zero):
    found = judge(encoding).propositions
    assert (found["lag-invariant"].verdict, found["identity-at-zero"].verdict) == (relative, at_zero)
    assert found["unitary"].verdict == "not-applicable"
    for proposition in found.values():
        assert (proposition.certificate is not None) == (proposition.verdict in ("proved", "refuted"))
        if proposition.certificate:
            check(proposition.certificate)


def test_a_witness_shows_two_values_that_plain_numbers_confirm():
    witness = judge(Encoding("l", bias=sp.log(1 + sp.Abs(s)) - m * t)).propositions["lag-invariant"].witness
    spot = {k: int(witness[k]) for k in ("query_position", "key_position", "shift")}
    value = lambda q, k: float(sp.log(1 + abs(q)) - int(witness["parameters"]["m"]) * k)  # noqa: E731
    q, k, shift = spot.values()
    assert [f"{value(q, k):.6f}", f"{value(q + shift, k + shift):.6f}"] == [
        f"{float(v):.6f}" for v in witness["values"]
    ]
    assert witness["values"][0] != witness["values"][1]


def test_fire_holds_where_the_query_is_before_the_threshold():
    free, concrete = Encoding("FIRE", bias=FIRE), Encoding("FIRE 512", bias=FIRE.subs(L, 512))
    assert judge(free).propositions["lag-invariant"].holds_when == "query_position <= L"
    assert judge(concrete).propositions["lag-invariant"].holds_when == "query_position <= 512"


CONDITIONS = [
    (FIRE, sp.Le(s, L), True),
    (FIRE, sp.Lt(s, L), True),
    (FIRE, sp.Ge(s, L), False),
    (-m * lag * sp.Piecewise((1, s < 100), (2, True)), s < 100, True),
    (-m * lag * sp.Piecewise((1, s < 100), (2, True)), s < 101, False),
    (-m * (s - t + sp.Abs(s - t)) * s + m * s * 2 * sp.Max(s - t, 0), sp.Le(s, t), True),
    (-m * lag, sp.Le(s, t), True),
]


@pytest.mark.parametrize(("bias", "condition", "confirmed"), CONDITIONS, ids=str)
def test_claims_under_a_condition(bias, condition, confirmed):
    judgement = judge(Encoding("when", bias=bias, claims={"lag-invariant": {"when": condition}}))
    assert judgement.claims == {"lag-invariant": confirmed}
    found = judgement.propositions["lag-invariant-when"]
    check(found.certificate)


def test_matrices_are_decided_under_equations():
    phi, r = sp.symbols("phi r", positive=True)
    both = {"query": turn(position * theta), "key": turn(position * phi)}
    for condition, confirmed in ((sp.Eq(theta, phi), True), (sp.Eq(theta, 2 * phi), False), (theta <= phi, None)):
        claims = {"lag-invariant": {"when": condition}}
        assert judge(Encoding("two angles", **both, claims=claims)).claims == {"lag-invariant": confirmed}
    scaled = Encoding("scaled", query=r**position * sp.eye(2), claims={"lag-invariant": {"when": sp.Eq(r, 1)}})
    assert judge(scaled).claims == {"lag-invariant": True}


def certificate(encoding, name="lag-invariant"):
    return copy.deepcopy(judge(encoding).propositions[name].certificate)


def rehashed(made):
    body = {k: v for k, v in made.items() if k != "hash"} | {"record": digest(made["definition"])}
    return body | {"hash": digest(body)}


def test_a_changed_tree_is_rejected_even_with_new_hashes():
    made = certificate(Encoding("ALiBi", bias=-m * sp.Abs(lag)))
    leaf = made["definition"]["tree"]["args"][1]["args"][0]["terms"]
    assert [sorted(term["mono"]) for term in leaf] == [["s0"], ["t0"]]
    for term in leaf:
        term["c"] = str(2 * Fraction(term["c"]))
        with pytest.raises(RejectedError, match="lag-invariant: 1 leaves change"):
            check(rehashed(made))
        term["c"] = str(Fraction(term["c"]) / 2)
    check(rehashed(made))


def test_claims_turned_round_and_other_forms_are_rejected():
    for encoding in (Encoding("ALiBi", bias=-m * sp.Abs(lag)), Encoding("t", bias=m * t)):
        made = certificate(encoding)
        made["claim"]["value"] = not made["claim"]["value"]
        with pytest.raises(RejectedError):
            check(rehashed(made))
    made = certificate(Encoding("half", mask=sp.exp(-sp.Abs(lag))), "identity-at-zero")
    made["definition"]["form"] = "bias"
    with pytest.raises(RejectedError, match="identity-at-zero: 1 leaves change"):
        check(rehashed(made))


def test_a_witness_must_show_certainly_different_values_inside_the_condition():
    made = certificate(Encoding("t", bias=m * t))
    made["proof"]["point"]["c0"] = "0"
    with pytest.raises(RejectedError, match="the two values are not certainly apart"):
        check(rehashed(made))
    outside = certificate(
        Encoding("F", bias=FIRE, claims={"lag-invariant": {"when": sp.Ge(s, L)}}), "lag-invariant-when"
    )
    outside["proof"]["point"]["L"] = "100"
    with pytest.raises(RejectedError, match="does not satisfy the condition"):
        check(rehashed(outside))


def test_a_free_function_takes_only_values_that_it_can_have():
    positive = sp.Function("p", positive=True)
    made = certificate(Encoding("p", bias=positive(t)))
    assert made["proof"]["functions"] == {"p": "squares"}
    made["proof"]["functions"] = {"p": "sum"}
    with pytest.raises(RejectedError, match="must be positive"):
        check(rehashed(made))


def test_unknown_operations_are_rejected():
    made = certificate(Encoding("ALiBi", bias=-m * sp.Abs(lag)))
    made["definition"]["tree"]["op"] = "absolute_position"
    with pytest.raises(RejectedError, match="unknown operation 'absolute_position'"):
        check(rehashed(made))


def test_a_witness_cannot_choose_the_value_of_a_function_of_symbols():
    """√(1 + m) is a symbol of its own in a proof; a refutation that sets it apart from m proves nothing."""
    root = Encoding("root", query=sp.Matrix([[sp.sqrt(1 + m)]]), claims={"unitary": True})
    found = judge(root).propositions["unitary"]
    assert (found.verdict, found.certificate) == ("refuted", None)
    assert found.quantifiers == "at one point, enclosed by Arb"
    one = sp.sqrt(2 + 2 * m) / sp.sqrt(2)
    relative = Encoding("same root", query=sp.Matrix([[one / sp.sqrt(1 + m)]]))
    assert judge(relative).propositions["unitary"].verdict != "refuted"


def test_the_stored_tree_is_compared_with_the_expression():
    record = Encoding("F", bias=FIRE)
    e = in_positions(record, FIRE)
    stored, builder = store(record, e)
    assert tree_bridge.check(record, e, stored, builder) >= 2
    wrong, _ = store(record, in_positions(record, FIRE.subs(L, 2 * L)))
    with pytest.raises(AssertionError, match="F: the stored tree gives"):
        tree_bridge.check(record, e, wrong, builder)


def test_intervals_of_the_functions_of_a_tree_hold_the_value():
    import math

    for value in (Fraction(1, 7), Fraction(3), Fraction(12345, 11), Fraction(2) ** -40):
        lo, hi = recheck._log_of((value, value))
        assert hi - lo < Fraction(1, 10**60)
        assert math.isclose(float(lo), math.log(value), rel_tol=1e-14)
        assert math.isclose(float(recheck._tanh((value, value))[0]), math.tanh(value), rel_tol=1e-12)
    assert recheck._power_of((Fraction(2), Fraction(2)), (Fraction(1, 2),) * 2)[0] < Fraction(14143, 10000)
    with pytest.raises(RejectedError, match="a floor is open"):
        recheck._floor((Fraction(1, 2), Fraction(3, 2)))
    with pytest.raises(RejectedError, match="not certainly positive"):
        recheck._log_of((Fraction(0), Fraction(1)))


def test_terms_are_relative_given_the_pair_and_one_term_can_be_unitary():
    table = sp.Matrix([w(sp.Max(-4, sp.Min(4, lag))), f(lag)])
    shaw = judge(
        Encoding("s", terms=[("q", sp.eye(2), "k"), ("q", table, "1")], claims={"lag-invariant": "given the pair"})
    )
    assert shaw.claims == {"lag-invariant": True}
    verdicts = {}
    for name, W in (("turn", turn(theta * lag)), ("square", turn(theta * lag**2)), ("scaled", 2 * turn(theta * lag))):
        found = judge(Encoding(name, terms=[("q", W, "k")])).propositions
        verdicts[name] = [str(found[n].verdict) for n in ("lag-invariant", "unitary", "identity-at-zero")]
    assert verdicts == {
        "turn": ["proved", "proved", "proved"],
        "square": ["proved", "refuted", "proved"],
        "scaled": ["proved", "refuted", "refuted"],
    }


WEAKER = [
    (Encoding("DAPE", adapt=score + prior + f(score, prior), parameters={prior: -m * sp.Abs(lag)}), "given the scores"),
    (Encoding("any prior", adapt=score + prior + f(score, prior)), "given the scores"),
    (Encoding("FoX", step=sp.log(x(position))), "given the path"),
    (Encoding("selective", step=turn(x(position))), "given the path"),
]


@pytest.mark.parametrize(("encoding", "sense"), WEAKER, ids=lambda e: getattr(e, "name", e))
def test_weaker_forms_are_proved_in_their_own_sense_only(encoding, sense):
    judgement = judge(encoding)
    found = judgement.propositions["lag-invariant"]
    assert (found.verdict, found.detail) == ("proved", sense)
    check(found.certificate)
    assert judgement.confirms("lag-invariant", sense) is True
    assert judgement.confirms("lag-invariant", True) is False
    assert judgement.confirms("lag-invariant", "in expectation") is False
    assert set(judgement.ranks["causal"]) == {"not_applicable"}


def test_weaker_forms_that_know_the_position_are_refuted():
    fire = Encoding("DAPE on FIRE", adapt=score + f(score, prior), parameters={prior: psi(s - t) / psi(sp.Max(L, s))})
    found = judge(fire).propositions["lag-invariant"]
    assert (found.verdict, found.holds_when) == ("refuted", "query_position <= L")
    gate = judge(Encoding("gate", step=x(position) * sp.exp(-m * position))).propositions["lag-invariant"]
    assert gate.verdict == "refuted"
    for refuted in (found, gate):
        check(refuted.certificate)


def test_canonical_forms_name_their_primitives():
    forms = {
        judge(e).canonical_form
        for e in (
            Encoding("b", bias=-m * sp.Abs(lag)),
            Encoding("k", mask=sp.cos(theta * lag)),
            Encoding("o", output=w(lag)),
            Encoding("t", terms=[("q", sp.eye(1), "k"), ("1", w(lag), "1")]),
            Encoding("x", bias=m * t),
        )
    }
    assert forms == {
        "q^H I k + 1·b(τ)·1,  b(τ) = -m·Abs(τ)  (m = 2)",
        "q^H (κ(τ) I) k,  κ(τ) = cos(τ·θ)  (m = 1)",
        "Att + W v,  W_st = w(τ), w(τ) = w(τ)",
        "q^H 1 k + 1·w(τ)·1  (m = 2)",
        "none: bias= is not a function of the lag",
    }


def test_a_time_limit_gives_a_partial_answer():
    symbols = [sp.Symbol(f"a{i}", real=True) for i in range(300)]
    big = sp.Matrix(10, 10, lambda i, j: sum(sp.cos(symbols[30 * i + 3 * j + k] * position) for k in range(3)))
    judgement = judge(Encoding("big", query=big, claims={"lag-invariant": True}), seconds=0.2)
    assert judgement.propositions["lag-invariant"].reason == "not decided within the time limit of 0.2 s"
    assert (judgement.claims, judgement.exit_code) == ({"lag-invariant": None}, 3)
    assert judgement.canonical_form == "not derived: lag invariance is undecided"
    assert judge(Encoding("small", bias=m * lag), seconds=60).propositions["lag-invariant"].verdict == "proved"


def test_outside_the_class_numbers_are_evidence_and_no_verdict():
    found = judge(Encoding("log", query=sp.Matrix([[sp.log(1 + position)]]))).propositions
    assert found["lag-invariant"].verdict == "undecided"
    assert found["lag-invariant"].detail.startswith(
        "certified numeric evidence against: query position 0, key position 0, shift 1"
    )
    root = sp.Matrix([[sp.sqrt(1 + position), 0], [0, 1 / sp.sqrt(1 + position)]])
    dual = sp.Matrix([[1 / sp.sqrt(1 + position), 0], [0, sp.sqrt(1 + position)]])
    found = judge(Encoding("ones", query=root * dual)).propositions
    assert found["lag-invariant"].verdict == "proved"
