"""Expected attention outputs with their bound, from the same computation on |x|: |err| <= k·bnd·u plus what e carries.

S_ij = Σ ‖q̂‖‖k̂‖ over the blocks bounds a score and ε_ij S_ij its error, with ε = e_q + e_k + e_q e_k and the errors of
the feature map; a sum of n products in any order adds n·u. Softmax weights with logits off by δ are off by e^(2δ) - 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bench import Bench
from ..budget import U
from ..libraries import Array
from .shared import ruler

FEATURES = {"relu": 0.0, "identity": 0.0, "elu+1": 3.0, "exp": 2.0}  # roundings of φ: exp within one ulp, the sum


@dataclass(frozen=True)
class Expected:
    """Outputs (n, d_v) as hi + lo, the |x| run, what is allowed, and the sentences for both."""

    hi: Array
    lo: Array
    run: Array
    bound: Array
    formula: str
    text: str


def expected(bench: Bench, q: Array, k: Array, v: Array, at: list[Any], *, causal: bool) -> Expected:
    """What `attend` should give for one head: q, k (n, dim), v (n, d_v), with the subject's options."""
    from ...spec.oracle import split

    said = bench.subject.options
    kind = str(said.get("attention", "softmax"))
    features = said.get("feature_map") or "identity"
    scale = float(said.get("scale", bench.dim**-0.5 if kind == "softmax" else 1.0))
    denominator = str(said.get("denominator", "plain"))
    options = {"attention": kind, "feature_map": None if features == "identity" else features}
    balls = bench.oracle.attend(
        q.tolist(), k.tolist(), v.tolist(), at, at, causal=causal, scale=scale, denominator=denominator, **options
    )
    parts = np.array([[split(b)[:2] for b in row] for row in balls])
    hi, lo = parts[..., 0], parts[..., 1]
    work = _working(bench)
    fq, fk = (_feature(features, x) for x in (q, k))
    seen = np.tril(np.ones((len(q), len(k)))) if causal else np.ones((len(q), len(k)))
    scores, size, error = _scores(bench, fq, fk, at, FEATURES[features] * work)
    if kind == "softmax":
        weights = _softmax_weights(scale * scores, seen)
        off = np.max(abs(scale) * (error + 2 * work * size) * seen, axis=1, keepdims=True)
        return _softmax(bench, (hi, lo), weights @ np.abs(v), off, seen.sum(axis=1, keepdims=True) * work)
    top = _sums(abs(scale) if kind == "norm-linear" else 1.0, size, error, seen, v, work)
    if kind == "norm-linear":
        return _undivided(bench, (hi, lo), *top)
    if denominator == "plain":
        scores, error = fq @ fk.T, (bench.dim + 2 * FEATURES[features] + 1) * work * np.abs(fq) @ np.abs(fk).T
    total = np.abs((scores * seen).sum(axis=1, keepdims=True))
    off = ((error + seen.sum(axis=1, keepdims=True) * work * np.abs(scores)) * seen).sum(axis=1, keepdims=True)
    name = "Σ φ(q)·φ(k)" if denominator == "plain" else "Σ q̂·k̂"
    return _divided(bench, (hi, lo), *top, total, off, name)


def _working(bench: Bench) -> float:
    said = bench.subject.declared("arithmetic") or "input"
    return U[bench.dtype] if said == "input" else min(U[said], U[bench.dtype])


def _feature(name: str, x: Array) -> Array:
    maps: dict[str, Callable[[Array], Array]] = {
        "relu": lambda x: np.maximum(x, 0.0),
        "identity": lambda x: x,
        "exp": np.exp,
        "elu+1": lambda x: np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))),
    }
    found: Array = maps[name](x)
    return found


def _scores(bench: Bench, q: Array, k: Array, at: list[Any], feature: float) -> tuple[Array, Array, Array]:
    """(scores, S, ε S), (n_q, n_k): a sum over the width in the working precision of encoded feature vectors."""
    measure, work = ruler(bench), _working(bench)
    e = measure.spread(at) + feature
    left, right = (_encoded(bench, side, x, at) for side, x in (("query", q), ("key", k)))
    size = _norms(bench, left) @ _norms(bench, right).T
    each = e[:, None] + e[None, :] + e[:, None] * e[None, :] + (bench.oracle.width + 1) * work
    return left @ right.T, size, each * size + measure.budget.tiny


def _encoded(bench: Bench, side: str, x: Array, at: list[Any]) -> Array:
    return np.array([[float(b.mid()) for b in row] for row in getattr(bench.oracle, side)(x.tolist(), at)])


def _norms(bench: Bench, rows: Array) -> Array:
    return np.stack([np.linalg.norm(rows[:, list(g)], axis=1) for g in bench.oracle.pairs], axis=1)


def _softmax_weights(logits: Array, seen: Array) -> Array:
    shifted = np.where(seen > 0, logits, -np.inf)
    weights = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    found: Array = weights / weights.sum(axis=1, keepdims=True)
    return found


def _softmax(bench: Bench, exact: tuple[Array, Array], run: Array, off: Array, summed: Array) -> Expected:
    budget = ruler(bench).budget
    bound = run * (np.expm1(2 * off) + summed + 6 * _working(bench)) + budget.u * np.abs(exact[0]) + budget.tiny
    text = "(e^(2δ) - 1 + (n + 6)u) Σ w|v| + u|out|, δ the largest error of a logit in the row"
    return Expected(*exact, run, bound, "Σ softmax(scale · q̂·k̂) v", text)


def _sums(scale: float, size: Array, error: Array, seen: Array, v: Array, work: float) -> tuple[Array, Array]:
    """(|x| run of the numerator, its error), (n, d_v)."""
    run = scale * (size * seen) @ np.abs(v)
    return run, scale * (error * seen) @ np.abs(v) + (seen.sum(axis=1, keepdims=True) + 1) * work * run


def _undivided(bench: Bench, exact: tuple[Array, Array], run: Array, top: Array) -> Expected:
    budget = ruler(bench).budget
    bound = top + budget.u * np.abs(exact[0]) + budget.tiny
    return Expected(*exact, run, bound, "scale · Σ (q̂·k̂) v", "Σ ε S|v| + (n + 1)u Σ S|v| + u|out|")


def _divided(
    bench: Bench, exact: tuple[Array, Array], run: Array, top: Array, total: Array, off: Array, name: str
) -> Expected:
    """|top/z - exact| <= (err(top) + |out| err(z)) / (|z| - err(z)); unbounded where z is not known to be nonzero."""
    budget, size = ruler(bench).budget, np.abs(exact[0])
    left = total - off
    with np.errstate(divide="ignore"):
        bound = np.where(left > 0, (top + size * off) / np.maximum(left, 0), np.inf)
    bound = bound + (budget.u + _working(bench)) * size + budget.tiny
    text = "(Σ ε S|v| + (n + 1)u Σ S|v| + |out|·err(z)) / (|z| - err(z)) + 2u|out|, z the denominator"
    return Expected(*exact, run / total, bound, f"Σ (q̂·k̂) v / {name}", text)
