"""Whether random frequencies from p estimate ∫ g e^{2πi ξ·x} dξ with a finite variance: ∫ g²/p < ∞, from the tails.

Two Gaussian tails: σ² < 2 scale². Two power laws |ξ|^−a and |ξ|^−b in R^axes: 2a − b > axes. A power law under a
Gaussian p: never. A jump of f makes g not integrable, and then no p at all will do (Cauchy and Schwarz).
"""

from dataclasses import astuple, is_dataclass
from math import isfinite
from typing import Any

from .fourier_densities import (
    Ball,
    Box,
    Dirichlet,
    GaussianKernel,
    GaussianMixture,
    Matern,
    Normal,
    SmoothedBox,
    Spectrum,
    Student,
    followed,
)


def check_spectrum(where: str, spectrum: Any, proposal: Any, axes: int, sigma: float | None) -> None:
    """ValueError, one line, unless p covers g on R^axes; sigma is the largest of a mixture that carries a weight.

    proposal None is the spectrum's own density, N(0, I) for a mixture, 1 on the unit cube for Dirichlet.
    """
    if axes not in (1, 2, 3):
        raise ValueError(f"{where}: points must have 1, 2 or 3 coordinates, got {axes}")
    if isinstance(spectrum, Box | Ball):
        name = type(spectrum).__name__.lower()
        raise ValueError(
            f"{where}: {name} on R^{axes} has infinite variance for every p, because f jumps;"
            " use SmoothedBox, Tent, or Dirichlet on integer points"
        )
    if not isinstance(spectrum, Spectrum):
        raise TypeError(f"{where}: spectrum must be one of impls.fourier_densities, got {type(spectrum).__name__}")
    _check_numbers(where, spectrum)
    if proposal is not None:
        _check_proposal(where, proposal)
    if isinstance(spectrum, Dirichlet) and proposal is not None:
        raise ValueError(f"{where}: Dirichlet draws from p = 1 on [-1/2, 1/2], got p = {proposal}")
    if isinstance(spectrum, GaussianMixture) or proposal is not None:
        source = proposal or followed(spectrum)
        reason = _gap(spectrum, source, axes, sigma)
        if reason is not None:
            raise ValueError(f"{where}: p = {source} does not cover g: {reason}")


def _gap(spectrum: Any, proposal: Any, axes: int, sigma: float | None) -> str | None:
    """Why ∫ g²/p is infinite, or None when it is finite."""
    if isinstance(spectrum, GaussianMixture | GaussianKernel | SmoothedBox):
        own = followed(spectrum)
        wide = (sigma or 0.0) if isinstance(spectrum, GaussianMixture) or own is None else own.scale
        if isinstance(proposal, Student) or wide * wide < 2 * proposal.scale**2:
            return None
        return f"its Gaussian tail needs sigma < {2**0.5 * proposal.scale:.6g}, got {wide:.6g}"
    if isinstance(proposal, Normal):
        return "a Gaussian p is too thin for a power-law tail; take p=None or Student"
    if isinstance(spectrum, Matern):
        # |ξ|^−(2ν + axes) against |ξ|^−(dof + axes)
        limit = 4 * spectrum.nu
    else:
        # along one axis |ξ|^−2 against |ξ|^−(dof + axes): 1 − 4 + dof + axes < 0
        limit = 3.0 - axes
        if axes > 1:
            return f"no Student p covers a product of power-law tails in R^{axes}; take p=None"
    return None if proposal.dof < limit else f"its power-law tail needs dof < {limit:g}, got {proposal.dof}"


def _check_numbers(where: str, spectrum: Any) -> None:
    if isinstance(spectrum, GaussianMixture):
        return
    if isinstance(spectrum, Matern) and spectrum.nu not in (0.5, 1.5, 2.5):
        raise ValueError(f"{where}: nu of Matern must be 0.5, 1.5 or 2.5, got {spectrum.nu}")
    if isinstance(spectrum, Dirichlet):
        if isinstance(spectrum.width, bool) or not isinstance(spectrum.width, int) or spectrum.width < 0:
            raise ValueError(f"{where}: width of Dirichlet must be an integer of at least 0, got {spectrum.width!r}")
        return
    _check_positive(where, spectrum)


def _check_proposal(where: str, proposal: Any) -> None:
    if not isinstance(proposal, Normal | Student):
        raise TypeError(f"{where}: proposal must be Normal, Student or None, got {type(proposal).__name__}")
    if isinstance(proposal, Student) and (not isinstance(proposal.dof, int) or proposal.dof < 1):
        raise ValueError(f"{where}: dof of Student must be an integer of at least 1, got {proposal.dof!r}")
    _check_positive(where, proposal)


def _check_positive(where: str, record: Any) -> None:
    assert is_dataclass(record)
    for name, value in zip(record.__dataclass_fields__, astuple(record), strict=True):  # type: ignore[arg-type]
        if not (isinstance(value, (int, float)) and isfinite(value) and value > 0):
            raise ValueError(f"{where}: {name} of {type(record).__name__} must be a positive number, got {value!r}")


def check_points(where: str, points: Any) -> None:
    """ValueError unless a list of points is of numbers alone, or of points with equally many coordinates."""
    counts = {len(point) if isinstance(point, (list, tuple)) else 0 for point in points}
    if len(counts) > 1:
        listed = " and ".join(str(count or 1) for count in sorted(counts))
        raise ValueError(f"{where}: points must all have one number of coordinates, got {listed}")


def check_axes(where: str, points: int, frequencies: int) -> None:
    """ValueError unless points and frequencies have equally many coordinates."""
    if points != frequencies:
        raise ValueError(f"{where}: points have {points} coordinates and frequencies {frequencies}")
