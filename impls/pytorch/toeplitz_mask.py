"""Linear attention under a multiplicative mask κ(lag): out_i = Σ_j κ(j − i) (φ_i·φ_j) v_j / Σ_j κ(j − i) (φ_i·φ_j).

By the Hadamard identity Σ_c φ_ic [T(κ) (φ_c ⊙ v)]_i it takes one Toeplitz product for each feature and column, N log N;
κ on a grid is a block-Toeplitz mask. Choromanski et al., arXiv 2107.07999; Luo et al., arXiv 2106.12566.
"""

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .attention import ahead, checked, grouped
from .features import FeatureMap
from .features import feature_map as named_map
from .mask_tails import check_tails, looked_at, settle
from .toeplitz import Circulant, circulant, lined

POSITIVITY = ("exp", "abs", "signed")


def toeplitz_mask_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor,
    *,
    positivity: str = "exp",
    feature_map: FeatureMap = "elu+1",
    causal: bool = False,
    grid: Sequence[int] | None = None,
    tails: str = "raise",
) -> Tensor:
    """Masked linear attention, (batch, heads, n_q, d_v) in the dtype of q, in O(m d_v N log N) and O(N) memory.

    q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim), v (batch, kv_heads, n_k, d_v). mask (heads, 2M − 1) or
    (2M − 1,): the lags −(M − 1) … M − 1 in order, key minus query; with grid (X, Y, …), tokens row-major, one axis of
    lags per axis. positivity declares κ: "exp" κ = exp(mask), −inf is 0, a common factor cancels; "abs" κ = |mask|;
    "signed" κ = mask. The first two need features ≥ 0 and have positive denominators. causal: keys after the query
    (on a grid: after it in row-major order) count nothing; with more keys than queries the queries are the last rows.

    An FFT has an error of its own, about u log2(N) ‖κ‖ ‖φ‖, and a denominator below 16 of it is lost, negative perhaps.
    tails "raise": FloatingPointError names the first such row; "recompute": the sums of those rows, and of no others,
    are formed directly in O(N) each; one of zero raises ZeroDivisionError. A compiled graph does not look.
    Products are formed again for the gradient instead of being kept.
    """
    where = "toeplitz_mask"
    if positivity not in POSITIVITY:
        raise ValueError(f"{where}: positivity must be exp, abs or signed, got {positivity}")
    dtype = checked(where, q, k, v, "linear", ("linear",))
    phi = named_map(where, feature_map)
    features = [phi(x.to(dtype)) for x in (q, k)]
    if positivity != "signed":
        check_features(where, *features)
    activate = mask_values(where, positivity)
    return masked(where, q, features, v, mask, activate, positivity != "signed", causal, grid, tails)


def check_features(where: str, *features: Tensor) -> None:
    """ValueError for a negative feature: a positive mask then promises nothing about the denominators."""
    if not looked_at(features[0]):
        return
    least = min(float(x.detach().min()) if x.numel() else 0.0 for x in features)
    if least < 0:
        raise ValueError(f"{where}: a positive mask needs features of at least 0, got {least:.3g}")


def mask_values(where: str, positivity: str) -> Callable[[Tensor], Tensor]:
    """κ of the parameters (heads, *lags) that are read."""
    if positivity != "exp":
        return torch.abs if positivity == "abs" else lambda mask: mask

    def exponential(mask: Tensor) -> Tensor:
        largest = mask.detach().amax(tuple(range(1, mask.ndim)), keepdim=True)
        if looked_at(mask) and not bool(largest.isfinite().all()):
            raise ValueError(f"{where}: a mask must be finite at some lag that is read, and at none nan or inf")
        return torch.exp(mask - largest)

    return exponential


class Masked(NamedTuple):
    """One masked attention: features (batch, kv_heads, 1 or group, n, m), values (batch, kv_heads, n_k, d_v)."""

    queries: Tensor
    keys: Tensor
    values: Tensor
    embedding: Circulant
    positive: bool


