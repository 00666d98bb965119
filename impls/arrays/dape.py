"""DAPE: scores adapted to their content, A = S + B + f([S; B]), f an MLP over the heads, before mask and softmax.

Zheng et al., arXiv 2405.14722; version 2, with 1×k convolutions over the keys in place of the MLP, arXiv 2410.04798.
"""

from typing import Any

from .common import Array, namespace, working

SLOPE = 0.01  # LeakyReLU
FORMS = ("residual", "concatenated")
EDGES = ("released", "masked")


def dape(
    scores: Array, prior: Array | None = None, *, w1: Array, b1: Array, w2: Array, b2: Array, form: str = "residual"
) -> Array:
    """Adapted scores (batch, heads, n_q, n_k): residual S + B + f([S; B]), concatenated S + f([S; B]).

    scores: q·k already scaled, (batch, heads, n_q, n_k); prior B (heads, n_q, n_k), None for none. f(u) = w2
    LeakyReLU(w1 u + b1) + b2 at each (query, key): w1 (width, 2 heads), or (width, heads) without prior, b1 (width,),
    w2 (heads, width), b2 (heads,). Mask and softmax come after. float64 for float64, else float32.
    """
    where = "dape"
    xp, scores, prior = checked(where, scores, prior)
    if form not in FORMS:
        raise ValueError(f"{where}: form must be residual or concatenated, got {form}")
    weights = checked_weights(where, xp, scores, prior, (w1, b1, w2, b2), 2)
    heads, shape = scores.shape[1], scores.shape
    flat = xp.reshape(scores, (shape[0], heads, shape[2] * shape[3]))
    hidden = xp.matmul(weights[0][:, :heads], flat) + weights[1][:, None]
    if prior is not None:
        hidden = hidden + xp.matmul(weights[0][:, heads:], xp.reshape(prior, (heads, -1)))
    adapted = xp.matmul(weights[2], leaky(xp, hidden)) + weights[3][:, None]
    base = scores if prior is None or form == "concatenated" else scores + prior
    return base + xp.reshape(adapted, shape)


def dape_v2(
    scores: Array,
    prior: Array | None = None,
    *,
    w1: Array,
    b1: Array,
    w2: Array,
    b2: Array,
    visible: Array | None = None,
    edge: str = "released",
) -> Array:
    """S + B + f([S; B]) with f two convolutions over the keys, w1 (width, 2 heads, k) and w2 (heads, width, k), k odd.

    visible: which keys a query sees, booleans that broadcast to (n_q, n_k); None is the lower triangle, the queries
    being the last rows. Their inputs alone enter, the others count as zero. edge "released": beyond the first and last
    key stands zero, but at keys that exist and are not seen the first layer still gives its bias; so a row changes when
    keys after it arrive, and key 0 differs from the others. "masked": the first layer is zero at every key that is not
    seen, too: a row depends on what it sees and on lags only.
    """
    where = "dape_v2"
    xp, scores, prior = checked(where, scores, prior)
    if edge not in EDGES:
        raise ValueError(f"{where}: edge must be released or masked, got {edge}")
    weights = checked_weights(where, xp, scores, prior, (w1, b1, w2, b2), 3)
    if visible is None:
        visible = xp.tril(xp.ones(scores.shape[-2:], dtype=xp.bool, device=scores.device), k=ahead_of(where, scores))
    inputs = scores if prior is None else _stacked(xp, scores, prior)
    inputs = xp.where(visible, inputs, xp.zeros_like(inputs))
    hidden = leaky(xp, _convolved(xp, inputs, weights[0], weights[1]))
    if edge == "masked":
        hidden = xp.where(visible, hidden, xp.zeros_like(hidden))
    base = scores if prior is None else scores + prior
    return base + _convolved(xp, hidden, weights[2], weights[3])


