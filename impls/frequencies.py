"""Random frequencies of FLT from normals and uniforms: one text for every library, the namespace is an argument."""

from collections.abc import Callable
from math import pi
from typing import Any

from .fourier_densities import Dirichlet, Laplace, Normal, Tent, followed

Array = Any
Draw = Callable[[str, int], Array]  # (kind, count) → (r, count)
_ATTEMPTS = 40  # each is taken with probability π/4: all forty fail once in 5e26


def draw(xp: Any, spectrum: Any, proposal: Any, axes: int, normals: Draw, uniforms: Draw) -> Array:
    """ξ (r, axes), float64, from the proposal, or from the spectrum's own density when it is None."""
    source = proposal or followed(spectrum)
    if isinstance(source, Normal):
        return normals("flt", axes) * source.scale
    if source is not None:
        chi = normals("flt-dof", source.dof)
        return normals("flt", axes) * (source.dof / xp.sum(chi * chi, axis=-1)[:, None]) ** 0.5 * source.scale
    if isinstance(spectrum, Laplace):  # a Cauchy number for each axis
        return normals("flt", axes) / xp.abs(normals("flt-dof", axes)) * (spectrum.rate / (2 * pi))
    if isinstance(spectrum, Dirichlet):
        return uniforms("flt-local", axes) - 0.5
    assert isinstance(spectrum, Tent)
    return _fejer(xp, uniforms("flt-local", 2 * _ATTEMPTS * axes), axes) / (2 * pi * spectrum.width)


def _fejer(xp: Any, uniform: Array, axes: int) -> Array:
    """u (r, axes) with density (1 − cos u) / πu², by rejection from min(1/2, 2/u²)/π: half flat, half in the tails."""
    found: Array = 0
    for attempt in reversed(range(_ATTEMPTS)):
        at = 2 * axes * attempt
        side, height = 4 * uniform[:, at : at + axes] - 2, uniform[:, at + axes : at + 2 * axes]
        inner = xp.abs(side) <= 1
        tail = xp.where(inner | (xp.abs(side) == 2), xp.ones_like(side), 2 - xp.abs(side))
        u = xp.where(inner, 2 * side, xp.sign(side) * 2 / tail)
        u = xp.where(u == 0, xp.ones_like(u) * 1e-9, u)
        bound = xp.where(inner, xp.ones_like(u) / 2, 2 / (u * u))
        found = xp.where(height * bound <= 2 * (xp.sin(u / 2) / u) ** 2, u, found + xp.zeros_like(u))
    return found
