"""The constant isometry P of LRPE: identity, Householder, orthonormal DCT-II, unitary DFT, perfect shuffle."""

from collections.abc import Sequence
from math import pi, sqrt

import torch
from torch import Tensor


def apply_basis(x: Tensor, p: str, v: Tensor | Sequence[float] | None) -> tuple[Tensor, Tensor | None]:
    """P x in the dtype of x as (real part, imaginary part or None); x is (..., dim), v is (dim,)."""
    if p == "identity":
        return x, None
    if p == "householder":
        return householder(x, v), None
    if p == "shuffle":
        return _shuffled(x), None
    if p not in ("dct", "dft"):
        raise ValueError(f"lrpe: p must be identity, householder, dct, dft or shuffle, got {p}")
    with torch.autocast(x.device.type, enabled=False):  # autocast would round the table to a narrow dtype
        if p == "dct":
            return x @ _dct(x).to(x.dtype), None
        real, imaginary = _dft(x)
        return x @ real.to(x.dtype), x @ imaginary.to(x.dtype)


def householder(x: Tensor, v: Tensor | Sequence[float] | None) -> Tensor:
    """(I − 2 v vᵀ / (v·v)) x by two dot products; v is divided by max |v| first: no square under- or overflows.

    The gradient reaches v; P does not depend on the length of v, so the divisor is held constant.
    """
    if v is None:
        raise ValueError("lrpe: p=householder needs v")
    v = v.to(torch.float64) if isinstance(v, Tensor) else torch.tensor(v, dtype=torch.float64, device=x.device)
    if v.shape != (x.shape[-1],):
        raise ValueError(f"lrpe: v must have shape ({x.shape[-1]},), got {tuple(v.shape)}")
    largest = v.detach().abs().amax()
    if not torch.compiler.is_compiling() and not v.is_meta and not bool(largest > 0):
        raise ValueError("lrpe: v must be a nonzero vector, got zero" if bool(largest == 0) else "lrpe: v has a NaN")
    v = v / largest
    unit = (v / (v * v).sum().sqrt()).to(x.dtype)
    return x - 2 * (x * unit).sum(-1, keepdim=True) * unit


def _shuffled(x: Tensor) -> Tensor:
    """y[2k] = x[k], y[2k + 1] = x[k + ceil(dim/2)]."""
    dim = x.shape[-1]
    order = [j // 2 + (j % 2) * ((dim + 1) // 2) for j in range(dim)]
    return x.index_select(-1, torch.tensor(order, device=x.device))


def _dct(x: Tensor) -> Tensor:
    """Cᵀ with C_kj = √(2/d) c_k cos(π (2j + 1) k / 2d), c_0 = 1/√2, in float64."""
    d = x.shape[-1]
    k = torch.arange(d, device=x.device)
    scale = torch.tensor([sqrt(1 / d)] + [sqrt(2 / d)] * (d - 1), dtype=torch.float64, device=x.device)
    return _cosine((2 * k[:, None] + 1) * k, 4 * d) * scale


def _dft(x: Tensor) -> tuple[Tensor, Tensor]:
    """(Re F, Im F) with F_kj = d^(-1/2) e^(−2πi kj/d), symmetric, in float64."""
    d = x.shape[-1]
    k = torch.arange(d, device=x.device)
    quarters = 4 * k[:, None] * k  # a quarter turn is d units of 1/(4d) turn: −sin a = cos(a + a quarter turn)
    return _cosine(quarters, 4 * d) / sqrt(d), _cosine(quarters + d, 4 * d) / sqrt(d)


def _cosine(units: Tensor, turn: int) -> Tensor:
    """cos(2π units / turn) for integers, folded to the first quarter exactly; turn is a multiple of 4."""
    units = units % turn
    units = torch.where(2 * units > turn, turn - units, units)
    flip = 4 * units > turn
    folded = torch.where(flip, turn // 2 - units, units)
    value = torch.cos(folded.to(torch.float64) * (2 * pi / turn))
    value = torch.where(4 * folded == turn, torch.zeros_like(value), value)
    return torch.where(flip, -value, value)
