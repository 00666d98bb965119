"""Ranks of a relative encoding, exact: W_τ = Σ_z Σ_k C_{z,k} τ^k z^τ has rank Σ_z rank [binom(i+j, i) C_{z,i+j}]_{ij}.

Distinct characters z^τ and powers of τ are linearly independent, so nothing cancels between them (Kronecker).
"""

from collections.abc import Mapping
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any

from .encoding import Encoding, PermutationPower
from .recheck import Algebra, Definition, Matrix, Poly, Terms, monomial

if TYPE_CHECKING:
    from .exact.verdicts import Proposition

Rank = dict[str, Any]
Character = tuple[Poly, tuple[tuple[str, Poly], ...]]


def of_record(record: Encoding, found: "Mapping[str, Proposition]") -> dict[str, Rank]:
    """{"bidirectional": R, "causal": R} of the record's block, R as in DESIGN.md section 9."""
    both = _of_bilinear(record, found) if record.kind == "bilinear" else {"not_applicable": "not decided for this form"}
    return {"bidirectional": both, "causal": both}


def _of_bilinear(record: Encoding, found: "Mapping[str, Proposition]") -> Rank:
    if str(found["lag-invariant"].verdict) != "proved":
        return {"not_applicable": "there is no W of the lag alone"}
    if isinstance(record.query, PermutationPower):
        images = record.query.images
        return {"not_applicable": "equals d, for every permutation"} if images is None else {"value": len(images)}
    if record.axes > 1 or record.generators is not None:
        size = record.query.shape[0] if record.generators is None else record.generators[0].shape[0]
        if str(found["unitary"].verdict) == "proved" and size == record.block:
            return {"value": int(size)}  # A_0 and B_0 are invertible
        return {"at_least": 1, "up_to_length": 1}
    from .exact.definition import store

    stored, _ = store(record)
    d = Definition(stored)
    value = exponential_rank(d.ring, d.lag_kernel("t"), "t0")
    return {"value": value} if value is not None else {"at_least": 1, "up_to_length": 1}


def exponential_rank(ring: Algebra, W: Matrix, lag: str) -> int | None:
    """The rank of the block Toeplitz (and Hankel) matrix of W in the lag; None when W is no exponential polynomial."""
    rows, columns = len(W), len(W[0])
    coefficients: dict[Character, dict[int, Matrix]] = {}
    for i in range(rows):
        for j in range(columns):
            for key, c in ring._radicals_to_roots(W[i][j]).items():
                split = _split(key, lag)
                if split is None:
                    return None
                character, power, constant = split
                blocks = coefficients.setdefault(character, {})
                block = blocks.setdefault(power, [[{} for _ in range(columns)] for _ in range(rows)])
                block[i][j] = ring.add(block[i][j], ring.term(c, *constant))
    return sum(_character_rank(ring, blocks, rows, columns) for blocks in coefficients.values())


def _split(key: Any, lag: str) -> tuple[Character, int, Any] | None:
    """A term's key as (character in the lag, power of the lag, constant part); None when the lag stands elsewhere."""
    phase, growth, mono = key
    moving, still = _parted(phase, lag)
    moving_growth, still_growth = [], []
    for base, poly in growth:
        a, b = _parted(poly, lag)
        moving_growth += [(base, a)] if a else []
        still_growth += [(base, b)] if b else []
    linear = all(dict(m)[lag] == 1 for m, _ in (*moving, *(x for _, p in moving_growth for x in p)))
    power = dict(mono).get(lag, Fraction(0))
    if not linear or power.denominator != 1 or power < 0:
        return None
    rest = monomial(f for f in mono if f[0] != lag)
    return (moving, tuple(moving_growth)), int(power), (still, still_growth, rest)


def _parted(poly: Poly, lag: str) -> tuple[Poly, Poly]:
    inside = tuple(p for p in poly if lag in dict(p[0]))
    return inside, tuple(p for p in poly if p not in inside)


def _character_rank(ring: Algebra, blocks: Mapping[int, Matrix], rows: int, columns: int) -> int:
    top = max(blocks)
    size = range(top + 1)
    big: Matrix = [
        [
            ring.scale(Fraction(comb(i + j, i)), blocks[i + j][r][c]) if i + j in blocks else {}
            for j in size
            for c in range(columns)
        ]
        for i in size
        for r in range(rows)
    ]
    return matrix_rank(ring, big)


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
