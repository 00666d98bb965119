"""Spectra g of FLT masks and densities p to draw frequencies from, their formulas, and whether p covers g.

f(x) = ∫ g(ξ) e^{2πi ξ·x} dξ, x the query's point minus the key's, ξ in cycles. The formulas take the namespace of the
arrays (a standard array library, or torch), so that there is one text of each. Choromanski et al., Learning a Fourier
transform for linear relative positional encodings, AISTATS 2024, arXiv 2302.01925.
"""

from dataclasses import dataclass
from math import gamma, pi
from typing import Any

Array = Any


@dataclass(frozen=True, eq=False)
class GaussianMixture:
    """g = Σ_t w_t exp(−|ξ − μ_t|² / 2σ_t²): weights (…, T), means (…, T, axes), sigmas (…, T) > 0, … a head or nothing.

    f(x) = Σ_t w_t (2πσ_t²)^(axes/2) exp(−2π²σ_t²|x|²) cos(2π μ_t·x); weights of either sign.
    """

    weights: Array
    means: Array
    sigmas: Array


@dataclass(frozen=True)
class GaussianKernel:
    """f(x) = exp(−|x|² / 2 length²)."""

    length: float


@dataclass(frozen=True)
class Laplace:
    """f(x) = exp(−rate Σ_k |x_k|), a product over axes; for exp(−|x|/length) in |x| take Matern(0.5, length)."""

    rate: float


@dataclass(frozen=True)
class Matern:
    """The Matérn kernel with f(0) = 1, nu in {1/2, 3/2, 5/2}; its spectrum is Student's density with 2 nu degrees."""

    nu: float
    length: float


@dataclass(frozen=True)
class Tent:
    """f(x) = ∏_k max(0, 1 − |x_k| / width)."""

    width: float


@dataclass(frozen=True)
class SmoothedBox:
    """f(x) = ∏_k ½ [erf((x_k + width)/√2 tau) − erf((x_k − width)/√2 tau)]: the box of half-width `width`, blurred."""

    width: float
    tau: float


@dataclass(frozen=True)
class Dirichlet:
    """f(x) = ∏_k 1[|x_k| ≤ width] at integer points: the box on the grid, ξ in [−½, ½] with p = 1."""

    width: int


@dataclass(frozen=True)
class Box:
    """f(x) = ∏_k 1[|x_k| ≤ width] on R^axes. Refused: its variance is infinite for every p."""

    width: float


@dataclass(frozen=True)
class Ball:
    """f(x) = 1[|x| ≤ width] on R^axes. Refused: its variance is infinite for every p."""

    width: float


@dataclass(frozen=True)
class Normal:
    """p = N(0, scale² I)."""

    scale: float


@dataclass(frozen=True)
class Student:
    """p = Student's density in R^axes, `dof` degrees of freedom (an integer): tails |ξ|^−(dof + axes)."""

    dof: int
    scale: float


Spectrum = GaussianMixture | GaussianKernel | Laplace | Matern | Tent | SmoothedBox | Dirichlet | Box | Ball
Proposal = Normal | Student


def spectrum_density(xp: Any, spectrum: Any, points: Array) -> Array:
    """g(ξ) at points (heads, r, axes), float64, (heads, r)."""
    if isinstance(spectrum, GaussianMixture):
        return _mixture(xp, spectrum, points)
    if isinstance(spectrum, GaussianKernel | Matern):
        return proposal_density(xp, followed(spectrum), points)
    if isinstance(spectrum, Laplace):
        scale = spectrum.rate / (2 * pi)
        return _product(1 / (pi * scale * (1 + (points / scale) ** 2)))
    if isinstance(spectrum, Tent):
        return _product(spectrum.width * _sinc(xp, spectrum.width * points) ** 2)
    if isinstance(spectrum, SmoothedBox):
        blur = xp.exp(-2 * (pi * spectrum.tau * points) ** 2)
        return _product(2 * spectrum.width * _sinc(xp, 2 * spectrum.width * points) * blur)
    size = 2 * spectrum.width + 1
    return _product(size * _sinc(xp, size * points) / _sinc(xp, points))


def proposal_density(xp: Any, proposal: Any, points: Array) -> Array:
    """p(ξ) at points (heads, r, axes), (heads, r): with (2π)^(−axes/2) and Γ as they should be, for every axes."""
    axes, square = points.shape[-1], xp.sum(points * points, axis=-1)
    if isinstance(proposal, Normal):
        return xp.exp(square * (-0.5 / proposal.scale**2)) * (2 * pi * proposal.scale**2) ** (-axes / 2)
    dof, scale = proposal.dof, proposal.scale
    peak = gamma((dof + axes) / 2) / (gamma(dof / 2) * (dof * pi) ** (axes / 2) * scale**axes)
    return peak * (1 + square / (dof * scale**2)) ** (-(dof + axes) / 2)


def followed(spectrum: Any) -> Proposal | None:
    """The density of R^axes that frequencies follow when no other is given; None where it is a product over axes."""
    if isinstance(spectrum, GaussianMixture):
        return Normal(1.0)
    if isinstance(spectrum, GaussianKernel):
        return Normal(1 / (2 * pi * spectrum.length))
    if isinstance(spectrum, Matern):
        return Student(round(2 * spectrum.nu), 1 / (2 * pi * spectrum.length))
    return Normal(1 / (2 * pi * spectrum.tau)) if isinstance(spectrum, SmoothedBox) else None


def _mixture(xp: Any, spectrum: GaussianMixture, points: Array) -> Array:
    away = points[..., :, None, :] - spectrum.means[..., None, :, :]
    square = xp.sum(away * away, axis=-1)
    sigmas = spectrum.sigmas[..., None, :]
    return xp.sum(spectrum.weights[..., None, :] * xp.exp(-square / (2 * sigmas * sigmas)), axis=-1)


def _sinc(xp: Any, u: Array) -> Array:
    """sin(πu) / πu, with its value 1 at 0."""
    safe = xp.where(u == 0, xp.ones_like(u), u)
    return xp.where(u == 0, xp.ones_like(u), xp.sin(pi * safe) / (pi * safe))


def _product(values: Array) -> Array:
    product = values[..., 0]
    for axis in range(1, values.shape[-1]):
        product = product * values[..., axis]
    return product
