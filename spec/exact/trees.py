"""Scalar kernels as stored trees: exponential polynomials at the leaves, other functions above them."""

from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from ..encoding import Encoding, key_position, lag, position, query_position
from ..recheck import Terms
from .deadline import tick
from .definition import Stored, write_poly, write_terms
from .translate import OutsideClassError, Translator

_NAMED = (
    *(sp.Abs, sp.Min, sp.Max, sp.floor, sp.ceiling, sp.sign, sp.log, sp.exp, sp.cos, sp.sin, sp.tanh),
    *(sp.And, sp.Or, sp.Not, sp.Pow, sp.Add, sp.Mul),
)
_OPS: dict[Any, str] = {f: f.__name__ for f in _NAMED}
_RELATIONS = {sp.Lt: "<", sp.Le: "<=", sp.Gt: ">", sp.Ge: ">=", sp.Eq: "==", sp.Ne: "!="}


def places(record: Encoding) -> tuple[tuple[sp.Symbol, ...], tuple[sp.Symbol, ...]]:
    """The symbols of the query's and of the key's coordinates that a tree of this record is written in."""
    if record.axes == 1:
        return (query_position,), (key_position,)
    sides = ("query_position", "key_position")
    first, second = (tuple(sp.Symbol(f"{n}_{j}", real=True) for j in range(record.axes)) for n in sides)
    return first, second


def in_positions(record: Encoding, e: Any) -> sp.Expr:
    """An expression with every lag written as key minus query (`position` of a path as the query's)."""
    query, key = places(record)
    lags = (lag,) if record.axes == 1 else record.coordinates
    values = {x: t - s for x, s, t in zip(lags, query, key, strict=True)}
    return _in_cases(sp.sympify(e)).xreplace({**values, position: query[0]})


def _in_cases(e: Any) -> Any:
    """Kronecker deltas and step functions as Piecewise, remainders by floor: then they have values and tails."""
    e = e.replace(sp.KroneckerDelta, lambda i, j, *_: sp.Piecewise((1, sp.Eq(i, j)), (0, True)))
    e = e.replace(sp.Heaviside, lambda x, at=sp.S.Half: sp.Piecewise((0, x < 0), (at, sp.Eq(x, 0)), (1, True)))
    return e.replace(sp.Mod, lambda x, n: x - n * sp.floor(x / n))


class Strict(Translator):
    """A translator that makes no atoms: functions of symbols stay nodes of the tree, and have values at a witness."""

    def _atom(self, e: sp.Expr) -> Terms:
        raise OutsideClassError(f"{e} is no exponential polynomial")


class TreeBuilder:
    """Builds the tree of one expression. With `atoms`, position-free functions become symbols of the leaves."""

    def __init__(self, record: Encoding, e: Any, *, atoms: bool) -> None:
        query, key = places(record)
        self.rename = {x: f"{v}{j}" for v, side in (("s", query), ("t", key)) for j, x in enumerate(side)}
        self.symbols = (e.free_symbols | _symbols_of(record.relations)) - set(self.rename)
        kind = Translator if atoms else Strict
        self.translator = kind(frozenset(self.rename), record.domain == "integer", self.symbols)
        self.functions: dict[str, Any] = {}

    def build(self, e: sp.Expr) -> Stored:
        """The tree of e as JSON values. Raises OutsideClassError where e holds what is no function of numbers."""
        tick()
        leaf = self._leaf(e)
        if leaf is not None:
            return leaf
        if e.func in (sp.Add, sp.Mul):
            return self._gathered(e)
        return {"op": self._operation(e), "args": [self.build(x) for x in self._parts(e)]}

    def _leaf(self, e: sp.Expr) -> Stored | None:
        if isinstance(e, sp.logic.boolalg.Boolean) and not e.is_Symbol:
            return None
        try:
            return {"terms": write_terms(self.translator.terms(e, self.rename))}
        except (OutsideClassError, KeyError):
            return None

    def _gathered(self, e: sp.Expr) -> Stored:
        """A sum or product: what is translatable together is one leaf, so that t and -s meet."""
        inside = [x for x in e.args if self._leaf(x) is not None]
        outside = [self.build(x) for x in e.args if x not in inside]
        leaf = self._leaf(e.func(*inside)) if inside else None
        if inside and leaf is None:
            outside += [self.build(x) for x in inside]
        return {"op": _OPS[e.func], "args": [*([leaf] if leaf is not None else []), *outside]}

    def _operation(self, e: Any) -> str:
        if isinstance(e, AppliedUndef) or e.func is sp.Indexed:
            return self._call(e)
        if e in (sp.true, sp.false):
            return "true" if e is sp.true else "false"
        if e.func is sp.Piecewise:
            return "Piecewise"
        if e.func in _RELATIONS:
            return _RELATIONS[e.func]
        if e.func in _OPS:
            return _OPS[e.func]
        if isinstance(e, sp.Function):
            return f"function {type(e).__name__}"
        raise OutsideClassError(f"{e} is no function of numbers that is known here")

    def _call(self, e: Any) -> str:
        name = str(e.base) if e.func is sp.Indexed else type(e).__name__
        self.functions[name] = e
        return f"call {name}"

    def _parts(self, e: Any) -> list[Any]:
        if e in (sp.true, sp.false):
            return []
        if e.func is sp.Piecewise:
            return [x for value, condition in e.args for x in (value, condition)]
        return list(e.indices) if e.func is sp.Indexed else list(e.args)


def _symbols_of(relations: Any) -> set[sp.Symbol]:
    return set().union(*(sp.sympify(r).free_symbols for r in relations))


def store(record: Encoding, e: Any, *, atoms: bool = False) -> tuple[Stored, TreeBuilder]:
    """The stored definition of a scalar kernel e (written in positions). Raises OutsideClassError."""
    builder = TreeBuilder(record, e, atoms=atoms)
    tree, translator = builder.build(e), builder.translator
    polynomials = [translator.relation(r) for r in record.relations] + translator.relations

    def which(test: Callable[[Any], Any]) -> list[str]:
        return sorted(translator.names[s] for s in builder.symbols if test(s))

    positive = which(lambda s: s.is_positive) + [f"call {n}" for n, f in builder.functions.items() if f.is_positive]
    return {
        "form": record.form,
        "axes": record.axes,
        "domain": record.domain,
        "integers": which(lambda s: s.is_integer),
        "positive": positive,
        "relations": [write_poly(p) for p in polynomials],
        "basis": "identity",
        "query": [],
        "key": [],
        "tree": tree,
    }, builder


FREE: Mapping[str, Callable[..., Any]] = {
    "sum": lambda *x: sp.Add(*(k * a for k, a in enumerate(x, 1))),
    "squares": lambda *x: 1 + sp.Add(*(k * a**2 for k, a in enumerate(x, 1))),
}


def with_functions(e: Any, free: Mapping[str, str]) -> sp.Expr:
    """The expression with its free functions replaced by the named ones of recheck's list."""

    def calls(x: Any) -> bool:
        return isinstance(x, AppliedUndef) or x.func is sp.Indexed

    def put(x: Any) -> Any:
        name, args = (str(x.base), x.indices) if x.func is sp.Indexed else (type(x).__name__, x.args)
        return FREE[free[name]](*args)

    return e.replace(calls, put)