def ahead_of(where: str, scores: Array) -> int:
    """How many keys lie before the first query, the queries being the last rows."""
    if scores.shape[-1] < scores.shape[-2]:
        wanted = f"at least as many keys as queries, got {scores.shape[-1]} and {scores.shape[-2]}"
        raise ValueError(f"{where}: without visible it needs {wanted}")
    return int(scores.shape[-1] - scores.shape[-2])


def leaky(xp: Any, x: Array) -> Array:
    """LeakyReLU."""
    return xp.where(x > 0, x, SLOPE * x)


def _stacked(xp: Any, scores: Array, prior: Array) -> Array:
    return xp.concat([scores, xp.broadcast_to(prior[None, ...], scores.shape)], axis=1)


def _convolved(xp: Any, x: Array, weight: Array, bias: Array) -> Array:
    """Conv2d with kernel (1, k) and zero padding k // 2: (batch, in, n_q, n_k) → (batch, out, n_q, n_k)."""
    batch, inputs, rows, keys = x.shape
    taps = weight.shape[-1]
    zeros = xp.zeros((batch, inputs, rows, taps // 2), dtype=x.dtype, device=x.device)
    padded, total = xp.concat([zeros, x, zeros], axis=-1), bias[:, None]
    for tap in range(taps):
        shifted = xp.reshape(padded[..., tap : tap + keys], (batch, inputs, rows * keys))
        total = total + xp.matmul(weight[..., tap], shifted)
    return xp.reshape(total, (batch, weight.shape[0], rows, keys))


def checked(where: str, scores: Array, prior: Array | None) -> tuple[Any, Array, Array | None]:
    """(namespace, scores, prior) in the working dtype."""
    xp = namespace(where, scores, prior)
    if scores.ndim != 4:
        raise ValueError(f"{where}: scores must be (batch, heads, n_q, n_k), got shape {tuple(scores.shape)}")
    if prior is not None and tuple(prior.shape) != tuple(scores.shape[1:]):
        raise ValueError(f"{where}: prior must have shape {tuple(scores.shape[1:])}, got {tuple(prior.shape)}")
    dtype = working(xp, scores.dtype)
    scores = xp.astype(scores, dtype, copy=False)
    return xp, scores, None if prior is None else xp.astype(prior, dtype, copy=False)


def checked_weights(
    where: str, xp: Any, scores: Array, prior: Array | None, weights: tuple[Array, ...], ndim: int
) -> tuple[Array, ...]:
    """w1, b1, w2, b2 in the dtype of the scores; one line for the shape or filter length that does not fit."""
    heads, (w1, b1, w2, b2) = scores.shape[1], weights
    inputs, taps = heads if prior is None else 2 * heads, "" if ndim == 2 else ", k"
    for name, w in (("w1", w1), ("w2", w2)):
        if w.ndim != ndim:
            wanted = "(width, inputs)" if name == "w1" else "(heads, width)"
            raise ValueError(f"{where}: {name} must be {wanted[:-1]}{taps}), got shape {tuple(w.shape)}")
    if ndim == 3 and (w1.shape[2] % 2 == 0 or w1.shape[2] != w2.shape[2]):
        raise ValueError(f"{where}: filters must have one odd length, got {w1.shape[2]} and {w2.shape[2]}")
    if w1.shape[1] != inputs:
        beside = "without a prior" if prior is None else "with a prior"
        raise ValueError(f"{where}: w1 must have {inputs} inputs for {heads} heads {beside}, got {w1.shape[1]}")
    if tuple(w2.shape[:2]) != (heads, w1.shape[0]):
        raise ValueError(f"{where}: w2 must be {(heads, w1.shape[0])} up to k, got shape {tuple(w2.shape)}")
    if tuple(b1.shape) != (w1.shape[0],) or tuple(b2.shape) != (heads,):
        shapes = f"{tuple(b1.shape)} and {tuple(b2.shape)}"
        raise ValueError(f"{where}: b1 and b2 must have shapes {(w1.shape[0],)} and {(heads,)}, got {shapes}")
    return tuple(xp.astype(w, scores.dtype, copy=False) for w in weights)
