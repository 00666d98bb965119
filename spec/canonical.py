"""The canonical form W_τ of a record, its family and its text: functions of a record, never methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from .encoding import Encoding, PermutationPower, lag
from .recheck import PI, Definition, Matrix, Mono, Poly, Terms

if TYPE_CHECKING:
    from .exact.verdicts import Proposition


@dataclass(frozen=True)
class CanonicalForm:
    """W_τ as a SymPy matrix (None where there is none), and as text and LaTeX."""

    kernel: Any
    text: str
    latex: str


def canonical_form(record: Encoding, found: "Mapping[str, Proposition]") -> CanonicalForm:
    """W_{t-s} = A_s^H B_t for a relative bilinear record; the reason, in words, where the record has none."""
    if record.kind != "bilinear":
        from .exact.kernels import canonical_form as of_kernel

        return CanonicalForm(*of_kernel(record, found))
    if str(found["lag-invariant"].verdict) == "undecided":
        return CanonicalForm(None, "not derived: lag invariance is undecided", r"\text{not derived}")
    if str(found["lag-invariant"].verdict) != "proved":
        return CanonicalForm(None, "none: A_s^H B_t is not a function of the lag", r"\text{none}")
    left, right = ("", "") if record.basis == "identity" else ("P^H ", f" P,  P = {record.basis}")
    if isinstance(record.query, PermutationPower):
        return CanonicalForm(
            None, f"W_τ = {left}Π^τ{right}", rf"W_\tau = {_latex(left)}\Pi^{{\tau}}{_latex_basis(record)}"
        )
    if record.generators is not None:
        lags = ["τ"] if record.axes == 1 else [f"τ_{j}" for j in range(record.axes)]
        inside = " + ".join(f"{x} {g.tolist()}" for x, g in zip(lags, record.generators, strict=True))
        latex = " + ".join(rf"\tau_{{{j}}} {sp.latex(g)}" for j, g in enumerate(record.generators))
        return CanonicalForm(None, f"W_τ = exp({inside})", rf"W_\tau = \exp\left({latex}\right)")
    W = kernel(record)
    body = _plain(W)
    many = bool(record.parameters) and W.shape != (1, 1)
    inner = f"⊕ {body}" if many else body
    return CanonicalForm(
        W, f"W_τ = {left}{inner}{right}", rf"W_\tau = {_latex(left)}{sp.latex(W)}{_latex_basis(record)}"
    )


def kernel(record: Encoding) -> sp.Matrix:
    """W_τ of one block of a relative bilinear record, as a SymPy matrix in `lag` (or `axis(j)`)."""
    from .exact.definition import store

    stored, _ = store(record)
    d = Definition(stored)
    W = d.lag_kernel("t")
    return sp.Matrix([[expression(entry, record) for entry in row] for row in W])


def family(record: Encoding, found: "Mapping[str, Proposition]") -> str:
    """unitary | orthogonal | permutation | gated | scalar | none: the narrowest that is proved."""
    if record.kind != "bilinear":
        return "scalar" if record.kind in ("bias", "mask", "output") else "none"
    if str(found["lag-invariant"].verdict) != "proved":
        return "none"
    unitary = str(found["unitary"].verdict) == "proved"
    if isinstance(record.query, PermutationPower):
        return _with_basis("permutation", record.basis)
    from .exact.definition import store

    stored, _ = store(record)
    d = Definition(stored)
    real = all(d.ring.is_zero(_minus_conjugate(d, e)) for M in (d.A, d.B, *d.generators) for row in M for e in row)
    if d.generators:
        return "orthogonal" if real else "unitary"  # relative: every generator is skew-Hermitian
    if unitary and len(d.A) == len(d.A[0]):
        constant = all(len(e) <= 1 and all(k == ((), (), ()) and c == 1 for k, c in e.items()) for r in d.A for e in r)
        return _with_basis(
            "permutation" if constant and len(d.A) > 1 else "orthogonal" if real else "unitary", record.basis
        )
    if _is_scalar_kernel(d):
        return "scalar"
    return "gated" if len(d.A) == len(d.A[0]) == len(d.B[0]) else "none"


def _with_basis(narrow: str, basis: str) -> str:
    if basis == "dft":
        return "unitary"
    return "orthogonal" if narrow == "permutation" and basis in ("householder", "dct") else narrow


def _minus_conjugate(d: Definition, e: Terms) -> Terms:
    return d.ring.add(e, d.ring.scale(Fraction(-1), d.ring.conjugate(e)))


def _is_scalar_kernel(d: Definition) -> bool:
    W: Matrix = d.lag_kernel("t")
    ring = d.ring
    return len(W) == len(W[0]) and all(
        ring.is_zero(ring.add(e, ring.scale(Fraction(-1), W[0][0])) if i == j else e)
        for i, row in enumerate(W)
        for j, e in enumerate(row)
    )


def ranks(record: Encoding, found: "Mapping[str, Proposition]") -> dict[str, dict[str, Any]]:
    """Bidirectional and causal rank (DESIGN.md section 2), each with what it rests on."""
    from .rank import of_record

    return of_record(record, found)


def expression(terms: Terms, record: Encoding) -> sp.Expr:
    """Terms as a SymPy expression in `lag`, conjugate phases gathered to cosines and sines."""
    symbols = {s.name: s for s in _symbols(record)}
    lags = {f"t{j}": (lag if record.axes == 1 else x) for j, x in enumerate(record.coordinates)}
    lags |= {f"s{j}": x for j, x in enumerate(record.coordinates)}

    def name(n: str) -> sp.Expr:
        if n in lags:
            return lags[n]
        if n[0] == "#":
            return sp.Integer(n[1:])
        if n == "pi":
            return sp.pi
        bare = n.strip("?*'")
        found = symbols.get(bare) or sp.sympify(bare, locals=symbols)
        return sp.conjugate(found) if n.endswith("*") else found

    groups: dict[Any, dict[Poly, Fraction]] = {}
    for (phase, growth, mono), c in terms.items():
        turn = dict(phase).get(PI, Fraction(0))
        rest = tuple(p for p in phase if p[0] != PI)
        groups.setdefault((growth, mono, turn), {})[rest] = c
    total = sp.Integer(0)
    for (growth, mono, turn), phases in groups.items():
        factor = _mono(mono, name) * sp.prod([_base(b, name) ** _poly(p, name) for b, p in growth])
        factor *= sp.exp(sp.I * sp.pi * sp.Rational(turn.numerator, turn.denominator))
        total += factor * _gathered(phases, name)
    half_turns = {sp.exp(sp.I * sp.pi * x): sp.Pow(-1, x, evaluate=False) for x in lags.values()}
    return total.xreplace(half_turns) if record.domain == "integer" else total


def _gathered(phases: Mapping[Poly, Fraction], name: Any) -> sp.Expr:
    total, seen = sp.Integer(0), set()
    for phase, c in phases.items():
        if phase in seen:
            continue
        mirror = tuple(sorted((m, -d) for m, d in phase))
        other = phases.get(mirror, Fraction(0)) if phase else Fraction(0)
        seen |= {phase, mirror}
        angle = _poly(phase, name)
        if angle.could_extract_minus_sign():
            angle, c, other = -angle, other, c
        if not phase:
            total += _number(c)
        elif c == 0 or other == 0:
            total += _number(c) * sp.exp(sp.I * angle) + _number(other) * sp.exp(-sp.I * angle)
        else:
            total += _number(c + other) * sp.cos(angle) + sp.I * _number(c - other) * sp.sin(angle)
    return total


def _symbols(record: Encoding) -> set[sp.Symbol]:
    from .wellformed import expressions

    found: set[sp.Symbol] = set()
    for e in expressions(record):
        found |= e.free_symbols
    return found


def _number(c: Fraction) -> sp.Rational:
    return sp.Rational(c.numerator, c.denominator)


def _base(b: str, name: Any) -> sp.Expr:
    return sp.E if b == "e" else name(b)


def _mono(mono: Mono, name: Any) -> sp.Expr:
    return sp.prod([name(n) ** _number(p) for n, p in mono])


def _poly(poly: Poly, name: Any) -> sp.Expr:
    return sp.Add(*(_number(c) * _mono(m, name) for m, c in poly))


def _plain(W: sp.Matrix) -> str:
    text = str(W.tolist()) if W.shape != (1, 1) else str(W[0, 0])
    for old, new in (("lag", "τ"), ("theta", "θ"), ("zeta", "ζ"), ("**", "^"), ("*", "·"), ("sqrt", "√"), ("pi", "π")):
        text = text.replace(old, new)
    return text


def _latex(left: str) -> str:
    return "P^{H} " if left else ""


def _latex_basis(record: Encoding) -> str:
    return "" if record.basis == "identity" else " P"
