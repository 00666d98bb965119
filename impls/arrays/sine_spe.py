"""sineSPE: random features whose products have the mean Σ_d q_d P_d k_d, and the finite features that have it exactly.

P_d(m − n) = Σ_k λ_kd² cos(2π f_kd (m − n) + θ_kd), m the query's position and n the key's; in the lag τ = n − m the
phase enters as −θ. Liutkus et al., ICML 2021, arXiv 2105.08399.
"""

from typing import Any, NamedTuple

import array_api_compat

from ..philox import Seeded
from ..spe_shapes import check_noise, check_side, sine_sizes
from .attention import grouped
from .common import Array, checked_positions, namespace, working
from .gates import epsilon, shares
from .noise import by_head
from .phases import cosines

BLOCK = 1 << 21  # finite features formed at once


def sine_noise(like: Array, heads: int, dim: int, sines: int, realizations: int, *, seed: int) -> Array:
    """Z, (heads, dim, 2 sines, R) standard normals in the dtype and on the device of `like`; row 2k goes with cos."""
    return by_head("sine_noise", like, "sine", (heads, dim, 2 * sines, realizations), seed)


def sine_spe(
    x: Array,
    positions: Array,
    side: str,
    *,
    frequencies: Array,
    phases: Array,
    gains: Array,
    noise: Array | Seeded,
    gate: Array | None = None,
    gate_noise: Array | Seeded | None = None,
) -> Array:
    """x̂ (batch, heads, length, R) in the dtype of x: x̂_r = R^(-1/2) Σ_d x_d Q̄_d(position, r); E q̂·k̂ = Σ_d q_d P_d k_d.

    x (batch, heads, length, dim); positions (length,) or (batch, length), integers or real, with a trailing axis of
    `axes` numbers when frequencies have one. side "query" or "key": the phase is the query's alone. frequencies in
    cycles per position, (heads, dim, sines) or (heads, dim, sines, axes); phases in radians and gains λ, (heads, dim,
    sines); their heads divide those of x. noise: Z of `sine_noise`, the same for both sides, or Seeded(seed, R), which
    draws that Z at every call. gate: δ (heads, dim) in [0, 1], with gate_noise (heads, dim, R) or that of the seed.
    The variance of q̂·k̂ is (a b + c²) / R. No 1/√dim and no 1/(2 sines) is hidden here: the released code's gains g
    are λ √(2 sines), its features (R/dim)^(1/4) times these. Raises ValueError and TypeError, one line each.
    """
    where = "sine_spe"
    plan = _plan(where, x, positions, side, frequencies, phases, gains, gate)
    projection = _projection(where, x, plan, noise, gate_noise)
    xp, length, made = plan.xp, x.shape[-2], []
    step = max(1, BLOCK // max(1, x.shape[0] * x.shape[1] * projection.shape[-2]))
    for start in range(0, max(length, 1), step):
        rows = xp.matmul(_finite(x, plan, start, min(start + step, length)), projection)
        made.append(xp.astype(rows, x.dtype, copy=False))
    out = made[0] if len(made) == 1 else xp.concat(made, axis=-2)
    return xp.reshape(out, (*x.shape[:-1], projection.shape[-1]))


def sine_spe_exact(
    x: Array,
    positions: Array,
    side: str,
    *,
    frequencies: Array,
    phases: Array,
    gains: Array,
    gate: Array | None = None,
) -> Array:
    """The deterministic twin, (batch, heads, length, 2 dim sines [+ dim]): q̂·k̂ = Σ_d q_d P_d k_d exactly, no noise.

    Coordinate d, then sine k, then (cos, sin); a gate appends √δ_d x_d. Arguments as in `sine_spe`, whose features are
    these times the noise.
    """
    plan = _plan("sine_spe_exact", x, positions, side, frequencies, phases, gains, gate)
    rows = _finite(x, plan, 0, x.shape[-2])
    return plan.xp.astype(plan.xp.reshape(rows, (*x.shape[:-1], rows.shape[-1])), x.dtype, copy=False)


class _Plan(NamedTuple):
    xp: Any
    dtype: Any
    heads: int
    sines: int
    positions: Array  # (batch or 1, length, axes)
    frequencies: Array  # (heads, dim, sines, axes)
    phases: Array | None
    gains: Array
    gates: tuple[Array, Array] | None


def _plan(
    where: str, x: Array, positions: Array, side: str, frequencies: Array, phases: Array, gains: Array, gate: Any
) -> _Plan:
    xp, side = namespace(where, x, positions, frequencies, phases, gains, gate), check_side(where, side)
    shapes = (tuple(array.shape) for array in (x, frequencies, phases, gains))
    sizes, axes = sine_sizes(where, *shapes)
    placed = checked_positions(where, xp, x, positions, axes)
    dtype = working(xp, x.dtype)
    return _Plan(
        xp,
        dtype,
        sizes.heads,
        sizes.terms,
        placed if placed.ndim == 3 else placed[None, ...],
        frequencies if frequencies.ndim == 4 else frequencies[..., None],
        phases if side == "query" else None,
        gains,
        None if gate is None else shares(where, xp, gate, (sizes.heads, x.shape[-1]), dtype),
    )


def _finite(x: Array, plan: _Plan, start: int, stop: int) -> Array:
    """Rows of the finite features, (batch, heads, group, rows, 2 dim sines [+ dim])."""
    xp = plan.xp
    rows = grouped(xp, xp.astype(x[..., start:stop, :], plan.dtype, copy=False), plan.heads)
    places = plan.positions[:, None, None, start:stop, None, None, :]
    offset = None if plan.phases is None else plan.phases[None, :, None, None, :, :]
    cos, sin = cosines(xp, plan.frequencies[None, :, None, None, ...], places, offset)
    waves = xp.astype(xp.stack([cos, sin], axis=-1), plan.dtype, copy=False)
    waves = waves * xp.astype(plan.gains, plan.dtype, copy=False)[None, :, None, None, :, :, None]
    moved = rows if plan.gates is None else rows * plan.gates[0]
    features = xp.reshape(moved[..., None, None] * waves, (*rows.shape[:-1], 2 * plan.sines * x.shape[-1]))
    return features if plan.gates is None else xp.concat([features, rows * plan.gates[1]], axis=-1)


def _projection(where: str, x: Array, plan: _Plan, noise: Array | Seeded, gate_noise: Any) -> Array:
    """Z, and ε below it when gated, times R^(-1/2): (heads, 1, 2 dim sines [+ dim], R)."""
    xp, dim = plan.xp, x.shape[-1]
    drawn = (
        sine_noise(x, plan.heads, dim, plan.sines, *noise[1:], seed=noise.seed) if isinstance(noise, Seeded) else noise
    )
    count = check_noise(where, "noise", tuple(drawn.shape), (plan.heads, dim, 2 * plan.sines))
    array_api_compat.array_namespace(x, drawn)
    drawn = xp.reshape(drawn, (plan.heads, -1, count))
    if plan.gates is not None:
        content = epsilon(where, x, gate_noise, noise, (plan.heads, dim, count))
        drawn = xp.concat([drawn, xp.astype(content, drawn.dtype, copy=False)], axis=1)
    return xp.astype(drawn, plan.dtype, copy=False)[:, None, :, :] * count**-0.5
