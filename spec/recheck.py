"""Re-checks a certificate with the standard library alone: multiply, collapse, compare. This file is what is trusted.

A term is c · x^a · b^P · e^(iQ): a rational c, a monomial x^a in symbols, growth factors b^P and a phase Q, where P and
Q are polynomials over the rationals in symbols and positions. Terms with different (Q, P, a) are linearly independent
up to roots of unity (reduced modulo cyclotomic polynomials), radicals of primes and the stated relations. So a zero
normal form proves an identity; nothing is concluded from a nonzero one: a refutation is an interval without zero.
Other real functions are trees with such sums as leaves: what changes no leaf changes no tree.

It is one file on purpose: it can be read, copied and run alone (`python recheck.py certificates/*.json`).
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from math import isqrt, lcm, prod
from typing import Any

Mono = tuple[tuple[str, Fraction], ...]
Poly = tuple[tuple[Mono, Fraction], ...]
Key = tuple[Poly, tuple[tuple[str, Poly], ...], Mono]
Terms = dict[Key, Fraction]
Matrix = list[list[Terms]]

PI: Mono = (("pi", Fraction(1)),)
ONE_KEY: Key = ((), (), ())


SENSES = ("in expectation", "given the scores", "given the pair", "given the path")


class RejectedError(Exception):
    """The certificate does not prove its claim; the message says what is wrong."""


def monomial(powers: Iterable[tuple[str, Fraction]]) -> Mono:
    """The product of symbols to rational powers, like symbols gathered."""
    found: dict[str, Fraction] = {}
    for name, power in powers:
        found[name] = found.get(name, Fraction(0)) + power
    return tuple(sorted((n, p) for n, p in found.items() if p))


def polynomial(parts: Iterable[tuple[Mono, Fraction]]) -> Poly:
    """The sum of monomials; whole powers of primes (named "#p") are drawn into the rational coefficients."""
    found: dict[Mono, Fraction] = {}
    for mono, c in parts:
        c, mono = _fold_primes(c, mono)
        found[mono] = found.get(mono, Fraction(0)) + c
    return tuple(sorted((m, c) for m, c in found.items() if c))


def poly_product(a: Poly, b: Poly) -> Poly:
    """The product of two polynomials."""
    return polynomial((monomial((*m, *n)), c * d) for m, c in a for n, d in b)


def _fold_primes(c: Fraction, mono: Mono) -> tuple[Fraction, Mono]:
    if not any(name[0] == "#" for name, _ in mono):
        return c, mono
    kept = []
    for name, power in mono:
        if name[0] == "#":
            whole = power.numerator // power.denominator
            c *= Fraction(int(name[1:])) ** whole
            power -= whole
        kept.append((name, power))
    return c, monomial(kept)


class Algebra:
    """Sums of terms under `relations` (polynomials that are zero); the symbols in `integers` are whole numbers."""

    on_product: Callable[[], None] = staticmethod(lambda: None)  # a caller's step counter; it can only stop a product

    def __init__(self, integers: Iterable[str] = (), relations: Sequence[Poly] = ()) -> None:
        self.integers = frozenset(integers)
        self.rules = [self._rule(r) for r in relations if r]

    @staticmethod
    def _rule(relation: Poly) -> tuple[Mono, Terms]:
        lead, c = max(relation, key=lambda part: (sum(p for _, p in part[0]), part[0]))
        return lead, {((), (), m): -d / c for m, d in relation if m != lead}

    def term(self, c: Fraction, phase: Poly = (), growth: Iterable[tuple[str, Poly]] = (), mono: Mono = ()) -> Terms:
        """One term in normal form; {} when c = 0."""
        powers: dict[str, list[tuple[Mono, Fraction]]] = {}
        for name, poly in growth:
            powers.setdefault(name, []).extend(poly)
        kept, factors = [], list(mono)
        for name, parts in sorted(powers.items()):
            poly = polynomial(parts)
            if name != "e":
                factors += [(name, d) for m, d in poly if m == ()]
                poly = tuple((m, d) for m, d in poly if m != ())
            if poly:
                kept.append((name, poly))
        c, mono = _fold_primes(c, monomial(factors))
        sign, phase = self._turns(phase)
        return {(phase, tuple(kept), mono): c * sign} if c else {}

    def _turns(self, phase: Poly) -> tuple[int, Poly]:
        """Drops whole turns: e^(2πi·n) = 1 for whole n, and e^(πi) = -1 into the sign."""
        sign, kept = 1, []
        for mono, c in phase:
            rest = tuple(f for f in mono if f[0] != "pi")
            if dict(mono).get("pi") == 1 and all(n in self.integers and p.denominator == 1 and p > 0 for n, p in rest):
                c %= 2
                if not rest and c >= 1:
                    c, sign = c - 1, -sign
            if c:
                kept.append((mono, c))
        return sign, tuple(kept)

    def add(self, *sums: Terms) -> Terms:
        """The sum, like terms gathered."""
        found: Terms = {}
        for terms in sums:
            for key, c in terms.items():
                found[key] = found.get(key, Fraction(0)) + c
        return {k: c for k, c in found.items() if c}

    def scale(self, c: Fraction, terms: Terms) -> Terms:
        """c times the sum."""
        return {k: c * d for k, d in terms.items() if c}

    def multiply(self, a: Terms, b: Terms) -> Terms:
        """The product."""
        self.on_product()
        return self.add(
            *(
                self.term(c * d, polynomial((*ka[0], *kb[0])), (*ka[1], *kb[1]), monomial((*ka[2], *kb[2])))
                for ka, c in a.items()
                for kb, d in b.items()
            )
        )

    def conjugate(self, terms: Terms) -> Terms:
        """The complex conjugate; a symbol that is not real stands beside its conjugate, named with a trailing '*'."""
        return self.add(
            *(
                self.term(
                    c,
                    polynomial((_bar(m), -d) for m, d in phase),
                    [(_star(b), polynomial((_bar(m), d) for m, d in poly)) for b, poly in growth],
                    _bar(mono),
                )
                for (phase, growth, mono), c in terms.items()
            )
        )

    def substitute(self, terms: Terms, values: Mapping[str, Poly]) -> Terms:
        """The sum with symbols replaced by polynomials (whole powers only)."""
        out: list[Terms] = []
        for (phase, growth, mono), c in terms.items():
            new_phase = _poly_substitute(phase, values)
            new_growth = [(b, _poly_substitute(p, values)) for b, p in growth]
            for m, d in _poly_substitute(((mono, c),), values):
                out.append(self.term(d, new_phase, new_growth, m))
        return self.add(*out)

    def product(self, A: Matrix, B: Matrix) -> Matrix:
        """A^H B."""
        bars = [[self.conjugate(a) for a in row] for row in A]
        return [
            [self.add(*(self.multiply(bars[r][i], B[r][j]) for r in range(len(A)))) for j in range(len(B[0]))]
            for i in range(len(A[0]))
        ]

    def is_zero(self, terms: Terms) -> bool:
        """Whether the normal form is zero: then the sum is zero at every value of its symbols."""
        terms = self._reduce(terms)
        groups: dict[Key, dict[Fraction, Fraction]] = {}
        for (phase, growth, mono), c in self._radicals_to_roots(terms).items():
            turn = dict(phase).get(PI, Fraction(0))
            rest = tuple(part for part in phase if part[0] != PI)
            group = groups.setdefault((rest, growth, mono), {})
            group[turn] = group.get(turn, Fraction(0)) + c
        return all(_roots_vanish(group) for group in groups.values())

    def _reduce(self, terms: Terms) -> Terms:
        for lead, rest in self.rules:
            while True:
                hit = next((k for k in terms if _divides(lead, k[2])), None)
                if hit is None:
                    break
                c = terms[hit]
                quotient = monomial((*hit[2], *((n, -p) for n, p in lead)))
                terms = self.add(
                    {k: v for k, v in terms.items() if k != hit},
                    self.multiply(self.term(c, hit[0], hit[1], quotient), rest),
                )
        return terms

    def _radicals_to_roots(self, terms: Terms) -> Terms:
        """√p as a Gauss sum, where roots of unity beyond i are present, so that both stand in one basis."""
        if all(dict(phase).get(PI, Fraction(0)).denominator <= 2 for phase, _, _ in terms):
            return terms
        out: list[Terms] = []
        for (phase, growth, mono), c in terms.items():
            piece = self.term(c, phase, growth, monomial(f for f in mono if not _is_root(f)))
            for name, _ in filter(_is_root, mono):
                piece = self.multiply(piece, self._gauss(int(name[1:])))
            out.append(piece)
        return self.add(*out)

    def _gauss(self, p: int) -> Terms:
        if p == 2:
            return self.add(*(self.term(Fraction(1), ((PI, Fraction(s, 4)),)) for s in (1, -1)))
        quarter = Fraction(0) if p % 4 == 1 else Fraction(-1, 2)  # p = 3 mod 4: the sum is i √p
        return self.add(
            *(
                self.term(Fraction(1 if pow(a, (p - 1) // 2, p) == 1 else -1), ((PI, Fraction(2 * a, p) + quarter),))
                for a in range(1, p)
            )
        )


def _is_root(factor: tuple[str, Fraction]) -> bool:
    return factor[0][0] == "#" and factor[1] == Fraction(1, 2)


def _star(name: str) -> str:
    return name[:-1] if name.endswith("*") else name + "*" if name.startswith("?") else name


def _bar(mono: Mono) -> Mono:
    return monomial((_star(n), p) for n, p in mono)


def _divides(lead: Mono, mono: Mono) -> bool:
    powers = dict(mono)
    return all(powers.get(n, Fraction(0)) >= p for n, p in lead)


def _poly_substitute(poly: Poly, values: Mapping[str, Poly]) -> Poly:
    out: list[tuple[Mono, Fraction]] = []
    for mono, c in poly:
        piece: Poly = ((monomial(f for f in mono if f[0] not in values), c),)
        for name, power in mono:
            if name in values:
                if power.denominator != 1 or power < 0:
                    raise RejectedError(f"{name}^{power}: only whole powers can be substituted")
                for _ in range(int(power)):
                    piece = poly_product(piece, values[name])
        out += piece
    return polynomial(out)


def _roots_vanish(group: Mapping[Fraction, Fraction]) -> bool:
    """Whether Σ c_r e^(πi r) = 0, prime by prime of the common order m, in as many steps as there are terms.

    p² | m: 1, ζ_m, …, ζ_m^(p-1) are independent over Q(ζ_(m/p)). p | m once: Σ c_a ζ_p^a = 0 over Q(ζ_(m/p)) iff all
    c_a are equal. (A factor that is taken for a prime and is none can only miss a zero.)
    """
    turns = {r / 2 % 1: Fraction(0) for r in group}
    for r, c in group.items():
        turns[r / 2 % 1] += c
    return _vanish({r: c for r, c in turns.items() if c})


def _vanish(turns: Mapping[Fraction, Fraction]) -> bool:
    """The same for Σ c_x e^(2πi x), 0 <= x < 1, no c_x zero."""
    m = lcm(*(x.denominator for x in turns))
    if len(turns) <= 1 or m == 1:
        return not turns
    p = _prime_factor(m)
    classes: dict[int, dict[Fraction, Fraction]] = {}
    once = m // p % p != 0
    for x, c in turns.items():
        j = int(x * m)
        a = j * pow(m // p, -1, p) % p if once else j % p
        rest = (x - (Fraction(a, p) if once else Fraction(a, m))) % 1
        classes.setdefault(a, {})[rest] = c
    if not once:
        return all(_vanish(part) for part in classes.values())
    if len(classes) < p:
        return all(_vanish(part) for part in classes.values())
    first = classes.pop(0)
    return all(_vanish(_less(part, first)) for part in classes.values())


def _less(a: Mapping[Fraction, Fraction], b: Mapping[Fraction, Fraction]) -> dict[Fraction, Fraction]:
    found = {x: a.get(x, Fraction(0)) - b.get(x, Fraction(0)) for x in {*a, *b}}
    return {x: c for x, c in found.items() if c}


def _prime_factor(n: int) -> int:
    """The smallest prime factor below a million, else n itself."""
    return 2 if n % 2 == 0 else next((p for p in range(3, min(isqrt(n), 10**6) + 1, 2) if n % p == 0), n)


# Intervals: the sum at a rational point, as an enclosure of its real and imaginary part.

_BITS = 256
Interval = tuple[Fraction, Fraction]


def _outward(lo: Fraction, hi: Fraction) -> Interval:
    scale = 1 << _BITS
    return Fraction((lo * scale).__floor__(), scale), Fraction((hi * scale).__ceil__(), scale)


def _times(a: Interval, b: Interval) -> Interval:
    ends = [x * y for x in a for y in b]
    return _outward(min(ends), max(ends))


def _root(value: Fraction, power: Fraction) -> Interval:
    """value^power for value > 0, by an integer root."""
    n, scaled = power.denominator, value**power.numerator
    if n == 1:
        return scaled, scaled
    whole = (scaled * (1 << (_BITS * n))).__floor__()
    lo, hi = 0, 1 << (whole.bit_length() // n + 1)
    while hi - lo > 1:
        middle = (lo + hi) // 2
        lo, hi = (middle, hi) if middle**n <= whole else (lo, middle)
    return Fraction(lo, 1 << _BITS), Fraction(lo + 1, 1 << _BITS)


@lru_cache
def _pi() -> Interval:
    """16 arctan(1/5) - 4 arctan(1/239), truncated with its bound."""
    total, error = Fraction(0), Fraction(0)
    for factor, x in ((16, 5), (-4, 239)):
        k = 0
        while True:
            part = Fraction(factor * (-1) ** k, (2 * k + 1) * x ** (2 * k + 1))
            if abs(part) < Fraction(1, 1 << (_BITS + 8)):
                error += abs(part)
                break
            total += part
            k += 1
    return _outward(total - error, total + error)


_FINE = 512


def _taylor(x: Fraction) -> list[int]:
    """2^512 x^k / k! for k < 64, each to 4 units, for |x| <= 1/2; all further parts together are below 2^-300."""
    scaled, parts = (x * (1 << _FINE)).__floor__(), [1 << _FINE]
    for k in range(1, 64):
        parts.append((parts[-1] * scaled >> _FINE) // k)
    return parts


def _halved(x: Interval) -> tuple[Fraction, Fraction, int]:
    """A midpoint on the grid, its radius, and how often it is halved to come below 1/2."""
    middle = _outward((x[0] + x[1]) / 2, (x[0] + x[1]) / 2)[0]
    return middle, max(x[1] - middle, middle - x[0]), abs(middle).__ceil__().bit_length() + 1


def _around(value: Fraction, radius: Fraction) -> Interval:
    return _outward(value - radius, value + radius)


def _cos_sin(x: Interval) -> tuple[Interval, Interval]:
    middle, radius, halvings = _halved(x)
    parts, rest = _taylor(middle / (1 << halvings)), Fraction(1, 1 << 299)
    cos = _around(Fraction(sum(parts[0::4]) - sum(parts[2::4]), 1 << _FINE), rest)
    sin = _around(Fraction(sum(parts[1::4]) - sum(parts[3::4]), 1 << _FINE), rest)
    for _ in range(halvings):
        square, both = _times(cos, cos), _times(sin, cos)
        cos, sin = (2 * square[0] - 1, 2 * square[1] - 1), (2 * both[0], 2 * both[1])
    return _outward(cos[0] - radius, cos[1] + radius), _outward(sin[0] - radius, sin[1] + radius)


def _exponential(x: Fraction) -> Interval:
    middle, radius, halvings = _halved((x, x))
    value = _around(Fraction(sum(_taylor(middle / (1 << halvings))), 1 << _FINE), Fraction(1, 1 << 299))
    for _ in range(halvings):
        value = _times(value, value)
    slack = 2 * radius * value[1]
    return _outward(value[0] - slack, value[1] + slack)


def _exp_of(x: Interval) -> Interval:
    return _exponential(x[0])[0], _exponential(x[1])[1]


def _artanh(z: Interval) -> Interval:
    """z + z³/3 + z⁵/5 + …, 140 parts; |z| <= 1/3, so that the rest is below 2^-400."""
    total, power, square = z, z, _times(z, z)
    for k in range(1, 140):
        power = _times(power, square)
        total = (total[0] + power[0] / (2 * k + 1), total[1] + power[1] / (2 * k + 1))
    return _outward(total[0] - Fraction(1, 1 << 400), total[1] + Fraction(1, 1 << 400))


def _log_point(x: Fraction) -> Interval:
    """log x = k log 2 + 2 artanh((y - 1)/(y + 1)) with x = 2^k y and y in [1/2, 2]."""
    if x == 1:
        return Fraction(0), Fraction(0)
    k = x.numerator.bit_length() - x.denominator.bit_length()
    y = x / Fraction(2) ** k
    z, two = (y - 1) / (y + 1), _artanh(_outward(Fraction(1, 3), Fraction(1, 3)))
    part = _artanh(_outward(z, z))
    shift = _times((Fraction(2 * k),) * 2, two)
    return _outward(2 * part[0] + shift[0], 2 * part[1] + shift[1])


def _log_of(x: Interval) -> Interval:
    if x[0] <= 0:
        raise RejectedError("a logarithm of what is not certainly positive")
    return _log_point(x[0])[0], _log_point(x[1])[1]


def _value(mono: Mono, point: Mapping[str, Fraction]) -> Interval:
    found: Interval = (Fraction(1), Fraction(1))
    for name, power in mono:
        base = Fraction(int(name[1:])) if name[0] == "#" else point.get(name)
        if name == "pi" and power.denominator == 1 and power > 0:
            factor = _pi()
            for _ in range(int(power) - 1):
                factor = _times(factor, _pi())
        elif name == "pi":
            raise RejectedError(f"pi^{power} has no interval here")
        elif base is None:
            raise RejectedError(f"the witness gives no value for {name}")
        elif base > 0:
            factor = _root(base, power)
        elif power.denominator == 1 and (base or power > 0):
            factor = (base ** int(power),) * 2
        else:
            raise RejectedError(f"{name} = {base} has no real power {power}")
        exact = found[0] == found[1] and factor[0] == factor[1]
        found = (found[0] * factor[0],) * 2 if exact else _times(found, factor)
    return found


def poly_value(poly: Poly, point: Mapping[str, Fraction]) -> Interval:
    lo = hi = Fraction(0)
    for mono, c in poly:
        a, b = _value(mono, point)
        lo, hi = lo + min(a * c, b * c), hi + max(a * c, b * c)
    return lo, hi


def enclose(terms: Terms, point: Mapping[str, Fraction]) -> tuple[Interval, Interval]:
    """Intervals that hold the real and the imaginary part of the sum at a rational point. Raises RejectedError."""
    re: Interval = (Fraction(0), Fraction(0))
    im = re
    for (phase, growth, mono), c in terms.items():
        size = poly_value(((mono, c),), point)
        for base, poly in growth:
            lo, hi = poly_value(poly, point)
            if lo != hi:
                raise RejectedError(f"the exponent of {base} is not rational at the witness")
            size = _times(size, _exponential(lo) if base == "e" else _value(((base, lo),), point))
        cos, sin = _cos_sin(poly_value(phase, point)) if phase else ((Fraction(1),) * 2, (Fraction(0),) * 2)
        a, b = _times(size, cos), _times(size, sin)
        re, im = (re[0] + a[0], re[1] + a[1]), (im[0] + b[0], im[1] + b[1])
    return re, im


def excludes_zero(terms: Terms, point: Mapping[str, Fraction]) -> bool:
    """Whether the sum is certainly not zero at the point."""
    return any(lo > 0 or hi < 0 for lo, hi in enclose(terms, point))


# Lemmas: each is an identity checked here in integers, for every size.


def _geometric_sum() -> bool:
    """(x - 1)(1 + x + … + x^(n-1)) = x^n - 1: by induction, with X for x^n."""
    ring = Algebra()
    one, x, X = (ring.term(Fraction(1), (), (), m) for m in ((), (("x", Fraction(1)),), (("X", Fraction(1)),)))
    left_at_one = ring.multiply(ring.add(x, ring.scale(Fraction(-1), one)), one)
    right_at_one = ring.add(x, ring.scale(Fraction(-1), one))
    gain_left = ring.multiply(ring.add(x, ring.scale(Fraction(-1), one)), X)  # the summand x^n
    gain_right = ring.add(ring.multiply(x, X), ring.scale(Fraction(-1), X))  # x^(n+1) - x^n
    return left_at_one == right_at_one and gain_left == gain_right


def _householder() -> bool:
    """(I - 2vv^T)² = I + 4 (v·v - 1) vv^T, which is I when v·v = 1: words in v and v^T, v^T v rewritten to 1."""
    words: dict[tuple[str, ...], int] = {}
    factor = {(): 1, ("v", "v^T"): -2}
    for a, c in factor.items():
        for b, d in factor.items():
            word = (*a, *b)
            for i in range(len(word) - 2, -1, -1):
                if word[i : i + 2] == ("v^T", "v"):
                    word = word[:i] + word[i + 2 :]
            words[word] = words.get(word, 0) + c * d
    return {w: c for w, c in words.items() if c} == {(): 1}


@lru_cache
def _dft() -> bool:
    """F^H F = I: Σ_x ω^(x(b-a)) is n for a = b, else (ω^n - 1)/(ω - 1) = 0 as ω^n = 1; n = 2, …, 9 outright."""
    return _geometric_sum() and all(_isometry(_dft_matrix(n)) for n in range(2, 10))


@lru_cache
def _dct() -> bool:
    """C^T C = I: with ω = e^(iu), Σ_j ω^(2j+1) = (ω^2n - 1)/(ω - 1/ω), and at u = πc/2n its real part is zero.

    ω^2n = (-1)^c: the numerator is 0 or -2, and 1/(ω - 1/ω) + its conjugate 1/(1/ω - ω) is 0. At n = 2, …, 9 outright.
    """
    ring = Algebra()
    w, bar = (ring.term(Fraction(1), (), (), (("w", Fraction(p)),)) for p in (1, -1))
    minus = Fraction(-1)
    difference = ring.add(w, ring.scale(minus, bar))
    stretched = ring.multiply(w, difference) == ring.add(ring.multiply(w, w), ring.term(minus))  # ω² - 1
    odd = not ring.add(difference, bar, ring.scale(minus, w))  # the conjugate (ω ↔ 1/ω) is the negative
    return _geometric_sum() and stretched and odd and all(_isometry(_dct_matrix(n)) for n in range(2, 10))


def _permutation() -> bool:
    """On a cycle π adds 1: [j + s = a][j + t = b] forces b - a = t - s: no j left, and no change at s + c, t + c."""
    left = {"j": 1, "s": 1, "a": -1}
    right = {"j": 1, "t": 1, "b": -1}
    difference = {n: right.get(n, 0) - left.get(n, 0) for n in {*left, *right}}
    unmoved_by_shift = difference["s"] + difference["t"] == 0
    return difference["j"] == 0 and unmoved_by_shift and (difference["a"], difference["b"]) == (1, -1)


@lru_cache
def _shuffle() -> bool:
    """Outputs 2k and 2k + 1 differ by parity and each takes one input: a permutation; to n = 64 outright."""
    return all(sorted([*range(0, n, 2), *range(1, n, 2)]) == list(range(n)) for n in range(1, 65)) and _permutation()


def _dft_matrix(n: int) -> Matrix:
    ring = Algebra()
    size = monomial(_prime_powers(n, Fraction(-1, 2)))
    turns = [[Fraction(-2 * k * j % (2 * n), n) for j in range(n)] for k in range(n)]
    return [[ring.term(Fraction(1), ((PI, t),) if t else (), (), size) for t in row] for row in turns]


def _dct_matrix(n: int) -> Matrix:
    ring = Algebra()
    rows = []
    for k in range(n):
        scale = monomial([*_prime_powers(n, Fraction(-1, 2)), *([("#2", Fraction(1, 2))] if k else [])])
        turns = [Fraction((2 * j + 1) * k, 2 * n) for j in range(n)]
        cosines = ([ring.term(Fraction(1, 2), ((PI, s * t),) if t else (), (), scale) for s in (1, -1)] for t in turns)
        rows.append([ring.add(*both) for both in cosines])
    return rows


def _prime_powers(n: int, power: Fraction) -> list[tuple[str, Fraction]]:
    found, p = [], 2
    while n > 1:
        while n % p == 0:
            found.append((f"#{p}", power))
            n //= p
        p += 1
    return found


def _isometry(M: Matrix) -> bool:
    ring = Algebra()
    return is_scalar(ring, ring.product(M, M), ring.term(Fraction(1)))


def is_scalar(ring: Algebra, W: Matrix, value: Terms) -> bool:
    """Whether W = value · I in normal form."""
    return len(W) == len(W[0]) and all(
        ring.is_zero(ring.add(entry, ring.scale(Fraction(-1), value)) if i == j else entry)
        for i, row in enumerate(W)
        for j, entry in enumerate(row)
    )


LEMMAS: dict[str, Callable[[], bool]] = {
    "identity": lambda: True,
    "householder": _householder,
    "dct": _dct,
    "dft": _dft,
    "shuffle": _shuffle,
    "permutation": _permutation,
}


# Claims: what each property says of the definition, in the terms above.


@lru_cache(maxsize=64)
def _products(_digest: str) -> dict[Any, Matrix]:
    """The products of one definition, formed once: they do not depend on what is claimed of it."""
    return {}


class Definition:
    """The stored definition of an encoding: A in s0, s1, …, B in t0, t1, …, and what surrounds the block."""

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._memory = _products(digest(stored))
        self.axes = int(stored["axes"])
        self.domain = stored["domain"]
        if self.axes < 1 or self.domain not in ("integer", "real"):
            raise RejectedError(f"no domain: {self.axes} axes of {self.domain!r} positions")
        positions = [f"{v}{j}" for v in "stc" for j in range(self.axes)]
        whole = [*stored["integers"], *(positions if self.domain == "integer" else [])]
        self.ring = Algebra(whole, [_read_poly(r) for r in stored["relations"]])
        self.relations = [_read_poly(r) for r in stored["relations"]]
        self.whole, self.positive = frozenset(whole), frozenset(stored["positive"])
        self.noise = frozenset(stored.get("noise", []))
        self.process = bool(stored.get("process", False))
        self.averaged = False  # whether W is its expectation over the noise
        self.tree = read_tree(self.ring, stored["tree"]) if "tree" in stored else None
        self.form: str = stored.get("form", "")
        self.generators = [self._matrix(g) for g in stored.get("generators", [])]
        self.A, self.B = (self._matrix(stored[side]) for side in ("query", "key"))
        if any(n[0] == "?" for n in self.noise):
            raise RejectedError("noise must be real")
        _check_form(self, stored["integers"])
        if self.process:
            _check_process(self)
        self.surround: str = stored["basis"]
        if self.surround not in LEMMAS:
            raise RejectedError(f"no lemma is known for the basis {self.surround!r}")
        if not LEMMAS[self.surround]():
            raise RejectedError(f"the lemma {self.surround!r} does not hold")

    def _matrix(self, rows: Any) -> Matrix:
        return [[self.ring.add(*(self.ring.term(*_read_term(t)) for t in entry)) for entry in row] for row in rows]

    def at(self, M: Matrix, values: Mapping[str, Poly]) -> Matrix:
        """The matrix with position symbols replaced."""
        return [[self.ring.substitute(entry, values) for entry in row] for row in M]

    def kernel(self) -> Matrix:
        """W_{s,t} = A_s^H B_t, or its expectation over the noise."""
        if self.averaged not in self._memory:
            W = self.ring.product(self.A, self.B)
            mean = [[expectation(self.ring, x, self.noise) for x in row] for row in W] if self.averaged else W
            self._memory[self.averaged] = mean
        return self._memory[self.averaged]

    def shift_defect(self) -> Matrix:
        """W_{s+c,t+c} - W_{s,t}."""
        W = self.kernel()
        shift = {f"{v}{j}": _sum_of(f"{v}{j}", f"c{j}") for v in "st" for j in range(self.axes)}
        return [
            [self.ring.add(moved, self.ring.scale(Fraction(-1), entry)) for moved, entry in zip(up, row, strict=True)]
            for up, row in zip(self.at(W, shift), W, strict=True)
        ]

    def lag_kernel(self, name: str) -> Matrix:
        """W at s = 0 and t = the named lag."""
        key = (name, self.averaged)
        if key not in self._memory:
            zero: dict[str, Poly] = {f"s{j}": () for j in range(self.axes)}
            values = zero | {f"t{j}": _symbol(f"{name}{j}") for j in range(self.axes)}
            self._memory[key] = self.at(self.kernel(), values)
        return self._memory[key]

    def gram(self, side: str) -> Matrix:
        """A^H A or B^H B."""
        M = self.A if side == "query" else self.B
        if side not in self._memory:
            self._memory[side] = self.ring.product(M, M)
        return self._memory[side]


def names_in(terms: Terms) -> set[str]:
    """Every symbol of a sum of terms."""
    polys = [p for phase, growth, _ in terms for p in (phase, *(q for _, q in growth))]
    bases = {b for _, growth, _ in terms for b, _ in growth}
    return bases | {n for _, _, mono in terms for n, _ in mono} | {n for p in polys for m, _ in p for n, _ in m}


def _is_position(name: str) -> bool:
    return name[:1] in ("s", "t", "c") and name[1:].isdigit()


def _check_form(d: Definition, assumed: Iterable[str]) -> None:
    """One form, of one shape, in which each name means what it stands for. Raises RejectedError."""
    if (d.tree is not None) + bool(d.generators) + bool(d.A or d.B) != 1:
        raise RejectedError("a definition is one of query and key, generators, or a tree")
    if any(map(_is_position, assumed)):
        raise RejectedError("positions are whole or real by the domain alone")
    for name in {*d.whole, *d.positive, *d.noise}:
        if name in ("", "pi", "e") or name[0] in "#?" or (_is_position(name) and name in d.positive | d.noise):
            raise RejectedError(f"{name!r} is no symbol of which something can be assumed")
    fixed = {n for r in d.relations for m, _ in r for n, _ in m}
    if d.noise & (d.whole | d.positive | fixed):
        raise RejectedError("noise is free: no assumption and no relation may hold it")
    check_relations(d, d.relations)
    size = len(d.generators[0]) if d.generators else len(d.A)
    for M in (*d.generators, *((d.A, d.B) if d.A or d.B else ())):
        if not M or len(M) != size or not M[0] or any(len(row) != len(M[0]) for row in M):
            raise RejectedError("the matrices are empty, ragged or of different heights")
    if d.generators and (len(d.generators) != d.axes or any(len(g[0]) != size for g in d.generators)):
        raise RejectedError("one square generator for each axis is wanted")
    for sides, matrices in (("s", [d.A]), ("t", [d.B]), ("", d.generators)):
        for terms in (x for M in matrices for x in _entries(M)):
            check_terms(d, terms, sides)
    for terms in leaves(d.tree) if d.tree is not None else ():
        check_terms(d, terms, "st")


def _entries(M: Matrix) -> Iterator[Terms]:
    return (entry for row in M for entry in row)


def check_relations(d: Definition, relations: Iterable[Poly]) -> None:
    """Relations hold symbols, not positions, and none is a number that is not zero. Raises RejectedError."""
    for relation in relations:
        if relation and not any(mono for mono, _ in relation):
            raise RejectedError("a relation is a number that is not zero: nothing satisfies it")
        check_terms(d, {((), (), mono): c for mono, c in relation}, "")


def check_terms(d: Definition, terms: Terms, sides: str) -> None:
    """Positions of these sides only, names read in one way, roots of what is positive. Raises RejectedError."""
    allowed = {f"{v}{j}" for v in sides for j in range(d.axes)}
    for name in names_in(terms):
        if _is_position(name) and name not in allowed:
            raise RejectedError(f"{name} stands where no position of that side can stand")
        if name[:1] == "#" and not (name[1:].isdigit() and _is_prime(int(name[1:]))):
            raise RejectedError(f"{name} is no prime")
        if not name or (name[-1] == "*" and name[0] != "?"):
            raise RejectedError(f"{name!r} is no name of a symbol")
    for phase, growth, mono in terms:
        for m in (mono, *(m for p in (phase, *(q for _, q in growth)) for m, _ in p)):
            for name, power in m:
                if power.denominator != 1 and not (name in d.positive or name == "pi" or name[0] == "#"):
                    raise RejectedError(f"{name}^{power}: a root of what is not known to be positive")
        for base, poly in growth:
            if _is_position(base):
                raise RejectedError(f"{base} stands below an exponent")
            if not (base == "e" or base[0] == "#" or base in d.positive or _is_whole(d, poly)):
                raise RejectedError(f"{base} is not known to be positive, and its exponent not to be whole")


def _is_whole(d: Definition, poly: Poly) -> bool:
    return all(
        c.denominator == 1 and all(n in d.whole and p.denominator == 1 and p > 0 for n, p in mono) for mono, c in poly
    )


@lru_cache
def _is_prime(n: int) -> bool:
    """Whether n is a prime, by division; beyond 10^12 by Fermat's test to 12 bases, which no square root needs."""
    if n < 10**12:
        return n > 1 and all(n % p for p in range(2, min(isqrt(n), 10**6) + 1))
    return all(pow(a, n - 1, n) == 1 for a in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37))


