"""DAPE: scores adapted to their content, A = S + B + f([S; B]), f an MLP over the heads, before mask and softmax.

Zheng et al., arXiv 2405.14722; version 2, with 1×k convolutions over the keys in place of the MLP, arXiv 2410.04798.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from .common import floating, working

SLOPE = 0.01  # LeakyReLU
FORMS = ("residual", "concatenated")
EDGES = ("released", "masked")


def dape(
    scores: Tensor,
    prior: Tensor | None = None,
    *,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    form: str = "residual",
) -> Tensor:
    """Adapted scores (batch, heads, n_q, n_k): residual S + B + f([S; B]), concatenated S + f([S; B]).

    scores: q·k already scaled, (batch, heads, n_q, n_k); prior B (heads, n_q, n_k), None for none. f(u) = w2
    LeakyReLU(w1 u + b1) + b2 at each (query, key): w1 (width, 2 heads), or (width, heads) without prior, b1 (width,),
    w2 (heads, width), b2 (heads,). Mask and softmax come after. float64 for float64, else float32.
    """
    where = "dape"
    scores, prior = checked(where, scores, prior)
    if form not in FORMS:
        raise ValueError(f"{where}: form must be residual or concatenated, got {form}")
    w1, b1, w2, b2 = checked_weights(where, scores, prior, (w1, b1, w2, b2), 2)
    heads = scores.shape[1]
    hidden = w1[:, :heads] @ scores.flatten(2) + b1[:, None]
    if prior is not None:
        hidden = hidden + w1[:, heads:] @ prior.flatten(1)
    adapted = w2 @ leaky_relu(hidden, SLOPE) + b2[:, None]
    base = scores if prior is None or form == "concatenated" else scores + prior
    return base + adapted.reshape(scores.shape)


def dape_v2(
    scores: Tensor,
    prior: Tensor | None = None,
    *,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    visible: Tensor | None = None,
    edge: str = "released",
) -> Tensor:
    """S + B + f([S; B]) with f two convolutions over the keys, w1 (width, 2 heads, k) and w2 (heads, width, k), k odd.

    visible: which keys a query sees, booleans that broadcast to (n_q, n_k); None is the lower triangle, the queries
    being the last rows. Their inputs alone enter, the others count as zero. edge "released": beyond the first and last
    key stands zero, but at keys that exist and are not seen the first layer still gives its bias; so a row changes when
    keys after it arrive, and key 0 differs from the others. "masked": the first layer is zero at every key that is not
    seen, too: a row depends on what it sees and on lags only.
    """
    where = "dape_v2"
    scores, prior = checked(where, scores, prior)
    if edge not in EDGES:
        raise ValueError(f"{where}: edge must be released or masked, got {edge}")
    w1, b1, w2, b2 = checked_weights(where, scores, prior, (w1, b1, w2, b2), 3)
    if visible is None:
        ones = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
        visible = ones.tril(ahead_of(where, scores))
    inputs = scores if prior is None else torch.cat([scores, prior.expand(scores.shape)], 1)
    padding = (0, w1.shape[2] // 2)
    hidden = conv2d(torch.where(visible, inputs, 0.0), w1[:, :, None], b1, padding=padding)
    hidden = leaky_relu(hidden, SLOPE)
    if edge == "masked":
        hidden = torch.where(visible, hidden, 0.0)
    base = scores if prior is None else scores + prior
    return base + conv2d(hidden, w2[:, :, None], b2, padding=padding)


def ahead_of(where: str, scores: Tensor) -> int:
    """How many keys lie before the first query, the queries being the last rows."""
    if scores.shape[-1] < scores.shape[-2]:
        wanted = f"at least as many keys as queries, got {scores.shape[-1]} and {scores.shape[-2]}"
        raise ValueError(f"{where}: without visible it needs {wanted}")
    return scores.shape[-1] - scores.shape[-2]


def checked(where: str, scores: Tensor, prior: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Scores and prior in the working dtype."""
    floating(where, scores)
    if scores.ndim != 4:
        raise ValueError(f"{where}: scores must be (batch, heads, n_q, n_k), got shape {tuple(scores.shape)}")
    if prior is not None and tuple(prior.shape) != tuple(scores.shape[1:]):
        raise ValueError(f"{where}: prior must have shape {tuple(scores.shape[1:])}, got {tuple(prior.shape)}")
    dtype = working(scores.dtype)
    return scores.to(dtype), None if prior is None else prior.to(dtype)


def checked_weights(
    where: str, scores: Tensor, prior: Tensor | None, weights: tuple[Tensor, ...], ndim: int
) -> tuple[Tensor, ...]:
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
    return tuple(w.to(scores.dtype) for w in weights)
