"""What a kernel's doors keep: their contract, their inputs, no memory of earlier calls."""

from collections.abc import Iterable, Iterator
from functools import partial

import numpy as np

from ..bench import Bench
from ..finding import Measurement
from ..libraries import Array
from .kernels import (
    SUMS,
    Case,
    answer,
    causal_modes,
    doors,
    made,
    native,
    places,
    run,
    shape,
)
from .shared import guarded, holds


def probe(bench: Bench, door: str, label: str, n: int = 8) -> Case:
    """A small case of a door."""
    at = places(bench, n)
    return made(bench, door, at, at, causal_modes(bench, door)[-1], label)


def history(bench: Bench) -> Iterable[Measurement]:
    """After other calls, the bits of a never-used instance."""
    for door in doors(bench.subject):
        case = probe(bench, door, "probe")
        reference = run(bench.fresh(), case)
        for label, n in (("fresh data", 8), ("longer before", 20), ("shorter before", 2)):
            used = bench.fresh()
            run(used, probe(bench, door, "other", n))
            yield _bitwise(f"{door} {label}", run(used, case), reference, "the result of a never-used instance")


def twice(bench: Bench) -> Iterable[Measurement]:
    """The same call, the same bits."""
    for door in doors(bench.subject):
        case = probe(bench, door, "twice")
        yield _bitwise(f"{door} twice", run(bench, case), run(bench, case), "the same call gives the same bits")


def _bitwise(label: str, got: Array, reference: Array, expected: str) -> Measurement:
    differ = ~((got == reference) | (np.isnan(got) & np.isnan(reference)))
    number = int(differ.sum())
    place = [int(i) for i in np.argwhere(differ)[0]] if number else []
    where = dict(zip(("head", "row", "column"), place, strict=False))
    reason = f"{number} numbers differ, bit by bit; first at {where}" if number else ""
    return Measurement(label, float(number), 0.0, "elements", expected, where, "0: the same call", reason)


def contract(bench: Bench) -> Iterable[Measurement]:
    """Shape, dtype, device, inputs left alone, finite numbers."""
    for door in doors(bench.subject):
        case = probe(bench, door, "contract", 5)
        yield from guarded(door, "an array of the right shape", partial(_kept, bench, door, case))


def _kept(bench: Bench, door: str, case: Case) -> Iterator[Measurement]:
    given = native(bench, case)
    arrays = {k: x for k, x in given.items() if bench.library.owns(x)}
    before = {k: bench.library.numpy(x) for k, x in arrays.items()}
    found = answer(bench, case, given)
    changed = sorted(k for k, x in arrays.items() if np.any(bench.library.numpy(x) != before[k]))
    yield holds(
        f"{door} inputs untouched", not changed, "inputs are as they were", f"{door} changed {', '.join(changed)}"
    )
    dtype = bench.library.dtype_name(found)
    fits = (bench.dtype,) if door in SUMS else (bench.dtype, "float32", "float64")
    yield holds(f"{door} dtype", dtype in fits, f"{bench.dtype}, or wider for scores", f"{door} returned {dtype}")
    device = bench.library.device(found)
    yield holds(f"{door} device", device == bench.device, f"on {bench.device}", f"{door} returned an array on {device}")
    values = bench.exact(found, encoded=False)
    bad = int(np.sum(np.isnan(values) | np.isposinf(values)))
    yield holds(f"{door} finite", bad == 0, "finite numbers", f"{bad} numbers of {door} are not finite")
    yield holds(f"{door} shape", True, f"shape {shape(bench, case)}", "")
