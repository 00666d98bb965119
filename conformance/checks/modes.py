"""The doors of one subject are one mathematics: scores and tables against the oracle, attention outputs, all modes."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from ..bench import AnswerError, Bench
from ..finding import Check, Measurement
from ..libraries import Array
from ..subject import Subject
from .attended import Expected, expected
from .shared import bilinear, guarded, judge, ruler

QUERIES, VALUES = 10, 8
SCORED = (0, 1, 2, 3, 255, 256, 300)


def _door(name: str) -> Any:
    def applies(subject: Subject) -> str | None:
        has = callable(getattr(subject, name))
        return bilinear(subject) or (None if has else f"no such door: {name}")

    return applies


def _at(bench: Bench, wanted: tuple[int, ...]) -> list[Any]:
    """Positions a subject that promises nothing can take: 0, 1, 2, …; else the wanted ones."""
    free = "arbitrary-positions" in bench.subject.supports
    return bench.at(bench.within(wanted) if free else list(range(min(len(wanted), bench.limit))))


def _scores(bench: Bench) -> Iterable[Measurement]:
    from ...spec.oracle import split

    at = _at(bench, SCORED)
    n = len(at)
    rng = bench.rng("scores")
    q, k = bench.draw(rng, 1, 2, n, bench.dim), bench.draw(rng, 1, 2, n, bench.dim)
    found = _given_scores(bench, q, k, at) if bench.subject.score else _own_scores(bench, q, k, at)
    scale = float(bench.subject.options.get("scale", 1.0)) if bench.subject.score else 1.0
    for head in range(2):
        rows = bench.oracle.scores(q[0, head].tolist(), k[0, head].tolist(), at, at)
        exact = np.array([[split(b)[:2] for b in row] for row in rows]) * scale
        bound, size = _score_bound(bench, q[0, head], k[0, head], at)
        yield judge(
            f"head {head}",
            np.abs((found[0, head] - exact[..., 0]) - exact[..., 1]),
            abs(scale) * bound,
            abs(scale) * size * ruler(bench).budget.u,
            "u of |q||k|",
            expected="score[i, j] = (A_s q_i)·(B_t k_j)",
            where=lambda i, j: {"query_position": at[i], "key_position": at[j]},
            budget=f"Σ ‖q‖‖k‖(e_q + e_k + e_q e_k) + a sum of dim products and one rounding, e = {ruler(bench).budget}",
            what="the score",
        )


def _given_scores(bench: Bench, q: Array, k: Array, at: list[Any]) -> Array:
    n, here = len(at), bench.positions(at)
    given = {"positions": here, "query_positions": here, "key_positions": here, "length": n}
    found = bench.library.numpy(bench.call("score", q=bench.native(q), k=bench.native(k), **given))
    if found.shape != (1, 2, n, n):
        raise AnswerError(f"score returned shape {found.shape}, wanted {(1, 2, n, n)}")
    return found


def _own_scores(bench: Bench, q: Array, k: Array, at: list[Any]) -> Array:
    """For an encoding up to an isometry: only the products of what `encode` returns mean anything."""
    q_hat, k_hat = bench.encode(q, k, at)
    return (q_hat.astype(np.longdouble) @ k_hat.swapaxes(-1, -2).astype(np.longdouble)).astype(np.float64)


def _scored(subject: Subject) -> str | None:
    return None if subject.up_to and subject.encode and bilinear(subject) is None else _door("score")(subject)


def _score_bound(bench: Bench, q: Array, k: Array, at: list[Any]) -> tuple[Array, Array]:
    measure = ruler(bench)
    q_hat, k_hat = (_middle(bench, side, x, at) for side, x in (("query", q), ("key", k)))
    n, m = len(q_hat), len(k_hat)
    left, right = np.repeat(q_hat, m, axis=0), np.tile(k_hat, (n, 1))
    bound = measure.score_bound(left, right, [at[i] for i in range(n) for _ in range(m)], [*at] * n).reshape(n, m)
    size = np.linalg.norm(q_hat, axis=-1)[:, None] * np.linalg.norm(k_hat, axis=-1)[None, :]
    return bound + (q_hat.shape[-1] + 2) * measure.budget.u * (np.abs(q_hat) @ np.abs(k_hat).T), size


def _middle(bench: Bench, side: str, x: Array, at: list[Any]) -> Array:
    return np.array([[float(b.mid()) for b in row] for row in getattr(bench.oracle, side)(x.tolist(), at)])


def _tables(bench: Bench) -> Iterable[Measurement]:
    """cos and sin of pair p at position s, from an array (n, pairs) or (n, covered) in the subject's layout."""
    at = _at(bench, (*SCORED, 2047, 4095))
    given = {"positions": bench.positions(at), "length": len(at)}
    pair = bench.call("tables", **given)
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise AnswerError(f"tables returned {type(pair).__name__}, wanted the pair (cos, sin)")
    measure, instance = ruler(bench), bench.oracle.instance
    blocks = instance.blocks
    unit = np.zeros((len(at), bench.dim))
    unit[:, [instance.places(p, 2)[0] for p in range(blocks)]] = 1.0
    exact = _middle(bench, "query", unit, at)  # A_s (1, 0) = (cos, sin) in each pair
    for i, (name, array) in enumerate(zip(("cos", "sin"), pair, strict=True)):
        found = bench.library.numpy(array).reshape(-1, array.shape[-1])[-len(at) :]
        columns = _columns(bench, found.shape[-1])
        wanted = exact[:, [instance.places(p, 2)[i] for p in range(blocks)]]
        for case, places in columns.items():
            yield judge(
                f"{name}{case}",
                np.abs(found[:, places] - wanted),
                measure.relative(at)[:, [instance.places(p, 2)[0] for p in range(blocks)]],
                np.full(wanted.shape, measure.budget.u),
                "u",
                expected=f"{name} s·θ_p",
                where=lambda row, p: {"position": at[row], "pair": p},
                budget=str(measure.budget),
                what=name,
            )


