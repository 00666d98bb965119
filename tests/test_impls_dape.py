"""DAPE against its formula in loops; tiles, decoding, prefixes and shifts against the whole, on every backend."""

import array_api_strict as strict
import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from test_impls_rope import away, home

HEADS, WIDTH, N = 4, 5, 13
RNG = np.random.default_rng(8)
Q, K, V = (RNG.standard_normal((2, heads, N, dim)) for heads, dim in ((HEADS, 6), (2, 6), (2, 3)))
POSITIONS = np.arange(N)


def weights(inputs, kernel=None):
    rng, taps = np.random.default_rng(inputs), () if kernel is None else (kernel,)
    shapes = {"w1": (WIDTH, inputs, *taps), "b1": (WIDTH,), "w2": (HEADS, WIDTH, *taps), "b2": (HEADS,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


MLP = {"w1": RNG.standard_normal(8), "b1": RNG.standard_normal(8), "w2": RNG.standard_normal((HEADS, 8))}
MLP["b2"] = RNG.standard_normal(HEADS)
R1, R2 = [0.5, 1.7, 0.02, 1.0], [0.3, 1.0, 2.0, 0.1]


def prior_of(name, module, convert=lambda x: x, dtype=np.float64):
    """The prior as a function of positions, on one backend."""
    mlp = {key: convert(value) for key, value in MLP.items()}
    return {
        "none": None,
        "alibi": lambda s, t: module.alibi(s, t, heads=HEADS, dtype=dtype),
        "kerple": lambda s, t: module.kerple(s, t, R1, R2, dtype=dtype),
        "fire": lambda s, t: module.fire(s, t, **mlp, threshold=6.0, slope=0.01, dtype=dtype),
    }[name]


PRIORS = ("none", "alibi", "kerple", "fire")


def leaky(x):
    return x if x > 0 else 0.01 * x


def defined(scores, prior, w, form):
    """A of one (query, key) after the other."""
    out = np.empty_like(scores)
    for b, i, j in np.ndindex(scores.shape[0], *scores.shape[2:]):
        s = scores[b, :, i, j]
        p = np.zeros(HEADS) if prior is None else prior[:, i, j]
        u = s if prior is None else np.concatenate([s, p])
        hidden = [leaky(sum(w["w1"][d, c] * u[c] for c in range(len(u))) + w["b1"][d]) for d in range(WIDTH)]
        f = [sum(w["w2"][h, d] * hidden[d] for d in range(WIDTH)) + w["b2"][h] for h in range(HEADS)]
        out[b, :, i, j] = s + np.array(f) + (p if form == "residual" else 0)
    return out


def convolved(scores, prior, w, edge):
    """Version 2 in loops, the queries being the last rows."""
    keys, half = scores.shape[-1], w["w1"].shape[-1] // 2
    inputs = scores if prior is None else np.concatenate([scores, np.broadcast_to(prior, scores.shape)], 1)
    seen = np.tril(np.ones(scores.shape[-2:], bool), keys - scores.shape[-2])
    out = scores + (0 if prior is None else prior)
    for b, i in np.ndindex(scores.shape[0], scores.shape[2]):
        hidden = np.zeros((WIDTH, keys))
        for d, j in np.ndindex(WIDTH, keys):
            near = [(j + o, o + half) for o in range(-half, half + 1) if 0 <= j + o < keys and seen[i, j + o]]
            total = w["b1"][d] + sum(w["w1"][d, :, tap] @ inputs[b, :, i, key] for key, tap in near)
            hidden[d, j] = leaky(total) if edge == "released" or seen[i, j] else 0.0
        for h, j in np.ndindex(HEADS, keys):
            near = [(j + o, o + half) for o in range(-half, half + 1) if 0 <= j + o < keys]
            out[b, h, i, j] += w["b2"][h] + sum(w["w2"][h, :, tap] @ hidden[:, key] for key, tap in near)
    return out


def attended(adapted, v, rows=N):
    """Causal softmax of A, times v."""
    weight = np.tril(np.exp(adapted), adapted.shape[-1] - rows)
    return weight / weight.sum(-1, keepdims=True) @ np.repeat(v, HEADS // v.shape[1], 1)


def tensors(values):
    return {name: torch.tensor(value) for name, value in values.items()}


def afar(values):
    return {name: away(value) for name, value in values.items()}


@pytest.mark.parametrize("form", ["residual", "concatenated"])
@pytest.mark.parametrize("prior", PRIORS)
def test_version_1_is_its_formula_and_tiles_are_the_whole(prior, form):
    function = prior_of(prior, arrays)
    w = weights(HEADS if function is None else 2 * HEADS)
    scores = arrays.scores(Q, K, 6**-0.5)
    bias = None if function is None else function(POSITIONS, POSITIONS)
    wanted = defined(scores, bias, w, form)
    assert np.allclose(arrays.dape(scores, bias, **w, form=form), wanted, 1e-12, 1e-12)
    out = attended(wanted, V)
    for tile in (None, (64, 256), (1, 1), (3, 4), (13, 5), (5, 13)):
        got = arrays.dape_attention(Q, K, V, function, **w, form=form, tile=tile)
        assert np.allclose(got, out, 1e-12, 1e-12)
    strictly = prior_of(prior, arrays, away, strict.float64)
    far = arrays.dape_attention(away(Q), away(K), away(V), strictly, **afar(w), form=form, tile=(4, 5))
    assert np.allclose(home(far), out, 1e-12, 1e-12)
    other = prior_of(prior, torches, torch.tensor, torch.float64)
    for tile in (None, (4, 5)):
        on_torch = torches.dape_attention(
            *(torch.tensor(x) for x in (Q, K, V)), other, **tensors(w), form=form, tile=tile
        )
        assert np.allclose(on_torch.numpy(), out, 1e-12, 1e-12)


@pytest.mark.parametrize("edge", ["released", "masked"])
@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("prior", ["none", "kerple"])
def test_version_2_is_its_formula_and_tiles_are_the_whole(prior, kernel, edge):
    function = prior_of(prior, arrays)
    w = weights(HEADS if function is None else 2 * HEADS, kernel)
    scores = arrays.scores(Q[:1, :, 5:], K[:1], 6**-0.5)
    bias = None if function is None else function(POSITIONS[5:], POSITIONS)
    wanted = convolved(scores, bias, w, edge)
    assert np.allclose(arrays.dape_v2(scores, bias, **w, edge=edge), wanted, 1e-12, 1e-12)
    out = attended(wanted, V[:1], N - 5)
    for tile in (None, (1, 1), (3, 4), (64, 256)):
        got = arrays.dape_attention(Q[:1, :, 5:], K[:1], V[:1], function, **w, edge=edge, tile=tile)
        assert np.allclose(got, out, 1e-12, 1e-12)
    strictly = prior_of(prior, arrays, away, strict.float64)
    parts = Q[:1, :, 5:], K[:1], V[:1]
    far = arrays.dape_attention(*(away(x) for x in parts), strictly, **afar(w), edge=edge, tile=(4, 5))
    assert np.allclose(home(far), out, 1e-12, 1e-12)
    other = prior_of(prior, torches, torch.tensor, torch.float64)
    on_torch = torches.dape_attention(*(torch.tensor(x) for x in parts), other, **tensors(w), edge=edge, tile=(4, 5))
    assert np.allclose(on_torch.numpy(), out, 1e-12, 1e-12)


@pytest.mark.parametrize(("kernel", "edge"), [(None, "released"), (3, "masked")])
@pytest.mark.parametrize("prior", PRIORS)
def test_decoding_and_prefixes_are_the_rows_of_the_whole(prior, kernel, edge):
    function = prior_of(prior, arrays)
    w = weights(HEADS if function is None else 2 * HEADS, kernel)
    whole = arrays.dape_attention(Q, K, V, function, **w, edge=edge)
    for n in range(1, N + 1):
        row = arrays.dape_attention(Q[:, :, n - 1 : n], K[:, :, :n], V[:, :, :n], function, **w, edge=edge)
        prefix = arrays.dape_attention(*(x[:, :, :n] for x in (Q, K, V)), function, **w, edge=edge, tile=(3, 3))
        assert np.allclose(row[:, :, 0], whole[:, :, n - 1], 1e-12, 1e-12)
        assert np.allclose(prefix, whole[:, :, :n], 1e-12, 1e-12)


def test_version_2_as_released_changes_its_newest_rows_only():
    w, function = weights(2 * HEADS, 3), prior_of("alibi", arrays)
    whole = arrays.dape_attention(Q, K, V, function, **w)
    for n in range(2, N):
        prefix = arrays.dape_attention(*(x[:, :, :n] for x in (Q, K, V)), function, **w)
        assert np.allclose(prefix[:, :, :-1], whole[:, :, : n - 1], 1e-12, 1e-12)
        assert np.max(np.abs(prefix[:, :, -1] - whole[:, :, n - 1])) > 1e-8


@pytest.mark.parametrize(("edge", "holds"), [("masked", True), ("released", False)])
def test_keys_that_are_not_there_shift_the_rest_only_with_masked_edges(edge, holds):
    w = weights(2 * HEADS, 3)
    scores = RNG.standard_normal((1, HEADS, 6, 6))
    bias = arrays.alibi(np.arange(6), np.arange(6), heads=HEADS, dtype=np.float64)
    here = arrays.dape_v2(scores, bias, **w, edge=edge)
    late = np.zeros((1, HEADS, 6, 9))
    late[..., 3:] = scores
    visible = np.concatenate([np.zeros((6, 3), bool), np.tril(np.ones((6, 6), bool))], 1)
    moved = arrays.alibi(np.arange(3, 9), np.arange(9), heads=HEADS, dtype=np.float64)
    there = arrays.dape_v2(late, moved, **w, visible=visible, edge=edge)[..., 3:]
    difference = np.abs(np.tril(here - there))
    assert (np.max(difference) < 1e-13) == holds
    if not holds:  # the hidden layer of a missing key is its bias, which only key 0 reads
        assert np.max(difference[..., :1]) > 1e-3
        assert np.max(difference[..., 1:]) < 1e-13


def shifted(function, w, shift):
    places = {"query_positions": POSITIONS + shift, "key_positions": POSITIONS + shift}
    return arrays.dape_attention(Q, K, V, function, **w, **places)


@pytest.mark.parametrize("prior", ["none", "alibi", "kerple"])
@pytest.mark.parametrize("kernel", [None, 3])
def test_shifting_every_position_changes_nothing(prior, kernel):
    function = prior_of(prior, arrays)
    w = weights(HEADS if function is None else 2 * HEADS, kernel)
    assert np.array_equal(shifted(function, w, 0), shifted(function, w, 2**40))


def test_the_fire_prior_moves_with_the_position_beyond_its_threshold():
    function, w = prior_of("fire", arrays), weights(2 * HEADS)
    here, there = shifted(function, w, 0), shifted(function, w, 5)
    assert np.array_equal(here[:, :, :2], there[:, :, :2])
    assert not np.allclose(here[:, :, 8:], there[:, :, 8:], 1e-3)