def expectation(ring: Algebra, terms: Terms, noise: frozenset[str]) -> Terms:
    """E over independent standard normal symbols: E z^2k = 1·3·…·(2k - 1), odd powers vanish. Raises RejectedError."""
    out: list[Terms] = []
    for (phase, growth, mono), c in terms.items():
        inside = {n for poly in (phase, *(p for _, p in growth)) for m, _ in poly for n, _ in m} | {
            b for b, _ in growth
        }
        if inside & noise:
            raise RejectedError("noise stands in an exponent: its moments are not those of a polynomial")
        for name, power in mono:
            if name in noise:
                if power.denominator != 1 or power < 0:
                    raise RejectedError(f"{name}^{power}: only whole powers of the noise have a moment here")
                c *= 0 if power % 2 else prod(range(1, int(power), 2))
        out.append(ring.term(c, phase, growth, monomial(f for f in mono if f[0] not in noise)))
    return ring.add(*out)


def correlations(d: Definition) -> dict[tuple[int, ...], Matrix]:
    """E[A^H B] = Σ_l C_l [t - s = l] + C_(), for white noise at every whole position, by lag l (C_() stands at ()).

    In A the symbol "q:z@p" is z(s + p), in B "k:z@p" is z(t + p); E z(a) z(b) = [a = b], each z is independent.
    """
    ring, W = d.ring, d.ring.product(d.A, d.B)
    found: dict[tuple[int, ...], Matrix] = {}
    for i, row in enumerate(W):
        for j, entry in enumerate(row):
            for (phase, growth, mono), c in entry.items():
                lag = _meeting([f for f in mono if f[0][:2] in ("q:", "k:")])
                if lag is None:
                    continue
                rest = ring.term(c, phase, growth, monomial(f for f in mono if f[0][:2] not in ("q:", "k:")))
                block = found.setdefault(lag, [[{} for _ in W[0]] for _ in W])
                block[i][j] = ring.add(block[i][j], expectation(ring, rest, d.noise))
    return found


