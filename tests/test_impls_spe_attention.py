"""Attention through SPE's features: every form is the sum as written, decoding with frozen noise is the full run."""

import re
import tracemalloc

import numpy as np
import pytest
import torch
from lagwise.impls import arrays, pytorch
from test_impls_spe import LIBRARIES, SINE, D, G, H, K, P, R, conv_defined, rng, sine_defined

FILTERS = {"query_filter": rng.uniform(size=(G, D, P)), "key_filter": rng.uniform(size=(G, D, P))}
SEED = arrays.Seeded(9, R)
PROJECTION = arrays.favor_projection(np.zeros(1), G, 12, R, seed=2)


def feature(x, phi):
    """φ as written: ReLU, or FAVOR+ with its projection, one for two query heads."""
    if phi == "relu":
        return np.maximum(x, 0)
    rows = np.repeat(PROJECTION, x.shape[1] // G, 0)
    exponent = np.einsum("bhnr,hmr->bhnm", x, rows) - (x * x).sum(-1, keepdims=True) / 2
    return np.exp(exponent) / np.sqrt(12)


def defined(q, k, v, positions, name, phi, causal, epsilon):
    """Σ φ(q̂)·φ(k̂) v over Σ φ(q̂)·φ(k̂) + epsilon, with the codes written out."""
    if name == "sine_spe":
        noise = arrays.sine_noise(q, G, D, K, R, seed=9)
        ends = [sine_defined(x, positions, side, **SINE, noise=noise) for x, side in ((q, "query"), (k, "key"))]
    else:
        noise = arrays.conv_noise(q, (len(positions),), G, D, P, R, seed=9)
        ends = [conv_defined(x, positions, own, noise) for x, own in zip((q, k), FILTERS.values(), strict=True)]
    left, right = (feature(x, phi) for x in ends)
    right, values = (np.repeat(x, H // G, 1) for x in (right, v))
    weights = left @ np.swapaxes(right, -1, -2)
    weights = np.tril(weights) if causal else weights
    return weights @ values / (weights.sum(-1, keepdims=True) + epsilon)


def ends(library, name, positions):
    """Both encodings of one library, bound to the positions."""
    module, there, _ = LIBRARIES[library]
    numbers = {key: there(value) for key, value in (SINE if name == "sine_spe" else FILTERS).items()}

    def one(side):
        return lambda x, at: getattr(module, name)(x, at, side, **numbers, noise=SEED)

    return {f"encode_{side}": module.bind(one(side), there(positions)) for side in ("query", "key")}


def attend(library, name, phi, q, k, v, positions, **options):
    """Our attention on NumPy inputs, as NumPy; a carry stays where it is."""
    module, there, back = LIBRARIES[library]
    maps = "relu" if phi == "relu" else lambda x: module.favor(x, there(PROJECTION))
    bound = ends(library, name, positions)
    out = module.feature_attention(there(q), there(k), there(v), **bound, feature_map=maps, **options)
    return (back(out[0]), out[1]) if isinstance(out, tuple) else back(out)


def inputs(n):
    """q with four heads, k and v with two."""
    return rng.standard_normal((2, H, n, D)), rng.standard_normal((2, G, n, D)), rng.standard_normal((2, G, n, 3))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["sine_spe", "conv_spe"])
@pytest.mark.parametrize(("phi", "epsilon"), [("relu", 0.1), ("favor", 0.0)])
@pytest.mark.parametrize("causal", [False, True])
def test_chunks_are_the_dense_sum_given_the_same_noise(library, name, phi, epsilon, causal):
    for n in (1, 2, 13, 16):
        (q, k, v), positions = inputs(n), np.arange(n)
        wanted = defined(q, k, v, positions, name, phi, causal, epsilon)
        found = attend(library, name, phi, q, k, v, positions, causal=causal, epsilon=epsilon, chunk=5)
        assert np.abs(found - wanted).max() < 1e-11


@pytest.mark.parametrize("library", LIBRARIES)
def test_softmax_of_the_scores_has_the_scale_of_the_content(library):
    (module, there, back), (q, k, v), positions = LIBRARIES[library], inputs(6), np.arange(6)
    noise = arrays.sine_noise(q, G, D, K, R, seed=9)
    left, right = (sine_defined(x, positions, side, **SINE, noise=noise) for x, side in ((q, "query"), (k, "key")))
    logits = left @ np.swapaxes(np.repeat(right, H // G, 1), -1, -2) / np.sqrt(D)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    wanted = weights @ np.repeat(v, H // G, 1) / weights.sum(-1, keepdims=True)
    found = module.dense_attention(there(q), there(k), there(v), **ends(library, "sine_spe", positions))
    assert np.abs(back(found) - wanted).max() < 1e-12


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["sine_spe", "conv_spe"])
def test_decoding_with_frozen_noise_is_the_full_run(library, name):
    (q, k, v), carry, rows = inputs(11), True, []
    for start, stop in ((0, 4), (4, 5), (5, 6), (6, 11)):
        part, places = (..., slice(start, stop), slice(None)), np.arange(start, stop)
        out, carry = attend(
            library, name, "favor", q[part], k[part], v[part], places, causal=True, form="recurrent", carry=carry
        )
        rows.append(out)
    wanted = defined(q, k, v, np.arange(11), name, "favor", True, 0.0)
    assert np.abs(np.concatenate(rows, -2) - wanted).max() < 1e-11


@pytest.mark.parametrize("name", ["sine_spe", "conv_spe"])
def test_gradients_are_those_of_the_features(name):
    x = torch.randn(1, G, 3, D, dtype=torch.float64, requires_grad=True)
    shapes = [(G, D, K)] * 3 if name == "sine_spe" else [(G, D, P)] * 2
    numbers = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in (*shapes, (G, D))]
    names = ("frequencies", "phases", "gains") if name == "sine_spe" else ("query_filter", "key_filter")

    def function(x, *numbers):
        options = dict(zip((*names, "gate"), numbers, strict=True)) | {"noise": SEED}
        sides = (getattr(pytorch, name)(x, torch.arange(3) * 5, side, **options) for side in ("query", "key"))
        return torch.stack(tuple(sides))

    assert torch.autograd.gradcheck(function, (x, *numbers))


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 3e-6), ("float16", 3e-3)])
def test_narrow_dtypes_are_close_and_kept(library, dtype, bound):
    module, there, back = LIBRARIES[library]
    x, positions = rng.standard_normal((1, H, 9, D)).astype(dtype), np.arange(9) + 100_000
    noise = rng.standard_normal((G, D, 2 * K, R)).astype(dtype)
    numbers = {key: there(value) for key, value in SINE.items()}
    out = back(module.sine_spe(there(x), there(positions), "query", **numbers, noise=there(noise)))
    wanted = sine_defined(x.astype("float64"), positions, "query", **SINE, noise=noise.astype("float64"))
    assert out.dtype == dtype
    assert np.abs(out - wanted).max() < bound * np.abs(wanted).max()


