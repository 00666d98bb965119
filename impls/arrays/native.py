"""NumPy's fast forms of the two hot kernels, with views, blocks and `out=`: rotation and causal linear attention."""

from functools import lru_cache
from typing import Any

import numpy as np

Array = Any
_BLOCK = 1 << 15  # numbers worked on at once: 128 KiB of float32
_COMPLEX = {"float32": np.complex64, "float64": np.complex128}


def rotates(x: Array, out: Array | None) -> bool:
    """Whether x (and out) can be seen as complex numbers in place: float32 or float64 with a contiguous last axis."""
    arrays = [x] if out is None else [x, out]
    return x.dtype.name in _COMPLEX and all(a.strides[-1] == a.itemsize and a.shape[-1] > 0 for a in arrays)


def rotate(x: Array, cos: Array, sin: Array, out: Array | None = None) -> Array:
    """Pairs (2p, 2p + 1) of x times cos_p + i sin_p, one pass over memory; coordinates beyond the table pass unchanged.

    x: (..., length, dim) float32 or float64; cos, sin: (..., length, pairs) of the same dtype. The error is that of one
    complex product, √5 u of the pair norm, with or without fused multiply-add.
    """
    covered = 2 * cos.shape[-1]
    out = np.empty_like(x) if out is None else out
    kind = _COMPLEX[x.dtype.name]
    turns = np.empty(cos.shape, kind)
    turns.real, turns.imag = cos, sin
    if covered == x.shape[-1]:
        np.multiply(x.view(kind), turns, out=out.view(kind))
        return out
    np.multiply(x[..., :covered].view(kind), turns, out=out[..., :covered].view(kind))
    if out is not x:
        out[..., covered:] = x[..., covered:]
    return out


def rotate_halves(x: Array, cos: Array, sin: Array, axes: int, out: Array | None = None) -> Array:
    """Pairs (p, p + width/2) of each of `axes` sections: x · [c, c] + swapped x · [−s, s], block by block in the cache.

    Shapes and dtypes as in `rotate`; x may be strided. Rows stay contiguous, which half-rows of 32 numbers are not.
    """
    out = np.empty_like(x) if out is None else out
    sections = (*cos.shape[:-1], axes, cos.shape[-1] // axes)
    cos, sin = cos.reshape(sections), sin.reshape(sections)
    wide = (*cos.shape[:-2], 2 * sections[-2] * sections[-1])
    tables = [np.concatenate(pair, -1).reshape(wide) for pair in ((cos, cos), (-sin, sin))]
    _halves(x, tables[0], tables[1], axes, out)
    return out


def _halves(x: Array, cosines: Array, sines: Array, axes: int, out: Array) -> None:
    if x.size > _BLOCK and x.ndim > 2:
        for i in range(x.shape[0]):
            own = [t if t.ndim < x.ndim else t[i if t.shape[0] > 1 else 0] for t in (cosines, sines)]
            _halves(x[i], own[0], own[1], axes, out[i])
        return
    length, covered = x.shape[-2], cosines.shape[-1]
    rows = max(1, _BLOCK // x.shape[-1]) if x.ndim == 2 and x.shape[-1] else max(1, length)
    for start in range(0, length, rows):
        block = (..., slice(start, start + rows), slice(None))
        c, s = (t if t.shape[-2] == 1 else t[block] for t in (cosines, sines))
        source, target = x[block], out[block]
        pairs = source[..., :covered].reshape(*source.shape[:-1], axes, 2, covered // (2 * axes))
        swapped = np.empty_like(pairs)  # never a view: target may be source
        swapped[...] = pairs[..., ::-1, :]
        swapped = swapped.reshape(*source.shape[:-1], covered)
        swapped *= s
        np.multiply(source[..., :covered], c, out=target[..., :covered])
        target[..., :covered] += swapped
        target[..., covered:] = source[..., covered:]


def causal_chunk(q: Array, k: Array, v: Array, state: Array) -> tuple[Array, Array]:
    """(output, next state) of one chunk of causal linear attention, with two buffers and the mask applied in place.

    q: (..., group, length, width), k: (..., 1, length, width), v: (..., 1, length, d_v), state: (..., 1, width, d_v).
    """
    keys = np.swapaxes(k, -1, -2)
    scores = np.matmul(q, keys)
    scores *= _lower(scores.shape[-1], scores.dtype.name)
    out = np.matmul(q, state)
    out += np.matmul(scores, v)
    following = np.matmul(keys, v)
    following += state
    return out, following


@lru_cache(maxsize=8)
def _lower(length: int, dtype: str) -> Any:
    mask = np.tril(np.ones((length, length), dtype))
    mask.setflags(write=False)
    return mask
