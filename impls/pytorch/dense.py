"""Dense attention, quadratic and plain: scores, softmax attention, and the weighted sums of linear attention."""

import torch
from torch import Tensor

from .attention import KINDS, Encode, ahead, checked, divided, grouped
from .common import floating, working
from .features import FeatureMap
from .features import feature_map as named_map


def scores(q: Tensor, k: Tensor, scale: float | None = None) -> Tensor:
    """scale · q̂ k̂ᵀ, (batch, heads, n_q, n_k), of encoded queries and keys; scale None is 1.

    The result is float64 for float64, else float32: scores are not squeezed into a narrow dtype.
    """
    floating("scores", q)
    dtype = working(q.dtype)
    return _products(grouped(q.to(dtype), k.shape[1]), k.to(dtype), scale).flatten(1, 2)


def dense_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    causal: bool = False,
    scale: float | None = None,
    kind: str = "softmax",
    feature_map: FeatureMap = None,
    denominator: str = "plain",
    encode_query: Encode = None,
    encode_key: Encode = None,
    query_positions: Tensor | None = None,
    key_positions: Tensor | None = None,
) -> Tensor:
    """Attention by the full score matrix, (batch, heads, n_q, d_v) in the dtype of q.

    First φ = feature_map (linear kinds only), then the encodings x → x̂. kind: "softmax" of scale · q̂·k̂, scale None
    is 1/√dim; "linear" Σ (q̂·k̂) v over Σ φ(q)·φ(k) (denominator="plain") or Σ q̂·k̂ ("encoded", for encodings whose
    scores are claimed positive), where a scale cancels; "norm-linear" scale · Σ (q̂·k̂) v, scale None is 1.
    causal: a key is seen if its position is not after the query's; without positions, by index, the queries being the
    last rows. A row that sees no key, or whose denominator is zero, raises ZeroDivisionError.
    """
    where = "dense_attention"
    dtype = checked(where, q, k, v, kind, KINDS)
    phi = named_map(where, feature_map)
    if kind == "softmax" and feature_map is not None:
        raise ValueError(f"{where}: softmax has no feature_map, got {feature_map}")
    check_denominator(where, denominator)
    left, right = (phi(x.to(dtype)) for x in (q, k))
    Q = grouped(left if encode_query is None else encode_query(left), k.shape[1])
    K = right if encode_key is None else encode_key(right)
    seen = _seen(where, q, k, query_positions, key_positions) if causal else None
    values = v.to(dtype)[:, :, None]
    if kind == "softmax":
        weights, total = _exponentials(_products(Q, K, q.shape[-1] ** -0.5 if scale is None else scale), seen)
    else:
        weights = _hidden(_products(Q, K, scale if kind == "norm-linear" else None), seen)
        plain = kind == "linear" and denominator == "plain"
        content = _hidden(_products(grouped(left, k.shape[1]), right, None), seen) if plain else weights
        total = content.sum(-1)
    out = weights @ values
    out = out if kind == "norm-linear" else divided(where, out, total)
    return out.flatten(1, 2).to(q.dtype)


def check_denominator(where: str, denominator: str) -> None:
    """ValueError unless it is one of the two."""
    if denominator not in ("plain", "encoded"):
        raise ValueError(f"{where}: denominator must be plain or encoded, got {denominator}")


def _products(q: Tensor, k: Tensor, scale: float | None) -> Tensor:
    product = q @ k.mT[:, :, None]
    return product if scale is None else product * scale


def _hidden(weights: Tensor, seen: Tensor | None) -> Tensor:
    return weights if seen is None else torch.where(seen, weights, 0.0)


def _exponentials(logits: Tensor, seen: Tensor | None) -> tuple[Tensor, Tensor]:
    if seen is not None:
        logits = torch.where(seen, logits, -torch.inf)
    largest = logits.detach().amax(-1, keepdim=True)
    largest = torch.where(torch.isfinite(largest), largest, 0.0)  # a row without keys, an infinite score
    weights = torch.exp(logits - largest)
    return weights, weights.sum(-1)


def _seen(where: str, q: Tensor, k: Tensor, query_positions: Tensor | None, key_positions: Tensor | None) -> Tensor:
    """Whether query i sees key j, broadcastable to (batch, kv_heads, group, n_q, n_k)."""
    if (query_positions is None) != (key_positions is None):
        raise ValueError(f"{where}: give both query_positions and key_positions, or neither")
    if query_positions is None or key_positions is None:
        rows = torch.arange(q.shape[-2], device=q.device) + ahead(where, q, k)
        return rows[:, None] >= torch.arange(k.shape[-2], device=k.device)
    seen = query_positions[..., :, None] >= key_positions[..., None, :]
    return seen if seen.ndim == 2 else seen[:, None, None]
