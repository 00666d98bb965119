"""FLT's features on every library: Fourier pairs, one g/p with its sign, the exact grid, errors word for word."""

from math import erf, exp, gamma, pi, prod, sqrt

import numpy as np
import pytest
import torch
from lagwise.impls import arrays, pytorch
from lagwise.impls.fourier_densities import (
    Dirichlet,
    GaussianKernel,
    GaussianMixture,
    Laplace,
    Matern,
    Normal,
    SmoothedBox,
    Student,
    Tent,
)
from test_impls_noise import close_in_mean
from test_impls_rope import away, home

rng = np.random.default_rng(31)
ONE = np.zeros(1)
LIBRARIES = {
    "numpy": (arrays, lambda x: x, lambda x: x),
    "strict": (arrays, away, home),
    "torch": (pytorch, torch.tensor, lambda x: x.detach().numpy()),
}
DRAWS = 80_000


def mixture(axes, there=lambda x: x):
    """Two Gaussians, one negative."""
    means = np.array([[0.3, -0.1, 0.2], [-0.2, 0.1, 0.0]])[:, :axes]
    return GaussianMixture(there(np.array([1.0, -0.7])), there(means), there(np.array([0.5, 0.8])))


def norm(x):
    return sqrt(sum(c * c for c in x))


def mixture_values(x):
    """f of the mixture: Σ w (2πσ²)^(axes/2) exp(−2π²σ²|x|²) cos 2πμ·x."""
    own, axes = mixture(len(x)), len(x)
    terms = zip(own.weights, own.means, own.sigmas, strict=True)
    return sum(
        w * (2 * pi * s * s) ** (axes / 2) * exp(-2 * (pi * s * norm(x)) ** 2) * np.cos(2 * pi * np.dot(mu, x))
        for w, mu, s in terms
    )


def smoothed(x, width=1.5, tau=0.4):
    return prod((erf((c + width) / tau / sqrt(2)) - erf((c - width) / tau / sqrt(2))) / 2 for c in x)


PAIRS = {  # spectrum, proposal, f, ∫ g²/p in one axis (its power is that of several) or None: bounded by f(0)² = 1
    "gaussian": (GaussianKernel(0.8), None, lambda x: exp(-((norm(x) / 0.8) ** 2) / 2), 1),
    "laplace": (Laplace(0.7), None, lambda x: prod(exp(-0.7 * abs(c)) for c in x), 1),
    "matern 1/2": (Matern(0.5, 0.7), None, lambda x: exp(-norm(x) / 0.7), 1),
    "matern 3/2": (Matern(1.5, 0.7), None, lambda x: (1 + (u := sqrt(3) * norm(x) / 0.7)) * exp(-u), 1),
    "matern 5/2": (Matern(2.5, 0.7), None, lambda x: (1 + (u := sqrt(5) * norm(x) / 0.7) + u * u / 3) * exp(-u), 1),
    "matern 5/2 by Student": (
        Matern(2.5, 0.7),
        Student(3, 0.4),
        lambda x: (1 + (u := sqrt(5) * norm(x) / 0.7) + u * u / 3) * exp(-u),
        None,
    ),
    "gaussian by Student": (GaussianKernel(0.8), Student(2, 0.3), lambda x: exp(-((norm(x) / 0.8) ** 2) / 2), None),
    "gaussian by Normal": (GaussianKernel(0.8), Normal(0.2), lambda x: exp(-((norm(x) / 0.8) ** 2) / 2), None),
    "tent": (Tent(1.5), None, lambda x: prod(max(0, 1 - abs(c) / 1.5) for c in x), 1),
    "smoothed box": (SmoothedBox(1.5, 0.4), None, smoothed, None),
    "grid box": (Dirichlet(2), None, lambda x: float(all(abs(round(c)) <= 2 for c in x)), 5),
    "mixture": ("mixture", None, mixture_values, None),
}


def second_moment(name, axes):
    """∫ g²/p on R^axes: in closed form, or by quadrature along a radius or an axis of a product."""
    spectrum, proposal, _, known = PAIRS[name]
    if known is not None:
        return known**axes
    if name == "mixture":
        own = mixture(axes)
        parts = [(w, mu, 1 / s**2) for w, mu, s in zip(own.weights, own.means, own.sigmas, strict=True)]
        total = 0.0
        for (w, mu, a), (u, nu, b) in ((left, right) for left in parts for right in parts):
            rate, middle = a + b - 1, (a * mu + b * nu) / (a + b - 1)
            rest = a * mu @ mu + b * nu @ nu - rate * middle @ middle
            total += w * u * exp(-rest / 2) * (2 * pi) ** axes * rate ** (-axes / 2)
        return total
    if name == "smoothed box":
        xi = np.linspace(-6, 6, 400_001)[:, None]
        ratio = arrays.flt_ratios(spectrum, xi[None])[0]
        p = np.exp(-2 * (pi * 0.4 * xi[:, 0]) ** 2) * 0.4 * sqrt(2 * pi)
        return float(np.sum(ratio**2 * p) * (xi[1, 0] - xi[0, 0])) ** axes
    radius = np.exp(np.linspace(-12, 12, 200_001))
    points = np.zeros((1, radius.size, axes))
    points[0, :, 0] = radius
    with np.errstate(invalid="ignore"):  # 0/0 where both have underflowed
        ratio = arrays.flt_ratios(spectrum, points, proposal=proposal)[0]
    shell = (2, 2 * pi, 4 * pi)[axes - 1] * radius**axes * (radius[1] / radius[0] - 1)
    own = {"gaussian": Normal(1 / (2 * pi * 0.8))}.get(name.split(" by ")[0], Student(5, 1 / (2 * pi * 0.7)))
    g = density_of(own, radius, axes)
    return float(np.sum(np.where(g > 0, g * ratio * shell, 0)))


