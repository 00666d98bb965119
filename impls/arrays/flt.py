"""FLT: random Fourier features of a relative mask f, whose products have the mean f(query's point − key's point).

f(x) = ∫ g(ξ) e^{2πi ξ·x} dξ is estimated by (1/r) Σ_l ρ_l cos(2π ξ_l·x), ρ = g/p, ξ_l ~ p. Choromanski et al., Learning
a Fourier transform for linear relative positional encodings, AISTATS 2024, arXiv 2302.01925.
"""

from typing import Any

import array_api_compat

from ..coverage import check_axes, check_points, check_spectrum
from ..fourier_densities import Dirichlet, GaussianMixture, SmoothedBox, followed, proposal_density, spectrum_density
from ..frequencies import draw
from ..philox import check_count
from ..spe_shapes import check_side
from .common import Array, constant, namespace
from .noise import normals, uniforms
from .phases import cosines


def flt_frequencies(
    like: Array, spectrum: Any, heads: int, r: int, axes: int, *, seed: int, proposal: Any = None
) -> Array:
    """ξ (heads, r, axes), float64 cycles on the device of `like`, drawn from `proposal` (Normal, Student) or, None,
    from the spectrum's own density (N(0, I) for a mixture). Number l of a head does not depend on r.

    spectrum: a record of `impls.fourier_densities`. Raises ValueError: r = 0, ∫ g²/p = ∞, a box or a ball.
    """
    xp = array_api_compat.array_namespace(like)
    _check(xp, spectrum, proposal, axes)
    rows = xp.arange(check_count("flt", "r", r), dtype=xp.int64, device=array_api_compat.device(like))

    def one(head: int) -> Array:
        return draw(
            xp,
            spectrum,
            proposal,
            axes,
            lambda kind, count: normals(like, rows, count, seed=seed, kind=kind, head=head),
            lambda kind, count: uniforms(like, rows, count, seed=seed, kind=kind, head=head),
        )

    return xp.stack([one(head) for head in range(check_count("flt", "heads", heads))])


def flt_ratios(spectrum: Any, frequencies: Array, *, proposal: Any = None) -> Array:
    """ρ = g/p (heads, r) at frequencies from `flt_frequencies` with the same proposal; either sign. Errors as there.

    Where p is g itself (Gaussian, Laplace, Matérn, tent without a proposal) ρ is f(0) = 1.
    """
    xp = array_api_compat.array_namespace(frequencies)
    _check(xp, spectrum, proposal, frequencies.shape[-1])
    if proposal is None and not isinstance(spectrum, GaussianMixture | SmoothedBox | Dirichlet):
        return xp.ones_like(frequencies[..., 0])
    density = spectrum_density(xp, spectrum, frequencies)
    if isinstance(spectrum, Dirichlet):
        return density
    return density / proposal_density(xp, proposal or followed(spectrum), frequencies)


def flt_features(
    points: Array, frequencies: Array, ratios: Array, side: str, *, dtype: Any = None, split: str = "symmetric"
) -> Array:
    """s (query) or u (key), ([batch,] heads, n, 2 r), cosines, sines: s_i·u_j = (1/r) Σ_l ρ_l cos 2π ξ_l·(x_i − x_j).

    points (n,), (n, axes) or (batch, n, axes), real or integers, or a list of points; frequencies (heads, r, axes),
    ratios (heads, r). split "symmetric": √(|ρ|/r) on both sides and the sign on the key's, best under FAVOR+; "key":
    all of ρ/r on the key's side. dtype None is that of the ratios. Raises ValueError, one line each.
    """
    check_side("flt", side)
    if split not in ("symmetric", "key"):
        raise ValueError(f"flt: split must be symmetric or key, got {split}")
    xp, places = _points(points, frequencies)
    cos, sin = cosines(xp, frequencies[:, None, :, :], places[..., None, :, None, :])
    ratios = xp.astype(ratios, xp.float64, copy=False)
    count = check_count("flt", "r", ratios.shape[-1])
    if split == "key":
        weights = ratios / count if side == "key" else xp.ones_like(ratios)
    else:
        weights = xp.sqrt(xp.abs(ratios) / count) * (xp.sign(ratios) if side == "key" else 1.0)
    features = xp.concat([cos, sin], axis=-1) * xp.concat([weights, weights], axis=-1)[:, None, :]
    return features if dtype is None else xp.astype(features, dtype, copy=False)


def flt_grid(positions: Array, values: Array, side: str) -> Array:
    """Features (heads, n, 2 N) with s_i·u_j = f(i − j) exactly, from 2N − 1 frequencies k/(2N − 1); any real f.

    values (heads, 2N − 1): f at the lags −(N − 1) … N − 1, query minus key; positions (n,) integers less than N apart.
    Cosines of k = 0 … N − 1, then sines; float64. Raises ValueError for an even number of values.
    """
    xp, side = namespace("flt", values, positions), check_side("flt", side)
    total = values.shape[-1]
    if total % 2 == 0:
        raise ValueError(f"flt: values must hold an odd number of lags, got {total}")
    half = total // 2
    whole = xp.astype(positions, xp.int64)
    if bool(xp.max(whole) - xp.min(whole) > half):
        raise ValueError(
            f"flt: positions must lie within {half} of each other, got {int(xp.max(whole) - xp.min(whole))}"
        )
    index = xp.arange(half + 1, dtype=xp.int64, device=array_api_compat.device(values))
    turns = xp.astype((whole[:, None] * index) % total, xp.float64)[..., None] / total
    cos, sin = cosines(xp, xp.ones_like(turns), turns)
    if side == "query":
        return xp.concat([cos, sin], axis=-1) + xp.zeros_like(values[:, :1])[:, None, :]
    ordered = xp.concat([values[:, half:], values[:, :half]], axis=-1)
    shares = (2 - xp.astype(index == 0, xp.float64)) / total
    amplitude = xp.fft.rfft(xp.astype(ordered, xp.float64, copy=False), axis=-1)
    real, imaginary = ((part * shares)[:, None, :] for part in (xp.real(amplitude), xp.imag(amplitude)))
    return xp.concat([real * cos + imaginary * sin, real * sin - imaginary * cos], axis=-1)


def _points(points: Any, frequencies: Array) -> tuple[Any, Array]:
    """(namespace, points (…, n, axes)), with as many coordinates as the frequencies."""
    if frequencies.ndim != 3:
        raise ValueError(f"flt: frequencies must be (heads, r, axes), got shape {tuple(frequencies.shape)}")
    if isinstance(points, (list, tuple)):
        check_points("flt", points)
        xp = array_api_compat.array_namespace(frequencies)
        points = constant(xp, points, xp.float64, frequencies)
    xp = array_api_compat.array_namespace(points, frequencies)
    places = points[:, None] if points.ndim == 1 else points
    check_axes("flt", places.shape[-1], frequencies.shape[-1])
    return xp, places


def _check(xp: Any, spectrum: Any, proposal: Any, axes: int) -> None:
    sigma = None
    if isinstance(spectrum, GaussianMixture):
        carried = xp.where(spectrum.weights == 0, xp.zeros_like(spectrum.sigmas), spectrum.sigmas)
        check_axes("flt", axes, spectrum.means.shape[-1])
        sigma = float(xp.max(xp.abs(carried)))
        if not bool(xp.all(spectrum.sigmas > 0)):
            raise ValueError(f"flt: sigmas must be positive, got {float(xp.min(spectrum.sigmas)):g}")
    check_spectrum("flt", spectrum, proposal, axes, sigma)
