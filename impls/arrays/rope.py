"""RoPE: pair p of x_s is turned by s · base^(-2p · axes / rotary_dim); the other coordinates pass unchanged.

Su et al., RoFormer, arXiv 2104.09864; several axes (axial): equal sections of the coordinates, one for each axis.
Scaled frequencies: `scalings`, in the numbers that a configuration prints.
"""

from collections.abc import Mapping
from typing import Any, Literal

import array_api_compat

from ..scalings import frozen
from ..scalings import scaled_schedule as rope_schedule
from ..schedules import Schedule
from . import native
from .common import Array, beside_heads, checked_positions, namespace, working
from .turns import table as turn_table

Layout = Literal["interleaved", "halves"]


def rope(
    x: Array,
    positions: Array | None = None,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    layout: Layout = "interleaved",
    accurate: bool = False,
    out: Array | None = None,
    table: tuple[Array, Array] | None = None,
    axes: int = 1,
    scaling: Mapping[str, Any] | None = None,
    length: int | None = None,
) -> Array:
    """Rotate x, (..., length, dim), at `positions`; the result has the dtype and device of x.

    positions: (length,), or (batch, length) shared by the heads, with a trailing (axes,) when axes > 1; integers or
    real numbers, negative too, without a cap. layout: pairs are (2p, 2p + 1) or (p, p + width/2) within each section.
    out: where to write. table: what `rope_table` returned, instead of positions.
    scaling: {"rope_type": "linear" | "ntk" | "dynamic" | "yarn" | "yarn-paper" | "llama3" | "longrope" |
    "proportional", and the numbers of a configuration}: changed frequencies, and a gain that multiplies cos and sin.
    length: the number of positions so far; dynamic and longrope need it, because their frequencies depend on it.

    Error relative to the pair norm, at every integer position below 2^31, u the unit roundoff of x's dtype:
    float32 (√2/2 + √5) u + 4e-10 < 3 u (table rounded once, rounded products); narrower dtypes 1 u + 3 · 2^-24;
    float64 13 · 2^-53, of which (3π/2 + 4√2) is the table and √5 the product.
    accurate: at most 1 u in float16 and float32. Table and product are float64, an error e ≤ 13 · 2^-53, then one cast
    adds at most u/(1 + u) of the norm; together (u + e)/(1 + u) + e ≤ u because 2e < u² = 2^-48. float64 has no wider
    dtype and keeps 13 · 2^-53. Subnormal results are not counted.
    Raises TypeError for a dtype, ValueError for a shape or a number that does not fit.
    """
    where = "rope"
    xp = namespace(where, x, positions, out)
    dtype = working(xp, x.dtype, accurate)
    if table is None:
        if positions is None:
            raise ValueError(f"{where}: give positions or table")
        schedule = rope_schedule(x.shape[-1], base, rotary_dim, axes, frozen(scaling), length)
        table = section_table(xp, schedule, checked_positions(where, xp, x, positions, axes), dtype, accurate)
    cos, sin = (beside_heads(xp, x, xp.astype(part, dtype, copy=False)) for part in table)
    _check(where, x, cos, layout, axes, out)
    return rotated(xp, x, cos, sin, layout=layout, axes=axes, out=out)


def rope_table(
    positions: Array,
    dim: int,
    *,
    base: float = 10000.0,
    rotary_dim: int | None = None,
    axes: int = 1,
    dtype: Any = None,
    accurate: bool = False,
    scaling: Mapping[str, Any] | None = None,
    length: int | None = None,
) -> tuple[Array, Array]:
    """(cos, sin), each (..., length, pairs), to give to `rope(x, table=…)` again and again.

    positions: (length,) or (batch, length), with a trailing (axes,) when axes > 1. dtype: that of the x to rotate
    (default float32); the table itself is float64 for float64 or when accurate, else float32, never narrower.
    """
    xp = array_api_compat.array_namespace(positions)
    kind = working(xp, xp.float32 if dtype is None else dtype, accurate)
    schedule = rope_schedule(dim, base, rotary_dim, axes, frozen(scaling), length)
    if axes > 1 and (positions.ndim < 2 or positions.shape[-1] != axes):
        raise ValueError(f"rope_table: positions must end in an axis of {axes}, got shape {tuple(positions.shape)}")
    return section_table(xp, schedule, positions[..., None] if axes == 1 else positions, kind, accurate)


