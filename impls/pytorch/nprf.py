"""NPRF: kernelised attention with relative positions, weights e^{b_{j−i}} φ(q_i)·φ(k_j), in N log N.

φ are random features of the softmax kernel on L2-normalised q and k, lag key minus query. Luo et al., arXiv 2106.12566.
"""

from collections.abc import Sequence
from math import sqrt

import torch
from torch import Tensor

from .attention import checked
from .mask_tails import looked_at
from .toeplitz_mask import mask_values, masked


def nprf(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    b: Tensor,
    *,
    projection: Tensor,
    features: str = "positive",
    normalise: bool = True,
    causal: bool = False,
    grid: Sequence[int] | None = None,
    tails: str = "raise",
) -> Tensor:
    """(batch, heads, n_q, d_v) in the dtype of q, as `toeplitz_mask_attention` with κ = exp(b).

    b (heads, 2M − 1) or (2M − 1,), lags −(M − 1) … M − 1 in order, −inf for a lag that counts nothing; with grid one
    axis of lags per axis. projection (m, dim): the rows w ~ N(0, I) of φ. features: "positive", m^(−1/2) exp(w·x −
    |x|²/2), whose denominators are positive, or "trigonometric", m^(−1/2) e^{|x|²/2} [sin w·x, cos w·x], whose are
    not. normalise: q/|q| and k/|k| first, as in Algorithm 1. `tails`, causal and errors as there; a zero row that is
    to be normalised raises ZeroDivisionError.
    """
    where = "nprf"
    dtype = checked(where, q, k, v, "linear", ("linear",))
    if features not in ("positive", "trigonometric"):
        raise ValueError(f"{where}: features must be positive or trigonometric, got {features}")
    if projection.ndim != 2 or projection.shape[0] < 1 or projection.shape[1] != q.shape[-1]:
        wanted = f"(m, {q.shape[-1]}) with m at least 1"
        raise ValueError(f"{where}: projection must be {wanted}, got shape {tuple(projection.shape)}")
    wide = [x.to(dtype) for x in (q, k)]
    rows = [_normalised(name, x) if normalise else x for name, x in zip("qk", wide, strict=True)]
    make = positive_features if features == "positive" else trigonometric_features
    made = [make(x, projection.to(dtype)) for x in rows]
    return masked(where, q, made, v, b, mask_values(where, "exp"), features == "positive", causal, grid, tails)


def positive_features(x: Tensor, projection: Tensor) -> Tensor:
    """m^(−1/2) exp(w·x − |x|²/2), (…, m): E φ(x)·φ(y) = e^{x·y}, every entry positive."""
    half = (x * x).sum(-1, keepdim=True) / 2
    return torch.exp(x @ projection.mT - half) / sqrt(projection.shape[0])


def trigonometric_features(x: Tensor, projection: Tensor) -> Tensor:
    """m^(−1/2) e^{|x|²/2} [sin w·x, cos w·x], (…, 2m): E φ(x)·φ(y) = e^{x·y}, of both signs."""
    turns = x @ projection.mT
    gain = torch.exp((x * x).sum(-1, keepdim=True) / 2) / sqrt(projection.shape[0])
    return gain * torch.cat([turns.sin(), turns.cos()], -1)


def _normalised(name: str, x: Tensor) -> Tensor:
    norm: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    if looked_at(x) and bool((norm == 0).any()):
        raise ZeroDivisionError(f"nprf: {name} has a row of zeros, which has no direction to normalise")
    return x / norm