def _check_process(d: Definition) -> None:
    """Values of the noise at s stand in A alone, those at t in B alone, and neither in an exponent."""
    for M, prefix in ((d.A, "q:"), (d.B, "k:")):
        for phase, growth, mono in (key for row in M for entry in row for key in entry):
            polys = (phase, *(p for _, p in growth))
            inside = {n for poly in polys for m, _ in poly for n, _ in m} | {b for b, _ in growth}
            outside = {n for n, _ in mono if n[:2] in ("q:", "k:") and n[:2] != prefix}
            if outside or any(n[:2] in ("q:", "k:") for n in inside):
                raise RejectedError("noise at positions stands on the wrong side or in an exponent")


def _meeting(factors: Sequence[tuple[str, Fraction]]) -> tuple[int, ...] | None:
    """The lag at which two values of the noise are the same one; () without any, None where the average is zero."""
    if not factors:
        return ()
    if len(factors) == 1 and factors[0][1] == 1:
        return None
    if len(factors) != 2 or any(p != 1 for _, p in factors) or factors[0][0][0] == factors[1][0][0]:
        raise RejectedError("each side must be linear in the noise at positions")
    (key, at_key), (query, at_query) = (name[2:].split("@") for name, _ in sorted(factors))
    if key != query:
        return None
    return tuple(int(a) - int(b) for a, b in zip(at_query.split(","), at_key.split(","), strict=True))


