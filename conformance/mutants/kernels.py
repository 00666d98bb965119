"""Honest kernels in NumPy, float64 inside and one cast, every part replaceable; nothing of lagwise.impls is used."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..subject import Subject

Array = Any
HEADS, DIM, HELD = 4, 8, 300
DECLARED: dict[str, Any] = {
    "dtypes": ("float32",), "angles": "exact", "tables": "float64", "arithmetic": "float64",
    "supports": {"offset", "arbitrary-positions"},
}  # fmt: skip
_rng = np.random.default_rng(2210)
W = _rng.standard_normal((HEADS, 2 * HELD - 1)).astype(np.float32).tolist()
GRID = _rng.standard_normal((HEADS, 39)).astype(np.float32).tolist()
BLOCKS = _rng.standard_normal((HEADS, 39, 39)).astype(np.float32).tolist()
BUCKETS = _rng.standard_normal((HEADS, 32)).astype(np.float32).tolist()
R = {"r1": [0.5, 1.0, 1.5, 0.25], "r2": [0.25, 0.5, 0.125, 1.0]}


def mlp(inputs: int, name: str, width: int = 5) -> dict[str, Any]:
    """Drawn weights of an MLP over the heads, by the names of the definition."""
    shapes = {"w1": (width, inputs), "b1": (width,), "w2": (HEADS, width), "b2": (HEADS,)}
    return {f"{name}.{k}": _rng.standard_normal(s).astype(np.float32).tolist() for k, s in shapes.items()}


FIRE = {"c": 0.125, "threshold": 64.0, **mlp(1, "mlp")}
DAPE = {"heads": HEADS, **mlp(2 * HEADS, "f")}


def kernel(name: str, encoding: str, numbers: Mapping[str, Any], **fields: Any) -> Subject:
    """A subject with these doors; `state` is a copy of the parameters."""
    found = {**DECLARED, "build": lambda parameters: dict(parameters), **fields}
    return Subject(name=name, encoding=encoding, parameters={"dim": DIM, **numbers}, **found)


def biased(
    name: str, encoding: str, numbers: Mapping[str, Any], compute: Callable[..., Array], **fields: Any
) -> Subject:
    """A bias door from `compute(state, s (n_q, 1), t (n_k,))` in float64."""

    def bias(state: Any, query_positions: Array, key_positions: Array, dtype: Any) -> Array:
        s, t = query_positions.astype(np.float64)[:, None], key_positions.astype(np.float64)
        return np.asarray(compute(state, s, t)).astype(dtype)

    return kernel(name, encoding, numbers, **{"bias": bias, **fields})


def past(s: Array, t: Array) -> Array:
    """max(s − t, 0)."""
    return np.maximum(s - t, 0)


def column(values: Any) -> Array:
    """One number a head, to broadcast against (n_q, n_k)."""
    return np.asarray(values, dtype=np.float64)[:, None, None]


def slopes(heads: int) -> list[float]:
    """ALiBi's slopes, also between powers of two."""
    below = 1 << (heads.bit_length() - 1)
    between = [2.0 ** (-4 * (2 * i + 1) / below) for i in range(heads - below)]
    return [2.0 ** (-8 * (h + 1) / below) for h in range(below)] + between


def alibi(state: Any, s: Array, t: Array) -> Array:
    """−m_h max(s − t, 0)."""
    return -column(slopes(state["heads"])) * past(s, t)


def t5_bucket(n: int) -> int:
    """32 buckets, distance 128, causal: thresholds in integers."""
    return n if n < 16 else 16 + sum(n**16 >= 128**b * 16 ** (16 - b) for b in range(1, 16))


def t5(state: Any, s: Array, t: Array, bucket: Callable[[int], int] = t5_bucket) -> Array:
    """The table's entry of the bucket of max(s − t, 0)."""
    far = np.minimum(past(s, t), 4096).astype(np.int64)
    table = np.array([bucket(n) for n in range(int(far.max(initial=0)) + 1)])
    return np.asarray(state["w"])[:, table[far]]


def sandwich(state: Any, s: Array, t: Array, wave: Callable[[Array], Array] = np.cos) -> Array:
    """Width 8."""
    waves = sum(wave((t - s) * 10000.0 ** (-p / 4)) for p in range(1, 5))
    return column([HEADS / (8 * h) for h in range(1, HEADS + 1)]) * (waves - 4)


