"""SymPy expressions to terms: exponential polynomials c · x^a · b^P · e^(iQ) in positions and symbols."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from ..recheck import PI, Algebra, Matrix, Mono, Poly, Terms, monomial, polynomial
from .deadline import tick

_RESERVED_NAME = re.compile(r"[stc]\d+|pi|e|[#?(].*|.*\*")


class OutsideClassError(ValueError):
    """An expression that is no exponential polynomial in the positions; the message names the part."""


class Translator:
    """Translates entries of one record. Positions are renamed (`names`); position-free parts beyond it become atoms."""

    def __init__(
        self,
        positions: frozenset[sp.Symbol],
        whole_positions: bool,
        symbols: set[sp.Symbol],
        noise: frozenset[sp.Symbol] = frozenset(),
    ) -> None:
        self.positions = positions
        self.whole_positions = whole_positions
        self.noise = noise
        self.atoms: dict[str, sp.Expr] = {}
        self.relations: list[Poly] = []
        self.names = {s: self._name(s) for s in sorted(symbols, key=lambda s: (s.name, str(s.assumptions0)))}
        _check_names(self.names)
        whole = {self.names[s] for s in symbols if s.is_integer}
        if whole_positions:
            whole |= {f"{v}{j}" for v in "stc" for j in range(len(positions))}
        self.ring = Algebra(whole)

    @staticmethod
    def _name(symbol: sp.Symbol) -> str:
        """The stored name; one that would read as a position, a prime, a conjugate or a constant gets a mark."""
        name = symbol.name
        if _RESERVED_NAME.fullmatch(name):
            name = f"{name}'"
        return name if symbol.is_real else f"?{name}"

    def matrix(self, M: Any, rename: Mapping[sp.Symbol, str]) -> Matrix:
        """The entries of a SymPy matrix as terms, with its position symbols named as given."""
        return [[self.terms(sp.sympify(M[i, j]), rename) for j in range(M.shape[1])] for i in range(M.shape[0])]

    def relation(self, expression: Any) -> Poly:
        """A relation (an expression that is zero) as a polynomial. Raises OutsideClassError."""
        terms = self.terms(sp.expand(sp.sympify(expression)), {})
        if any(phase or growth for phase, growth, _ in terms):
            raise OutsideClassError(f"the relation {expression} is not a polynomial with rational coefficients")
        return polynomial((mono, c) for (_, _, mono), c in terms.items())

    def terms(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        """One entry as a sum of terms. Raises OutsideClassError."""
        tick()
        ring = self.ring
        if e.is_Rational:
            return ring.term(Fraction(int(e.p), int(e.q)))
        if e.is_Float:
            return ring.term(_exact(e))
        if e.is_Symbol:
            return ring.term(Fraction(1), (), (), ((rename.get(e) or self.names[e], Fraction(1)),))
        if e is sp.I:
            return ring.term(Fraction(1), ((PI, Fraction(1, 2)),))
        if e is sp.pi:
            return ring.term(Fraction(1), (), (), PI)
        if e.is_Add:
            return ring.add(*(self.terms(a, rename) for a in e.args))
        if e.is_Mul:
            found = ring.term(Fraction(1))
            for a in e.args:
                found = ring.multiply(found, self.terms(a, rename))
            return found
        handler = _FUNCTIONS.get(e.func)
        if handler is not None:
            found = handler(self, e, rename)
            assert isinstance(found, dict)
            return found
        return self._atom(e)

    def _atom(self, e: sp.Expr) -> Terms:
        """A position-free part as a symbol of its own: a proof covers every value it can take."""
        if e.free_symbols & self.positions:
            raise OutsideClassError(f"{e} is no exponential polynomial in the position")
        if e.free_symbols & self.noise:
            raise OutsideClassError(f"{e} is a function of the noise whose moments are not known here")
        name = f"({e})" if e.is_real else f"?({e})"
        if self.atoms.setdefault(name, e) != e:
            raise OutsideClassError(f"two different expressions are both written {name}")
        return self.ring.term(Fraction(1), (), (), ((name, Fraction(1)),))

    def _power(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        base, exponent = e.as_base_exp()
        if exponent.is_Integer and exponent > 0:
            found, factor = self.ring.term(Fraction(1)), self.terms(base, rename)
            for _ in range(int(exponent)):
                found = self.ring.multiply(found, factor)
            return found
        if exponent.is_Rational and exponent.is_negative:
            positive = self.terms(base ** (-exponent), rename)
            return self._inverse(positive, e)
        if base.is_Rational and exponent.is_Rational:
            return self._radical(base, Fraction(int(exponent.p), int(exponent.q)), e)
        if base.is_positive and base.is_Symbol and base not in self.positions and exponent.is_Rational:
            return self.ring.term(
                Fraction(1), (), (), ((self.names[base], Fraction(int(exponent.p), int(exponent.q))),)
            )
        if not exponent.free_symbols & self.positions and not base.free_symbols & self.positions:
            return self._atom(e)
        return self._exponential(base, exponent, e, rename)

    def _inverse(self, terms: Terms, e: sp.Expr) -> Terms:
        if len(terms) != 1:
            return self._reciprocal(terms, e)
        ((phase, growth, mono), c), ring = next(iter(terms.items())), self.ring
        if any(n[0] in "stc" and n[1:].isdigit() for n, _ in mono):
            raise OutsideClassError(f"{e} divides by the position")
        return ring.term(
            1 / c,
            polynomial((m, -d) for m, d in phase),
            [(b, polynomial((m, -d) for m, d in p)) for b, p in growth],
            monomial((n, -p) for n, p in mono),
        )

    def _reciprocal(self, terms: Terms, e: sp.Expr) -> Terms:
        """1/x of a position-free sum x: an atom r with the relation r·x = 1."""
        atom = self._atom(e)
        mono = next(iter(atom))[2]  # with noise in it there is no atom
        if all(not phase and not growth for phase, growth, _ in terms):
            product = polynomial((monomial((*m, *mono)), c) for (_, _, m), c in terms.items())
            self.relations.append(polynomial((*product, ((), Fraction(-1)))))
        return atom

    def _radical(self, base: sp.Rational, power: Fraction, e: sp.Expr) -> Terms:
        if base.is_negative and base != -1:
            return self.ring.multiply(self._radical(-base, power, e), self._radical(sp.Integer(-1), power, e))
        if base == -1:
            return self.ring.term(Fraction(1), ((PI, power),))
        return self.ring.term(Fraction(1), (), (), monomial(_prime_powers(base, power)))

    def _exponential(self, base: sp.Expr, exponent: sp.Expr, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        """base^exponent with a position in the exponent."""
        if base.is_Float:
            base = sp.Rational(*_exact(base).as_integer_ratio())
        whole = self.whole_positions and _whole(exponent, self.positions)
        if isinstance(base, sp.exp) and (whole or base.exp.is_real):
            return self.terms(sp.exp(sp.expand(base.exp * exponent)), rename)
        if base.is_Mul and (whole or all(b.is_positive for b in base.args)):
            found = self.ring.term(Fraction(1))
            for factor in base.args:
                found = self.ring.multiply(found, self.terms(factor**exponent, rename))
            return found
        if base is sp.I:
            return self.terms(sp.exp(sp.I * sp.pi * exponent / 2), rename)
        if base.is_Rational and base < 0:
            turned = self.terms(sp.exp(sp.I * sp.pi * exponent), rename)
            return self.ring.multiply(turned, self.terms((-base) ** exponent, rename)) if base != -1 else turned
        power = self._real_polynomial(exponent, rename, e)
        if base.is_Rational and base > 0:
            scaled = [(str(p), polynomial((m, c * k) for m, c in power)) for p, k in sp.factorrat(base).items()]
            return self.ring.term(Fraction(1), (), [(f"#{p}", q) for p, q in scaled])
        if base.is_Symbol and (base.is_positive or whole) and base not in self.positions:
            return self.ring.term(Fraction(1), (), [(self.names[base], power)])
        if not base.free_symbols & self.positions and (base.is_positive or whole):
            atom = next(iter(self._atom(base)))[2][0][0]
            return self.ring.term(Fraction(1), (), [(atom, power)])
        raise OutsideClassError(f"{e} has a base that is not known to be positive, or a position in it")

    def _real_polynomial(self, e: sp.Expr, rename: Mapping[sp.Symbol, str], whole: sp.Expr) -> Poly:
        real, imaginary = self._parts(e, rename, whole)
        if imaginary:
            raise OutsideClassError(f"{whole} has an exponent that is not real")
        return real

    def _parts(self, e: sp.Expr, rename: Mapping[sp.Symbol, str], whole: sp.Expr) -> tuple[Poly, Poly]:
        """The real and the imaginary coefficient polynomial of an exponent."""
        real: list[tuple[Mono, Fraction]] = []
        imaginary: list[tuple[Mono, Fraction]] = []
        for (phase, growth, mono), c in self.terms(sp.expand(e), rename).items():
            turn = dict(phase).get(PI, Fraction(0)) if len(phase) <= 1 else None
            if growth or turn not in (0, Fraction(1, 2)) or (phase and turn == 0):
                raise OutsideClassError(f"{whole} has an exponent that is no polynomial")
            (imaginary if turn else real).append((mono, c))
        return polynomial(real), polynomial(imaginary)

    def _exp(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        real, imaginary = self._parts(e.exp, rename, e)
        return self.ring.term(Fraction(1), imaginary, [("e", real)] if real else [])

    def _circular(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        a = sp.I * e.args[0] if e.func in (sp.cos, sp.sin) else e.args[0]
        up, down = self._exp(sp.exp(a, evaluate=False), rename), self._exp(sp.exp(-a, evaluate=False), rename)
        sign = Fraction(1 if e.func in (sp.cos, sp.cosh) else -1)
        half = self.ring.scale(Fraction(1, 2), self.ring.add(up, self.ring.scale(sign, down)))
        return self.ring.multiply(half, self.terms(-sp.I, rename)) if e.func is sp.sin else half

    def _conjugate(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        return self.ring.conjugate(self.terms(e.args[0], rename))

    def _real_part(self, e: sp.Expr, rename: Mapping[sp.Symbol, str]) -> Terms:
        inner = self.terms(e.args[0], rename)
        if e.func is sp.im:
            inner = self.ring.multiply(inner, self.terms(-sp.I, rename))
        return self.ring.scale(Fraction(1, 2), self.ring.add(inner, self.ring.conjugate(inner)))


def _check_names(names: Mapping[sp.Symbol, str]) -> None:
    """Raises OutsideClassError where two symbols would be stored under one name, or one is imaginary."""
    found: dict[str, sp.Symbol] = {}
    for symbol, name in names.items():
        if found.setdefault(name, symbol) is not symbol:
            raise OutsideClassError(f"two different symbols are both written {name}")
        if symbol.is_imaginary:
            raise OutsideClassError(f"{symbol} is imaginary: write I*{symbol} with a real {symbol}")
        if not symbol.is_commutative:
            raise OutsideClassError(f"{symbol} does not commute, and is no number")


def _exact(value: sp.Float) -> Fraction:
    """The number that a float holds, whatever its precision."""
    sign, mantissa, exponent, _ = value._mpf_
    size = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -size if sign else size


def _whole(exponent: sp.Expr, positions: frozenset[sp.Symbol]) -> bool:
    """Whether an exponent is a whole number when the positions are."""
    return bool(exponent.xreplace({s: sp.Dummy(integer=True) for s in positions}).is_integer)


def _prime_powers(base: sp.Rational, power: Fraction) -> list[tuple[str, Fraction]]:
    return [(f"#{p}", power * int(k)) for p, k in sp.factorrat(base).items()]


_FUNCTIONS: dict[Any, Any] = {
    sp.Pow: Translator._power,
    sp.exp: Translator._exp,
    sp.cos: Translator._circular,
    sp.sin: Translator._circular,
    sp.cosh: Translator._circular,
    sp.sinh: Translator._circular,
    sp.conjugate: Translator._conjugate,
    sp.re: Translator._real_part,
    sp.im: Translator._real_part,
}
