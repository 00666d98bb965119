"""FastRPB: O = Att(Q, K, V) + W v with W Toeplitz and outside the softmax; and SIKF, its linear attention.

W_ij = w_{j−i}, lag key minus query (the paper prints w_{i−j}); on a grid W = W_x ⊗ J + J ⊗ W_y with the same w on both
axes. Zubkov and Gavrilov, arXiv 2202.11364.
"""

from typing import Any

from ..lags import starting_row
from .common import Array, namespace, working
from .dense import dense_attention
from .linear import linear_attention
from .toeplitz import product

KINDS = ("softmax", "linear", "norm-linear", "sikf")
STABILISERS = ("max", "mean", "none")


def fastrpb(
    v: Array,
    w: Array,
    n_q: int | None = None,
    *,
    symmetric: bool = False,
    causal: bool = False,
    query_start: int | None = None,
    grid: tuple[int, int] | None = None,
    channels: int = 1,
) -> Array:
    """W v, (batch, heads, n_q, d_v) in the dtype of v: add it to the output of any attention. O(N log N), w is O(N).

    v (batch, kv_heads, n_k, d_v). w (heads, 2M − 1), the lags −(M − 1) … M − 1 in order; symmetric: (heads, M), the
    distances 0 … M − 1. Longer inputs need more parameters and give the old ones the same lags (`fastrpb_extended`).
    Query i stands at key query_start + i: None is 0, with causal n_k − n_q. causal: keys after the query count nothing.
    grid (X, Y): tokens row-major, `channels` values a cell, channel last and never mixed; no causal, no n_q.
    """
    where = "fastrpb"
    xp = namespace(where, v, w)
    w = mirrored(xp, w) if symmetric else w
    if grid is None and channels == 1:
        rows = v.shape[-2] if n_q is None else n_q
        start = starting_row(where, rows, v.shape[-2], query_start, causal)
        return product(where, w, v, (rows,), (v.shape[-2],), (start,), causal)
    if causal or n_q is not None or query_start is not None:
        raise ValueError(f"{where}: a grid takes no causal, n_q or query_start")
    if grid is None:
        raise ValueError(f"{where}: channels need a grid, got channels = {channels}")
    return _on_grid(xp, where, v, w, grid, channels)


def mirrored(xp: Any, w: Array) -> Array:
    """w_0 … w_{M−1} → w_{M−1} … w_1, w_0, w_1 … w_{M−1}."""
    return xp.concat([xp.flip(w[..., 1:], axis=-1), w], axis=-1)


def fastrpb_extended(w: Array, length: int, *, symmetric: bool = False) -> Array:
    """w for `length` positions: old lags keep their parameters, new ones are zero; a shorter length drops far ones."""
    xp = namespace("fastrpb", w)
    held = w.shape[-1] if symmetric else w.shape[-1] // 2 + 1
    if length < 1:
        raise ValueError(f"fastrpb: length must be at least 1, got {length}")
    if length <= held:
        return w[..., :length] if symmetric else w[..., held - length : held + length - 1]
    zeros = xp.zeros((*w.shape[:-1], length - held), dtype=w.dtype, device=w.device)
    return xp.concat([w, zeros] if symmetric else [zeros, w, zeros], axis=-1)


def _on_grid(xp: Any, where: str, v: Array, w: Array, grid: tuple[int, int], channels: int) -> Array:
    height, width = grid
    if v.shape[-2] != height * width * channels:
        wanted = f"{height * width * channels} tokens of grid {grid} with {channels} channels"
        raise ValueError(f"{where}: v must hold {wanted}, got shape {tuple(v.shape)}")
    cells = xp.reshape(v, (*v.shape[:-2], height, width, channels * v.shape[-1]))
    cells = xp.astype(cells, working(xp, v.dtype), copy=False)
    down = product(
        where, w, xp.sum(cells, axis=-2), (height,), (height,), (0,), False
    )  # sums of the rows, mixed along x
    along = product(where, w, xp.sum(cells, axis=-3), (width,), (width,), (0,), False)
    both = down[..., :, None, :] + along[..., None, :, :]
    return xp.astype(xp.reshape(both, (*down.shape[:-2], v.shape[-2], v.shape[-1])), v.dtype, copy=False)