def kerple(state: Any, s: Array, t: Array) -> Array:
    """−r1 ln(1 + r2 max(s − t, 0))."""
    return -column(state["r1"]) * np.log1p(column(state["r2"]) * past(s, t))


def perceptron(state: Any, name: str, u: Array, slope: float) -> Array:
    """The MLP over the first axis of u (inputs, …)."""
    w1, b1, w2, b2 = (np.asarray(state[f"{name}.{k}"], dtype=np.float64) for k in ("w1", "b1", "w2", "b2"))
    hidden = np.einsum("wi,i...->w...", w1, u) + b1.reshape(-1, *(1,) * (u.ndim - 1))
    hidden = np.where(hidden > 0, hidden, slope * hidden)
    return np.einsum("hw,w...->h...", w2, hidden) + b2.reshape(-1, *(1,) * (u.ndim - 1))


def fire(state: Any, s: Array, t: Array, largest: Callable[[Any, Array], Array] | None = None) -> Array:
    """f(ψ(s − t)/(ψ(max(L, s)) + ε))."""
    c, top = state["c"], np.maximum(state["threshold"], s) if largest is None else largest(state, s)
    ratio = np.log1p(c * past(s, t)) / (np.log1p(c * top) + 1e-6)
    return perceptron(state, "mlp", ratio[None], 0.0)


# sums


def lags(rows: int, keys: int) -> Array:
    """(rows, keys): key minus query, the queries being the last rows."""
    return np.arange(keys) - (np.arange(rows)[:, None] + keys - rows)


def matrix(state: Any, rows: int, keys: int, causal: bool) -> Array:
    """W, (heads, rows, keys)."""
    found = np.asarray(state["w"])[:, lags(rows, keys) + HELD - 1]
    return np.where(lags(rows, keys) > 0, 0, found) if causal else found


def circular(w: Array, v: Array, length: int, causal: bool = True) -> Array:
    """W v by one circular convolution of `length` points; right when that is at least 2n − 1."""
    n = v.shape[-2]
    kernel = np.zeros((len(w), length))
    for lag in range(-(n - 1), 1 if causal else n):
        kernel[:, -lag % length] = w[:, lag + HELD - 1]
    product = np.fft.fft(kernel)[:, :, None] * np.fft.fft(v, n=length, axis=-2)
    return np.fft.ifft(product, axis=-2).real[..., :n, :]


def product(
    length: Callable[[int], int] | None = None, causal: bool = True, transposed: bool = False
) -> Callable[..., Array]:
    """A mix door: by the matrix, or by one FFT of length(n) where there are as many queries as keys."""

    def mix(state: Any, v: Array, query_positions: Array) -> Array:
        n, rows = v.shape[-2], len(query_positions)
        wide = v.astype(np.float64)
        if length is not None and rows == n:
            return circular(np.asarray(state["w"]), wide, length(n), causal).astype(v.dtype)
        held = {"w": np.asarray(state["w"])[:, ::-1]} if transposed else state
        return (matrix(held, rows, n, causal) @ wide).astype(v.dtype)

    return mix


def softmaxed(logits: Array, v: Array, seen: Array) -> Array:
    """softmax over the keys that are seen, times v."""
    hidden = np.where(seen, logits, -np.inf)
    weights = np.exp(hidden - hidden.max(axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True) @ v


def adapted(state: Any, scores: Array, s: Array, t: Array) -> Array:
    """S + B + f([S; B]), (batch, heads, n_q, n_k)."""
    prior = np.broadcast_to(alibi(state, s[:, None], t), scores.shape)
    u = np.moveaxis(np.concatenate([scores, prior], axis=1), 1, 0)
    return scores + prior + np.moveaxis(perceptron(state, "f", u, 0.01), 0, 1)


def adapt(state: Any, scores: Array, query_positions: Array, key_positions: Array) -> Array:
    """The adapt door."""
    return adapted(state, scores.astype(np.float64), query_positions, key_positions).astype(scores.dtype)


def attend_adapted(logits: Callable[..., Array] = adapted, seen: Any = None, **_: Any) -> Callable[..., Array]:
    """An attend door of DAPE; `logits` and `seen` are what a mutant replaces."""

    def attend(state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array) -> Array:
        q64, k64, v64 = (x.astype(np.float64) for x in (q, k, v))
        found = logits(state, q64 @ k64.swapaxes(-1, -2) / np.sqrt(DIM), query_positions, key_positions)
        visible = key_positions <= query_positions[:, None]
        visible = np.broadcast_to(visible, found.shape) if seen is None else seen(visible, found)
        return softmaxed(found, v64, visible).astype(v.dtype)

    return attend


def masked(
    kappa: Callable[[Any, Array, Array], Array], divide: Callable[[Array], Array] = lambda z: z
) -> Callable[..., Array]:
    """An attend door: linear attention with elu + 1 under κ(state, s, t), (heads, n_q, n_k)."""

    def attend(state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array) -> Array:
        phi = [np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) for x in (q.astype(np.float64), k.astype(np.float64))]
        weights = phi[0] @ phi[1].swapaxes(-1, -2) * kappa(state, query_positions, key_positions)
        total = divide(weights.sum(axis=-1, keepdims=True))
        return (weights @ v.astype(np.float64) / total).astype(v.dtype)

    return attend


