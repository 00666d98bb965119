"""Why a subject is off: the usual mistakes are tried one after another until one agrees with what was observed."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ...spec.encoding import EncodingError
from ...spec.layout import LAYOUTS, order
from ..bench import Bench
from ..libraries import Array
from .shared import ruler

BASES = (10000.0, 500000.0, 1000000.0, 100000.0, 100.0, 1000.0)
ROWS = 6
AGREES = 2.0**-6  # of the norm: an alternative this close, and far closer than the definition, is named


def likely_cause(bench: Bench, side: str, vectors: Array, found: Array, at: list[Any]) -> str:
    """The first alternative that explains what `encode` returned, or an empty string."""
    rows = np.unique(np.linspace(0, len(at) - 1, ROWS).astype(int))
    x, y, where = vectors[0, 0][rows], found[0, 0][rows], [at[int(i)] for i in rows]
    if not np.all(np.isfinite(y)):
        return "the result is not finite: overflow, or memory that nothing was written to"
    own = _distance(_oracle(bench, side, x, where), y)
    best: tuple[float, str] = (min(own / 4, AGREES), "")
    for say, candidate in _alternatives(bench, side, x, where):
        try:
            distance = _distance(candidate(), y)
        except (EncodingError, ValueError):
            continue
        if distance < best[0]:
            best = (distance, say)
    return f"agrees to {best[0]:.2g} if {best[1]}" if best[1] else ""


def _distance(expected: Array, found: Array) -> float:
    size = np.linalg.norm(expected, axis=-1)
    return float(np.max(np.linalg.norm(expected - found, axis=-1) / np.where(size > 0, size, 1.0)))


def _oracle(bench: Bench, side: str, x: Array, at: list[Any], **changed: Any) -> Array:
    from ...spec.oracle import Oracle

    oracle = Oracle(bench.subject.record, {**bench.numbers, **changed}, bits=64) if changed else bench.oracle
    return np.array([[float(b.mid()) for b in row] for row in getattr(oracle, side)(x.tolist(), at)])


def _alternatives(bench: Bench, side: str, x: Array, at: list[Any]) -> Iterator[tuple[str, Callable[[], Array]]]:
    def shifted(change: Callable[[Any], Any]) -> Callable[[], Array]:
        moved = [tuple(map(change, p)) if isinstance(p, tuple) else change(p) for p in at]
        return lambda: _oracle(bench, side, x, moved)

    yield "the vectors are not encoded at all", lambda: _plain(bench, x)
    yield "the angles have the opposite sign", shifted(lambda p: -p)
    yield "positions start at 1", shifted(lambda p: p + 1)
    yield "positions are one too small", shifted(lambda p: p - 1)
    yield "the position is ignored (0 everywhere)", shifted(lambda p: 0)
    yield "positions are the row numbers, whatever is given", lambda: _oracle(bench, side, x, list(range(len(x))))
    yield "positions are halved", shifted(lambda p: p / 2)
    yield "positions are rounded to bfloat16", shifted(lambda p: _rounded(p, 8))
    yield "positions are rounded to float16", shifted(lambda p: _rounded(p, 11))
    for size in (2**i for i in range(6, 18)):
        yield f"positions are taken modulo {size}", shifted(partial(_modulo, size))
        yield f"positions stop at {size - 1}", shifted(partial(min, size - 1))
    yield from _layouts(bench, side, x, at)
    yield from _frequencies(bench, side, x, at)


def _modulo(size: int, p: Any) -> Any:
    return p % size


def _plain(bench: Bench, x: Array) -> Array:
    wide = np.zeros((len(x), bench.oracle.width))
    wide[:, : x.shape[1]] = x
    return wide


def _rounded(p: Any, bits: int) -> Any:
    unit = 2 ** max(int(p).bit_length() - bits, 0)
    return round(p / unit) * unit


def _layouts(bench: Bench, side: str, x: Array, at: list[Any]) -> Iterator[tuple[str, Callable[[], Array]]]:
    instance = bench.oracle.instance
    if bench.subject.record.block != 2 or bench.oracle.complex or instance.covered < 4:
        return
    read, written = bench.reading, bench.writing
    for reads in LAYOUTS:
        for writes in LAYOUTS:
            if (reads, writes) == (bench.subject.layout, bench.subject.writes or bench.subject.layout):
                continue
            sections = bench.subject.record.sections
            a, b = (np.array(order(w, instance.covered, bench.dim, sections)) for w in (reads, writes))

            def candidate(a: Array = a, b: Array = b) -> Array:
                placed = np.empty_like(x)
                placed[:, read] = x
                out = np.empty_like(x)
                out[:, b] = _oracle(bench, side, placed[:, a], at)
                return out[:, written]

            yield f"pairs are {reads}" + (f" and written as {writes}" if writes != reads else ""), candidate


def _frequencies(bench: Bench, side: str, x: Array, at: list[Any]) -> Iterator[tuple[str, Callable[[], Array]]]:
    names = {s.name for s in bench.subject.record.parameters}
    if "base" in names and "theta" not in bench.numbers:
        for base in BASES:
            yield f"base is {base:g}", partial(_oracle, bench, side, x, at, base=base)
    if "rotary_dim" in names:
        for part in {bench.dim // 2, bench.dim // 4, bench.dim} - {0}:
            yield f"rotary_dim is {part}", partial(_oracle, bench, side, x, at, rotary_dim=part)
    if "theta" in names:
        theta = ruler(bench).turning[0].tolist()
        yield "the frequencies are in reverse order", lambda: _oracle(bench, side, x, at, theta=theta[::-1])