def sikf(x: Array, shift: Array | None = None) -> Array:
    """φ(x) = exp(x − shift), the scalar-shift-invariant kernel feature; shift None is the maximum of each head.

    Attention with φ on both sides does not change when one number is added to all entries of a head's q or k: exact
    without epsilon. x (batch, heads, length, dim); shift broadcasts against it.
    """
    xp = namespace("sikf", x)
    x = xp.astype(x, working(xp, x.dtype), copy=False)
    return xp.exp(x - (xp.max(x, axis=(-2, -1), keepdims=True) if shift is None else shift))


def sikf_attention(
    q: Array, k: Array, v: Array, *, causal: bool = False, epsilon: float = 0.0, stabiliser: str = "max", **form: Any
) -> Array:
    """Linear attention with φ = exp, O(N): Σ φ(q)·φ(k) v / (Σ φ(q)·φ(k) + epsilon), (batch, heads, n_q, d_v).

    stabiliser, numbers that leave the result alone when epsilon = 0: "max" (of each row of q, of k per head), "mean"
    (as released: the sum of the means of a head, subtracted from both) or "none". With epsilon > 0 the result depends
    on it, and on a shift. `form`: form, chunk, carry of `linear_attention`; a carry needs stabiliser="none".
    """
    xp = namespace("sikf", q, k, v)
    if stabiliser not in STABILISERS:
        raise ValueError(f"sikf: stabiliser must be max, mean or none, got {stabiliser}")
    if epsilon < 0:
        raise ValueError(f"sikf: epsilon must be at least 0, got {epsilon}")
    if stabiliser != "none" and form.get("carry") not in (None, False):
        raise ValueError(f"sikf: a carry needs stabiliser=none, got {stabiliser}")
    dtype = working(xp, q.dtype)
    wide = [xp.astype(x, dtype, copy=False) for x in (q, k, v)]
    shifts = _shifts(xp, wide[0], wide[1], stabiliser)
    features = [sikf(x, shift) for x, shift in zip(wide, shifts, strict=False)]
    out = linear_attention(features[0], features[1], wide[2], causal=causal, epsilon=epsilon, **form)
    return (xp.astype(out[0], q.dtype, copy=False), out[1]) if isinstance(out, tuple) else xp.astype(out, q.dtype)


def _shifts(xp: Any, q: Array, k: Array, stabiliser: str) -> tuple[Array | float | None, Array | float | None]:
    if stabiliser == "none" or 0 in (*q.shape, *k.shape):
        return 0.0, 0.0
    if stabiliser == "max":
        return xp.max(q, axis=-1, keepdims=True), None
    of_q, of_k = (xp.mean(x, axis=(-2, -1), keepdims=True) for x in (q, k))
    if q.shape[1] != k.shape[1]:
        raise ValueError(f"sikf: stabiliser=mean needs as many key heads as heads, got {k.shape[1]} and {q.shape[1]}")
    return of_q + of_k, of_q + of_k


def fastrpb_attention(
    q: Array,
    k: Array,
    v: Array,
    w: Array,
    *,
    kind: str = "softmax",
    causal: bool = False,
    symmetric: bool = False,
    **attention: Any,
) -> Array:
    """Att(q, k, v) + W v; Att is dense for kind "softmax", linear for "linear" and "norm-linear", or "sikf".

    `attention`: further arguments of `dense_attention`, `linear_attention` or `sikf_attention` (scale, feature_map,
    encode_query, …). Causal rows go by index; with more keys than queries the queries are the last rows.
    """
    if kind not in KINDS:
        raise ValueError(f"fastrpb: kind must be {' or '.join(KINDS)}, got {kind}")
    mixed = fastrpb(v, w, q.shape[-2], symmetric=symmetric, causal=causal)
    if kind == "softmax":
        return dense_attention(q, k, v, causal=causal, **attention) + mixed
    if kind == "sikf":
        return sikf_attention(q, k, v, causal=causal, **attention) + mixed
    return linear_attention(q, k, v, causal=causal, kind=kind, **attention) + mixed
