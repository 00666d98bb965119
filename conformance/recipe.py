"""Which rounding recipe a rotary implementation follows: candidates, simulated in NumPy and tried on its numbers.

A recipe names three precisions: of the angle s·θ, of the table (cos, sin) and of the products. Unit vectors reveal the
table as the output shows it, so the last bit of somebody's sine does not decide: products are tried bit for bit on the
revealed table, or on a simulated one where the table is finer than the output.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .bench import Bench
from .budget import U
from .libraries import Array
from .rounding import exact as rounded

REPRODUCED = 0.998  # share of elements equal bit for bit; a wrong recipe misses more than one in a hundred
CLEAR = 2.0**-11  # part of a roundoff by which a simulated table may be off where it is used


@dataclass(frozen=True)
class Recipe:
    """Precisions of the angle, of the table and of the products; `fused`: one rounding less, x·c ∓ y·s as one FMA."""

    angles: str
    tables: str
    arithmetic: str
    fused: bool = False

    def __str__(self) -> str:
        fused = ", fused" if self.fused else ""
        return f"{self.angles} angles, {self.tables} tables, {self.arithmetic} products{fused}"


def recipes(dtype: str) -> list[Recipe]:
    """The candidates for outputs in `dtype`: nothing later is finer than what it is made from needs to be."""
    scale = [name for name in ("float64", "float32", dtype) if U[name] <= U[dtype]]
    names = list(dict.fromkeys(scale))
    return [
        Recipe(angles, tables, arithmetic, fused)
        for angles in names
        for tables in names
        for arithmetic in names
        for fused in (False, True)
        if U[tables] >= U[angles] and U[arithmetic] <= U[tables]
    ]


def phases(precision: str, positions: Sequence[int], theta: Array) -> Array:
    """s·θ with position, frequency and product each rounded to `precision`, (n, pairs)."""
    at = rounded(np.asarray(positions, dtype=np.float64), precision)
    return rounded(at[:, None] * rounded(theta, precision), precision)


def rotate(x: Array, cos: Array, sin: Array, recipe: Recipe, dtype: str) -> Array:
    """x (…, n, dim) in interleaved pairs turned by a table (n, pairs) as the recipe rounds, output in `dtype`."""
    width = 2 * cos.shape[-1]
    first, second = x[..., 0:width:2], x[..., 1:width:2]

    def sum_of(a: Array, c: Array, b: Array, s: Array) -> Array:
        left = a * c if recipe.fused else rounded(a * c, recipe.arithmetic)
        return rounded(rounded(left + rounded(b * s, recipe.arithmetic), recipe.arithmetic), dtype)

    out = x.copy()
    out[..., 0:width:2] = sum_of(first, cos, -second, sin)
    out[..., 1:width:2] = sum_of(second, cos, first, sin)
    return out


def angles(bench: Bench) -> Array:
    """θ_p of the definition with the subject's parameters, rounded to float64, (pairs,)."""
    found = (bench.oracle.angle(p) for p in range(bench.oracle.covered // 2))
    return np.array([float(theta.mid()) for theta in found if theta is not None])


@dataclass(frozen=True)
class Reading:
    """What one rotary subject did with vectors (1, heads, n, dim) in the coordinates of the definition."""

    bench: Bench
    positions: tuple[int, ...]

    @cached_property
    def theta(self) -> Array:
        """θ_p of the definition, in float64, (pairs,)."""
        return angles(self.bench)

    @cached_property
    def table(self) -> tuple[Array, Array] | None:
        """(cos, sin), (n, pairs), as unit vectors show them; None where queries and keys are not turned alike."""
        width, n = 2 * len(self.theta), len(self.positions)
        units = np.zeros((1, 2, n, self.bench.dim))
        units[:, 0, :, 0:width:2] = units[:, 1, :, 1:width:2] = 1.0
        seen = self.bench.encode(units, units, self.positions)
        cos, sin = seen[0][0, 0, :, 0:width:2], seen[0][0, 0, :, 1:width:2]
        for side in seen:
            parts = (
                side[0, 0, :, 0:width:2],
                side[0, 0, :, 1:width:2],
                side[0, 1, :, 1:width:2],
                -side[0, 1, :, 0:width:2],
            )
            if not all(np.array_equal(part, like) for part, like in zip(parts, (cos, sin, cos, sin), strict=True)):
                return None
        return cos, sin

    def explains(self, recipe: Recipe, x: Array, y: Array) -> bool:
        """Whether the recipe gives y from x bit for bit (up to REPRODUCED), on this subject's own table."""
        if self.table is None or not self._angles_fit(recipe):
            return False
        cos, sin = self.table
        clear = np.ones(cos.shape, dtype=bool)
        if U[recipe.tables] < U[self.bench.dtype]:
            cos, sin = self._made(recipe)
            turned = phases("float64", self.positions, self.theta)
            clear = turned * 4 * U[recipe.angles] <= CLEAR * U[self.bench.dtype]
        equal = rotate(x, cos, sin, recipe, self.bench.dtype) == y
        width = 2 * cos.shape[-1]
        alike = np.stack((equal[..., 0:width:2], equal[..., 1:width:2]))[..., clear]
        return bool(equal[..., width:].all()) and float(np.mean(alike)) >= REPRODUCED

    def _made(self, recipe: Recipe) -> tuple[Array, Array]:
        with np.errstate(invalid="ignore"):  # and the sine of an infinite angle is no number
            phase = phases(recipe.angles, self.positions, self.theta)
            return rounded(np.cos(phase), recipe.tables), rounded(np.sin(phase), recipe.tables)

    def _angles_fit(self, recipe: Recipe) -> bool:
        """Angles in 16 bits are recognised by their own table; wider ones by how far the revealed table is off."""
        assert self.table is not None
        slack: Any
        shown = 2 * max(U[recipe.tables], U[self.bench.dtype])
        if recipe.angles in ("bfloat16", "float16"):
            (cos, sin), slack = self._made(recipe), shown
        else:
            exact = phases("float64", self.positions, self.theta)
            (cos, sin), slack = (np.cos(exact), np.sin(exact)), shown + exact * 4 * U[recipe.angles]
        return bool(np.all(np.hypot(self.table[0] - cos, self.table[1] - sin) <= slack))


def same_table(one: Reading, other: Reading) -> bool:
    """Whether two revealed tables differ by no more than the last bit of a sine."""
    if one.table is None or other.table is None or one.table[0].shape != other.table[0].shape:
        return False
    unit = 2 * U[one.bench.dtype]
    pairs = zip(one.table, other.table, strict=True)
    return all(bool(np.all(np.abs(a - b) <= unit * np.maximum(np.abs(a), 2.0**-12))) for a, b in pairs)


def coarsest(found: Sequence[Recipe]) -> Recipe | None:
    """Of the recipes that explain the same numbers, that with the coarsest precisions: what is finer does not show."""
    order = sorted(found, key=lambda r: (r.fused, -U[r.arithmetic], -U[r.tables], -U[r.angles]))
    return order[0] if order else None
