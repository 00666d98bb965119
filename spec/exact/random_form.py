"""A_s(Z)^H B_t(Z) with independent standard normal Z: its expectation, decided exactly, and the variance of a score."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial

import sympy as sp

from ..canonical import expression
from ..encoding import Encoding
from ..recheck import Definition, Matrix, Poly, RejectedError, Terms, _sum_of, correlations, defects, variance
from . import certificate, process
from .definition import Stored, store, write_terms
from .translate import OutsideClassError
from .verdicts import Proposition, Verdict, in_time
from .witness import search

SENSE = "in expectation"
_NO_MAPS = "the maps are random: only what they are on average is stated"


def noise_symbols(record: Encoding) -> list[sp.Symbol]:
    """The noise of a record, symbol by symbol: a matrix, a sequence or one symbol. Raises OutsideClassError."""
    given = record.noise
    found = list(given) if isinstance(given, (sp.MatrixBase, tuple, list, sp.Tuple)) else [given]
    for z in found:
        if not isinstance(z, sp.Symbol) or not z.is_real:
            wanted = "real symbols (sp.Symbol('z', real=True)) or functions of the position (sp.Function('z'))"
            raise OutsideClassError(f"noise must be {wanted}, got {z}")
    return found


def definition(record: Encoding) -> Stored:
    """The stored definition of a random record, with the names of its noise. Raises OutsideClassError."""
    found = noise_symbols(record)
    stored, translator = store(record)
    assert translator is not None
    names = sorted(translator.names[z] for z in found if z in translator.names)
    return stored | {"noise": names} | ({"process": True} if any("@" in n for n in names) else {})


def averaged(stored: Stored) -> Definition:
    """The definition whose kernel is the expectation of A^H B."""
    d = Definition(stored)
    d.averaged = True
    return d


def propositions(record: Encoding) -> dict[str, Proposition]:
    """The properties of a random record."""
    names = ("lag-invariant", "unitary", "identity-at-zero", "variance")
    try:
        if process.functions(record):
            record = process.surrogate(record)
        stored = definition(record)
        d = averaged(stored)
        correlations(d) if d.process else d.kernel()
    except (OutsideClassError, RejectedError) as error:
        open_ = {name: Proposition(name, Verdict.UNDECIDED, reason=str(error)) for name in names}
        return open_ | {"unitary": Proposition("unitary", Verdict.NOT_APPLICABLE, reason=_NO_MAPS)}
    from . import bridge

    bridge.check(record, stored)
    both = ("lag-invariant", "identity-at-zero")
    found = {name: in_time(name, partial(_decide, record, stored, name)) for name in both}
    found["unitary"] = Proposition("unitary", Verdict.NOT_APPLICABLE, reason=_NO_MAPS)
    found["variance"] = in_time("variance", lambda: _variance(record, stored, found["lag-invariant"]))
    return {name: found[name] for name in names}


def _decide(record: Encoding, stored: Stored, name: str) -> Proposition:
    from .decide import quantifiers

    rows, columns = len(stored["query"][0]), len(stored["key"][0])
    if name == "identity-at-zero" and rows != columns:
        return Proposition(name, Verdict.NOT_APPLICABLE, reason=f"query takes {rows} coordinates and key {columns}")
    noise = noise_symbols(record)
    senses: list[tuple[Definition, dict[str, str]]] = [(averaged(stored), {"sense": SENSE})]
    if not stored.get("process"):
        senses.insert(0, (Definition(stored), {}))
    for d, extra in senses:
        if all(d.ring.is_zero(t) for t in defects(d, name)):
            over = f"; on average over independent standard normal {', '.join(dict.fromkeys(map(_said, noise)))}"
            said = quantifiers(record, noise) + over if extra else quantifiers(record)
            made = certificate.make(record.name, stored, name, True, said, {"method": "normal-form"}, extra)
            return Proposition(name, Verdict.PROVED, said, detail=extra.get("sense"), certificate=made)
    return _refuted(record, stored, d, name)


def _said(noise: sp.Symbol) -> str:
    name = str(noise.name)
    return f"{name[2:].partition('@')[0]}(position)" if "@" in name else name


def _refuted(record: Encoding, stored: Stored, d: Definition, name: str) -> Proposition:
    from .decide import _free

    hit = search(d, [{} if d.ring.is_zero(t) else t for t in defects(d, name)])
    if hit is None:
        return Proposition(name, Verdict.UNDECIDED, reason="the expectation changes, and no certain witness was found")
    point, entry = hit
    witness = {n: str(v) for n, v in point.items()}
    full = witness | {n + "*": v for n, v in witness.items() if n[0] == "?"}
    proof = {"method": "witness", "point": full}
    made = certificate.make(record.name, stored, name, False, "at one point", proof, {"sense": SENSE})
    shown = certificate.explain(d, name, point, entry) | {"parameters": _free(witness)}
    return Proposition(name, Verdict.REFUTED, "at one point", witness=shown, detail=SENSE, certificate=made)


def _variance(record: Encoding, stored: Stored, relative: Proposition) -> Proposition:
    """Var[Σ q_i (A^H B)_ij k_j] of one realisation; the mean over R of them has 1/R of it."""
    d = Definition(stored)
    if d.process:
        return Proposition("variance", Verdict.UNDECIDED, reason="not derived for noise at positions")
    q, k = ([f"{letter}_{i}" for i in range(len(side[0]))] for letter, side in (("q", d.A), ("k", d.B)))
    taken = {s.name for m in (record.query, record.key) for s in m.free_symbols}
    if taken & {*q, *k}:
        return Proposition("variance", Verdict.UNDECIDED, reason=f"the record uses the names {', '.join((*q, *k))}")
    value = variance(d, q, k)
    extra = {"query": q, "key": k, "terms": write_terms(value)}
    words = "one realisation, every real q and k; the mean of R independent ones has 1/R of it"
    made = certificate.make(record.name, stored, "variance", True, words, {"method": "normal-form"}, extra)
    shown = _in_lag(d, value, record) if relative.verdict is Verdict.PROVED else expression(value, record)
    return Proposition("variance", Verdict.PROVED, words, detail=str(sp.factor_terms(shown)), certificate=made)


def _in_lag(d: Definition, value: Terms, record: Encoding) -> sp.Expr:
    at_zero: Mapping[str, Poly] = {f"s{j}": () for j in range(d.axes)}
    moved = d.ring.substitute(value, at_zero)
    c = {f"{v}{j}": _sum_of(f"{v}{j}", f"c{j}") for v in "st" for j in range(d.axes)}
    shifted = d.ring.add(d.ring.substitute(value, c), d.ring.scale(Fraction(-1), value))
    return expression(moved if d.ring.is_zero(shifted) else value, record)


def lag_kernel(record: Encoding) -> sp.Matrix:
    """E[A^H B] of a relative record in the lag. Raises OutsideClassError or RejectedError."""
    if process.functions(record):
        moved = process.surrogate(record)
        return process.kernel(moved, averaged(definition(moved)))
    _, W = kernel(record)
    return sp.Matrix([[expression(entry, record) for entry in row] for row in W])


def kernel(record: Encoding) -> tuple[Definition, Matrix]:
    """E[A^H B] at s = 0 and t = the lag, with its definition. Raises OutsideClassError or RejectedError."""
    d = averaged(definition(record))
    return d, d.lag_kernel("t")
