"""The kernel W_τ = A_s^H B_{s+τ}, read off unit vectors: W_a W_b = W_{a+b}, and W_{-a} = W_a^H for an isometry."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..bench import Bench
from ..finding import Check, Measurement
from ..libraries import Array
from ..subject import Subject
from .shared import claims, count, judge, ruler, summed

STEPS = ((3, 61), (1, 2), (100, 155))


def kernels(bench: Bench, pairs: list[tuple[Any, Any]]) -> tuple[list[Array], list[Array]]:
    """(W, D) for each (s, t): the measured A_s^H B_t, (dim, dim), complex where the encoding is; D bounds its error."""
    measure, dim = ruler(bench), bench.dim
    unit = np.eye(dim)[:, None, None, :]
    at_q, at_k = [s for s, _ in pairs], [t for _, t in pairs]
    units = np.broadcast_to(unit, (dim, 1, len(pairs), dim)).copy()
    A, B = bench.encode(units, units, at_q)[0][:, 0], bench.encode(units, units, at_k)[1][:, 0]
    e_q, e_k = (_errors(bench, at) for at in (at_q, at_k))
    found, bounds = [], []
    for i in range(len(pairs)):
        left, right = (_complex(bench, X[:, i]) for X in (A, B))
        norms = np.linalg.norm(A[:, i], axis=-1)[:, None] * np.linalg.norm(B[:, i], axis=-1)[None, :]
        each = e_q[i][:, None] + e_k[i][None, :] + e_q[i][:, None] * e_k[i][None, :]
        found.append(left.conj() @ right.T)
        bounds.append((each + summed(A.shape[-1])) * norms + 2 * measure.budget.tiny)
    return found, bounds


def _errors(bench: Bench, at: list[Any]) -> Array:
    measure = ruler(bench)
    if bench.subject.record.basis == "identity":
        return measure.relative(at, "vector")[:, : bench.dim]
    return np.repeat(measure.spread(at)[:, None], bench.dim, axis=1)


def _complex(bench: Bench, rows: Array) -> Array:
    wide = rows.astype(np.longdouble)
    if not bench.oracle.complex:
        return wide
    half = rows.shape[-1] // 2
    return wide[:, :half] + 1j * wide[:, half:]


def _law(bench: Bench) -> Iterable[Measurement]:
    steps = [(a, b) for a, b in STEPS if 2 * (a + b) + 6 < bench.limit]
    for a, b in steps[: count(bench, 1, 3)]:
        places = [(5, 5 + a), (0, b), (0, a + b)]
        (Wa, Wb, Wab), (Da, Db, Dab) = kernels(bench, [(_place(bench, s), _place(bench, t)) for s, t in places])
        error = np.abs(Wa @ Wb - Wab).astype(np.float64)
        own = summed(bench.dim) * (np.abs(Wa) @ np.abs(Wb))
        bound = (Da @ np.abs(Wb) + np.abs(Wa) @ Db + Da @ Db + Dab + own).astype(np.float64)
        yield _row(bench, f"{a} + {b}", error, bound, f"W_{a} W_{b} = W_{a + b}")


def _place(bench: Bench, p: int) -> Any:
    axes = bench.subject.record.axes
    return p if axes == 1 else (p,) * axes


def _adjoint(bench: Bench) -> Iterable[Measurement]:
    for a in [lag for lag in (7, 1, 200) if 2 * lag + 4 < bench.limit][: count(bench, 1, 3)]:
        places = [(0, a), (a + 3, 3)]
        (W, back), (D, E) = kernels(bench, [(_place(bench, s), _place(bench, t)) for s, t in places])
        error = np.abs(back - W.conj().T).astype(np.float64)
        yield _row(bench, f"lag {a}", error, (D.T + E).astype(np.float64), f"W_-{a} = W_{a}^H")


def _row(bench: Bench, case: str, error: Array, bound: Array, expected: str) -> Measurement:
    measure = ruler(bench)
    return judge(
        case, error, bound, np.full(error.shape, measure.budget.u), "u", expected=expected, what="the kernel",
        where=lambda i, j: {"row": i, "column": j}, budget=f"propagated from e = {measure.budget}",
    )  # fmt: skip


def _square(name: str) -> Any:
    def applies(subject: Subject) -> str | None:
        refused = claims("lag-invariant")(subject) or claims(name)(subject)
        if refused or subject.record.query is None:
            return refused
        shape = getattr(subject.record.query, "shape", (1, 1))
        return None if shape[0] == shape[1] else "the maps are not square"

    return applies


CHECKS = (
    Check(
        "group-law",
        "moving by a, then by b, is moving by a + b: W_a W_b = W_{a+b}",
        "angles that are not proportional to the position, or blocks that overlap",
        _law,
        applies=_square("identity-at-zero"),
    ),
    Check(
        "adjoint-is-inverse",
        "the kernel of the opposite lag is the adjoint: W_-a = W_a^H",
        "q and k are encoded by different maps, or the maps are no isometries",
        _adjoint,
        applies=_square("unitary"),
    ),
)
