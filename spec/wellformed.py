"""What makes a record well-formed: every rule here has its one-line message."""

from typing import Any

import sympy as sp

from .encoding import BASES, CLAIMS, DOMAINS, FORMS, RESERVED, WEAKER, Encoding, EncodingError, PermutationPower

_SINGLE_FORM = ("bias", "mask", "output", "adapt", "step")


def normalise(record: Encoding) -> None:
    """Checks the record and brings matrices, tuples and numbers into one shape. Raises EncodingError."""
    say = f"{record.name}: "
    if not isinstance(record.name, str) or not record.name.strip():
        raise EncodingError(f"encoding: name must be a non-empty string, got {record.name!r}")
    given = [form for form in FORMS if getattr(record, form) is not None]
    if len(given) != 1:
        raise EncodingError(f"{say}exactly one form of {', '.join(FORMS)} is wanted, got {', '.join(given) or 'none'}")
    if record.domain not in DOMAINS:
        raise EncodingError(f"{say}domain must be 'integer' or 'real', got {record.domain!r}")
    if not isinstance(record.axes, int) or record.axes < 1:
        raise EncodingError(f"{say}axes must be an integer >= 1, got {record.axes!r}")
    if record.basis not in BASES:
        raise EncodingError(f"{say}basis must be one of {', '.join(BASES)}, got {record.basis!r}")
    _matrices(record, say)
    _claims(record, say)
    _parameters(record, say)
    for expression in expressions(record):
        _entries(record, expression, say)


def expressions(record: Encoding) -> list[Any]:
    """Every SymPy matrix or expression of the record's form, in a fixed order."""
    if record.form == "query":
        return [m for m in (record.query, record.key, record.noise) if isinstance(m, sp.MatrixBase)]
    if record.form == "generators":
        return list(record.generators or ())
    if record.form == "terms":
        return [W for _, W, _ in record.terms or ()]
    value = getattr(record, record.form)
    return [value] if isinstance(value, (sp.MatrixBase, sp.Basic)) else []


def _matrices(record: Encoding, say: str) -> None:
    put = object.__setattr__
    if record.key is not None and record.query is None:
        raise EncodingError(f"{say}key= needs query=")
    if record.noise is not None and record.query is None:
        raise EncodingError(f"{say}noise= needs query= and key=")
    if record.form == "query" and not isinstance(record.query, PermutationPower):
        put(record, "query", _matrix(record.query, f"{say}query"))
        put(record, "key", record.query if record.key is None else _matrix(record.key, f"{say}key"))
        if record.query.shape[0] != record.key.shape[0]:
            raise EncodingError(
                f"{say}query and key need equally many rows, got {record.query.shape} and {record.key.shape}"
            )
        for side, matrix in (("query", record.query), ("key", record.key)):
            if record.noise is None and matrix.shape[0] < matrix.shape[1] - 1:
                raise EncodingError(f"{say}{side} must be square, tall or [M | p], got shape {matrix.shape}")
    if record.form == "query" and isinstance(record.query, PermutationPower):
        if record.key is not None and record.key != record.query:
            raise EncodingError(f"{say}key of a permutation power must be the same permutation")
        put(record, "key", record.query)
    if record.form == "generators":
        found = tuple(_matrix(g, f"{say}generators[{i}]") for i, g in enumerate(record.generators or ()))
        if not found or any(g.shape != (found[0].shape[0], found[0].shape[0]) for g in found):
            raise EncodingError(f"{say}generators must be square and equally large, got {[g.shape for g in found]}")
        if len(found) != record.axes:
            raise EncodingError(f"{say}one generator for each axis is wanted, got {len(found)} for axes={record.axes}")
        put(record, "generators", found)
    if record.form == "terms":
        put(record, "terms", tuple(_term(t, i, say) for i, t in enumerate(record.terms or ())))
    for form in _SINGLE_FORM:
        value = getattr(record, form)
        if value is not None and not callable(value):
            put(record, form, sp.sympify(value))


