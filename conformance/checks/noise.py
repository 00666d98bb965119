"""The noise itself: it follows its law, it is independent of content, batch and length, and it stays."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..bench import Bench
from ..budget import U
from ..finding import Check, Measurement
from ..libraries import Array
from ..tail_bounds import hoeffding, massart, products
from .given_noise import steps
from .shared import judge
from .stochastic import judged
from .trials import (
    CHECKS_SHARING,
    TRIALS,
    features,
    first_dtype,
    heads_of,
    is_code,
    places,
    reads,
    redrawn,
    stochastic,
    trial,
)

GRID = 200_001


def _law(bench: Bench) -> Iterator[Measurement]:
    if not first_dtype(bench):
        return
    names = ("noise", "gate_noise") if is_code(bench) else ("frequencies",)
    drawn = [trial(bench, number).numbers for number in range(TRIALS[bench.level] // 2 * 2)]
    arrays = {name: np.array([d[name] for d in drawn], dtype=np.float64) for name in names if name in drawn[0]}
    cuts = 8 * CHECKS_SHARING
    for name, values in arrays.items():
        yield _distribution(bench, name, values, cuts)
        yield _uncorrelated(f"{name}, draws", values[0::2], values[1::2], cuts)
        flat = np.moveaxis(values, 1, -1).reshape(-1)  # heads last: neighbours differ in the head alone
        yield _uncorrelated(f"{name}, heads", flat[0 : flat.size // 2 * 2 : 2], flat[1::2], cuts)
        along = values.reshape(-1)
        yield _uncorrelated(f"{name}, neighbours", along[0 : along.size // 2 * 2 : 2], along[1::2], cuts)
    if len(arrays) == 2:
        codes, gates = (a.reshape(len(drawn), -1) for a in arrays.values())
        m = min(codes.shape[1], gates.shape[1])
        yield _uncorrelated("noise against gate noise", codes[:, :m], gates[:, :m], cuts)


def _distribution(bench: Bench, name: str, values: Array, cuts: int) -> Measurement:
    """sup |F_n − F| over all entries; for frequencies of a radial law, of |ξ|."""
    law = bench.subject.record.law if not is_code(bench) else None
    points = values.reshape(-1) if law is None else _radius(bench, values)
    cumulative = _normal(points) if law is None else _cumulative(bench, points)
    order = np.sort(cumulative)
    steps = np.arange(1, order.size + 1) / order.size
    gap = float(max(np.max(steps - order), np.max(order - steps + 1 / order.size)))
    expected = "noise is standard normal" if law is None else f"frequencies have the density {law}"[:160]
    return judged(f"{name}, distribution", "", expected, [(gap, massart(order.size, cuts), {"entries": order.size})])


def _normal(x: Array) -> Array:
    from math import erf

    found: Array = 0.5 * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2)))
    return found


def _radius(bench: Bench, values: Array) -> Array:
    """Coordinates one by one, or, for the radial Student law of several axes, |ξ|."""
    found: Array = np.linalg.norm(values, axis=-1).reshape(-1) if _radial(bench) else values.reshape(-1)
    return found


def _radial(bench: Bench) -> bool:
    record = bench.subject.record
    return record.axes > 1 and not _gaussian(record.law)


def _gaussian(law: Any) -> bool:
    import sympy as sp

    return bool(law.has(sp.exp))


def _cumulative(bench: Bench, points: Array) -> Array:
    """The distribution function of one coordinate, or of |ξ|, by the trapezoidal rule over ξ = tan u: to about 1e-7."""
    import sympy as sp

    from ...spec.flt_record import frequencies
    from ...spec.random_oracle import FrequencyOracle
    from .trials import oracle

    record, own = bench.subject.record, oracle(bench, 0)
    assert isinstance(own, FrequencyOracle)
    first, *rest = frequencies(record.axes)
    exact = {s: sp.Rational(int(v.p), int(v.q)) for s, v in own.values.items()}
    density = sp.lambdify(first, record.law.subs(dict.fromkeys(rest, 0)).subs(exact), "numpy")
    u = np.linspace(-np.pi / 2, np.pi / 2, GRID)[1:-1]
    u = u + (u[1] - u[0]) / 3  # not at 0, where sin(x)/x has no value
    xi = np.tan(u)
    shell = np.abs(xi) ** (record.axes - 1) * (xi > 0) if _radial(bench) else 1.0
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        mass = np.nan_to_num(density(xi) * shell / np.cos(u) ** 2 * np.ones_like(xi))
    total = np.concatenate([[0.0], np.cumsum((mass[1:] + mass[:-1]) / 2)])
    found: Array = np.interp(np.arctan(points), u, total / total[-1])
    return found


def _uncorrelated(case: str, one: Array, two: Array, cuts: int) -> Measurement:
    """Means of products of disjoint pairs; of their signs where the noise is not normal."""
    m = min(one.size, two.size)
    x, y = one.reshape(-1)[:m], two.reshape(-1)[:m]
    if case.startswith("frequencies"):
        mean, band = float(np.mean(np.sign(x) * np.sign(y))), hoeffding(m, 1.0, cuts)
    else:
        mean, band = float(np.mean(x * y)), products(m, 0.0, cuts)
    return judged(case, "", "noise of different addresses is uncorrelated", [(abs(mean), band, {"pairs": m})])


def _frozen(bench: Bench) -> Iterable[Measurement]:
    """One state: called again, row by row, alone, and beside other content, a row keeps its features."""
    rng, heads = bench.rng("frozen"), heads_of(bench)
    at = places(bench, (0, 1, 2, 3, 4, 9))
    q, k, other, more = (bench.draw(rng, 2, heads, len(at), bench.dim) for _ in range(4))
    full = features(bench, q, k, at, at)
    yield _same(bench, "called again", features(bench, q, k, at, at), full, at)
    rows = range(len(at))
    single = [features(bench, q[:, :, i : i + 1], k[:, :, i : i + 1], at[i : i + 1], at[i : i + 1]) for i in rows]
    yield _same(bench, "token by token", _joined(single, 2), full, at)
    if "arbitrary-positions" in bench.subject.supports:
        order = rng.permutation(len(at))
        there = [at[int(i)] for i in order]
        moved = features(bench, q[:, :, order], k[:, :, order], there, there)
        yield _same(bench, "permuted", moved, [x[:, :, order] for x in full], there)
    alone = [features(bench, q[b : b + 1], k[b : b + 1], at, at) for b in range(2)]
    yield _same(bench, "batch alone", _joined(alone, 0), full, at)
    mixed = [np.concatenate(pair) for pair in ((q[:1], other[1:]), (k[:1], more[1:]))]
    first = [x[:1] for x in features(bench, mixed[0], mixed[1], at, at)]
    yield _same(bench, "beside other content", first, [x[:1] for x in full], at)
    twice = features(bench, 2 * q, 4 * k, at, at)
    if is_code(bench):
        yield _same(bench, "content scaled", [x / s for x, s in zip(twice, (2, 4), strict=True)], full, at)


def _joined(parts: list[tuple[Array, Array]], axis: int) -> list[Array]:
    return [np.concatenate([part[side] for part in parts], axis=axis) for side in range(2)]


def _same(bench: Bench, case: str, got: Any, wanted: Any, at: list[Any]) -> Measurement:
    a, b = np.stack(got), np.stack(wanted)
    u = U[bench.dtype]
    # the |x| run of a feature is at most the 1-norm of a row, with noise below 8, over the root of the features
    size = np.max(np.abs(b), axis=(-3, -2, -1), keepdims=True) * np.ones_like(b)
    return judge(
        case, np.abs(a - b), 2 * steps(bench) * u * size, size * u, "u of the largest feature",
        expected="the features of a row depend on its content, its position and the noise of this state",
        where=lambda side, batch, head, row, r: {"side": "qk"[side], "batch": batch, "head": head, "position": at[row]},
        budget="each order of summation may round every term once", what="a feature",
    )  # fmt: skip


CHECKS = (
    Check(
        "noise-follows-its-law",
        "noise that was read has the stated distribution and is uncorrelated over draws, heads, neighbours and gates",
        "another variance or density, one key for two draws, or a seed that does not reach the noise",
        _law,
        applies=lambda subject: reads(subject) or redrawn(subject),
    ),
    Check(
        "noise-frozen",
        "within one state the noise stays: for every call, chunk, batch and content",
        "noise is drawn again at every call, or seeded by the content, the batch or the length",
        _frozen,
        applies=stochastic,
    ),
)
