"""The numbers of a kernel's doors against the oracle: tables near and far, sums at lengths where an FFT goes wrong."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Level, Measurement
from ..libraries import Array
from .kernels import (
    SUMS,
    TABLES,
    Case,
    allowed,
    causal_modes,
    doors,
    far_places,
    made,
    places,
    run,
    wanted,
)
from .shared import guarded, judge

UNIT = {
    "bias": "u of |b|",
    "mask": "u of |κ|",
    "adapt": "u of |A|",
    "mix": "u of the |x| run",
    "attend": "u of the |x| run",
}


FORMULA = {
    "bias": "b(h, s, t) of the definition",
    "mask": "κ(h, s, t) of the definition",
    "adapt": "A(scores, prior) of the definition",
    "mix": "W v, W_st = w(t - s)",
    "attend": "attention with the kernel of the definition",
}


def near(
    bench: Bench, label: str, case: Case, got: Array, hi: Array, lo: Array | float, *, twice: bool = False,
    expected: str = "", bounds: tuple[Array, Array, str] | None = None,
) -> Measurement:  # fmt: skip
    """Every number of a door against what it should be."""
    u, times = unit(bench), 2.0 if twice else 1.0
    bound, size, text = bounds or allowed(bench, case, hi)
    error = np.abs((got - hi) - lo)
    if case.door == "bias" and not twice:
        error, bound = _comparable(bench, case, got, hi, lo, bound)

    def where(head: int, row: int, column: int) -> dict[str, Any]:
        last = {"key_position": case.t[column]} if case.door in TABLES else {"column": column}
        return {"query_position": case.s[row], **last, "head": head}

    return judge(
        label, error, np.broadcast_to(times * bound, error.shape), np.broadcast_to(size * u, error.shape),
        UNIT[case.door],
        expected=expected or FORMULA[case.door], where=where, budget=("2 × " if twice else "") + text,
        what="the output" if case.door in SUMS else f"the {case.door}",
    )  # fmt: skip


def unit(bench: Bench) -> float:
    """u of the dtype of the run."""
    from ..budget import U

    return U[bench.dtype]


def _comparable(bench: Bench, case: Case, got: Array, hi: Array, lo: Any, bound: Array) -> tuple[Array, Array]:
    """Keys that the subject hides with -inf are not compared; up to a constant of the row, differences are."""
    s, t = (np.asarray(x, dtype=np.float64).reshape(len(x), -1)[:, 0] for x in (case.s, case.t))
    later = (t[None, :] > s[:, None]) if bench.kernels.one_sided() else np.zeros((len(s), len(t)), dtype=bool)
    if bench.subject.bias_up_to is None:
        hidden = later[None] & np.isneginf(got)
        return np.where(hidden, 0.0, np.abs((np.where(hidden, hi, got) - hi) - lo)), bound
    seen = np.where(later, -np.inf, t[None, :])
    at = np.argmax(seen, axis=1)  # the newest key of each row
    rows = np.arange(len(s))
    moved = [x - x[:, rows, at][:, :, None] for x in (got, hi, np.broadcast_to(lo, hi.shape))]
    wide = bound + bound[:, rows, at][:, :, None]
    wide = wide + unit(bench) * (np.abs(got) + np.abs(got[:, rows, at])[:, :, None])
    error = np.abs((moved[0] - moved[1]) - moved[2])
    return np.where(later[None] | np.isinf(seen)[None], 0.0, error), wide


def values(bench: Bench) -> Iterable[Measurement]:
    """Tables at near and far positions, W v at several lengths."""
    for door in doors(bench.subject, (*TABLES, "mix")):
        for label, case in _cases(bench, door):
            yield from guarded(label, FORMULA[door], partial(_compared, bench, label, case, ends(case)))


def _compared(bench: Bench, label: str, case: Case, chosen: list[int] | None = None) -> Iterator[Measurement]:
    got = run(bench, case)
    if chosen is None:
        yield near(bench, label, case, got, *wanted(bench, case))
        return
    bound, size, text = allowed(bench, case, got)  # of the whole: what a row sees goes by its place in it
    part = case.rows(chosen)
    hi, lo = _wanted_rows(bench, case, part, chosen)
    bounds = (bound[:, chosen], np.broadcast_to(size, bound.shape)[:, chosen], text)
    yield near(bench, label, part, got[:, chosen], hi, lo, bounds=bounds)


def _wanted_rows(bench: Bench, full: Case, case: Case, chosen: list[int]) -> tuple[Array, Array]:
    from ...spec.oracle import split
    from .kernel_sums import options

    if case.door == "mix":
        return wanted(bench, case)
    q, k, v = (full.data[name][0].tolist() for name in "qkv")
    balls = bench.kernels.attend(q, k, v, full.s, full.t, causal=full.causal, rows=chosen, **options(bench))
    parts = np.array([[[split(x)[:2] for x in row] for row in one] for one in balls])
    return parts[..., 0], parts[..., 1]


def _cases(bench: Bench, door: str) -> Iterator[tuple[str, Case]]:
    if door in TABLES:
        s, t = far_places(bench)
        yield door, made(bench, door, s, t)
        return
    for causal in causal_modes(bench, door):
        for n in _sizes(bench):
            at = places(bench, n)
            yield f"{door}{' causal' * causal}, {len(at)} keys", made(bench, door, at, at, causal)


def _sizes(bench: Bench) -> list[int]:
    """Lengths: the smallest, odd ones and, where sums may go through an FFT, ones whose ends a wrong length mixes."""
    found = [1, 2, 13]
    if bench.subject.record.kind in ("mask", "output"):
        found += [40] if bench.level is Level.SMOKE else [40, 257]
    return [n for i, n in enumerate(found) if i == 0 or n <= _longest(bench)]


def _longest(bench: Bench) -> int:
    return int(bench.limit**bench.subject.record.axes)


def ends(case: Case) -> list[int] | None:
    """The rows of a long case that are compared: both ends, where a wrong FFT length shows, and the middle."""
    n = len(case.s)
    return sorted({0, 1, n // 2, n - 2, n - 1}) if case.door in SUMS and n > 13 else None


def attend(bench: Bench) -> Iterable[Measurement]:
    """Attention outputs at several lengths, in every mode."""
    for label, case in _cases(bench, "attend"):
        yield from guarded(label, FORMULA["attend"], partial(_compared, bench, label, case, ends(case)))
