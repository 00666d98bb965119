"""The maps A_s and B_t of an instance as balls: generic blocks, the constant basis, permutation powers.

A_s = blockdiag(block_0(s), …, block_{B−1}(s), I) · P on the covered coordinates; an affine block acts on [q; 1].
Everything is computed at the precision of `flint.ctx` in force.
"""

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import acb, acb_mat, arb, arb_mat, ctx, fmpq

from .balls import Program, ball
from .basis import basis_matrix
from .encoding import EncodingError
from .instance import Instance
from .parameters import block_symbols

Position = tuple[fmpq, ...]
_KEPT = 512  # evaluated positions that are kept


class Side:
    """One side of a bilinear record: the block's program, its pattern of nonzero entries, and where results go."""

    def __init__(self, instance: Instance, form: Any) -> None:
        self.instance, self.form = instance, form
        record = instance.encoding
        self.columns = record.block
        self.rows = int(form.shape[0]) if hasattr(form, "shape") else 0
        if self.rows % record.sections:
            raise EncodingError(f"{record.name}: {self.rows} rows do not divide into {record.sections} sections")
        across = int(form.shape[1]) - self.columns if self.columns else 0
        if across not in (0, 1):
            wanted = f"{self.columns} columns, or one more for [M | p]"
            raise EncodingError(f"{record.name}: a block of {wanted} is wanted, got {form.shape[1]}")
        self.affine = bool(across)
        self.parameters = block_symbols(record) if self.columns else []
        inputs = [*record.coordinates, *self.parameters]
        self.generated = record.generators is not None
        entries = [e for g in record.generators or (form,) for e in g] if self.columns else []
        self.program = Program(entries, inputs, record.name)
        self.sources = [instance.places(p, self.columns) for p in range(instance.blocks)]
        self.targets = [instance.places(p, self.rows) for p in range(instance.blocks)]
        self.width = instance.blocks * self.rows + instance.dim - instance.covered
        self._kept: dict[tuple[Position, int], list[list[list[Any]]]] = {}
        self._values: dict[int, list[list[Any]]] = {}

    def blocks(self, position: Position) -> list[list[list[Any]]]:
        """For each block its rows as (column, entry) pairs, entries that are exactly zero left out."""
        at = (position, ctx.prec)
        if at not in self._kept:
            if len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[at] = [self._block(position, values) for values in self._parameters()]
        return self._kept[at]

    def _parameters(self) -> list[list[Any]]:
        if ctx.prec not in self._values:
            found = [[self.instance.value(s, p) for s in self.parameters] for p in range(self.instance.blocks)]
            self._values[ctx.prec] = found
        return self._values[ctx.prec]

    def _block(self, position: Position, values: list[Any]) -> list[list[Any]]:
        entries = self.program(*position, *values)
        if self.generated:
            entries = _exponential(entries, position, self.rows)
        across = len(entries) // self.rows if self.rows else 1
        rows = [entries[r * across : (r + 1) * across] for r in range(self.rows)]
        return [[(c, ball(e)) for c, e in enumerate(row) if not (type(e) is fmpq and e == 0)] for row in rows]

    def apply(self, row: Sequence[Any], position: Position) -> list[Any]:
        """A_s on one vector to which the basis has been applied."""
        if self.instance.permutation is not None:
            return [row[j] for j in permuted(self.instance, position)]
        found: list[Any] = [None] * self.width
        for p, block in enumerate(self.blocks(position)):
            x = [row[c] for c in self.sources[p]] + [arb(1)]
            for target, entries in zip(self.targets[p], block, strict=True):
                total = None
                for c, entry in entries:
                    term = entry * x[c]
                    total = term if total is None else total + term
                found[target] = arb(0) if total is None else total
        found[self.width - self.instance.dim + self.instance.covered :] = row[self.instance.covered :]
        return found

    def matrix(self, position: Position) -> Any:
        """A_s as arb_mat or acb_mat, rows × dim; rows × (dim + 1) for an affine record."""
        instance = self.instance
        if instance.permutation is not None:
            left = [[int(j == image) for j in range(instance.dim)] for image in permuted(instance, position)]
        else:
            left = self._dense(position)
        core = _mat([row[: instance.dim] for row in left])
        core = core if instance.encoding.basis == "identity" else _product(core, basis_matrix(instance))
        if not self.affine:
            return core
        return _mat([[*row, last[-1]] for row, last in zip(core.tolist(), left, strict=True)])

    def _dense(self, position: Position) -> list[list[Any]]:
        instance = self.instance
        across = instance.dim + self.affine
        found: list[list[Any]] = [[arb(0)] * across for _ in range(self.width)]
        for p, block in enumerate(self.blocks(position)):
            columns = [*self.sources[p], instance.dim]
            for target, entries in zip(self.targets[p], block, strict=True):
                for c, entry in entries:
                    found[target][columns[c]] = entry
        for i in range(instance.covered, instance.dim):
            found[self.width - instance.dim + i][i] = arb(1)
        return found

    def groups(self) -> list[set[int]]:
        """The outputs of each block that share an input, from the entries of the form that are not identically zero."""
        shape = self.form.shape if self.columns else (0, 0)
        parts: list[tuple[set[int], set[int]]] = []
        for r in range(shape[0]):
            inputs = {c for c in range(self.columns) if self.form[r, c] != 0}
            joined = [part for part in parts if part[1] & inputs]
            parts = [part for part in parts if part not in joined]
            parts.append(({r}.union(*(p[0] for p in joined)), inputs.union(*(p[1] for p in joined))))
        found = [{targets[r] for r in rows} for targets in self.targets for rows, _ in parts]
        covered = set().union(*found) if found else set()
        return sorted(found + [{i} for i in range(self.width) if i not in covered], key=min)


