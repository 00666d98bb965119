"""Retention: o_s = Σ_{t ≤ s} γ^(s − t) (R_s q_s · R_t k_t) v_t, as a table of scores, by chunks, or token by token.

Sun et al., Retentive Network, arXiv 2307.08621; with learned angles it is the decaying LRPE of arXiv 2307.14995.
No γ^(−t) is ever formed: a state is moved from token to token, or chunk to chunk, by what decays in between.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import array_api_compat

from ..retained import log_rates, retnet_schedule
from ..schedules import Schedule, stored
from .common import Array, beside_heads, checked_positions, constant, namespace, working
from .rope import rotated
from .turns import table

CHUNK = 64


class Retained(NamedTuple):
    """What one call hands to the next: Σ γ^(p − t) k̂ vᵀ, (batch, heads, dim, d_v), and p, the position it stands at."""

    state: Array
    position: Array


def retnet(
    x: Array,
    positions: Array,
    side: Literal["query", "key"] = "query",
    *,
    decay: float,
    base: float = 10000.0,
    theta: Sequence[float] | Array | None = None,
    accurate: bool = False,
) -> Array:
    """γ^s R_s q or γ^(−t) R_t k, (..., length, dim): the encoded vectors, for short ranges; attention is `retention`.

    decay: γ in (0, 1]. theta: learned angles (dim // 2,), else base^(−linspace(0, 1, dim/2)).
    """
    xp = namespace("retnet", x, positions)
    if side not in ("query", "key"):
        raise ValueError(f"retnet: side must be query or key, got {side}")
    dtype = working(xp, x.dtype, accurate)
    positions = checked_positions("retnet", xp, x, positions, 1)
    cos, sin = table(xp, _angles(x.shape[-1], base, theta), positions, fine=dtype == xp.float64)
    factor = xp.exp(xp.astype(positions, xp.float64) * (1 if side == "query" else -1) * log_rates("retnet", decay)[0])
    cos, sin = (beside_heads(xp, x, xp.astype(part * factor, dtype, copy=False)) for part in (cos, sin))
    return rotated(xp, x, cos, sin, layout="interleaved", axes=1)


def retention(
    q: Array,
    k: Array,
    v: Array,
    positions: Array,
    *,
    decay: float | Sequence[float],
    base: float = 10000.0,
    theta: Sequence[float] | Array | None = None,
    form: str = "chunked",
    chunk: int | None = None,
    carry: Retained | bool | None = None,
    scale: float | None = None,
) -> Any:
    """Causal retention, (batch, heads, n, d_v) in the dtype of q, or (out, Retained) if carry is asked for.

    q, k (batch, heads, n, dim), v (batch, heads, n, d_v), positions (n,) not decreasing. decay: γ for all heads, or one
    for each. form: "dense" | "chunked" | "recurrent". carry: True starts, a Retained continues. No row is divided.
    """
    xp = namespace("retention", q, k, v, positions)
    rates = _rates(decay, q.shape[1])
    if form not in ("dense", "chunked", "recurrent"):
        raise ValueError(f"retention: form must be dense, chunked or recurrent, got {form}")
    if tuple(k.shape) != tuple(q.shape) or v.shape[:3] != q.shape[:3]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (q, k, v))
        raise ValueError(f"retention: q, k and v must have the same rows and heads, got {shapes}")
    dtype = working(xp, q.dtype)
    at = checked_positions("retention", xp, q, positions, 1)
    cos, sin = table(xp, _angles(q.shape[-1], base, theta), at, fine=dtype == xp.float64)
    cos, sin = (xp.astype(part, dtype, copy=False) for part in (cos, sin))
    turned = [rotated(xp, xp.astype(x, dtype, copy=False), cos, sin, layout="interleaved", axes=1) for x in (q, k)]
    logs = constant(xp, rates, xp.float64, q)[:, None]  # (heads, 1)
    held = _start(xp, turned[1], v, at, carry, dtype)
    size = {"dense": max(q.shape[-2], 1), "recurrent": 1}.get(form, chunk or CHUNK)
    outs = []
    for start in range(0, max(q.shape[-2], 1), size):
        rows = slice(start, min(start + size, q.shape[-2]))
        part = [x[..., rows, :] for x in (*turned, xp.astype(v, dtype, copy=False))]
        out, held = _advance(xp, part, xp.astype(at[rows, 0], xp.float64), logs, held, dtype)
        outs.append(out)
    out = outs[0] if len(outs) == 1 else xp.concat(outs, axis=-2)
    out = xp.astype(out if scale is None else out * scale, q.dtype, copy=False)
    return (out, held) if carry is not None and carry is not False else out


def _advance(xp: Any, rows: list[Array], at: Array, logs: Array, held: Retained, dtype: Any) -> tuple[Array, Retained]:
    """The output of some rows and what is held after them: before them through the state, among them by scores."""
    q, k, v = rows
    if at.shape[0] == 0:
        return _zeros(xp, (*q.shape[:-1], v.shape[-1]), dtype, q), held

    def powers(steps: Array) -> Array:
        return xp.astype(xp.exp(logs[..., None] * steps), dtype, copy=False)

    steps = at[:, None] - at[None, :]
    within = xp.tril(xp.matmul(q, xp.matrix_transpose(k)) * powers(xp.tril(steps)))
    since = powers((at - held.position)[:, None])
    out = xp.matmul(within, v) + xp.matmul(q, held.state) * since
    left = powers((at[-1] - at)[:, None])
    state = held.state * since[:, -1:, :] + xp.matmul(xp.matrix_transpose(k * left), v)
    return out, Retained(state, at[-1])


def _start(xp: Any, k: Array, v: Array, at: Array, carry: Any, dtype: Any) -> Retained:
    if isinstance(carry, Retained):
        return carry
    first = xp.astype(at[0, 0], xp.float64) if at.shape[0] else constant(xp, 0.0, xp.float64, k)
    return Retained(_zeros(xp, (*k.shape[:2], k.shape[-1], v.shape[-1]), dtype, k), first)


def _zeros(xp: Any, shape: tuple[int, ...], dtype: Any, like: Array) -> Array:
    return xp.zeros(shape, dtype=dtype, device=array_api_compat.device(like))


def _angles(dim: int, base: float, theta: Any) -> Schedule:
    if theta is None:
        return retnet_schedule(dim, base)
    count = theta.shape[0] if hasattr(theta, "shape") else len(theta)
    if count != dim // 2:
        raise ValueError(f"retnet: theta must have {dim // 2} angles, got {count}")
    return stored(float(theta[i]) for i in range(count))


def _rates(decay: float | Sequence[float], heads: int) -> list[float]:
    each = [decay] * heads if isinstance(decay, (int, float)) else [float(one) for one in decay]
    if len(each) != heads:
        raise ValueError(f"retention: decay must be one number, or one for each of {heads} heads, got {len(each)}")
    return list(log_rates("retention", *each))
