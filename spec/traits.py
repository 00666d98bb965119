"""What else a relative bilinear encoding is: phases, generator, period, direction, growth. Functions of a record."""

from fractions import Fraction
from math import lcm, log
from typing import Any

import sympy as sp

from .canonical import expression, kernel
from .encoding import Encoding, PermutationPower, lag
from .exact.definition import store
from .recheck import Definition, Matrix, Terms

LARGEST = {"float16": 65504.0, "bfloat16": 3.39e38, "float32": 3.40e38, "float64": 1.797e308}


def traits(record: Encoding) -> dict[str, Any]:
    """The traits of a relative bilinear record of one axis; {} for other records.

    "even in the lag" (then it cannot tell past from future), "eigenphases" (of W_τ, radians a position), "generator"
    (dW/dτ at zero, on real positions or where W extends to them), "period" (in positions), "grows" (factor a position
    of query or key) with the position where it leaves each dtype, "products" (a position and block, of both sides).
    """
    if record.kind != "bilinear" or record.axes > 1 or not isinstance(record.query, sp.MatrixBase):
        return _of_permutation(record.query.images) if isinstance(record.query, PermutationPower) else {}
    stored, _ = store(record)
    d = Definition(stored)
    W = d.lag_kernel("t")
    found: dict[str, Any] = {"even in the lag": _even(d, W)}
    found |= _phases(record, d, W)
    found |= _generator(record)
    found |= _growth(record, d)
    found["products"] = sum(1 for M in (d.A, d.B) for row in M for e in row if e)
    return found


def _even(d: Definition, W: Matrix) -> bool:
    """W_τ = W_{-τ}, of the real part where W is complex and square: what real q and k see."""
    turned = d.at(W, {"t0": (((("t0", Fraction(1)),), Fraction(-1)),)})
    ring = d.ring

    def real(e: Terms) -> Terms:
        return ring.add(e, ring.conjugate(e))

    minus = Fraction(-1)
    return all(
        ring.is_zero(ring.add(real(a), ring.scale(minus, real(b))))
        for row, other in zip(W, turned, strict=True)
        for a, b in zip(row, other, strict=True)
    )


def _phases(record: Encoding, d: Definition, W: Matrix) -> dict[str, Any]:
    phases = {phase for row in W for e in row for phase, _, _ in e}
    if any(lag_power != 1 for p in phases for m, _ in p for n, lag_power in m if n == "t0"):
        return {}
    rates = [expression({((), (), _without(m)): c}, record) for p in phases for m, c in p if dict(m).get("t0")]
    found: dict[str, Any] = {"eigenphases": sorted({str(r) for r in rates}, key=lambda x: (len(x), x))} if rates else {}
    turns = [(dict(m), c) for p in phases for m, c in p]
    if record.domain == "integer" and rates and all(set(m) == {"pi", "t0"} for m, _ in turns) and not _moving(W):
        found["period"] = lcm(*(Fraction(c / 2).denominator for _, c in turns))
    return found


def _moving(W: Matrix) -> bool:
    return any("t0" in dict(mono) or growth for row in W for e in row for _, growth, mono in e)


def _without(mono: Any) -> Any:
    return tuple(f for f in mono if f[0] != "t0")


def _generator(record: Encoding) -> dict[str, Any]:
    W = kernel(record)
    if W.shape[0] != W.shape[1] or W.has(sp.Pow(-1, lag)) or record.query.free_symbols.isdisjoint(record.coordinates):
        return {}
    slope = W.diff(lag).subs(lag, 0)
    return {"generator": str(slope.tolist())} if W.subs(lag, 0) == sp.eye(W.shape[0]) else {}


def _growth(record: Encoding, d: Definition) -> dict[str, Any]:
    """Scales ρ^(c s) on either side: the factor a position, and with numbers the first position beyond each dtype."""
    rates: set[Any] = set()
    for letter, M in (("s0", d.A), ("t0", d.B)):
        for row in M:
            for e in row:
                for _, growth, _ in e:
                    if growth:
                        symbol = record.coordinates[0] if letter == "s0" else lag
                        rates.add(expression({((), growth, ()): Fraction(1)}, record).subs(symbol, 1))
    rates = {r for r in rates if r != 1}
    if not rates:
        return {}
    values = [_number(record, r) for r in rates]
    found: dict[str, Any] = {"grows": sorted(map(str, rates))}
    steepest = max((abs(log(v)) for v in values if v), default=0.0)
    if steepest and all(values):
        found["overflows beyond"] = {dtype: int(log(top) / steepest) for dtype, top in LARGEST.items()}
    return found


def _number(record: Encoding, e: sp.Expr) -> float | None:
    """The value at the record's own numbers, for the first pair of a head of 64; None where a symbol is open."""
    own = {s: sp.sympify(v) for s, v in record.parameters.items() if isinstance(v, (int, float, sp.Basic))}
    for _ in own:
        e = e.xreplace(own)
    small = {s: {"pair": 0, "dim": 64, "head": 0}[s.name] for s in e.free_symbols if s.name in ("pair", "dim", "head")}
    e = e.xreplace({s: sp.Integer(v) for s, v in small.items()})
    return float(e) if not e.free_symbols and e.is_positive else None


def _of_permutation(images: tuple[int, ...] | None) -> dict[str, Any]:
    """The order of a permutation is its period; coordinates that it leaves alone carry no position."""
    if images is None:
        return {}
    left, lengths = set(range(len(images))), []
    while left:
        x, count = min(left), 0
        while x in left:
            left.discard(x)
            x, count = images[x], count + 1
        lengths.append(count)
    return {"period": lcm(*lengths), "fixed coordinates": [i for i, image in enumerate(images) if i == image]}
