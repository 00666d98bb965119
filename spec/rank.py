"""Ranks of a relative encoding, exact: W_τ = Σ_z Σ_k C_{z,k} τ^k z^τ has rank Σ_z rank [binom(i+j, i) C_{z,i+j}]_{ij}.

Distinct characters z^τ and powers of τ are linearly independent, so nothing cancels between them (Kronecker).
"""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import comb, prod
from typing import TYPE_CHECKING, Any

from .encoding import Encoding, PermutationPower
from .recheck import Algebra, Definition, Matrix, Poly, Terms, monomial, names_in

if TYPE_CHECKING:
    from .exact.verdicts import Proposition

_FREE = re.compile(
    r"\??\((?!(?:log|exp|a?(?:sin|cos|tan|cot|sec|csc)h?|Abs|sqrt|sign)\b)[A-Za-z]\w*[(\[][-\w, ]*[)\]]\)\*?"
)
OPEN = {"at_least": 0, "up_to_length": 0}  # nothing is known
Rank = dict[str, Any]
Powers = tuple[int, ...]
Character = tuple[Poly, tuple[tuple[str, Poly], ...]]


def of_record(record: Encoding, found: "Mapping[str, Proposition]") -> dict[str, Rank]:
    """{"bidirectional": R, "causal": R} of the record's block, R as in DESIGN.md section 9."""
    if record.kind != "bilinear":
        from .kernel_rank import of_kernel

        return of_kernel(record, found)
    both = _of_bilinear(record, found)
    return {"bidirectional": both, "causal": both}


def _of_bilinear(record: Encoding, found: "Mapping[str, Proposition]") -> Rank:
    if str(found["lag-invariant"].verdict) == "undecided":
        return dict(OPEN)
    if str(found["lag-invariant"].verdict) != "proved":
        return {"not_applicable": "there is no W of the lag alone"}
    if isinstance(record.query, PermutationPower):
        images = record.query.images
        return {"not_applicable": "equals d, for every permutation"} if images is None else {"value": len(images)}
    if record.generators is not None:
        if str(found["unitary"].verdict) == "proved":
            return {"value": int(record.generators[0].shape[0])}  # A_0 and B_0 are invertible
        return {"at_least": 1, "up_to_length": 1}
    from .exact.definition import store

    stored, _ = store(record)
    d = Definition(stored)
    value = exponential_rank(d.ring, d.lag_kernel("t"), [f"t{j}" for j in range(record.axes)])
    return {"value": value} if value is not None else {"at_least": 1, "up_to_length": 1}


def exponential_rank(ring: Algebra, W: Matrix, lags: Sequence[str]) -> int | None:
    """The rank of the block Toeplitz (and Hankel) matrix of W over the grid of the lags.

    None when W is no exponential polynomial in them. Symbols are generic: the rank is the largest over their values.
    """
    rows, columns = len(W), len(W[0])
    coefficients: dict[Character, dict[Powers, Matrix]] = {}
    for i in range(rows):
        for j in range(columns):
            for key, c in ring._radicals_to_roots(W[i][j]).items():
                split = _split(key, lags)
                if split is None:
                    return None
                character, powers, constant = split
                blocks = coefficients.setdefault(character, {})
                block = blocks.setdefault(powers, [[{} for _ in range(columns)] for _ in range(rows)])
                block[i][j] = ring.add(block[i][j], ring.term(c, *constant))
    found = sum(_character_rank(ring, blocks, rows, columns) for blocks in coefficients.values())
    return found if found <= 1 or _independent(ring, W, lags) else None


def _independent(ring: Algebra, W: Matrix, lags: Sequence[str]) -> bool:
    """Whether characters and symbols are independent: free functions alone, one relation at most, in factors only.

    The zero test knows such a relation; it knows nothing of what one does to an exponent.
    """
    names = {n for row in W for x in row for n in names_in(x)}
    tied = {n for rule, rest in ring.rules for n in (*dict(rule), *names_in(rest))}
    above = {n for row in W for x in row for p, g, _ in x for q in (p, *(e for _, e in g)) for m, _ in q for n, _ in m}
    above |= {b for row in W for x in row for _, g, _ in x for b, _ in g}
    phases = [m for row in W for x in row for p, _, _ in x for m, _ in p]
    turns = any("pi" in dict(m) and any(n in ring.integers and p > 0 for n, p in m if n not in lags) for m in phases)
    free = not above & tied if len(ring.rules) <= 1 else not names & tied
    return free and not turns and not any(n.lstrip("?")[0] == "(" and not _FREE.fullmatch(n) for n in names)


def _split(key: Any, lags: Sequence[str]) -> tuple[Character, Powers, Any] | None:
    """A term's key as (character in the lags, powers of them, constant part); None when a lag stands elsewhere."""
    phase, growth, mono = key
    moving, still = _parted(phase, lags)
    moving_growth, still_growth = [], []
    for base, poly in growth:
        a, b = _parted(poly, lags)
        moving_growth += [(base, a)] if a else []
        still_growth += [(base, b)] if b else []
    exponents = (*moving, *(x for _, p in moving_growth for x in p))
    linear = all([p for n, p in m if n in lags] == [1] for m, _ in exponents)
    powers = tuple(dict(mono).get(lag, Fraction(0)) for lag in lags)
    bases = {b for b, _ in growth} & set(lags)
    if not linear or bases or any(p.denominator != 1 or p < 0 for p in powers):
        return None
    rest = monomial(f for f in mono if f[0] not in lags)
    return (moving, tuple(moving_growth)), tuple(int(p) for p in powers), (still, still_growth, rest)


def _parted(poly: Poly, lags: Sequence[str]) -> tuple[Poly, Poly]:
    inside = tuple(p for p in poly if set(lags) & set(dict(p[0])))
    return inside, tuple(p for p in poly if p not in inside)


def _character_rank(ring: Algebra, blocks: Mapping[Powers, Matrix], rows: int, columns: int) -> int:
    """The rank of [Π binom(a_j + b_j, a_j) C_{a+b}] over all powers a, b up to the largest ones."""
    tops = [max(p[j] for p in blocks) for j in range(len(next(iter(blocks))))]
    box = list(product(*(range(top + 1) for top in tops)))
    big: Matrix = [
        [_entry(ring, blocks, a, b, r, c) for b in box for c in range(columns)] for a in box for r in range(rows)
    ]
    return matrix_rank(ring, big)


def _entry(ring: Algebra, blocks: Mapping[Powers, Matrix], a: Powers, b: Powers, r: int, c: int) -> Terms:
    both = tuple(x + y for x, y in zip(a, b, strict=True))
    if both not in blocks:
        return {}
    return ring.scale(Fraction(prod(comb(x + y, x) for x, y in zip(a, b, strict=True))), blocks[both][r][c])


def matrix_rank(ring: Algebra, M: Matrix) -> int:
    """The rank over the field of fractions, by elimination without division and the exact zero test."""
    rows, rank = [list(r) for r in M], 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if not ring.is_zero(rows[i][column])), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        lead = rows[rank]
        for i in range(rank + 1, len(rows)):
            factor: Terms = rows[i][column]
            if not ring.is_zero(factor):
                rows[i] = [
                    ring.add(ring.multiply(lead[column], a), ring.scale(Fraction(-1), ring.multiply(factor, b)))
                    for a, b in zip(rows[i], lead, strict=True)
                ]
        rank += 1
    return rank
