"""Retention: o_s = Σ_{t ≤ s} γ^(s − t) (R_s q_s · R_t k_t) v_t, as a table of scores, by chunks, or token by token.

Sun et al., Retentive Network, arXiv 2307.08621; with learned angles it is the decaying LRPE of arXiv 2307.14995.
No γ^(−t) is ever formed: a state is moved from token to token, or chunk to chunk, by what decays in between.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ..retained import log_rates, retnet_schedule
from ..schedules import Schedule
from .common import beside_heads, checked_positions, compiled_once, floating, schedule_once, working
from .rope import rotated
from .turns import learned_table, table

_schedule = schedule_once(retnet_schedule)
_logs = compiled_once(log_rates)
CHUNK = 64


class Retained(NamedTuple):
    """What one call hands to the next: Σ γ^(p − t) k̂ vᵀ, (batch, heads, dim, d_v), and p, the position it stands at."""

    state: Tensor
    position: Tensor


def retnet(
    x: Tensor,
    positions: Tensor,
    side: Literal["query", "key"] = "query",
    *,
    decay: float,
    base: float = 10000.0,
    theta: Sequence[float] | Tensor | None = None,
    accurate: bool = False,
) -> Tensor:
    """γ^s R_s q or γ^(−t) R_t k, (..., length, dim): the encoded vectors, for short ranges; attention is `retention`.

    decay: γ in (0, 1]. theta: learned angles (dim // 2,), else base^(−linspace(0, 1, dim/2)).
    """
    floating("retnet", x)
    if side not in ("query", "key"):
        raise ValueError(f"retnet: side must be query or key, got {side}")
    dtype = working(x.dtype, accurate)
    positions = checked_positions("retnet", x, positions, 1)
    cos, sin = _table(x, positions, base, theta, dtype)
    factor = torch.exp(positions.to(torch.float64) * (1 if side == "query" else -1) * _logs("retnet", decay)[0])
    cos, sin = (beside_heads(x, (part * factor).to(dtype)) for part in (cos, sin))
    return rotated(x, cos, sin, layout="interleaved")


def retention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    positions: Tensor,
    *,
    decay: float | Sequence[float],
    base: float = 10000.0,
    theta: Sequence[float] | Tensor | None = None,
    form: str = "chunked",
    chunk: int | None = None,
    carry: Retained | bool | None = None,
    scale: float | None = None,
) -> Any:
    """Causal retention, (batch, heads, n, d_v) in the dtype of q, or (out, Retained) if carry is asked for.

    q, k (batch, heads, n, dim), v (batch, heads, n, d_v), positions (n,) not decreasing. decay: γ for all heads, or one
    for each. form: "dense" | "chunked" | "recurrent". carry: True starts, a Retained continues. No row is divided.
    """
    floating("retention", q)
    rates = _rates(decay, q.shape[1])
    if form not in ("dense", "chunked", "recurrent"):
        raise ValueError(f"retention: form must be dense, chunked or recurrent, got {form}")
    if tuple(k.shape) != tuple(q.shape) or v.shape[:3] != q.shape[:3]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (q, k, v))
        raise ValueError(f"retention: q, k and v must have the same rows and heads, got {shapes}")
    dtype = working(q.dtype)
    at = checked_positions("retention", q, positions, 1)
    cos, sin = (part.to(dtype) for part in _table(q, at, base, theta, dtype))
    turned = [rotated(x.to(dtype), cos, sin, layout="interleaved") for x in (q, k)]
    logs = torch.tensor(rates, dtype=torch.float64, device=q.device)[:, None]  # (heads, 1)
    held = _start(turned[1], v, at, carry, dtype)
    size = {"dense": max(q.shape[-2], 1), "recurrent": 1}.get(form, chunk or CHUNK)
    outs = []
    for start in range(0, max(q.shape[-2], 1), size):
        rows = slice(start, start + size)
        part = [x[..., rows, :] for x in (*turned, v.to(dtype))]
        out, held = _advance(part, at[rows, 0].to(torch.float64), logs, held, dtype)
        outs.append(out)
    out = outs[0] if len(outs) == 1 else torch.cat(outs, -2)
    out = (out if scale is None else out * scale).to(q.dtype)
    return (out, held) if carry is not None and carry is not False else out


def _advance(
    rows: list[Tensor], at: Tensor, logs: Tensor, held: Retained, dtype: torch.dtype
) -> tuple[Tensor, Retained]:
    """The output of some rows and what is held after them: before them through the state, among them by scores."""
    q, k, v = rows
    if at.shape[0] == 0:
        return q.new_zeros(*q.shape[:-1], v.shape[-1]), held

    def powers(steps: Tensor) -> Tensor:
        return torch.exp(logs[..., None] * steps).to(dtype)

    steps = at[:, None] - at[None, :]
    within = torch.tril(q @ k.mT * powers(torch.tril(steps)))
    since = powers((at - held.position)[:, None])
    out = within @ v + q @ held.state * since
    left = powers((at[-1] - at)[:, None])
    state = held.state * since[:, -1:, :] + (k * left).mT @ v
    return out, Retained(state, at[-1])


def _start(k: Tensor, v: Tensor, at: Tensor, carry: Any, dtype: torch.dtype) -> Retained:
    if isinstance(carry, Retained):
        return carry
    first = at[0, 0].to(torch.float64) if at.shape[0] else at.new_zeros((), dtype=torch.float64)
    return Retained(k.new_zeros(*k.shape[:2], k.shape[-1], v.shape[-1], dtype=dtype), first)


def _table(x: Tensor, positions: Tensor, base: float, theta: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    if theta is None:
        schedule: Schedule = _schedule(x.shape[-1], base)
        return table(schedule, positions, fine=dtype == torch.float64)
    angles = theta if isinstance(theta, Tensor) else torch.tensor(theta, dtype=torch.float64, device=x.device)
    if angles.shape != (x.shape[-1] // 2,):
        raise ValueError(f"retnet: theta must have {x.shape[-1] // 2} angles, got {angles.numel()}")
    return learned_table(angles, positions)


def _rates(decay: float | Sequence[float], heads: int) -> list[float]:
    each = [decay] * heads if isinstance(decay, (int, float)) else [float(one) for one in decay]
    if len(each) != heads:
        raise ValueError(f"retention: decay must be one number, or one for each of {heads} heads, got {len(each)}")
    return list(_logs("retention", *each))
