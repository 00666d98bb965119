"""SPE on every library: the definitions with loops, the exact twin, mean and variance, gates, noise that stays."""

import numpy as np
import pytest
import torch
from lagwise.impls import arrays, pytorch
from test_impls_noise import close_in_mean
from test_impls_rope import away, home

rng = np.random.default_rng(20)
B, H, G, D, K, P, R = 2, 4, 2, 3, 2, 3, 5
SINE = {
    "frequencies": rng.uniform(0, 0.5, (G, D, K)),
    "phases": rng.standard_normal((G, D, K)),
    "gains": rng.standard_normal((G, D, K)),
}
GATE = {"gate": rng.uniform(size=(G, D)), "gate_noise": rng.standard_normal((G, D, R))}
LIBRARIES = {
    "numpy": (arrays, lambda x: x, lambda x: x),
    "strict": (arrays, away, home),
    "torch": (pytorch, torch.tensor, lambda x: x.numpy()),
}


def call(library, name, x, positions, side, **numbers):
    """One function of a library on NumPy inputs, its result as NumPy."""
    module, there, back = LIBRARIES[library]
    moved = {key: there(value) if isinstance(value, np.ndarray) else value for key, value in numbers.items()}
    return back(getattr(module, name)(there(x), there(positions), side, **moved))


def gated(code, h, d, gate=None, gate_noise=None):
    """A code after its gate, as the definition writes it."""
    if gate is None:
        return code
    return np.sqrt(1 - gate[h, d]) * code + np.sqrt(gate[h, d]) * gate_noise[h, d]


def sine_defined(x, positions, side, frequencies, phases, gains, noise, **gate):
    """R^(-1/2) Σ_d x_d Q̄_d with Q̄_d = Σ_k λ (cos, sin)(2π f·n + θ) Z, one number at a time."""
    out = np.zeros((*x.shape[:3], noise.shape[-1]))
    for h, n in np.ndindex(x.shape[1], x.shape[2]):
        g = h // (x.shape[1] // gains.shape[0])
        for d in range(x.shape[3]):
            code = 0
            for k in range(gains.shape[2]):
                angle = 2 * np.pi * np.dot(np.ravel(frequencies[g, d, k]), np.ravel(positions[n]))
                angle += phases[g, d, k] if side == "query" else 0
                code = code + gains[g, d, k] * (
                    np.cos(angle) * noise[g, d, 2 * k] + np.sin(angle) * noise[g, d, 2 * k + 1]
                )
            out[:, h, n] += x[:, h, n, d, None] * gated(code, g, d, **gate)
    return out / np.sqrt(noise.shape[-1])


def conv_defined(x, positions, own, noise, **gate):
    """R^(-1/2) Σ_d x_d Σ_p φ_p Z(n − p); index i of the noise is position i − (taps − 1)."""
    out, axes, taps = np.zeros((*x.shape[:3], noise.shape[-1])), own.ndim - 2, own.shape[2]
    for h, n in np.ndindex(x.shape[1], x.shape[2]):
        g = h // (x.shape[1] // own.shape[0])
        for d in range(x.shape[3]):
            code = 0
            for p in np.ndindex(*(taps,) * axes):
                site = tuple(np.ravel(positions[n]) - np.array(p) + taps - 1)
                code = code + own[(g, d, *p)] * noise[(*site, g, d)]
            out[:, h, n] += x[:, h, n, d, None] * gated(code, g, d, **gate)
    return out / np.sqrt(noise.shape[-1])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("side", ["query", "key"])
