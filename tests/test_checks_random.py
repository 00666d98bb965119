"""Checks of random encodings: exact tail bounds, what they find, what they leave alone, and what each row says."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
from lagwise.conformance import tail_bounds
from lagwise.conformance.adapters.own_random import MASKS, subjects
from lagwise.conformance.bench import Bench
from lagwise.conformance.checks import findings, run
from lagwise.conformance.checks import noise as noise_family
from lagwise.conformance.checks import stochastic as stochastic_family
from lagwise.conformance.checks.trials import sample, stochastic, trial
from lagwise.conformance.finding import Outcome
from lagwise.conformance.mutants import random_faults
from lagwise.conformance.tail_bounds import Band, hoeffding, massart, products, rectified, relu_mean, squares

CHECKS = {c.name: c for c in (*stochastic_family.CHECKS, *noise_family.CHECKS)}
OVER_THE_NOISE = {"mean-in-expectation", "variance-in-expectation", "realizations-independent", "noise-follows-its-law"}
ONE_OF_EACH = {"spe-sine[gated=yes]", "spe-conv", "flt-gaussian-mixture"}  # the same code draws for the others
MODULES = {"numpy": "arrays", "torch": "pytorch"}


def own(backend, name):
    module = import_module(f"lagwise.impls.{MODULES[backend]}")
    return next(s for s in subjects(backend, module) if s.name == f"{backend}:{name}")


def rows(subject, check, level="smoke", dtype="float64", seed=0):
    return list(run(CHECKS[check], Bench(subject, dtype, level=level, seed=seed)))


@pytest.mark.parametrize("backend", ["numpy", pytest.param("torch", marks=pytest.mark.optional("torch"))])
def test_own_subjects_pass_everything(backend):
    module = import_module(f"lagwise.impls.{MODULES[backend]}")
    for subject in subjects(backend, module):
        drawn_once = backend == "torch" and subject.record.name not in ONE_OF_EACH
        checks = [c for c in CHECKS if not (drawn_once and c in OVER_THE_NOISE)]
        found = [f for c in checks for d in subject.dtypes for f in rows(subject, c, dtype=d) if not f.ok]
        assert not found, [(f.subject, f.check, f.case, f.dtype, f.reason) for f in found]


@pytest.mark.parametrize("name", [m.name for m in random_faults.mutants()])
def test_each_mutant_fails_the_check_named_for_it(name):
    mutant = next(m for m in random_faults.mutants() if m.name == name)
    failed = {f.check for c in mutant.caught_by for f in rows(mutant.subject, c) if f.outcome is Outcome.FAILED}
    assert failed == set(mutant.caught_by)


def test_rows_state_the_false_alarm_the_power_and_the_bias():
    (scores, after) = rows(own("numpy", "spe-sine"), "mean-in-expectation")
    assert "Chernoff, products, ρ = " in scores.budget
    assert "false alarm 1.0e-11 for each of 96 entries" in scores.budget
    assert "is found with 99 %" in scores.budget
    assert scores.where["log bias of exp(score), predicted"] > 0
    assert after.case == "after ReLU"
    (masks,) = rows(own("numpy", "flt-gaussian-mixture"), "mean-in-expectation")
    assert "Hoeffding, |draw| ≤" in masks.budget
    (one, _) = rows(own("numpy", "spe-sine"), "realizations-independent")
    assert -0.8 < one.where["slope of the error in R, measured"] < -0.2


def test_a_mixture_without_a_fourth_moment_is_tested_by_its_mean_or_says_why():
    subject = own("numpy", "flt-gaussian-mixture")
    for sigma, said in ((1.3, "∫ g⁴/p³ is infinite"), (1.1, "|g/p| is not bounded")):
        wide = replace(subject, parameters={**subject.parameters, "sigmas": [0.5, sigma]})
        found = rows(wide, "variance-in-expectation")
        assert [f.outcome for f in found] == [Outcome.SKIPPED] * 2
        assert said in found[0].reason
        assert all(f.ok for f in rows(wide, "equals-definition-given-noise"))


def test_a_small_error_is_found_at_the_stated_size():
    """Noise 25 % too loud makes second moments 56 % larger: more than the row says it finds."""
    subject = own("numpy", "spe-sine")
    loud = random_faults._pair("spe-sine", lambda s: s | {"noise": s["noise"] * 1.25})
    wrong = replace(subject, encode=loud, read=None)
    found = rows(wrong, "variance-in-expectation", level="standard")
    assert {f.outcome for f in found} == {Outcome.FAILED}
    assert all(f.ok for f in rows(replace(subject, read=None), "variance-in-expectation", level="standard"))


def test_seeds_are_fixed_and_other_seeds_draw_other_noise():
    subject = own("numpy", "spe-sine")
    bench = Bench(subject, "float64", seed=3)
    first, again, other = (trial(b, n).numbers["noise"] for b, n in ((bench, 0), (bench, 0), (bench, 1)))
    assert first == again
    assert first != other
    assert trial(Bench(subject, "float64", seed=4), 0).numbers["noise"] != first
    assert np.array_equal(sample(bench, 4).left, sample(Bench(subject, "float64", seed=3), 4).left)


@pytest.mark.parametrize("seed", range(1, 6))
def test_no_false_alarm_at_other_seeds(seed):
    for name in ("spe-sine[gated=yes]", "flt-local[shape=smoothed]"):
        for check in ("mean-in-expectation", "variance-in-expectation", "noise-follows-its-law"):
            assert all(f.ok for f in rows(own("numpy", name), check, seed=seed)), (name, check)


def test_relative_only_in_the_mean():
    """One draw is not relative: the same lag has other scores; the mean over draws is."""
    subject = own("numpy", "spe-sine")
    near, far = (sample(Bench(subject, "float64"), 200, shift=shift).scores for shift in (0, 1000))
    spread = near.std(axis=0).max()
    assert np.abs(near[0] - far[0]).max() > 0.1 * spread
    assert np.abs(near.mean(axis=0) - far.mean(axis=0)).max() < 8 * spread / 200**0.5


def test_bounds_hold_and_are_not_idle(monkeypatch):
    monkeypatch.setattr(tail_bounds, "FALSE_ALARM", 1e-2)
    rng, n, trials, rho = np.random.default_rng(2), 200, 4000, 0.6
    x = rng.standard_normal((trials, n))
    y = rho * x + (1 - rho**2) ** 0.5 * rng.standard_normal((trials, n))
    samples = {
        "products": ((x * y).mean(1) - rho, products(n, rho, 1)),
        "rectified": ((np.maximum(x, 0) * np.maximum(y, 0)).mean(1) - relu_mean(rho), rectified(n, rho, 1)),
        "squares": ((x * x).mean(1) - 1, squares(n, 1)),
        "signs": (np.sign(x).mean(1), hoeffding(n, 1.0, 1)),
    }
    for name, (off, band) in samples.items():
        assert np.mean(np.abs(off) > band.allowed) <= 1e-2, name
        assert band.allowed < 6 * off.std(), name
        assert np.mean(np.abs(off + band.found) > band.allowed) >= 0.99, name


def test_bands_shrink_with_draws_and_grow_with_entries():
    for make in (lambda n, e: products(n, 0.3, e), squares, lambda n, e: rectified(n, -0.5, e), massart):
        few, many, split = make(500, 10), make(8000, 10), make(500, 10_000)
        assert isinstance(few, Band)
        assert many.allowed < 0.35 * few.allowed < few.allowed < split.allowed < 2 * few.allowed
        assert few.found > few.allowed


def test_what_draws_no_noise_gets_no_row_and_what_cannot_says_why():
    from lagwise.conformance.adapters.own import subjects as everything

    rope = next(s for s in everything("numpy") if s.name == "numpy:rope")
    assert stochastic(rope) == "no such door: rope draws no noise"
    assert all(not rows(rope, check) for check in CHECKS)
    silent = replace(own("numpy", "spe-sine"), read=None)
    (row,) = rows(silent, "equals-definition-given-noise")
    assert row.reason == "read does not hand over the noise: only its statistics are tested"
    fixed = replace(own("numpy", "spe-sine"), build=lambda parameters: None, read=None, encode=lambda q, k: (q, k))
    (row,) = rows(fixed, "mean-in-expectation")
    assert row.reason == "build takes no seed: noise cannot be drawn again"


def test_features_of_another_width_are_an_answer_that_does_not_fit():
    subject = own("numpy", "spe-sine")
    wrong = replace(subject, parameters={**subject.parameters, "realizations": 16}, encode=lambda q, k: (q, k))
    (row,) = rows(wrong, "mean-in-expectation")
    assert (row.outcome, row.reason) == (
        Outcome.ERRORED, "encode returned 4 features, wanted one for each of 16 realizations",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["spe-sine", "flt-local[shape=tent]"])
def test_a_whole_run_has_no_failure(name):
    found = list(findings(own("numpy", name), level="smoke", dtypes=["float32"]))
    assert all(f.ok for f in found)
    assert sum(f.outcome is Outcome.PASSED for f in found) >= 5


def test_every_mask_has_its_spectrum():
    from lagwise.conformance.adapters.own_random import spectrum

    assert {type(spectrum(name, numbers)).__name__ for name, numbers in MASKS.items()} == {
        "GaussianMixture", "GaussianKernel", "Laplace", "Matern", "Tent", "SmoothedBox", "Dirichlet",
    }  # fmt: skip
