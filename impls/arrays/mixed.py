"""RoPE over several axes that share the pairs: learned mixtures of them (RoPE-Mixed), one axis for each pair (M-RoPE).

Heo et al., arXiv 2403.13298; Wang et al., Qwen2-VL, arXiv 2409.12191.
"""

from collections.abc import Sequence
from typing import Any

from ..mixed_axes import SECTIONS, section_axes
from ..schedules import rope_schedule, stored
from .common import Array, beside_heads, checked_positions, constant, namespace, working
from .rope import Layout, rotated
from .turns import table


def rope_mixed(
    x: Array, positions: Array, theta: Array, *, layout: Layout = "interleaved", accurate: bool = False
) -> Array:
    """Turn pair p of x (..., length, dim) by Σ_a positions[..., a] · theta[a, p]; positions (..., length, axes).

    theta: (axes, dim // 2), radians per position, taken exactly as stored. The turns of the axes follow one another,
    each with its phase reduced exactly. Raises TypeError for a dtype, ValueError for a shape that does not fit.
    """
    xp, dtype = _opened("rope_mixed", x, positions, layout, accurate)
    pairs = x.shape[-1] // 2
    if theta.ndim != 2 or theta.shape[1] != pairs or not theta.shape[0]:
        raise ValueError(f"rope_mixed: theta must be (axes, {pairs}), got shape {tuple(theta.shape)}")
    positions = checked_positions("rope_mixed", xp, x, positions, int(theta.shape[0]))
    cos, sin = None, None
    for a in range(theta.shape[0]):
        schedule = stored(float(theta[a, p]) for p in range(pairs))
        c, s = table(xp, schedule, positions[..., a : a + 1], fine=True)
        cos, sin = (c, s) if cos is None else (cos * c - sin * s, sin * c + cos * s)
    return _turned(xp, x, cos, sin, dtype, layout)


def m_rope(
    x: Array,
    positions: Array,
    sections: Sequence[int],
    *,
    order: str = "sections",
    base: float = 10000.0,
    rotary_dim: int | None = None,
    layout: Layout = "interleaved",
    accurate: bool = False,
) -> Array:
    """RoPE at positions (..., length, 3) of time, height and width: `sections` pairs for each of them.

    order: "sections" (the pairs of t, then of h, then of w) or "interleaved" (t, h, w in turn). Bounds as in `rope`.
    """
    xp, dtype = _opened("m_rope", x, positions, layout, accurate)
    schedule = rope_schedule(x.shape[-1], base, rotary_dim, 1, "m_rope")
    axes = section_axes(len(schedule.angles), tuple(sections), order)
    positions = checked_positions("m_rope", xp, x, positions, SECTIONS)
    each = xp.take(positions, constant(xp, axes, xp.int64, positions), axis=-1)
    cos, sin = table(xp, schedule, each, fine=accurate or dtype == xp.float64)
    return _turned(xp, x, cos, sin, dtype, layout)


def _opened(where: str, x: Array, positions: Array, layout: str, accurate: bool) -> tuple[Any, Any]:
    xp = namespace(where, x, positions)
    if layout not in ("interleaved", "halves"):
        raise ValueError(f"{where}: layout must be interleaved or halves, got {layout}")
    return xp, working(xp, x.dtype, accurate)


def _turned(xp: Any, x: Array, cos: Array, sin: Array, dtype: Any, layout: str) -> Array:
    cos, sin = (beside_heads(xp, x, xp.astype(part, dtype, copy=False)) for part in (cos, sin))
    return rotated(xp, x, cos, sin, layout=layout, axes=1)