@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_sine_is_the_definition(library, side, n):
    x, positions = rng.standard_normal((B, H, n, D)), np.arange(n) * 3 - 4
    numbers = SINE | GATE | {"noise": rng.standard_normal((G, D, 2 * K, R))}
    wanted = sine_defined(x, positions, side, **numbers)
    assert np.abs(call(library, "sine_spe", x, positions, side, **numbers) - wanted).max() < 1e-12


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("axes", [2, 3])
def test_sine_has_several_axes_and_positions_of_each_batch_row(library, axes):
    x, positions = rng.standard_normal((B, H, 5, D)), rng.integers(0, 9, (B, 5, axes))
    numbers = SINE | {
        "frequencies": rng.uniform(0, 0.5, (G, D, K, axes)),
        "noise": rng.standard_normal((G, D, 2 * K, R)),
    }
    found = call(library, "sine_spe", x, positions, "query", **numbers)
    for b in range(B):
        wanted = sine_defined(x[b : b + 1], positions[b], "query", **numbers)
        assert np.abs(found[b : b + 1] - wanted).max() < 1e-12


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("source", ["array", "seed"])
def test_conv_is_the_definition(library, axes, source):
    lengths = (5, 4, 3)[:axes]
    x, positions = rng.standard_normal((B, H, 7, D)), np.stack([rng.integers(0, size, 7) for size in lengths], -1)
    filters = dict(zip(("query_filter", "key_filter"), rng.standard_normal((2, G, D, *(P,) * axes)), strict=True))
    noise = arrays.conv_noise(x, lengths, G, D, P, R, seed=4)
    places = positions[:, 0] if axes == 1 else positions
    for side in ("query", "key"):
        wanted = conv_defined(x, positions, filters[f"{side}_filter"], noise, **GATE)
        drawn = noise if source == "array" else arrays.Seeded(4, R)
        found = call(library, "conv_spe", x, places, side, **filters, **GATE, noise=drawn)
        assert np.abs(found - wanted).max() < 1e-12


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("shift", [0, 1 << 40])
def test_the_twin_is_exact_at_every_position(library, shift):
    q, k, lags = rng.standard_normal((1, G, 6, D)), rng.standard_normal((1, G, 6, D)), np.arange(6)
    numbers = SINE | {"gate": GATE["gate"]}
    features = [call(library, "sine_spe_exact", x, lags + shift, s, **numbers) for x, s in ((q, "query"), (k, "key"))]
    assert features[0].shape == (1, G, 6, 2 * K * D + D)
    wanted = np.zeros((1, G, 6, 6))
    for h, m, n, d in np.ndindex(G, 6, 6, D):
        waves = np.cos(2 * np.pi * SINE["frequencies"][h, d] * (m - n) + SINE["phases"][h, d])
        share = numbers["gate"][h, d]
        mean = share + (1 - share) * np.sum(SINE["gains"][h, d] ** 2 * waves)
        wanted[0, h, m, n] += q[0, h, m, d] * mean * k[0, h, n, d]
    assert np.abs(features[0] @ np.swapaxes(features[1], -1, -2) - wanted).max() < 1e-12


def moments(q, k, diagonal, kernel):
    """(a, b, c) of S16: both variances and the covariance of Σ_d q_d Q_d and Σ_d k_d K_d."""
    return np.sum(q * q * diagonal[0]), np.sum(k * k * diagonal[1]), np.sum(q * k * kernel)


