"""Mutants with a memory: shared or stale caches, reused buffers, writes to the inputs, answers kept from before."""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from .mutant import Mutant
from .rotary import HONEST, Array, Parameters, interleaved, product, schedule, subject

Encode = Callable[..., tuple[Array, Array]]


def from_table(x: Array, positions: Array, table: tuple[Array, Array], parameters: Parameters) -> Array:
    """Rotate pairs (2p, 2p + 1) of x by rows of (cos, sin), each (rows, pairs), in float64 with one cast."""
    first, second = interleaved(parameters)
    cos, sin = (part[positions].astype(np.float64) for part in table)
    wide = x.astype(np.float64)
    out = wide.copy()
    out[..., first] = wide[..., first] * cos - wide[..., second] * sin
    out[..., second] = wide[..., first] * sin + wide[..., second] * cos
    return out.astype(x.dtype)


def rows_for(positions: Array) -> int:
    """Table rows that cover these positions: the next power of two."""
    return 1 << int(positions.max(initial=0)).bit_length()


def make_table(rows: int, parameters: Parameters, dtype: Any = np.float64) -> tuple[Array, Array]:
    """(cos, sin) of all positions below `rows`, (rows, pairs)."""
    phase = product(np.arange(rows), schedule(parameters))
    return np.cos(phase).astype(dtype), np.sin(phase).astype(dtype)


