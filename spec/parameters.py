"""What a user may give for a record's parameters, as exact numbers, and what a wrong value is told."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import sympy as sp
from flint import acb, fmpq

from . import encoding as symbols
from .balls import Program, Turn, ball, rational
from .encoding import Encoding, EncodingError, Learned, PermutationPower
from .wellformed import expressions


def block_symbols(encoding: Encoding) -> list[sp.Symbol]:
    """The parameters that stand in the block itself, sorted by name."""
    used = set().union(*(e.free_symbols for e in expressions(encoding)))
    return sorted(used - set(encoding.coordinates), key=str)


def known_symbols(encoding: Encoding) -> dict[str, sp.Symbol]:
    """Every symbol that may be given a value, by name."""
    used = {symbols.dim, symbols.length, symbols.head} | set(encoding.parameters)
    for expression in (*expressions(encoding), *encoding.parameters.values(), encoding.covers):
        used |= getattr(expression, "free_symbols", set())
    found = {s.name: s for s in used - {symbols.pair, *encoding.coordinates}}
    if encoding.basis == "householder":
        found.setdefault("v", sp.Symbol("v", real=True))
    if isinstance(encoding.query, PermutationPower):
        found.setdefault("permutation", sp.Symbol("permutation", integer=True))
    return found


def given_values(encoding: Encoding, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values by name: rationals, turns, programs (other SymPy constants), or tuples of them."""
    name, known = encoding.name, known_symbols(encoding)
    for key in parameters:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
            raise EncodingError(f"{name}: unknown parameter {key!r}; {hint}")
    if "dim" not in parameters:
        raise EncodingError(f"{name}: dim is missing; give it among the parameters")
    value = parameters["dim"]
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 1:
        raise EncodingError(f"{name}: dim must be a positive integer, got {value!r}")
    return {key: _exact(name, known[key], value) for key, value in parameters.items()}


def _exact(name: str, symbol: sp.Symbol, value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_number(name, symbol, x) for x in value)
    return _number(name, symbol, value)


def _number(name: str, symbol: sp.Symbol, value: Any) -> Any:
    try:
        found = Program([value], [], name)()[0] if isinstance(value, sp.Expr) else rational(value)
        if isinstance(value, bool):
            raise TypeError
    except (ValueError, OverflowError, AttributeError, TypeError, EncodingError):
        raise EncodingError(f"{name}: {symbol.name} must be a finite number, got {value!r}") from None
    if isinstance(found, acb):
        raise EncodingError(f"{name}: {symbol.name} must be real, got {value!r}")
    if symbol.is_positive and not ball(found) > 0:
        raise EncodingError(f"{name}: {symbol.name} must be positive, got {value!r}")
    if symbol.is_integer and not (isinstance(found, fmpq) and found.q == 1):
        raise EncodingError(f"{name}: {symbol.name} must be an integer, got {value!r}")
    return found if isinstance(found, (fmpq, Turn)) else Program([value], [], name)


def cover(encoding: Encoding, given: Mapping[str, Any], value: Callable[[sp.Symbol], Any]) -> int:
    """How many leading coordinates the blocks cover. Raises EncodingError where the blocks do not fit."""
    b, dim = encoding.block, int(given["dim"].p)
    if b == 0:
        return 0
    if encoding.covers is None:
        return dim // b * b
    asked = _at(encoding, encoding.covers, value)
    wanted = "even" if b == 2 else f"a multiple of {b}"
    if not isinstance(asked, fmpq) or asked.q != 1 or asked < 0 or asked > dim or int(asked.p) % b:
        if asked == dim and str(encoding.covers) not in given:
            raise EncodingError(f"{encoding.name}: dim must be {wanted}, got {dim}")
        raise EncodingError(f"{encoding.name}: {encoding.covers} must be {wanted} and at most dim, got {_shown(asked)}")
    return int(asked.p)


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, fmpq) and value.q == 1 else str(ball(value))


def _at(encoding: Encoding, expression: Any, value: Callable[[sp.Symbol], Any]) -> Any:
    expression = sp.sympify(expression)
    inputs = sorted(expression.free_symbols, key=str)
    return Program([expression], inputs, encoding.name)(*[value(s) for s in inputs])[0]


def extent(encoding: Encoding, given: Mapping[str, Any], blocks: int, value: Callable[[sp.Symbol], Any]) -> None:
    """Checks the length of every list: as declared for a learned parameter, one number for each pair otherwise."""
    declared = {s.name: v for s, v in encoding.parameters.items() if isinstance(v, Learned)}
    for key, found in given.items():
        per = "coordinate" if key in ("v", "permutation") else "pair"
        wanted = int(given["dim"].p) if per == "coordinate" else blocks
        if key in declared and per == "pair":
            wanted = int(_at(encoding, sp.prod(declared[key].shape), value).p)
        if isinstance(found, tuple) and len(found) != wanted:
            raise EncodingError(f"{encoding.name}: {key} needs {wanted} values (one for each {per}), got {len(found)}")
        if per == "coordinate" and not isinstance(found, tuple):
            raise EncodingError(
                f"{encoding.name}: {key} needs {wanted} values (one for each coordinate), got one number"
            )