def _process_defects(d: Definition, name: str) -> list[Terms]:
    """At each lag l the kernel is C_l + C_(), and must not change with s; C_() must be one of the lag alone."""
    if d.domain != "integer" or not d.averaged:
        raise RejectedError("noise at positions: whole positions, and in expectation")
    found, ring = correlations(d), d.ring
    always = found.pop((), None)
    zero: dict[str, Poly] = {f"{v}{j}": () for v in "st" for j in range(d.axes)}
    if name == "identity-at-zero":
        parts = [W for W in (found.get((0,) * d.axes), always) if W is not None]
        size = (len(d.A[0]), len(d.B[0]))
        total = [[ring.add(*(d.at(W, zero)[i][j] for W in parts)) for j in range(size[1])] for i in range(size[0])]
        return _minus_scalar(ring, total, ring.term(Fraction(1)))
    if name != "lag-invariant":
        raise RejectedError(f"nothing is known of {name!r} for noise at positions")
    moved = {f"{v}{j}": _sum_of(f"{v}{j}", f"c{j}") for v in "st" for j in range(d.axes)}
    out = [] if always is None else _apart(ring, d.at(always, moved), always)
    for lag, W in found.items():
        place = {f"t{j}": polynomial((*_symbol(f"s{j}"), ((), Fraction(x)))) for j, x in enumerate(lag)}
        here = d.at(W if always is None else _plus(ring, W, always), place)
        out += _apart(ring, d.at(here, {n: p for n, p in moved.items() if n[0] == "s"}), here)
    return out


def _plus(ring: Algebra, A: Matrix, B: Matrix) -> Matrix:
    return [[ring.add(a, b) for a, b in zip(x, y, strict=True)] for x, y in zip(A, B, strict=True)]


def _apart(ring: Algebra, A: Matrix, B: Matrix) -> list[Terms]:
    return [
        ring.add(a, ring.scale(Fraction(-1), b)) for x, y in zip(A, B, strict=True) for a, b in zip(x, y, strict=True)
    ]


