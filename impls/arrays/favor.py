"""FAVOR+: positive random features whose products have the mean exp(x·y); and attention through features made last.

φ(x)_i = M^(-1/2) exp(w_i·x − |x|²/2), w ~ N(0, I); their variance is (e^{|x+y|²} − 1) e^{2 x·y} / M for independent
rows. Choromanski et al., Rethinking attention with Performers, arXiv 2009.14794.
"""

from collections.abc import Callable
from typing import Any

import array_api_compat

from ..philox import check_count
from .attention import Bound, bind, grouped
from .common import Array, namespace, working
from .features import FeatureMap
from .features import feature_map as named_map
from .linear import linear_attention
from .noise import by_head


def favor_projection(
    like: Array, heads: int, features: int, width: int, *, seed: int, orthogonal: bool = True
) -> Array:
    """w, (heads, features, width): N(0, I) rows in the dtype and on the device of `like`.

    orthogonal: blocks of `width` rows are made orthogonal, each row with the length of an independent N(0, I) vector,
    so that one row alone keeps its distribution. Raises ValueError for counts below 1.
    """
    xp = array_api_compat.array_namespace(like)
    wide = xp.asarray([0.0], dtype=xp.float64, device=array_api_compat.device(like))
    for name, count in (("heads", heads), ("features", features), ("width", width)):
        check_count("favor_projection", name, count)
    if not orthogonal:
        drawn = by_head("favor_projection", wide, "favor", (heads, features, 1, width), seed)[:, :, 0, :]
        return xp.astype(drawn, like.dtype)
    blocks = -(-features // width)
    drawn = by_head("favor_projection", wide, "favor", (heads, blocks, width, width), seed)
    turned, upper = xp.linalg.qr(drawn)
    signs = xp.sign(xp.linalg.diagonal(upper))  # the one QR whose R has a positive diagonal: equal in every library
    rows = xp.matrix_transpose(turned * signs[..., None, :])
    sizes = by_head("favor_projection", wide, "favor-norm", (heads, blocks * width, 1, width), seed)[:, :, 0, :]
    lengths = xp.sqrt(xp.sum(sizes * sizes, axis=-1, keepdims=True))
    rows = xp.reshape(rows, (heads, blocks * width, width)) * lengths
    return xp.astype(rows[:, :features, :], like.dtype)


def favor(x: Array, projection: Array, *, shift: float | str = 0.0) -> Array:
    """φ(x) e^(−shift), (batch, heads, length, M) in the dtype of x, with E φ(x)·φ(y) = exp(x·y) at shift 0.

    x (batch, heads, length, width), its scale already in it (dim^(-1/4) a side for softmax); projection (heads, M,
    width), whose heads divide those of x. shift: a number taken from the exponent, or "row", the largest exponent of
    each row: right for queries, where it cancels in the normalised ratio, wrong for keys. Raises ValueError.
    """
    where = "favor"
    xp = namespace(where, x, projection)
    if projection.ndim != 3 or 0 in projection.shape or x.ndim != 4 or x.shape[-1] != projection.shape[-1]:
        raise ValueError(
            f"{where}: x (batch, heads, length, width) and projection (heads, features, width) must agree in width,"
            f" got {tuple(x.shape)} and {tuple(projection.shape)}"
        )
    heads, dtype = projection.shape[0], working(xp, x.dtype)
    if x.shape[1] % heads:
        raise ValueError(f"{where}: the projection's heads must divide heads = {x.shape[1]}, got {heads}")
    if isinstance(shift, str) and shift != "row":
        raise ValueError(f"{where}: shift must be a number or row, got {shift}")
    rows = grouped(xp, xp.astype(x, dtype, copy=False), heads)
    across = xp.matrix_transpose(xp.astype(projection, dtype, copy=False))[:, None, :, :]
    exponent = xp.matmul(rows, across) - xp.sum(rows * rows, axis=-1, keepdims=True) / 2
    exponent = exponent - (xp.max(exponent, axis=-1, keepdims=True) if isinstance(shift, str) else shift)
    features = xp.exp(exponent) * projection.shape[1] ** -0.5
    return xp.astype(xp.reshape(features, (*x.shape[:-1], projection.shape[1])), x.dtype, copy=False)


def feature_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    encode_query: Bound,
    encode_key: Bound,
    feature_map: FeatureMap | tuple[Callable[[Array], Array], Callable[[Array], Array]] = None,
    **options: Any,
) -> Any:
    """Linear attention whose feature map comes after the encoding: o_s = Σ φ(q̂_s)·φ(k̂_t) v_t / Σ φ(q̂_s)·φ(k̂_t).

    What SPE with ReLU or FAVOR+ features, and FLT, need; everything is formed chunk by chunk. encode_query and
    encode_key are made by `bind`; feature_map: None, a name (relu, elu+1, exp) or a function, or one for each side.
    options: causal, form, chunk, carry, epsilon, as in `linear_attention`, whose shapes and errors these are.
    """
    xp = namespace("feature_attention", q, k, v)
    sides = feature_map if isinstance(feature_map, tuple) else (feature_map, feature_map)
    maps = [named_map("feature_attention", xp, side) for side in sides]
    ends = [_then(encode, phi) for encode, phi in zip((encode_query, encode_key), maps, strict=True)]
    return linear_attention(q, k, v, encode_query=ends[0], encode_key=ends[1], denominator="encoded", **options)


def _then(encode: Bound, phi: Callable[[Array], Array]) -> Bound:
    return bind(lambda x, positions: phi(encode.encode(x, positions)), encode.positions, encode.axes)