def by_lag(state: Any, s: Array, t: Array, sign: int = 1) -> Array:
    """The table's entry of t − s."""
    return np.asarray(state["b"])[:, sign * (t - s[:, None]) + HELD - 1]


def by_cell(state: Any, s: Array, t: Array) -> Array:
    """The table's entry of both lags of a grid."""
    far = t[None, :, :] - s[:, None, :] + 19
    return np.asarray(state["b"])[:, far[..., 0], far[..., 1]]


def correct() -> list[Subject]:
    """Right kernels that look different; no check may accuse one of them."""
    options = {"attention": "linear", "feature_map": "elu+1"}
    table = {"max_position": HELD, "supports": {"offset"}}

    def hidden(state: Any, s: Array, t: Array) -> Array:
        return np.where(t > s, -np.inf, alibi(state, s, t))

    def with_bias(
        state: Any, q: Array, k: Array, v: Array, query_positions: Array, key_positions: Array, causal: bool
    ) -> Array:
        q64, k64, v64 = (x.astype(np.float64) for x in (q, k, v))
        logits = q64 @ k64.swapaxes(-1, -2) + t5(state, query_positions[:, None], key_positions)
        return softmaxed(logits, v64, (lags(q.shape[-2], k.shape[-2]) <= 0) | (not causal)).astype(v.dtype)

    return [
        biased("correct:alibi", "alibi", {"heads": 12}, alibi),
        biased("correct:alibi-future-hidden", "alibi", {"heads": 8}, hidden),
        biased("correct:alibi-row-constant", "alibi", {"heads": 8}, lambda state, s, t: column(slopes(8)) * (t + 0 * s),
               bias_up_to="row-constant", max_position=4096),
        biased("correct:t5", "t5", {"w": BUCKETS}, t5, attend=with_bias, options={"scale": 1}),
        biased("correct:sandwich", "sandwich[width=8]", {"heads": HEADS}, sandwich),
        biased("correct:kerple", "kerple", R, kerple),
        biased("correct:fire", "fire", FIRE, fire),
        kernel("correct:fastrpb-matrix", "fastrpb[causal=yes]", {"w": W}, mix=product(), **table),
        kernel("correct:fastrpb-fft-2n", "fastrpb[causal=yes]", {"w": W}, mix=product(lambda n: 2 * n), **table),
        kernel("correct:fastrpb-fft-2n-1", "fastrpb", {"w": W}, mix=product(lambda n: 2 * n - 1, False),
               max_position=HELD),
        kernel("correct:dape", "dape", DAPE, adapt=adapt, attend=attend_adapted()),
        kernel("correct:toeplitz-mask", "toeplitz-mask", {"b": W}, options=options, max_position=HELD,
               attend=masked(lambda state, s, t: np.exp(by_lag(state, s, t)))),
        kernel("correct:toeplitz-mask-signed", "toeplitz-mask[positivity=signed]", {"b": W}, options=options,
               max_position=HELD, attend=masked(by_lag)),
        kernel("correct:toeplitz-mask-grid", "toeplitz-mask[axes=2]", {"b": BLOCKS}, options=options, max_position=20,
               supports=(), attend=masked(lambda state, s, t: np.exp(by_cell(state, s, t)))),
    ]  # fmt: skip
