"""Budgets are sums of derived terms, printed; simulated implementations stay within theirs and come near."""

import math

import numpy as np
import pytest
from lagwise.conformance.bench import Bench
from lagwise.conformance.budget import U, budget, moves, rates, travelled
from lagwise.conformance.subject import Subject
from lagwise.spec.catalogue import get
from lagwise.spec.oracle import Oracle


def subject(encoding="rope", **declared):
    return Subject(name="s", encoding=encoding, encode=lambda q, k: (q, k), dtypes=("float32",), **declared)


PRINTED = {
    ("exact", "float32", "input", "float32"): "1u output + 1u products + 1u tables + 0.00781u phase",
    ("exact", "none", "float32", "float16"): "1u output + 0.000244u products + 0.000122u tables + 0.00781u phase",
    ("float64", "float32", "input", "float32"): "1u output + 1u products + 1u tables + s·θ·2^-51 angle",
    ("float32", "input", "input", "float32"): "1u output + 1u products + 2u tables + s·θ·2^-22 angle",
    ("exact", "float64", "float64", "float64"): "1u output + 1u products + 2u tables + 7u phase",
}


@pytest.mark.parametrize("declared", PRINTED)
def test_the_sum_is_printed(declared):
    angles, tables, arithmetic, dtype = declared
    found = budget(subject(angles=angles, tables=tables, arithmetic=arithmetic), dtype)
    assert str(found) == PRINTED[declared]
    assert len(found.explain().splitlines()) >= 4
    assert found.elementwise() == pytest.approx(sum(t.flat for t in found.terms))


def test_what_is_not_declared_is_named():
    assert str(budget(subject(), "float32")).endswith(
        "(undeclared, judged as the default: angles=float32, tables=input, arithmetic=input)"
    )


@pytest.mark.parametrize("name", ["nope", "lrpe[core=permutation,p=identity]", "lrpe[core=permutation,p=shuffle]"])
def test_values_that_are_only_moved_have_no_budget(name):
    found = budget(subject(name), "float16")
    assert moves(get(name))
    assert found.elementwise() == 0
    assert found.tiny == 0
    assert str(found) == "0: values are only moved"


@pytest.mark.parametrize("basis", ["householder", "dct", "dft"])
def test_a_mixing_basis_costs_a_sum_over_the_dimension(basis):
    small, large = (
        budget(subject(f"lrpe[core=orthogonal,p={basis}]", parameters={"dim": dim}), "float32") for dim in (8, 64)
    )
    assert {t.name for t in small.terms} >= {"output", "basis", "products", "tables"}
    assert large.elementwise() > small.elementwise()
    wide = budget(subject(f"lrpe[core=orthogonal,p={basis}]", arithmetic="float64", angles="exact"), "float32")
    assert next(t for t in wide.terms if t.name == "basis").flat < 1e-3 * U["float32"]


def test_rates_are_the_frequencies_and_the_decay():
    turning, growing = rates(Oracle(get("rope"), {"dim": 8, "base": 10000.0}))
    np.testing.assert_allclose(turning, [[1.0, 0.1, 0.01, 0.001]], rtol=1e-12)
    assert not growing.any()
    turning, growing = rates(Oracle(get("xpos"), {"dim": 8, "base": 10000.0, "scale_base": 512, "gamma": 0.4}))
    np.testing.assert_allclose(growing, [-math.log((2 * p / 8 + 0.4) / 1.4) / 512 for p in range(4)], rtol=1e-9)
    np.testing.assert_allclose(travelled(turning, [0, 100])[0], 0)


def test_rates_of_several_axes():
    turning, _ = rates(Oracle(get("rope[axes=2]"), {"dim": 8, "base": 100.0}))
    assert turning.shape == (2, 2)
    np.testing.assert_allclose(travelled(turning, [(3, 5)]), [[8.0, 0.8]], rtol=1e-12)


def test_float32_angles_are_within_their_term():
    """θ = 1/base^(2p/d) and s·θ in float32, against the exact angle, far out: within s·θ·2^-22, beyond half of it."""
    for dim, base in ((64, 10000.0), (128, 500000.0)):
        exponent = np.arange(0, dim, 2, dtype=np.float32) / np.float32(dim)
        theta32 = np.float32(1) / np.float32(base) ** exponent
        theta = base ** (-np.arange(0, dim, 2) / dim)
        s = np.arange(1, 200001, 997)
        off = np.abs((s[:, None].astype(np.float32) * theta32).astype(np.float64) - s[:, None] * theta)
        ratio = off / (s[:, None] * theta * 2.0**-22)
        assert 0.25 < ratio.max() <= 1


def test_the_bench_keeps_growing_encodings_in_range():
    numbers = {"dim": 8, "base": 10000.0, "scale_base": 512, "gamma": 0.4}
    decays = subject("xpos", parameters=numbers, supports={"arbitrary-positions"})
    limits = [Bench(decays, dtype).limit for dtype in ("float16", "float32", "float64")]
    assert limits == sorted(limits)
    assert limits[0] < 4096 < limits[1] < 2**20
    assert Bench(subject("rope"), "float32").limit == 8192
