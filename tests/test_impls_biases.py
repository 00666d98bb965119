"""Additive biases against their printed formulas, with loops, on NumPy, on the strict standard and on PyTorch."""

from math import cos, log, log1p

import array_api_strict as strict
import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from lagwise.impls.lags import alibi_slopes
from test_impls_rope import away, home

QUERY, KEY = np.array([0, 3, 40, 7, 900]), np.array([5, 0, 39, 41, 2000, 3])
RNG = np.random.default_rng(3)
MLP = {"w1": RNG.standard_normal(8), "b1": RNG.standard_normal(8), "w2": RNG.standard_normal((3, 8))}
MLP["b2"] = RNG.standard_normal(3)
R1, R2 = [0.5, 1.7, 0.02], [0.3, 1.0, 2.0]


def distance(s, t, causal):
    return max(s - t, 0) if causal else abs(s - t)


def fire_defined(h, s, t, threshold):
    def psi(x):
        return log(abs(0.1 * x) + 1)

    ratio = psi(max(s - t, 0)) / (psi(max(threshold, s)) + 1e-6)
    hidden = [max(w * ratio + b, 0.0) for w, b in zip(MLP["w1"], MLP["b1"], strict=True)]
    return sum(w * x for w, x in zip(MLP["w2"][h], hidden, strict=True)) + MLP["b2"][h]


def sandwich_defined(h, s, t):
    return 3 / (8 * (h + 1)) * (sum(cos((s - t) / 10000 ** (2 * p / 128)) for p in range(1, 65)) - 64)


