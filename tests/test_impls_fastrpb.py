"""FastRPB and SIKF against their definitions with full matrices, on NumPy, on the strict standard and on PyTorch."""

from itertools import product

import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from test_impls_rope import away, home

RNG = np.random.default_rng(5)
HEADS, N, LONG = 4, 11, 15
Q, K, V = (RNG.standard_normal((2, heads, N, dim)) for heads, dim in ((HEADS, 6), (2, 6), (2, 5)))
FULL, SHORT = RNG.standard_normal((HEADS, 2 * LONG - 1)), RNG.standard_normal((HEADS, LONG))


def matrix(h, n_q, n_k, start, symmetric, causal):
    """W of one head, entry by entry."""
    w = np.zeros((n_q, n_k))
    for i, j in np.ndindex(n_q, n_k):
        lag = j - i - start
        w[i, j] = 0 if causal and lag > 0 else SHORT[h, abs(lag)] if symmetric else FULL[h, LONG - 1 + lag]
    return w


@pytest.mark.parametrize(("symmetric", "causal"), [*product((False, True), repeat=2)])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 11])
def test_the_bias_is_its_matrix(n, symmetric, causal):
    v, w = V[:, :, :n], SHORT if symmetric else FULL
    for n_q in {1, n // 2 + 1, n}:
        wanted = np.zeros((2, HEADS, n_q, 5))
        for h in range(HEADS):
            wanted[:, h] = matrix(h, n_q, n, n - n_q if causal else 0, symmetric, causal) @ v[:, h // 2]
        options = {"symmetric": symmetric, "causal": causal}
        got = arrays.fastrpb(v, w, n_q, **options)
        assert np.allclose(got, wanted, 1e-12, 1e-12)
        assert np.allclose(home(arrays.fastrpb(away(v), away(w), n_q, **options)), got, 1e-13, 1e-13)
        other = torches.fastrpb(torch.tensor(v), torch.tensor(w), n_q, **options)
        assert np.allclose(other.numpy(), got, 1e-13, 1e-13)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_grid_it_is_the_kronecker_sum(channels, symmetric):
    height, width = 3, 4
    w = SHORT if symmetric else FULL
    v = RNG.standard_normal((2, 2, height * width * channels, 5))
    wanted = np.zeros((2, HEADS, height * width * channels, 5))
    for h in range(HEADS):
        down, along = (matrix(h, n, n, 0, symmetric, False) for n in (height, width))
        both = np.kron(down, np.ones((width, width))) + np.kron(np.ones((height, height)), along)
        wanted[:, h] = np.kron(both, np.eye(channels)) @ v[:, h // 2]
    options = {"grid": (height, width), "channels": channels, "symmetric": symmetric}
    got = arrays.fastrpb(v, w, **options)
    assert np.allclose(got, wanted, 1e-12, 1e-12)
    assert np.allclose(home(arrays.fastrpb(away(v), away(w), **options)), got, 1e-13, 1e-13)
    assert np.allclose(torches.fastrpb(torch.tensor(v), torch.tensor(w), **options).numpy(), got, 1e-13, 1e-13)


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_parameter_is_that_of_its_lag_at_every_length(symmetric):
    w = SHORT if symmetric else FULL
    longer = arrays.fastrpb_extended(w, 40, symmetric=symmetric)
    assert np.array_equal(arrays.fastrpb_extended(longer, LONG, symmetric=symmetric), w)
    assert np.array_equal(
        torches.fastrpb_extended(torch.tensor(w), 40, symmetric=symmetric).numpy(),
        home(arrays.fastrpb_extended(away(w), 40, symmetric=symmetric)),
    )
    for held in (longer, arrays.fastrpb_extended(w, N, symmetric=symmetric)):
        same = arrays.fastrpb(V, held, symmetric=symmetric)
        assert np.allclose(same, arrays.fastrpb(V, w, symmetric=symmetric), 1e-12, 1e-12)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["softmax", "linear", "norm-linear", "sikf"])
def test_it_is_added_to_any_attention(kind, causal):
    options = {"feature_map": "elu+1"} if kind == "linear" else {}
    apart = {
        "softmax": lambda *x: arrays.dense_attention(*x, causal=causal),
        "sikf": lambda *x: arrays.dense_attention(*x, kind="linear", feature_map="exp", causal=causal),
    }.get(kind, lambda *x: arrays.dense_attention(*x, kind=kind, causal=causal, **options))
    wanted = apart(Q, K, V) + arrays.fastrpb(V, FULL, causal=causal)
    got = arrays.fastrpb_attention(Q, K, V, FULL, kind=kind, causal=causal, **options)
    assert np.allclose(got, wanted, 1e-11, 1e-11)
    far = arrays.fastrpb_attention(*(away(x) for x in (Q, K, V, FULL)), kind=kind, causal=causal, **options)
    assert np.allclose(home(far), got, 1e-12, 1e-12)
    others = (torch.tensor(x) for x in (Q, K, V, FULL))
    other = torches.fastrpb_attention(*others, kind=kind, causal=causal, **options)
    assert np.allclose(other.numpy(), got, 1e-11, 1e-11)
    if causal:
        for n in (1, 4, N):
            prefix = (x[:, :, :n] for x in (Q, K, V))
            row = arrays.fastrpb_attention(
                Q[:, :, n - 1 : n], K[:, :, :n], V[:, :, :n], FULL, kind=kind, causal=True, **options
            )
            assert np.allclose(
                arrays.fastrpb_attention(*prefix, FULL, kind=kind, causal=True, **options), got[:, :, :n], 1e-11, 1e-11
            )
            assert np.allclose(row[:, :, 0], got[:, :, n - 1], 1e-11, 1e-11)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("stabiliser", ["max", "mean", "none"])
def test_sikf_does_not_see_a_scalar_shift_without_epsilon(stabiliser, causal):
    q, k, v = Q, K.repeat(2, 1), V.repeat(2, 1)
    shift = RNG.standard_normal((2, HEADS, 1, 1))
    options = {"stabiliser": stabiliser, "causal": causal}
    for module, convert in ((arrays, np.asarray), (torches, torch.tensor)):
        here = module.sikf_attention(*(convert(x) for x in (q, k, v)), **options)
        there = module.sikf_attention(*(convert(x) for x in (q + 3 * shift, k - 5 * shift, v)), **options)
        assert np.allclose(here, there, 1e-12, 1e-12)
        each = RNG.standard_normal(6)
        apart = module.sikf_attention(*(convert(x) for x in (q + each, k, v)), **options)
        assert not np.allclose(here, apart, 1e-2)


def test_epsilon_breaks_the_invariance_with_the_stabiliser_of_the_release_too():
    plain = {"stabiliser": "none", "epsilon": 1e-6}
    q, k, v = Q, K.repeat(2, 1), V.repeat(2, 1)
    here, there = (arrays.sikf_attention(q - a, k - a, v, **plain) for a in (0, 9))
    assert np.max(np.abs(here - there)) > 0.1
    released = {"stabiliser": "mean", "epsilon": 1e-6}
    here, there = (arrays.sikf_attention(q + a, k, v, **released) for a in (0, 18))
    assert np.max(np.abs(here - there)) > 1e-3
    assert np.allclose(arrays.sikf(q, 0.0), np.exp(q), 1e-15)
    assert np.max(arrays.sikf(q)) == 1
    large = arrays.sikf_attention(1000 + q.astype(np.float32), 500 + k.astype(np.float32), v.astype(np.float32))
    assert np.all(np.isfinite(large))


def test_sikf_by_chunks_with_a_carry():
    k, v = K.repeat(2, 1), V.repeat(2, 1)
    whole = arrays.sikf_attention(Q, k, v, causal=True)
    first, carry = arrays.sikf_attention(
        Q[:, :, :4], k[:, :, :4], v[:, :, :4], causal=True, stabiliser="none", carry=True
    )
    rest, _ = arrays.sikf_attention(Q[:, :, 4:], k[:, :, 4:], v[:, :, 4:], causal=True, stabiliser="none", carry=carry)
    assert np.allclose(np.concatenate([first, rest], 2), whole, 1e-11, 1e-11)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_module(symmetric, causal):
    module = torches.FastRPB(HEADS, LONG, symmetric=symmetric, causal=causal, seed=2)
    v = torch.tensor(V, dtype=torch.float32)
    out = module(v)
    assert torch.equal(out, torches.fastrpb(v, module.w, symmetric=symmetric, causal=causal))
    out.square().sum().backward()
    used = module.w.grad.abs().sum(0) > 0
    lags = torch.arange(0 if symmetric else 1 - LONG, LONG)
    assert torch.equal(used, (lags.abs() < N) & ((lags <= 0) | (not causal) | symmetric))
    longer = module.lengthened(40)
    assert longer.w.shape[-1] == (40 if symmetric else 79)
    assert torch.allclose(longer(v), out, 1e-4, 1e-9)
    start = module.w.detach().clone()
    assert not torch.equal(start[0], start[1])
    module.to_empty(device="cpu").reset_parameters()
    assert torch.equal(module.w, start)


ERRORS = [
    (
        "fastrpb",
        {"grid": (2, 5)},
        "fastrpb: v must hold 10 tokens of grid (2, 5) with 1 channels, got shape (2, 2, 11, 5)",
    ),
    ("fastrpb", {"grid": (1, 11), "causal": True}, "fastrpb: a grid takes no causal, n_q or query_start"),
    ("fastrpb", {"channels": 3}, "fastrpb: channels need a grid, got channels = 3"),
    ("fastrpb", {"w": SHORT[:, :9], "symmetric": True}, "fastrpb: w must hold the lags -10 … 10, got -8 … 8"),
    ("fastrpb_extended", {"v": None, "w": FULL, "length": 0}, "fastrpb: length must be at least 1, got 0"),
    ("sikf_attention", {"epsilon": -1.0}, "sikf: epsilon must be at least 0, got -1.0"),
    ("sikf_attention", {"stabiliser": "sum"}, "sikf: stabiliser must be max, mean or none, got sum"),
    ("sikf_attention", {"carry": True, "causal": True}, "sikf: a carry needs stabiliser=none, got max"),
    ("sikf_attention", {"stabiliser": "mean"}, "sikf: stabiliser=mean needs as many key heads as heads, got 2 and 4"),
    (
        "fastrpb_attention",
        {"w": FULL, "kind": "max"},
        "fastrpb: kind must be softmax or linear or norm-linear or sikf, got max",
    ),
]


@pytest.mark.parametrize("on", ["arrays", "torch"])
@pytest.mark.parametrize(("name", "change", "message"), ERRORS)
def test_errors_verbatim(name, change, message, on):
    arguments = {"v": V, "w": FULL} if name == "fastrpb" else {"q": Q, "k": K, "v": V} if "att" in name else {}
    arguments = {key: x for key, x in (arguments | change).items() if x is not None}
    if on == "torch":
        arguments = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in arguments.items()}
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(arrays if on == "arrays" else torches, name)(**arguments)
    assert str(caught.value) == message
