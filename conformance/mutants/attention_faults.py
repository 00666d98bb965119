"""Mutants of attention: feature map after the encoding, leaks, denominators, chunk boundaries."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .mutant import Mutant
from .rotary import HONEST, Array, subject


def elu_plus_one(x: Array) -> Array:
    """exp(x) below zero, x + 1 above."""
    return np.where(x > 0, x + 1, np.exp(np.minimum(x, 0)))


def attend(
    state: Any,
    q: Array,
    k: Array,
    v: Array,
    query_positions: Array,
    key_positions: Array,
    causal: bool,
    *,
    after: bool = False,
    denominator: str = "plain",
    epsilon: float = 0.0,
    visible: Any = None,
) -> Array:
    """Linear attention as written: weights (n_q, n_k) of φ first, then the encoding; every fault is one keyword."""
    wide = [np.repeat(x.astype(np.float64), q.shape[1] // x.shape[1], axis=1) for x in (q, k, v)]
    plain = [elu_plus_one(x) for x in wide[:2]]
    given = wide[:2] if after else plain
    qhat = HONEST.one(given[0], query_positions, state)
    khat = HONEST.one(given[1], key_positions, state)
    if after:
        qhat, khat = elu_plus_one(qhat), elu_plus_one(khat)
    weights = qhat @ np.swapaxes(khat, -1, -2)
    norms = weights if denominator == "encoded" else plain[0] @ np.swapaxes(plain[1], -1, -2)
    seen = (visible or _visible)(query_positions, key_positions, causal)
    weights, norms = np.where(seen, weights, 0), np.where(seen, norms, 0)
    total = 1.0 if denominator == "one" else norms.sum(axis=-1, keepdims=True) + epsilon
    return ((weights @ wide[2]) / total).astype(q.dtype)


def _visible(query_positions: Array, key_positions: Array, causal: bool) -> Array:
    """Causality by order, with the last query at the last key (n_q = n_k in self-attention)."""
    rows, columns = len(query_positions), len(key_positions)
    late = np.arange(columns) > np.arange(rows)[:, None] + columns - rows
    return ~late if causal else np.ones((rows, columns), dtype=bool)


def _one_ahead(query_positions: Array, key_positions: Array, causal: bool) -> Array:
    rows, columns = len(query_positions), len(key_positions)
    late = np.arange(columns) > np.arange(rows)[:, None] + columns - rows + 1
    return ~late if causal else np.ones((rows, columns), dtype=bool)


def _never_causal(query_positions: Array, key_positions: Array, causal: bool) -> Array:
    return np.ones((len(query_positions), len(key_positions)), dtype=bool)


def _chunk_edge_lost(query_positions: Array, key_positions: Array, causal: bool) -> Array:
    """Chunks of four: the last key of an earlier chunk is not in the carried state."""
    rows, columns = np.arange(len(query_positions)), np.arange(len(key_positions))
    lost = (columns % 4 == 3) & (columns // 4 < (rows[:, None] + len(columns) - len(rows)) // 4)
    return _visible(query_positions, key_positions, causal) & ~(lost & causal)


def door(**wrong: Any) -> Callable[..., Array]:
    """The `attend` callable with these faults."""

    def run(
        state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array, causal: bool
    ) -> Array:
        return attend(state, q, k, v, query_positions, key_positions, causal, **wrong)

    return run


LINEAR: dict[str, Any] = {
    "options": {"attention": "linear", "feature_map": "elu+1", "denominator": "plain"},
    "supports": {"arbitrary-positions"},
    "layout": "interleaved",
}

_ROWS: tuple[tuple[str, dict[str, Any], dict[str, Any], str, str, tuple[str, ...]], ...] = (
    ("feature-map-after-encoding", {"after": True}, {}, "linear attention", "constructed", ("attention-matches",)),
    ("denominator-one", {"denominator": "one"}, {}, "linear attention", "LRPE, released code", ("attention-matches",)),
    (
        "denominator-encoded",
        {"denominator": "encoded"},
        {},
        "linear attention",
        "LRPE, released code",
        ("attention-matches",),
    ),
    (
        "denominator-epsilon",
        {"epsilon": 1e-6},
        {"dtypes": ("float64",)},
        "linear attention",
        "LRPE, released code",
        ("attention-matches",),
    ),
    ("causal-leak", {"visible": _one_ahead}, {}, "causality", "mosaicml/llm-foundry#186", ("attention-matches",)),
    ("causal-ignored", {"visible": _never_causal}, {}, "causality", "mosaicml/llm-foundry#186", ("attention-matches",)),
    ("chunk-edge-lost", {"visible": _chunk_edge_lost}, {}, "chunk boundary", "constructed", ("attention-matches",)),
)


def mutants() -> list[Mutant]:
    """The rows of the table above as mutants."""
    return [
        Mutant(
            name,
            subject(f"mutant:{name}", **{**LINEAR, **declared, "attend": door(**wrong)}),
            kind,
            reference,
            caught_by,
        )
        for name, wrong, declared, kind, reference, caught_by in _ROWS
    ]
