"""FLT inside attention: exp(scale q·k + f) through positive random features, or f itself times a linear kernel.

The exponential form extends queries and keys, [√scale q; s] and [√scale k; u], and maps them by FAVOR+; the mask form
multiplies every coordinate with every feature (Khatri and Rao), and is exactly linear and exactly relative.
"""

from typing import Any

from ..spe_shapes import check_heads
from .common import Array, namespace, working
from .favor import favor
from .flt import flt_features


def flt_extended(
    x: Array,
    positions: Array,
    side: str,
    *,
    frequencies: Array,
    ratios: Array,
    scale: float | None = None,
    split: str = "symmetric",
) -> Array:
    """[√scale x; s or u], (batch, heads, length, dim + 2 r) in the dtype of x: products are scale q·k + f̂(x_q − x_k).

    x (batch, heads, length, dim); positions, frequencies, ratios, split as in `flt_features`, their heads divide those
    of x. scale None is 1/√dim: dim is the content's, not dim + 2 r. Raises ValueError.
    """
    xp, features = _beside(x, positions, side, frequencies, ratios, split)
    scale = x.shape[-1] ** -0.5 if scale is None else scale
    content = xp.astype(x, features.dtype, copy=False) * scale**0.5
    return xp.astype(xp.concat([content, features], axis=-1), x.dtype, copy=False)


def flt_exp(
    x: Array,
    positions: Array,
    side: str,
    *,
    frequencies: Array,
    ratios: Array,
    projection: Array,
    scale: float | None = None,
    split: str = "symmetric",
    shift: float | str = 0.0,
) -> Array:
    """Positive features (batch, heads, length, M): E of products over `projection` is exp(scale q·k + f̂(x_q − x_k)).

    projection (heads, M, dim + 2 r) of `favor_projection`; shift as in `favor`; the rest as in `flt_extended`.
    """
    extended = flt_extended(x, positions, side, frequencies=frequencies, ratios=ratios, scale=scale, split=split)
    return favor(extended, projection, shift=shift)


def flt_mask(
    x: Array, positions: Array, side: str, *, frequencies: Array, ratios: Array, split: str = "symmetric"
) -> Array:
    """x ⊗ s or u, (batch, heads, length, dim · 2 r): products are (q·k) f̂(x_q − x_k). Any feature map goes before.

    f̂ may be negative, and so may a denominator made of these products. Arguments as in `flt_extended`.
    """
    xp, features = _beside(x, positions, side, frequencies, ratios, split)
    return khatri_rao(xp.astype(x, features.dtype, copy=False), features, dtype=x.dtype)


def khatri_rao(x: Array, features: Array, *, dtype: Any = None) -> Array:
    """Every coordinate of x (…, length, dim) times every feature (…, length, m): (…, length, dim · m), x slowest."""
    xp = namespace("khatri_rao", x, features)
    product = x[..., :, None] * features[..., None, :]
    product = xp.reshape(product, (*product.shape[:-2], x.shape[-1] * features.shape[-1]))
    return product if dtype is None else xp.astype(product, dtype, copy=False)


def _beside(x: Array, positions: Array, side: str, frequencies: Array, ratios: Array, split: str) -> tuple[Any, Array]:
    """(namespace, features in the working dtype, (batch, heads, length, 2 r))."""
    xp = namespace("flt", x, frequencies, ratios)
    check_heads("flt", tuple(x.shape), frequencies.shape[0])
    features = flt_features(positions, frequencies, ratios, side, dtype=working(xp, x.dtype), split=split)
    if features.shape[-2] != x.shape[-2] or (features.ndim == 4 and features.shape[0] not in (1, x.shape[0])):
        raise ValueError(f"flt: there must be a point for each of {x.shape[-2]} rows, got {tuple(features.shape[:-1])}")
    group = x.shape[1] // frequencies.shape[0]
    features = features if features.ndim == 4 else features[None, ...]
    wide = xp.broadcast_to(features[:, :, None, ...], (x.shape[0], features.shape[1], group, *features.shape[2:]))
    return xp, xp.reshape(wide, (*x.shape[:-1], features.shape[-1]))
