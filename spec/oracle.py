"""The certified oracle: what the definition says, as balls of python-flint, for positions of any size and any sign.

Each value is computed at `bits` and again at twice as many until `rounding.settled` holds, up to 4096 bits (Ziv).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sympy as sp
from flint import acb, acb_mat, arb, ctx

from .attention import attend as _attend
from .attention import products
from .balls import LIMIT, OverlapError, ball
from .basis import apply_basis
from .encoding import Encoding, EncodingError, PermutationPower
from .instance import Instance, instantiate
from .maps import Side, adjoint, angle_program
from .rounding import settled, split

__all__ = ["Oracle", "settled", "split"]

Rows = list[list[arb]]


class Oracle:
    """The maps of a bilinear record at given parameter values, in the coordinates of the definition.

    `dim` is the width of q and k, `width` that of what `query` and `key` return: for complex records the real parts,
    then the imaginary parts, so that every score is a plain dot product. Vectors are rows of floats, taken exactly, and
    so are parameters; positions are ints (floats and Fractions for a real domain; tuples for several axes).

    Raises EncodingError, in one line, for whatever `instantiate` refuses and for positions outside the domain.
    """

    def __init__(self, encoding: Encoding, parameters: Mapping[str, Any], bits: int = 128) -> None:
        self.encoding, self.bits = encoding, bits
        self.instance: Instance = instantiate(encoding, parameters)
        self.dim: int = self.instance.dim
        form = encoding.generators[0] if encoding.generators else encoding.query
        self._sides = {"query": Side(self.instance, form)}
        same = encoding.key is None or encoding.key == encoding.query
        self._sides["key"] = self._sides["query"] if same else Side(self.instance, encoding.key)
        forms = [*(encoding.generators or ()), encoding.query, encoding.key]
        self.complex: bool = encoding.basis == "dft" or any(
            f.has(sp.I) for f in forms if f is not None and not isinstance(f, PermutationPower)
        )
        rows = self._sides["query"].width if self.instance.permutation is None else self.dim
        self.width: int = rows * (1 + self.complex)
        self._angle = angle_program(self.instance)

    def query(self, vectors: Sequence[Sequence[float]], positions: Sequence[Any]) -> Rows:
        """A_s q for row i of `vectors` at `positions[i]`: rows of `width` balls."""
        return self._encode("query", vectors, positions)

    def key(self, vectors: Sequence[Sequence[float]], positions: Sequence[Any]) -> Rows:
        """B_t k for row i of `vectors` at `positions[i]`: rows of `width` balls."""
        return self._encode("key", vectors, positions)

    def scores(self, q: Any, k: Any, query_positions: Sequence[Any], key_positions: Sequence[Any]) -> Rows:
        """Re((A_s q)^H (B_t k)) for every query (rows) and key (columns); no scale, no softmax."""
        left, s = self._taken(q, query_positions)
        right, t = self._taken(k, key_positions)

        def compute(rows: list[int]) -> Rows:
            Q = self._apply("query", [left[i] for i in rows], [s[i] for i in rows])
            return products(Q, self._apply("key", right, t))

        return self._settle(len(left), compute)

    def attend(self, q: Any, k: Any, v: Any, query_positions: Any, key_positions: Any, **options: Any) -> Rows:
        """Attention outputs, rows of balls; options as in `attention.Options`."""
        left, s = self._taken(q, query_positions)
        right, t = self._taken(k, key_positions)
        return _attend(self, left, right, v, s, t, **options)

    def map(self, side: str, position: Any) -> Any:
        """A_s (`side="query"`) or B_t (`"key"`) as arb_mat or acb_mat; [M | p] for an affine record."""
        with ctx.workprec(self.bits):
            return self._sides[side].matrix(self.instance.position(position))

    def kernel(self, lag: Any) -> Any:
        """W_τ = A_0^H B_τ as arb_mat or acb_mat; for a record that is not relative, the value at s = 0."""
        zero = 0 if self.encoding.axes == 1 else (0,) * self.encoding.axes
        with ctx.workprec(self.bits):
            A, B = self.map("query", zero), self.map("key", lag)
            return adjoint(A) * B if type(A) is type(B) else adjoint(_complex(A)) * _complex(B)

    def angle(self, p: int) -> arb | None:
        """θ_p of block p, in radians per position; None where the block is no rotation or phase."""
        if self._angle is None:
            return None
        if not 0 <= p < self.instance.blocks:
            raise EncodingError(f"{self.encoding.name}: pair must be in 0..{self.instance.blocks - 1}, got {p!r}")
        program, inputs = self._angle
        with ctx.workprec(self.bits):
            found: arb = ball(program(*[self.instance.value(s, p) for s in inputs])[0])
            return found

    @property
    def covered(self) -> int:
        """How many leading coordinates the blocks cover; the others pass unchanged."""
        return self.instance.covered

    @cached_property
    def pairs(self) -> list[tuple[int, ...]]:
        """The outputs that one block mixes, over all `width` outputs: those whose common norm an error is measured by.

        With a basis that mixes coordinates the whole vector is one group.
        """
        rows = self.width // (1 + self.complex)
        if self.encoding.basis in ("householder", "dct", "dft"):
            return [tuple(range(self.width))]
        side = self._sides["query"]
        groups = side.groups() if self.instance.permutation is None else [{i} for i in range(self.dim)]
        return [tuple(sorted(i + part * rows for part in range(1 + self.complex) for i in g)) for g in groups]

    def block_of(self, coordinate: int) -> tuple[int, ...]:
        """The group of `pairs` that holds this output."""
        return next(group for group in self.pairs if coordinate in group)

    def _taken(self, vectors: Any, positions: Any) -> tuple[list[list[arb]], list[Any]]:
        name, rows = self.encoding.name, [list(row) for row in vectors]
        if len(rows) != len(positions):
            raise EncodingError(f"{name}: one position for each vector is wanted, got {len(positions)} for {len(rows)}")
        for row in rows:
            if len(row) != self.dim:
                raise EncodingError(f"{name}: vectors must have dim = {self.dim} coordinates, got {len(row)}")
            if not all(map(math.isfinite, row)):
                raise EncodingError(
                    f"{name}: vectors must be finite, got {next(x for x in row if not math.isfinite(x))!r}"
                )
        return [[arb(float(x)) for x in row] for row in rows], [self.instance.position(p) for p in positions]

    def _apply(self, side: str, rows: Sequence[Sequence[arb]], positions: Sequence[Any]) -> Rows:
        moved = apply_basis(self.instance, rows)
        found = [self._sides[side].apply(row, p) for row, p in zip(moved, positions, strict=True)]
        return [_stacked(row) for row in found] if self.complex else found

    def _encode(self, side: str, vectors: Any, positions: Any) -> Rows:
        rows, at = self._taken(vectors, positions)
        return self._settle(
            len(rows), lambda open_: self._apply(side, [rows[i] for i in open_], [at[i] for i in open_])
        )

    def _settle(self, count: int, compute: Callable[[list[int]], Rows]) -> Rows:
        found: Rows = [[] for _ in range(count)]
        left, bits = list(range(count)), self.bits
        while left:
            try:
                with ctx.workprec(bits):
                    for i, row in zip(left, compute(left), strict=True):
                        found[i] = row
                    left = [i for i in left if not all(map(settled, found[i]))]
            except OverlapError as open_question:
                if bits >= LIMIT:
                    raise EncodingError(
                        f"{self.encoding.name}: {open_question} is not decided at {LIMIT} bits"
                    ) from None
            if bits >= LIMIT:
                break
            bits = min(2 * bits, LIMIT)
        if any(not x.is_finite() for i in left for x in found[i]):
            raise EncodingError(f"{self.encoding.name}: the definition has no finite value at these positions")
        return found


def _stacked(row: list[Any]) -> list[arb]:
    both = [acb(x) for x in row]
    return [x.real for x in both] + [x.imag for x in both]


def _complex(matrix: Any) -> Any:
    return acb_mat(matrix)
