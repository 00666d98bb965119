"""Toeplitz products against double loops, at every kind of length, one and several levels, on every backend."""

import tracemalloc
from itertools import product

import array_api_strict as strict
import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from lagwise.impls.arrays.toeplitz import Circulant
from lagwise.impls.lags import fast_length
from test_impls_rope import away, home

RNG = np.random.default_rng(2)
LENGTHS = (1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 32, 33)


def defined(w, v, n_q, start, causal):
    """out_i = Σ_j w_{j − i − start} v_j with w centred on lag 0."""
    out, centre = np.zeros((n_q, v.shape[1])), len(w) // 2
    for i, j in np.ndindex(n_q, len(v)):
        if not (causal and j > i + start):
            out[i] += w[centre + j - i - start] * v[j]
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n", LENGTHS)
def test_a_product_is_the_double_sum(n, causal):
    w, v = RNG.standard_normal(2 * n + 21), RNG.standard_normal((n, 3))
    for n_q in sorted({1, 2, n // 2 + 1, n, n + 3}):
        if causal and n_q > n:
            continue
        starts = (None, 5, -4) if n_q <= n else (None, -4)
        for start in starts:
            begin = (n - n_q if causal else 0) if start is None else start
            wanted = defined(w, v, n_q, begin, causal)
            options = {"query_start": start, "causal": causal}
            got = arrays.toeplitz(w, v, n_q, **options)
            assert np.allclose(got, wanted, 1e-11, 1e-11)
            assert np.allclose(home(arrays.toeplitz(away(w), away(v), n_q, **options)), got, 1e-13, 1e-13)
            other = torches.toeplitz(torch.tensor(w), torch.tensor(v), n_q, **options)
            assert np.allclose(other.numpy(), got, 1e-12, 1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_an_impulse_gives_the_column_of_its_lags(n):
    w = np.arange(-n + 1.0, n)  # the parameter of a lag is the lag
    for j in range(n):
        impulse = np.zeros((n, 1))
        impulse[j] = 1
        assert np.allclose(arrays.toeplitz(w, impulse)[:, 0], j - np.arange(n), atol=1e-12)
        causal = np.where(np.arange(n) >= j, j - np.arange(n), 0)
        assert np.allclose(arrays.toeplitz(w, impulse, causal=True)[:, 0], causal, atol=1e-12)


@pytest.mark.parametrize(("n_q", "n_k"), [(1, 2), (3, 4), (5, 5), (4, 6), (2, 1)])
def test_the_embedding_is_exact_iff_it_holds_every_lag(n_q, n_k):
    kernel, v = RNG.standard_normal((1, 1, n_q + n_k - 1)), RNG.standard_normal((1, 1, 1, 1, n_k))
    wanted = [sum(kernel[0, 0, j - i + n_q - 1] * v[0, 0, 0, 0, j] for j in range(n_k)) for i in range(n_q)]
    embedding = Circulant(np, kernel, (n_q,), (n_k,))
    assert embedding.lengths[0] >= n_q + n_k - 1
    for length in (n_q + n_k - 2, n_q + n_k - 1, n_q + n_k):
        folded = np.zeros(length)
        np.add.at(folded, np.arange(n_q + n_k - 1) % length, kernel[0, 0, ::-1])
        product = np.fft.irfft(np.fft.rfft(v[0, 0, 0, 0], length) * np.fft.rfft(folded), length)
        got = product[(n_k - 1 + np.arange(n_q)) % length]
        assert np.allclose(got, wanted) == (length >= n_q + n_k - 1)
    for embedding.lengths in ((n_q + n_k - 1,), (n_q + n_k,)):
        embedding.spectrum = np.fft.rfft(kernel[:, :, None, ::-1], embedding.lengths[0])
        assert np.allclose(embedding(v)[0, 0, 0, 0], wanted)


@pytest.mark.parametrize("least", [*range(1, 400), 1021, 2**18 - 1, 2**19 - 1, 100_003])
def test_a_fast_length_is_the_next_of_factors_2_3_5(least):
    wanted = least
    while 30**30 % wanted:
        wanted += 1
    assert fast_length(least) == wanted


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("grid", [(1, 1), (4, 5), (1, 7), (3, 2, 4)])
def test_levels(grid, causal):
    heads, size = 4, int(np.prod(grid))
    w = RNG.standard_normal((heads, *(2 * n + 3 for n in grid)))
    v = RNG.standard_normal((2, 2, size, 3))
    places = list(np.ndindex(*grid))
    wanted = np.zeros((2, heads, size, 3))
    for h, (i, a), (j, b) in product(range(heads), enumerate(places), enumerate(places)):
        lag = tuple(n + 1 + y - x for n, x, y in zip(grid, a, b, strict=True))
        if not (causal and j > i):
            wanted[:, h, i] += w[(h, *lag)] * v[:, h // 2, j]
    got = arrays.block_toeplitz(w, v, grid, causal=causal)
    assert np.allclose(got, wanted, 1e-11, 1e-11)
    assert np.allclose(home(arrays.block_toeplitz(away(w), away(v), grid, causal=causal)), got, 1e-13, 1e-13)
    other = torches.block_toeplitz(torch.tensor(w), torch.tensor(v), grid, causal=causal)
    assert np.allclose(other.numpy(), got, 1e-12, 1e-12)


def test_some_rows_of_a_grid():
    w, v = RNG.standard_normal((9, 11)), RNG.standard_normal((20, 2))
    whole = arrays.block_toeplitz(w, v, (4, 5)).reshape(4, 5, 2)
    part = arrays.block_toeplitz(w, v, (4, 5), query_grid=(2, 3), query_start=(1, 2)).reshape(2, 3, 2)
    assert np.allclose(part, whole[1:3, 2:5], 1e-12, 1e-12)


def test_heads_share_values_and_parameters():
    w, v = RNG.standard_normal((4, 17)), RNG.standard_normal((3, 2, 9, 2))
    each = arrays.toeplitz(w, v)
    assert each.shape == (3, 4, 9, 2)
    for b, h in product(range(3), range(4)):
        assert np.allclose(each[b, h], defined(w[h], v[b, h // 2], 9, 0, False), 1e-11, 1e-11)
    assert np.allclose(arrays.toeplitz(w[0], v)[:, 1], arrays.toeplitz(w[:1], v[:, 1:])[:, 0], 1e-12, 1e-12)
    assert arrays.toeplitz(w, v[:, :, :0]).shape == (3, 4, 0, 2)


@pytest.mark.parametrize("n", [100, 1000])
def test_float32_stays_float32_and_is_near(n):
    w, v = (RNG.standard_normal(s).astype(np.float32) for s in (2 * n - 1, (n, 4)))
    wide = arrays.toeplitz(w.astype(np.float64), v.astype(np.float64))
    bound = 4 * 2.0**-24 * np.log2(4 * n) * np.linalg.norm(w) * np.linalg.norm(v, axis=0)
    for got in (arrays.toeplitz(w, v), torches.toeplitz(torch.tensor(w), torch.tensor(v)).numpy()):
        assert got.dtype == np.float32
        assert np.all(np.abs(got - wide) <= bound)
    assert torches.toeplitz(torch.tensor(w), torch.tensor(v).bfloat16()).dtype == torch.bfloat16
    assert arrays.toeplitz(away(w), away(v)).dtype == strict.float32


def test_column_chunks_are_the_whole(monkeypatch):
    w, v = RNG.standard_normal((4, 199)), RNG.standard_normal((2, 2, 100, 7))
    whole = arrays.toeplitz(w, v), torches.toeplitz(torch.tensor(w), torch.tensor(v))
    monkeypatch.setattr("lagwise.impls.lags.WORK", 200 * 8 * 4 * 4 * 2 * 3)
    assert np.allclose(arrays.toeplitz(w, v), whole[0], 1e-13, 1e-13)
    leaves = [torch.tensor(x, requires_grad=True) for x in (w, v)]
    chunked = torches.toeplitz(*leaves)
    assert torch.allclose(chunked, whole[1], 1e-13, 1e-13)
    got = torch.autograd.grad(chunked.square().sum(), leaves)
    monkeypatch.undo()
    wanted = torch.autograd.grad(torches.toeplitz(*leaves).square().sum(), leaves)
    assert all(torch.allclose(a, b, 1e-11, 1e-11) for a, b in zip(got, wanted, strict=True))


@pytest.mark.parametrize("causal", [False, True])
def test_gradient(causal):
    w = torch.tensor(RNG.standard_normal((4, 13)), requires_grad=True)
    v = torch.tensor(RNG.standard_normal((1, 2, 5, 2)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda w, v: torches.toeplitz(w, v, 4, causal=causal), (w, v), fast_mode=True)
    grid = torch.tensor(RNG.standard_normal((2, 5, 5)), requires_grad=True)
    u = torch.tensor(RNG.standard_normal((2, 6, 1)), requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda w, v: torches.block_toeplitz(w, v, (2, 3), causal=causal), (grid, u), fast_mode=True
    )


def test_memory_of_a_long_product_is_bounded():
    n, dim = 2**18, 64
    w, v = np.ones((1, 2 * n - 1), np.float32), np.ones((1, 1, n, dim), np.float32)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    out = arrays.toeplitz(w, v)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert peak <= out.nbytes + 256 * 2**20
    assert abs(float(out[0, 0, 17, 3]) - n) < 1


W, X = np.zeros((4, 9)), np.zeros((2, 2, 6, 3))
ERRORS = [
    ("toeplitz", {}, "toeplitz: w must hold the lags -5 … 5, got -4 … 4"),
    ("toeplitz", {"causal": True}, "toeplitz: w must hold the lags -5 … 0, got -4 … 4"),
    ("toeplitz", {"n_q": 3, "query_start": 3}, "toeplitz: w must hold the lags -5 … 2, got -4 … 4"),
    ("toeplitz", {"w": W[:, :8]}, "toeplitz: w must hold the lags -(M - 1) … M - 1, an odd number, got 8"),
    ("toeplitz", {"w": W[:3]}, "toeplitz: kv_heads must divide the heads of w = 3, got 2"),
    ("toeplitz", {"w": X}, "toeplitz: w must be (heads, *lags) with 1 lag axes, got shape (2, 2, 6, 3)"),
    ("toeplitz", {"n_q": 7, "causal": True}, "toeplitz: causal needs at least as many keys as queries, got 6 and 7"),
    ("toeplitz", {"w": W.astype(int)}, "toeplitz: w must be real floating, got int64"),
    ("toeplitz", {"v": X.astype(int)}, "toeplitz: v must be real floating, got int64"),
    ("block_toeplitz", {"grid": (2, 2)}, "block_toeplitz: v must be (..., 4, d_v), got shape (2, 2, 6, 3)"),
    (
        "block_toeplitz",
        {"grid": (2, 3), "query_start": (1,)},
        "block_toeplitz: grid, query_grid and query_start must agree in axes, got (2, 3), (2, 3), (1,)",
    ),
]


@pytest.mark.parametrize("on", ["arrays", "torch"])
@pytest.mark.parametrize(("name", "change", "message"), ERRORS)
def test_errors_verbatim(name, change, message, on):
    arguments = {"w": W, "v": X} | change
    if on == "torch":
        arguments = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in arguments.items()}
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(arrays if on == "arrays" else torches, name)(**arguments)
    assert str(caught.value) == message
