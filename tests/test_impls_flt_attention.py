"""FLT inside attention: logits with the content's scale, unbiased positive features, the exact mask form, learning."""

from math import pi

import numpy as np
import pytest
import torch
from lagwise.impls import arrays, pytorch
from lagwise.impls.fourier_densities import GaussianMixture
from test_impls_flt import LIBRARIES, ONE, rng
from test_impls_noise import close_in_mean

B, H, G, D, R, M = 2, 4, 2, 6, 3, 10
XI, RHO = rng.standard_normal((G, R, 2)), rng.standard_normal((G, R))
PROJECTION = arrays.favor_projection(ONE, G, M, D + 2 * R, seed=1)
MASK = {"frequencies": XI, "ratios": RHO}


def moved(library, numbers):
    return {key: LIBRARIES[library][1](x) if isinstance(x, np.ndarray) else x for key, x in numbers.items()}


def estimate(points):
    """(1/r) Σ ρ cos 2π ξ·(x_i − x_j) for each head."""
    angles = 2 * pi * np.einsum("hra,ija->hijr", XI, points[:, None] - points[None, :])
    return np.repeat(np.mean(RHO[:, None, None] * np.cos(angles), -1), H // G, 0)


def inputs(n):
    """q with four heads, k and v with two, points in the plane."""
    shapes = ((B, H, n, D), (B, G, n, D), (B, G, n, 3), (n, 2))
    return tuple(rng.standard_normal(shape) for shape in shapes)


def bound(library, name, points, **numbers):
    module, there, _ = LIBRARIES[library]
    given = moved(library, MASK | numbers)

    def one(side):
        return lambda x, at: getattr(module, name)(x, at, side, **given)

    return {f"encode_{side}": module.bind(one(side), there(points), 2) for side in ("query", "key")}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("split", ["symmetric", "key"])
def test_logits_have_the_scale_of_the_content_and_the_mask_once(library, split):
    (q, k, _, points), (module, there, back) = inputs(7), LIBRARIES[library]
    numbers = moved(library, MASK | {"split": split})
    left, right = (
        back(module.flt_extended(there(x), there(points), side, **numbers)) for x, side in ((q, "query"), (k, "key"))
    )
    found = np.einsum("bhid,bhjd->bhij", left, np.repeat(right, H // G, 1))
    wanted = np.einsum("bhid,bhjd->bhij", q, np.repeat(k, H // G, 1)) / np.sqrt(D) + estimate(points)
    assert left.shape == (B, H, 7, D + 2 * R)
    assert np.abs(found - wanted).max() < 1e-12


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shift", [0.0, 0.7, "row"])
def test_positive_features_are_the_definition(library, shift):
    module, there, back = LIBRARIES[library]
    wide = rng.standard_normal((B, H, 5, D + 2 * R))
    exponent = (
        np.einsum("bhnd,hmd->bhnm", wide, np.repeat(PROJECTION, H // G, 0)) - (wide**2).sum(-1, keepdims=True) / 2
    )
    exponent = exponent - (exponent.max(-1, keepdims=True) if shift == "row" else shift)
    found = back(module.favor(there(wide), there(PROJECTION), shift=shift))
    assert np.abs(found - np.exp(exponent) / np.sqrt(M)).max() < 1e-12


@pytest.mark.parametrize("orthogonal", [False, True])
def test_positive_features_have_the_mean_of_the_exponential(orthogonal):
    x, y = rng.standard_normal((2, 1, 400, 1, 3)) * 0.4
    x, y = x * 0 + x[:, :1], y * 0 + y[:, :1]  # 400 projections for one pair
    rows = arrays.favor_projection(ONE, 400, 300, 3, seed=8, orthogonal=orthogonal)
    left, right = (arrays.favor(side, rows) for side in (x, y))
    samples = (left * right * 300).reshape(-1)[: 400 * 300]
    target = np.exp(x[0, 0, 0] @ y[0, 0, 0])
    if orthogonal:  # the blocks are independent, and orthogonality does not add variance
        samples = samples.reshape(-1, 3).mean(-1)
    total = x[0, 0, 0] + y[0, 0, 0]
    variance = target**2 * (np.exp(total @ total) - 1) * (1 / 3 if orthogonal else 1)
    assert close_in_mean(samples, target, variance)


@pytest.mark.parametrize("library", LIBRARIES)
def test_orthogonal_rows_are_orthogonal_with_gaussian_lengths_and_equal_everywhere(library):
    module, there, back = LIBRARIES[library]
    rows = back(module.favor_projection(there(ONE), 2, 9, 4, seed=3))
    blocks = rows[:, :8].reshape(2, 2, 4, 4)
    products = blocks @ np.swapaxes(blocks, -1, -2)
    assert np.abs(products - products * np.eye(4)).max() < 1e-12
    assert np.abs(rows - arrays.favor_projection(ONE, 2, 9, 4, seed=3)).max() < 1e-12
    many = arrays.favor_projection(ONE, 40, 100, 4, seed=5)
    assert close_in_mean((many**2).sum(-1).reshape(-1), 4, 8)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["flt_exp", "flt_mask"])
@pytest.mark.parametrize("causal", [False, True])
def test_chunks_and_decoding_are_the_dense_sum(library, name, causal):
    module, there, back = LIBRARIES[library]
    extra = {"projection": PROJECTION} if name == "flt_exp" else {}
    for n in (1, 2, 11, 16):
        q, k, v, points = inputs(n)
        q, k = (np.abs(q), np.abs(k)) if name == "flt_mask" else (q, k)
        if name == "flt_mask":
            weights = np.einsum("bhid,bhjd->bhij", q, np.repeat(k, H // G, 1)) * estimate(points)
        else:
            numbers = MASK | {"projection": PROJECTION}
            left, right = (arrays.flt_exp(x, points, s, **numbers) for x, s in ((q, "query"), (k, "key")))
            weights = np.einsum("bhim,bhjm->bhij", left, np.repeat(right, H // G, 1))
        weights = np.tril(weights) if causal else weights
        wanted = weights @ np.repeat(v, H // G, 1)
        bounds, kinds = bound(library, name, points, **extra), {"kind": "norm-linear", "causal": causal}
        found = back(module.linear_attention(there(q), there(k), there(v), **bounds, **kinds, chunk=5))
        assert np.abs(found - wanted).max() < 1e-10
        carry, rows = True, []
        for row in range(n if causal else 0):
            one = [there(x[:, :, row : row + 1]) for x in (q, k, v)]
            ends = bound(library, name, points[row : row + 1], **extra)
            out, carry = module.linear_attention(*one, **ends, **kinds, form="recurrent", carry=carry)
            rows.append(back(out))
        assert not rows or np.abs(np.concatenate(rows, -2) - wanted).max() < 1e-10


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_mask_form_is_exactly_relative_far_away(library):
    (q, k, *_), (module, there, back) = inputs(6), LIBRARIES[library]
    points = rng.integers(0, 50, (6, 2))
    scores = []
    for shift in (0, 1 << 40):
        ends = (
            back(module.flt_mask(there(x), there(points + shift), side, **moved(library, MASK)))
            for x, side in ((q[:, :G], "query"), (k, "key"))
        )
        left, right = ends
        scores.append(left @ np.swapaxes(right, -1, -2))
    assert np.abs(scores[1] - scores[0]).max() < 1e-12 * np.abs(scores[0]).max() * R


def test_gradients_are_those_of_the_features_and_reach_every_parameter():
    weights, means, logs = (torch.randn(shape, dtype=torch.float64) * 0.3 for shape in ((2, 3), (2, 3, 2), (2, 3)))
    points, x = torch.randn(4, 2, dtype=torch.float64), torch.randn(1, 2, 4, 3, dtype=torch.float64)
    leaves = [tensor.requires_grad_() for tensor in (weights, means, logs, points, x)]

    def function(weights, means, logs, points, x):
        spectrum = GaussianMixture(weights, means, torch.exp(logs - 1))
        xi = pytorch.flt_frequencies(x, spectrum, 2, 3, 2, seed=1)
        rho = pytorch.flt_ratios(spectrum, xi)
        ends = [pytorch.flt_extended(x, points, side, frequencies=xi, ratios=rho) for side in ("query", "key")]
        return ends[0] @ ends[1].mT

    assert torch.autograd.gradcheck(function, leaves)
    module = pytorch.FLT(2, 8, axes=2, terms=3)
    found = module(points.detach(), "query") @ module(points.detach(), "key").mT
    (found * torch.randn_like(found)).sum().backward()
    assert all(bool((p.grad != 0).all()) for p in module.parameters())
    before = module(points.detach(), "key")
    assert torch.allclose(module.to(torch.float64)(points.detach(), "key"), before)


def test_a_mask_that_is_zero_keeps_a_gradient_on_the_key_side():
    rho = torch.zeros(1, 4, dtype=torch.float64, requires_grad=True)
    xi, points = torch.randn(1, 4, 1, dtype=torch.float64), torch.arange(5)
    for split, wanted in (("key", True), ("symmetric", False)):
        ends = [pytorch.flt_features(points, xi, rho, side, split=split) for side in ("query", "key")]
        (grad,) = torch.autograd.grad((ends[0] @ ends[1].mT).sum(), rho)
        assert bool(torch.isfinite(grad).all())
        assert bool((grad != 0).all()) is wanted
