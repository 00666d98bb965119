"""Products with a Toeplitz matrix, out_i = Σ_j w_{j−i} v_j, in N log N: real FFTs of a circulant embedding, any level.

The lag is key minus query, j − i, as everywhere here; FastRPB and TNN print w_{i−j}: hand them over reversed. The
embedding is exact iff its length is at least n_q + n_k − 1; math: Choromanski et al., arXiv 2107.07999, Luo et al.,
arXiv 2106.12566.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import array_api_compat

from ..lags import fast_length, lines_at_once, starting_row, window
from .common import Array, working

BLOCK = 2048  # rows that are transposed together


class Circulant:
    """The spectrum of a kernel over the lags between `keys` and `rows`, ready for products.

    kernel (kv_heads, group, *lags), lag −(rows − 1) − start first. One FFT for the kernel, one each way for a column.
    """

    def __init__(self, xp: Any, kernel: Array, rows: tuple[int, ...], keys: tuple[int, ...]) -> None:
        self.xp, self.kernel, self.rows, self.keys = xp, kernel, rows, keys
        self.lengths = tuple(fast_length(r + k - 1) for r, k in zip(rows, keys, strict=True))
        self.axes = tuple(range(-len(keys), 0))
        # out_i = Σ_j r[(i + n_k − 1) − j] v_j: a convolution with the reversed kernel r
        spectrum = xp.fft.rfftn(xp.flip(kernel, axis=self.axes), s=self.lengths, axes=self.axes)
        self.spectrum = xp.expand_dims(spectrum, axis=2)

    def __call__(self, x: Array) -> Array:
        """x (batch, kv_heads, 1, columns, *keys) → (batch, kv_heads, group, columns, *rows)."""
        spectrum = self.xp.fft.rfftn(x, s=self.lengths, axes=self.axes)
        if self.kernel.shape[1] == 1:
            spectrum *= self.spectrum
        else:
            spectrum = spectrum * self.spectrum
        result = self.xp.fft.irfftn(spectrum, s=self.lengths, axes=self.axes)
        kept = (slice(k - 1, k - 1 + r) for r, k in zip(self.rows, self.keys, strict=True))
        return result[(..., *kept)]

    @property
    def at_once(self) -> int:
        """Columns per product, for one batch entry, that keep its temporaries below 64 MiB."""
        heads = self.kernel.shape[0] * self.kernel.shape[1]
        return lines_at_once(self.lengths, 8 if self.kernel.dtype == self.xp.float64 else 4, heads)


def toeplitz(
    w: Array, v: Array, n_q: int | None = None, *, query_start: int | None = None, causal: bool = False
) -> Array:
    """(…, heads, n_q, d_v) in the dtype of v: out_i = Σ_j w[M − 1 + lag] v_j with lag = j − i − query_start.

    w (heads, 2M − 1) or (2M − 1,): the lags −(M − 1) … M − 1 in order, so that a parameter means the same lag at every
    length. v (…, kv_heads, n_k, d_v), or (n_k, d_v). n_q None is n_k. Query i stands at key query_start + i: None is 0,
    or with causal n_k − n_q (the queries are the last rows). causal: lags above 0 count as zero and are not read.
    Raises ValueError when w does not hold a lag that is needed.
    """
    where = "toeplitz"
    rows = v.shape[-2] if n_q is None else n_q
    start = starting_row(where, rows, v.shape[-2], query_start, causal)
    return product(where, w, v, (rows,), (v.shape[-2],), (start,), causal)


def block_toeplitz(
    w: Array,
    v: Array,
    grid: Sequence[int],
    *,
    query_grid: Sequence[int] | None = None,
    query_start: Sequence[int] | None = None,
    causal: bool = False,
) -> Array:
    """The same with several levels: token (x, y, …) of `grid`, row-major, lag (x' − x, y' − y, …), key minus query.

    w (heads, 2M_1 − 1, …, 2M_L − 1) or without heads, v (…, kv_heads, Πgrid, d_v). query_grid None is grid; its corner
    stands at query_start, None is the origin. causal: tokens in row-major order see none after them.
    """
    where = "block_toeplitz"
    keys = tuple(grid)
    rows = keys if query_grid is None else tuple(query_grid)
    start = (0,) * len(keys) if query_start is None else tuple(query_start)
    if not len(keys) == len(rows) == len(start):
        raise ValueError(f"{where}: grid, query_grid and query_start must agree in axes, got {keys}, {rows}, {start}")
    return product(where, w, v, rows, keys, start, causal)


def product(
    where: str, w: Array, v: Array, rows: tuple[int, ...], keys: tuple[int, ...], start: tuple[int, ...], causal: bool
) -> Array:
    """Both of the above, column chunk by column chunk."""
    xp, values = checked_values(where, w, v, keys)
    many = v.ndim > 2 or w.ndim > len(keys)
    heads: tuple[int, ...] = (max(values.shape[1], w.shape[0] if w.ndim > len(keys) else 1),) if many else ()
    shape = (*v.shape[:-3], *heads, prod(rows), v.shape[-1])
    if not prod(rows) * prod(keys) * values.size:
        return xp.zeros(shape, dtype=v.dtype, device=array_api_compat.device(v))
    embedding = circulant(where, xp, w, values.shape[1], working(xp, v.dtype), rows, keys, start, causal)
    batch, kv_heads, _, width = values.shape
    outs, step = [], max(1, embedding.at_once // batch)
    for first in range(0, width, step):
        columns = lined(xp, values[..., first : min(first + step, width)])
        columns = xp.reshape(columns, (batch, kv_heads, 1, columns.shape[-2], *keys))
        lines = embedding(xp.astype(columns, embedding.kernel.dtype, copy=False))
        # a copy, so that the rest of the circular product is freed
        lines = xp.astype(xp.reshape(lines, (*lines.shape[:4], prod(rows))), v.dtype, copy=True)
        outs.append(xp.matrix_transpose(lines))
    return xp.reshape(outs[0] if len(outs) == 1 else xp.concat(outs, axis=-1), shape)


def lined(xp: Any, values: Array) -> Array:
    """(…, n, columns) → contiguous lines (…, columns, n), block by block: an FFT along a strided axis takes twice as
    long, and so does a transposition that does not stay in the cache."""
    size, blocks = values.shape[-2], []
    for start in range(0, max(size, 1), BLOCK):
        block = xp.matrix_transpose(values[..., start : min(start + BLOCK, size), :])
        blocks.append(xp.reshape(block, block.shape, copy=True))
    return blocks[0] if len(blocks) == 1 else xp.concat(blocks, axis=-1)


def circulant(
    where: str,
    xp: Any,
    w: Array,
    kv_heads: int,
    dtype: Any,
    rows: tuple[int, ...],
    keys: tuple[int, ...],
    start: tuple[int, ...],
    causal: bool,
    activate: Callable[[Array], Array] | None = None,
) -> Circulant:
    """The embedding of the lags that rows and keys need, taken out of w (heads, *lags) or (*lags), then `activate`."""
    if w.ndim not in (len(keys), len(keys) + 1):
        raise ValueError(f"{where}: w must be (heads, *lags) with {len(keys)} lag axes, got shape {tuple(w.shape)}")
    kernel = xp.astype(w, dtype, copy=False) if w.ndim > len(keys) else xp.astype(w[None, ...], dtype, copy=False)
    if kernel.shape[0] % max(kv_heads, 1) and kernel.shape[0] != 1:
        raise ValueError(f"{where}: kv_heads must divide the heads of w = {kernel.shape[0]}, got {kv_heads}")
    if kernel.shape[0] == 1:
        kernel = xp.broadcast_to(kernel, (kv_heads, *kernel.shape[1:]))
    spans = zip(kernel.shape[1:], rows, keys, start, strict=True)
    windows = [window(where, *span, causal and axis == 0) for axis, span in enumerate(spans)]
    kernel = kernel[(slice(None), *(slice(first, stop) for first, stop, _ in windows))]
    kernel = kernel if activate is None else activate(kernel)
    if windows[0][2]:
        zeros = xp.zeros((kernel.shape[0], windows[0][2], *kernel.shape[2:]), dtype=dtype, device=kernel.device)
        kernel = xp.concat([kernel, zeros], axis=1)
    if causal and len(keys) > 1:
        kernel = xp.where(_future(xp, rows, keys, start, kernel), xp.zeros_like(kernel), kernel)
    kernel = xp.reshape(kernel, (kv_heads, kernel.shape[0] // max(kv_heads, 1), *kernel.shape[1:]))
    return Circulant(xp, kernel, rows, keys)


def _future(xp: Any, rows: tuple[int, ...], keys: tuple[int, ...], start: tuple[int, ...], like: Array) -> Array:
    """Which lags (τ_1, τ_2, …) are after zero in row-major order."""
    later: Any = None
    for axis in reversed(range(len(keys))):
        lags = xp.arange(-(rows[axis] - 1) - start[axis], keys[axis] - start[axis], device=like.device)
        lags = xp.reshape(lags, (-1, *(1,) * (len(keys) - 1 - axis)))
        later = lags > 0 if later is None else (lags > 0) | ((lags == 0) & later)
    return later


def checked_values(where: str, w: Array, v: Array, keys: tuple[int, ...]) -> tuple[Any, Array]:
    """(namespace, v as (batch, kv_heads, n_k, d_v)); one line for what does not fit."""
    xp = array_api_compat.array_namespace(v, w)
    for name, array in (("v", v), ("w", w)):
        if not xp.isdtype(array.dtype, "real floating"):
            raise TypeError(f"{where}: {name} must be real floating, got {array.dtype}")
    if v.ndim < 2 or v.shape[-2] != prod(keys):
        raise ValueError(f"{where}: v must be (..., {prod(keys)}, d_v), got shape {tuple(v.shape)}")
    kv_heads = v.shape[-3] if v.ndim > 2 else 1
    return xp, xp.reshape(v, (prod(v.shape[:-3]), kv_heads, *v.shape[-2:]))
