"""Attention with DAPE's scores, tile by tile with an online softmax: no array of the size width × n_q × n_k."""

from collections.abc import Callable
from typing import Any, NamedTuple

from .attention import ahead, checked, divided, grouped
from .common import Array, working
from .dape import dape, dape_v2
from .dense import scores as products

Prior = Callable[[Array, Array], Array] | None
TILE = (64, 256)


def dape_attention(
    q: Array,
    k: Array,
    v: Array,
    prior: Prior = None,
    *,
    w1: Array,
    b1: Array,
    w2: Array,
    b2: Array,
    form: str = "residual",
    edge: str = "released",
    causal: bool = True,
    scale: float | None = None,
    query_positions: Array | None = None,
    key_positions: Array | None = None,
    tile: tuple[int, int] | None = TILE,
) -> Array:
    """softmax(mask(A)) v with A = `dape` (w1 of 2 axes) or `dape_v2` (3 axes, edge) of scale · q·k and the prior.

    q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim), v (batch, kv_heads, n_k, d_v) → (batch, heads, n_q, d_v)
    in the dtype of q. prior: (query_positions, key_positions) → (heads, n_q, n_k), such as a bias bound to its numbers,
    or None. scale None is 1/√dim. Positions (length,); None counts keys from 0, queries too, or causal as the last
    rows: so a decoded row is the row of the whole. causal: a key is seen if its position is not after the query's.
    tile: queries and keys held together, None for all; memory beside the output grows with width · tile, not n_q · n_k.
    """
    where = "dape_attention"
    xp, _ = checked(where, q, k, v, "softmax", ("softmax",))
    if tile is not None and min(tile) < 1:
        raise ValueError(f"{where}: tile must be two numbers of at least 1, got {tile}")
    first = ahead(where, q, k) if causal and query_positions is None and key_positions is None else 0
    if query_positions is None:
        query_positions = xp.arange(q.shape[-2], dtype=xp.int64, device=q.device) + first
    if key_positions is None:
        key_positions = xp.arange(k.shape[-2], dtype=xp.int64, device=q.device)
    weights = {"w1": w1, "b1": b1, "w2": w2, "b2": b2}
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    run = _Run(xp, k, v, prior, key_positions, weights, form, edge, causal, scale)
    rows, keys = (max(q.shape[-2], 1), max(k.shape[-2], 1)) if tile is None else tile
    outs = []
    for start in range(0, max(q.shape[-2], 1), rows):
        part = slice(start, min(start + rows, q.shape[-2]))
        total, weight = _row_tile(run, q[:, :, part, :], query_positions[part], keys)
        out = divided(where, xp, total, weight, start)
        outs.append(xp.astype(xp.reshape(out, (*q.shape[:2], *out.shape[-2:])), q.dtype, copy=False))
    return outs[0] if len(outs) == 1 else xp.concat(outs, axis=-2)


class _Run(NamedTuple):
    xp: Any
    k: Array
    v: Array
    prior: Prior
    positions: Array
    weights: dict[str, Array]
    form: str
    edge: str
    causal: bool
    scale: float


def _row_tile(run: _Run, q: Array, positions: Array, keys: int) -> tuple[Array, Array]:
    """Σ e^A v (batch, kv_heads, group, rows, d_v) and Σ e^A, both divided by e^(the row's maximum)."""
    xp, size, dtype = run.xp, run.k.shape[-2], working(run.xp, q.dtype)
    shape = (q.shape[0], run.k.shape[1], q.shape[1] // run.k.shape[1], q.shape[-2])
    total = xp.zeros((*shape, run.v.shape[-1]), dtype=dtype, device=q.device)
    weight = xp.zeros(shape, dtype=dtype, device=q.device)
    kept = (weight - xp.inf, total, weight)
    for start in range(0, size, keys):
        stop = min(start + keys, size)
        logits = grouped(xp, _adapted(run, q, positions, start, stop), run.k.shape[1])
        values = xp.astype(run.v[:, :, None, start:stop, :], logits.dtype, copy=False)
        kept = _absorbed(xp, kept, logits, values)
    return kept[1], kept[2]


def _absorbed(xp: Any, kept: tuple[Array, Array, Array], logits: Array, values: Array) -> tuple[Array, Array, Array]:
    """(largest, Σ e^(A − largest) v, Σ e^(A − largest)) after some more keys."""
    largest = xp.maximum(xp.max(logits, axis=-1), kept[0])
    shift = xp.where(xp.isinf(largest), xp.zeros_like(largest), largest)  # no key seen as yet
    weights, shrunk = xp.exp(logits - shift[..., None]), xp.exp(kept[0] - shift)
    total = xp.matmul(weights, values) + shrunk[..., None] * kept[1]
    return largest, total, xp.sum(weights, axis=-1) + shrunk * kept[2]


def _adapted(run: _Run, q: Array, positions: Array, start: int, stop: int) -> Array:
    """A of some rows at the keys start … stop − 1, −inf where they are not seen."""
    xp, filters = run.xp, run.weights["w1"]
    halo = filters.shape[-1] - 1 if filters.ndim == 3 else 0  # two layers, each reading k // 2 keys on both sides
    low, high = max(start - halo, 0), min(stop + halo, run.k.shape[-2])
    key_positions = run.positions[low:high]
    scores = products(q, run.k[:, :, low:high, :], run.scale)
    prior = None if run.prior is None else run.prior(positions, key_positions)
    visible = positions[:, None] >= key_positions[None, :]
    visible = visible if run.causal else xp.ones_like(visible)
    if filters.ndim == 3:
        adapted = dape_v2(scores, prior, **run.weights, visible=visible, edge=run.edge)
    else:
        adapted = dape(scores, prior, **run.weights, form=run.form)
    kept = (..., slice(start - low, stop - low))
    return xp.where(visible[kept], adapted[kept], -xp.inf)
