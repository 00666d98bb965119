"""sineSPE: random features whose products have the mean Σ_d q_d P_d k_d, and the finite features that have it exactly.

P_d(m − n) = Σ_k λ_kd² cos(2π f_kd (m − n) + θ_kd), m the query's position and n the key's; in the lag τ = n − m the
phase enters as −θ. Liutkus et al., ICML 2021, arXiv 2105.08399.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..philox import Seeded
from ..spe_shapes import check_noise, check_side, sine_sizes
from .attention import grouped
from .common import checked_positions, floating, working
from .gates import epsilon, shares
from .noise import by_head
from .phases import cosines

BLOCK = 1 << 21  # finite features formed at once


def sine_noise(like: Tensor, heads: int, dim: int, sines: int, realizations: int, *, seed: int) -> Tensor:
    """Z, (heads, dim, 2 sines, R) standard normals in the dtype and on the device of `like`; row 2k goes with cos."""
    return by_head("sine_noise", like, "sine", (heads, dim, 2 * sines, realizations), seed)


def sine_spe(
    x: Tensor,
    positions: Tensor,
    side: str,
    *,
    frequencies: Tensor,
    phases: Tensor,
    gains: Tensor,
    noise: Tensor | Seeded,
    gate: Tensor | None = None,
    gate_noise: Tensor | Seeded | None = None,
) -> Tensor:
    """x̂ (batch, heads, length, R) in the dtype of x: x̂_r = R^(-1/2) Σ_d x_d Q̄_d(position, r); E q̂·k̂ = Σ_d q_d P_d k_d.

    x (batch, heads, length, dim); positions (length,) or (batch, length), integers or real, with a trailing axis of
    `axes` numbers when frequencies have one. side "query" or "key": the phase is the query's alone. frequencies in
    cycles per position, (heads, dim, sines) or (heads, dim, sines, axes); phases in radians and gains λ, (heads, dim,
    sines); their heads divide those of x. noise: Z of `sine_noise`, the same for both sides, or Seeded(seed, R), which
    draws that Z at every call. gate: δ (heads, dim) in [0, 1], with gate_noise (heads, dim, R) or that of the seed.
    The variance of q̂·k̂ is (a b + c²) / R. No 1/√dim and no 1/(2 sines) is hidden here: the released code's gains g
    are λ √(2 sines), its features (R/dim)^(1/4) times these. Everything has a gradient; at δ = 0 or 1 that of the gate
    is infinite, as the square root's is. Raises ValueError and TypeError, one line each.
    """
    where = "sine_spe"
    plan = _plan(where, x, positions, side, frequencies, phases, gains, gate)
    projection = _projection(where, x, plan, noise, gate_noise)
    step = max(1, BLOCK // max(1, x.shape[0] * x.shape[1] * projection.shape[-2]))
    made = [
        (_finite(x, plan, start, min(start + step, x.shape[-2])) @ projection).to(x.dtype)
        for start in range(0, x.shape[-2], step)
    ]
    return torch.cat(made, -2).flatten(1, 2) if made else x.new_zeros(*x.shape[:-1], projection.shape[-1])


def sine_spe_exact(
    x: Tensor,
    positions: Tensor,
    side: str,
    *,
    frequencies: Tensor,
    phases: Tensor,
    gains: Tensor,
    gate: Tensor | None = None,
) -> Tensor:
    """The deterministic twin, (batch, heads, length, 2 dim sines [+ dim]): q̂·k̂ = Σ_d q_d P_d k_d exactly, no noise.

    Coordinate d, then sine k, then (cos, sin); a gate appends √δ_d x_d. Arguments as in `sine_spe`, whose features are
    these times the noise.
    """
    plan = _plan("sine_spe_exact", x, positions, side, frequencies, phases, gains, gate)
    return _finite(x, plan, 0, x.shape[-2]).flatten(1, 2).to(x.dtype)


class _Plan(NamedTuple):
    dtype: torch.dtype
    heads: int
    sines: int
    positions: Tensor  # (batch or 1, length, axes)
    frequencies: Tensor  # (heads, dim, sines, axes)
    phases: Tensor | None
    gains: Tensor
    gates: tuple[Tensor, Tensor] | None


def _plan(
    where: str,
    x: Tensor,
    positions: Tensor,
    side: str,
    frequencies: Tensor,
    phases: Tensor,
    gains: Tensor,
    gate: Tensor | None,
) -> _Plan:
    floating(where, x)
    shapes = (tuple(tensor.shape) for tensor in (x, frequencies, phases, gains))
    check_side(where, side)
    sizes, axes = sine_sizes(where, *shapes)
    placed = checked_positions(where, x, positions, axes)
    dtype = working(x.dtype)
    return _Plan(
        dtype,
        sizes.heads,
        sizes.terms,
        placed if placed.ndim == 3 else placed[None],
        frequencies if frequencies.ndim == 4 else frequencies[..., None],
        phases if side == "query" else None,
        gains,
        None if gate is None else shares(where, gate, (sizes.heads, x.shape[-1]), dtype),
    )


def _finite(x: Tensor, plan: _Plan, start: int, stop: int) -> Tensor:
    """Rows of the finite features, (batch, heads, group, rows, 2 dim sines [+ dim])."""
    rows = grouped(x[..., start:stop, :].to(plan.dtype), plan.heads)
    places = plan.positions[:, None, None, start:stop, None, None, :]
    offset = None if plan.phases is None else plan.phases[None, :, None, None]
    waves = torch.stack(cosines(plan.frequencies[None, :, None, None], places, offset), -1).to(plan.dtype)
    waves = waves * plan.gains.to(plan.dtype)[None, :, None, None, :, :, None]
    moved = rows if plan.gates is None else rows * plan.gates[0]
    features = (moved[..., None, None] * waves).flatten(-3)
    return features if plan.gates is None else torch.cat([features, rows * plan.gates[1]], -1)


def _projection(
    where: str, x: Tensor, plan: _Plan, noise: Tensor | Seeded, gate_noise: Tensor | Seeded | None
) -> Tensor:
    """Z, and ε below it when gated, times R^(-1/2): (heads, 1, 2 dim sines [+ dim], R)."""
    dim = x.shape[-1]
    drawn = (
        sine_noise(x, plan.heads, dim, plan.sines, *noise[1:], seed=noise.seed) if isinstance(noise, Seeded) else noise
    )
    count = check_noise(where, "noise", tuple(drawn.shape), (plan.heads, dim, 2 * plan.sines))
    drawn = drawn.flatten(1, 2).to(plan.dtype)
    if plan.gates is not None:
        content = epsilon(where, x, gate_noise, noise, (plan.heads, dim, count))
        drawn = torch.cat([drawn, content.to(plan.dtype)], 1)
    projection: Tensor = drawn[:, None] * count**-0.5
    return projection
