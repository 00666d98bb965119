"""Ranks of scalar kernels: Toeplitz over all lags, Hankel H_ij = κ(i + j + 1) over the strict past, κ(n) = W at lag -n.

On a half-line a kernel is L values of its own and then a tail. With an exponential polynomial of rank r as the tail the
Hankel rank is L + r: shifting is nilpotent on the one part and invertible on the other (Kronecker). Over all lags it is
finite only when one exponential polynomial is the kernel everywhere, because either tail determines it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy.core.function import AppliedUndef

from .encoding import Encoding, lag
from .exact.translate import OutsideClassError, Translator
from .exact.trees import in_positions, places
from .growing_minors import at_least
from .half_line import last_apart, on_side, tail
from .rank import OPEN, exponential_rank
from .recheck import Terms

if TYPE_CHECKING:
    from .exact.verdicts import Proposition

Rank = dict[str, Any]
SIDES = {1: "ahead", -1: "behind"}


def of_kernel(record: Encoding, found: "Mapping[str, Proposition]") -> dict[str, Rank]:
    """{"bidirectional": R, "causal": R}, of a bias with "rank_added": the ranks of e^b, and those of b itself."""
    if record.form in ("adapt", "step"):
        reason = {
            "adapt": "nonlinear in the score: no kernel of the lag multiplies the features",
            "step": "the kernel is a product along the path, not a function of the lag",
        }[record.form]
        return {"bidirectional": {"not_applicable": reason}, "causal": {"not_applicable": reason}}
    if str(found["lag-invariant"].verdict) == "undecided":
        return {"bidirectional": dict(OPEN), "causal": dict(OPEN)}
    if str(found["lag-invariant"].verdict) != "proved":
        none = {"not_applicable": "there is no W of the lag alone"}
        return {"bidirectional": none, "causal": dict(none)}
    if record.form in ("terms", "query"):
        from .matrix_rank import of_random, of_terms

        return of_terms(record) if record.form == "terms" else of_random(record)
    e = in_lag(record)
    if record.form != "bias":
        return of_scalar(record, e, e)
    added = of_scalar(record, e, e)
    return of_scalar(record, sp.exp(e), e) | {"rank_added": added}


def in_lag(record: Encoding) -> Any:
    """The scalar of the record as a function of the lag: the query at zero."""
    query, key = places(record)
    lags = (lag,) if record.axes == 1 else record.coordinates
    e = in_positions(record, getattr(record, record.form))
    return e.xreplace({s: sp.Integer(0) for s in query} | dict(zip(key, lags, strict=True)))


def of_scalar(record: Encoding, kernel: Any, inside: Any) -> dict[str, Rank]:
    """Both ranks of a scalar kernel of the lag. `inside`: what is compared instead, b for e^b (exp is one to one)."""
    if record.axes > 1:
        return _several_axes(record, kernel, inside)
    halves = {sign: half_line(kernel, inside, lag, sign) for sign in SIDES}
    return {"bidirectional": _bidirectional(kernel, halves), "causal": _one_sided(halves[-1])}


@dataclass(frozen=True)
class Half:
    """One half-line of a kernel: L values of its own and the tail's rank, or why there is none."""

    kernel: Any
    variable: sp.Symbol
    own: int = 0
    tail: Any = None
    rank: int | None = None
    reason: str = ""


def half_line(kernel: Any, inside: Any, symbol: sp.Symbol, sign: int) -> Half:
    """The kernel at lag = sign · n, n = 1, 2, …"""
    e, n = on_side(kernel, symbol, sign)
    b, _ = on_side(inside, symbol, sign)
    wrap = sp.exp if kernel == sp.exp(inside) and kernel != inside else lambda x: x
    found = tail(b, n, lambda x: tail_rank(wrap(x), n) is not None)
    if found is None:
        return Half(e, n, reason=no_tail(b, n, wrap))
    own = last_apart(b, n, found, differ)
    if own is None:
        return Half(e, n)
    return Half(e, n, own, wrap(found.expression), tail_rank(wrap(found.expression), n))


def tail_rank(e: Any, n: sp.Symbol) -> int | None:
    """The rank of an exponential polynomial in n for generic symbols; None for anything else."""
    terms = terms_in(e, {n: "t0"})
    if terms is None:
        return None
    ring, found = terms
    return exponential_rank(ring, [[found]], ["t0"])


def terms_in(e: Any, names: Mapping[sp.Symbol, str]) -> tuple[Any, Terms] | None:
    """e as a sum of terms in whole variables, with the ring it lives in; None where it is none."""
    e = sp.sympify(e)
    translator = Translator(frozenset(names), True, e.free_symbols - set(names))
    try:
        found = translator.terms(e, names)
    except OutsideClassError:
        return None
    translator.ring.rules = type(translator.ring)((), translator.relations).rules
    return translator.ring, found


