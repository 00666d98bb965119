"""RoPE over several axes that share the pairs: learned mixtures of them (RoPE-Mixed), one axis for each pair (M-RoPE).

Heo et al., arXiv 2403.13298; Wang et al., Qwen2-VL, arXiv 2409.12191.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..mixed_axes import SECTIONS, section_axes
from ..schedules import rope_schedule as schedule_numbers
from .common import beside_heads, checked_positions, compiled_once, floating, schedule_once, working
from .rope import Layout, check_layout, rotated
from .turns import learned_table, table

_schedule = schedule_once(schedule_numbers)
_axes = compiled_once(section_axes)


def rope_mixed(
    x: Tensor, positions: Tensor, theta: Tensor, *, layout: Layout = "interleaved", accurate: bool = False
) -> Tensor:
    """Turn pair p of x (..., length, dim) by Σ_a positions[..., a] · theta[a, p]; positions (..., length, axes).

    theta: (axes, dim // 2), radians per position, exactly as stored; it receives the gradient. The turns of the axes
    follow one another. Raises TypeError for a dtype, ValueError for a shape that does not fit.
    """
    floating("rope_mixed", x)
    check_layout(layout)
    pairs = x.shape[-1] // 2
    if theta.ndim != 2 or theta.shape[1] != pairs or not theta.shape[0]:
        raise ValueError(f"rope_mixed: theta must be (axes, {pairs}), got shape {tuple(theta.shape)}")
    positions = checked_positions("rope_mixed", x, positions, theta.shape[0])
    cos, sin = learned_table(theta[0], positions[..., :1])
    for a in range(1, theta.shape[0]):
        c, s = learned_table(theta[a], positions[..., a : a + 1])
        cos, sin = cos * c - sin * s, sin * c + cos * s
    return _turned(x, cos, sin, accurate, layout)


def m_rope(
    x: Tensor,
    positions: Tensor,
    sections: Sequence[int],
    *,
    order: str = "sections",
    base: float = 10000.0,
    rotary_dim: int | None = None,
    layout: Layout = "interleaved",
    accurate: bool = False,
) -> Tensor:
    """RoPE at positions (..., length, 3) of time, height and width: `sections` pairs for each of them.

    order: "sections" (the pairs of t, then of h, then of w) or "interleaved" (t, h, w in turn). Bounds as in `rope`.
    """
    floating("m_rope", x)
    check_layout(layout)
    schedule = _schedule(x.shape[-1], base, rotary_dim, 1, "m_rope")
    axes = _axes(len(schedule.angles), tuple(sections), order)
    positions = checked_positions("m_rope", x, positions, SECTIONS)
    each = positions[..., list(axes)]
    cos, sin = table(schedule, each, fine=working(x.dtype, accurate) == torch.float64)
    return _turned(x, cos, sin, accurate, layout)


def _turned(x: Tensor, cos: Tensor, sin: Tensor, accurate: bool, layout: Layout) -> Tensor:
    cos, sin = (beside_heads(x, part.to(working(x.dtype, accurate))) for part in (cos, sin))
    return rotated(x, cos, sin, layout=layout)
