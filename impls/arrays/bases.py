"""The constant isometry P of LRPE: identity, Householder, orthonormal DCT-II, unitary DFT, perfect shuffle."""

from math import pi, sqrt
from typing import Any

import array_api_compat

from .common import Array, constant


def apply_basis(xp: Any, x: Array, p: str, v: Array | None) -> tuple[Array, Array | None]:
    """P x in the dtype of x as (real part, imaginary part or None); x is (..., dim), v is (dim,)."""
    if p == "identity":
        return x, None
    if p == "householder":
        return householder(xp, x, v), None
    if p == "shuffle":
        return _shuffled(xp, x), None
    if p == "dct":
        return xp.matmul(x, xp.astype(_dct(xp, x), x.dtype, copy=False)), None
    if p == "dft":
        real, imaginary = _dft(xp, x)
        return tuple(xp.matmul(x, xp.astype(part, x.dtype, copy=False)) for part in (real, imaginary))
    raise ValueError(f"lrpe: p must be identity, householder, dct, dft or shuffle, got {p}")


def householder(xp: Any, x: Array, v: Array | None) -> Array:
    """(I − 2 v vᵀ / (v·v)) x by two dot products; v is divided by max |v| first: no square under- or overflows."""
    if v is None:
        raise ValueError("lrpe: p=householder needs v")
    v = constant(xp, list(v), xp.float64, x) if isinstance(v, (list, tuple)) else xp.astype(v, xp.float64)
    if tuple(v.shape) != (x.shape[-1],):
        raise ValueError(f"lrpe: v must have shape ({x.shape[-1]},), got {tuple(v.shape)}")
    largest = xp.max(xp.abs(v))
    if not float(largest) > 0:
        raise ValueError("lrpe: v must be a nonzero vector, got zero" if float(largest) == 0 else "lrpe: v has a NaN")
    v = v / largest
    v = v / xp.sqrt(xp.sum(v * v))
    unit = xp.astype(v, x.dtype, copy=False)
    return x - 2 * xp.matmul(x, unit[:, None]) * unit


def _shuffled(xp: Any, x: Array) -> Array:
    """y[2k] = x[k], y[2k + 1] = x[k + ceil(dim/2)]."""
    dim = x.shape[-1]
    order = [j // 2 + (j % 2) * ((dim + 1) // 2) for j in range(dim)]
    return xp.take(x, constant(xp, order, xp.int64, x), axis=-1)


def _dct(xp: Any, x: Array) -> Array:
    """Cᵀ with C_kj = √(2/d) c_k cos(π (2j + 1) k / 2d), c_0 = 1/√2, in float64."""
    d = x.shape[-1]
    k = xp.arange(d, dtype=xp.int64, device=array_api_compat.device(x))
    scale = constant(xp, [sqrt(1 / d)] + [sqrt(2 / d)] * (d - 1), xp.float64, x)
    return _cosine(xp, (2 * k[:, None] + 1) * k, 4 * d) * scale


def _dft(xp: Any, x: Array) -> tuple[Array, Array]:
    """(Re F, Im F) with F_kj = d^(-1/2) e^(−2πi kj/d), symmetric, in float64."""
    d = x.shape[-1]
    k = xp.arange(d, dtype=xp.int64, device=array_api_compat.device(x))
    quarters = 4 * k[:, None] * k  # a quarter turn is d units of 1/(4d) turn: −sin a = cos(a + a quarter turn)
    return _cosine(xp, quarters, 4 * d) / sqrt(d), _cosine(xp, quarters + d, 4 * d) / sqrt(d)


def _cosine(xp: Any, units: Array, turn: int) -> Array:
    """cos(2π units / turn) for integers, folded to the first quarter exactly; turn is a multiple of 4."""
    units = units % turn
    units = xp.where(2 * units > turn, turn - units, units)
    flip = 4 * units > turn
    folded = xp.where(flip, turn // 2 - units, units)
    value = xp.where(4 * folded == turn, 0.0, xp.cos(xp.astype(folded, xp.float64) * (2 * pi / turn)))
    return xp.where(flip, -value, value)
