"""Linear attention: φ first, then the encoding; bidirectional, causal by chunks, or token by token with a carry.

o_s = Σ_t (q̂_s·k̂_t) v_t / z_s, from the state S = Σ k̂ vᵀ, (dim, d_v), instead of the scores. Katharopoulos et al.,
Transformers are RNNs, arXiv 2006.16236; by chunks as in Hua et al., arXiv 2202.10447.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat

from . import native
from .attention import Bound, Encode, ahead, checked, divided, grouped
from .common import Array
from .dense import check_denominator
from .features import FeatureMap
from .features import feature_map as named_map

CHUNK = 128
Rows = Callable[[int, int], tuple[Array, Array]]  # (start, stop) → φ(x) and x̂ of those rows


class Carry(NamedTuple):
    """What a causal run hands to the next: Σ k̂ vᵀ (batch, kv_heads, width, d_v); Σ φ(k), or Σ k̂ for the encoded
    denominator, (batch, kv_heads, width), None for norm-linear. In float64 for float64 inputs, else float32.
    """

    state: Array
    normalizer: Array | None


def linear_attention(
    q: Array,
    k: Array,
    v: Array,
    *,
    causal: bool = False,
    feature_map: FeatureMap = None,
    kind: str = "linear",
    denominator: str = "plain",
    encode_query: Encode = None,
    encode_key: Encode = None,
    form: str = "chunked",
    chunk: int | None = None,
    carry: Carry | bool | None = None,
    scale: float | None = None,
    epsilon: float = 0.0,
) -> Any:
    """Linear attention in O(length): (batch, heads, n_q, d_v) in the dtype of q, or (out, Carry) if carry is asked for.

    q (batch, heads, n_q, dim), k (batch, kv_heads, n_k, dim), v (batch, kv_heads, n_k, d_v). First φ = feature_map,
    then encode_query and encode_key, functions x → x̂; one made by `bind` is applied chunk by chunk, others to all rows.
    kind "linear" divides by Σ φ(q)·φ(k) (denominator="plain") or Σ q̂·k̂ ("encoded"), `epsilon` added to it when given;
    "norm-linear" divides by nothing and takes `scale`. Causal rows go by index; with more keys than queries the queries
    are the last rows. form: "chunked" or "recurrent" (causal only). carry: True starts from nothing and returns
    (out, Carry); a Carry continues after the rows it holds and returns the next; None and False return out alone.
    Raises ZeroDivisionError at a zero denominator, ValueError and TypeError for what does not fit.
    """
    where = "linear_attention"
    xp, dtype = checked(where, q, k, v, kind, ("linear", "norm-linear"))
    _check_options(where, causal, form, chunk, carry, denominator)
    phi = named_map(where, xp, feature_map)
    run = _Run(
        xp,
        _rows(xp, q, k.shape[1], dtype, phi, encode_query),
        _rows(xp, k, k.shape[1], dtype, phi, encode_key),
        lambda start, stop: xp.astype(v[:, :, None, start:stop, :], dtype, copy=False),
        None if kind == "norm-linear" else denominator,
        scale if kind == "norm-linear" else None,
    )
    size, before = chunk or CHUNK, ahead(where, q, k) if causal else k.shape[-2]
    held = _absorbed(run, _start(run, carry), before, size)
    outs, step = [], 1 if form == "recurrent" else size
    for start in range(0, max(q.shape[-2], 1), step):
        stop = min(start + step, q.shape[-2])
        held, (total, weight) = _advance(run, held, start, stop, before if causal else None)
        rows = total if weight is None else divided(where, xp, total, weight + epsilon, start)
        outs.append(xp.astype(rows, q.dtype, copy=False))
    out = xp.reshape(outs[0] if len(outs) == 1 else xp.concat(outs, axis=-2), (*q.shape[:-1], v.shape[-1]))
    return (out, _carried(held, run.weight)) if carry is not None and carry is not False else out


class _Run(NamedTuple):
    xp: Any
    queries: Rows
    keys: Rows
    values: Callable[[int, int], Array]
    weight: str | None  # which denominator
    scale: float | None


_Rows = tuple[Array, Array | None]  # rows of the output not yet divided, and what divides them
_Held = tuple[Array, Array]  # Σ k̂ vᵀ (batch, kv_heads, 1, width, d_v) and Σ of the denominator's keys, without d_v


def _rows(xp: Any, x: Array, kv_heads: int, dtype: Any, phi: Callable[[Array], Array], encode: Encode) -> Rows:
    """(start, stop) → φ(x) and x̂ of those rows, grouped by key head; made per chunk unless `encode` wants all rows."""

    def made(start: int, stop: int) -> tuple[Array, Array]:
        mapped = phi(xp.astype(x[..., start:stop, :], dtype, copy=False))
        function = encode.part(start, stop) if isinstance(encode, Bound) else encode
        encoded = mapped if function is None else function(mapped)
        return grouped(xp, mapped, kv_heads), grouped(xp, encoded, kv_heads)

    if encode is None or isinstance(encode, Bound):
        return made
    whole = made(0, x.shape[-2])
    return lambda start, stop: (whole[0][..., start:stop, :], whole[1][..., start:stop, :])


def _weighed(run: _Run, rows: tuple[Array, Array]) -> Array:
    return rows[0] if run.weight == "plain" else rows[1]


def _start(run: _Run, carry: Carry | bool | None) -> _Held:
    if isinstance(carry, Carry):
        state = carry.state[:, :, None, :, :]
        return state, (state[..., 0] if carry.normalizer is None else carry.normalizer[:, :, None, :])
    return _absorb(run, None, 0, 0)


def _absorb(run: _Run, held: _Held | None, start: int, stop: int) -> _Held:
    xp, keys = run.xp, run.keys(start, stop)
    state = xp.matmul(xp.matrix_transpose(keys[1]), run.values(start, stop))
    weights = xp.sum(_weighed(run, keys), axis=-2)
    return (state, weights) if held is None else (held[0] + state, held[1] + weights)


def _absorbed(run: _Run, held: _Held, stop: int, size: int) -> _Held:
    for start in range(0, stop, size):
        held = _absorb(run, held, start, min(start + size, stop))
    return held


def _advance(run: _Run, held: _Held, start: int, stop: int, before: int | None) -> tuple[_Held, _Rows]:
    """The rows start … stop − 1 of the output, not yet divided, and what is held after them."""
    xp, queries = run.xp, run.queries(start, stop)
    wide = _weighed(run, queries)
    if before is None or start == stop:
        total, seen = xp.matmul(queries[1], held[0]), held[1][..., None, :]
    elif stop == start + 1:
        held = _absorb(run, held, before + start, before + stop)
        total, seen = xp.matmul(queries[1], held[0]), held[1][..., None, :]
    else:
        keys, values = run.keys(before + start, before + stop), run.values(before + start, before + stop)
        kernel = native.causal_chunk if array_api_compat.is_numpy_array(values) else causal_chunk
        total, state = kernel(queries[1], keys[1], values, held[0])
        seen = held[1][..., None, :] + xp.cumulative_sum(_weighed(run, keys), axis=-2)
        held = state, seen[..., -1, :]
    if run.weight is None:
        return held, (total if run.scale is None else total * run.scale, None)
    return held, (total, xp.sum(wide * seen, axis=-1))


def causal_chunk(q: Array, k: Array, v: Array, state: Array) -> tuple[Array, Array]:
    """(output, next state) of one chunk: what came before through the state, the chunk itself by its scores."""
    xp = array_api_compat.array_namespace(q)
    scores = xp.tril(xp.matmul(q, xp.matrix_transpose(k)))
    return xp.matmul(scores, v) + xp.matmul(q, state), state + xp.matmul(xp.matrix_transpose(k), v)


def _carried(held: _Held, weight: str | None) -> Carry:
    return Carry(held[0][:, :, 0, :, :], None if weight is None else held[1][:, :, 0, :])


def _check_options(
    where: str, causal: bool, form: str, chunk: int | None, carry: Carry | bool | None, denominator: str
) -> None:
    check_denominator(where, denominator)
    if form not in ("chunked", "recurrent"):
        raise ValueError(f"{where}: form must be chunked or recurrent, got {form}")
    if not causal and (form == "recurrent" or (carry is not None and carry is not False)):
        raise ValueError(f"{where}: form=recurrent and carry need causal=True")
    if chunk is not None and chunk < 1:
        raise ValueError(f"{where}: chunk must be at least 1, got {chunk}")
