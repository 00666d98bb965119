"""Additive biases by lag, (heads, n_q, n_k) from positions: ALiBi, T5 buckets, KERPLE, FIRE, Sandwich.

Distances are formed in the positions' own arithmetic (integers exactly), the rest in float64, then one cast. `causal`
means distance max(s − t, 0): keys after the query have distance 0 and are for the attention to hide; otherwise |s − t|.
"""

from collections.abc import Sequence
from typing import Any

import array_api_compat

from ..lags import alibi_slopes, named_positive, sandwich_frequencies, sandwich_scales, t5_side, t5_table
from .common import Array, constant

Numbers = Sequence[float] | Array


def distances(where: str, query_positions: Array, key_positions: Array, causal: bool) -> tuple[Any, Array]:
    """(namespace, distances (n_q, n_k)) with the dtype of the positions, (n_q,) and (n_k,)."""
    xp = array_api_compat.array_namespace(query_positions, key_positions)
    for name, positions in (("query_positions", query_positions), ("key_positions", key_positions)):
        if positions.ndim != 1:
            raise ValueError(f"{where}: {name} must be (length,), got shape {tuple(positions.shape)}")
        if not xp.isdtype(positions.dtype, ("signed integer", "real floating")):
            raise TypeError(f"{where}: {name} must be signed integers or real numbers, got {positions.dtype}")
    lag = query_positions[:, None] - key_positions[None, :]
    return xp, xp.maximum(lag, xp.zeros_like(lag)) if causal else xp.abs(lag)


def per_head(where: str, xp: Any, name: str, values: Numbers, like: Array, zero: bool = False) -> Array:
    """Numbers, one a head, as (heads, 1, 1) float64; ValueError when one is not positive (or, with zero, negative)."""
    held: Array = values if hasattr(values, "dtype") else constant(xp, list(values), xp.float64, like)
    if held.ndim != 1:
        raise ValueError(f"{where}: {name} must be (heads,), got shape {tuple(held.shape)}")
    named_positive(where, name, [float(held[h]) for h in range(held.shape[0])], zero)
    return xp.astype(held, xp.float64, copy=False)[:, None, None]


def alibi(
    query_positions: Array,
    key_positions: Array,
    *,
    heads: int | None = None,
    slopes: Numbers | None = None,
    causal: bool = True,
    dtype: Any = None,
) -> Array:
    """−m_h · distance; slopes m ≥ 0 given, or those of `heads` heads (2^(−8h/H), also for other head counts).

    dtype None is float32, here and below. Press, Smith and Lewis, arXiv 2108.12409. Raises ValueError for a negative
    slope, and for both or neither of heads and slopes.
    """
    xp, distance = distances("alibi", query_positions, key_positions, causal)
    if (heads is None) == (slopes is None):
        raise ValueError("alibi: give heads or slopes, one of them")
    values: Numbers = alibi_slopes(heads or 0) if slopes is None else slopes
    m = per_head("alibi", xp, "slopes", values, query_positions, zero=True)
    return _cast(xp, -m * xp.astype(distance, xp.float64, copy=False), dtype)


def t5_buckets(
    query_positions: Array, key_positions: Array, *, causal: bool, num_buckets: int = 32, max_distance: int = 128
) -> Array:
    """Bucket numbers (n_q, n_k), int64: thresholds decided in integers; bidirectional keys after the query add B/2.

    Positions are integers. Raffel et al., arXiv 1910.10683.
    """
    side = t5_side(causal, num_buckets, max_distance)
    xp, distance = distances("t5", query_positions, key_positions, causal)
    if not xp.isdtype(distance.dtype, "integral"):
        raise TypeError(f"t5: positions must be integers, got {distance.dtype}")
    table = constant(xp, t5_table(causal, num_buckets, max_distance), xp.int64, query_positions)
    near = xp.astype(xp.clip(distance, 0, max_distance), xp.int64)
    buckets = xp.reshape(xp.take(table, xp.reshape(near, (-1,)), axis=0), near.shape)
    after = key_positions[None, :] > query_positions[:, None]
    return buckets if causal else buckets + side * xp.astype(after, xp.int64)


def t5(query_positions: Array, key_positions: Array, weight: Array, *, causal: bool, max_distance: int = 128) -> Array:
    """weight[bucket, head] of a table (num_buckets, heads), in its dtype. T5 adds it to unscaled q·k."""
    if weight.ndim != 2:
        raise ValueError(f"t5: weight must be (num_buckets, heads), got shape {tuple(weight.shape)}")
    xp = array_api_compat.array_namespace(query_positions, weight)
    buckets = t5_buckets(
        query_positions, key_positions, causal=causal, num_buckets=weight.shape[0], max_distance=max_distance
    )
    rows = xp.take(weight, xp.reshape(buckets, (-1,)), axis=0)
    return xp.permute_dims(xp.reshape(rows, (*buckets.shape, weight.shape[1])), (2, 0, 1))


