"""Mutants of SPE and FLT: kernels, noise and features wrong in one thing; and right ones that look different."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...impls import arrays
from ..adapters.own_random import CODES, DIM, HEADS, MASKS, REACH, state_of
from ..subject import Subject
from .mutant import Mutant

Array = np.ndarray[Any, np.dtype[Any]]
State = dict[str, Any]
SINE, GATED, PLANE, CONV = "spe-sine", "spe-sine[gated=yes]", "spe-sine[axes=2]", "spe-conv"
MIXTURE, MIXTURE2 = "flt-gaussian-mixture", "flt-gaussian-mixture[axes=2]"
GIVEN, FROZEN, MEAN, LAW = (
    "equals-definition-given-noise",
    "noise-frozen",
    "mean-in-expectation",
    "noise-follows-its-law",
)
Change = Callable[[State], State]


def _features(notation: str, x: Array, positions: Array, side: str, state: State) -> Array:
    """Our own features of one side."""
    name = "flt_extended" if notation in MASKS else "conv_spe" if notation == CONV else "sine_spe"
    found: Array = getattr(arrays, name)(x, positions, side, **state)
    return found


def _pair(notation: str, change: Change = dict, keys: Change | None = None) -> Callable[..., Any]:
    """`encode` with the state changed on both sides, or otherwise on the keys' side."""

    def encode(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        left = _features(notation, q, positions, "query", change(state))
        return left, _features(notation, k, positions, "key", (keys or change)(state))

    return encode


def _subject(name: str, notation: str, **changed: Any) -> Subject:
    numbers = CODES.get(notation) or MASKS[notation]

    def build(parameters: Any, dtype: Any, device: str, seed: int) -> State:
        return state_of(arrays, "numpy", notation, parameters, dtype, device, seed)

    drawn = ("frequencies",) if notation in MASKS else ("noise", "gate_noise")
    declared: dict[str, Any] = {
        "build": build,
        "read": lambda state: {key: state[key] for key in drawn if key in state},
        "parameters": {"dim": DIM, "heads": HEADS, **numbers},
        "dtypes": ("float64",),
        "supports": {"offset", "arbitrary-positions"},
        "max_position": REACH.get(notation),
        "angles": "exact",
        "arithmetic": "input",
    }
    if "attend" not in changed:
        declared["encode"] = _pair(notation)
    else:
        declared["options"] = {"attention": "norm-linear", "scale": 1.0}
    return Subject(name=name, encoding=notation, library="numpy", **(declared | changed))


def _put(**values: Callable[[State], Any]) -> Change:
    """The state with some entries replaced by functions of it."""
    return lambda state: state | {key: make(state) for key, make in values.items()}


def _again(name: str) -> Callable[[State], Array]:
    """Other normals of the same shape at every call."""
    fresh = np.random.default_rng(5)
    return lambda state: fresh.standard_normal(state[name].shape)


def _redrawn_build(notation: str, change: Callable[[State, int], State]) -> Callable[..., State]:
    def build(parameters: Any, dtype: Any, device: str, seed: int) -> State:
        return change(state_of(arrays, "numpy", notation, parameters, dtype, device, seed), seed)

    return build


def _exchanged(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    return _features(SINE, q, positions, "key", state), _features(SINE, k, positions, "query", state)


def _mirrored(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    return _pair(SINE)(state=state, q=q, k=k, positions=-positions)  # type: ignore[no-any-return]


def _by_content(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    seed = int(np.ceil(1e7 * q.sum())) % 2**32
    return _pair(SINE, _seeded(seed))(state=state, q=q, k=k, positions=positions)  # type: ignore[no-any-return]


def _by_index(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    return _pair(SINE)(state=state, q=q, k=k, positions=np.arange(len(positions)))  # type: ignore[no-any-return]


def _by_batch(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    return _pair(SINE, _seeded(len(q)))(state=state, q=q, k=k, positions=positions)  # type: ignore[no-any-return]


def _seeded(seed: int) -> Change:
    return _put(noise=lambda state: np.random.default_rng(seed).standard_normal(state["noise"].shape))


def _extended(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """The content scaled by √(dim + 2r) instead of √dim."""
    width = q.shape[-1] + 2 * state["ratios"].shape[-1]
    return _pair(MIXTURE, lambda s: s | {"scale": width**-0.5})(state=state, q=q, k=k, positions=positions)  # type: ignore[no-any-return]


def _dense(state: State, q: Array, k: Array, v: Array, positions: Array, causal: bool) -> Array:
    """Right, and with a score for every query and key."""
    scores = _features(SINE, q, positions, "query", state) @ np.swapaxes(
        _features(SINE, k, positions, "key", state), -1, -2
    )
    return (np.tril(scores) if causal else scores) @ v


def _chunk_noise(state: State, q: Array, k: Array, v: Array, positions: Array, causal: bool) -> Array:
    """The noise of the queries is drawn again for every four rows."""
    right = _features(SINE, k, positions, "key", state)
    rows = []
    for start in range(0, q.shape[2], 4):
        own = state if start == 0 else _seeded(start)(state)
        part = slice(start, start + 4)
        scores = _features(SINE, q[:, :, part], positions[part], "query", own) @ np.swapaxes(right, -1, -2)
        seen = np.arange(q.shape[2])[part, None] >= np.arange(q.shape[2]) if causal else 1.0
        rows.append((scores * seen) @ v)
    return np.concatenate(rows, axis=2)


def _recurrent(state: State, q: Array, k: Array, v: Array, positions: Array, causal: bool) -> Array:
    """Right: a running state Σ k̂ vᵀ, row by row."""
    left, right = (_features(SINE, x, positions, side, state) for x, side in ((q, "query"), (k, "key")))
    held = np.zeros((*left.shape[:2], left.shape[-1], v.shape[-1]))
    whole = np.swapaxes(right, -1, -2) @ v
    out = np.empty((*left.shape[:-1], v.shape[-1]))
    for i in range(left.shape[2]):
        held = held + right[:, :, i, :, None] * v[:, :, i, None, :]
        out[:, :, i] = np.einsum("bhr,bhrv->bhv", left[:, :, i], held if causal else whole)
    return out


_ENCODES: tuple[tuple[str, str, Callable[..., Any], str, str, tuple[str, ...]], ...] = (
    ("flt-squared-ratio", MIXTURE, _pair(MIXTURE, _put(ratios=lambda s: s["ratios"] ** 2)),
     "ratio applied twice", "constructed, after released FLT code", (GIVEN, MEAN)),
    ("flt-density-constant", MIXTURE2, _pair(MIXTURE2, _put(ratios=lambda s: s["ratios"] / (2 * np.pi) ** 0.5)),
     "wrong normalisation", "constructed, after released FLT code", (GIVEN,)),
    ("flt-scale-of-the-extended", MIXTURE, _extended, "wrong scale", "constructed, after released FLT code", (GIVEN,)),
    ("flt-sign-lost", MIXTURE, _pair(MIXTURE, _put(ratios=lambda s: np.abs(s["ratios"]))),
     "lost sign", "constructed", (GIVEN, MEAN)),
    ("spe-phase-on-keys", SINE, _exchanged, "wrong side", "constructed", (GIVEN,)),
    ("spe-transposed-lag", SINE, _mirrored, "wrong sign of the lag", "constructed", (GIVEN,)),
    ("spe-gate-opposite", GATED, _pair(GATED, _put(gate=lambda s: 1 - s["gate"])),
     "opposite polarity", "constructed, after the two released gates", ("gate-ends",)),
    ("spe-gate-noise-redrawn", GATED, _pair(GATED, _put(gate_noise=_again("gate_noise"))),
     "noise drawn again", "constructed, after a decoder with a cache", (FROZEN,)),
    ("spe-missing-one-over-2k", SINE, _pair(SINE, _put(gains=lambda s: s["gains"] * 2.0)),
     "wrong normalisation", "constructed, after two functions of one release", (GIVEN,)),
    ("spe-noise-by-content", SINE, _by_content,
     "noise seeded by content", "constructed, after a benchmark's code", (FROZEN,)),
    ("spe-noise-by-batch", SINE, _by_batch, "noise seeded by the batch", "constructed", (FROZEN,)),
    ("spe-conv-filters-swapped", CONV,
     _pair(CONV, _put(query_filter=lambda s: s["key_filter"], key_filter=lambda s: s["query_filter"])),
     "wrong sign of the lag", "constructed, after two releases", (GIVEN,)),
    ("spe-index-for-position", SINE, _by_index, "positions ignored", "constructed", (FROZEN, GIVEN)),
    ("spe-one-angle-for-two-axes", PLANE,
     _pair(PLANE, _put(frequencies=lambda s: np.repeat(s["frequencies"][..., :1], 2, axis=-1))),
     "axes confused", "constructed", (GIVEN,)),
)  # fmt: skip
_BUILDS: tuple[tuple[str, str, Callable[[State, int], State], str, str, tuple[str, ...]], ...] = (
    ("spe-noise-uniform", SINE,
     lambda s, seed: s | {"noise": np.random.default_rng(seed).uniform(-(3**0.5), 3**0.5, s["noise"].shape)},
     "wrong law", "constructed", (LAW,)),
    ("spe-one-realization-repeated", SINE, lambda s, seed: s | {"noise": np.repeat(s["noise"][..., :1], 16, axis=-1)},
     "draws not independent", "constructed", ("realizations-independent",)),
    ("spe-seed-ignored", SINE,
     lambda s, seed: s | {"noise": np.random.default_rng(0).standard_normal(s["noise"].shape)},
     "draws not independent", "constructed", ("realizations-independent",)),
    ("spe-gate-noise-of-the-same-key", GATED,
     lambda s, seed: s | {"gate_noise": s["noise"].reshape(-1)[: s["gate_noise"].size].reshape(s["gate_noise"].shape)},
     "draws not independent", "constructed, after a benchmark's code", (LAW,)),
)  # fmt: skip


def mutants() -> list[Mutant]:
    """Wrong SPE and FLT, freshly built."""
    found = [
        Mutant(name, _subject(name, notation, encode=encode), fault, reference, caught)
        for name, notation, encode, fault, reference, caught in _ENCODES
    ]
    for name, notation, change, fault, reference, caught in _BUILDS:
        found.append(
            Mutant(name, _subject(name, notation, build=_redrawn_build(notation, change)), fault, reference, caught)
        )
    fresh = _pair(SINE, keys=_put(noise=_again("noise")))
    silent = _subject("spe-noise-redrawn-for-keys", SINE, encode=fresh, read=None)
    found.append(Mutant(silent.name, silent, "noise drawn again", "constructed", (MEAN,)))
    loud = _subject(
        "spe-noise-too-loud", SINE, encode=_pair(SINE, _put(noise=lambda s: s["noise"] * 2**0.5)), read=None
    )
    found.append(Mutant(loud.name, loud, "wrong law", "constructed", ("variance-in-expectation",)))
    chunks = _subject("spe-noise-redrawn-for-chunks", SINE, attend=_chunk_noise)
    found.append(Mutant(chunks.name, chunks, "noise drawn again", "constructed", ("fast-equals-dense",)))
    dense = _subject("spe-dense-claimed-linear", SINE, attend=_dense)
    found.append(Mutant(dense.name, dense, "quadratic memory", "constructed", ("memory-linear",)))
    return found


def _loops(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """sineSPE as the paper writes it: all codes, then a sum over coordinates."""

    def one(x: Array, side: str) -> Array:
        angle = 2 * np.pi * ((positions[:, None, None, None] * state["frequencies"]) % 1.0)
        angle = angle + (state["phases"] if side == "query" else 0.0)
        waves = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * state["gains"][..., None]
        codes = np.einsum("nhdj,hdjr->nhdr", waves.reshape(*waves.shape[:3], -1), state["noise"])
        found: Array = np.einsum("bhnd,nhdr->bhnr", x, codes) / np.sqrt(codes.shape[-1])
        return found

    return one(q, "query"), one(k, "key")


def _filtered(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """convSPE tap by tap."""

    def one(x: Array, taps: Array) -> Array:
        reach = taps.shape[-1] - 1
        codes = sum(
            taps[..., p, None] * state["noise"][positions - p + reach].astype(x.dtype) for p in range(taps.shape[-1])
        )
        found: Array = np.einsum("bhnd,nhdr->bhnr", x, codes) / np.sqrt(state["noise"].shape[-1])
        return found

    return one(q, state["query_filter"]), one(k, state["key_filter"])


def correct_variants() -> list[Subject]:
    """Right SPE and FLT that no check may accuse."""
    name = "correct:random "
    on_keys = _pair(MIXTURE, lambda state: state | {"split": "key"})

    def reordered(state: State, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        found = _pair(MIXTURE)(state=state, q=q, k=k, positions=positions)
        return found[0][..., ::-1], found[1][..., ::-1]

    return [
        _subject(f"{name}codes first", SINE, encode=_loops, max_position=4096, angles="float32"),
        _subject(f"{name}tap by tap", CONV, encode=_filtered),
        _subject(f"{name}noise kept to itself", GATED, read=None),
        _subject(f"{name}ratio on the keys", MIXTURE, encode=on_keys),
        _subject(f"{name}features reversed", MIXTURE, encode=reordered),
        _subject(f"{name}recurrent", SINE, attend=_recurrent),
    ]
