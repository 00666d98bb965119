"""Linear attention under a lag mask, and NPRF, against full matrices; rows lost in FFT rounding, recomputed."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from test_impls_rope import away, home

RNG = np.random.default_rng(6)
HEADS, LONG = 4, 40
MASK = RNG.standard_normal((HEADS, 2 * LONG - 1))
PROJECTION = RNG.standard_normal((7, 6))
KAPPA = {"exp": np.exp, "abs": np.abs, "signed": lambda m: m}


def inputs(n_q, n_k):
    return [RNG.standard_normal((2, heads, n, dim)) for heads, n, dim in ((HEADS, n_q, 6), (2, n_k, 6), (2, n_k, 5))]


def elu(x):
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def defined(features, v, kappa):
    """Σ κ (φ·φ) v / Σ κ (φ·φ) with kappa (heads, n_q, n_k)."""
    q, k = features
    out = np.empty((*q.shape[:3], v.shape[-1]))
    for h in range(HEADS):
        weights = q[:, h] @ np.swapaxes(k[:, h // 2], -1, -2) * kappa[h]
        out[:, h] = weights @ v[:, h // 2] / weights.sum(-1, keepdims=True)
    return out


def lag_mask(mask, n_q, n_k, causal):
    """κ of every (query, key), from κ by lag."""
    start = n_k - n_q if causal else 0
    lag = np.arange(n_k)[None, :] - np.arange(n_q)[:, None] - start
    return np.where(causal & (lag > 0), 0, mask[:, LONG - 1 + lag])


def on_every_backend(name, arguments, wanted, **options):
    """The same numbers from NumPy, from the strict standard off the host and from PyTorch."""
    far = {key: away(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    near = {key: torch.tensor(x) if isinstance(x, np.ndarray) else x for key, x in options.items()}
    got = [getattr(arrays, name)(*arguments, **options)]
    got.append(home(getattr(arrays, name)(*(away(x) for x in arguments), **far)))
    got.append(getattr(torches, name)(*(torch.tensor(x) for x in arguments), **near).numpy())
    for each in got:
        assert np.allclose(each, wanted, 1e-10, 1e-11)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("positivity", ["exp", "abs", "signed"])
@pytest.mark.parametrize(("n_q", "n_k"), [(1, 1), (2, 2), (13, 13), (16, 16), (3, 13), (1, 8), (9, 4)])
def test_masked_attention_is_its_sums(n_q, n_k, positivity, causal):
    if causal and n_q > n_k:
        n_q, n_k = n_k, n_q
    q, k, v = inputs(n_q, n_k)
    kappa = lag_mask(KAPPA[positivity](MASK), n_q, n_k, causal)
    wanted = defined((elu(q), elu(k)), v, kappa)
    on_every_backend("toeplitz_mask_attention", (q, k, v, MASK), wanted, positivity=positivity, causal=causal)


@pytest.mark.parametrize("causal", [False, True])
def test_on_a_grid_it_is_the_block_toeplitz_mask(causal):
    q, k, v = inputs(12, 12)
    mask, places = RNG.standard_normal((HEADS, 5, 9)), list(np.ndindex(3, 4))
    kappa = np.zeros((HEADS, 12, 12))
    for (i, a), (j, b) in product(enumerate(places), repeat=2):
        kappa[:, i, j] = 0 if causal and j > i else np.exp(mask[:, 2 + b[0] - a[0], 4 + b[1] - a[1]])
    wanted = defined((elu(q), elu(k)), v, kappa)
    on_every_backend("toeplitz_mask_attention", (q, k, v, mask), wanted, grid=(3, 4), causal=causal)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize(("features", "normalise"), [("positive", True), ("positive", False), ("trigonometric", True)])
def test_nprf_is_its_formula(features, normalise, causal):
    q, k, v = inputs(10, 10)
    rows = [x / np.linalg.norm(x, axis=-1, keepdims=True) if normalise else x for x in (q, k)]
    made = []
    for x in rows:
        square, turns = (x**2).sum(-1, keepdims=True) / 2, x @ PROJECTION.T
        positive, trigonometric = (
            np.exp(turns - square),
            np.exp(square) * np.concatenate([np.sin(turns), np.cos(turns)], -1),
        )
        made.append((positive if features == "positive" else trigonometric) / 7**0.5)
    wanted = defined(made, v, lag_mask(np.exp(MASK), 10, 10, causal))
    options = {"projection": PROJECTION, "features": features, "normalise": normalise, "causal": causal}
    on_every_backend("nprf", (q, k, v, MASK), wanted, **options)


def test_a_mask_of_minus_infinity_is_a_window_and_a_common_factor_cancels():
    q, k, v = inputs(12, 12)
    window = np.where(abs(np.arange(-LONG + 1, LONG)) <= 3, MASK, -np.inf)
    wanted = defined((elu(q), elu(k)), v, lag_mask(np.exp(window), 12, 12, False))
    on_every_backend("toeplitz_mask_attention", (q, k, v, window), wanted)
    on_every_backend("toeplitz_mask_attention", (q, k, v, window + 900.0), wanted)


def test_prefixes_and_the_newest_row():
    q, k, v = inputs(12, 12)
    whole = arrays.toeplitz_mask_attention(q, k, v, MASK, causal=True)
    for n in (1, 5, 8, 12):
        prefix = arrays.toeplitz_mask_attention(*(x[:, :, :n] for x in (q, k, v)), MASK, causal=True)
        row = arrays.toeplitz_mask_attention(q[:, :, n - 1 : n], k[:, :, :n], v[:, :, :n], MASK, causal=True)
        assert np.allclose(prefix, whole[:, :, :n], 1e-10, 1e-11)
        assert np.allclose(row[:, :, 0], whole[:, :, n - 1], 1e-10, 1e-11)


def fading(n=1024):
    """math 7.5: κ = e^(−0.1 |τ|) and keys that all but one vanish: the true tail is below the FFT's rounding."""
    mask = (-0.1 * np.abs(np.arange(-n + 1, n))).astype(np.float32)
    q, k, v = (np.zeros((1, 1, n, d), np.float32) for d in (2, 2, 3))
    q[...], k[:, :, 0], v[...] = 1, 1, RNG.standard_normal(v.shape)
    k += 1e-12
    return q, k, v, mask


