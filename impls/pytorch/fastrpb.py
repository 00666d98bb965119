"""FastRPB: O = Att(Q, K, V) + W v with W Toeplitz and outside the softmax; and SIKF, its linear attention.

W_ij = w_{j−i}, lag key minus query (the paper prints w_{i−j}); on a grid W = W_x ⊗ J + J ⊗ W_y with the same w on both
axes. Zubkov and Gavrilov, arXiv 2202.11364.
"""

from typing import Any

import torch
from torch import Tensor

from ..lags import starting_row
from .common import floating, working
from .dense import dense_attention
from .linear import linear_attention
from .toeplitz import product

KINDS = ("softmax", "linear", "norm-linear", "sikf")
STABILISERS = ("max", "mean", "none")


def fastrpb(
    v: Tensor,
    w: Tensor,
    n_q: int | None = None,
    *,
    symmetric: bool = False,
    causal: bool = False,
    query_start: int | None = None,
    grid: tuple[int, int] | None = None,
    channels: int = 1,
) -> Tensor:
    """W v, (batch, heads, n_q, d_v) in the dtype of v: add it to the output of any attention. O(N log N), w is O(N).

    v (batch, kv_heads, n_k, d_v). w (heads, 2M − 1), the lags −(M − 1) … M − 1 in order; symmetric: (heads, M), the
    distances 0 … M − 1. Longer inputs need more parameters and give the old ones the same lags (`fastrpb_extended`).
    Query i stands at key query_start + i: None is 0, with causal n_k − n_q. causal: keys after the query count nothing.
    grid (X, Y): tokens row-major, `channels` values a cell, channel last and never mixed; no causal, no n_q.
    """
    where = "fastrpb"
    floating(where, v)
    w = mirrored(w) if symmetric else w
    if grid is None and channels == 1:
        rows = v.shape[-2] if n_q is None else n_q
        start = starting_row(where, rows, v.shape[-2], query_start, causal)
        return product(where, w, v, (rows,), (v.shape[-2],), (start,), causal)
    if causal or n_q is not None or query_start is not None:
        raise ValueError(f"{where}: a grid takes no causal, n_q or query_start")
    if grid is None:
        raise ValueError(f"{where}: channels need a grid, got channels = {channels}")
    return _on_grid(where, v, w, grid, channels)


def mirrored(w: Tensor) -> Tensor:
    """w_0 … w_{M−1} → w_{M−1} … w_1, w_0, w_1 … w_{M−1}."""
    return torch.cat([w[..., 1:].flip(-1), w], -1)


def fastrpb_extended(w: Tensor, length: int, *, symmetric: bool = False) -> Tensor:
    """w for `length` positions: old lags keep their parameters, new ones are zero; a shorter length drops far ones."""
    held = w.shape[-1] if symmetric else w.shape[-1] // 2 + 1
    if length < 1:
        raise ValueError(f"fastrpb: length must be at least 1, got {length}")
    if length <= held:
        return w[..., :length] if symmetric else w[..., held - length : held + length - 1]
    return torch.nn.functional.pad(w, (0 if symmetric else length - held, length - held))


def _on_grid(where: str, v: Tensor, w: Tensor, grid: tuple[int, int], channels: int) -> Tensor:
    height, width = grid
    if v.shape[-2] != height * width * channels:
        wanted = f"{height * width * channels} tokens of grid {grid} with {channels} channels"
        raise ValueError(f"{where}: v must hold {wanted}, got shape {tuple(v.shape)}")
    cells = v.reshape(*v.shape[:-2], height, width, channels * v.shape[-1]).to(working(v.dtype))
    down = product(where, w, cells.sum(-2), (height,), (height,), (0,), False)  # sums of the rows, mixed along x
    along = product(where, w, cells.sum(-3), (width,), (width,), (0,), False)
    both = down[..., :, None, :] + along[..., None, :, :]
    return both.reshape(*down.shape[:-2], v.shape[-2], v.shape[-1]).to(v.dtype)