def variance(d: Definition, q: Sequence[str], k: Sequence[str]) -> Terms:
    """E |x - E x|² of the score x = Σ q_i (A^H B)_ij k_j over the noise, for real symbols q_i, k_j (Isserlis)."""
    if d.process:
        raise RejectedError("the variance is stated for noise that is the same at every position")
    ring, W = d.ring, d.ring.product(d.A, d.B)
    taken = {n for M in (d.A, d.B) for x in _entries(M) for n in names_in(x)} | d.noise
    fresh = [n for n in {*q, *k} if n not in taken and n not in ("pi", "e") and n[:1] not in "#?" and n[-1:] != "*"]
    if (len(q), len(k)) != (len(W), len(W[0])) or len(fresh) != len(q) + len(k) or any(map(_is_position, fresh)):
        raise RejectedError("the variance needs one new symbol for each coordinate of q and of k")
    weights = [[ring.term(Fraction(1), (), (), monomial(((a, Fraction(1)), (b, Fraction(1))))) for b in k] for a in q]
    score = ring.add(*(ring.multiply(W[i][j], weights[i][j]) for i in range(len(q)) for j in range(len(k))))
    centred = ring.add(score, ring.scale(Fraction(-1), expectation(ring, score, d.noise)))
    return expectation(ring, ring.multiply(ring.conjugate(centred), centred), d.noise)


def _symbol(name: str) -> Poly:
    return ((((name, Fraction(1)),), Fraction(1)),)


def _sum_of(a: str, b: str) -> Poly:
    return polynomial((*_symbol(a), *_symbol(b)))


def defects(d: Definition, name: str, detail: Mapping[str, Any] | None = None) -> list[Terms]:
    """The sums that all vanish exactly when the property holds of the block. Raises RejectedError: unknown property."""
    ring, minus = d.ring, Fraction(-1)
    if d.generators:
        return _generator_defects(d, name)
    if d.process:
        return _process_defects(d, name)
    if name == "lag-invariant":
        return [entry for row in d.shift_defect() for entry in row]
    if name in ("unitary", "gain"):
        square = (
            ring.add(*(ring.term(*_read_term(t)) for t in (detail or {})["gain_squared"])) if name == "gain" else None
        )
        value = ring.term(Fraction(1)) if square is None else square
        check_terms(d, value, "")
        grams = (d.gram("query"), d.gram("key"))
        return [x for W in grams for x in _minus_scalar(ring, W, value)]
    if name in ("identity-at-zero", "group-law") and len(d.A[0]) != len(d.B[0]):
        raise RejectedError(f"{name}: query and key take different widths")
    if name == "identity-at-zero":
        zero: dict[str, Poly] = {f"{v}{j}": () for v in "st" for j in range(d.axes)}
        return _minus_scalar(ring, d.at(d.kernel(), zero), ring.term(Fraction(1)))
    if name == "group-law":
        Wa, Wb = d.lag_kernel("s"), d.lag_kernel("c")
        both = d.at(d.lag_kernel("s"), {f"s{j}": _sum_of(f"s{j}", f"c{j}") for j in range(d.axes)})
        n = range(len(Wa))
        return [
            ring.add(*(ring.multiply(Wa[i][k], Wb[k][j]) for k in n), ring.scale(minus, both[i][j]))
            for i in n
            for j in n
        ]
    raise RejectedError(f"unknown property {name!r}")


def _generator_defects(d: Definition, name: str) -> list[Terms]:
    """For A = B = exp(Σ x_i G_i): G + G^H for isometry, the commutators too for relativity and the group law.

    On real positions both are necessary as well (differentiate at zero); on whole positions they are sufficient.
    """
    ring, minus, G = d.ring, Fraction(-1), d.generators
    n = range(len(G[0]))
    skew = [ring.add(g[i][j], ring.conjugate(g[j][i])) for g in G for i in n for j in n]
    if name == "unitary":
        return skew
    if name == "identity-at-zero":
        return []
    if name not in ("lag-invariant", "group-law"):
        raise RejectedError(f"nothing is known of {name!r} for generators")
    products = [
        (ring.multiply(a[i][k], b[k][j]), ring.scale(minus, ring.multiply(b[i][k], a[k][j])), (x, y, i, j))
        for x, a in enumerate(G)
        for y, b in enumerate(G[:x])
        for i in n
        for j in n
        for k in n
    ]
    entries: dict[tuple[int, ...], Terms] = {}
    for plus, less, where in products:
        entries[where] = ring.add(entries.get(where, {}), plus, less)
    return skew + list(entries.values())


def _minus_scalar(ring: Algebra, W: Matrix, value: Terms) -> list[Terms]:
    take = ring.scale(Fraction(-1), value)
    return [ring.add(entry, take) if i == j else entry for i, row in enumerate(W) for j, entry in enumerate(row)]


def faithful_rank(d: Definition) -> int:
    """The rank of the phases of tr W_Δ as linear forms in Δ; at `axes` only Δ = 0 of the whole lags gives W_Δ = I.

    tr W_Δ = Σ m_k e^(iP_k) with m_k > 0 and Σ m_k the size: it reaches the size only where every phase is whole turns.
    For symbols this holds but in a null set (θ = 2π turns at every whole lag): "almost every". At lags that are not
    whole a phase does come back to a whole turn.
    """
    W = d.lag_kernel("t")
    names = {n for row in W for entry in row for n in names_in(entry)}
    if len(W) != len(W[0]) or d.relations or any(n[0] in "(?" for n in names):
        return 0
    trace = d.ring.add(*(W[i][i] for i in range(len(W))))
    if any(growth or mono or c <= 0 for (_, growth, mono), c in trace.items()) or sum(trace.values()) != len(W):
        return 0
    rows: list[list[Fraction]] = []
    lags = [f"t{j}" for j in range(d.axes)]
    for phase, _, _ in trace:
        forms: dict[Mono, list[Fraction]] = {}
        for mono, c in phase:
            inside = [n for n, _ in mono if n in lags]
            if len(inside) != 1 or dict(mono)[inside[0]] != 1:
                return 0
            rest = monomial(f for f in mono if f[0] != inside[0])
            if dict(rest).get("pi") != 1 or not all(n == "pi" or n in d.whole for n, _ in rest):
                forms.setdefault(rest, [Fraction(0)] * d.axes)[lags.index(inside[0])] += c
        rows += forms.values()
    return _rank(rows)


def _rank(rows: list[list[Fraction]]) -> int:
    rows, rank = [list(r) for r in rows], 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


# Trees: real functions of the positions beyond sums of terms. A node's value is a function of its children's values;
# so what leaves every leaf unchanged leaves the tree unchanged.

Tree = tuple[str, Any]
Hypothesis = tuple[Terms, bool]
CALLS = ("call ", "function ")


def read_tree(ring: Algebra, stored: Mapping[str, Any]) -> Tree:
    """A stored tree: a leaf is a sum of terms, "call w" a free function w, "function f" a known one."""
    if "terms" in stored:
        return "terms", ring.add(*(ring.term(*_read_term(t)) for t in stored["terms"]))
    op, parts = str(stored["op"]), tuple(read_tree(ring, x) for x in stored["args"])
    if op not in _FOLDS and not op.startswith(CALLS):
        raise RejectedError(f"unknown operation {op!r}")
    return op, parts


def leaves(tree: Tree) -> Iterator[Terms]:
    """The sums of terms at the ends of a tree."""
    if tree[0] == "terms":
        yield tree[1]
    else:
        for part in tree[1]:
            yield from leaves(part)


def _mapped(tree: Tree, change: Callable[[Terms], Terms]) -> Tree:
    if tree[0] == "terms":
        return "terms", change(tree[1])
    return tree[0], tuple(_mapped(part, change) for part in tree[1])


def tree_defects(d: Definition, tree: Tree) -> list[Terms]:
    """What each leaf gains when every position moves by the same shift: all zero, and the tree is one of the lag."""
    shift = {f"{v}{j}": _sum_of(f"{v}{j}", f"c{j}") for v in "st" for j in range(d.axes)}
    return [d.ring.add(d.ring.substitute(x, shift), d.ring.scale(Fraction(-1), x)) for x in leaves(tree)]


def _constant_of(terms: Terms) -> Fraction | None:
    return terms.get(ONE_KEY, Fraction(0)) if not set(terms) - {ONE_KEY} else None


def hypotheses(ring: Algebra, condition: Tree) -> list[Hypothesis]:
    """The sums that a condition makes >= 0, each with whether it makes them > 0."""
    op, parts = condition
    if op == "And":
        return [x for part in parts for x in hypotheses(ring, part)]
    if op not in ("<=", "<", ">=", ">", "==") or any(part[0] != "terms" for part in parts):
        raise RejectedError(f"a condition must compare sums of terms, got {op!r}")
    (_, a), (_, b) = parts
    if _impossible(op, _constant_of(a), _constant_of(b)):
        raise RejectedError("the condition never holds")
    up, down = (ring.add(x, ring.scale(Fraction(-1), y)) for x, y in ((b, a), (a, b)))
    if op == "==":
        return [(up, False), (down, False)]
    return [(up if op[0] == "<" else down, len(op) == 1)]


def _impossible(op: str, a: Fraction | None, b: Fraction | None) -> bool:
    return a is not None and b is not None and not _VALUES[op]((a, a), (b, b))


def resolved(d: Definition, tree: Tree, given: Sequence[Hypothesis]) -> Tree:
    """The tree where everything in `given` is >= 0: the Max, Min, Abs and Piecewise that this decides are gone."""
    if tree[0] == "terms":
        return tree
    op, parts = tree[0], tuple(resolved(d, part, given) for part in tree[1])

    def beats(a: Tree, b: Tree, sign: int) -> bool:
        if a[0] != "terms" or b[0] != "terms":
            return False
        return _nonnegative(d, d.ring.scale(Fraction(sign), _difference(d.ring, a[1], b[1])), given)

    if op in ("Max", "Min"):
        sign, kept = 1 if op == "Max" else -1, list(parts)
        for x in parts:
            if any(y is not x and beats(y, x, sign) for y in kept):
                kept = [y for y in kept if y is not x]
        return kept[0] if len(kept) == 1 else (op, tuple(kept))
    if op == "Abs" and parts[0][0] == "terms":
        for sign in (1, -1):
            if _nonnegative(d, d.ring.scale(Fraction(sign), parts[0][1]), given):
                return "terms", d.ring.scale(Fraction(sign), parts[0][1])
    if op == "Piecewise":
        return _first_case(d, parts, given)
    return op, parts