def permuted(instance: Instance, position: Position) -> list[int]:
    """(π^s(0), …, π^s(dim − 1)) for any integer s, by cycles."""
    found, power = [0] * instance.dim, int(position[0].p)
    for cycle in instance.cycles:
        for i, j in enumerate(cycle):
            found[j] = cycle[(i + power) % len(cycle)]
    return found


def _exponential(entries: list[Any], position: Position, size: int) -> list[Any]:
    parts = [_mat(_square(entries[a * size**2 :], size)) * arb(x) for a, x in enumerate(position)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return list(total.exp().entries())


def _square(entries: list[Any], size: int) -> list[list[Any]]:
    return [[ball(e) for e in entries[r * size : (r + 1) * size]] for r in range(size)]


def _mat(rows: list[list[Any]]) -> Any:
    kind = acb_mat if any(isinstance(x, acb) for row in rows for x in row) else arb_mat
    return kind(len(rows), len(rows[0]), [x for row in rows for x in row])


def _product(a: Any, b: Any) -> Any:
    if isinstance(a, acb_mat) or isinstance(b, acb_mat):
        return acb_mat(a) * acb_mat(b)
    return a * b


def adjoint(a: Any) -> Any:
    """The conjugate transpose."""
    if isinstance(a, arb_mat):
        return a.transpose()
    turned = a.transpose()
    return acb_mat(turned.nrows(), turned.ncols(), [x.conjugate() for x in turned.entries()])


def angle_program(instance: Instance) -> tuple[Program, list[sp.Symbol]] | None:
    """θ of a block made of cosines, sines and phases of ± θ · coordinate; None where it is anything else."""
    record = instance.encoding
    if instance.permutation is not None:
        return None
    if record.generators:
        found = {abs(g[1, 0]) for g in record.generators if g.shape == (2, 2) and g + g.T == sp.zeros(2, 2)}
    else:
        found = {_rate(a, record.coordinates) for a in _arguments(record.query)}
    if len(found) != 1 or None in found:
        return None
    theta = found.pop()
    inputs = sorted(theta.free_symbols, key=str)
    return Program([theta], inputs, record.name), inputs


def _arguments(matrix: Any) -> list[Any]:
    phases = [e.args[0] / sp.I for e in matrix.atoms(sp.exp) if e.args[0].has(sp.I)]
    return [*phases, *(f.args[0] for f in matrix.atoms(sp.cos, sp.sin))]


def _rate(argument: Any, coordinates: Sequence[sp.Symbol]) -> Any:
    for x in coordinates:
        theta = sp.cancel(argument / x)
        if not theta.free_symbols & set(coordinates):
            return -theta if theta.could_extract_minus_sign() else theta
    return None