def masked(
    where: str,
    q: Tensor,
    features: Sequence[Tensor],
    v: Tensor,
    mask: Tensor,
    activate: Callable[[Tensor], Tensor],
    positive: bool,
    causal: bool,
    grid: Sequence[int] | None,
    tails: str,
) -> Tensor:
    """The attention of features that are made already."""
    check_tails(where, tails)
    if 0 in (*q.shape, *v.shape):
        return q.new_zeros(*q.shape[:-1], v.shape[-1])
    rows, keys, start = _extent(where, features, causal, grid)
    left, right = grouped(features[0], v.shape[1]), features[1][:, :, None]
    if mask.ndim > len(keys) and mask.shape[0] not in (1, q.shape[1]):
        raise ValueError(f"{where}: the mask must have {q.shape[1]} heads, got {mask.shape[0]}")
    embedding = circulant(where, mask, v.shape[1], left.dtype, rows, keys, start, causal, activate)
    run = Masked(left, right, v.to(left.dtype), embedding, positive)
    weight = _totals(run, None)[..., 0, :]
    weight, exact = settle(where, run, weight, _rounding(run), tails)
    outs, step = [], min(_lines(run), v.shape[-1])
    for first in range(0, v.shape[-1], step):
        total = _totals(run, v[..., first : first + step])
        outs.append((total / weight[..., None, :]).mT.to(q.dtype))
    out = outs[0] if len(outs) == 1 else torch.cat(outs, -1)
    if exact:
        places = tuple(torch.cat(index) for index in zip(*(index for index, _ in exact), strict=True))
        out = out.index_put(places, torch.cat([values for _, values in exact]).to(q.dtype))
    return out.flatten(1, 2)


def _extent(where: str, features: Sequence[Tensor], causal: bool, grid: Sequence[int] | None) -> Any:
    n_q, n_k = features[0].shape[-2], features[1].shape[-2]
    if grid is None:
        return (n_q,), (n_k,), (ahead(where, features[0], features[1]) if causal else 0,)
    if not n_q == n_k == prod(grid):
        raise ValueError(f"{where}: grid {tuple(grid)} has {prod(grid)} tokens, got {n_q} queries and {n_k} keys")
    return tuple(grid), tuple(grid), (0,) * len(grid)


def _lines(run: Masked) -> int:
    return max(1, run.embedding.at_once // max(run.queries.shape[0], 1))


def _totals(run: Masked, values: Tensor | None) -> Tensor:
    """Σ_c φ_ic T(κ)(φ_c ⊙ v) of some columns v, or of ones: (batch, kv_heads, group, columns, n_q)."""
    columns = None if values is None else lined(values).to(run.keys.dtype)[:, :, None, None]
    step = max(1, _lines(run) // (1 if columns is None else columns.shape[-2]))
    again = torch.is_grad_enabled() and any(x.requires_grad for x in (*run[:3], run.embedding.kernel))
    total = run.keys.new_zeros(())
    for first in range(0, run.keys.shape[-1], step):
        part = (run, run.queries[..., first : first + step], run.keys[..., first : first + step], columns)
        added = checkpoint(_part, *part, use_reentrant=False) if again else _part(*part)
        total = total + added
    return total


def _part(run: Masked, queries: Tensor, keys: Tensor, columns: Tensor | None) -> Tensor:
    """The terms of some features."""
    lines = keys.mT[..., None, :] if columns is None else keys.mT[..., None, :] * columns
    flat = lines.flatten(3, 4)
    product = run.embedding(flat.reshape(*flat.shape[:4], *run.embedding.keys)).flatten(4)
    product = product.reshape(*product.shape[:3], keys.shape[-1], -1, product.shape[-1])
    return torch.sum(queries.mT[..., None, :] * product, -3)


def _rounding(run: Masked) -> Tensor:
    """What the FFTs may add to each denominator: 4 u log2(n) ‖κ‖ Σ_c |φ_ic| ‖φ_c‖, (batch, kv_heads, group, n_q)."""
    kernel = run.embedding.kernel.detach()
    unit = 2 * torch.finfo(kernel.dtype).eps * log2(2 * prod(run.embedding.lengths))
    size: Tensor = torch.linalg.vector_norm(kernel.flatten(2), dim=-1)[None, ..., None]
    keys = torch.linalg.vector_norm(run.keys.detach(), dim=-2, keepdim=True)
    return torch.sum(run.queries.detach().abs() * keys, -1) * size * unit
