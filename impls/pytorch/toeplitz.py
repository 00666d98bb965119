"""Products with a Toeplitz matrix, out_i = Σ_j w_{j−i} v_j, in N log N: real FFTs of a circulant embedding, any level.

The lag is key minus query, j − i, as everywhere here; FastRPB and TNN print w_{i−j}: hand them over reversed. The
embedding is exact iff its length is at least n_q + n_k − 1; math: Choromanski et al., arXiv 2107.07999, Luo et al.,
arXiv 2106.12566.
"""

from collections.abc import Callable, Sequence
from math import prod

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..lags import fast_length, lines_at_once, starting_row, window
from .common import working

BLOCK = 2048  # rows that are transposed together


class Circulant:
    """The spectrum of a kernel over the lags between `keys` and `rows`, ready for products.

    kernel (kv_heads, group, *lags), lag −(rows − 1) − start first. One FFT for the kernel, one each way for a column.
    """

    def __init__(self, kernel: Tensor, rows: tuple[int, ...], keys: tuple[int, ...]) -> None:
        self.kernel, self.rows, self.keys = kernel, rows, keys
        self.lengths = tuple(fast_length(r + k - 1) for r, k in zip(rows, keys, strict=True))
        self.axes = tuple(range(-len(keys), 0))
        # out_i = Σ_j r[(i + n_k − 1) − j] v_j: a convolution with the reversed kernel r
        self.spectrum = torch.fft.rfftn(kernel.flip(self.axes), self.lengths, self.axes).unsqueeze(2)

    def __call__(self, x: Tensor) -> Tensor:
        """x (batch, kv_heads, 1, columns, *keys) → (batch, kv_heads, group, columns, *rows)."""
        spectrum = torch.fft.rfftn(x, self.lengths, self.axes)
        learned = spectrum.requires_grad or self.spectrum.requires_grad
        spectrum = spectrum * self.spectrum if learned or self.spectrum.shape[1] > 1 else spectrum.mul_(self.spectrum)
        product: Tensor = torch.fft.irfftn(spectrum, self.lengths, self.axes)
        for axis, rows, keys in zip(self.axes, self.rows, self.keys, strict=True):
            product = product.narrow(axis, keys - 1, rows)
        return product

    @property
    def at_once(self) -> int:
        """Columns per product, for one batch entry, that keep its temporaries below 64 MiB."""
        return lines_at_once(self.lengths, self.kernel.element_size(), self.kernel.shape[0] * self.kernel.shape[1])


