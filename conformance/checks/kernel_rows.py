"""Rows of a kernel's doors: moved alike they are the same, a prefix and the newest ones are those of the whole."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Measurement
from ..libraries import Array
from ..subject import Subject
from .kernel_values import near
from .kernels import SUMS, TABLES, Case, causal_modes, doors, limited, made, places, run

SHIFTS = (1, 7, 64, 1000, 2**20)


def again(bench: Bench, label: str, case: Case, expected: str, got: Array, whole: Array) -> Measurement:
    """The same rows computed in two ways: each may use its budget once. Hidden keys must be hidden in both."""
    both = np.isneginf(got) & np.isneginf(whole)
    return near(
        bench, label, case, np.where(both, 0.0, got), np.where(both, 0.0, whole), 0.0, twice=True, expected=expected
    )


def lag(bench: Bench) -> Iterable[Measurement]:
    """Queries and keys moved alike, their contents the same."""
    for door in doors(bench.subject):
        causal = causal_modes(bench, door)[-1]
        at = places(bench, 9)
        start = made(bench, door, at, at, causal, "lag")
        if not {"positions", "query_positions", "key_positions"} & set(bench.subject.names(door)):
            continue  # it knows no positions: nothing to shift
        first = run(bench, start)
        for by in _shifts(bench, at):
            case = start.moved(by)
            got = run(bench, case)
            a, b = _without_row_constant(bench, start, first, got)
            expected = "positions of queries and keys moved alike, contents the same: the same numbers"
            yield again(bench, f"{door} shift {by}", case, expected, b, a)


def _without_row_constant(bench: Bench, case: Case, a: Array, b: Array) -> tuple[Array, Array]:
    if bench.subject.bias_up_to is None or case.door != "bias":
        return a, b
    rows = np.arange(len(case.s))
    return tuple(np.tril(x - x[:, rows, rows][:, :, None]) for x in (a, b))  # type: ignore[return-value]


def _shifts(bench: Bench, at: list[Any]) -> list[int]:
    top = max(max(p) if isinstance(p, tuple) else p for p in at)
    last = at[-1]
    room = [d for d in SHIFTS if d + top < bench.limit]
    kept = [d for d in room if isinstance(last, tuple) or limited(bench, last + d)]
    free = frozenset(bench.subject.supports) & {"offset", "arbitrary-positions"}
    return kept if free else []


def claimed(subject: Subject) -> str | None:
    """Skips an encoding that does not claim to be relative, and subjects that take no other positions."""
    said = subject.record.claims.get("lag-invariant")
    if said is False:
        return f"{subject.record.name} says itself that lag-invariant is false"
    if said is None:
        return f"{subject.record.name} does not claim lag-invariant"
    return None if frozenset(subject.supports) & {"offset", "arbitrary-positions"} else "no such door: positions"


def length(bench: Bench) -> Iterable[Measurement]:
    """A prefix: for tables always, for sums where later keys do not count."""
    for door in doors(bench.subject):
        if bench.subject.record.axes > 1 or not (door in TABLES or causal_modes(bench, door)[-1]):
            continue
        at = places(bench, 13)
        m = max(len(at) // 2, 1)
        case = made(bench, door, at, at, door in SUMS, "length")
        short = case.rows(range(m)).keys(range(m))
        whole = run(bench, case)[:, :m]
        whole = whole[..., :m] if door in TABLES else whole
        yield again(bench, f"{door} prefix", short, "rows of a prefix = rows of the whole", run(bench, short), whole)


def decode(bench: Bench) -> Iterable[Measurement]:
    """The newest queries against all keys, n_q < n_k, are the last rows of the whole."""
    for door in doors(bench.subject):
        if bench.subject.record.axes > 1:
            continue
        at = places(bench, 13)
        case = made(bench, door, at, at, causal_modes(bench, door)[-1], "decode")
        whole = run(bench, case)
        for count in sorted({1, min(4, len(at))}):
            rows = list(range(len(at) - count, len(at)))
            part = case.rows(rows)
            expected = "the newest rows alone, with all keys = the last rows of the whole"
            yield again(bench, f"{door} last {count}", part, expected, run(bench, part), whole[:, rows])


def arbitrary(bench: Bench) -> Iterable[Measurement]:
    """Positions in any order, with gaps and repeats: each number belongs to its own pair of positions."""
    for door in doors(bench.subject, TABLES):
        if bench.subject.record.axes > 1:
            continue
        at = [p for p in (9, 0, 3, 3, 500, 1, 17, 255, 2) if p < bench.limit]
        case = made(bench, door, at, at, False, "arbitrary")
        perm = [int(i) for i in bench.rng("kernel", "permutation").permutation(len(at))]
        moved = case.rows(perm).keys(perm)
        whole = run(bench, case)[:, perm][:, :, perm]
        yield again(bench, f"{door} permuted", moved, "permuted positions, permuted numbers", run(bench, moved), whole)