def check_moments(q, k, a, b, c):
    """q̂ and k̂ (…, draws) with one realization a draw: mean c and variance ab + c², by the exact fourth moment."""
    products = q * k * q.shape[-1]
    variance = a * b + c * c
    raw = [1, c, a * b + 2 * c * c, 9 * a * b * c + 6 * c**3, 9 * (a * b) ** 2 + 72 * a * b * c * c + 24 * c**4]
    fourth = raw[4] - 4 * c * raw[3] + 6 * c * c * raw[2] - 3 * c**4
    assert close_in_mean(products, c, variance)
    assert close_in_mean((products - c) ** 2, variance, fourth - variance**2)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_sine_has_the_mean_and_the_variance_of_the_mathematics(share):
    draws, gate = 80_000, np.full((1, D), share)
    numbers = {key: value[:1] for key, value in SINE.items()} | {"noise": arrays.Seeded(11, draws), "gate": gate}
    x, positions = rng.standard_normal((1, 1, 4, D)), np.array([0, 1, 5, 300])
    q, k = (arrays.sine_spe(x, positions, side, **numbers)[0, 0] for side in ("query", "key"))
    f, theta, power = (numbers[key][0] for key in ("frequencies", "phases", "gains"))
    for m, n in ((0, 0), (0, 1), (3, 1), (1, 3)):
        waves = np.cos(2 * np.pi * f * (positions[m] - positions[n]) + theta)
        kernel, size = (share + (1 - share) * np.sum(power**2 * part, -1) for part in (waves, np.ones_like(f)))
        check_moments(q[m], k[n], *moments(x[0, 0, m], x[0, 0, n], (size, size), kernel))


def test_conv_has_the_mean_and_the_variance_of_the_mathematics_and_its_support():
    draws, filters = 40_000, rng.standard_normal((2, 1, D, P))
    x, positions = rng.standard_normal((1, 1, 6, D)), np.arange(6) - 2
    numbers = {"query_filter": filters[0], "key_filter": filters[1], "noise": arrays.Seeded(12, draws)}
    q, k = (arrays.conv_spe(x, positions, side, **numbers)[0, 0] for side in ("query", "key"))
    sizes = np.sum(filters[:, 0] ** 2, -1)
    for m, n in ((2, 2), (2, 3), (3, 1), (0, 3), (5, 1)):
        kernel = sum(
            filters[0, 0, :, p] * filters[1, 0, :, p + n - m] for p in range(P) if 0 <= p + n - m < P
        ) + np.zeros(D)
        assert abs(n - m) < P or not kernel.any()
        check_moments(q[m], k[n], *moments(x[0, 0, m], x[0, 0, n], sizes, kernel))


@pytest.mark.parametrize("name", ["sine_spe", "conv_spe"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_the_ends_of_the_gate_are_content_and_position(library, name):
    x, positions, seeded = rng.standard_normal((B, H, 5, D)), np.arange(5), arrays.Seeded(3, R)
    numbers = SINE if name == "sine_spe" else dict.fromkeys(("query_filter", "key_filter"), rng.uniform(size=(G, D, P)))
    numbers = numbers | {"noise": seeded, "gate_noise": GATE["gate_noise"]}
    content = call(library, name, x, positions, "query", **numbers, gate=np.ones((G, D)))
    wanted = np.einsum("bhnd,hdr->bhnr", x, np.repeat(GATE["gate_noise"], H // G, 0)) / np.sqrt(R)
    assert np.abs(content - wanted).max() < 1e-12
    open_gate = call(library, name, x, positions, "query", **numbers, gate=np.zeros((G, D)))
    plain = call(library, name, x, positions, "query", **{key: numbers[key] for key in numbers if key != "gate_noise"})
    assert np.array_equal(open_gate, plain)


@pytest.mark.parametrize("name", ["sine_spe", "conv_spe"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_features_do_not_depend_on_rows_batch_order_or_gaps(library, name):
    filters = dict.fromkeys(("query_filter", "key_filter"), rng.uniform(size=(G, D, P)))
    numbers = (SINE if name == "sine_spe" else filters) | {"noise": arrays.Seeded(3, R)}
    x, positions = rng.standard_normal((B, H, 40, D)), np.concatenate([np.arange(38), [1 << 31, 5]])
    whole = call(library, name, x, positions, "key", **numbers)
    order = rng.permutation(40)
    assert (
        np.abs(call(library, name, x[:, :, order], positions[order], "key", **numbers) - whole[:, :, order]).max()
        < 1e-12
    )
    alone = call(library, name, x[1:, :, 7:9], positions[7:9], "key", **numbers)
    assert np.abs(alone - whole[1:, :, 7:9]).max() < 1e-12