def kerple(
    query_positions: Array,
    key_positions: Array,
    r1: Numbers,
    r2: Numbers,
    *,
    kind: str = "log",
    causal: bool = True,
    dtype: Any = None,
) -> Array:
    """kind "log": −r1 ln(1 + r2 · distance), r1, r2 > 0; "power": −r1 · distance^r2, 0 < r2 ≤ 2; one of each a head.

    Chi et al., arXiv 2205.09921. Raises ValueError outside these ranges.
    """
    if kind not in ("log", "power"):
        raise ValueError(f"kerple: kind must be log or power, got {kind}")
    xp, distance = distances("kerple", query_positions, key_positions, causal)
    first = per_head("kerple", xp, "r1", r1, query_positions)
    second = per_head("kerple", xp, "r2", r2, query_positions)
    if first.shape != second.shape:
        raise ValueError(f"kerple: r1 and r2 must have one number a head, got {first.shape[0]} and {second.shape[0]}")
    if kind == "power" and float(xp.max(second)) > 2:
        raise ValueError(f"kerple: r2 must be at most 2 for power, got {float(xp.max(second))}")
    far = xp.astype(distance, xp.float64, copy=False)
    return _cast(xp, -first * (xp.log1p(second * far) if kind == "log" else far**second), dtype)


def fire(
    query_positions: Array,
    key_positions: Array,
    *,
    w1: Array,
    b1: Array,
    w2: Array,
    b2: Array,
    c: float = 0.1,
    threshold: float = 512.0,
    epsilon: float = 1e-6,
    slope: float = 0.0,
    dtype: Any = None,
) -> Array:
    """f(ψ(s − t) / (ψ(max(L, s)) + epsilon)), ψ(x) = ln(|c x| + 1), L = |threshold|, causal; query positions from 0.

    f: w1 (width,) or (width, 1), b1 (width,), ReLU (`slope` below 0, 0.01 in DAPE), w2 (heads, width), b2 (heads,).
    Lag-exact only while s ≤ L. Li et al., arXiv 2310.04418.
    """
    xp, distance = distances("fire", query_positions, key_positions, True)
    if not c > 0:
        raise ValueError(f"fire: c must be more than 0, got {c}")
    w1, b1, w2, b2 = (xp.astype(x, xp.float64, copy=False) for x in (xp.reshape(w1, (-1,)), b1, w2, b2))
    if w2.ndim != 2 or not w1.shape[0] == b1.shape[0] == w2.shape[1] or b2.shape[0] != w2.shape[0]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (w1, b1, w2, b2))
        raise ValueError(f"fire: w1, b1, w2, b2 must be (width,), (width,), (heads, width), (heads,), got {shapes}")
    far = xp.astype(distance, xp.float64, copy=False)
    query = xp.astype(query_positions, xp.float64, copy=False)
    largest = xp.maximum(query, xp.full_like(query, abs(threshold)))
    ratio = xp.log1p(c * far) / (xp.log1p(c * largest) + epsilon)[:, None]
    out = xp.zeros((w2.shape[0], *ratio.shape), dtype=xp.float64, device=ratio.device) + b2[:, None, None]
    for unit in range(w1.shape[0]):  # one (n_q, n_k) at a time, not the whole hidden layer
        hidden = ratio * w1[unit] + b1[unit]
        out = out + w2[:, unit][:, None, None] * xp.where(hidden > 0, hidden, slope * hidden)
    return _cast(xp, out, dtype)


def sandwich(
    query_positions: Array,
    key_positions: Array,
    *,
    heads: int,
    dim: int = 128,
    base: float = 10000.0,
    scales: Numbers | None = None,
    dtype: Any = None,
) -> Array:
    """scale_h (Σ_{p=1}^{dim/2} cos((s − t) base^(−2p/dim)) − dim/2), scale_h = H/(8h); even in the lag.

    Chi et al., arXiv 2212.10356, as released: p starts at 1.
    """
    frequencies = sandwich_frequencies(dim, base)
    xp, distance = distances("sandwich", query_positions, key_positions, False)
    values = sandwich_scales(heads) if scales is None else scales
    factor = per_head("sandwich", xp, "scales", values, query_positions, zero=True)
    if factor.shape[0] != heads:
        raise ValueError(f"sandwich: scales must have {heads} heads, got {factor.shape[0]}")
    far = xp.astype(distance, xp.float64, copy=False)
    total = xp.full_like(far, -dim / 2)
    for frequency in frequencies:
        total += xp.cos(far * frequency)
    return _cast(xp, factor * total, dtype)


def _cast(xp: Any, bias: Array, dtype: Any) -> Array:
    return xp.astype(bias, xp.float32 if dtype is None else dtype, copy=False)
