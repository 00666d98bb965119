"""FLT inside attention: exp(scale q·k + f) through positive random features, or f itself times a linear kernel.

The exponential form extends queries and keys, [√scale q; s] and [√scale k; u], and maps them by FAVOR+; the mask form
multiplies every coordinate with every feature (Khatri and Rao), and is exactly linear and exactly relative.
"""

import torch
from torch import Tensor

from ..spe_shapes import check_heads
from .common import floating, working
from .favor import favor
from .flt import flt_features


def flt_extended(
    x: Tensor,
    positions: Tensor,
    side: str,
    *,
    frequencies: Tensor,
    ratios: Tensor,
    scale: float | None = None,
    split: str = "symmetric",
) -> Tensor:
    """[√scale x; s or u], (batch, heads, length, dim + 2 r) in the dtype of x: products are scale q·k + f̂(x_q − x_k).

    x (batch, heads, length, dim); positions, frequencies, ratios, split as in `flt_features`, their heads divide those
    of x. scale None is 1/√dim: dim is the content's, not dim + 2 r. Raises ValueError.
    """
    features = _beside(x, positions, side, frequencies, ratios, split)
    scale = x.shape[-1] ** -0.5 if scale is None else scale
    return torch.cat([x.to(features.dtype) * scale**0.5, features], -1).to(x.dtype)


def flt_exp(
    x: Tensor,
    positions: Tensor,
    side: str,
    *,
    frequencies: Tensor,
    ratios: Tensor,
    projection: Tensor,
    scale: float | None = None,
    split: str = "symmetric",
    shift: float | str = 0.0,
) -> Tensor:
    """Positive features (batch, heads, length, M): E of products over `projection` is exp(scale q·k + f̂(x_q − x_k)).

    projection (heads, M, dim + 2 r) of `favor_projection`; shift as in `favor`; the rest as in `flt_extended`.
    """
    extended = flt_extended(x, positions, side, frequencies=frequencies, ratios=ratios, scale=scale, split=split)
    return favor(extended, projection, shift=shift)


def flt_mask(
    x: Tensor, positions: Tensor, side: str, *, frequencies: Tensor, ratios: Tensor, split: str = "symmetric"
) -> Tensor:
    """x ⊗ s or u, (batch, heads, length, dim · 2 r): products are (q·k) f̂(x_q − x_k). Any feature map goes before.

    f̂ may be negative, and so may a denominator made of these products. Arguments as in `flt_extended`.
    """
    features = _beside(x, positions, side, frequencies, ratios, split)
    return khatri_rao(x.to(features.dtype), features, dtype=x.dtype)


def khatri_rao(x: Tensor, features: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    """Every coordinate of x (…, length, dim) times every feature (…, length, m): (…, length, dim · m), x slowest."""
    product = (x[..., :, None] * features[..., None, :]).flatten(-2)
    return product if dtype is None else product.to(dtype)


def _beside(x: Tensor, positions: Tensor, side: str, frequencies: Tensor, ratios: Tensor, split: str) -> Tensor:
    """Features in the working dtype, (batch, heads, length, 2 r)."""
    floating("flt", x)
    check_heads("flt", tuple(x.shape), frequencies.shape[0])
    features = flt_features(positions, frequencies, ratios, side, dtype=working(x.dtype), split=split)
    if features.shape[-2] != x.shape[-2] or (features.ndim == 4 and features.shape[0] not in (1, x.shape[0])):
        raise ValueError(f"flt: there must be a point for each of {x.shape[-2]} rows, got {tuple(features.shape[:-1])}")
    features = features if features.ndim == 4 else features[None]
    group = x.shape[1] // frequencies.shape[0]
    return features[:, :, None].expand(x.shape[0], -1, group, -1, -1).flatten(1, 2)
