"""What the encoding claims of scores and norms: shifts change nothing, norms are kept, at lag zero nothing happens."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Check, Measurement
from ..libraries import Array
from .shared import HEADLINE, claims, count, dot, judge, ruler

LAGS = (0, 1, -1, 7, -100)
START = 100
SHIFTS = (0, 1, 156, 157, 1948, 65404, 130971, 2**20 - START)


def _lag(bench: Bench) -> Iterable[Measurement]:
    """score(q at s + D, k at t + D) against score(q at s, k at t)."""
    axes = bench.subject.record.axes
    for axis in range(axes):
        yield _shifted(bench, "shift" if axes == 1 else f"shift axis {axis}", axis)


def _shifted(bench: Bench, case: str, axis: int) -> Measurement:
    start = START if bench.limit > 2 * START else 0
    lags = [lag for lag in LAGS if start + lag in range(bench.limit)]
    shifts = [d for d in SHIFTS if start + d + max(lags) < bench.limit]
    room = start + 2 * len(lags) + max(lags) + max(shifts) < bench.limit
    starts = [start + 2 * i * room for i in range(len(lags))]
    at_q = [_along(bench, axis, s + d, s) for s in starts for d in shifts]
    at_k = [_along(bench, axis, s + lag + d, s + lag) for s, lag in zip(starts, lags, strict=True) for d in shifts]
    rng = bench.rng("lag-invariant", case)
    q, k = (np.repeat(bench.draw(rng, 1, 2, len(lags), bench.dim), len(shifts), axis=2) for _ in range(2))
    q_hat, k_hat = bench.encode(q, k, at_q)[0], bench.encode(q, k, at_k)[1]
    measure = ruler(bench)
    table = (1, 2, len(lags), len(shifts))
    scores = dot(q_hat, k_hat).reshape(table)
    bound = measure.score_bound(q_hat, k_hat, at_q, at_k).reshape(table)
    size = (np.linalg.norm(q_hat, axis=-1) * np.linalg.norm(k_hat, axis=-1)).reshape(table) * measure.budget.u
    defect = np.abs(scores - scores[..., :1]).astype(np.float64)
    rms = float(np.sqrt(np.mean((defect[..., 1:] / size[..., 1:]) ** 2))) if len(shifts) > 1 else 0.0

    def where(batch: int, head: int, lag: int, shift: int) -> dict[str, Any]:
        return {"lag": lags[lag], "shift": shifts[shift], "head": head, "rms": f"{rms:.3g} u"}

    return judge(
        case, defect, bound + bound[..., :1], size, "u of |q||k|",
        expected="(A_{s+D} q)·(B_{t+D} k) = (A_s q)·(B_t k)", where=where, what="the score",
        budget=f"both scores: Σ ‖q‖‖k‖(e_q + e_k + e_q e_k) over the blocks, e = {measure.budget}",
    )  # fmt: skip


def _along(bench: Bench, axis: int, value: int, other: int) -> Any:
    axes = bench.subject.record.axes
    return value if axes == 1 else tuple(value if j == axis else other for j in range(axes))


def _unitary(bench: Bench) -> Iterable[Measurement]:
    """‖encode(x, s)‖ = g ‖x‖ at every position; coordinates that pass unchanged pass without the gain."""
    from .accuracy import places

    at = bench.at(places(bench, "isometry", count(bench, 4, 32)))
    rng = bench.rng("isometry")
    given = {side: bench.draw(rng, 1, 2, len(at), bench.dim) for side in ("q", "k")}
    measure, gain = ruler(bench), _gain(bench)
    for (side, x), y in zip(given.items(), bench.encode(given["q"], given["k"], at), strict=True):
        scaled = x * np.where(np.arange(bench.dim) < bench.oracle.covered, gain, 1.0) if gain != 1 else x
        wanted, got = np.sqrt(dot(scaled, scaled)), np.sqrt(dot(y, y))
        bound = (measure.spread(at) + len(y[0, 0, 0]) * float(np.finfo(np.longdouble).eps)) * wanted
        yield judge(
            side,
            np.abs(got - wanted).astype(np.float64),
            (bound + measure.budget.tiny * np.sqrt(y.shape[-1])).astype(np.float64),
            wanted.astype(np.float64) * measure.budget.u,
            "u of the norm",
            expected=f"‖{side}̂‖ = ‖{side}‖" if gain == 1 else f"‖{side}̂‖ = {gain:g} ‖{side}‖",
            where=lambda batch, head, row: {"position": at[row], "head": head},
            budget=f"largest over the blocks of {measure.budget}",
            what=f"‖{side}̂‖",
        )


def _gain(bench: Bench) -> float:
    claimed = bench.subject.record.claims["unitary"]
    if claimed is True:
        return 1.0
    symbols = claimed["gain"].free_symbols if hasattr(claimed["gain"], "free_symbols") else set()
    from ...spec.balls import ball

    known = {s: float(ball(bench.oracle.instance.value(s, 0)).mid()) for s in symbols}
    return float(claimed["gain"].subs(known)) if symbols else float(claimed["gain"])


def _zero(bench: Bench) -> Iterable[Measurement]:
    """The score of q and k at one and the same position is q·k."""
    at = bench.at(bench.within(HEADLINE))
    rng = bench.rng("identity-at-zero")
    q, k = (bench.draw(rng, 1, 2, len(at), bench.dim) for _ in range(2))
    q_hat, k_hat = bench.encode(q, k, at)
    measure = ruler(bench)
    for case, rows in (("position 0", slice(0, 1)), ("lag 0", slice(1, None))):
        error = np.abs(dot(q_hat, k_hat) - dot(q, k))[..., rows].astype(np.float64)
        size: Array = (np.linalg.norm(q, axis=-1) * np.linalg.norm(k, axis=-1))[..., rows]
        bound = measure.score_bound(q_hat, k_hat, at, at)[..., rows]
        yield judge(
            case, error, bound, size * measure.budget.u, "u of |q||k|", expected="(A_s q)·(B_s k) = q·k",
            where=lambda batch, head, row, rows=rows: {"position": at[rows][row], "head": head}, what="the score",
            budget=f"Σ ‖q‖‖k‖(e_q + e_k + e_q e_k) over the blocks, e = {measure.budget}",
        )  # fmt: skip


CHECKS = (
    Check(
        "lag-invariant",
        "shifting query and key together does not change their score",
        "angles or positions in a low precision, a table that ends, or different frequencies for q and k",
        _lag,
        applies=claims("lag-invariant"),
    ),
    Check(
        "isometry",
        "every encoded vector has the norm of the vector, times the claimed gain",
        "a magnitude factor, cos and sin of different angles, or a basis vector that is not normalised",
        _unitary,
        applies=claims("unitary"),
    ),
    Check(
        "identity-at-zero",
        "query and key at one position score as if they were not encoded",
        "q and k are encoded by different maps, or one of them not at all",
        _zero,
        applies=claims("identity-at-zero"),
    ),
)
