"""LRPE: M_s = Λ^(s) P with a unitary, orthogonal or permutation core Λ and one constant isometry P.

Qin et al., Linearized Relative Positional Encoding, arXiv 2307.09270. P acts first; complex results are stored as the
real stack [Re; Im], twice the width, so that the ordinary dot product of two of them is Re(q̂ᴴ k̂).
"""

from collections.abc import Sequence
from typing import Any

from ..schedules import Schedule, cycles, lrpe_schedule, stored
from .bases import apply_basis
from .common import Array, beside_heads, checked_positions, constant, namespace, working
from .rope import rotated, section_table


def lrpe(
    x: Array,
    positions: Array,
    *,
    core: str = "orthogonal",
    p: str = "identity",
    theta: str | Sequence[float] | Array = "a",
    base: float = 10000.0,
    v: Array | None = None,
    permutation: Sequence[int] | Array | None = None,
    length: int | None = None,
    axes: int = 1,
    accurate: bool = False,
) -> Array:
    """Encode x, (..., length, dim), at `positions`; width dim, or 2 dim as [Re; Im] for core=unitary or p=dft.

    core: "unitary" multiplies coordinate k by e^(i s θ_k); "orthogonal" turns pairs (2p, 2p + 1) by s θ_p, an odd last
    coordinate stays; "permutation" gives x[π^s(j)] for any integer s. p: "identity", "householder" (v), "dct", "dft",
    "shuffle". theta: "a" geometric with `base`, "b" or "c" (both need `length`), or the angles of one section, taken
    exactly as stored. axes: equal sections of the coordinates, one for each trailing entry of positions.
    Arithmetic is float32 for narrow x, float64 for float64 or when accurate, with one cast at the end.
    Raises TypeError for a dtype, ValueError for a shape or a number that does not fit.
    """
    xp = namespace("lrpe", x, positions)
    dtype = working(xp, x.dtype, accurate)
    positions = checked_positions("lrpe", xp, x, positions, axes)
    real, imaginary = apply_basis(xp, xp.astype(x, dtype, copy=False), p, v)
    if core == "permutation":
        index = _images(xp, x, positions, permutation, axes)
        parts = [None if part is None else xp.take_along_axis(part, index, axis=-1) for part in (real, imaginary)]
    elif core in ("unitary", "orthogonal"):
        schedule = angles(x.shape[-1], core, theta, base, length, axes)
        table = section_table(xp, schedule, positions, dtype, accurate)
        cos, sin = (beside_heads(xp, x, part) for part in table)
        parts = (_unitary if core == "unitary" else _orthogonal)(xp, real, imaginary, cos, sin)
    else:
        raise ValueError(f"lrpe: core must be unitary, orthogonal or permutation, got {core}")
    kept = [xp.astype(part, x.dtype, copy=False) for part in parts if part is not None]
    return kept[0] if len(kept) == 1 else xp.concat(kept, axis=-1)


def angles(dim: int, core: str, theta: Any, base: float, length: int | None, axes: int) -> Schedule:
    """The schedule of one section, or the stored angles, of which there must be as many."""
    if axes < 1:
        raise ValueError(f"lrpe: axes must be at least 1, got {axes}")
    if isinstance(theta, str):
        return lrpe_schedule(dim, core, theta, base, length, axes)
    count = dim // ((1 if core == "unitary" else 2) * axes)
    shape = (len(theta),) if isinstance(theta, Sequence) else tuple(theta.shape)
    if shape != (count,):
        raise ValueError(f"lrpe: theta must have shape ({count},), got {shape}")
    return stored(float(theta[i]) for i in range(count))


def _unitary(xp: Any, real: Array, imaginary: Array | None, cos: Array, sin: Array) -> list[Array]:
    covered = cos.shape[-1]
    a, rest = real[..., :covered], real[..., covered:]
    if imaginary is None:
        parts, other = (a * cos, a * sin), xp.zeros_like(rest)
    else:
        b, other = imaginary[..., :covered], imaginary[..., covered:]
        parts = (a * cos - b * sin, a * sin + b * cos)
    if covered == real.shape[-1]:
        return list(parts)
    return [xp.concat([parts[0], rest], axis=-1), xp.concat([parts[1], other], axis=-1)]


def _orthogonal(xp: Any, real: Array, imaginary: Array | None, cos: Array, sin: Array) -> list[Array | None]:
    parts = (real, imaginary)
    return [None if part is None else rotated(xp, part, cos, sin, layout="interleaved", axes=1) for part in parts]


def _images(xp: Any, x: Array, positions: Array, permutation: Any, axes: int) -> Array:
    """π^s(j) for every position and coordinate, (..., length, dim), by cycle arithmetic: O(length · dim), any s."""
    if permutation is None:
        raise ValueError("lrpe: core=permutation needs permutation")
    if axes != 1:
        raise ValueError(f"lrpe: core=permutation has one axis, got {axes}")
    if not xp.isdtype(positions.dtype, "integral"):
        raise TypeError(f"lrpe: core=permutation needs integer positions, got {positions.dtype}")
    count = permutation.shape[0] if hasattr(permutation, "shape") else len(permutation)
    listed = cycles("lrpe", [int(permutation[i]) for i in range(count)], x.shape[-1])
    order, start, index, size = (constant(xp, values, xp.int64, x) for values in listed)
    places = start + (index + xp.astype(positions, xp.int64)) % size
    images = xp.reshape(xp.take(order, xp.reshape(places, (-1,))), places.shape)
    return xp.broadcast_to(beside_heads(xp, x, images), x.shape)