CASES = {
    "alibi causal": ("alibi", {"heads": 3}, lambda h, s, t: -alibi_slopes(3)[h] * distance(s, t, True)),
    "alibi symmetric": (
        "alibi",
        {"slopes": R1, "causal": False},
        lambda h, s, t: -R1[h] * distance(s, t, False),
    ),
    "kerple log": ("kerple", {"r1": R1, "r2": R2}, lambda h, s, t: -R1[h] * log1p(R2[h] * distance(s, t, True))),
    "kerple power": (
        "kerple",
        {"r1": R1, "r2": R2, "kind": "power", "causal": False},
        lambda h, s, t: -R1[h] * float(distance(s, t, False)) ** R2[h],
    ),
    "fire": ("fire", {**MLP, "threshold": 30.0}, lambda h, s, t: fire_defined(h, s, t, 30.0)),
    "sandwich": ("sandwich", {"heads": 3}, sandwich_defined),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bias_is_its_formula(case):
    name, options, formula = CASES[case]
    wanted = np.array([[[formula(h, int(s), int(t)) for t in KEY] for s in QUERY] for h in range(3)])
    got = getattr(arrays, name)(QUERY, KEY, **options, dtype=np.float64)
    assert np.allclose(got, wanted, 1e-12, 1e-12)
    far = {key: away(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    strictly = getattr(arrays, name)(away(QUERY), away(KEY), **far, dtype=strict.float64)
    assert np.allclose(home(strictly), got, 1e-14, 1e-14)
    tensors = {key: torch.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
    positions = torch.tensor(QUERY), torch.tensor(KEY)
    other = getattr(torches, name)(*positions, **tensors, dtype=torch.float64).numpy()
    assert np.allclose(other, got, 1e-13, 1e-13)
    narrow = getattr(arrays, name)(QUERY, KEY, **options)
    assert narrow.dtype == np.float32
    assert np.array_equal(narrow, got.astype(np.float32))
    assert getattr(torches, name)(*positions, **tensors).dtype == torch.float32


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12, 20, 32, 40])
def test_slopes_of_every_head_count(heads):
    below = 2 ** (heads.bit_length() - 1)
    wanted = [2 ** (-8 * (h + 1) / below) for h in range(below)]
    wanted += [2 ** (-8 * (h + 1) / (2 * below)) for h in range(2 * below)][0::2][: heads - below]
    assert np.allclose(alibi_slopes(heads), wanted, 1e-15)
    assert len(alibi_slopes(heads)) == heads
    one = arrays.alibi(np.array([1]), np.array([0]), heads=heads, dtype=np.float64)
    assert np.array_equal(one[:, 0, 0], -np.array(alibi_slopes(heads)))


@pytest.mark.parametrize("name", ["alibi", "kerple", "sandwich"])
def test_a_bias_is_a_function_of_the_lag_far_out(name):
    options = {"alibi": {"heads": 3}, "kerple": {"r1": R1, "r2": R2}, "sandwich": {"heads": 3}}[name]
    here = getattr(arrays, name)(QUERY, KEY, **options)
    there = getattr(arrays, name)(QUERY + 2**40, KEY + 2**40, **options)
    assert np.array_equal(here, there)


def test_fire_is_a_function_of_the_lag_up_to_its_threshold_only():
    short = arrays.fire(np.arange(20), np.arange(20), **MLP, threshold=60.0)
    moved = arrays.fire(np.arange(20) + 40, np.arange(20) + 40, **MLP, threshold=60.0)
    assert np.array_equal(short, moved)
    beyond = arrays.fire(np.arange(20) + 50, np.arange(20) + 50, **MLP, threshold=60.0)
    assert np.array_equal(beyond[:, :11], short[:, :11])
    assert not np.allclose(beyond[:, 12:], short[:, 12:], 1e-4)


def test_learned_numbers_receive_their_gradient():
    positions = torch.tensor(QUERY), torch.tensor(KEY)
    r1, r2 = (torch.tensor(r, dtype=torch.float64, requires_grad=True) for r in (R1, [0.3, 1.0, 1.9]))
    for kind in ("log", "power"):

        def call(a, b, kind=kind):
            return torches.kerple(*positions, a, b, kind=kind, dtype=torch.float64)

        assert torch.autograd.gradcheck(call, (r1, r2))
    inputs = [torch.tensor(MLP[name], requires_grad=True) for name in ("w1", "b1", "w2", "b2")]
    inputs += [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.1, 30.0)]

    def run(w1, b1, w2, b2, c, threshold):
        mlp = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
        return torches.fire(*positions, **mlp, c=c, threshold=threshold, dtype=torch.float64)

    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize("build", [lambda: torches.Kerple(3), lambda: torches.Kerple(3, kind="power"), torches.Fire])
def test_modules_learn_restart_and_clamp(build):
    module = build(3) if build is torches.Fire else build()
    positions = torch.tensor(QUERY), torch.tensor(KEY)
    first = module(*positions)
    first.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
    module.to_empty(device="cpu").reset_parameters()
    assert torch.equal(module(*positions), first)
    if isinstance(module, torches.Kerple):
        module.r1.data.fill_(-1.0)
        assert torch.all(module(*positions) <= 0)
        floor = torches.kerple(*positions, [0.01] * 3, module.r2.clamp(0.01).tolist(), kind=module.kind)
        assert torch.allclose(module(*positions), floor, 1e-6)


ERRORS = [
    ("alibi", {"slopes": [0.5, -0.25]}, "alibi: slopes must be at least 0, got -0.25"),
    ("alibi", {"heads": 0}, "alibi: heads must be at least 1, got 0"),
    ("alibi", {}, "alibi: give heads or slopes, one of them"),
    ("kerple", {"r1": [0.5], "r2": [0.0]}, "kerple: r2 must be more than 0, got 0.0"),
    ("kerple", {"r1": [0.5], "r2": [2.5], "kind": "power"}, "kerple: r2 must be at most 2 for power, got 2.5"),
    ("kerple", {"r1": [0.5, 1], "r2": [2]}, "kerple: r1 and r2 must have one number a head, got 2 and 1"),
    ("kerple", {"r1": [0.5], "r2": [2], "kind": "exp"}, "kerple: kind must be log or power, got exp"),
    ("fire", {**MLP, "c": 0.0}, "fire: c must be more than 0, got 0.0"),
    (
        "fire",
        {**MLP, "b2": np.zeros(2)},
        "fire: w1, b1, w2, b2 must be (width,), (width,), (heads, width), (heads,), got (8,), (8,), (3, 8), (2,)",
    ),
    ("sandwich", {"heads": 2, "dim": 7}, "sandwich: dim must be even and at least 2, got 7"),
    ("sandwich", {"heads": 2, "scales": [1.0]}, "sandwich: scales must have 2 heads, got 1"),
    ("t5_buckets", {"causal": False, "num_buckets": 7}, "t5: num_buckets must be even and at least 4, got 7"),
    ("t5_buckets", {"causal": True, "num_buckets": 1}, "t5: num_buckets must be at least 2, got 1"),
    ("t5_buckets", {"causal": True, "max_distance": 16}, "t5: max_distance must be more than 16, got 16"),
    ("t5", {"causal": True, "weight": np.zeros(4)}, "t5: weight must be (num_buckets, heads), got shape (4,)"),
    (
        "alibi",
        {"heads": 2, "query_positions": np.zeros((2, 5), int)},
        "alibi: query_positions must be (length,), got shape (2, 5)",
    ),
    (
        "alibi",
        {"heads": 2, "key_positions": np.zeros(5, bool)},
        "alibi: key_positions must be signed integers or real numbers, got bool",
    ),
    ("t5_buckets", {"causal": True, "key_positions": np.zeros(5)}, "t5: positions must be integers, got float64"),
]


@pytest.mark.parametrize("on", ["arrays", "torch"])
@pytest.mark.parametrize(("name", "options", "message"), ERRORS)
def test_errors_verbatim(name, options, message, on):
    options = {"query_positions": QUERY, "key_positions": KEY} | options
    if on == "torch":
        options = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(arrays if on == "arrays" else torches, name)(**options)
    assert str(caught.value) == message