def _term(term: Any, i: int, say: str) -> tuple[str, Any, str]:
    if not isinstance(term, (tuple, list)) or len(term) != 3 or term[0] not in ("q", "1") or term[2] not in ("k", "1"):
        raise EncodingError(
            f"{say}terms[{i}] must be (left, W, right), left 'q' or '1', right 'k' or '1'; got {term!r}"
        )
    W = term[1] if isinstance(term[1], sp.MatrixBase) else sp.Matrix([[sp.sympify(term[1])]])
    return term[0], sp.ImmutableMatrix(W), term[2]


def _matrix(value: Any, what: str) -> Any:
    try:
        found = sp.ImmutableMatrix(value)
    except (TypeError, ValueError) as error:
        raise EncodingError(f"{what} must be a SymPy matrix, got {type(value).__name__}") from error
    if 0 in found.shape:
        raise EncodingError(f"{what} must not be empty, got shape {found.shape}")
    return found


def _entries(record: Encoding, expression: Any, say: str) -> None:
    if expression.has(sp.nan, sp.oo, -sp.oo, sp.zoo):
        raise EncodingError(f"{say}entries must be finite, got {expression}")
    for symbol in expression.free_symbols | _relation_symbols(record):
        ours = RESERVED.get(symbol.name)
        if ours is not None and symbol != ours:
            raise EncodingError(
                f"{say}the symbol {symbol.name!r} is only named like ours; use `from lagwise.spec import {symbol.name}`"
            )
        if symbol.name.startswith("axis_") and symbol.name[5:].isdigit() and int(symbol.name[5:]) >= record.axes:
            raise EncodingError(f"{say}axis({symbol.name[5:]}) needs axes > {symbol.name[5:]}, got axes={record.axes}")
    wrong = _misplaced(record) & {s.name for s in expression.free_symbols}
    if wrong:
        raise EncodingError(f"{say}{record.form}= is written in {_wanted(record)}, got {', '.join(sorted(wrong))}")


def _relation_symbols(record: Encoding) -> set[Any]:
    return set().union(*(sp.sympify(r).free_symbols for r in record.relations))


def _misplaced(record: Encoding) -> set[str]:
    if record.form == "query":
        bad = {"lag", "query_position", "key_position", "score", "prior"}
        return bad | ({"position"} if record.axes > 1 else set())
    if record.form == "generators":
        return {"lag", "query_position", "key_position", "position", "score", "prior"}
    if record.form == "terms":
        return {"position", "score", "prior", "query_position", "key_position"}
    if record.form in ("bias", "mask", "output"):
        return {"position", "score", "prior"}
    return set()


def _wanted(record: Encoding) -> str:
    if record.form == "query":
        return "position" if record.axes == 1 else "axis(0), axis(1), …"
    if record.form == "generators":
        return "constants (positions multiply them)"
    return "lag" if record.form == "terms" else "lag, or in query_position and key_position"


def _claims(record: Encoding, say: str) -> None:
    for name, value in record.claims.items():
        if name not in CLAIMS:
            from difflib import get_close_matches

            near = get_close_matches(name, CLAIMS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(CLAIMS)}"
            raise EncodingError(f"{say}unknown claim {name!r}{hint}")
        ok = isinstance(value, bool)
        if name == "lag-invariant":
            ok = ok or value in WEAKER or (isinstance(value, dict) and set(value) == {"when"})
        elif name == "finite-variance":
            ok = ok or (isinstance(value, dict) and set(value) == {"when"})
        elif name == "unitary":
            ok = ok or (isinstance(value, dict) and set(value) == {"gain"})
        elif name in ("rank", "cost", "family"):
            ok = not isinstance(value, bool)
        if not ok:
            raise EncodingError(f"{say}claim {name!r} cannot have the value {value!r}")


def _parameters(record: Encoding, say: str) -> None:
    for symbol in record.parameters:
        if not isinstance(symbol, sp.Symbol):
            raise EncodingError(f"{say}parameters map symbols to values, got the key {symbol!r}")
        ours = RESERVED.get(symbol.name)
        if ours is not None and symbol != ours:
            raise EncodingError(f"{say}the symbol {symbol.name!r} is only named like ours; import it from lagwise.spec")
