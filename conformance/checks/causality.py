"""Causality by impulse: what comes after a query, in keys, values or scores, changes nothing in its row."""

from collections.abc import Iterable

import numpy as np

from ..bench import Bench
from ..finding import Check, Measurement
from ..subject import Subject
from .modes import VALUES, call
from .shared import bilinear, judge, ruler


def _run(bench: Bench) -> Iterable[Measurement]:
    """Other keys and values from the middle on; two runs, each within the bound of its own rows."""
    from .attended import expected

    n = min(10, bench.limit)
    cut = max(n // 2, 1)
    at, rng = bench.at(list(range(n))), bench.rng("causal")
    q, k = (np.abs(bench.draw(rng, 1, 1, n, bench.dim)) for _ in range(2))
    v, more = (bench.draw(rng, 1, 1, n, VALUES) for _ in range(2))
    others = np.abs(bench.draw(rng, 1, 1, n, bench.dim))
    late = np.arange(n)[:, None] >= cut
    first = call(bench, q, k, v, at, True)[0][0, 0, :cut]
    second = call(bench, q, np.where(late, others, k), np.where(late, more, v), at, True)[0][0, 0, :cut]
    exact = expected(bench, q[0, 0], k[0, 0], v[0, 0], at, causal=True)
    yield judge(
        "impulse", np.abs(first - second), 2 * exact.bound[:cut], exact.run[:cut] * ruler(bench).budget.u,
        "u of the |x| run",
        expected="rows before the change are the same", what="a row before the change",
        where=lambda row, column: {"position": at[row], "column": column}, budget=f"2 ({exact.text})",
    )  # fmt: skip


def _applies(subject: Subject) -> str | None:
    takes = subject.attend is not None and {"causal", "carry"} & set(subject.names("attend"))
    return bilinear(subject) or (None if takes else "no such door: attend with causal or carry")


CHECK = Check(
    "causal",
    "in causal mode a row does not depend on what comes after it",
    "a mask that is off by one or comes too late, a kernel whose later lags are not zero, a sum over the whole length",
    _run,
    applies=_applies,
)
