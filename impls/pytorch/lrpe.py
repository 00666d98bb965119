"""LRPE: M_s = Λ^(s) P with a unitary, orthogonal or permutation core Λ and one constant isometry P.

Qin et al., Linearized Relative Positional Encoding, arXiv 2307.09270. P acts first; complex results are stored as the
real stack [Re; Im], twice the width, so that the ordinary dot product of two of them is Re(q̂ᴴ k̂).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..schedules import Schedule, cycles
from ..schedules import lrpe_schedule as schedule_numbers
from .bases import apply_basis
from .common import beside_heads, checked_positions, floating, schedule_once, working
from .rope import rotated, section_table
from .turns import learned_table

Cycles = tuple[list[int], list[int], list[int], list[int]]
lrpe_schedule = schedule_once(schedule_numbers)
CORES = ("unitary", "orthogonal", "permutation")


def lrpe(
    x: Tensor,
    positions: Tensor,
    *,
    core: str = "orthogonal",
    p: str = "identity",
    theta: str | Sequence[float] | Tensor = "a",
    base: float = 10000.0,
    v: Tensor | Sequence[float] | None = None,
    permutation: Sequence[int] | Tensor | None = None,
    length: int | None = None,
    axes: int = 1,
    accurate: bool = False,
) -> Tensor:
    """Encode x, (..., length, dim), at `positions`; width dim, or 2 dim as [Re; Im] for core=unitary or p=dft.

    core: "unitary" multiplies coordinate k by e^(i s θ_k); "orthogonal" turns pairs (2p, 2p + 1) by s θ_p, an odd last
    coordinate stays; "permutation" gives x[π^s(j)] for any integer s. p: "identity", "householder" (v), "dct", "dft",
    "shuffle". theta: "a" geometric with `base`, "b" or "c" (both need `length`), or the angles of one section, taken
    exactly as stored; a tensor receives the gradient of s · θ, and v that of P. axes: equal sections of the
    coordinates, one for each trailing entry of positions. Arithmetic is float32 for narrow x, float64 for float64 or
    when accurate, with one cast at the end.
    Raises TypeError for a dtype, ValueError for a shape or a number that does not fit.
    """
    turns = None if core == "permutation" else _angles(x, core, theta, base, length, axes)
    listed = _cycles(permutation, x.shape[-1]) if core == "permutation" else None
    return encode(x, positions, core, p, turns, v, listed, axes, accurate)


def encode(
    x: Tensor,
    positions: Tensor,
    core: str,
    p: str,
    turns: Schedule | Tensor | None,
    v: Tensor | Sequence[float] | None,
    listed: Cycles | None,
    axes: int,
    accurate: bool,
) -> Tensor:
    """`lrpe` with its numbers made: `turns` for a rotating core, the cycles for a permutation."""
    floating("lrpe", x)
    if core not in CORES:
        raise ValueError(f"lrpe: core must be unitary, orthogonal or permutation, got {core}")
    dtype = working(x.dtype, accurate)
    positions = checked_positions("lrpe", x, positions, axes)
    real, imaginary = apply_basis(x.to(dtype), p, v)
    parts: list[Tensor | None]
    if turns is None:
        index = _images(x, positions, listed, axes)
        parts = [None if part is None else part.gather(-1, index) for part in (real, imaginary)]
    else:
        cos, sin = (beside_heads(x, part) for part in _table(turns, positions, dtype, accurate))
        parts = (_unitary if core == "unitary" else _orthogonal)(real, imaginary, cos, sin)
    kept = [part.to(x.dtype) for part in parts if part is not None]
    return kept[0] if len(kept) == 1 else torch.cat(kept, -1)


def _angles(x: Tensor, core: str, theta: Any, base: float, length: int | None, axes: int) -> Schedule | Tensor:
    if core not in CORES:
        raise ValueError(f"lrpe: core must be unitary, orthogonal or permutation, got {core}")
    if axes < 1:
        raise ValueError(f"lrpe: axes must be at least 1, got {axes}")
    if isinstance(theta, str):
        return lrpe_schedule(x.shape[-1], core, theta, base, length, axes)
    count = x.shape[-1] // ((1 if core == "unitary" else 2) * axes)
    stored: Tensor = theta if isinstance(theta, Tensor) else torch.tensor(theta, dtype=torch.float64, device=x.device)
    if stored.shape != (count,):
        raise ValueError(f"lrpe: theta must have shape ({count},), got {tuple(stored.shape)}")
    return stored


def _table(turns: Schedule | Tensor, positions: Tensor, dtype: torch.dtype, accurate: bool) -> tuple[Tensor, Tensor]:
    if isinstance(turns, Schedule):
        return section_table(turns, positions, dtype, accurate)
    cos, sin = zip(*(learned_table(turns, positions[..., a : a + 1]) for a in range(positions.shape[-1])), strict=True)
    return torch.cat(cos, -1).to(dtype), torch.cat(sin, -1).to(dtype)


def _unitary(real: Tensor, imaginary: Tensor | None, cos: Tensor, sin: Tensor) -> list[Tensor | None]:
    covered = cos.shape[-1]
    a, rest = real[..., :covered], real[..., covered:]
    if imaginary is None:
        return [torch.cat([a * cos, rest], -1), torch.cat([a * sin, torch.zeros_like(rest)], -1)]
    b, other = imaginary[..., :covered], imaginary[..., covered:]
    return [torch.cat([a * cos - b * sin, rest], -1), torch.cat([a * sin + b * cos, other], -1)]


def _orthogonal(real: Tensor, imaginary: Tensor | None, cos: Tensor, sin: Tensor) -> list[Tensor | None]:
    parts = (real, imaginary)
    return [None if part is None else rotated(part, cos, sin, layout="interleaved") for part in parts]


def _cycles(permutation: Sequence[int] | Tensor | None, dim: int) -> Cycles:
    if permutation is None:
        raise ValueError("lrpe: core=permutation needs permutation")
    return cycles("lrpe", [int(j) for j in permutation], dim)


def _images(x: Tensor, positions: Tensor, listed: Cycles | None, axes: int) -> Tensor:
    """π^s(j) for every position and coordinate, shaped like x, by cycle arithmetic: O(length · dim), any s."""
    if axes != 1:
        raise ValueError(f"lrpe: core=permutation has one axis, got {axes}")
    if positions.dtype.is_floating_point:
        name = str(positions.dtype).removeprefix("torch.")
        raise TypeError(f"lrpe: core=permutation needs integer positions, got {name}")
    assert listed is not None
    order, start, index, size = (torch.tensor(values, dtype=torch.int64, device=x.device) for values in listed)
    places = start + (index + positions.to(torch.int64)) % size
    return beside_heads(x, order[places]).expand(x.shape)
