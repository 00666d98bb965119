"""Attention with DAPE's scores, tile by tile with an online softmax: no tensor of the size width × n_q × n_k."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .attention import ahead, checked, divided, grouped
from .common import working
from .dape import dape, dape_v2
from .dense import scores as products

Prior = Callable[[Tensor, Tensor], Tensor] | None
TILE = (64, 256)


def dape_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    prior: Prior = None,
    *,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    form: str = "residual",
    edge: str = "released",
    causal: bool = True,
    scale: float | None = None,
    query_positions: Tensor | None = None,
    key_positions: Tensor | None = None,
    tile: tuple[int, int] | None = TILE,
) -> Tensor:
    """softmax(mask(A)) v with A = `dape` (w1 of 2 axes) or `dape_v2` (3 axes, edge) of scale · q·k and the prior.

    q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim), v (batch, kv_heads, n_k, d_v) → (batch, heads, n_q, d_v)
    in the dtype of q. prior: (query_positions, key_positions) → (heads, n_q, n_k), such as a bias bound to its numbers,
    or None. scale None is 1/√dim. Positions (length,); None counts keys from 0, queries too, or causal as the last
    rows: so a decoded row is the row of the whole. causal: a key is seen if its position is not after the query's.
    tile: queries and keys held together, None for all; memory beside the output grows with width · tile, not n_q · n_k.
    Tiles are formed again for the gradient instead of being kept.
    """
    where = "dape_attention"
    checked(where, q, k, v, "softmax", ("softmax",))
    if tile is not None and min(tile) < 1:
        raise ValueError(f"{where}: tile must be two numbers of at least 1, got {tile}")
    first = ahead(where, q, k) if causal and query_positions is None and key_positions is None else 0
    if query_positions is None:
        query_positions = torch.arange(q.shape[-2], device=q.device) + first
    if key_positions is None:
        key_positions = torch.arange(k.shape[-2], device=q.device)
    weights = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    rows, keys = (max(q.shape[-2], 1), max(k.shape[-2], 1)) if tile is None else tile
    run = _Run(k, v, prior, key_positions, weights, form, edge, causal, scale, tile is not None)
    outs = []
    for start in range(0, max(q.shape[-2], 1), rows):
        part = slice(start, min(start + rows, q.shape[-2]))
        total, weight = _again(run, _row_tile, run, q[:, :, part], query_positions[part], keys)
        outs.append(divided(where, total, weight, start).flatten(1, 2).to(q.dtype))
    return outs[0] if len(outs) == 1 else torch.cat(outs, -2)


class _Run(NamedTuple):
    k: Tensor
    v: Tensor
    prior: Prior
    positions: Tensor
    weights: dict[str, Tensor]
    form: str
    edge: str
    causal: bool
    scale: float
    tiled: bool


def _again(run: _Run, function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, kept for the gradient without what it was made from."""
    if run.tiled and torch.is_grad_enabled():
        return checkpoint(function, *arguments, use_reentrant=False, preserve_rng_state=False)
    return function(*arguments)


def _row_tile(run: _Run, q: Tensor, positions: Tensor, keys: int) -> tuple[Tensor, Tensor]:
    """Σ e^A v (batch, kv_heads, group, rows, d_v) and Σ e^A, both divided by e^(the row's maximum)."""
    size, dtype, device = run.k.shape[-2], working(q.dtype), q.device
    shape = (q.shape[0], run.k.shape[1], q.shape[1] // run.k.shape[1], q.shape[-2])
    weight = torch.zeros(shape, dtype=dtype, device=device)
    kept = (weight - torch.inf, weight.new_zeros(*shape, run.v.shape[-1]), weight)
    for start in range(0, size, keys):
        kept = _again(run, _key_tile, run, kept, q, positions, start, min(start + keys, size))
    return kept[1], kept[2]


def _key_tile(
    run: _Run, kept: tuple[Tensor, Tensor, Tensor], q: Tensor, positions: Tensor, start: int, stop: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(largest, Σ e^(A − largest) v, Σ e^(A − largest)) after the keys start … stop − 1."""
    logits = grouped(_adapted(run, q, positions, start, stop), run.k.shape[1])
    largest = torch.maximum(logits.detach().amax(-1), kept[0])
    shift = torch.where(largest.isinf(), 0.0, largest)  # no key seen as yet
    weights, shrunk = torch.exp(logits - shift[..., None]), torch.exp(kept[0] - shift)
    total = weights @ run.v[:, :, None, start:stop].to(weights.dtype) + shrunk[..., None] * kept[1]
    return largest, total, weights.sum(-1) + shrunk * kept[2]


def _adapted(run: _Run, q: Tensor, positions: Tensor, start: int, stop: int) -> Tensor:
    """A of some rows at the keys start … stop − 1, −inf where they are not seen."""
    filters = run.weights["w1"]
    halo = filters.shape[-1] - 1 if filters.ndim == 3 else 0  # two layers, each reading k // 2 keys on both sides
    low, high = max(start - halo, 0), min(stop + halo, run.k.shape[-2])
    key_positions = run.positions[low:high]
    scores = products(q, run.k[:, :, low:high], run.scale)
    prior = None if run.prior is None else run.prior(positions, key_positions)
    visible = positions[:, None] >= key_positions
    visible = visible if run.causal else torch.ones_like(visible)
    if filters.ndim == 3:
        adapted = dape_v2(scores, prior, **run.weights, visible=visible, edge=run.edge)
    else:
        adapted = dape(scores, prior, **run.weights, form=run.form)
    kept = (..., slice(start - low, stop - low))
    return torch.where(visible[kept], adapted[kept], -torch.inf)
