"""Mutants of kernels: slopes, buckets, signs, FFT lengths, leaks, heads and tiles; each is one replaced part."""

from typing import Any

import numpy as np

from ..subject import Subject
from . import kernels as honest
from .kernels import (
    DAPE,
    DIM,
    HEADS,
    HELD,
    Array,
    R,
    W,
    adapted,
    alibi,
    attend_adapted,
    biased,
    column,
    kernel,
    masked,
    past,
    t5,
    t5_bucket,
)
from .mutant import Mutant

VALUES, SUMS = ("matches-the-definition",), ("attention-matches",)
TABLE: dict[str, Any] = {"max_position": HELD, "supports": {"offset"}}
LINEAR: dict[str, Any] = {"options": {"attention": "linear", "feature_map": "elu+1"}, "max_position": HELD}


def _naive(state: Any, s: Array, t: Array) -> Array:
    heads = state["heads"]
    return -column([2.0 ** (-8 * (h + 1) / heads) for h in range(heads)]) * past(s, t)


def _from_one(state: Any, s: Array, t: Array) -> Array:
    return -column([2.0 ** (-8 * h / 8) for h in range(8)]) * past(s, t)


def _halved(state: Any, s: Array, t: Array) -> Array:
    """The slopes are scaled in place at every call."""
    state["slopes"] = [m / 2 for m in state["slopes"]] if "slopes" in state else honest.slopes(state["heads"])
    return -column(state["slopes"]) * past(s, t)


def _by_row(state: Any, s: Array, t: Array) -> Array:
    """Rows are numbered from 0, whatever the positions are."""
    return alibi(state, np.arange(len(s))[:, None] + 0.0 * s, np.arange(len(t)) + 0.0 * t)


def _late_bucket(n: int) -> int:
    return t5_bucket(n - (n > 16))


def _rounded_bucket(n: int) -> int:
    return n if n < 16 else min(31, round(16 + np.log(n / 16) / np.log(8) * 16))


def _unclamped(state: Any, s: Array, t: Array) -> Array:
    """The stored r2 of head 0 has left its range, and nothing brings it back."""
    with np.errstate(all="ignore"):
        return honest.kerple({**state, "r2": [-0.02, *state["r2"][1:]]}, s, t)


def _per_length(state: Any, s: Array, t: Array) -> Array:
    return honest.kerple(state, s, t) / (1 + np.log(len(t)))


def _mask_on_output(state: Any, v: Array, query_positions: Array) -> Array:
    """The later lags are not zeroed before the product."""
    return (honest.matrix(state, len(query_positions), v.shape[-2], False) @ v.astype(np.float64)).astype(v.dtype)


def _one_late(state: Any, v: Array, query_positions: Array) -> Array:
    far = honest.lags(len(query_positions), v.shape[-2])
    W = np.where(far > 1, 0, np.asarray(state["w"])[:, far + HELD - 1])
    return (W @ v.astype(np.float64)).astype(v.dtype)


def _reversed_axis(state: Any, v: Array, query_positions: Array, key_positions: Array) -> Array:
    """The second axis of the grid has the first one's parameters in the opposite order."""
    w, far = np.asarray(state["w"]), key_positions[None, :, :] - query_positions[:, None, :]
    W = w[:, far[..., 0] + 19] + w[:, 19 - far[..., 1]]
    return (W @ v.astype(np.float64)).astype(v.dtype)


def _unmixed(state: Any, scores: Array, s: Array, t: Array) -> Array:
    """Each head sees itself alone."""
    every = []
    for head in range(HEADS):
        w1 = np.zeros_like(np.asarray(state["f.w1"]))
        w1[:, [head, HEADS + head]] = np.asarray(state["f.w1"])[:, [head, HEADS + head]]
        every.append(adapted({**state, "f.w1": w1}, scores, s, t)[:, head])
    return np.stack(every, axis=1)


def _unmixed_door(state: Any, scores: Array, query_positions: Array, key_positions: Array) -> Array:
    return _unmixed(state, scores.astype(np.float64), query_positions, key_positions).astype(scores.dtype)


def _after_softmax(state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array) -> Array:
    """f acts on the weights, not on the logits."""
    q64, k64, v64 = (x.astype(np.float64) for x in (q, k, v))
    prior = alibi(state, query_positions[:, None], key_positions)
    logits = q64 @ k64.swapaxes(-1, -2) / np.sqrt(DIM) + prior
    eye = np.broadcast_to(np.eye(k.shape[-2]), (*k.shape[:2], k.shape[-2], k.shape[-2]))
    weights = honest.softmaxed(logits, eye, key_positions <= query_positions[:, None])
    u = np.moveaxis(np.concatenate([weights, np.broadcast_to(prior, weights.shape)], axis=1), 1, 0)
    moved = weights + np.moveaxis(honest.perceptron(state, "f", u, 0.01), 0, 1)
    return (np.where(key_positions <= query_positions[:, None], moved, 0) @ v64).astype(v.dtype)


