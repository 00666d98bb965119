"""A result depends on what is given now: not on earlier calls, other instances, other dtypes or an exception between.

A never-used instance on the same data is what everything is compared with, bit by bit.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Check, Measurement, Outcome
from ..libraries import Array
from .rows import direct
from .shared import definition, encodes, guarded, judge, ruler

ROWS = 12


def _data(bench: Bench, label: str, n: int = ROWS) -> tuple[Array, Array, list[Any]]:
    rng = bench.rng("history", label)
    n = min(n, bench.limit)
    at = bench.at(list(range(n)))
    return bench.draw(rng, 1, 2, n, bench.dim), bench.draw(rng, 1, 2, n, bench.dim), at


def _bitwise(case: str, got: tuple[Array, Array], wanted: tuple[Array, Array], expected: str) -> Measurement:
    differ = [~((a == b) | (np.isnan(a) & np.isnan(b))) for a, b in zip(got, wanted, strict=True)]
    number = sum(int(d.sum()) for d in differ)
    if not number:
        return Measurement(case, 0.0, 0.0, "elements", expected)
    side = 0 if differ[0].any() else 1
    place = [int(i) for i in np.argwhere(differ[side])[0]]
    where = {"side": "qk"[side], "row": place[2], "coordinate": place[3]}
    a, b = float(got[side][tuple(place)]), float(wanted[side][tuple(place)])
    first = f"first {'qk'[side]}̂ row {place[2]}, coordinate {place[3]}: {a:.9g} instead of {b:.9g}"
    reason = f"{number} elements differ from those of a never-used instance; {first}"
    return Measurement(case, float(number), 0.0, "elements", expected, where, "0: the same call, bit by bit", reason)


def _run(bench: Bench) -> Iterable[Measurement]:
    q, k, at = _data(bench, "probe")
    reference = direct(bench.fresh(), q, k, at)
    cases: dict[str, Callable[[], Iterator[Measurement]]] = {
        "fresh data": lambda: _after(bench, "fresh data", lambda b: bench_call(b, "other")),
        "longer before": lambda: _after(bench, "longer before", lambda b: bench_call(b, "longer", 5 * ROWS)),
        "shorter before": lambda: _after(bench, "shorter before", lambda b: bench_call(b, "shorter", 3)),
        "exception before": lambda: _after(bench, "exception before", _fails),
        "earlier results stay": lambda: _stays(bench),
        "positions overwritten": lambda: _overwritten(bench),
        "another dtype": lambda: _dtypes(bench),
        "another instance": lambda: _instances(bench),
    }
    for case, run in cases.items():
        yield from guarded(case, "the result of a never-used instance", run)
    again = direct(bench.fresh(), q, k, at)
    yield _bitwise("a new instance after all that", again, reference, "a new instance computes what the first one did")


def bench_call(bench: Bench, label: str, n: int = ROWS) -> None:
    """A call whose result is overwritten afterwards."""
    q, k, at = _data(bench, label, n)
    for array in (found := bench.encode_native(bench.native(q), bench.native(k), at)):
        bench.library.poison(array)
    del found


def _after(bench: Bench, case: str, before: Callable[[Bench], None]) -> Iterator[Measurement]:
    q, k, at = _data(bench, case)
    wanted = direct(bench.fresh(), q, k, at)
    used = bench.fresh()
    before(used)
    yield _bitwise(case, direct(used, q, k, at), wanted, "the result of a never-used instance")


def _fails(bench: Bench) -> None:
    rng = bench.rng("history", "exception")
    bad = bench.library.array(rng.standard_normal((1, 2, 4, bench.dim + 1)), bench.dtype, bench.device)
    try:
        bench.encode_native(bad, bad, bench.at(list(range(3))))
    except AnswerError:
        return


def _stays(bench: Bench) -> Iterator[Measurement]:
    q, k, at = _data(bench, "first")
    used = bench.fresh()
    kept = used.encode_native(used.native(q), used.native(k), at)
    before = (used.exact(kept[0]), used.exact(kept[1]))
    direct(used, *_data(bench, "second"))
    after = (used.exact(kept[0]), used.exact(kept[1]))
    yield _bitwise("earlier results stay", after, before, "an array that was given out is not written to again")


def _overwritten(bench: Bench) -> Iterator[Measurement]:
    """The caller's position array is filled anew, in place: a cache that knows it by its address is stale."""
    q, k, at = _data(bench, "overwritten")
    later = bench.at([p + 1 for p in range(len(at))])
    if not bench.library.in_place or not frozenset(bench.subject.supports) & {"offset", "arbitrary-positions"}:
        return
    if len(at) >= bench.limit:
        return
    wanted = direct(bench.fresh(), q, k, later)
    used, places = bench.fresh(), bench.positions(at)

    def call() -> tuple[Any, Any]:
        given = {"positions": places, "query_positions": places, "key_positions": places, "length": len(at)}
        found: tuple[Any, Any] = used.call("encode", q=used.native(q), k=used.native(k), **given)
        return found

    call()
    places[...] = bench.positions(later)
    found = call()
    yield _bitwise(
        "positions overwritten", (used.exact(found[0]), used.exact(found[1])), wanted, "the positions given now count"
    )


