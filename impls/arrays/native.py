"""NumPy's fast forms of the two hot kernels, with views and `out=`: interleaved rotation, causal linear attention."""

from functools import lru_cache
from typing import Any

import numpy as np

Array = Any
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