def _head_unmasked(visible: Array, logits: Array) -> Array:
    seen = np.array(np.broadcast_to(visible, logits.shape))
    seen[:, 0] = True
    return seen


def _tile_edge_lost(visible: Array, logits: Array) -> Array:
    """Tiles of four keys: the last key of a full tile before the newest one is left out."""
    keys = np.arange(logits.shape[-1])
    newest = visible.sum(axis=-1)[:, None] - 1
    return np.broadcast_to(visible & ~((keys % 4 == 3) & (keys < newest)), logits.shape)


def _flat_lag(state: Any, s: Array, t: Array) -> Array:
    """A grid of row-major tokens under one flattened lag: two different lags share a parameter."""
    width = int(t[:, 1].max()) + 1
    flat = (t @ [width, 1])[None, :] - (s @ [width, 1])[:, None]
    return np.exp(np.asarray(state["b"]).reshape(HEADS, -1)[:, flat + 39 * 39 // 2])


def _learned(**wrong: Any) -> Subject:
    """T5's table as a torch parameter; detached on the way."""

    def build(parameters: Any, dtype: Any, device: str) -> Any:
        import torch

        return {"w": torch.tensor(parameters["w"], dtype=dtype, device=device).requires_grad_()}

    def bias(state: Any, query_positions: Any, key_positions: Any) -> Any:
        far = (query_positions[:, None] - key_positions).clamp(0, 4096).tolist()
        held = state["w"].detach() if wrong.get("detached") else state["w"]
        return held.requires_grad_()[:, [[t5_bucket(n) for n in row] for row in far]]

    return kernel(
        "mutant:table-detached" if wrong else "correct:table-learned", "t5", {"w": honest.BUCKETS}, library="torch",
        build=build, bias=bias, read=lambda state: dict(state), learnable=("w",),
        supports={"offset", "arbitrary-positions", "gradient"},
    )  # fmt: skip


def correct() -> list[Subject]:
    """Right kernels of this file and of `kernels`."""
    from .kernels import correct as plain

    return [*plain(), _learned()]


_BIASES: tuple[tuple[str, str, dict[str, Any], Any, str, str, tuple[str, ...]], ...] = (
    ("alibi-naive-slopes", "alibi", {"heads": 12}, _naive, "slopes", "ml-explore/mlx#343", VALUES),
    ("alibi-slope-of-head-0-is-1", "alibi", {"heads": 8}, _from_one, "slopes", "paiml/aprender#2143", VALUES),
    ("alibi-lag-transposed", "alibi", {"heads": 8}, lambda state, s, t: alibi(state, t, s), "sign",
     "constructed", VALUES),
    ("alibi-one-position-off", "alibi", {"heads": 8}, lambda state, s, t: alibi(state, s - 1, t), "offset",
     "vllm-project/vllm#945", VALUES),
    ("alibi-scaled-in-place", "alibi", {"heads": 8}, _halved, "history", "constructed (NeMo's first alibi)",
     ("history-independent", "deterministic")),
    ("alibi-by-row-number", "alibi", {"heads": 8}, _by_row, "offset", "huggingface/candle#899",
     ("arbitrary-positions", "offset-equals-full")),
    ("alibi-not-relative", "alibi", {"heads": 8}, lambda state, s, t: alibi(state, s, t) + 1e-3 * s, "lag",
     "constructed", ("lag-invariant",)),
    ("t5-bucket-one-late", "t5", {"w": honest.BUCKETS}, lambda state, s, t: t5(state, s, t, _late_bucket), "buckets",
     "lucidrains/x-transformers#10", VALUES),
    ("t5-bucket-rounded", "t5", {"w": honest.BUCKETS}, lambda state, s, t: t5(state, s, t, _rounded_bucket), "buckets",
     "ml-explore/mlx-examples#113", VALUES),
    ("t5-offset-ignored", "t5", {"w": honest.BUCKETS},
     lambda state, s, t: t5(state, np.arange(len(s))[:, None], t), "offset", "huggingface/candle#899",
     ("offset-equals-full",)),
    ("sandwich-without-cosine", "sandwich[width=8]", {"heads": HEADS},
     lambda state, s, t: honest.sandwich(state, s, t, lambda x: x), "formula",
     "constructed (NeMo's first sandwich)", VALUES),
    ("kerple-zero-parameter", "kerple", R, lambda state, s, t: 0 * honest.kerple(state, s, t), "parameters",
     "constructed (NeMo's first kerple)", VALUES),
    ("kerple-unclamped", "kerple", R, _unclamped, "parameters", "constructed (NeMo's kerple)", VALUES),
    ("kerple-per-length", "kerple", R, _per_length, "length", "constructed", ("length-independent",)),
    ("fire-normaliser-without-the-query", "fire", honest.FIRE,
     lambda state, s, t: honest.fire(state, s, t, lambda held, s: held["threshold"] + 0 * s), "formula", "constructed",
     VALUES),
    ("fire-normaliser-always-the-query", "fire", honest.FIRE,
     lambda state, s, t: honest.fire(state, s, t, lambda held, s: s), "formula", "constructed", VALUES),
)  # fmt: skip


def mutants() -> list[Mutant]:
    """Each with the checks that must notice."""
    found = [
        Mutant(name, biased(f"mutant:{name}", encoding, numbers, compute), fault, reference, caught)
        for name, encoding, numbers, compute, fault, reference, caught in _BIASES
    ]
    exp = masked(lambda state, s, t: np.exp(honest.by_lag(state, s, t, -1)))
    flipped = masked(honest.by_lag, lambda z: np.where(z <= 0, 1.0, z))
    dape: dict[str, dict[str, Any]] = {
        "dape-heads-not-mixed": {"adapt": _unmixed_door},
        "dape-mlp-after-the-softmax": {"attend": _after_softmax},
        "dape-head-not-masked": {"attend": attend_adapted(seen=_head_unmasked)},
        "dape-tile-edge-lost": {"attend": attend_adapted(seen=_tile_edge_lost)},
        "dape-prior-forgotten": {"adapt": lambda state, scores, query_positions, key_positions: (
            honest.adapt(state, scores, query_positions, query_positions[:1].repeat(len(key_positions))))},
    }  # fmt: skip
    caught = {"dape-heads-not-mixed": VALUES, "dape-head-not-masked": ("causal",), "dape-prior-forgotten": VALUES}
    rows: list[tuple[str, Subject, str, str, tuple[str, ...]]] = [
        (name, kernel(f"mutant:{name}", "dape", DAPE, **doors), "adaptive", "constructed", caught.get(name, SUMS))
        for name, doors in dape.items()
    ]
    causal, both = "fastrpb[causal=yes]", "fastrpb"
    mixes: tuple[tuple[str, str, Any, tuple[str, ...]], ...] = (
        ("fft-of-2n-2", both, honest.product(lambda n: max(2 * n - 2, 1), False), VALUES),
        ("fft-of-n", causal, honest.product(lambda n: n), VALUES),
        ("toeplitz-transposed", both, honest.product(None, False, True), VALUES),
        ("kernel-not-causal", causal, _mask_on_output, ("causal",)),
        ("kernel-one-late", causal, _one_late, ("causal",)),
    )
    for name, notation, mix, by in mixes:
        declared = TABLE if notation == causal else {"max_position": HELD, "supports": ()}
        rows.append(
            (name, kernel(f"mutant:{name}", notation, {"w": W}, mix=mix, **declared), "toeplitz", "constructed", by)
        )
    grid: dict[str, Any] = {"max_position": 20, "supports": ()}
    rows += [
        ("grid-axis-reversed", kernel("mutant:grid-axis-reversed", "fastrpb[axes=2]", {"w": honest.GRID},
         mix=_reversed_axis, **grid), "toeplitz", "constructed", VALUES),
        ("mask-transposed", kernel("mutant:mask-transposed", "toeplitz-mask", {"b": W}, attend=exp, **LINEAR),
         "toeplitz", "constructed", SUMS),
        ("denominator-replaced-by-1", kernel("mutant:denominator-replaced-by-1", "toeplitz-mask[positivity=signed]",
         {"b": W}, attend=flipped, **LINEAR), "linear attention", "constructed", SUMS),
        ("grid-under-one-flat-lag", kernel("mutant:grid-under-one-flat-lag", "toeplitz-mask[axes=2]",
         {"b": honest.BLOCKS}, attend=masked(_flat_lag), **{**LINEAR, **grid}), "toeplitz", "constructed", SUMS),
        ("table-detached", _learned(detached=True), "gradient", "constructed", ("gradient-is-adjoint",)),
    ]  # fmt: skip
    return found + [Mutant(*row) for row in rows]
