"""Ranks of canonical forms with several terms, and of expectations: block Toeplitz and block Hankel."""

from typing import Any

import sympy as sp

from .encoding import Encoding, EncodingError, lag
from .growing_minors import at_least
from .kernel_rank import Half, half_line, of_scalar, terms_in
from .prime_field import Field, NotInFieldError
from .prime_field import rank as field_rank
from .rank import exponential_rank
from .substitute import at

Rank = dict[str, Any]
_LARGEST = 256


def of_random(record: Encoding) -> dict[str, Rank]:
    """Both ranks of the expectation E[A^H B], which is an exponential polynomial in the lag."""
    from .exact.process import functions
    from .exact.random_form import kernel, lag_kernel

    if functions(record):
        return _of_matrix(record, lag_kernel(record))
    d, W = kernel(record)
    value = exponential_rank(d.ring, W, [f"t{j}" for j in range(record.axes)])
    found: Rank = {"at_least": 1, "up_to_length": 1} if value is None else {"value": value}
    return {"bidirectional": found, "causal": dict(found)}


def of_terms(record: Encoding) -> dict[str, Rank]:
    """Both ranks of Σ q̂^H W_τ k̂: those of the one matrix that acts between [q; 1] and [k; 1]."""
    return _of_matrix(record, stacked(record))


def _of_matrix(record: Encoding, W: Any) -> dict[str, Rank]:
    lags = [lag] if record.axes == 1 else list(record.coordinates)
    value = _exponential(W, lags)
    if value is not None:
        return {"bidirectional": {"value": value}, "causal": {"value": value}}
    if W.shape == (1, 1):
        return of_scalar(record, W[0, 0], W[0, 0])
    if record.axes > 1:
        open_ = {"at_least": 1, "up_to_length": 1}
        return {"bidirectional": open_, "causal": {"not_applicable": "several axes have no order of the past"}}
    halves = {sign: [half_line(x, x, lag, sign) for x in W] for sign in (1, -1)}
    return {"bidirectional": _bidirectional(halves), "causal": _causal(W, halves[-1])}


def stacked(record: Encoding) -> sp.Matrix:
    """The matrix of all terms between [q; 1] and [k; 1]; a 1 x 1 W between q and k multiplies all coordinates."""
    terms = record.terms or ()
    rows = max([W.shape[0] for left, W, _ in terms if left == "q"], default=0)
    columns = max([W.shape[1] for _, W, right in terms if right == "k"], default=0)
    total = sp.zeros(rows + any(t[0] == "1" for t in terms), columns + any(t[2] == "1" for t in terms))
    for left, given, right in terms:
        wide = (left, right) == ("q", "k") and given.shape == (1, 1) and rows == columns
        W = given[0, 0] * sp.eye(rows) if wide else given
        if W.shape != (rows if left == "q" else 1, columns if right == "k" else 1):
            raise EncodingError(
                f"{record.name}: a term ({left}, W, {right}) has W of shape {W.shape}, the others differ"
            )
        i, j = (0 if left == "q" else rows), (0 if right == "k" else columns)
        total[i : i + W.shape[0], j : j + W.shape[1]] += W
    return total


def _exponential(W: Any, lags: list[sp.Symbol]) -> int | None:
    names = {x: f"t{j}" for j, x in enumerate(lags)}
    rows, ring = [], None
    for i in range(W.shape[0]):
        row = []
        for j in range(W.shape[1]):
            found = terms_in(W[i, j], names)
            if found is None:
                return None
            ring = ring or found[0]
            row.append(found[1])
        rows.append(row)
    return None if ring is None else exponential_rank(ring, rows, list(names.values()))


def _bidirectional(halves: dict[int, list[Half]]) -> Rank:
    every = [h for side in halves.values() for h in side]
    for h in every:
        if h.rank is None and h.reason:
            return {"unbounded": h.reason}
    for h in every:
        if h.rank is None:
            return at_least(h.kernel, h.variable)
    return {"unbounded": "an entry is a different exponential polynomial on either side, or but for finitely many lags"}


def _causal(W: Any, halves: list[Half]) -> Rank:
    for h in halves:
        if h.rank is None and h.reason:
            return {"unbounded": h.reason}
    for h in halves:
        if h.rank is None:
            return at_least(h.kernel, h.variable)
    shape, n = W.shape, halves[0].variable
    tails = sp.Matrix(*shape, [h.tail for h in halves])
    after = _exponential(tails, [n])
    own = _own_rank(sp.Matrix(*shape, [h.kernel - h.tail for h in halves]), n, max(h.own for h in halves))
    if after is None or own is None:
        return {"at_least": after or 1, "up_to_length": 1}
    return {"value": own[0] + after} if own[1] else {"at_least": own[0] + after, "up_to_length": 2 * own[0]}


def _own_rank(F: Any, n: sp.Symbol, last: int) -> tuple[int, bool] | None:
    """The rank of the block Hankel matrix of finitely many own values, and whether it is as large as it can be."""
    if last == 0:
        return 0, True
    rows, columns = F.shape
    if last * max(rows, columns) > _LARGEST:
        return None
    field, zero = Field(), [[0] * columns for _ in range(rows)]
    try:
        blocks = [
            [[field(at(F[i, j], {n: k})) for j in range(columns)] for i in range(rows)] for k in range(1, last + 1)
        ]
    except NotInFieldError:
        return None
    full = [
        [x for b in range(last) for x in (blocks[a + b] if a + b < last else zero)[i]]
        for a in range(last)
        for i in range(rows)
    ]
    found = field_rank(full)
    most = min(sum(any(row) for row in full), sum(any(column) for column in zip(*full, strict=True)))
    return found, found == most
