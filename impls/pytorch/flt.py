"""FLT: random Fourier features of a relative mask f, whose products have the mean f(query's point − key's point).

f(x) = ∫ g(ξ) e^{2πi ξ·x} dξ is estimated by (1/r) Σ_l ρ_l cos(2π ξ_l·x), ρ = g/p, ξ_l ~ p. Choromanski et al., Learning
a Fourier transform for linear relative positional encodings, AISTATS 2024, arXiv 2302.01925.
"""

from typing import Any

import torch
from torch import Tensor

from ..coverage import check_axes, check_points, check_spectrum
from ..fourier_densities import Dirichlet, GaussianMixture, SmoothedBox, followed, proposal_density, spectrum_density
from ..frequencies import draw
from ..philox import check_count
from ..spe_shapes import check_side
from .noise import normals, uniforms
from .phases import cosines


def flt_frequencies(
    like: Tensor, spectrum: Any, heads: int, r: int, axes: int, *, seed: int, proposal: Any = None
) -> Tensor:
    """ξ (heads, r, axes), float64 cycles on the device of `like`, drawn from `proposal` (Normal, Student) or, None,
    from the spectrum's own density (N(0, I) for a mixture). Number l of a head does not depend on r.

    spectrum: a record of `impls.fourier_densities`. Raises ValueError: r = 0, ∫ g²/p = ∞, a box or a ball.
    """
    _check(spectrum, proposal, axes)
    rows = torch.arange(check_count("flt", "r", r), device=like.device)

    def one(head: int) -> Tensor:
        found: Tensor = draw(
            torch,
            spectrum,
            proposal,
            axes,
            lambda kind, count: normals(like, rows, count, seed=seed, kind=kind, head=head),
            lambda kind, count: uniforms(like, rows, count, seed=seed, kind=kind, head=head),
        )
        return found

    return torch.stack([one(head) for head in range(check_count("flt", "heads", heads))])


def flt_ratios(spectrum: Any, frequencies: Tensor, *, proposal: Any = None) -> Tensor:
    """ρ = g/p (heads, r) at frequencies from `flt_frequencies` with the same proposal; either sign. Errors as there.

    Where p is g itself (Gaussian, Laplace, Matérn, tent without a proposal) ρ is f(0) = 1. A GaussianMixture of tensors
    is learnable: ρ has its gradient.
    """
    _check(spectrum, proposal, frequencies.shape[-1])
    if proposal is None and not isinstance(spectrum, GaussianMixture | SmoothedBox | Dirichlet):
        return torch.ones_like(frequencies[..., 0])
    density: Tensor = spectrum_density(torch, spectrum, frequencies)
    if isinstance(spectrum, Dirichlet):
        return density
    ratios: Tensor = density / proposal_density(torch, proposal or followed(spectrum), frequencies)
    return ratios


def flt_features(
    points: Any,
    frequencies: Tensor,
    ratios: Tensor,
    side: str,
    *,
    dtype: torch.dtype | None = None,
    split: str = "symmetric",
) -> Tensor:
    """s (query) or u (key), ([batch,] heads, n, 2 r), cosines, sines: s_i·u_j = (1/r) Σ_l ρ_l cos 2π ξ_l·(x_i − x_j).

    points (n,), (n, axes) or (batch, n, axes), real or integers, or a list of points; frequencies (heads, r, axes),
    ratios (heads, r). split "symmetric": √(|ρ|/r) on both sides and the sign on the key's, best under FAVOR+; "key":
    all of ρ/r on the key's side, with a gradient also where ρ = 0 (the square root has none there: it is taken as 0).
    dtype None is float64. Raises ValueError, one line each.
    """
    check_side("flt", side)
    if split not in ("symmetric", "key"):
        raise ValueError(f"flt: split must be symmetric or key, got {split}")
    places = _points(points, frequencies)
    cos, sin = cosines(frequencies[:, None], places[..., None, :, None, :])
    ratios = ratios.to(torch.float64)
    count = check_count("flt", "r", ratios.shape[-1])
    if split == "key":
        weights = ratios / count if side == "key" else torch.ones_like(ratios)
    else:
        nothing = ratios == 0
        weights = torch.sqrt(torch.where(nothing, 1.0, ratios.abs() / count))
        weights = torch.where(nothing, 0.0, weights * (ratios.sign() if side == "key" else 1.0))
    features = torch.cat([cos, sin], -1) * torch.cat([weights, weights], -1)[:, None]
    return features if dtype is None else features.to(dtype)


def flt_grid(positions: Tensor, values: Tensor, side: str) -> Tensor:
    """Features (heads, n, 2 N) with s_i·u_j = f(i − j) exactly, from 2N − 1 frequencies k/(2N − 1); any real f.

    values (heads, 2N − 1): f at the lags −(N − 1) … N − 1, query minus key; positions (n,) integers less than N apart.
    Cosines of k = 0 … N − 1, then sines; float64. Raises ValueError for an even number of values.
    """
    check_side("flt", side)
    total = values.shape[-1]
    if total % 2 == 0:
        raise ValueError(f"flt: values must hold an odd number of lags, got {total}")
    half, whole = total // 2, positions.to(torch.int64)
    if int(whole.max() - whole.min()) > half:
        raise ValueError(f"flt: positions must lie within {half} of each other, got {int(whole.max() - whole.min())}")
    index = torch.arange(half + 1, device=values.device)
    turns = ((whole[:, None] * index) % total).to(torch.float64)[..., None] / total
    cos, sin = cosines(torch.ones_like(turns), turns)
    if side == "query":
        return torch.cat([cos, sin], -1).expand(values.shape[0], -1, -1)
    ordered = torch.cat([values[:, half:], values[:, :half]], -1).to(torch.float64)
    amplitude = torch.fft.rfft(ordered) * ((2 - (index == 0).to(torch.float64)) / total)
    real, imaginary = amplitude.real[:, None], amplitude.imag[:, None]
    return torch.cat([real * cos + imaginary * sin, real * sin - imaginary * cos], -1)


def _points(points: Any, frequencies: Tensor) -> Tensor:
    """Points (…, n, axes), with as many coordinates as the frequencies."""
    if frequencies.ndim != 3:
        raise ValueError(f"flt: frequencies must be (heads, r, axes), got shape {tuple(frequencies.shape)}")
    if isinstance(points, (list, tuple)):
        check_points("flt", points)
        points = torch.tensor(points, dtype=torch.float64, device=frequencies.device)
    places: Tensor = points[:, None] if points.ndim == 1 else points
    check_axes("flt", places.shape[-1], frequencies.shape[-1])
    return places


def _check(spectrum: Any, proposal: Any, axes: int) -> None:
    sigma = None
    if isinstance(spectrum, GaussianMixture) and not torch.compiler.is_compiling():
        check_axes("flt", axes, spectrum.means.shape[-1])
        sigmas = spectrum.sigmas.detach()
        if not bool((sigmas > 0).all()):
            raise ValueError(f"flt: sigmas must be positive, got {float(sigmas.min()):g}")
        sigma = float(torch.where(spectrum.weights == 0, 0.0, sigmas).max())
    check_spectrum("flt", spectrum, proposal, axes, sigma)