@pytest.mark.parametrize("on", ["numpy", "strict", "torch"])
def test_rows_lost_in_the_rounding_of_the_fft_are_named_or_recomputed(on):
    q, k, v, mask = fading()
    convert = {"numpy": np.asarray, "strict": away, "torch": torch.tensor}[on]
    function = (torches if on == "torch" else arrays).toeplitz_mask_attention
    arguments = [convert(x) for x in (q, k, v, mask)]
    with pytest.raises(FloatingPointError) as caught:
        function(*arguments, feature_map="identity")
    message = str(caught.value)
    assert message.startswith("toeplitz_mask: the denominator at batch 0, head 0, row ")
    assert "lost in the FFT's rounding of " in message
    assert message.endswith("; use tails=recompute or float64")
    got = function(*arguments, feature_map="identity", tails="recompute")
    got = home(got) if on == "strict" else np.asarray(got)
    assert got.dtype == np.float32
    n = q.shape[2]
    kappa = np.exp(mask.astype(np.float64)[n - 1 + np.arange(n)[None] - np.arange(n)[:, None]])
    weights = kappa * (q[0, 0].astype(np.float64) @ k[0, 0].astype(np.float64).T)
    wanted = weights @ v[0, 0] / weights.sum(-1, keepdims=True)
    assert np.max(np.abs(got[0, 0] - wanted)) < 2e-2
    lost = int(message.split("row ")[1].split(" ")[0])
    far = slice(lost + 60, None)
    assert np.max(np.abs(got[0, 0, far] - wanted[far])) < 1e-5


def test_without_the_guard_those_denominators_would_be_negative():
    _, k, _, mask = fading()
    raw = arrays.toeplitz(np.exp(mask), k[0, 0])[:, 0]
    assert np.min(raw) < 0


@pytest.mark.parametrize("n", [64, 1000, 4096])
def test_the_stated_rounding_bounds_the_error_and_is_not_far_from_it(n):
    mask = RNG.standard_normal(2 * n - 1).astype(np.float32)
    q, k, _v = (np.abs(RNG.standard_normal((1, 1, n, 4))).astype(np.float32) for _ in range(3))
    kappa = np.exp(mask - mask.max())
    weight = sum(q[0, 0, :, c] * arrays.toeplitz(kappa, k[0, 0])[:, c] for c in range(4))
    wide = sum(
        q[0, 0, :, c].astype(float) * arrays.toeplitz(kappa.astype(float), k[0, 0].astype(float))[:, c]
        for c in range(4)
    )
    stated = 4 * 2.0**-24 * np.log2(4 * n) * np.linalg.norm(kappa) * (q[0, 0] @ np.linalg.norm(k[0, 0], axis=0))
    error = np.abs(weight - wide)
    assert np.all(error <= stated)
    assert np.max(error / stated) > 1e-3


def test_gradient_and_memory_of_it():
    q, k, v = (torch.tensor(x[:1, :, :5, :3], requires_grad=True) for x in inputs(6, 6))
    mask = torch.tensor(MASK[:, LONG - 6 : LONG + 5], requires_grad=True)
    for options in ({}, {"causal": True}, {"positivity": "abs"}):

        def call(*x, options=options):
            return torches.toeplitz_mask_attention(*x, **options)

        assert torch.autograd.gradcheck(call, (q, k, v, mask), fast_mode=True)
    kept = []
    q, k, v = (torch.rand(1, 1, 256, 16, requires_grad=True) for _ in range(3))
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.nbytes) or x, lambda x: x):
        torches.toeplitz_mask_attention(q, k, v, torch.zeros(511)).sum()
    assert sum(kept) < 16 * 16 * 256 * 4


def test_memory_does_not_hold_all_products_at_once():
    n, dim = 2**16, 16
    q, k, v = (np.ones((1, 1, n, dim), np.float32) for _ in range(3))
    mask = np.zeros(2 * n - 1, np.float32)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    out = arrays.toeplitz_mask_attention(q[..., :2], k[..., :2], v, mask)
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    assert np.allclose(out, 1, 1e-4)
    assert peak <= out.nbytes + 256 * 2**20