def sikf(x: Tensor, shift: Tensor | None = None) -> Tensor:
    """φ(x) = exp(x − shift), the scalar-shift-invariant kernel feature; shift None is the maximum of each head.

    Attention with φ on both sides does not change when one number is added to all entries of a head's q or k: exact
    without epsilon. x (batch, heads, length, dim); shift broadcasts against it.
    """
    floating("sikf", x)
    x = x.to(working(x.dtype))
    return torch.exp(x - (x.detach().amax((-2, -1), keepdim=True) if shift is None else shift))


def sikf_attention(
    q: Tensor, k: Tensor, v: Tensor, *, causal: bool = False, epsilon: float = 0.0, stabiliser: str = "max", **form: Any
) -> Any:
    """Linear attention with φ = exp, O(N): Σ φ(q)·φ(k) v / (Σ φ(q)·φ(k) + epsilon), (batch, heads, n_q, d_v).

    stabiliser, numbers that leave the result alone when epsilon = 0: "max" (of each row of q, of k per head), "mean"
    (as released: the sum of the means of a head, subtracted from both) or "none". With epsilon > 0 the result depends
    on it, and on a shift. `form`: form, chunk, carry of `linear_attention`; a carry needs stabiliser="none".
    """
    if stabiliser not in STABILISERS:
        raise ValueError(f"sikf: stabiliser must be max, mean or none, got {stabiliser}")
    if epsilon < 0:
        raise ValueError(f"sikf: epsilon must be at least 0, got {epsilon}")
    if stabiliser != "none" and form.get("carry") not in (None, False):
        raise ValueError(f"sikf: a carry needs stabiliser=none, got {stabiliser}")
    dtype = working(q.dtype)
    wide = [x.to(dtype) for x in (q, k, v)]
    shifts = _shifts(wide[0], wide[1], stabiliser)
    left, right = (sikf(x, shift) for x, shift in zip(wide, shifts, strict=False))
    out = linear_attention(left, right, wide[2], causal=causal, epsilon=epsilon, **form)
    return (out[0].to(q.dtype), out[1]) if isinstance(out, tuple) else out.to(q.dtype)


def _shifts(q: Tensor, k: Tensor, stabiliser: str) -> tuple[Tensor | None, Tensor | None]:
    if stabiliser == "none" or 0 in (*q.shape, *k.shape):
        return q.new_zeros(()), q.new_zeros(())
    if stabiliser == "max":
        return q.detach().amax(-1, keepdim=True), None
    of_q, of_k = (x.mean((-2, -1), keepdim=True) for x in (q, k))
    if q.shape[1] != k.shape[1]:
        raise ValueError(f"sikf: stabiliser=mean needs as many key heads as heads, got {k.shape[1]} and {q.shape[1]}")
    return of_q + of_k, of_q + of_k


def fastrpb_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    w: Tensor,
    *,
    kind: str = "softmax",
    causal: bool = False,
    symmetric: bool = False,
    **attention: Any,
) -> Tensor:
    """Att(q, k, v) + W v; Att is dense for kind "softmax", linear for "linear" and "norm-linear", or "sikf".

    `attention`: further arguments of `dense_attention`, `linear_attention` or `sikf_attention` (scale, feature_map,
    encode_query, …). Causal rows go by index; with more keys than queries the queries are the last rows.
    """
    if kind not in KINDS:
        raise ValueError(f"fastrpb: kind must be {' or '.join(KINDS)}, got {kind}")
    mixed = fastrpb(v, w, q.shape[-2], symmetric=symmetric, causal=causal)
    if kind == "softmax":
        mixed = mixed + dense_attention(q, k, v, causal=causal, **attention)
    elif kind == "sikf":
        mixed = mixed + sikf_attention(q, k, v, causal=causal, **attention)
    else:
        mixed = mixed + linear_attention(q, k, v, causal=causal, kind=kind, **attention)
    return mixed
