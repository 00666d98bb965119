"""DAPE's gradients, modules, memory and messages."""

import tracemalloc

import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from test_impls_dape import HEADS, PRIORS, K, Q, V, prior_of, weights

POSITIONS = np.arange(5)


def inputs(kernel):
    """q, k, v and weights that require a gradient, small."""
    parts = [torch.tensor(x[:1, :, :5]) for x in (Q, K, V)]
    w = {name: torch.tensor(value) for name, value in weights(2 * HEADS, kernel).items()}
    return [x.clone().requires_grad_() for x in (*parts, *w.values())]


def attend(tile, edge):
    function = prior_of("kerple", torches, torch.tensor, torch.float64)

    def run(q, k, v, w1, b1, w2, b2):
        return torches.dape_attention(q, k, v, function, w1=w1, b1=b1, w2=w2, b2=b2, edge=edge, tile=tile)

    return run


@pytest.mark.parametrize(("kernel", "edge"), [(None, "released"), (3, "released"), (3, "masked")])
def test_the_gradient_through_tiles_is_that_of_the_whole_and_the_numeric_one(kernel, edge):
    leaves = inputs(kernel)
    wanted = torch.autograd.grad(attend(None, edge)(*leaves).square().sum(), leaves)
    got = torch.autograd.grad(attend((2, 3), edge)(*leaves).square().sum(), leaves)
    assert all(torch.allclose(a, b, 1e-11, 1e-11) for a, b in zip(got, wanted, strict=True))
    assert torch.autograd.gradcheck(attend((2, 3), edge), leaves, fast_mode=True)


@pytest.mark.parametrize("kernel", [None, 3])
@pytest.mark.parametrize("prior", PRIORS)
def test_a_module_is_its_function_and_everything_learns(prior, kernel):
    module = torches.DAPE(HEADS, width=5, prior=prior, kernel=kernel, seed=4)
    q, k, v = (torch.tensor(x[:, :, :9], dtype=torch.float32) for x in (Q, K, V))
    out = module.attend(q, k, v, tile=(4, 4))
    positions = torch.arange(9)
    adapted = module(torches.scores(q, k, 6**-0.5), positions, positions)
    dense = torch.softmax(adapted.masked_fill(positions > positions[:, None], -torch.inf), -1)
    assert torch.allclose(out, dense @ v.repeat_interleave(2, 1), 1e-4, 1e-5)
    out.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
    assert all(bool((p.grad != 0).any()) for name, p in module.named_parameters() if name not in ("b2",))
    module.to_empty(device="cpu").reset_parameters()
    assert torch.equal(module.attend(q, k, v, tile=(4, 4)), out)
    inputs_per_head = 1 if prior == "none" else 2
    assert module.w1.shape[:2] == (5, inputs_per_head * HEADS)


@pytest.mark.parametrize("kernel", [None, 3])
def test_the_future_changes_nothing(kernel):
    w, function = weights(2 * HEADS, kernel), prior_of("kerple", arrays)
    changed = [x.copy() for x in (Q, K, V)]
    for x in changed[1:]:
        x[:, :, 7:] += 100.0
    before, after = (arrays.dape_attention(*x, function, **w) for x in ((Q, K, V), changed))
    assert np.array_equal(before[:, :, :7], after[:, :, :7])
    assert not np.allclose(before[:, :, 7:], after[:, :, 7:])


def saved(tile):
    """Bytes kept for the gradient of one run on PyTorch."""
    kept = []
    q = torch.randn(1, 2, 128, 4, requires_grad=True)
    w = {name: torch.tensor(value, dtype=torch.float32) for name, value in weights(2, None).items()}
    w["w2"], w["b2"] = w["w2"][:2], w["b2"][:2]
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.nbytes) or x, lambda x: x):
        torches.dape_attention(q, q, q, None, **w, tile=tile).sum()
    return sum(kept)


def test_tiles_are_not_kept_for_the_gradient():
    assert saved((32, 32)) < 5 * 128 * 128 * 4 < saved(None)


def test_the_number_of_parameters_is_the_paper_s():
    module = torches.DAPE(12, prior="alibi")
    assert sum(p.numel() for p in module.parameters()) == 1196


def measured(width, n, tile):
    """Peak bytes beyond inputs and output of one NumPy run."""
    rng = np.random.default_rng(0)
    q = rng.standard_normal((1, 2, n, 4)).astype(np.float32)
    w = {"w1": rng.standard_normal((width, 4)), "b1": np.zeros(width), "w2": rng.standard_normal((2, width))}
    w |= {"b2": np.zeros(2)}
    w = {name: value.astype(np.float32) for name, value in w.items()}
    prior = prior_two_heads
    arrays.dape_attention(q, q, q, prior, **w, tile=tile)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    out = arrays.dape_attention(q, q, q, prior, **w, tile=tile)
    peak = tracemalloc.get_traced_memory()[1] - before - out.nbytes
    tracemalloc.stop()
    return peak


