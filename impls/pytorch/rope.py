"""RoPE: pair p of x_s is turned by s · base^(-2p · axes / rotary_dim); the other coordinates pass unchanged.

Su et al., RoFormer, arXiv 2104.09864; several axes (axial): equal sections of the coordinates, one for each axis.
Scaled frequencies: `scalings`, in the numbers that a configuration prints.
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ..scalings import BY_LENGTH, NAMES, Frozen, frozen, scaled_schedule
from ..schedules import Schedule
from ..schedules import rope_schedule as schedule_numbers
from .common import beside_heads, checked_positions, floating, schedule_once, working
from .turns import table as turn_table

Layout = Literal["interleaved", "halves"]
rope_schedule = schedule_once(schedule_numbers)
_scaled = schedule_once(scaled_schedule)


def rope(
    x: Tensor,
    positions: Tensor | None = None,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    layout: Layout = "interleaved",
    accurate: bool = False,
    out: Tensor | None = None,
    table: tuple[Tensor, Tensor] | None = None,
    axes: int = 1,
    scaling: Mapping[str, Any] | None = None,
    length: int | None = None,
) -> Tensor:
    """Rotate x, (..., length, dim), at `positions`; the result has the dtype and device of x.

    positions: (length,), or (batch, length) shared by the heads, with a trailing (axes,) when axes > 1; integers or
    real numbers, negative too, without a cap. layout: pairs are (2p, 2p + 1) or (p, p + width/2) within each section.
    out: where to write (no gradient then). table: what `rope_table` returned, instead of positions.
    scaling: {"rope_type": "linear" | "ntk" | "dynamic" | "yarn" | "yarn-paper" | "llama3" | "longrope" |
    "proportional", and the numbers of a configuration}: changed frequencies, and a gain that multiplies cos and sin.
    length: the number of positions so far; dynamic and longrope need it, because their frequencies depend on it.

    Error relative to the pair norm, at every integer position below 2^31, u the unit roundoff of x's dtype:
    float32 (√2/2 + √5) u + 4e-10 < 3 u; float16 and bfloat16 1 u + 3 · 2^-24; float64 13 · 2^-53.
    accurate: at most 1 u in float32, float16 and bfloat16: float64 throughout with an error e ≤ 13 · 2^-53, then a cast
    that PyTorch makes through float32 for the narrow two: u/(1 + u) + 2^-24 + 2e ≤ u because u² ≥ 2^-22, and
    u/(1 + u) + 2e ≤ u in float32 because 2e < u² = 2^-48. Subnormal results are not counted.
    Raises TypeError for a dtype, ValueError for a shape or a number that does not fit.
    """
    floating("rope", x)
    dtype = working(x.dtype, accurate)
    if table is None:
        if positions is None:
            raise ValueError("rope: give positions or table")
        schedule = _scaled(x.shape[-1], base, rotary_dim, axes, frozen(scaling), length)
        table = section_table(schedule, checked_positions("rope", x, positions, axes), dtype, accurate)
    return _applied(x, table, dtype, layout, axes, out)


def rope_table(
    positions: Tensor,
    dim: int,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    axes: int = 1,
    dtype: torch.dtype = torch.float32,
    accurate: bool = False,
    scaling: Mapping[str, Any] | None = None,
    length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """(cos, sin), each (..., length, pairs), to give to `rope(x, table=…)` again and again.

    positions: (length,) or (batch, length), with a trailing (axes,) when axes > 1. dtype: that of the x to rotate; the
    table itself is float64 for float64 or when accurate, else float32, never narrower.
    """
    schedule = _scaled(dim, base, rotary_dim, axes, frozen(scaling), length)
    if axes > 1 and (positions.ndim < 2 or positions.shape[-1] != axes):
        raise ValueError(f"rope_table: positions must end in an axis of {axes}, got shape {tuple(positions.shape)}")
    return section_table(schedule, positions[..., None] if axes == 1 else positions, working(dtype, accurate), accurate)


class RotaryEmbedding(torch.nn.Module):
    """`rope` with its numbers: `module(x, positions)`. No parameter, no buffer: casts and `to_empty` change nothing.

    With a scaling of kind dynamic or longrope, `forward` is given the length of each call: nothing is remembered.
    """

    def __init__(
        self,
        dim: int,
        base: float = 10000.0,
        rotary_dim: int | None = None,
        layout: Layout = "interleaved",
        *,
        axes: int = 1,
        accurate: bool = False,
        scaling: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_layout(layout)
        self.dim, self.base, self.rotary_dim, self.axes = dim, base, rotary_dim, axes
        self.layout: Layout = layout
        self.accurate = accurate
        self.scaling: Frozen | None = frozen(scaling)
        by_length = any(scaling.get(name) in BY_LENGTH for name in NAMES) if scaling else False
        self._schedule = None if by_length else _scaled(dim, base, rotary_dim, axes, self.scaling, None)

    def forward(self, x: Tensor, positions: Tensor, out: Tensor | None = None, *, length: int | None = None) -> Tensor:
        """x (..., length, dim) at positions, as `rope`."""
        floating("rope", x)
        if x.shape[-1] != self.dim:
            raise ValueError(f"rope: x must end in dim = {self.dim}, got shape {tuple(x.shape)}")
        dtype = working(x.dtype, self.accurate)
        positions = checked_positions("rope", x, positions, self.axes)
        schedule = self._schedule
        if schedule is None:
            schedule = _scaled(self.dim, self.base, self.rotary_dim, self.axes, self.scaling, length)
        table = section_table(schedule, positions, dtype, self.accurate)
        return _applied(x, table, dtype, self.layout, self.axes, out)

    def extra_repr(self) -> str:
        """The numbers, as printed in a paper."""
        said = f"dim={self.dim}, base={self.base}, rotary_dim={self.rotary_dim}, layout={self.layout}, axes={self.axes}"
        return said if self.scaling is None else f"{said}, scaling={dict(self.scaling)}"


def section_table(schedule: Schedule, positions: Tensor, dtype: torch.dtype, accurate: bool) -> tuple[Tensor, Tensor]:
    """(cos, sin) in `dtype` over all sections, (..., pairs · axes), from positions (..., axes)."""
    fine = accurate or dtype == torch.float64
    sections = [turn_table(schedule, positions[..., a : a + 1], fine=fine) for a in range(positions.shape[-1])]
    cos, sin = (torch.cat(part, -1) for part in zip(*sections, strict=True))
    if schedule.gain != 1:
        cos, sin = cos * schedule.gain, sin * schedule.gain
    return cos.to(dtype), sin.to(dtype)


def check_layout(layout: str) -> None:
    """ValueError unless the layout is one of the two."""
    if layout not in ("interleaved", "halves"):
        raise ValueError(f"rope: layout must be interleaved or halves, got {layout}")


def rotated(x: Tensor, cos: Tensor, sin: Tensor, *, layout: str, axes: int = 1, out: Tensor | None = None) -> Tensor:
    """x turned by a table that broadcasts against (..., length, pairs) and whose dtype is that of the arithmetic."""
    if layout == "interleaved" and x.dtype == cos.dtype and not torch.compiler.is_compiling() and _seen(x, out):
        return _complex(x, cos, sin, out)
    if layout == "halves" and out is not None and out is not x and x.dtype == cos.dtype and not x.requires_grad:
        return _halves_into(x, cos, sin, axes, out)
    parts = _interleaved(x, cos, sin) if layout == "interleaved" else _halves(x, cos, sin, axes)
    if 2 * cos.shape[-1] < x.shape[-1]:
        parts.append(x[..., 2 * cos.shape[-1] :])
    if out is not None:
        return torch.cat(parts, -1, out=out)
    return parts[0] if len(parts) == 1 else torch.cat(parts, -1)


def _applied(
    x: Tensor, table: tuple[Tensor, Tensor], dtype: torch.dtype, layout: str, axes: int, out: Tensor | None
) -> Tensor:
    cos, sin = (beside_heads(x, part.to(dtype)) for part in table)
    check_layout(layout)
    if 2 * cos.shape[-1] > x.shape[-1] or cos.shape[-1] % axes or cos.shape[-2] not in (1, x.shape[-2]):
        raise ValueError(f"rope: table of shape {tuple(cos.shape)} does not fit x of shape {tuple(x.shape)}")
    if out is not None and (out.shape != x.shape or out.dtype != x.dtype):
        raise ValueError(f"rope: out must be {tuple(x.shape)} {x.dtype} like x, got {tuple(out.shape)} {out.dtype}")
    return rotated(x, cos, sin, layout=layout, axes=axes, out=out)


def _seen(x: Tensor, out: Tensor | None) -> bool:
    # a complex view needs adjacent pairs that start at even offsets
    arrays = [x] if out is None else [x, out]
    return all(
        a.stride(-1) == 1 and a.storage_offset() % 2 == 0 and all(s % 2 == 0 for s in a.stride()[:-1]) for a in arrays
    )


def _complex(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor | None) -> Tensor:
    covered, turns = 2 * cos.shape[-1], torch.complex(cos, sin)
    if out is None:
        turned = torch.view_as_real(_pairs(x[..., :covered]) * turns).flatten(-2)
        return turned if covered == x.shape[-1] else torch.cat([turned, x[..., covered:]], -1)
    torch.mul(_pairs(x[..., :covered]), turns, out=_pairs(out[..., :covered]))
    if covered < x.shape[-1] and out is not x:
        out[..., covered:] = x[..., covered:]
    return out


def _pairs(x: Tensor) -> Tensor:
    return torch.view_as_complex(torch.unflatten(x, -1, (-1, 2)))


def _interleaved(x: Tensor, cos: Tensor, sin: Tensor) -> list[Tensor]:
    first, second = torch.unflatten(x[..., : 2 * cos.shape[-1]].to(cos.dtype), -1, (-1, 2)).unbind(-1)
    turned = torch.stack([first * cos - second * sin, first * sin + second * cos], -1)
    return [turned.flatten(-2).to(x.dtype)]


def _halves(x: Tensor, cos: Tensor, sin: Tensor, axes: int) -> list[Tensor]:
    parts: list[Tensor] = []
    pairs = cos.shape[-1] // axes
    for a in range(axes):
        c, s = (part[..., pairs * a : pairs * (a + 1)] for part in (cos, sin))
        section = x[..., 2 * pairs * a : 2 * pairs * (a + 1)].to(cos.dtype)
        first, second = section[..., :pairs], section[..., pairs:]
        parts += [(first * c - second * s).to(x.dtype), (first * s + second * c).to(x.dtype)]
    return parts


def _halves_into(x: Tensor, cos: Tensor, sin: Tensor, axes: int, out: Tensor) -> Tensor:
    pairs = cos.shape[-1] // axes
    for a in range(axes):
        c, s = (part[..., pairs * a : pairs * (a + 1)] for part in (cos, sin))
        ends = [slice(pairs * start, pairs * (start + 1)) for start in (2 * a, 2 * a + 1)]
        (first, second), (left, right) = ([array[..., end] for end in ends] for array in (x, out))
        torch.mul(first, c, out=left).addcmul_(second, s, value=-1)
        torch.mul(first, s, out=right).addcmul_(second, c)
    out[..., 2 * cos.shape[-1] :] = x[..., 2 * cos.shape[-1] :]
    return out