ERRORS = [
    ("sine_spe", {"side": "both"}, "sine_spe: side must be query or key, got both"),
    ("sine_spe", {"phases": np.zeros((G, D, 1))}, "sine_spe: phases must have shape (2, 3, 2), got (2, 3, 1)"),
    ("sine_spe", {"noise": np.zeros((G, D, K, R))}, "sine_spe: noise must have shape (2, 3, 4, R), got (2, 3, 2, 5)"),
    ("sine_spe", {"noise": np.zeros((G, D, 2 * K, 0))}, "sine_spe: realizations must be at least 1, got 0"),
    ("sine_spe", {"noise": arrays.Seeded(1, 0)}, "sine_noise: realizations must be at least 1, got 0"),
    ("sine_spe", {"gate": np.full((G, D), 1.5)}, "sine_spe: gate must lie in [0, 1], got 1.5 to 1.5"),
    ("sine_spe", {"gate": np.zeros((G, 1))}, "sine_spe: gate must have shape (2, 3), got (2, 1)"),
    (
        "sine_spe",
        {"gate": np.zeros((G, D)), "noise": np.zeros((G, D, 2 * K, R))},
        "sine_spe: a gate needs gate_noise when noise is an array",
    ),
    ("sine_spe", {"heads": 3}, "sine_spe: the parameters' heads must divide heads = 3, got 2"),
    ("conv_spe", {"noise": arrays.Seeded(1, 0)}, "conv_spe: realizations must be at least 1, got 0"),
    ("conv_spe", {"noise": np.zeros((4, G, D, R))}, "conv_spe: noise reaches positions 0 … 1 in axis 0 only"),
    ("conv_spe", {"positions": np.zeros(4)}, "conv_spe: positions must be integers, got float64"),
    (
        "conv_spe",
        {"key_filter": np.zeros((G, D, 2))},
        "conv_spe: both filters must have one shape, got (2, 3, 3) and (2, 3, 2)",
    ),
    (
        "conv_spe",
        {"query_filter": np.zeros((G, D))},
        "conv_spe: a filter must be (heads, dim, taps) or (…, taps, taps[, taps]), got shape (2, 3)",
    ),
]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("name", "changed", "message"), ERRORS)
def test_errors_are_one_line(library, name, changed, message):
    module, there, _ = LIBRARIES[library]
    numbers = (SINE if name == "sine_spe" else FILTERS) | {"noise": SEED, "side": "query", "positions": np.arange(4)}
    numbers = {k: there(v) if isinstance(v, np.ndarray) else v for k, v in (numbers | changed).items()}
    x = there(np.ones((1, numbers.pop("heads", H), 4, D)))
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        getattr(module, name)(x, numbers.pop("positions"), numbers.pop("side"), **numbers)


def test_live_memory_of_a_chunked_run_holds_no_codes():
    n, wide = 4096, 32
    x = rng.standard_normal((1, 1, n, wide)).astype("float32")
    numbers = {
        "frequencies": np.full((1, wide, 4), 0.01),
        "phases": np.ones((1, wide, 4)),
        "gains": np.ones((1, wide, 4)),
    }
    numbers = numbers | {"noise": arrays.sine_noise(x, 1, wide, 4, wide, seed=1)}
    ends = {
        f"encode_{side}": arrays.bind(lambda x, at, side=side: arrays.sine_spe(x, at, side, **numbers), np.arange(n))
        for side in ("query", "key")
    }
    tracemalloc.start()
    out = arrays.feature_attention(x, x, x, **ends, feature_map="elu+1")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    codes = n * wide * wide * 4
    assert peak - 2 * out.nbytes < 4e6 < codes / 4