def _first_case(d: Definition, parts: Sequence[Tree], given: Sequence[Hypothesis]) -> Tree:
    kept: list[Tree] = []
    for value, condition in zip(parts[::2], parts[1::2], strict=True):
        decided = _decided(d, condition, given)
        if decided is not False:
            kept += [value, ("true", ()) if decided else condition]
        if decided:
            break
    return kept[0] if len(kept) == 2 and kept[1][0] == "true" else ("Piecewise", tuple(kept))


def _decided(d: Definition, condition: Tree, given: Sequence[Hypothesis]) -> bool | None:
    op, parts = condition
    if op in ("true", "false"):
        return op == "true"
    if op not in ("<=", "<", ">=", ">") or any(part[0] != "terms" for part in parts):
        return None
    low, high = (parts[0][1], parts[1][1]) if op[0] == "<" else (parts[1][1], parts[0][1])
    rise = _difference(d.ring, high, low)
    strict = len(op) == 1
    if _nonnegative(d, rise, given, strict):
        return True
    return False if _nonnegative(d, d.ring.scale(Fraction(-1), rise), given, not strict) else None


def _difference(ring: Algebra, a: Terms, b: Terms) -> Terms:
    return ring.add(a, ring.scale(Fraction(-1), b))


def _nonnegative(d: Definition, x: Terms, given: Sequence[Hypothesis], strict: bool = False) -> bool:
    """Whether x - h is a sum of positive symbols with positive coefficients, for h = 0 or one in `given`.

    Then x >= 0; and x > 0 where the sum is not empty or h > 0.
    """
    for h, above in (({}, False), *given):
        rest = _difference(d.ring, x, h)
        if strict and not rest and not above:
            continue
        if all(c > 0 and not k[0] and not k[1] and all(n in d.positive for n, _ in k[2]) for k, c in rest.items()):
            return True
    return False


def _weighted(x: Sequence[Interval], start: int) -> Interval:
    lo = sum((k * a for k, (a, _) in enumerate(x, 1)), Fraction(start))
    return lo, sum((k * b for k, (_, b) in enumerate(x, 1)), Fraction(start))


FREE_FUNCTIONS: dict[str, Callable[[Sequence[Interval]], Interval]] = {  # what a witness may put for a free function
    "sum": lambda x: _weighted(x, 0),  # x1 + 2 x2 + …
    "squares": lambda x: _weighted([_square(a) for a in x], 1),  # 1 + x1² + 2 x2² + …
}


def _square(x: Interval) -> Interval:
    ends = (x[0] * x[0], x[1] * x[1])
    return Fraction(0) if x[0] <= 0 <= x[1] else min(ends), max(ends)


def tree_value(d: Definition, tree: Tree, point: Mapping[str, Fraction], free: Mapping[str, str]) -> Any:
    """An interval that holds the tree's real value at a point, or the truth of a condition. Raises RejectedError."""
    op, parts = tree
    if op == "terms":
        if not d.ring.is_zero(_difference(d.ring, parts, d.ring.conjugate(parts))):
            raise RejectedError("a leaf is not real")
        return enclose(parts, point)[0]
    if op == "Piecewise":
        for value, condition in zip(parts[::2], parts[1::2], strict=True):
            if tree_value(d, condition, point, free):
                return tree_value(d, value, point, free)
        raise RejectedError("a Piecewise without a last case")
    values = [tree_value(d, part, point, free) for part in parts]
    if op.startswith("call "):
        return FREE_FUNCTIONS[free[op[5:]]](values)
    handler = _VALUES.get(op)
    if handler is None:
        raise RejectedError(f"no interval is known for {op}")
    return handler(*values)


def _sum(*x: Interval) -> Interval:
    return _outward(sum((a for a, _ in x), Fraction(0)), sum((b for _, b in x), Fraction(0)))


def _product(*x: Interval) -> Interval:
    found = x[0]
    for factor in x[1:]:
        found = _times(found, factor)
    return found


def _power_of(base: Interval, exponent: Interval) -> Interval:
    if exponent[0] == exponent[1] and exponent[0].denominator == 1:
        n = int(exponent[0])
        if n < 0 and base[0] <= 0 <= base[1]:
            raise RejectedError("a division by what may be zero")
        ends = (base[0] ** n, base[1] ** n)
        return _outward(Fraction(0) if n > 0 and n % 2 == 0 and base[0] <= 0 <= base[1] else min(ends), max(ends))
    if base[0] == base[1] == 0 and exponent[0] > 0:
        return base
    return _exp_of(_times(exponent, _log_of(base)))


def _floor(x: Interval) -> Interval:
    lo, hi = x[0].__floor__(), x[1].__floor__()
    if lo != hi:
        raise RejectedError("a floor is open")
    return Fraction(lo), Fraction(lo)


def _sign(x: Interval) -> Interval:
    if not (x[0] > 0 or x[1] < 0 or x[0] == x[1] == 0):
        raise RejectedError("a sign is open")
    return (Fraction((x[0] > 0) - (x[1] < 0)),) * 2


def _below(a: Interval, b: Interval, strict: bool) -> bool:
    if a[1] < b[0] or (not strict and a[1] <= b[0]):
        return True
    if a[0] > b[1] or (strict and a[0] >= b[1]):
        return False
    raise RejectedError("a comparison is open")


def _same(a: Interval, b: Interval) -> bool:
    if a[0] == a[1] == b[0] == b[1]:
        return True
    if a[1] < b[0] or b[1] < a[0]:
        return False
    raise RejectedError("an equality is open")


def _tanh(x: Interval) -> Interval:
    """1 - 2/(e^2x + 1), which grows with x."""
    ends = [1 - 2 / (1 + y) for y in _exp_of((2 * x[0], 2 * x[1]))]
    return _outward(ends[0], ends[1])


_VALUES: dict[str, Callable[..., Any]] = {
    "Add": _sum,
    "Mul": _product,
    "Pow": _power_of,
    "Abs": lambda x: x if x[0] >= 0 else (-x[1], -x[0]) if x[1] <= 0 else (Fraction(0), max(-x[0], x[1])),
    "Min": lambda *x: (min(a for a, _ in x), min(b for _, b in x)),
    "Max": lambda *x: (max(a for a, _ in x), max(b for _, b in x)),
    "floor": _floor,
    "ceiling": lambda x: tuple(-y for y in _floor((-x[1], -x[0]))),
    "sign": _sign,
    "log": _log_of,
    "exp": _exp_of,
    "cos": lambda x: _cos_sin(x)[0],
    "sin": lambda x: _cos_sin(x)[1],
    "tanh": _tanh,
    "<": lambda a, b: _below(a, b, True),
    "<=": lambda a, b: _below(a, b, False),
    ">": lambda a, b: _below(b, a, True),
    ">=": lambda a, b: _below(b, a, False),
    "==": _same,
    "!=": lambda a, b: not _same(a, b),
    "And": lambda *x: all(x),
    "Or": lambda *x: any(x),
    "Not": lambda x: not x,
    "true": lambda: True,
    "false": lambda: False,
}
_FOLDS = {*_VALUES, "Piecewise"}


def folded(d: Definition, tree: Tree) -> Tree:
    """The tree with everything that is exactly known computed: sums of terms, and functions at rational numbers."""
    op, parts = tree
    if op == "terms" or op in ("true", "false"):
        return tree
    done = tuple(folded(d, part) for part in parts)
    if op == "Piecewise":
        return _folded_cases(done)
    if op in ("And", "Or", "Not"):
        return _folded_truth(op, done)
    known = [part[1] for part in done if part[0] == "terms"]
    if op in ("Add", "Mul") and len(known) == len(done):
        total = known[0]
        for x in known[1:]:
            total = d.ring.add(total, x) if op == "Add" else d.ring.multiply(total, x)
        return "terms", total
    if op == "Mul" and any(not x for x in known):
        return "terms", {}
    numbers = [_constant_of(x) for x in known]
    if len(known) == len(done) and None not in numbers:
        return _folded_number(op, done, [x for x in numbers if x is not None])
    if op == "Pow" and len(known) == 2 and not known[0] and known[1] and _nonnegative(d, known[1], ()):
        return "terms", {}  # 0^p = 0 for p > 0: a sum of positive symbols, and not empty
    return op, done


def _folded_truth(op: str, done: tuple[Tree, ...]) -> Tree:
    kinds = {part[0] for part in done}
    if op == "Not" and kinds <= {"true", "false"}:
        return ("false" if kinds == {"true"} else "true"), ()
    deciding, other = ("false", "true") if op == "And" else ("true", "false")
    if op != "Not" and deciding in kinds:
        return deciding, ()
    return (other, ()) if op != "Not" and kinds == {other} else (op, done)


def _folded_cases(done: tuple[Tree, ...]) -> Tree:
    kept: list[Tree] = []
    for value, condition in zip(done[::2], done[1::2], strict=True):
        if condition[0] == "true" and not kept:
            return value
        if condition[0] != "false":
            kept += [value, condition]
    return "Piecewise", tuple(kept)