def prior_two_heads(s, t):
    return arrays.alibi(s, t, heads=2)


def test_memory_of_tiles_does_not_grow_with_the_width_times_the_square_of_the_length():
    small, longer = (measured(32, n, (32, 64)) for n in (256, 1024))
    assert longer < small + 200_000  # q, k and v of 1024 rows are 32 kB each
    wide = measured(64, 1024, (32, 64))
    assert wide < 4 * 64 * 32 * 64 * 4  # a few hidden tiles
    assert measured(32, 512, None) > 32 * 512 * 512 * 4


def call(form, /, **change):
    q, k, v = (x[:1, :, :5] for x in (Q, K, V))
    w = weights(2 * HEADS)
    scores, bias = arrays.scores(q, k), arrays.alibi(POSITIONS, POSITIONS, heads=HEADS)
    if form == "attend":
        return arrays.dape_attention, {"q": q, "k": k, "v": v, "prior": prior_of("alibi", arrays), **w} | change
    w = w if form == "dape" else weights(2 * HEADS, 3)
    return getattr(arrays, form), {"scores": scores, "prior": bias, **w} | change


W4 = {"w1": np.zeros((5, 8, 4)), "w2": np.zeros((4, 5, 4))}
ERRORS = [
    ("dape", {"w1": np.zeros((5, 7))}, "dape: w1 must have 8 inputs for 4 heads with a prior, got 7"),
    ("dape", {"prior": None}, "dape: w1 must have 4 inputs for 4 heads without a prior, got 8"),
    ("dape", {"w1": np.zeros((5, 8, 3))}, "dape: w1 must be (width, inputs), got shape (5, 8, 3)"),
    ("dape", {"w2": np.zeros((3, 5))}, "dape: w2 must be (4, 5) up to k, got shape (3, 5)"),
    ("dape", {"b1": np.zeros(4)}, "dape: b1 and b2 must have shapes (5,) and (4,), got (4,) and (4,)"),
    ("dape", {"form": "add"}, "dape: form must be residual or concatenated, got add"),
    ("dape", {"prior": np.zeros((3, 5, 5))}, "dape: prior must have shape (4, 5, 5), got (3, 5, 5)"),
    ("dape", {"scores": np.zeros((4, 5, 5))}, "dape: scores must be (batch, heads, n_q, n_k), got shape (4, 5, 5)"),
    ("dape_v2", W4, "dape_v2: filters must have one odd length, got 4 and 4"),
    ("dape_v2", {"w2": np.zeros((4, 5, 5))}, "dape_v2: filters must have one odd length, got 3 and 5"),
    ("dape_v2", {"w1": np.zeros((5, 8))}, "dape_v2: w1 must be (width, inputs, k), got shape (5, 8)"),
    ("dape_v2", {"edge": "open"}, "dape_v2: edge must be released or masked, got open"),
    (
        "dape_v2",
        {"scores": np.zeros((1, 4, 5, 3)), "prior": np.zeros((4, 5, 3))},
        "dape_v2: without visible it needs at least as many keys as queries, got 3 and 5",
    ),
    ("attend", {"tile": (0, 3)}, "dape_attention: tile must be two numbers of at least 1, got (0, 3)"),
    (
        "attend",
        {"q": np.zeros((1, 4, 6, 6))},
        "dape_attention: causal needs at least as many keys as queries, got 5 and 6",
    ),
    (
        "attend",
        {"prior": lambda s, t: arrays.alibi(s, t, slopes=[1.0, 1.0, -1.0, 0.5])},
        "alibi: slopes must be at least 0, got -1.0",
    ),
    (
        "attend",
        {"query_positions": np.arange(-3, 2), "key_positions": POSITIONS},
        "dape_attention: the denominator is zero at batch 0, head 0, row 0",
    ),
]


@pytest.mark.parametrize(("form", "change", "message"), ERRORS)
def test_errors_verbatim(form, change, message):
    function, arguments = call(form, **change)
    with pytest.raises((TypeError, ValueError, ZeroDivisionError)) as caught:
        function(**arguments)
    assert str(caught.value) == message


@pytest.mark.parametrize(("form", "change", "message"), [e for e in ERRORS if e[0] != "attend"])
def test_errors_verbatim_on_torch(form, change, message):
    _, arguments = call(form, **change)
    tensors = {key: torch.tensor(x) if isinstance(x, np.ndarray) else x for key, x in arguments.items()}
    with pytest.raises((TypeError, ValueError)) as caught:
        getattr(torches, form)(**tensors)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prior": "rope"}, "dape: prior must be alibi or kerple or fire or none, got rope"),
        ({"form": "add"}, "dape: form must be residual or concatenated, got add"),
        ({"kernel": 2}, "dape: kernel must be odd, got 2"),
    ],
)
def test_module_errors_verbatim(options, message):
    with pytest.raises(ValueError, match="dape") as caught:
        torches.DAPE(4, **options)
    assert str(caught.value) == message
