"""Linear attention under a multiplicative mask κ(lag): out_i = Σ_j κ(j − i) (φ_i·φ_j) v_j / Σ_j κ(j − i) (φ_i·φ_j).

By the Hadamard identity Σ_c φ_ic [T(κ) (φ_c ⊙ v)]_i it takes one Toeplitz product for each feature and column, N log N;
κ on a grid is a block-Toeplitz mask. Choromanski et al., arXiv 2107.07999; Luo et al., arXiv 2106.12566.
"""

from collections.abc import Callable, Sequence
from math import log2, prod
from typing import Any, NamedTuple

from .attention import ahead, checked, grouped
from .common import Array
from .features import FeatureMap
from .features import feature_map as named_map
from .mask_tails import check_tails, settle
from .toeplitz import Circulant, circulant, lined

POSITIVITY = ("exp", "abs", "signed")


def toeplitz_mask_attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array,
    *,
    positivity: str = "exp",
    feature_map: FeatureMap = "elu+1",
    causal: bool = False,
    grid: Sequence[int] | None = None,
    tails: str = "raise",
) -> Array:
    """Masked linear attention, (batch, heads, n_q, d_v) in the dtype of q, in O(m d_v N log N) and O(N) memory.

    q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim), v (batch, kv_heads, n_k, d_v). mask (heads, 2M − 1) or
    (2M − 1,): the lags −(M − 1) … M − 1 in order, key minus query; with grid (X, Y, …), tokens row-major, one axis of
    lags per axis. positivity declares κ: "exp" κ = exp(mask), −inf is 0, a common factor cancels; "abs" κ = |mask|;
    "signed" κ = mask. The first two need features ≥ 0 and have positive denominators. causal: keys after the query
    (on a grid: after it in row-major order) count nothing; with more keys than queries the queries are the last rows.

    An FFT has an error of its own, about u log2(N) ‖κ‖ ‖φ‖, and a denominator below 16 of it is lost, negative perhaps.
    tails "raise": FloatingPointError names the first such row; "recompute": the sums of those rows, and of no others,
    are formed directly in O(N) each; one of zero raises ZeroDivisionError.
    """
    where = "toeplitz_mask"
    if positivity not in POSITIVITY:
        raise ValueError(f"{where}: positivity must be exp, abs or signed, got {positivity}")
    xp, dtype = checked(where, q, k, v, "linear", ("linear",))
    phi = named_map(where, xp, feature_map)
    features = [phi(xp.astype(x, dtype, copy=False)) for x in (q, k)]
    if positivity != "signed":
        check_features(where, xp, *features)
    activate = mask_values(where, xp, positivity)
    return masked(where, xp, q, features, v, mask, activate, positivity != "signed", causal, grid, tails)


def check_features(where: str, xp: Any, *features: Array) -> None:
    """ValueError for a negative feature: a positive mask then promises nothing about the denominators."""
    least = min(float(xp.min(x)) if 0 not in x.shape else 0.0 for x in features)
    if least < 0:
        raise ValueError(f"{where}: a positive mask needs features of at least 0, got {least:.3g}")


def mask_values(where: str, xp: Any, positivity: str) -> Callable[[Array], Array]:
    """κ of the parameters (heads, *lags) that are read."""
    if positivity != "exp":
        return xp.abs if positivity == "abs" else lambda mask: mask

    def exponential(mask: Array) -> Array:
        largest = xp.max(mask, axis=tuple(range(1, mask.ndim)), keepdims=True)
        if not bool(xp.all(xp.isfinite(largest))):
            raise ValueError(f"{where}: a mask must be finite at some lag that is read, and at none nan or inf")
        return xp.exp(mask - largest)

    return exponential


class Masked(NamedTuple):
    """One masked attention: features (batch, kv_heads, 1 or group, n, m), values (batch, kv_heads, n_k, d_v)."""

    xp: Any
    queries: Array
    keys: Array
    values: Array
    embedding: Circulant
    positive: bool