def toeplitz(
    w: Tensor, v: Tensor, n_q: int | None = None, *, query_start: int | None = None, causal: bool = False
) -> Tensor:
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
    w: Tensor,
    v: Tensor,
    grid: Sequence[int],
    *,
    query_grid: Sequence[int] | None = None,
    query_start: Sequence[int] | None = None,
    causal: bool = False,
) -> Tensor:
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
    where: str, w: Tensor, v: Tensor, rows: tuple[int, ...], keys: tuple[int, ...], start: tuple[int, ...], causal: bool
) -> Tensor:
    """Both of the above, column chunk by column chunk."""
    values = checked_values(where, w, v, keys)
    batch, kv_heads, _, width = values.shape
    many = v.ndim > 2 or w.ndim > len(keys)
    heads: tuple[int, ...] = (max(kv_heads, w.shape[0] if w.ndim > len(keys) else 1),) if many else ()
    shape = (*v.shape[:-3], *heads, prod(rows), width)
    if not prod(rows) * prod(keys) * values.numel():
        return v.new_zeros(shape)
    embedding = circulant(where, w, kv_heads, working(v.dtype), rows, keys, start, causal)
    learned = torch.is_grad_enabled() and (w.requires_grad or v.requires_grad)
    step = max(1, embedding.at_once // batch)
    run = _again if learned and step < width else Circulant.__call__
    out = v.new_empty(0 if learned else batch, kv_heads, embedding.kernel.shape[1], width, prod(rows))
    outs = []
    for first in range(0, width, step):
        columns = lined(values[..., first : first + step]).to(embedding.kernel.dtype)
        lines = run(embedding, columns.reshape(batch, kv_heads, 1, -1, *keys)).flatten(4)
        if not learned:
            out[:, :, :, first : first + step] = lines
        else:  # a copy, so that the rest of the circular product is freed
            outs.append(lines.to(v.dtype, copy=True, memory_format=torch.contiguous_format))
    return (torch.cat(outs, -2) if learned else out).mT.reshape(shape)


def _again(embedding: Circulant, columns: Tensor) -> Tensor:
    """The product; its spectra are formed again for the gradient instead of being kept."""
    return torch.as_tensor(checkpoint(embedding, columns, use_reentrant=False, preserve_rng_state=False))


def lined(values: Tensor) -> Tensor:
    """(…, n, columns) → contiguous lines (…, columns, n), block by block: an FFT along a strided axis takes twice as
    long, and so does a transposition that does not stay in the cache."""
    blocks = range(0, max(values.shape[-2], 1), BLOCK)
    return torch.cat([values[..., start : start + BLOCK, :].mT for start in blocks], -1)


def circulant(
    where: str,
    w: Tensor,
    kv_heads: int,
    dtype: torch.dtype,
    rows: tuple[int, ...],
    keys: tuple[int, ...],
    start: tuple[int, ...],
    causal: bool,
    activate: Callable[[Tensor], Tensor] | None = None,
) -> Circulant:
    """The embedding of the lags that rows and keys need, taken out of w (heads, *lags) or (*lags), then `activate`."""
    if w.ndim not in (len(keys), len(keys) + 1):
        raise ValueError(f"{where}: w must be (heads, *lags) with {len(keys)} lag axes, got shape {tuple(w.shape)}")
    kernel = w.to(dtype) if w.ndim > len(keys) else w.to(dtype)[None]
    if kernel.shape[0] % max(kv_heads, 1) and kernel.shape[0] != 1:
        raise ValueError(f"{where}: kv_heads must divide the heads of w = {kernel.shape[0]}, got {kv_heads}")
    if kernel.shape[0] == 1:
        kernel = kernel.expand(kv_heads, *kernel.shape[1:])
    spans = zip(kernel.shape[1:], rows, keys, start, strict=True)
    windows = [window(where, *span, causal and axis == 0) for axis, span in enumerate(spans)]
    kernel = kernel[(slice(None), *(slice(first, stop) for first, stop, _ in windows))]
    kernel = kernel if activate is None else activate(kernel)
    if windows[0][2]:
        kernel = torch.cat([kernel, kernel.new_zeros(kernel.shape[0], windows[0][2], *kernel.shape[2:])], 1)
    if causal and len(keys) > 1:
        kernel = torch.where(_future(rows, keys, start, kernel), 0.0, kernel)
    return Circulant(kernel.reshape(kv_heads, -1, *kernel.shape[1:]), rows, keys)


def _future(rows: tuple[int, ...], keys: tuple[int, ...], start: tuple[int, ...], like: Tensor) -> Tensor:
    """Which lags (τ_1, τ_2, …) are after zero in row-major order."""
    later = torch.zeros((), dtype=torch.bool, device=like.device)
    for axis in reversed(range(len(keys))):
        lags = torch.arange(-(rows[axis] - 1) - start[axis], keys[axis] - start[axis], device=like.device)
        lags = lags.reshape(-1, *(1,) * (len(keys) - 1 - axis))
        later = (lags > 0) | ((lags == 0) & later)
    return later


def checked_values(where: str, w: Tensor, v: Tensor, keys: tuple[int, ...]) -> Tensor:
    """v as (batch, kv_heads, n_k, d_v); one line for what does not fit."""
    for name, tensor in (("v", v), ("w", w)):
        if not tensor.dtype.is_floating_point:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise TypeError(f"{where}: {name} must be real floating, got {kind}")
    if v.ndim < 2 or v.shape[-2] != prod(keys):
        raise ValueError(f"{where}: v must be (..., {prod(keys)}, d_v), got shape {tuple(v.shape)}")
    kv_heads = v.shape[-3] if v.ndim > 2 else 1
    return v.reshape(prod(v.shape[:-3]), kv_heads, *v.shape[-2:])
