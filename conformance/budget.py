"""How far a correct implementation may be from the definition: a printed sum of derived terms, never a tolerance.

u is the unit roundoff of the dtype. A term is relative to the norm of its block: elementwise `flat`, as a vector
`flat * vector`; `per_turn` is multiplied by s·θ (radians travelled), `per_growth` by |ln gain| at the position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..spec.encoding import Encoding, PermutationPower
from .libraries import Array

if TYPE_CHECKING:
    from ..spec.oracle import Oracle
    from .subject import Subject

U = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
TINY = {"float64": 0.0, "float32": 2.0**-150, "float16": 2.0**-25, "bfloat16": 2.0**-134}  # half the least subnormal
DEFAULTS = {"angles": "float32", "tables": "input", "arithmetic": "input"}
REDUCED = 7 * 2.0**-53  # an angle in [-π, π] held in float64 after two roundings: 2π·2^-53, rounded up
EXACT = 2.0**-7  # what "exact" promises in a dtype narrower than float64: phases right to u/128 at every position


@dataclass(frozen=True)
class Term:
    """One summand, with the sentence that says where it comes from."""

    name: str
    why: str
    flat: float = 0.0
    vector: float = 1.0
    per_turn: float = 0.0
    per_growth: float = 0.0


@dataclass(frozen=True)
class Budget:
    """The sum of its terms; `tiny` is added absolutely (rounding of subnormal results)."""

    terms: tuple[Term, ...]
    u: float
    tiny: float = 0.0
    undeclared: tuple[str, ...] = ()

    def elementwise(self, turns: Any = 0.0, growth: Any = 0.0) -> Any:
        """Largest error of one element relative to the norm of its block."""
        flat = sum(t.flat for t in self.terms)
        return flat + self._moving(turns, growth)

    def vector(self, turns: Any = 0.0, growth: Any = 0.0) -> Any:
        """Largest norm of the error of a block relative to the norm of the block."""
        flat = sum(t.flat * t.vector for t in self.terms)
        return flat + self._moving(turns, growth)

    def _moving(self, turns: Any, growth: Any) -> Any:
        turning = sum(t.per_turn for t in self.terms)
        return turning * np.asarray(turns) + sum(t.per_growth for t in self.terms) * np.asarray(growth)

    def __str__(self) -> str:
        said = " + ".join(self._say(t) for t in self.terms if t.flat or t.per_turn or t.per_growth)
        note = f" (undeclared, judged as the default: {', '.join(self.undeclared)})" if self.undeclared else ""
        return (said or "0: values are only moved") + note

    def _say(self, term: Term) -> str:
        if term.per_turn and not term.flat:
            return f"s·θ·2^{np.log2(term.per_turn):g} {term.name}"
        moving = f" + s·θ·2^{np.log2(term.per_turn):.3g}" if term.per_turn else ""
        return f"{term.flat / self.u:.3g}u{moving} {term.name}"

    def explain(self) -> str:
        """One line for each term: its size and why."""
        return "\n".join(f"{self._say(t)}: {t.why}" for t in self.terms)


def budget(subject: "Subject", dtype: str, gain: bool = False) -> Budget:
    """The budget of one encoded vector in `dtype`, from what the subject declares (DEFAULTS where it does not).

    `gain`: whether the encoding also scales by a power of a position.
    """
    record = subject.record
    undeclared = tuple(
        f"{what}={default}"
        for what, default in DEFAULTS.items()
        if subject.declared(what) is None and not moves(record)
    )
    said = {what: subject.declared(what) or default for what, default in DEFAULTS.items()}
    u = U[dtype]
    work = _precision(said["arithmetic"], dtype)
    terms = _basis(record, work, subject.dim)
    if subject.up_to is not None:
        why = "an isometry of the outputs is allowed: one more sum of dim products for each element"
        terms.append(Term("isometry", why, (subject.dim + 4) * work, float(subject.dim) ** 0.5))
    if not moves(record):
        terms += _rotation(record, said, dtype, work, gain)
    if terms:
        terms.insert(0, Term("output", "the result is rounded once to the dtype: u times the element", u))
    return Budget(tuple(terms), u, TINY[dtype] if terms else 0.0, undeclared)


def moves(record: Encoding) -> bool:
    """Whether the core only moves values (a permutation, or nothing at all): nothing is rounded."""
    query = record.query
    return isinstance(query, PermutationPower) or (
        query is not None and not query.free_symbols and record.generators is None
    )


def mixes(record: Encoding) -> bool:
    """Whether the basis mixes all coordinates, so that the whole vector is the block."""
    return record.basis in ("householder", "dct", "dft")


def _precision(declared: str, dtype: str) -> float:
    """Unit roundoff of a declared precision: never coarser than the dtype itself."""
    return U[dtype] if declared in ("input", "none") else min(U[declared], U[dtype])


def _rotation(record: Encoding, said: dict[str, str], dtype: str, work: float, gain: bool) -> list[Term]:
    u = U[dtype]
    wide = work < u
    factors = 2 if record.basis == "dft" or record.block > 1 else 1
    terms = []
    if factors > 1 or wide:
        count = (factors - 1) + wide
        why = "each product is rounded: u(|x0 cos| + |x1 sin|) <= u·‖pair‖" + (", then the sum" if wide else "")
        terms.append(Term("products", why, count * work, 2.0**0.5))
    trig, phrase = _trigonometry(said["angles"], dtype)
    table = work if said["tables"] == "none" else _precision(said["tables"], dtype)
    rounded = table if table > trig else 0.0
    tables = f"cos and sin held in {said['tables']}: rounded once" if rounded else "cos and sin are not rounded again"
    terms.append(Term("tables", f"{tables}; {phrase}", rounded + trig, 2.0**0.5 if record.affine else 1.0))
    terms.append(_angle(said["angles"], dtype))
    if said["angles"] == "exact":
        terms.append(
            Term(
                "phase",
                "reduced to one turn exactly: held to u/128, or in float64 to 2π·2^-53",
                max(REDUCED, EXACT * u),
            )
        )
    if isinstance(record.claims.get("unitary"), Mapping):
        inner = U["float64"] if said["angles"] == "exact" else table
        why = "the gain is rounded, and so is its product with cos and sin; with exact angles both in float64"
        terms.append(Term("constant gain", why, 2 * inner))
    if gain:
        scale = 2 * table + 2 * trig
        why = "the gain is a rounded power, and one more product; its exponent is rounded relative to its size"
        terms.append(Term("gain", why, scale + work, 1.0, per_growth=4 * trig))
    return terms


def _trigonometry(angles: str, dtype: str) -> tuple[float, str]:
    if angles in ("exact", "float64"):
        return 2 * U["float64"], "library cos and sin in float64 are within one ulp"
    if angles == "fast":
        return 2.0**-21, "hardware cos and sin: absolute error 2^-21.19 on [-π, π]"
    if angles == "input":
        return 2 * U[dtype], "library cos and sin in the dtype are within one ulp"
    return 2 * U["float32"], "library cos and sin in float32 are within one ulp"


def _angle(angles: str, dtype: str) -> Term:
    sizes = {"exact": 0.0, "float64": 2.0**-51, "float32": 2.0**-22, "fast": 2.0**-21, "input": 8 * U[dtype]}
    why = {
        "exact": "reduced exactly: nothing grows with the position",
        "float64": "base^(2p/d) within one ulp (2u), its reciprocal (u), the product with s (u): 4·2^-53",
        "float32": "base^(2p/d) within one ulp (2u), its reciprocal (u), the product with s (u): 4·2^-24",
        "fast": "float32 angles, and their reduction to one turn by one more product",
        "input": "base^(2p/d) within one ulp, its reciprocal, the position and the product: 5u, rounded up",
    }
    return Term("angle", why[angles], per_turn=sizes[angles])


def _basis(record: Encoding, work: float, dim: int) -> list[Term]:
    if not mixes(record):
        return []
    if record.basis == "householder":
        count = 2 * dim + 12
        why = "w = v/|v| and 2w(w·x): sums of dim products in any order are off by dim·u·|w|·|x|; 12 more roundings"
    else:
        count = (2 if record.basis == "dft" else 1) * dim + 4
        why = "a sum of dim products in any order is off by dim·u·Σ|P||x| <= dim·u·‖x‖; the entries of P are rounded"
    return [Term("basis", why, count * work, float(dim) ** 0.5)]


def rates(oracle: "Oracle") -> tuple[Array, Array]:
    """(radians per position, (axes, blocks); |ln gain| per position, (blocks,)) of each block, in float64."""
    instance = oracle.instance
    record = instance.encoding
    if moves(record) or record.query is None:
        return np.zeros((record.axes, max(instance.blocks, 1))), np.zeros(max(instance.blocks, 1))
    turning = np.zeros((record.axes, instance.blocks))
    growing = np.zeros(instance.blocks)
    for j, x in enumerate(record.coordinates):
        slope = record.query.diff(x).subs(dict.fromkeys(record.coordinates, 0))
        G = np.stack(_numbers(slope, instance))  # (blocks, rows, columns): the generator of this axis
        turning[j] = np.linalg.norm(G, 2, axis=(1, 2))
        square = G[:, : min(G.shape[1:]), : min(G.shape[1:])]
        symmetric = (square + square.conj().swapaxes(1, 2)) / 2
        growing = np.maximum(growing, np.abs(np.linalg.eigvalsh(symmetric)).max(axis=1))
    growing[growing < 1e-12 * turning.max(axis=0)] = 0.0
    return turning, growing


def _numbers(matrix: Any, instance: Any) -> list[Array]:
    import sympy as sp

    from ..spec.balls import ball

    symbols = sorted(matrix.free_symbols, key=str)
    compiled = sp.lambdify(symbols, matrix.tolist(), "math" if not matrix.has(sp.I) else "cmath")
    found = []
    for p in range(instance.blocks):
        values = [float(ball(instance.value(s, p)).mid()) for s in symbols]
        found.append(np.array(compiled(*values), dtype=np.complex128))
    return found


def travelled(turning: Array, positions: Sequence[Any]) -> Array:
    """Radians travelled by each block at each position, (n, blocks)."""
    at = np.abs(np.asarray(positions, dtype=np.float64)).reshape(len(positions), -1)
    return at @ turning
