"""The contract of `encode`: shape, dtype, device, inputs left alone, strides, single and empty arrays."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Check, Measurement
from .rows import same
from .shared import encodes, guarded, holds, promised

SIDES = ("q̂", "k̂")
SAME = "the same values, up to twice the budget"


def _run(bench: Bench) -> Iterable[Measurement]:
    cases: dict[str, tuple[str, Callable[[Bench], Iterator[Measurement]]]] = {
        "shape": ("the output has the shape of the input (twice the width when stacked)", _shape),
        "dtype": (f"the output is {bench.dtype}", _dtype),
        "device": (f"the output is on {bench.device}", _device),
        "inputs untouched": ("q, k and positions are as they were", _untouched),
        "finite": ("finite input gives finite output", _finite),
        "not contiguous": ("memory layout does not matter", _strides),
        "length 1": ("one row is encoded like the same row among others", _single),
        "empty": ("no rows give no rows", _empty),
    }
    for case, (expected, run) in cases.items():
        yield from guarded(case, expected, lambda run=run: run(bench))  # type: ignore[misc]


def _native(bench: Bench, case: str, n: int, heads: int = 2, kv_heads: int = 2) -> tuple[Any, Any, list[Any]]:
    rng = bench.rng("contract", case)
    q, k = bench.draw(rng, 2, heads, n, bench.dim), bench.draw(rng, 2, kv_heads, n, bench.dim)
    return bench.native(q), bench.native(k), bench.at(list(range(n)))


def _shape(bench: Bench) -> Iterator[Measurement]:
    q, k, at = _native(bench, "shape", 5, heads=3, kv_heads=3)
    wanted = (*q.shape[:-1], len(bench.writing))
    got = [tuple(x.shape) for x in bench.encode_native(q, k, at)]
    reason = f"encode returned shapes {got[0]} and {got[1]}, wanted {wanted}"
    yield holds("shape", all(g == wanted for g in got), f"shape {wanted}", reason)


def _dtype(bench: Bench) -> Iterator[Measurement]:
    got = [bench.library.dtype_name(x) for x in bench.encode_native(*_native(bench, "dtype", 3))]
    reason = f"encode was given {bench.dtype} and returned {got[0]} and {got[1]}"
    yield holds("dtype", got == [bench.dtype] * 2, f"dtype {bench.dtype}", reason)


def _device(bench: Bench) -> Iterator[Measurement]:
    got = [bench.library.device(x) for x in bench.encode_native(*_native(bench, "device", 3))]
    reason = f"encode was given arrays on {bench.device} and returned arrays on {got[0]} and {got[1]}"
    yield holds("device", got == [bench.device] * 2, f"on {bench.device}", reason)


def _untouched(bench: Bench) -> Iterator[Measurement]:
    expected = "positions are as they were, and q and k too unless in-place is in supports"
    q, k, at = _native(bench, "untouched", 4)
    places = bench.positions(at)
    kept = {"positions": places} if "in-place" in bench.subject.supports else {"q": q, "k": k, "positions": places}
    before = {name: bench.library.numpy(x) for name, x in kept.items()}
    given = {"positions": places, "query_positions": places, "key_positions": places, "length": len(at)}
    bench.call("encode", q=q, k=k, **given)
    changed = {name: int(np.sum(bench.library.numpy(x) != before[name])) for name, x in kept.items()}
    reason = "encode changed " + " and ".join(f"{n} elements of {name}" for name, n in changed.items() if n)
    yield holds("inputs untouched", not any(changed.values()), expected, reason)


def _finite(bench: Bench) -> Iterator[Measurement]:
    rng = bench.rng("contract", "finite")
    at = bench.at(bench.within([0, 1, 2, 300]))
    q, k = (bench.draw(rng, 1, 2, len(at), bench.dim) for _ in SIDES)
    bad = [int(np.sum(~np.isfinite(found))) for found in bench.encode(q, k, at)]
    reason = f"{bad[0]} elements of q̂ and {bad[1]} of k̂ are not finite"
    yield holds("finite", bad == [0, 0], "every element is finite", reason)


def _strides(bench: Bench) -> Iterator[Measurement]:
    q, k, at = _native(bench, "strides", 4)
    strided_q, strided_k = bench.library.strided(q), bench.library.strided(k)
    wanted = [bench.exact(x) for x in bench.encode_native(bench.library.clone(q), bench.library.clone(k), at)]
    got = [bench.exact(x) for x in bench.encode_native(strided_q, strided_k, at)]
    yield from same(bench, "not contiguous", got, wanted, at, SAME)


def _single(bench: Bench) -> Iterator[Measurement]:
    q, k, at = _native(bench, "single", 4)
    axis = 1 if bench.subject.axes == "blhd" else 2
    first_q, first_k = (bench.library.rows(x, axis, [0]) for x in (q, k))
    wanted = [bench.exact(x)[..., :1, :] for x in bench.encode_native(q, k, at)]
    got = [bench.exact(x) for x in bench.encode_native(first_q, first_k, at[:1])]
    for side, x in zip(SIDES, got, strict=True):
        if x.shape != wanted[0].shape:
            raise AnswerError(f"encode returned {side} of shape {x.shape} for one row, wanted {wanted[0].shape}")
    yield from same(bench, "length 1", got, wanted, at[:1], SAME)


def _empty(bench: Bench) -> Iterator[Measurement]:
    q, k, _ = _native(bench, "empty", 0)
    wanted = (*q.shape[:-1], len(bench.writing))
    at: Any = np.zeros((0, bench.subject.record.axes) if bench.subject.record.axes > 1 else 0, dtype=np.int64)
    got = [tuple(x.shape) for x in bench.encode_native(q, k, at)]
    yield holds("empty", got == [wanted] * 2, f"shape {wanted}", f"encode returned shapes {got[0]} and {got[1]}")


def _grouped(bench: Bench) -> Iterable[Measurement]:
    rng = bench.rng("grouped-heads")
    at = bench.at([0, 1, 2, 3])
    q, k = bench.draw(rng, 2, 4, 4, bench.dim), bench.draw(rng, 2, 2, 4, bench.dim)
    _, got = bench.encode(q, k, at)
    _, wanted = bench.fresh().encode(q[:, :2], k, at)
    yield from same(bench, "fewer key heads", [got], [wanted], at, SAME, "k")
    _, one = bench.fresh().encode(q, k[:, :1], at)
    yield from same(bench, "one key head", [one], [got[:, :1]], at, SAME, "k")


CHECKS = (
    Check(
        "contract",
        "encode keeps shape, dtype and device, leaves its inputs alone, and takes strided, single and empty arrays",
        "an implicit cast or broadcast, an in-place write, or a reshape that assumes contiguous memory",
        _run,
        applies=encodes,
    ),
    Check(
        "grouped-heads",
        "keys with fewer heads than queries are encoded like keys alone",
        "the key is reshaped or broadcast with the query's number of heads",
        _grouped,
        applies=promised("grouped-heads"),
    ),
)