def differ(a: Any, b: Any) -> bool | None:
    """Whether two values free of n differ for generic symbols: not when the normal form is zero; None when open."""
    difference = sp.sympify(a - b)
    if difference == 0:
        return False
    terms = terms_in(difference, {})
    if terms is not None and terms[0].is_zero(terms[1]):
        return False
    return True if certainly_nonzero(difference) else None


def certainly_nonzero(e: Any) -> bool:
    """Whether Arb encloses e away from zero at simple values of its symbols and free functions."""
    from .exact.tree_witness import value_at

    calls = sorted(e.atoms(AppliedUndef) | e.atoms(sp.Indexed), key=str)
    e = e.xreplace({c: sp.Rational(2 * i + 3, i + 2) for i, c in enumerate(calls)})
    for shift in (0, 1, 2):
        symbols = sorted(e.free_symbols, key=str)
        values = {
            s: sp.Rational(i + 1 + shift) if s.is_integer else sp.Rational(i + 2 + shift, i + 3)
            for i, s in enumerate(symbols)
        }
        found = value_at(e, values)
        if found is not None and not found.contains(0):
            return True
    return False


def _one_sided(half: Half) -> Rank:
    if half.rank is not None:
        return {"value": half.own + half.rank}
    if half.reason:
        return {"unbounded": half.reason}
    return at_least(half.kernel, half.variable)


def _bidirectional(kernel: Any, halves: Mapping[int, Half]) -> Rank:
    for half in halves.values():
        if half.rank is None and half.reason:
            return {"unbounded": half.reason}
    if any(half.rank is None for half in halves.values()):
        half = next(h for h in halves.values() if h.rank is None)
        return at_least(half.kernel, half.variable)
    up, down = halves[1], halves[-1]
    across = down.tail.subs(down.variable, -up.variable)
    same = differ_on(up.tail, across, up.variable)
    if same is None:
        return at_least(up.kernel, up.variable)
    if same:
        return {"unbounded": _tails(up, down)}
    at_zero = differ(kernel.subs(lag, 0), up.tail.subs(up.variable, 0))
    if at_zero is False and up.own == down.own == 0:
        return {"value": int(up.rank or 0)}
    return {"unbounded": "compact support" if up.tail == 0 else "an exponential polynomial but for finitely many lags"}


def differ_on(a: Any, b: Any, n: sp.Symbol) -> bool | None:
    """Whether two exponential polynomials in n differ, as functions."""
    terms = terms_in(sp.sympify(a - b), {n: "t0"})
    if terms is not None and terms[0].is_zero(terms[1]):
        return False
    for i in (1, 2, 3, 5):
        if differ(a.subs(n, i), b.subs(n, i)):
            return True
    return None


def _tails(up: Half, down: Half) -> str:
    def said(e: Any) -> str:
        text = str(e)
        return text if len(text) <= 40 else "another one"

    behind = f"{said(down.tail)} for lag = -n" + (f", n > {down.own}" if down.own else "")
    ahead = f"{said(up.tail)} for lag = n" + (f", n > {up.own}" if up.own else "")
    return f"two different exponential polynomials: {behind}; {ahead}"


def no_tail(b: Any, n: sp.Symbol, wrap: Callable[[Any], Any]) -> str:
    """Why the kernel wrap(b) is eventually no exponential polynomial in n; "" where no reason is known."""
    from .half_line import resolve
    from .unbounded import reason

    return reason(wrap(resolve(b, n, 64)), n)


def _several_axes(record: Encoding, kernel: Any, inside: Any) -> dict[str, Rank]:
    """Over the product grid: exactly for exponential polynomials, else through one axis with the others at zero."""
    terms = terms_in(kernel, {x: f"t{j}" for j, x in enumerate(record.coordinates)})
    if terms is not None:
        value = exponential_rank(terms[0], [[terms[1]]], [f"t{j}" for j in range(record.axes)])
        if value is not None:
            return {"bidirectional": {"value": value}, "causal": {"value": value}}
    none = {"not_applicable": "several axes have no order of the past"}
    for x in record.coordinates:
        rest = {y: sp.Integer(0) for y in record.coordinates if y != x}
        along, b = (e.xreplace(rest).xreplace({x: lag}) for e in (kernel, inside))
        found = _bidirectional(along, {sign: half_line(along, b, lag, sign) for sign in SIDES})
        if "unbounded" in found:
            return {"bidirectional": {"unbounded": f"along {x}: {found['unbounded']}"}, "causal": none}
    first = record.coordinates[0]
    along = kernel.xreplace({y: sp.Integer(0) for y in record.coordinates[1:]}).xreplace({first: lag})
    e, n = on_side(along, lag, 1)
    return {"bidirectional": at_least(e, n), "causal": none}