def density_of(source, radius, axes):
    """Normal and Student densities at a radius, written again."""
    if isinstance(source, Normal):
        return (2 * pi * source.scale**2) ** (-axes / 2) * np.exp(-((radius / source.scale) ** 2) / 2)
    peak = gamma((source.dof + axes) / 2) / gamma(source.dof / 2) / (source.dof * pi * source.scale**2) ** (axes / 2)
    return peak * (1 + (radius / source.scale) ** 2 / source.dof) ** (-(source.dof + axes) / 2)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", PAIRS)
def test_features_have_the_mean_of_the_fourier_pair(name, axes):
    spectrum, proposal, wanted, _ = PAIRS[name]
    spectrum = mixture(axes) if spectrum == "mixture" else spectrum
    points = np.array([[0.0, 0.0, 0.0], [0.4, -0.3, 0.1], [1.1, 0.2, -0.6]])[:, :axes]
    points = np.round(3 * points) if isinstance(spectrum, Dirichlet) else points
    xi = arrays.flt_frequencies(ONE, spectrum, 1, DRAWS, axes, seed=5, proposal=proposal)
    rho = arrays.flt_ratios(spectrum, xi, proposal=proposal)
    s = arrays.flt_features(points, xi, rho, "query")[0]
    u = arrays.flt_features(np.zeros((1, axes)), xi, rho, "key")[0]
    samples = (s * u).reshape(3, 2, DRAWS).sum(1) * DRAWS
    for row, point in zip(samples, points, strict=True):
        variance = max(second_moment(name, axes) - wanted(point) ** 2, 1e-20)
        assert close_in_mean(row, wanted(point), variance)


@pytest.mark.parametrize("library", LIBRARIES)
def test_frequencies_of_the_tent_have_its_density(library):
    module, there, back = LIBRARIES[library]
    drawn = np.sort(back(module.flt_frequencies(there(ONE), Tent(1.5), 1, DRAWS, 1, seed=2)).ravel())
    grid = np.linspace(-40, 40, 800_001)
    density = 1.5 * np.sinc(1.5 * grid) ** 2
    beyond = 1 / (2 * 1.5 * pi**2 * 40)  # sin² is ½ on average
    wanted = beyond + np.cumsum((density[1:] + density[:-1]) / 2) * (grid[1] - grid[0])
    found = np.searchsorted(drawn, grid[1:]) / DRAWS
    assert np.abs(found - wanted).max() < np.sqrt(np.log(2e12) / 2 / DRAWS)  # Massart: false alarm 1e-12


def test_the_pairs_are_told_apart():
    points = np.array([[0.7]])
    xi = arrays.flt_frequencies(ONE, mixture(1), 1, DRAWS, 1, seed=5)
    rho = arrays.flt_ratios(mixture(1), xi)
    squared = rho[0] ** 2 * np.cos(2 * pi * xi[0, :, 0] * 0.7)
    assert not close_in_mean(squared, mixture_values(points[0]), second_moment("mixture", 1))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("split", ["symmetric", "key"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_features_are_the_definition(library, split, axes):
    module, there, back = LIBRARIES[library]
    xi, rho = rng.standard_normal((2, 5, axes)), rng.standard_normal((2, 5))
    points = rng.standard_normal((3, 4, axes)) * 10
    query, key = (
        back(module.flt_features(there(points), there(xi), there(rho), side, split=split)) for side in ("query", "key")
    )
    for b, h, i, j in np.ndindex(3, 2, 4, 4):
        angle = 2 * pi * xi[h] @ (points[b, i] - points[b, j])
        assert abs(query[b, h, i] @ key[b, h, j] - np.mean(rho[h] * np.cos(angle))) < 1e-12
    if split == "symmetric":
        assert np.abs((query**2).sum(-1) - np.abs(rho).mean(-1)[:, None]).max() < 1e-12
        assert np.abs((key**2).sum(-1) - np.abs(rho).mean(-1)[:, None]).max() < 1e-12


@pytest.mark.parametrize("name", PAIRS)
def test_every_library_draws_the_same_frequencies_and_ratios(name):
    spectrum, proposal, *_ = PAIRS[name]
    found = []
    for module, there, back in LIBRARIES.values():
        own = mixture(2, there) if spectrum == "mixture" else spectrum
        xi = module.flt_frequencies(there(ONE), own, 2, 7, 2, seed=3, proposal=proposal)
        found.append((back(xi), back(module.flt_ratios(own, xi, proposal=proposal))))
    for xi, rho in found[1:]:
        assert np.allclose(xi, found[0][0], rtol=1e-12, atol=1e-15)
        assert np.allclose(rho, found[0][1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_the_grid_is_exact_for_every_f(library, n):
    module, there, back = LIBRARIES[library]
    values, positions = rng.standard_normal((2, 2 * n - 1)), rng.permutation(n) + 1000
    query, key = (back(module.flt_grid(there(positions), there(values), side)) for side in ("query", "key"))
    wanted = values[:, n - 1 + positions[:, None] - positions[None, :]]
    assert query.shape == (2, n, 2 * n)
    assert np.abs(query @ np.swapaxes(key, -1, -2) - wanted).max() < 1e-12 * max(1, n)
