"""A design made executable: the plain NumPy evaluation of its record in float64, as a subject like any other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from ..spec.encoding import RESERVED, Encoding, EncodingError
from ..spec.instance import Instance, instantiate
from .subject import Subject

FREE = (0.375, 0.6875, 0.21875, 0.53125)  # exact in every dtype: values for symbols that the design leaves open
BLOCKS = 4
LENGTH = 64


def subject(record: Encoding, parameters: Mapping[str, Any] | None = None) -> Subject:
    """The generated reference of a bilinear design, at `parameters` (symbols left open get fixed values).

    A design with `parameters` runs at four blocks, one without at one block. float32 results are float64 ones rounded
    once. Raises EncodingError for a form or a basis without a reference.
    """
    if record.kind != "bilinear" or not isinstance(record.query, sp.MatrixBase):
        raise EncodingError(f"{record.name}: only query=/key= matrices have a generated reference, got {record.form}=")
    if record.basis != "identity":
        raise EncodingError(f"{record.name}: no generated reference for the basis {record.basis!r}")
    values = (
        _open_symbols(record) | {"dim": record.block * (BLOCKS if record.parameters else 1)} | dict(parameters or {})
    )
    instance = instantiate(record, values)
    complex_entries = record.query.has(sp.I) or record.key.has(sp.I)
    return Subject(
        name=f"generated:{record.name}",
        encoding=record,
        encode=lambda q, k, positions: (
            _apply(record.query, instance, q, positions, complex_entries),
            _apply(record.key, instance, k, positions, complex_entries),
        ),
        parameters=values,
        features="stacked" if complex_entries else None,
        dtypes=("float32",),
        max_position=4096,
        angles="float64",
        tables="float64",
        arithmetic="float64",
        supports={"offset", "arbitrary-positions"},
    )


def _open_symbols(record: Encoding) -> dict[str, Any]:
    used = record.query.free_symbols | record.key.free_symbols
    used |= set().union(*(sp.sympify(v).free_symbols for v in record.parameters.values() if isinstance(v, sp.Basic)))
    left = sorted(used - set(record.coordinates) - set(record.parameters), key=str)
    values: dict[str, Any] = {}
    for i, symbol in enumerate(s for s in left if s.name not in RESERVED):
        values[symbol.name] = 2 if symbol.is_integer else FREE[i % len(FREE)]
    return values | ({"length": LENGTH} if RESERVED["length"] in used else {})


def _apply(matrix: Any, instance: Instance, x: Any, positions: Any, stacked: bool) -> Any:
    """(batch, heads, n, dim) → the encoded rows, every block by its own matrix at every position."""
    blocks = [_at(matrix, instance, p, positions) for p in range(instance.blocks)]  # each (n, rows, columns)
    rows, size = matrix.shape[0], instance.encoding.block
    wide = x.astype(np.float64)
    width = instance.dim - instance.covered + instance.blocks * rows
    out = np.zeros((*x.shape[:-1], width), dtype=np.complex128 if stacked else np.float64)
    out[..., instance.blocks * rows :] = wide[..., instance.covered :]
    for p, M in enumerate(blocks):
        taken = wide[..., instance.places(p, size)]
        if instance.encoding.affine:
            taken = np.concatenate((taken, np.ones((*taken.shape[:-1], 1))), axis=-1)
        out[..., instance.places(p, rows)] = np.matmul(M, taken[..., None])[..., 0]
    found = np.concatenate((out.real, out.imag), axis=-1) if stacked else out
    return found.astype(x.dtype)


def _at(matrix: Any, instance: Instance, p: int, positions: Any) -> np.ndarray:
    from ..spec.balls import ball

    record = instance.encoding
    symbols: Sequence[sp.Symbol] = sorted(matrix.free_symbols - set(record.coordinates), key=str)
    values = [float(ball(instance.value(s, p)).mid()) for s in symbols]
    at = np.asarray(positions, dtype=np.float64).reshape(len(positions), record.axes).T
    entries = sp.lambdify([*record.coordinates, *symbols], matrix.tolist(), "numpy")(*at, *values)
    return np.stack([np.stack([np.broadcast_to(e, at.shape[1:]) for e in row], -1) for row in entries], -2)