def _honest(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    return HONEST.both(q, k, positions, state)


def _tabled(
    kept: dict[Any, Any], key: Callable[..., Any], dtype: Callable[[Array], Any] = lambda q: np.float64
) -> Encode:
    """Reads a table that is made once for each `key(state, q, rows)` and kept in `kept`, shared by every instance."""

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        rows = rows_for(positions)
        name = key(state, q, rows)
        if name not in kept:
            kept[name] = make_table(rows, state, dtype(q))
        return from_table(q, positions, kept[name], state), from_table(k, positions, kept[name], state)

    return encode


def shared_by_length() -> Encode:
    """A class-level table found by its length alone: a second instance with another base reads the first one's."""
    return _tabled({}, lambda state, q, rows: rows)


def without_dtype() -> Encode:
    """A table kept in the dtype of the first call, whatever the next call brings."""
    return _tabled({}, lambda state, q, rows: (state["base"], state["dim"], rows), lambda q: q.dtype)


def memo_by(key: Callable[[Array, Array], Any]) -> Encode:
    """Returns the first answer again whenever `key(q, positions)` repeats."""
    kept: dict[Any, Any] = {}

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        name = key(q, positions)
        if name not in kept:
            kept[name] = _honest(state, q, k, positions)
        return tuple(part.copy() for part in kept[name])  # type: ignore[return-value]

    return encode


def phases_by(key: Callable[[Array, Array], Any]) -> Encode:
    """Keeps the *positions* of the first call for each key: right for its first caller, stale for the next."""
    kept: dict[Any, Array] = {}

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        return _honest(state, q, k, kept.setdefault(key(q, positions), positions.copy()))

    return encode


def one_buffer() -> Encode:
    """Writes every answer into one buffer per shape: the second call overwrites what the first returned."""
    kept: dict[Any, tuple[Array, Array]] = {}

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        new = _honest(state, q, k, positions)
        held = kept.setdefault((q.shape, k.shape, q.dtype), new)
        for buffer, values in zip(held, new, strict=True):
            buffer[...] = values
        return held

    return encode


def in_place(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Right, and written over its inputs."""
    q[...], k[...] = _honest(state, q, k, positions)
    return q, k


def advances(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Right, and leaves the caller's positions one step further."""
    turned = _honest(state, q, k, positions)
    positions += 1
    return turned


def last_rows(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Keeps a table as long as the longest call and takes its last n rows: right until a shorter call follows."""
    state["seen"] = max(state.get("seen", 0), len(positions))
    return _honest(state, q, k, np.arange(state["seen"] - len(positions), state["seen"]))


def grows_in_half(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Frequencies are cast to float16 once a call goes beyond position 2048, and stay so in this instance."""
    state["beyond"] = state.get("beyond", False) or bool(positions.max(initial=0) >= 2048)
    theta = schedule(state).astype(np.float16).astype(np.float64) if state["beyond"] else schedule(state)
    return _with(theta, q, k, positions, state)


def remembers_longest(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Dynamic scaling that is never taken back: after one long call the base stays enlarged."""
    seen = state["seen"] = max(state.get("seen", 0), int(positions.max(initial=0)))
    theta = schedule({**state, "base": state["base"] * max(1.0, seen / 4096)})
    return _with(theta, q, k, positions, state)


def noisy() -> Encode:
    """One roundoff of noise that differs from call to call, as atomics and racing reductions leave it."""
    calls = count()

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        up = next(calls) % 2 == 1
        turned = _honest(state, q, k, positions)
        return tuple(np.nextafter(x, x.dtype.type(np.inf)) if up else x for x in turned)  # type: ignore[return-value]

    return encode


def grouped_keys_skipped(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
    """Keys are left alone when they have fewer heads than queries."""
    turned = _honest(state, q, k, positions)
    return turned if k.shape[1] == q.shape[1] else (turned[0], k.copy())


def _with(theta: Array, q: Array, k: Array, positions: Array, state: Any) -> tuple[Array, Array]:
    from .rotary import fault

    return fault(schedule=lambda parameters: theta).both(q, k, positions, state)


_SMALL = {"max_position": 8192, "tables": "none"}
_TWO = {"dtypes": ("float32", "float16"), "max_position": 8192, "arithmetic": "input", "tables": "input"}
_HISTORY = ("history-independent", "matches-the-definition")


def _rows() -> tuple[tuple[str, Encode, dict[str, Any], str, str, tuple[str, ...]], ...]:
    """Name, encode, declared, fault class, reference, checks; made anew, so that every mutant starts without memory."""
    return (
        ("table-shared-by-length", shared_by_length(), _SMALL, "shared cache", "ml-explore/mlx#3071", _HISTORY),
        ("table-without-dtype", without_dtype(), _TWO, "shared cache", "huggingface/transformers#25681", _HISTORY),
        (
            "grows-in-half-precision",
            grows_in_half,
            {"max_position": 8192},
            "stale cache",
            "huggingface/transformers#29496",
            _HISTORY,
        ),
        (
            "longest-call-remembered",
            remembers_longest,
            {"max_position": 16384},
            "stale cache",
            "huggingface/transformers#27226",
            _HISTORY,
        ),
        (
            "last-rows-of-a-longer-table",
            last_rows,
            {"supports": set(), "max_position": 4096},
            "stale cache",
            "huggingface/candle#899",
            ("history-independent",),
        ),
        ("one-buffer-returned-twice", one_buffer(), {}, "stale buffer", "cheating", _HISTORY),
        ("written-over-its-inputs", in_place, {}, "in-place write", "unslothai/unsloth#5001", ("contract",)),
        (
            "first-answer-by-shape",
            memo_by(lambda q, s: (q.shape, q.dtype, len(s))),
            {},
            "cheating",
            "cheating",
            ("contract", "arbitrary-positions"),
        ),
        (
            "positions-by-shape",
            phases_by(lambda q, s: (q.shape, q.dtype)),
            {},
            "stale cache",
            "lucidrains/rotary-embedding-torch#11",
            ("offset-equals-full", "arbitrary-positions"),
        ),
        ("positions-advanced-in-place", advances, {}, "in-place write", "constructed", ("contract",)),
        ("noise-in-the-last-bit", noisy(), {}, "nondeterminism", "constructed", ("deterministic",)),
        (
            "grouped-keys-skipped",
            grouped_keys_skipped,
            {"supports": {"arbitrary-positions", "offset", "grouped-heads"}},
            "key path",
            "linkedin/Liger-Kernel#342",
            ("grouped-heads",),
        ),
        (
            "positions-by-pointer",
            phases_by(lambda q, s: (s.__array_interface__["data"][0], s.shape)),
            {},
            "stale cache",
            "cheating",
            ("history-independent",),
        ),
    )


def mutants() -> list[Mutant]:
    """The rows of the table above as mutants."""
    return [
        Mutant(name, subject(f"mutant:{name}", encode=encode, **declared), kind, reference, caught_by)
        for name, encode, declared, kind, reference, caught_by in _rows()
    ]
