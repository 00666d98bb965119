"""The bench: layouts and axes there and back, any positions whatever is promised, generators by name."""

import numpy as np
import pytest
from checks_fakes import make, rope
from hypothesis import given
from hypothesis import strategies as st
from lagwise.conformance.bench import Bench
from lagwise.conformance.libraries import library

POSITIONS = st.lists(st.integers(0, 300), min_size=1, max_size=12)


@given(at=POSITIONS, seed=st.integers(0, 2**32), promised=st.sampled_from([(), ("offset",), ("arbitrary-positions",)]))
def test_any_positions_give_the_same_rows_whatever_is_promised(at, seed, promised):
    rng = np.random.default_rng(seed)
    bench = Bench(make(supports=promised), "float64")
    q, k = rng.standard_normal((2, 1, 2, len(at), 8))
    wanted = rope(q, k, np.array(at), {"dim": 8, "base": 10000.0})
    for got, exact in zip(bench.encode(q, k, at), wanted, strict=True):
        np.testing.assert_array_equal(got, exact)


@given(
    pairs=st.integers(1, 9), layout=st.sampled_from(["interleaved", "halves"]), axes=st.sampled_from(["bhld", "blhd"])
)
def test_layout_and_axes_there_and_back(pairs, layout, axes):
    dim = 2 * pairs
    bench = Bench(make(layout=layout, axes=axes, parameters={"dim": dim, "base": 100.0}), "float64")
    x = np.random.default_rng(dim).standard_normal((1, 3, 5, dim))
    placed = bench.native(x)
    assert placed.shape == ((1, 3, 5, dim) if axes == "bhld" else (1, 5, 3, dim))
    np.testing.assert_array_equal(bench.exact(placed), x)
    if layout == "halves" and axes == "bhld":
        np.testing.assert_array_equal(placed[..., :pairs], x[..., 0::2])


@given(name=st.text(max_size=8), seed=st.integers(0, 1000))
def test_generators_depend_on_the_seed_and_the_names_only(name, seed):
    one, two = (Bench(make(), "float32", seed=seed) for _ in range(2))
    two.rng("something else").random(100)
    assert one.rng(name).random() == two.rng(name).random()
    assert one.rng(name).random() != one.rng(name, "x").random()


def test_a_result_that_was_read_is_overwritten():
    kept = []

    def remembers(q, k, positions, parameters):
        pair = rope(q, k, positions, parameters)
        kept.extend(pair)
        return pair

    bench = Bench(make(remembers), "float32")
    bench.encode(np.ones((1, 1, 2, 8)), np.ones((1, 1, 2, 8)), [0, 1])
    assert all(np.isnan(x).all() for x in kept)


@pytest.mark.parametrize("name", ["numpy", "torch", "standin"])
def test_every_library_keeps_numbers_and_order(name):
    pytest.importorskip({"standin": "array_api_strict"}.get(name, name))
    own = library(name)
    values = np.random.default_rng(0).standard_normal((1, 2, 3, 4)).astype(np.float32).astype(np.float64)
    array = own.array(values, "float32", "cpu")
    assert own.owns(array)
    assert (own.dtype_name(array), own.device(array)) == ("float32", "cpu")
    np.testing.assert_array_equal(own.numpy(array), values)
    np.testing.assert_array_equal(own.numpy(own.strided(array)), values)
    np.testing.assert_array_equal(own.numpy(own.rows(array, 2, [2, 0])), values[:, :, [2, 0]])
    spread = own.numpy(own.among_zeros(array, 2, [4, 0, 1], 6))
    np.testing.assert_array_equal(spread[:, :, [4, 0, 1]], values)
    assert not spread[:, :, [2, 3, 5]].any()
    copy = own.clone(array)
    own.poison(array)
    assert np.isnan(own.numpy(array)).all()
    np.testing.assert_array_equal(own.numpy(copy), values)


def test_bfloat16_is_read_exactly():
    torch = pytest.importorskip("torch")
    own = library("torch")
    assert own.numpy(torch.tensor([1.0078125], dtype=torch.bfloat16)).tolist() == [1.0078125]
    assert own.dtype_name(own.array(np.ones(1), "bfloat16", "cpu")) == "bfloat16"