def _dtypes(bench: Bench) -> Iterator[Measurement]:
    q, k, at = _data(bench, "dtypes")
    wanted = direct(bench.fresh(), q, k, at)
    used = bench.fresh()
    known = list(bench.subject.dtypes)
    if len(known) > 1:
        dtype = known[(known.index(bench.dtype) + 1) % len(known)] if bench.dtype in known else known[0]
        other = bench.fresh(dtype)
        yield from _attributable(bench, list(_near(other, f"{dtype} between", *_data(other, f"in {dtype}"))))
    yield _bitwise("another dtype", direct(used, q, k, at), wanted, "the result of a never-used instance")


def _instances(bench: Bench) -> Iterator[Measurement]:
    changed = _changed(bench)
    q, k, at = _data(bench, "instances")
    used = bench.fresh()
    wanted = direct(used, q, k, at)
    if changed is None:
        return
    yield from _attributable(bench, list(_near(changed, "other parameters", *_data(changed, "changed"))))
    yield _bitwise("another instance", direct(used, q, k, at), wanted, "the result before the other instance was there")


def _changed(bench: Bench) -> Bench | None:
    """The same subject with another base, where the subject takes its parameters from us."""
    subject = bench.subject
    takes = any("parameters" in subject.names(door) for door in ("build", "encode") if getattr(subject, door))
    names = {s.name for s in subject.record.parameters}
    if not takes or "base" not in names or "theta" in subject.parameters or "base" not in subject.parameters:
        return None
    parameters = {**subject.parameters, "base": 4.0 * float(subject.parameters["base"])}
    return Bench(replace(subject, parameters=parameters), bench.dtype, bench.device, bench.level, bench.seed)


def _near(bench: Bench, case: str, q: Array, k: Array, at: list[Any]) -> Iterator[Measurement]:
    """An instance in between must itself be right: the oracle says so for a few rows."""
    if bench.subject.up_to:
        return
    rows = [r for r in (1, 11) if r < len(at)]
    some = [at[r] for r in rows]
    for side, x, y in zip(("query", "key"), (q, k), direct(bench, q, k, at), strict=True):
        yield _close(bench, case, side, x[:, :, rows], y[:, :, rows], some)


def _close(bench: Bench, case: str, side: str, x: Array, y: Array, at: list[Any]) -> Measurement:
    measure = ruler(bench)
    hi, lo = definition(bench, side, x, at)
    norms = measure.norms(hi)
    return judge(
        f"{case} {side}",
        np.abs((y - hi) - lo),
        measure.relative(at) * norms + measure.budget.tiny,
        norms * measure.budget.u,
        measure.unit,
        expected="an instance made after another one follows its own parameters and dtype",
        where=lambda batch, head, row, c: {"position": at[row], "head": head, "coordinate": c},
        budget=str(measure.budget),
        what=f"the {side} of the second instance",
    )


def _attributable(bench: Bench, rows: list[Measurement]) -> list[Measurement]:
    """The rows of a second instance; none when they fail and a first, unused instance is wrong as well."""
    if all(m.verdict is Outcome.PASSED for m in rows):
        return rows
    used = bench.fresh()
    first = _near(used, "first", *_data(used, "first instance"))
    return rows if all(m.verdict is Outcome.PASSED for m in first) else []


def _twice(bench: Bench) -> Iterable[Measurement]:
    q, k, at = _data(bench, "twice")
    yield _bitwise("twice", direct(bench, q, k, at), direct(bench, q, k, at), "the same call gives the same bits")


CHECKS = (
    Check(
        "history-independent",
        "a used instance computes, bit by bit, what a never-used one does",
        "a cache shared between instances, keyed by too little or given out; or a build that ignores its parameters",
        _run,
        applies=encodes,
    ),
    Check(
        "deterministic",
        "the same call gives the same bits",
        "memory that nothing was written to, or random numbers where none belong",
        _twice,
        applies=encodes,
    ),
)
