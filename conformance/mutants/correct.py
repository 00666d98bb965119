"""Subjects that are right and look different: layouts, declared roundings, caches done well, axes, attention forms."""

from typing import Any

import numpy as np

from ..subject import Subject
from .attention_faults import LINEAR, attend, elu_plus_one
from .broken import float32_phases
from .door_faults import SCORES, SOFTMAX, TABLES, scores, softmax, tables
from .family_faults import (
    AXIAL,
    HOUSEHOLDER,
    LENGTH,
    ODD,
    PERMUTATION,
    UNITARY,
    XPOS,
    axial,
    by_length,
    odd,
    pair_of,
    permuted,
    reflected,
    scaled,
    stacked,
)
from .rotary import DECLARED, HONEST, Array, Stages, fault, halves, interleaved, schedule, subject
from .state_faults import from_table, in_place, make_table, rows_for
from .torch_faults import TORCH
from .torch_faults import halves as torch_halves


def _complex(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """x_{2p} + i x_{2p+1} times e^(i s θ_p)."""
    factor = np.exp(1j * positions[:, None] * schedule(state))

    def one(x: Array) -> Array:
        wide = np.ascontiguousarray(x, dtype=np.float64)
        return (wide.view(np.complex128) * factor).view(np.float64).astype(x.dtype)

    return one(q), one(k)


def _growing(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """A table in float64, per instance, rebuilt as a whole when a call goes beyond it."""
    if "table" not in state or len(state["table"][0]) < rows_for(positions):
        state["table"] = make_table(rows_for(positions), state)
    return from_table(q, positions, state["table"], state), from_table(k, positions, state["table"], state)


def _blhd(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    turned = HONEST.both(q.swapaxes(1, 2), k.swapaxes(1, 2), positions, state)
    return turned[0].swapaxes(1, 2), turned[1].swapaxes(1, 2)


def _plain_linear(
    state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array, causal: bool
) -> Array:
    return attend(state, q, k, v, query_positions, key_positions, causal)


def _recurrent_linear(
    state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array, causal: bool
) -> Array:
    """Causal linear attention by a running state Σ φ(k̂) vᵀ and Σ φ(k); the dense form otherwise."""
    if not causal or q.shape[-2] != k.shape[-2] or q.shape[1] != k.shape[1]:
        return attend(state, q, k, v, query_positions, key_positions, causal)
    phi = [elu_plus_one(x.astype(np.float64)) for x in (q, k)]
    qhat, khat = HONEST.one(phi[0], query_positions, state), HONEST.one(phi[1], key_positions, state)
    held = np.cumsum(khat[..., :, None] * v.astype(np.float64)[..., None, :], axis=-3)
    total = np.einsum("bhnd,bhnd->bhn", phi[0], np.cumsum(phi[1], axis=-2))
    return (np.einsum("bhnd,bhnde->bhne", qhat, held) / total[..., None]).astype(q.dtype)


_COMPACT: tuple[tuple[str, Stages, dict[str, Any]], ...] = (
    ("interleaved", HONEST, {}),
    ("halves", fault(read=halves), {"layout": "halves"}),
    ("reads-interleaved-writes-halves", fault(write=halves), {"writes": "halves"}),
    ("reads-halves-writes-interleaved", fault(read=halves, write=interleaved),
     {"layout": "halves", "writes": "interleaved"}),
    ("float32-angles-declared", fault(phases=float32_phases), {"angles": "float32"}),
    ("fractional", HONEST, {"supports": {*DECLARED["supports"], "fractional"}}),
    ("partial", HONEST, {"parameters": {"dim": 16, "rotary_dim": 8, "base": 10000.0}}),
    ("float64-throughout", HONEST, {"dtypes": ("float64",), "max_position": 2**20, "arithmetic": "float64"}),
    ("float16", HONEST, {"dtypes": ("float16",), "max_position": 2**17}),
    ("batched-positions", HONEST, {"supports": {*DECLARED["supports"], "batched-positions", "grouped-heads"}}),
)  # fmt: skip
_CALLED: tuple[tuple[str, Any, dict[str, Any]], ...] = (
    ("complex-multiply", _complex, {}),
    ("growing-table", _growing, {"max_position": 8192}),
    ("blhd", _blhd, {"axes": "blhd"}),
    ("in-place-declared", in_place, {"supports": {"in-place", "arbitrary-positions"}}),
    ("axial", pair_of(axial), AXIAL),
    ("xpos", pair_of(lambda x, s, p: scaled(x, s, p, 1), lambda x, s, p: scaled(x, s, p, -1)), XPOS),
    ("householder", pair_of(reflected), HOUSEHOLDER),
    ("unitary-stacked", pair_of(stacked), UNITARY),
    ("permutation", pair_of(permuted), PERMUTATION),
    ("theta-of-the-declared-length", pair_of(by_length), LENGTH),
    ("odd-dim", pair_of(odd), ODD),
)


def correct_variants() -> list[Subject]:
    """Right subjects; no check may accuse one of them. Two need torch when they run."""
    found = [subject(f"correct:{name}", stages, **declared) for name, stages, declared in _COMPACT]
    found += [subject(f"correct:{name}", encode=encode, **declared) for name, encode, declared in _CALLED]
    found += [
        subject("correct:linear-attention", **LINEAR, attend=_plain_linear),
        subject("correct:linear-attention-recurrent", **LINEAR, attend=_recurrent_linear),
        subject("correct:softmax-attention", **SOFTMAX, attend=softmax()),
        subject("correct:scores", **SCORES, score=scores(False)),
        subject("correct:tables", **TABLES, tables=tables()),
    ]
    low = {**TORCH, "dtypes": ("bfloat16", "float16"), "max_position": 2**17}
    rotate_half = torch_halves(angles="float32", tables="input", wide=None)
    declared = {**low, "angles": "float32", "tables": "input", "arithmetic": "input"}
    found.append(Subject(**declared, name="correct:bfloat16-tables-declared", encode=rotate_half))
    found.append(Subject(**low, name="correct:torch-wide", encode=torch_halves()))
    differentiable = {**TORCH, "supports": {"arbitrary-positions", "gradient"}}
    found.append(Subject(**differentiable, name="correct:gradient", encode=torch_halves()))
    return found
