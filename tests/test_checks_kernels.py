"""Checks of kernels: our own ones keep every promise, budgets are derived, and failures say what was seen."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from lagwise.conformance.adapters.own_kernels import kernels
from lagwise.conformance.bench import Bench
from lagwise.conformance.checks import all_checks, findings
from lagwise.conformance.checks.kernels import allowed, made, places, run, wanted
from lagwise.conformance.finding import Outcome
from lagwise.conformance.mutants.kernel_faults import mutants
from lagwise.conformance.mutants.kernels import alibi, biased, correct, kernel, product
from lagwise.conformance.propagation import Propagation, Rounded
from lagwise.impls import arrays
from lagwise.spec import Encoding, lag
from lagwise.spec.catalogue import get
from lagwise.spec.kernel_oracle import KernelOracle

OWN = {subject.name: subject for subject in kernels("numpy", arrays)}
RIGHT = {subject.name: subject for subject in correct()}
WRONG = {mutant.name: mutant.subject for mutant in mutants()}


def rows(subject, *checks, level="smoke"):
    return list(findings(subject, level=level, checks=checks or None))


@pytest.mark.parametrize("name", OWN)
def test_our_own_kernels_keep_every_promise(name):
    found = rows(OWN[name])
    assert [f"{f.check} {f.case}: {f.reason}" for f in found if not f.ok] == []
    assert sum(f.outcome is Outcome.PASSED for f in found) >= 20


@pytest.mark.optional("torch")
@pytest.mark.parametrize("part", ["Bias", "Kerple", "Fire", "dape[prior=fire]", "nprf", "softmax"])
def test_our_torch_kernels_keep_every_promise(part):
    import torch
    from lagwise.impls import pytorch

    torch.set_num_threads(1)
    chosen = [s for s in kernels("torch", pytorch) if part in s.name]
    assert chosen
    for subject in chosen:
        assert [f"{f.check} {f.case}: {f.reason}" for f in rows(subject) if not f.ok] == []


def test_every_check_that_a_kernel_is_asked_has_rows():
    asked = {f.check for name in ("numpy:dape", "numpy:fastrpb[causal=yes]") for f in rows(OWN[name])}
    assert asked == {
        "smoke", "contract", "matches-the-definition", "lag-invariant", "length-independent", "offset-equals-full",
        "arbitrary-positions", "history-independent", "deterministic", "attention-matches", "causal",
    }  # fmt: skip


def test_a_kernel_is_not_asked_for_maps_of_q_and_k():
    names = {c.name for c in all_checks() if (c.applies(OWN["numpy:t5"]) or "").startswith("no such door")}
    assert {"isometry", "identity-at-zero", "scores-match", "tables-match"} <= names


def test_a_false_claim_is_not_asked_for_and_a_condition_bounds_the_shifts():
    fire = [f for f in rows(RIGHT["correct:fire"], "lag-invariant") if f.check == "lag-invariant"]
    assert [f.case for f in fire] == ["bias shift 1", "bias shift 7"]  # the threshold is 64, the last row is 8


def test_a_wrong_number_says_where_and_how_far():
    found = [f for f in rows(WRONG["alibi-naive-slopes"], "matches-the-definition") if f.outcome is Outcome.FAILED]
    assert found[0].expected == "b(h, s, t) of the definition"
    assert found[0].where["head"] in range(12)
    assert found[0].reason.startswith("the bias is off by ")
    assert "u of |b| at query_position " in found[0].reason
    assert "the expression: each operation rounded once" in found[0].budget


def test_a_leak_is_seen_in_rows_before_the_change():
    found = [f for f in rows(WRONG["kernel-one-late"], "causal") if f.outcome is Outcome.FAILED]
    assert [(f.case, f.where["query_position"]) for f in found] == [("mix impulse", 5)]
    assert found[0].reason.startswith("a row before the change is off by ")


def test_a_missing_gradient_is_said():
    torch = pytest.importorskip("torch")
    assert torch
    found = [f for f in rows(WRONG["table-detached"], "gradient-is-adjoint") if f.outcome is not Outcome.PASSED]
    assert {f.case for f in found if f.outcome is Outcome.FAILED} == {"bias w"}


def test_answers_of_another_shape_or_library_are_the_adapters_fault():
    flat = kernel("flat", "alibi", {"heads": 8}, bias=lambda query_positions, key_positions: np.zeros((2, 3)))
    listed = kernel("listed", "alibi", {"heads": 8}, bias=lambda query_positions, key_positions: [0.0])
    assert [f.reason for f in rows(flat, "contract")] == ["adapter: bias returned shape (2, 3), wanted (8, 3, 3)"]
    assert [f.reason for f in rows(listed, "contract")] == ["adapter: bias returned list, wanted an array of numpy"]


def test_parameters_that_do_not_fit_are_said_once():
    wrong = replace(RIGHT["correct:kerple"], parameters={"r1": [1.0, 1.0], "r2": [1.0]})
    reason = "adapter: the parameters do not fit: kerple: parameters disagree about the number of heads: [1, 2]"
    assert [f.reason for f in rows(wrong)] == [reason]


def test_a_bias_up_to_a_row_constant_is_accused_only_when_it_is_not_declared():
    declared = RIGHT["correct:alibi-row-constant"]
    assert all(f.ok for f in rows(declared))
    plain = replace(declared, bias_up_to=None)
    assert any(f.outcome is Outcome.FAILED for f in rows(plain, "matches-the-definition"))


def test_keys_after_the_query_may_be_hidden_in_the_bias_where_they_mean_nothing():
    hides = lambda state, s, t: np.where(t > s, -np.inf, -0.5 * np.abs(t - s))[None]  # noqa: E731
    two_sided = biased("hides", "alibi[symmetric=yes]", {"slope": [0.5]}, hides)
    assert any(f.outcome is Outcome.FAILED for f in rows(two_sided, "matches-the-definition"))


# budgets


def error_in_float32(expression, numbers, compute):
    """(largest error of `compute` in float32, as a part of what is allowed) over lags up to 2^14."""
    at = [0, *(int(1.7**i) for i in range(18))]
    oracle = KernelOracle(Encoding("e", bias=expression), numbers)
    bound = Propagation(oracle, 2.0**-24).kernel(at, [0]).error[0, :, 0]
    exact = np.array([float(oracle.kernel(s, 0)[0].mid()) for s in at])
    got = np.array([float(compute(np.float32(-s))) for s in at])
    assert np.all(np.abs(got - exact) <= bound)
    return np.max(np.abs(got - exact) / np.maximum(bound, 1e-300))


a, b = (float(np.float32(x)) for x in (0.3, 0.7))
p, r = sp.symbols("p r", positive=True)
EXPRESSIONS = [
    (-p * sp.log(1 + r * sp.Abs(lag)), lambda x: -np.float32(a) * np.log(1 + np.float32(b) * np.abs(x))),
    (-p * sp.log(1 + r * sp.Abs(lag)), lambda x: -np.float32(a) * np.log1p(np.float32(b) * np.abs(x))),
    (-p * sp.Abs(lag) ** r, lambda x: -np.float32(a) * np.abs(x) ** np.float32(b)),
    (
        sp.cos(p * lag) + sp.cos(r * lag) - 2,
        lambda x: np.cos(np.float32(a) * x) + np.cos(np.float32(b) * x) - np.float32(2),
    ),
    (
        sp.exp(-p * sp.Min(sp.Abs(lag), 9)) / (1 + r),
        lambda x: np.exp(-np.float32(a) * min(abs(x), 9)) / (1 + np.float32(b)),
    ),
    (sp.Piecewise((p * lag, lag > -4), (r / lag, True)), lambda x: np.float32(a) * x if x > -4 else np.float32(b) / x),
]


@pytest.mark.parametrize(("expression", "compute"), EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_float32_stays_within_the_propagated_bound_and_uses_some_of_it(expression, compute):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        used = error_in_float32(expression, {"p": a, "r": b}, compute)
    assert 0.01 < used <= 1


def test_an_mlp_in_float32_stays_within_its_bound():
    rng = np.random.default_rng(3)
    w = {k: rng.standard_normal(s).astype(np.float32) for k, s in
         (("w1", (32, 4)), ("b1", 32), ("w2", (2, 32)), ("b2", 2))}  # fmt: skip
    oracle = KernelOracle(get("dape"), {"heads": 2, "slope": [0.5, 0.25], **{f"f.{k}": v for k, v in w.items()}})
    scores = rng.standard_normal((1, 2, 6, 6)).astype(np.float32)
    at, exact_scores = list(range(6)), scores[0].astype(np.float64)
    bound = Propagation(oracle, 2.0**-24).adapt(Rounded(exact_scores, 0 * exact_scores), at, at, None).error
    exact = np.array([[[float(x.mid()) for x in row] for row in one] for one in oracle.adapt(exact_scores, at, at)])
    prior = arrays.alibi(np.arange(6), np.arange(6), slopes=[0.5, 0.25])
    got = arrays.dape(scores, prior, **w)[0]
    assert np.all(np.abs(got - exact) <= bound)
    assert bound.max() < 2e-4


@pytest.mark.parametrize("n", [1, 2, 13, 40, 257])
def test_fft_products_in_float32_stay_within_their_bound(n):
    bench = Bench(OWN["numpy:fastrpb"], "float32", level="standard")
    case = made(bench, "mix", places(bench, n), places(bench, n))
    chosen = sorted({0, n // 2, n - 1})
    got = run(bench, case)[:, chosen]
    bound = allowed(bench, case, run(bench, case))[0][:, chosen]
    hi, lo = wanted(bench, case.rows(chosen))
    assert np.all(np.abs(got - hi - lo) <= bound)
    assert np.max(bound) < 5e-5 * n


def test_a_fault_of_one_part_in_a_thousand_is_seen_at_every_length():
    off = lambda state, v, query_positions: 1.001 * product()(state, v, query_positions)  # noqa: E731
    subject = replace(RIGHT["correct:fastrpb-matrix"], mix=off)
    found = [f for f in rows(subject, "matches-the-definition") if f.outcome is Outcome.FAILED]
    assert len(found) == 4


def test_positions_in_float16_are_seen_far_out():
    coarse = lambda state, s, t: alibi(state, s.astype(np.float16).astype(np.float64), t)  # noqa: E731
    subject = biased("coarse", "alibi", {"heads": 8}, coarse, max_position=60000)
    found = [f for f in rows(subject, "matches-the-definition") if f.outcome is Outcome.FAILED]
    assert found[0].where["query_position"] > 2048
