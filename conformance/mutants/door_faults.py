"""Mutants behind the other doors: scores with the lag transposed, tables with a magnitude, softmax scaled twice."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .mutant import Mutant
from .rotary import HONEST, Array, product, schedule, subject


def score(
    state: Any, q: Array, k: Array, query_positions: Array, key_positions: Array, transposed: bool = False
) -> Array:
    """(R_s q)^T (R_t k), or that of the opposite lag."""
    sign = -1 if transposed else 1  # R_{-s} and R_{-t}: the lag with the other sign
    wide = [x.astype(np.float64) for x in (q, np.repeat(k, q.shape[1] // k.shape[1], axis=1))]
    qhat, khat = HONEST.one(wide[0], sign * query_positions, state), HONEST.one(wide[1], sign * key_positions, state)
    return (qhat @ np.swapaxes(khat, -1, -2)).astype(q.dtype)


def scores(transposed: bool) -> Callable[..., Array]:
    """The `score` callable, right or with the lag transposed."""

    def run(state: Any, q: Array, k: Array, query_positions: Array, key_positions: Array) -> Array:
        return score(state, q, k, query_positions, key_positions, transposed)

    return run


def tables(factor: float = 1.0) -> Callable[..., tuple[Array, Array]]:
    """The `tables` callable: cos and sin of s·θ_p, (n, pairs), times a factor."""

    def run(state: Any, positions: Array) -> tuple[Array, Array]:
        phase = product(positions, schedule(state))
        return (factor * np.cos(phase)).astype(np.float32), (factor * np.sin(phase)).astype(np.float32)

    return run


def softmax(times: int = 1) -> Callable[..., Array]:
    """The `attend` callable of softmax attention with the scale 1/√dim applied `times` times."""

    def run(
        state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array, causal: bool
    ) -> Array:
        wide = [x.astype(np.float64) for x in (q, k, v)]
        logits = HONEST.one(wide[0], query_positions, state) @ HONEST.one(wide[1], key_positions, state).swapaxes(
            -1, -2
        )
        logits = logits / np.sqrt(q.shape[-1]) ** times
        if causal:
            late = np.arange(k.shape[-2]) > np.arange(q.shape[-2])[:, None] + k.shape[-2] - q.shape[-2]
            logits = np.where(late, -np.inf, logits)
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return ((weights / weights.sum(axis=-1, keepdims=True)) @ wide[2]).astype(q.dtype)

    return run


TABLES: dict[str, Any] = {"table_precision": "float32"}
SOFTMAX: dict[str, Any] = {"options": {"attention": "softmax"}, "supports": {"arbitrary-positions"}}
SCORES: dict[str, Any] = {"supports": {"arbitrary-positions"}}


def mutants() -> list[Mutant]:
    """One for each of these doors."""
    return [
        Mutant(
            "lag-transposed",
            subject("mutant:lag-transposed", **SCORES, score=scores(True)),
            "sign",
            "speechbrain/speechbrain#3070",
            ("scores-match",),
        ),
        Mutant(
            "tables-with-a-magnitude",
            subject("mutant:tables-with-a-magnitude", **TABLES, tables=tables(1.1)),
            "magnitude",
            "huggingface/transformers#47435",
            ("tables-match",),
        ),
        Mutant(
            "softmax-scaled-twice",
            subject("mutant:softmax-scaled-twice", **SOFTMAX, attend=softmax(2)),
            "magnitude",
            "vllm-project/vllm#46280",
            ("attention-matches",),
        ),
    ]
