"""Dense attention, quadratic and plain: scores, softmax attention, and the weighted sums of linear attention."""

from typing import Any

import array_api_compat

from .attention import KINDS, Encode, ahead, checked, divided, grouped
from .common import Array, namespace, working
from .features import FeatureMap
from .features import feature_map as named_map


def scores(q: Array, k: Array, scale: float | None = None) -> Array:
    """scale · q̂ k̂ᵀ, (batch, heads, n_q, n_k), of encoded queries and keys; scale None is 1.

    The result is float64 for float64, else float32: scores are not squeezed into a narrow dtype.
    """
    xp = namespace("scores", q, k)
    dtype = working(xp, q.dtype)
    left = grouped(xp, xp.astype(q, dtype, copy=False), k.shape[1])
    return _flat(xp, _products(xp, left, xp.astype(k, dtype, copy=False), scale))


def dense_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    causal: bool = False,
    scale: float | None = None,
    kind: str = "softmax",
    feature_map: FeatureMap = None,
    denominator: str = "plain",
    encode_query: Encode = None,
    encode_key: Encode = None,
    query_positions: Array | None = None,
    key_positions: Array | None = None,
) -> Array:
    """Attention by the full score matrix, (batch, heads, n_q, d_v) in the dtype of q.

    First φ = feature_map (linear kinds only), then the encodings x → x̂. kind: "softmax" of scale · q̂·k̂, scale None
    is 1/√dim; "linear" Σ (q̂·k̂) v over Σ φ(q)·φ(k) (denominator="plain") or Σ q̂·k̂ ("encoded", for encodings whose
    scores are claimed positive), where a scale cancels; "norm-linear" scale · Σ (q̂·k̂) v, scale None is 1.
    causal: a key is seen if its position is not after the query's; without positions, by index, the queries being the
    last rows. A row that sees no key, or whose denominator is zero, raises ZeroDivisionError.
    """
    where = "dense_attention"
    xp, dtype = checked(where, q, k, v, kind, KINDS)
    phi = named_map(where, xp, feature_map)
    if kind == "softmax" and feature_map is not None:
        raise ValueError(f"{where}: softmax has no feature_map, got {feature_map}")
    check_denominator(where, denominator)
    left, right = (phi(xp.astype(x, dtype, copy=False)) for x in (q, k))
    Q = grouped(xp, left if encode_query is None else encode_query(left), k.shape[1])
    K = right if encode_key is None else encode_key(right)
    seen = _seen(xp, where, q, k, query_positions, key_positions) if causal else None
    values = xp.astype(v, dtype, copy=False)[:, :, None, :, :]
    if kind == "softmax":
        weights, total = _exponentials(xp, _products(xp, Q, K, q.shape[-1] ** -0.5 if scale is None else scale), seen)
    else:
        weights = _hidden(xp, _products(xp, Q, K, scale if kind == "norm-linear" else None), seen)
        plain = kind == "linear" and denominator == "plain"
        content = _hidden(xp, _products(xp, grouped(xp, left, k.shape[1]), right, None), seen) if plain else weights
        total = xp.sum(content, axis=-1)
    out = xp.matmul(weights, values)
    out = out if kind == "norm-linear" else divided(where, xp, out, total)
    return xp.astype(_flat(xp, out), q.dtype, copy=False)


def check_denominator(where: str, denominator: str) -> None:
    """ValueError unless it is one of the two."""
    if denominator not in ("plain", "encoded"):
        raise ValueError(f"{where}: denominator must be plain or encoded, got {denominator}")


def _products(xp: Any, q: Array, k: Array, scale: float | None) -> Array:
    product = xp.matmul(q, xp.matrix_transpose(k)[:, :, None, :, :])
    return product if scale is None else product * scale


def _hidden(xp: Any, weights: Array, seen: Array | None) -> Array:
    return weights if seen is None else xp.where(seen, weights, xp.zeros_like(weights))


def _exponentials(xp: Any, logits: Array, seen: Array | None) -> tuple[Array, Array]:
    if seen is not None:
        logits = xp.where(seen, logits, -xp.inf)
    largest = xp.max(logits, axis=-1, keepdims=True)
    largest = xp.where(xp.isfinite(largest), largest, xp.zeros_like(largest))  # a row without keys, an infinite score
    weights = xp.exp(logits - largest)
    return weights, xp.sum(weights, axis=-1)


def _seen(xp: Any, where: str, q: Array, k: Array, query_positions: Array | None, key_positions: Array | None) -> Array:
    """Whether query i sees key j, broadcastable to (batch, kv_heads, group, n_q, n_k)."""
    if (query_positions is None) != (key_positions is None):
        raise ValueError(f"{where}: give both query_positions and key_positions, or neither")
    if query_positions is None or key_positions is None:
        rows = xp.arange(q.shape[-2], dtype=xp.int64, device=array_api_compat.device(q)) + ahead(where, q, k)
        return rows[:, None] >= xp.arange(k.shape[-2], dtype=xp.int64, device=array_api_compat.device(k))[None, :]
    seen = query_positions[..., :, None] >= key_positions[..., None, :]
    return seen if seen.ndim == 2 else seen[:, None, None, :, :]


def _flat(xp: Any, x: Array) -> Array:
    return xp.reshape(x, (x.shape[0], x.shape[1] * x.shape[2], *x.shape[3:]))