def _folded_number(op: str, done: tuple[Tree, ...], x: list[Fraction]) -> Tree:
    exact_at = {"log": (1, 0), "exp": (0, 1), "cos": (0, 1), "sin": (0, 0), "tanh": (0, 0)}
    if op in exact_at:
        at, value = exact_at[op]
        return ("terms", {ONE_KEY: Fraction(value)} if value else {}) if x == [at] else (op, done)
    if op == "Pow" and (x[1].denominator != 1 or not (x[0] or x[1] >= 0)):
        return (op, done) if x[0] or x[1] < 0 else ("terms", {})
    if op in _VALUES:
        found = _VALUES[op](*((v, v) for v in x))
        if isinstance(found, bool):
            return ("true" if found else "false"), ()
        if found[0] != found[1]:
            return op, done
        return "terms", {ONE_KEY: found[0]} if found[0] else {}
    return op, done


def _kernel_claim(d: Definition, claim: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    """A claim about a tree: lag invariance leaf by leaf, or its value at lag zero; a witness is a pair of intervals."""
    assert d.tree is not None
    name, given = claim["property"], read_tree(d.ring, claim["given"]) if "given" in claim else None
    for terms in leaves(given) if given is not None else ():
        check_terms(d, terms, "st")
    if claim["value"]:
        _prove_tree(d, name, given)
        return
    point = {n: Fraction(v) for n, v in proof["point"].items()}
    free: dict[str, str] = proof.get("functions", {})
    _admissible(d, point)
    if any(f"call {f}" in d.positive and kind != "squares" for f, kind in free.items()):
        raise RejectedError("a free function of the witness must be positive")
    here, there = _two_values(d, name, point, free, given)
    if not (here[1] < there[0] or there[1] < here[0]):
        raise RejectedError(f"{name}: the two values are not certainly apart at the witness")


def zero_target(form: str) -> Terms:
    """What a bias (0) and a mask (1) must be at lag zero to leave the score alone. Raises RejectedError."""
    if form not in ("bias", "mask"):
        raise RejectedError(f"identity at zero says nothing of {form!r}")
    return {ONE_KEY: Fraction(1)} if form == "mask" else {}


def at_zero(d: Definition) -> Tree:
    """The tree at position zero on both sides, folded."""
    assert d.tree is not None
    zero: dict[str, Poly] = {f"{v}{j}": () for v in "st" for j in range(d.axes)}
    return folded(d, _mapped(d.tree, lambda x: d.ring.substitute(x, zero)))


def _prove_tree(d: Definition, name: str, given: Tree | None) -> None:
    assert d.tree is not None
    if name == "lag-invariant":
        tree = folded(d, d.tree if given is None else resolved(d, d.tree, hypotheses(d.ring, given)))
        left = [x for x in tree_defects(d, tree) if not d.ring.is_zero(x)]
    elif name == "identity-at-zero":
        value = at_zero(d)
        left = [_difference(d.ring, value[1], zero_target(d.form))] if value[0] == "terms" else [{ONE_KEY: Fraction(1)}]
        left = [x for x in left if not d.ring.is_zero(x)]
    else:
        raise RejectedError(f"nothing is known of {name!r} for a tree")
    if left:
        raise RejectedError(f"{name}: {len(left)} leaves change")


def _two_values(
    d: Definition, name: str, point: Mapping[str, Fraction], free: Mapping[str, str], given: Tree | None
) -> tuple[Interval, Interval]:
    """The value at (s, t) and at (s + c, t + c), or at lag zero and wanted there."""
    assert d.tree is not None
    if name == "identity-at-zero":
        wanted = _constant_of(zero_target(d.form)) or Fraction(0)
        start = {**point, **{f"{v}{j}": Fraction(0) for v in "st" for j in range(d.axes)}}
        return tree_value(d, d.tree, start, free), (wanted, wanted)
    if name != "lag-invariant":
        raise RejectedError(f"nothing is known of {name!r} for a tree")
    moved = {n: v + point[f"c{n[1:]}"] if _is_place(n) else v for n, v in point.items()}
    if given is not None and not (tree_value(d, given, point, free) and tree_value(d, given, moved, free)):
        raise RejectedError("the witness does not satisfy the condition")
    return tree_value(d, d.tree, point, free), tree_value(d, d.tree, moved, free)


def _is_place(name: str) -> bool:
    return name[0] in "st" and name[1:].isdigit()


def _variance_claim(d: Definition, claim: Mapping[str, Any]) -> None:
    stated = d.ring.add(*(d.ring.term(*_read_term(t)) for t in claim["terms"]))
    if not d.ring.is_zero(_difference(d.ring, variance(d, claim["query"], claim["key"]), stated)):
        raise RejectedError("the variance is not the one that is stated")


def under(d: Definition, conditions: Iterable[Any]) -> Algebra:
    """The terms under more relations: stored polynomials that are zero. Raises RejectedError."""
    more = [_read_poly(r) for r in conditions]
    check_relations(d, more)
    d.relations = [*d.relations, *more]
    return Algebra(d.whole, d.relations)


def _prove(d: Definition, claim: Mapping[str, Any]) -> None:
    name = claim["property"]
    if name == "variance":
        _variance_claim(d, claim)
        return
    if name == "faithful":
        if faithful_rank(d) != d.axes:
            raise RejectedError("the phases do not tell every lag from zero")
        return
    left = [t for t in defects(d, name, claim) if not d.ring.is_zero(t)]
    if left:
        raise RejectedError(f"{name}: {len(left)} entries do not vanish")


def _refute(d: Definition, claim: Mapping[str, Any], witness: Mapping[str, Any]) -> None:
    point = {name: Fraction(value) for name, value in witness["point"].items()}
    if claim["property"] == "faithful":
        if any(x.denominator != 1 for x in point.values()):
            raise RejectedError("faithful: the witness is no whole lag")
        lags = {f"t{j}": _constant(point[f"t{j}"]) for j in range(d.axes)}
        if not any(point[n] for n in lags) or not is_scalar(
            d.ring, d.at(d.lag_kernel("t"), lags), d.ring.term(Fraction(1))
        ):
            raise RejectedError("faithful: the witness is no lag that acts as the identity")
        return
    _admissible(d, point)
    if d.generators and d.domain != "real":
        raise RejectedError("generators: on whole positions a commutator refutes nothing")
    if not any(excludes_zero(terms, point) for terms in defects(d, claim["property"], claim)):
        raise RejectedError(f"{claim['property']}: no entry is certainly nonzero at the witness")


def _constant(value: Fraction) -> Poly:
    return (((), value),) if value else ()


def _is_reciprocal(d: Definition, name: str) -> bool:
    """Whether a relation name · x = 1 fixes the value of an atom, so that the relations decide whether it is right."""
    return any(
        all(dict(mono).get(name) == 1 if mono else c == -1 for mono, c in relation) and any(not m for m, _ in relation)
        for relation in d.relations
    )


def _admissible(d: Definition, point: Mapping[str, Fraction]) -> None:
    for name, value in point.items():
        if name in d.whole and value.denominator != 1:
            raise RejectedError(f"{name} = {value} must be a whole number")
        if name in d.positive and value <= 0:
            raise RejectedError(f"{name} = {value} must be positive")
        if name.lstrip("?")[0] == "(" and not _is_reciprocal(d, name):
            raise RejectedError(f"{name} stands for a function of symbols: a witness cannot choose its value")
        if name[0] == "?" and point.get(_star(name), value) != value:
            raise RejectedError(f"{name} and its conjugate differ at a real value")
    for relation in d.relations:
        lo, hi = poly_value(relation, point)
        if lo or hi:
            raise RejectedError("the witness does not satisfy the relations")


# Theorems that are not about one definition: words in M_s, W_τ are rewritten by the hypotheses.


def _complete() -> bool:
    """M_s^H M_t = W_{t-s} and M_s unitary give W_t = W_1 W_{t-1} and M_s = M_0 W_s, on whole positions."""
    t, one, zero = (("t", 1),), (("1", 1),), ()
    step = _rewrite([("M", one, True), ("M", zero, False), ("M", zero, True), ("M", t, False)])  # W_1^H W_t
    start = _rewrite([("M", zero, False), ("M", zero, True), ("M", t, False)])  # M_0 W_t
    return step == [("W", (("1", -1), ("t", 1)), False)] and start == [("M", t, False)]


def _rewrite(word: list[Any]) -> list[Any]:
    """M_a M_a^H → 1 (unitary and square) first, then M_a^H M_b → W_{b-a}."""
    for left_bar in (False, True):
        i = 0
        while i + 1 < len(word):
            (x, a, p), (y, b, q) = word[i], word[i + 1]
            if (x, y, p, q) == ("M", "M", left_bar, not left_bar) and (left_bar or a == b):
                form = dict(b)
                for n, c in a:
                    form[n] = form.get(n, 0) - c
                word[i : i + 2] = [("W", tuple(sorted(f for f in form.items() if f[1])), False)] if left_bar else []
                i = 0
            else:
                i += 1
    return word


def _odd_permutation() -> bool:
    """det R(a) = cos² a + sin² a = 1, det of a transposition = -1: no product of rotations is an odd permutation."""
    ring = Algebra()
    up, down = (ring.term(Fraction(1), ((((("a", Fraction(1)),), s)),)) for s in (Fraction(1), Fraction(-1)))
    cos = ring.scale(Fraction(1, 2), ring.add(up, down))
    sin = ring.multiply(
        ring.term(Fraction(-1, 2), ((PI, Fraction(1, 2)),)), ring.add(up, ring.scale(Fraction(-1), down))
    )
    determinant = ring.add(ring.multiply(cos, cos), ring.multiply(sin, sin), ring.term(Fraction(-1)))
    swaps = [(i, j) for j in range(2) for i in range(j) if (1, 0)[i] > (1, 0)[j]]  # of the transposition: its sign
    return ring.is_zero(determinant) and (-1) ** len(swaps) == -1


def _circulant() -> bool:
    """The window of lags has m = n_q + n_k - 1 whole numbers in a row; to 9 x 9 and n = 24 outright.

    They are distinct modulo n iff n >= m: the ends differ by m - 1 < n, and for n < m the first lag and the n-th after
    it meet. The product with distinct free values is exact only where no two lags meet.
    """

    def exact(n_q: int, n_k: int, n: int) -> bool:
        slots: dict[int, set[int]] = {}
        for i in range(n_q):
            for j in range(n_k):
                slots.setdefault((j - i) % n, set()).add(j - i)
        return all(len(lags) == 1 for lags in slots.values())

    sizes = ((n_q, n_k, n) for n_q in range(1, 10) for n_k in range(1, 10) for n in range(1, 25))
    return all(exact(n_q, n_k, n) == (n >= n_q + n_k - 1) for n_q, n_k, n in sizes)


def _grid_sum() -> bool:
    """Entry ((x, y), (u, v)) of W ⊗ J + J ⊗ W is W_xu · 1 + 1 · W_yv; a free w at each lag, sides to 5 outright."""

    def entry(size: int, row: int, column: int) -> list[int]:
        (x, y), (u, v) = divmod(row, size), divmod(column, size)
        return sorted((u - x, v - y))

    def kronecker(size: int, row: int, column: int) -> list[int]:
        lags = [[j - i for j in range(size)] for i in range(size)]
        return sorted((lags[row // size][column // size], lags[row % size][column % size]))

    return all(
        entry(size, row, column) == kronecker(size, row, column)
        for size in range(1, 6)
        for row in range(size * size)
        for column in range(size * size)
    )


def _sikf() -> bool:
    """o = Σ_j e^(q+k_j) v_j / (Σ_j e^(q+k_j) + ε): at q - a, N(a) (D + ε) - N (D(a) + ε) is ε (N(a) - N), two keys.

    It vanishes at ε = 0 for all q, k, v and a, and is certainly not zero at ε = 1, q = k = 0, v = (1, 2), a = 1.
    """
    ring, minus = Algebra(), Fraction(-1)

    def weight(j: int, shift: bool) -> Terms:
        exponent = [*_symbol("q"), *_symbol(f"k{j}'"), *([((("a", Fraction(1)),), minus)] if shift else [])]
        return ring.term(Fraction(1), (), [("e", polynomial(exponent))])

    def sums(shift: bool) -> tuple[Terms, Terms]:
        values = {j: ring.term(Fraction(1), (), (), ((f"v{j}", Fraction(1)),)) for j in (1, 2)}
        N = ring.add(*(ring.multiply(weight(j, shift), v) for j, v in values.items()))
        return N, ring.add(*(weight(j, shift) for j in (1, 2)))

    (N, D), (moved, below) = sums(False), sums(True)

    def defect(epsilon: Terms) -> Terms:
        return ring.add(
            ring.multiply(moved, ring.add(D, epsilon)), ring.scale(minus, ring.multiply(N, ring.add(below, epsilon)))
        )

    point = {n: Fraction(0) for n in ("q", "k1'", "k2'")} | {"v1": Fraction(1), "v2": Fraction(2), "a": Fraction(1)}
    return ring.is_zero(defect({})) and excludes_zero(defect(ring.term(Fraction(1))), point)


THEOREMS: dict[str, tuple[str, Callable[[], bool], list[str]]] = {
    "unitary-solution-is-complete": (
        (
            "On whole positions every family of unitary M_s with M_s^H M_t = W_{t-s} is M_s = M_0 W_1^s;"
            " with the spectral theorem, M_s = P Λ^s Q"
        ),
        _complete,
        ["the spectral theorem for unitary matrices"],
    ),
    "odd-permutations-are-no-rotations": (
        (
            "Every product of plane rotations and identities has determinant 1, an odd permutation -1:"
            " the permutation family is not inside the rotation family"
        ),
        _odd_permutation,
        [],
    ),
    "circulant-embedding-is-exact": (
        (
            "A Toeplitz matrix of n_q rows and n_k columns with free values is a corner of a circulant of size n iff"
            " n >= n_q + n_k - 1"
        ),
        _circulant,
        [],
    ),
    "sum-over-a-grid-is-two-kronecker-products": (
        "W2d with entries w(x' - x) + w(y' - y) is W ⊗ J + J ⊗ W, J all ones",
        _grid_sum,
        [],
    ),
    "sikf-ignores-a-common-shift": (
        (
            "Linear attention with exp features does not change when one number is taken from all of q, or of k:"
            " at ε = 0 for all values, and not at ε = 1"
        ),
        _sikf,
        [],
    ),
}


# Reading and writing.


def _read_poly(stored: Any) -> Poly:
    return polynomial((_read_mono(m), Fraction(c)) for c, m in stored)


def _read_mono(stored: Mapping[str, str]) -> Mono:
    return monomial((n, Fraction(p)) for n, p in stored.items())


def _read_term(stored: Any) -> tuple[Fraction, Poly, list[tuple[str, Poly]], Mono]:
    growth = [(b, _read_poly(p)) for b, p in stored.get("growth", {}).items()]
    return Fraction(stored["c"]), _read_poly(stored.get("phase", [])), growth, _read_mono(stored.get("mono", {}))


def digest(value: Any) -> str:
    """The SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def check(certificate: Mapping[str, Any]) -> str:
    """One sentence of what the certificate proves. Raises RejectedError when it does not."""
    try:
        body = {k: v for k, v in certificate.items() if k != "hash"}
        if certificate["schema"] != "lagwise-certificate/1":
            raise RejectedError(f"unknown schema {certificate['schema']!r}")
        if digest(body) != certificate["hash"] or digest(body["definition"]) != body["record"]:
            raise RejectedError("the hash does not fit the content")
        claim, method = body["claim"], body["proof"]["method"]
        if method == "theorem":
            return _theorem(body)
        if body["definition"].get("permutation"):
            _permutation_claim(body["definition"], claim, method)
            scope = "all whole positions"
        else:
            d = Definition(body["definition"])
            scope = _scope(d, claim)
            if (method == "normal-form") != claim["value"]:
                raise RejectedError("a true claim needs a normal form, a false one a witness")
            _decide(d, claim, body["proof"])
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, IndexError) as error:
        raise RejectedError(f"malformed: {type(error).__name__}: {error}") from error
    return f"{certificate['encoding']}: {claim['property']} is {claim['value']} ({scope})"


def _scope(d: Definition, claim: Mapping[str, Any]) -> str:
    """For whom the claim is checked, read off the definition: the certificate's own words are not relied on."""
    terms = [x for M in (d.A, d.B, *d.generators) for x in _entries(M)] + list(leaves(d.tree) if d.tree else ())
    names = {n.rstrip("*") for x in terms for n in names_in(x)} - {"pi", "e"}
    free = sorted(n for n in names if n[0] != "#" and not _is_position(n))
    kinds = {
        n: " ".join([*(["whole"] if n in d.whole else []), *(["positive"] if n in d.positive else [])])
        or ("complex" if n[0] == "?" else "normal" if n in d.noise else "real")
        for n in free
    }
    almost = "almost every" if claim["property"] == "faithful" and claim["value"] else "every"
    words = [f"{almost} {kinds[n]} {n.lstrip('?')}" for n in free] if claim["value"] else ["at one point"]
    count = len(d.relations) + len(claim.get("when") or ())
    whole = d.domain == "integer" or claim["property"] == "faithful"
    words += [f"{'all' if claim['value'] else 'of the'} {'whole' if whole else 'real'} positions"]
    words += [f"under {count} relations"] if count else []
    words += ["under a condition on the positions"] if "given" in claim else []
    return ", ".join([*words, *([claim["sense"]] if claim.get("sense") else [])])


def _decide(d: Definition, claim: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    sense = claim.get("sense")
    if sense not in (None, *SENSES) or (sense == "in expectation") != (bool(d.noise) and sense is not None):
        raise RejectedError(f"the claim cannot be meant {sense!r}")
    d.averaged = sense == "in expectation"
    if d.tree is not None:
        _kernel_claim(d, claim, proof)
        return
    if claim.get("when"):
        if claim["property"] != "lag-invariant":
            raise RejectedError("a condition belongs to lag invariance")
        d.ring = under(d, claim["when"])
    if claim["value"]:
        _prove(d, claim)
    else:
        _refute(d, claim, proof)


def _permutation_claim(definition: Mapping[str, Any], claim: Mapping[str, Any], method: str) -> None:
    images = definition["permutation"]
    if images != "every" and sorted(images) != list(range(len(images))):
        raise RejectedError("the images are no permutation")
    known = ("lag-invariant", "unitary", "identity-at-zero", "group-law")
    if claim["property"] not in known or claim["value"] is not True or method != "normal-form":
        raise RejectedError(f"the permutation lemma says nothing of {claim['property']} = {claim['value']}")
    if not (LEMMAS["permutation"]() and LEMMAS[definition["basis"]]()):
        raise RejectedError("a lemma does not hold")


def _theorem(body: Mapping[str, Any]) -> str:
    name = body["definition"]["theorem"]
    statement, proof, trusted = THEOREMS[name]
    if (body["encoding"], body["claim"]["property"], body["claim"]["value"]) != (name, "theorem", True):
        raise RejectedError(f"{name}: a theorem is a claim about nothing but itself")
    if body["claim"]["statement"] != statement or body["proof"]["trusted"] != trusted:
        raise RejectedError(f"{name}: the statement or what it trusts is not the one in the closed list")
    if not proof():
        raise RejectedError(f"{name}: the rewriting does not end where it should")
    return f"{name}: {statement}"


def main(paths: Sequence[str]) -> int:
    """Checks certificate files; one line each. Returns 0 when all hold, else 1."""
    bad = 0
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                print(f"ok       {path}: {check(json.load(file))}")
        except (RejectedError, OSError, ValueError) as error:
            bad += 1
            print(f"rejected {path}: {error}")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
