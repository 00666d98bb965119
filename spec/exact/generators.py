"""A = B = exp(Σ x_i G_i): unitary iff every G_i is skew-Hermitian, relative iff they commute as well."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from itertools import product
from typing import Any

from ..encoding import Encoding
from ..recheck import Definition, defects, enclose
from . import certificate
from .definition import Stored, store
from .verdicts import Proposition, Verdict, in_time
from .witness import search


def propositions(record: Encoding, stored: Stored) -> dict[str, Proposition]:
    """The properties of a record written in generators."""
    d = Definition(stored)
    names = ("lag-invariant", "unitary", "identity-at-zero", "group-law")
    symbols = _by_name(record)
    found = {n: in_time(n, partial(_decide, record, stored, d, symbols, n)) for n in names}
    reason = "not decided for generators"
    return found | {"faithful": Proposition("faithful", Verdict.NOT_APPLICABLE, reason=reason)}


def _by_name(record: Encoding) -> dict[str, Any]:
    translator = store(record)[1]
    return {} if translator is None else {n: s for s, n in translator.names.items()}


def _decide(record: Encoding, stored: Stored, d: Definition, symbols: Mapping[str, Any], name: str) -> Proposition:
    from .decide import quantifiers

    words = quantifiers(record)
    left = [{} if d.ring.is_zero(t) else t for t in defects(d, name)]
    if not any(left):
        made = certificate.make(record.name, stored, name, True, words, {"method": "normal-form"})
        return Proposition(name, Verdict.PROVED, words, certificate=made)
    hit = search(d, left, symbols)
    if hit is None:
        return Proposition(name, Verdict.UNDECIDED, reason="no certain witness was found")
    point, entry = hit
    shown = {"where": _where(d, entry), "defect": _number(left[entry], point), "parameters": _strings(point)}
    if record.domain == "real":
        proof = {"method": "witness", "point": _strings(point)}
        made = certificate.make(record.name, stored, name, False, "at one point", proof)
        return Proposition(name, Verdict.REFUTED, "at one point", witness=shown, certificate=made)
    lag = _whole_witness(record, name, point)
    if lag is None:
        return Proposition(name, Verdict.UNDECIDED, reason="whole positions: no small position shows the defect")
    return Proposition(name, Verdict.REFUTED, "at one point, enclosed by Arb", witness=shown | lag)


def _where(d: Definition, entry: int) -> str:
    n, count = len(d.generators[0]), len(d.generators)
    which, inside = divmod(entry, n * n)
    if which < count:
        return f"G{which + 1} + G{which + 1}^H, entry [{inside // n}, {inside % n}]"
    pairs = [(x, y) for x in range(count) for y in range(x)]
    x, y = pairs[which - count]
    return f"[G{x + 1}, G{y + 1}], entry [{inside // n}, {inside % n}]"


def _number(terms: Any, point: dict[str, Fraction]) -> str:
    full = point | {n + "*": v for n, v in point.items() if n[0] == "?"}
    (re, im) = enclose(terms, full)
    value = complex(float(re[0]), float(im[0]))
    return f"{value.real:.6g}" if im[0] <= 0 <= im[1] else f"{value:.6g}"


def _strings(point: dict[str, Fraction]) -> dict[str, str]:
    return {n: str(v) for n, v in point.items()}


def _whole_witness(record: Encoding, name: str, point: dict[str, Fraction]) -> dict[str, Any] | None:
    """Small whole positions at which the exponentials themselves, enclosed by Arb, show the defect."""
    from flint import acb, acb_mat

    from ..balls import evaluate

    values = {s: point[s.name] for g in record.generators or () for s in g.free_symbols if s.name in point}
    G = [acb_mat([[acb(evaluate(x, values)) for x in row] for row in g.tolist()]) for g in record.generators or ()]

    def A(places: tuple[int, ...]) -> Any:  # noqa: N802  (the papers' letter)
        total = G[0] * places[0]
        for g, x in zip(G[1:], places[1:], strict=True):
            total = total + g * x
        return total.exp()

    small = sorted(product((0, 1, 2), repeat=record.axes), key=lambda x: (sum(x), x))
    for s, t, c in product(small, small, small):
        up = tuple(a + b for a, b in zip(s, c, strict=True)), tuple(a + b for a, b in zip(t, c, strict=True))
        if name == "lag-invariant":
            defect = A(up[0]).conjugate().transpose() * A(up[1]) - A(s).conjugate().transpose() * A(t)
        else:
            defect = A(s).conjugate().transpose() * A(s) - A(tuple([0] * record.axes))
        if any(not defect[i, j].contains(0) for i in range(defect.nrows()) for j in range(defect.ncols())):
            return {"query_position": list(s), "key_position": list(t), "shift": list(c)}
    return None
