"""A row depends on its own vector and position only: not on length, batch, offset, order or the other rows."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Check, Measurement
from ..libraries import Array
from ..subject import Subject
from .shared import definition, encodes, judge, promised, ruler

MIXED = (0, 1, 2, 9, 10, 500, 7, 7, 0, 1, 2, 3, 255, 257, 256)  # gaps, repeats, resets, descending


def same(
    bench: Bench, case: str, got: Any, wanted: Any, at: list[Any], expected: str, sides: str = "qk"
) -> Iterator[Measurement]:
    """Both are the same rows computed in two ways, q̂ and k̂ (or one of them): each may use its budget once."""
    measure = ruler(bench)
    a, b = np.stack(got), np.stack(wanted)
    norms = measure.norms(b)

    def where(side: int, batch: int, head: int, row: int, coordinate: int) -> dict[str, Any]:
        return {"position": at[row], "side": sides[side], "batch": batch, "head": head, "coordinate": coordinate}

    yield judge(
        case,
        np.abs(a - b),
        2 * (measure.relative(at) * norms + measure.budget.tiny),
        norms * measure.budget.u,
        measure.unit,
        expected=expected,
        where=where,
        budget=f"2 ({measure.budget})",
        what="a row",
    )


def drawn(bench: Bench, case: str, n: int, batch: int = 1) -> tuple[Array, Array]:
    """q and k, (batch, 2, n, dim)."""
    rng = bench.rng("rows", case)
    return bench.draw(rng, batch, 2, n, bench.dim), bench.draw(rng, batch, 2, n, bench.dim)


def direct(bench: Bench, q: Array, k: Array, at: list[Any]) -> tuple[Array, Array]:
    """One call with exactly these positions, whatever the subject promises."""
    found = bench.encode_native(bench.native(q), bench.native(k), at)
    return bench.exact(found[0]), bench.exact(found[1])


def _length(bench: Bench) -> Iterable[Measurement]:
    n, m = min(24, bench.limit), min(7, bench.limit)
    at = bench.at(list(range(n)))
    q, k = drawn(bench, "length", n, batch=2)
    full = direct(bench, q, k, at)
    short = direct(bench, q[:, :, :m], k[:, :, :m], at[:m])
    wanted = [x[:, :, :m] for x in full]
    yield from same(bench, "prefix", short, wanted, at[:m], "encode(x[:m]) = encode(x)[:m]")
    one = direct(bench, q[1:], k[1:], at)
    yield from same(bench, "batch", one, [x[1:] for x in full], at, "encode(x)[b] = encode(x[b])")


def _offset(bench: Bench) -> Iterable[Measurement]:
    n = min(40, bench.limit)
    at = bench.at(list(range(n)))
    q, k = drawn(bench, "offset", n)
    full = direct(bench, q, k, at)
    o = n // 3
    tail = direct(bench, q[:, :, o:], k[:, :, o:], at[o:])
    yield from same(bench, "offset", tail, [x[:, :, o:] for x in full], at[o:], "encode(x[o:], o + i) = encode(x)[o:]")
    rows = range(0, n, max(n // 8, 1))
    single = [direct(bench, q[:, :, i : i + 1], k[:, :, i : i + 1], at[i : i + 1]) for i in rows]
    steps = [np.concatenate([pair[side] for pair in single], axis=2) for side in range(2)]
    wanted = [x[:, :, list(rows)] for x in full]
    yield from same(bench, "token by token", steps, wanted, [at[i] for i in rows], "one row at a time = all at once")


def _arbitrary(bench: Bench) -> Iterable[Measurement]:
    at = bench.at(bench.within(MIXED))
    if bench.subject.record.axes > 1:
        at = [tuple(reversed(p)) if i % 2 else p for i, p in enumerate(at)]
    q, k = drawn(bench, "arbitrary", len(at))
    perm = bench.rng("rows", "permutation").permutation(len(at))
    moved = [at[int(i)] for i in perm]
    wanted = [x[:, :, perm] for x in direct(bench, q, k, at)]
    got = direct(bench, q[:, :, perm], k[:, :, perm], moved)
    yield from same(bench, "permuted", got, wanted, moved, "encode(x, p)[π] = encode(x[π], p[π])")
    order = sorted(range(len(at)), key=lambda i: at[i])
    alone = [direct(bench, q[:, :, i : i + 1], k[:, :, i : i + 1], [at[i]]) for i in order]
    single = [np.concatenate([pair[side] for pair in alone], axis=2) for side in range(2)]
    wanted = [x[:, :, order] for x in direct(bench, q, k, at)]
    yield from same(bench, "row alone", single, wanted, [at[i] for i in order], "encode(x, p)[i] = encode(x[i], p[i])")


def _batched(bench: Bench) -> Iterable[Measurement]:
    """Positions (batch, n), other ones for each batch, against one call for each batch."""
    first, second = ([0, 1, 2, 3, 4, 5], [7, 8, 9, 0, 1, 2])
    places = [bench.at(bench.within(p)) for p in (first, second)]
    q, k = drawn(bench, "batched", len(places[0]), batch=2)
    found = bench.encode_native(bench.native(q), bench.native(k), places)
    for b, at in enumerate(places):
        wanted = direct(bench, q[b : b + 1], k[b : b + 1], at)
        got = [bench.exact(x)[b : b + 1] for x in found]
        yield from same(bench, f"batch {b}", got, wanted, at, "encode(x, p)[b] = encode(x[b], p[b])")


def _fractional(bench: Bench) -> Iterable[Measurement]:
    """Positions that are no integers, against the oracle."""
    at = [p + f for p, f in ((0, 0.5), (1, 0.25), (17, 0.125), (300, 0.75), (4000, 0.375)) if p + 1 < bench.limit]
    places = at if bench.subject.record.axes == 1 else [(p,) * bench.subject.record.axes for p in at]
    q, k = (x[:, :1] for x in drawn(bench, "fractional", len(at)))
    measure = ruler(bench)
    for side, x, y in zip(("query", "key"), (q, k), direct(bench, q, k, places), strict=True):
        hi, lo = definition(bench, side, x, places)
        norms = measure.norms(hi)
        yield judge(
            side,
            np.abs((y - hi) - lo),
            measure.relative(places) * norms + measure.budget.tiny,
            norms * measure.budget.u,
            measure.unit,
            expected="encode(x, s) = A_s x at real positions",
            where=lambda batch, head, row, c: {"position": places[row], "head": head, "coordinate": c},
            budget=str(measure.budget),
            what=side,
        )


def _real(subject: Subject) -> str | None:
    if subject.record.domain != "real":
        return f"{subject.record.name} is defined at integer positions"
    if subject.up_to:
        return "declared up_to='isometry': only scores are compared"
    return promised("fractional")(subject)


CHECKS = (
    Check(
        "length-independent",
        "a row does not depend on how many rows or batches there are",
        "frequencies or tables that depend on the current length, or rows that are mixed",
        _length,
        applies=encodes,
    ),
    Check(
        "offset-equals-full",
        "rows encoded later, or one at a time, are the rows of the full sequence",
        "positions restart at 0 in every call, or the offset is added twice",
        _offset,
        applies=promised("offset"),
    ),
    Check(
        "batched-positions",
        "each batch is encoded at its own positions",
        "the positions of the first batch are used for all",
        _batched,
        applies=promised("batched-positions"),
    ),
    Check(
        "fractional-positions",
        "positions between the integers are encoded as defined",
        "positions are truncated to integers, or index a table",
        _fractional,
        applies=_real,
    ),
    Check(
        "arbitrary-positions",
        "with gaps, repeats, resets and in any order, each row is encoded at its own position",
        "positions are ignored, or only their first or their number is used",
        _arbitrary,
        applies=promised("arbitrary-positions"),
    ),
)
