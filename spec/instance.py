"""A record with the numbers a paper prints: how many blocks there are, where they lie, what their parameters are."""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp
from flint import fmpq

from . import encoding as symbols
from .balls import Program, rational
from .encoding import Encoding, EncodingError, Learned, PermutationPower
from .parameters import block_symbols, cover, extent, given_values


@dataclass(frozen=True)
class Instance:
    """One encoding at one `dim`: `covered` coordinates in `blocks` equal blocks, then `rest` that pass unchanged.

    `given` holds the user's values by symbol name: an exact number, or a tuple of them (one for each pair, or for each
    coordinate in the case of the vector and of the permutation).
    """

    encoding: Encoding
    dim: int
    covered: int
    blocks: int
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The record's name: the subject of every message."""
        return self.encoding.name

    def places(self, p: int, size: int) -> list[int]:
        """Where block p has its `size` coordinates: the same share of each section, section after section."""
        n = self.encoding.sections
        section, share = self.blocks * size // n, size // n
        return [a * section + p * share + c for a in range(n) for c in range(share)]

    @cached_property
    def permutation(self) -> tuple[int, ...] | None:
        """(π(0), …, π(dim - 1)), or None where the record is not a permutation power."""
        if not isinstance(self.encoding.query, PermutationPower):
            return None
        images = self.encoding.query.images or self.given.get("permutation")
        if images is None:
            raise EncodingError(f"{self.name}: permutation is learned and has no value; give its {self.dim} images")
        found = tuple(int(i.p) if isinstance(i, fmpq) else int(i) for i in images)
        if sorted(found) != list(range(self.dim)):
            raise EncodingError(f"{self.name}: permutation must hold each of 0..{self.dim - 1} once, got {list(found)}")
        return found

    @cached_property
    def cycles(self) -> list[tuple[int, ...]]:
        """The cycles of the permutation, each from its smallest element on, sorted."""
        left, found = set(range(self.dim)), []
        while left:
            cycle = [min(left)]
            while (image := (self.permutation or ())[cycle[-1]]) != cycle[0]:
                cycle.append(image)
            left -= set(cycle)
            found.append(tuple(cycle))
        return found

    @cached_property
    def vector(self) -> tuple[fmpq, ...]:
        """The vector v of a Householder basis."""
        found = self.given.get("v")
        if found is None:
            raise EncodingError(f"{self.name}: v is learned and has no value; give its {self.dim} numbers")
        if not all(isinstance(x, fmpq) for x in found):
            raise EncodingError(f"{self.name}: v must hold rational numbers; write other ones as floats")
        if all(x == 0 for x in found):
            raise EncodingError(f"{self.name}: v must not be zero")
        return tuple(found)

    def value(self, symbol: sp.Symbol, p: int) -> Any:
        """The parameter `symbol` of block p, at the precision in force. Raises EncodingError where it has no value."""
        return self._value(symbol, p, ())

    def _value(self, symbol: sp.Symbol, p: int, above: tuple[sp.Symbol, ...]) -> Any:
        if symbol in above:
            circle = ", ".join(s.name for s in above[above.index(symbol) :])
            raise EncodingError(f"{self.name}: parameters define each other in a circle: {circle}")
        if symbol == symbols.dim:
            return fmpq(self.dim)
        if symbol == symbols.pair:
            return fmpq(p)
        if symbol.name in self.given:
            found = self.given[symbol.name]
            found = found[p] if isinstance(found, tuple) else found
            return found()[0] if isinstance(found, Program) else found
        program, inputs = self._program(symbol)
        return program(*[self._value(s, p, (*above, symbol)) for s in inputs])[0]

    def _program(self, symbol: sp.Symbol) -> tuple[Program, list[sp.Symbol]]:
        if symbol not in self._programs:
            expression = self.encoding.parameters.get(symbol)
            if isinstance(expression, Learned):
                expression = expression.init
            if expression is None:
                raise EncodingError(f"{self.name}: {symbol.name} is missing; give it among the parameters")
            if isinstance(expression, str):
                raise EncodingError(f"{self.name}: {symbol.name} is learned and has no value; give it")
            expression = sp.sympify(expression)
            inputs = sorted(expression.free_symbols, key=str)
            self._programs[symbol] = (Program([expression], inputs, self.name), inputs)
        return self._programs[symbol]

    @cached_property
    def _programs(self) -> dict[sp.Symbol, tuple[Program, list[sp.Symbol]]]:
        return {}

    def position(self, value: Any) -> tuple[fmpq, ...]:
        """A position as exact coordinates, one for each axis. Raises EncodingError outside the domain."""
        axes = self.encoding.axes
        many = value if isinstance(value, (tuple, list)) or hasattr(value, "__len__") else (value,)
        if len(many) != axes:
            raise EncodingError(f"{self.name}: a position needs {axes} coordinate{'s' * (axes > 1)}, got {value!r}")
        return tuple(self._coordinate(x) for x in many)

    def _coordinate(self, value: Any) -> fmpq:
        if hasattr(value, "__index__"):
            return fmpq(operator.index(value))
        try:
            exact = value if isinstance(value, fmpq) else rational(value)
        except (ValueError, OverflowError, AttributeError, TypeError):
            raise EncodingError(f"{self.name}: positions must be finite numbers, got {value!r}") from None
        if self.encoding.domain == "integer" and exact.q != 1:
            raise EncodingError(f"{self.name}: positions must be integers, got {value!r}")
        return exact


def instantiate(encoding: Encoding, parameters: Mapping[str, Any]) -> Instance:
    """The record at these parameter values, by name: numbers, or lists with one number for each pair or coordinate.

    Raises EncodingError in one line for an unknown name (with the nearest known one), for a missing, malformed or
    impossible value, and for records that are not bilinear.
    """
    if encoding.kind != "bilinear":
        raise EncodingError(f"{encoding.name}: only bilinear records have maps A_s and B_t, got kind {encoding.kind!r}")
    given = given_values(encoding, parameters)
    dim = int(given["dim"].p)
    blank = Instance(encoding, dim, 0, 0, given)
    covered = cover(encoding, given, lambda s: blank.value(s, 0))
    blocks = covered // encoding.block if encoding.block else 0
    found = Instance(encoding, dim, covered, blocks, given)
    extent(encoding, given, blocks, lambda s: blank.value(s, 0))
    _complete(found)
    return found


def _complete(found: Instance) -> None:
    """Asks for every value once, so that what is missing is said when the instance is made."""
    if found.permutation is None and found.blocks:
        for symbol in block_symbols(found.encoding):
            found.value(symbol, 0)
    if found.encoding.basis == "householder":
        assert found.vector