def section_table(xp: Any, schedule: Schedule, positions: Array, dtype: Any, accurate: bool) -> tuple[Array, Array]:
    """(cos, sin) in `dtype` over all sections, (..., pairs · axes), from positions (..., axes)."""
    fine = accurate or dtype == xp.float64
    sections = [turn_table(xp, schedule, positions[..., a : a + 1], fine=fine) for a in range(positions.shape[-1])]
    if len(sections) > 1:
        sections = [tuple(xp.concat(list(part), axis=-1) for part in zip(*sections, strict=True))]
    cos, sin = sections[0]
    if schedule.gain != 1:
        cos, sin = cos * schedule.gain, sin * schedule.gain
    return xp.astype(cos, dtype, copy=False), xp.astype(sin, dtype, copy=False)


def rotated(xp: Any, x: Array, cos: Array, sin: Array, *, layout: str, axes: int, out: Array | None = None) -> Array:
    """x turned by a table that broadcasts against (..., length, pairs) and whose dtype is that of the arithmetic."""
    same = array_api_compat.is_numpy_array(x) and x.dtype == cos.dtype
    if same and layout == "interleaved" and native.rotates(x, out):
        return native.rotate(x, cos, sin, out)
    if same and layout == "halves":
        return native.rotate_halves(x, cos, sin, axes, out)
    parts = _interleaved(xp, x, cos, sin) if layout == "interleaved" else _halves(xp, x, cos, sin, axes)
    covered = 2 * cos.shape[-1]
    if covered < x.shape[-1]:
        parts.append(x[..., covered:])
    result = parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)
    if out is None:
        return result
    out[...] = result
    return out


def _interleaved(xp: Any, x: Array, cos: Array, sin: Array) -> list[Array]:
    covered = 2 * cos.shape[-1]
    first, second = (xp.astype(x[..., start:covered:2], cos.dtype, copy=False) for start in (0, 1))
    turned = xp.stack([first * cos - second * sin, first * sin + second * cos], axis=-1)
    return [xp.astype(xp.reshape(turned, (*x.shape[:-1], covered)), x.dtype, copy=False)]


def _halves(xp: Any, x: Array, cos: Array, sin: Array, axes: int) -> list[Array]:
    pairs = cos.shape[-1] // axes
    parts = []
    for a in range(axes):
        start, c, s = 2 * pairs * a, cos[..., pairs * a : pairs * (a + 1)], sin[..., pairs * a : pairs * (a + 1)]
        first = xp.astype(x[..., start : start + pairs], cos.dtype, copy=False)
        second = xp.astype(x[..., start + pairs : start + 2 * pairs], cos.dtype, copy=False)
        parts += [xp.astype(part, x.dtype, copy=False) for part in (first * c - second * s, first * s + second * c)]
    return parts


def _check(where: str, x: Array, cos: Array, layout: str, axes: int, out: Array | None) -> None:
    if layout not in ("interleaved", "halves"):
        raise ValueError(f"{where}: layout must be interleaved or halves, got {layout}")
    if 2 * cos.shape[-1] > x.shape[-1] or cos.shape[-1] % axes or cos.shape[-2] not in (1, x.shape[-2]):
        raise ValueError(f"{where}: table of shape {tuple(cos.shape)} does not fit x of shape {tuple(x.shape)}")
    if out is not None and (tuple(out.shape) != tuple(x.shape) or out.dtype != x.dtype):
        raise ValueError(f"{where}: out must be {tuple(x.shape)} {x.dtype} like x, got {tuple(out.shape)} {out.dtype}")