def _columns(bench: Bench, width: int) -> dict[str, list[int]]:
    instance = bench.oracle.instance
    if width == instance.blocks:
        return {"": list(range(width))}
    if width not in (instance.covered, bench.dim):
        raise AnswerError(f"tables returned width {width}, wanted {instance.blocks} or {instance.covered}")
    halves = [[int(bench.reading[instance.places(p, 2)[c]]) for p in range(instance.blocks)] for c in range(2)]
    return {" (first of the pair)": halves[0], " (second of the pair)": halves[1]}


def _attend(bench: Bench) -> Iterable[Measurement]:
    names = bench.subject.names("attend")
    modes = (False, True) if "causal" in names else (("carry" in names),)
    for causal in modes:
        case = "causal" if causal else "bidirectional"
        yield from guarded(case, "the attention output of the definition", lambda c=causal: _mode(bench, c))  # type: ignore[misc]


def _mode(bench: Bench, causal: bool) -> Iterator[Measurement]:
    n = min(QUERIES, bench.limit)
    at = bench.at(list(range(n)))
    rng = bench.rng("attend", causal)
    q, k = (bench.draw(rng, 1, 1, n, bench.dim) for _ in range(2))
    for x in (q, k):
        x[..., 0] = np.abs(x[..., 0]) + 1.0  # one feature that is surely not zero keeps every denominator off zero
    q, k, v = bench.representable(q), bench.representable(k), bench.draw(rng, 1, 1, n, VALUES)
    exact = expected(bench, q[0, 0], k[0, 0], v[0, 0], at, causal=causal)
    yield _output(bench, "causal" if causal else "bidirectional", call(bench, q, k, v, at, causal)[0], exact, at)
    if causal and "carry" in bench.subject.names("attend"):
        yield _output(bench, "carried", _carried(bench, q, k, v, at), exact, at)


def call(
    bench: Bench, q: Array, k: Array, v: Array, at: list[Any], causal: bool, carry: Any = None
) -> tuple[Array, Any]:
    """(out, carry) of `attend` for these rows; carry is None when it returns out alone."""
    here = bench.positions(at)
    given = {"positions": here, "query_positions": here, "key_positions": here, "causal": causal, "length": len(at)}
    values = np.ascontiguousarray(v.swapaxes(1, 2)) if bench.subject.axes == "blhd" else v
    native = bench.library.array(values, bench.dtype, bench.device)
    found = bench.call("attend", q=bench.native(q), k=bench.native(k), v=native, carry=carry, **given)
    out, held = found if isinstance(found, (tuple, list)) else (found, None)
    if not bench.library.owns(out):
        raise AnswerError(f"attend returned {type(out).__name__}, wanted an array of {bench.subject.library}")
    values = bench.exact(out, encoded=False)
    if values.shape != (*q.shape[:-1], v.shape[-1]):
        raise AnswerError(f"attend returned shape {values.shape}, wanted {(*q.shape[:-1], v.shape[-1])}")
    return values, held


def _carried(bench: Bench, q: Array, k: Array, v: Array, at: list[Any]) -> Array:
    """The same rows in three calls, each with what the one before handed on."""
    parts, carry = [], None
    for a, b in pairwise([0, 1, len(at) // 2, len(at)]):
        out, carry = call(bench, q[:, :, a:b], k[:, :, a:b], v[:, :, a:b], at[a:b], True, carry)
        if carry is None:
            raise AnswerError("attend takes carry and returned no carry, wanted the pair (out, carry)")
        parts.append(out)
    return np.concatenate(parts, axis=2)


def _output(bench: Bench, case: str, found: Array, exact: Expected, at: list[Any]) -> Measurement:
    return judge(
        case,
        np.abs((found[0, 0] - exact.hi) - exact.lo),
        exact.bound,
        exact.run * ruler(bench).budget.u,
        "u of the |x| run",
        expected=exact.formula,
        where=lambda row, column: {"position": at[row], "column": column},
        budget=exact.text,
        what="the output",
    )


CHECKS = (
    Check(
        "scores-match",
        "scores are (A_s q)·(B_t k)",
        "the scores carry a scale that is not declared, or are built from other angles",
        _scores,
        applies=_scored,
    ),
    Check(
        "tables-match",
        "the tables door gives cos and sin of position times frequency",
        "tables in a low precision, another base, or a magnitude factor",
        _tables,
        applies=lambda subject: _door("tables")(subject) or _rotates(subject),
    ),
    Check(
        "attention-matches",
        "attention outputs are those of the definition, in every mode: at once, causal, with a carry",
        "the encoding goes before the feature map, a wrong denominator, or a mask off by one",
        _attend,
        applies=_door("attend"),
    ),
)


def _rotates(subject: Subject) -> str | None:
    plain = subject.record.block == 2 and not subject.record.affine and subject.record.basis == "identity"
    return None if plain else f"{subject.record.name} is not written in cos and sin of pairs"