def masked(
    where: str,
    xp: Any,
    q: Array,
    features: Sequence[Array],
    v: Array,
    mask: Array,
    activate: Callable[[Array], Array],
    positive: bool,
    causal: bool,
    grid: Sequence[int] | None,
    tails: str,
) -> Array:
    """The attention of features that are made already."""
    check_tails(where, tails)
    if 0 in (*q.shape, *v.shape):
        return xp.zeros((*q.shape[:-1], v.shape[-1]), dtype=q.dtype, device=q.device)
    rows, keys, start = _extent(where, features, causal, grid)
    left, right = grouped(xp, features[0], v.shape[1]), features[1][:, :, None, :, :]
    if mask.ndim > len(keys) and mask.shape[0] not in (1, q.shape[1]):
        raise ValueError(f"{where}: the mask must have {q.shape[1]} heads, got {mask.shape[0]}")
    embedding = circulant(where, xp, mask, v.shape[1], left.dtype, rows, keys, start, causal, activate)
    run = Masked(xp, left, right, xp.astype(v, left.dtype, copy=False), embedding, positive)
    weight = _weights(run)
    exact = settle(where, run, weight, _rounding(run), tails)
    outs, step = [], min(_lines(run), v.shape[-1])
    for first in range(0, v.shape[-1], step):
        part = v[..., first : min(first + step, v.shape[-1])]
        rows_done = xp.matrix_transpose(_totals(run, part) / weight[..., None, :])
        outs.append(xp.astype(rows_done, q.dtype, copy=False))
    out = outs[0] if len(outs) == 1 else xp.concat(outs, axis=-1)
    for (batch, head, group), places, values in exact:
        for row in range(places.shape[0]):
            out[batch, head, group, int(places[row]), :] = xp.astype(values[row, :], q.dtype, copy=False)
    return xp.reshape(out, (*q.shape[:-1], v.shape[-1]))


def _extent(where: str, features: Sequence[Array], causal: bool, grid: Sequence[int] | None) -> Any:
    n_q, n_k = features[0].shape[-2], features[1].shape[-2]
    if grid is None:
        return (n_q,), (n_k,), (ahead(where, *features) if causal else 0,)
    if not n_q == n_k == prod(grid):
        raise ValueError(f"{where}: grid {tuple(grid)} has {prod(grid)} tokens, got {n_q} queries and {n_k} keys")
    return tuple(grid), tuple(grid), (0,) * len(grid)


def _lines(run: Masked) -> int:
    return max(1, int(run.embedding.at_once // max(run.queries.shape[0], 1)))


def _products(run: Masked, lines: Array) -> Array:
    """T(κ) of lines (batch, kv_heads, 1, columns, n_k) → (batch, kv_heads, group, columns, n_q)."""
    product = run.embedding(run.xp.reshape(lines, (*lines.shape[:4], *run.embedding.keys)))
    return run.xp.reshape(product, (*product.shape[:4], -1))


def _weights(run: Masked) -> Array:
    """The denominators, (batch, kv_heads, group, n_q)."""
    xp, step, total = run.xp, _lines(run), run.xp.zeros_like(run.queries[..., 0])
    for first in range(0, run.keys.shape[-1], step):
        part = (..., slice(first, min(first + step, run.keys.shape[-1])))
        product = _products(run, lined(xp, run.keys[part]))
        total += xp.sum(xp.matrix_transpose(run.queries[part]) * product, axis=-2)
    return total


def _totals(run: Masked, values: Array) -> Array:
    """The numerators of some columns, (batch, kv_heads, group, columns, n_q)."""
    xp, columns = run.xp, lined(run.xp, values)[:, :, None, None, :, :]
    columns = xp.astype(columns, run.keys.dtype, copy=False)
    width, total = columns.shape[-2], None
    step = max(1, _lines(run) // width)
    for first in range(0, run.keys.shape[-1], step):
        part = (..., slice(first, min(first + step, run.keys.shape[-1])))
        keys, queries = (lined(xp, x[part])[..., None, :] for x in (run.keys, run.queries))
        lines = keys * columns
        product = _products(run, xp.reshape(lines, (*lines.shape[:3], -1, lines.shape[-1])))
        product = xp.reshape(product, (*product.shape[:3], -1, width, product.shape[-1]))
        added = xp.sum(queries * product, axis=-3)
        total = added if total is None else total + added
    return total


def _rounding(run: Masked) -> Array:
    """What the FFTs may add to each denominator: 4 u log2(n) ‖κ‖ Σ_c |φ_ic| ‖φ_c‖, (batch, kv_heads, group, n_q)."""
    xp, kernel = run.xp, run.embedding.kernel
    unit = 2 * xp.finfo(kernel.dtype).eps * log2(2 * prod(run.embedding.lengths))
    lags = tuple(range(2, kernel.ndim))
    size = xp.sqrt(xp.sum(kernel * kernel, axis=lags))[None, ..., None]
    keys = xp.sqrt(xp.sum(run.keys * run.keys, axis=-2, keepdims=True))
    return unit * size * xp.sum(xp.abs(run.queries) * keys, axis=-1)
