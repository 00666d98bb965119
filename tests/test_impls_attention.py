"""Dense and linear attention on NumPy and on the strict standard: every form gives the same numbers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lagwise.impls import arrays
from lagwise.impls.arrays.native import causal_chunk
from test_impls_rope import away, home

N = 29


def unitary(x, positions):
    """A complex encoding, stacked."""
    return arrays.lrpe(x, positions, core="unitary", p="dft")


def inputs(n=N, dtype="float64"):
    """q with four heads, k and v with two."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, heads, n, d)) for heads, d in ((4, 6), (2, 6), (2, 5)))
    return q.astype(dtype), k.astype(dtype), v.astype(dtype)


def bound(encode, positions):
    """Both sides bound to positions, or nothing."""
    if encode is None:
        return {}
    return {"encode_query": arrays.bind(encode, positions), "encode_key": arrays.bind(encode, positions)}


def defined(q, k, v, causal, kind, denominator, phi, encode, positions):
    """The sums as they are written, with loops over heads only."""
    fq, fk = (np.where(x > 0, x + 1, np.exp(np.minimum(x, 0))) if phi == "elu+1" else np.exp(x) for x in (q, k))
    eq, ek = (fq, fk) if encode is None else (encode(fq, positions), encode(fk, positions))
    out = np.empty((*q.shape[:3], v.shape[-1]))
    for h in range(q.shape[1]):
        weights = eq[:, h] @ np.swapaxes(ek[:, h // 2], -1, -2)
        content = fq[:, h] @ np.swapaxes(fk[:, h // 2], -1, -2)
        weights, content = (np.tril(w) if causal else w for w in (weights, content))
        out[:, h] = weights @ v[:, h // 2]
        if kind == "linear":
            out[:, h] /= (content if denominator == "plain" else weights).sum(-1, keepdims=True)
    return out


CASES = list(
    product((False, True), (("linear", "plain"), ("linear", "encoded"), ("norm-linear", "plain")), ("elu+1", "exp"))
)


@pytest.mark.parametrize("encode", [None, arrays.rope, unitary])
@pytest.mark.parametrize(("causal", "what", "phi"), CASES)
def test_every_form_is_the_definition(causal, what, phi, encode):
    (q, k, v), positions = inputs(), np.arange(N) * 3 + 70
    kind, denominator = what
    options = {"causal": causal, "kind": kind, "denominator": denominator, "feature_map": phi}
    wanted = defined(q, k, v, causal, kind, denominator, phi, encode, positions)
    near = 1e-11 * np.max(np.abs(wanted))
    got = [arrays.dense_attention(q, k, v, **options, **bound(encode, positions))]
    got += [arrays.linear_attention(q, k, v, **options, **bound(encode, positions), chunk=c) for c in (1, 4, 29, None)]
    if encode is not None:
        whole = {"encode_query": lambda x: encode(x, positions), "encode_key": lambda x: encode(x, positions)}
        got.append(arrays.linear_attention(q, k, v, **options, **whole, chunk=8))
    if causal:
        got.append(arrays.linear_attention(q, k, v, **options, **bound(encode, positions), form="recurrent"))
    far = [away(x) for x in (q, k, v)]
    for form in (arrays.dense_attention, arrays.linear_attention):
        got.append(home(form(*far, **options, **bound(encode, away(positions)))))
    assert max(np.max(np.abs(g - wanted)) for g in got) < near


@given(cuts=st.lists(st.integers(0, N), max_size=4).map(sorted), forms=st.lists(st.booleans(), min_size=5, max_size=5))
@pytest.mark.parametrize("what", [("linear", "plain"), ("linear", "encoded"), ("norm-linear", "plain")])
def test_a_carried_run_is_the_run_in_one_piece(what, cuts, forms):
    (q, k, v), positions = inputs(), np.arange(N)
    options = {"causal": True, "kind": what[0], "denominator": what[1], "feature_map": "elu+1"}
    wanted = arrays.linear_attention(q, k, v, **options, **bound(unitary, positions))
    carry, pieces = True, []
    for start, stop, recurrent in zip([0, *cuts], [*cuts, N], forms, strict=False):
        part = [x[:, :, start:stop] for x in (q, k, v)]
        form = "recurrent" if recurrent else "chunked"
        piece, carry = arrays.linear_attention(
            *part, **options, **bound(unitary, positions[start:stop]), form=form, chunk=7, carry=carry
        )
        pieces.append(piece)
    assert np.max(np.abs(np.concatenate(pieces, 2) - wanted)) < 1e-11 * np.max(np.abs(wanted))
    assert carry.state.shape == (2, 2, 12, 5)
    assert (carry.normalizer is None) == (what[0] == "norm-linear")


def test_queries_at_the_end_see_all_keys_before_them():
    (q, k, v), positions = inputs(), np.arange(N)
    for form in (arrays.dense_attention, arrays.linear_attention):
        options = {"kind": "linear", "causal": True, "feature_map": "exp"}
        whole = form(q, k, v, **options, **bound(arrays.rope, positions))
        last = {
            "encode_query": arrays.bind(arrays.rope, positions[20:]),
            "encode_key": arrays.bind(arrays.rope, positions),
        }
        assert np.allclose(form(q[:, :, 20:], k, v, **options, **last), whole[:, :, 20:], 1e-9, 1e-12)


@pytest.mark.parametrize("scale", [None, 0.3])
def test_softmax_by_index_and_by_position(scale):
    (q, k, v), order = inputs(), np.random.default_rng(4).permutation(N)
    wanted = np.empty((2, 4, N, 5))
    for h in range(4):
        logits = q[:, h] @ np.swapaxes(k[:, h // 2], -1, -2) * (6**-0.5 if scale is None else scale)
        weights = np.tril(np.exp(logits))
        wanted[:, h] = weights @ v[:, h // 2] / weights.sum(-1, keepdims=True)
    assert np.allclose(arrays.dense_attention(q, k, v, causal=True, scale=scale), wanted, 1e-12, 1e-13)
    places = {"query_positions": order, "key_positions": order}
    moved = arrays.dense_attention(*(x[:, :, order] for x in (q, k, v)), causal=True, scale=scale, **places)
    assert np.allclose(moved, wanted[:, :, order], 1e-12, 1e-13)
    batched = {name: np.stack([order, order]) for name in places}
    again = arrays.dense_attention(*(x[:, :, order] for x in (q, k, v)), causal=True, scale=scale, **batched)
    assert np.array_equal(again, moved)
    raw = arrays.scores(q, k, scale)
    assert np.allclose(raw[:, 3], q[:, 3] @ np.swapaxes(k[:, 1], -1, -2) * (scale or 1), 1e-13, 1e-13)


def test_softmax_of_large_scores_stays_finite():
    q, k, v = (100 * x for x in inputs())
    assert np.all(np.isfinite(arrays.dense_attention(q, k, v, causal=True, scale=1.0)))


def test_chunked_float32_error_is_a_few_units_of_the_absolute_run():
    rng = np.random.default_rng(1)
    q, k, v = (rng.standard_normal((1, 1, 2048, 32)).astype(np.float32) for _ in range(3))
    got = arrays.linear_attention(q, k, v, causal=True, kind="norm-linear")
    exact, size = (
        arrays.linear_attention(*(f(x).astype(np.float64) for x in (q, k, v)), causal=True, kind="norm-linear")
        for f in (lambda x: x, np.abs)
    )
    assert np.all(np.abs(got - exact) <= 8 * 2.0**-24 * size)
    from lagwise.impls.arrays.linear import causal_chunk as standard

    state = rng.standard_normal((1, 1, 32, 32)).astype(np.float32)
    for mine, other in zip(causal_chunk(q, k, v, state), standard(q, k, v, state), strict=True):
        assert np.allclose(mine, other, 1e-4, 1e-3)


def test_half_precision_is_computed_wide_and_cast_once():
    q, k, v = inputs(dtype="float16")
    for form in (arrays.dense_attention, arrays.linear_attention):
        options = {"kind": "linear", "causal": True, "feature_map": "exp"}
        got = form(q, k, v, **options)
        wide = form(*(x.astype(np.float32) for x in (q, k, v)), **options)
        assert got.dtype == np.float16
        assert np.array_equal(got, wide.astype(np.float16))
    assert arrays.scores(q, k).dtype == np.float32


def test_relu_and_identity_maps_and_a_function():
    q, k, v = inputs()
    q, k = abs(q), abs(k)
    named = [arrays.linear_attention(q, k, v, feature_map=f) for f in (None, "identity", "relu", lambda x: x)]
    assert all(np.array_equal(named[0], other) for other in named[1:])


def call(form, /, **change):
    """One call with a change."""
    q, k, v = inputs(4)
    return form(**({"q": q, "k": k, "v": v} | change))


ZERO = np.zeros((2, 4, 4, 6))
ERRORS = [
    (arrays.linear_attention, {"q": ZERO}, "linear_attention: the denominator is zero at batch 0, head 0, row 0"),
    (arrays.linear_attention, {"form": "scan"}, "linear_attention: form must be chunked or recurrent, got scan"),
    (arrays.linear_attention, {"carry": True}, "linear_attention: form=recurrent and carry need causal=True"),
    (arrays.linear_attention, {"chunk": 0}, "linear_attention: chunk must be at least 1, got 0"),
    (arrays.linear_attention, {"kind": "softmax"}, "linear_attention: kind must be linear or norm-linear, got softmax"),
    (
        arrays.linear_attention,
        {"feature_map": "gelu"},
        "linear_attention: feature_map must be one of elu+1, exp, identity, relu or a function, got gelu",
    ),
    (arrays.linear_attention, {"q": ZERO[:, :3]}, "linear_attention: kv_heads must divide heads = 3, got 2"),
    (
        arrays.dense_attention,
        {"kind": "max"},
        "dense_attention: kind must be softmax or linear or norm-linear, got max",
    ),
    (arrays.dense_attention, {"feature_map": "exp"}, "dense_attention: softmax has no feature_map, got exp"),
    (arrays.dense_attention, {"denominator": "all"}, "dense_attention: denominator must be plain or encoded, got all"),
    (
        arrays.dense_attention,
        {"q": ZERO[0]},
        "dense_attention: q must be (batch, heads, length, dim), got shape (4, 4, 6)",
    ),
    (
        arrays.dense_attention,
        {"q": ZERO.astype(np.float32)},
        "dense_attention: q, k and v must have one dtype, got float32, float64 and float64",
    ),
    (
        arrays.dense_attention,
        {"v": ZERO[:, :2, :3]},
        "dense_attention: k and v must agree up to dim, got (2, 2, 4, 6) and (2, 2, 3, 6)",
    ),
    (
        arrays.dense_attention,
        {"q": np.ones((2, 4, 5, 6)), "causal": True},
        "dense_attention: causal needs at least as many keys as queries, got 4 and 5",
    ),
    (
        arrays.dense_attention,
        {"causal": True, "query_positions": np.arange(4)},
        "dense_attention: give both query_positions and key_positions, or neither",
    ),
    (
        arrays.dense_attention,
        {"causal": True, "query_positions": np.array([5, 6, 0, 8]), "key_positions": np.arange(1, 5)},
        "dense_attention: the denominator is zero at batch 0, head 0, row 2",
    ),
]


@pytest.mark.parametrize(("form", "change", "message"), ERRORS)
def test_errors_verbatim(form, change, message):
    with pytest.raises((TypeError, ValueError, ZeroDivisionError)) as caught:
        call(form, **change)
    assert str(caught.value) == message


def test_a_zero_denominator_names_its_place_in_later_chunks():
    q, k, v = inputs()
    q[1, 2, 17] = 0
    with pytest.raises(ZeroDivisionError) as caught:
        arrays.linear_attention(q, k, v, causal=True, kind="linear", chunk=8)
    assert str(caught.value) == "linear_attention: the denominator is zero at batch 1, head 2, row 17"
    assert np.all(np.isfinite(arrays.linear_attention(q, k, v, causal=True, epsilon=1e-6)[1, 2, 17]))


class Counted(np.ndarray):
    """A subclass as a counter of operations is: it survives every NumPy function, but not `asarray`."""

    def __array_function__(self, func, types, args, kwargs):
        result = super().__array_function__(func, types, args, kwargs)
        return result.view(Counted) if isinstance(result, np.ndarray) and func is not np.asarray else result


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
def test_a_subclass_of_ndarray_is_never_dropped(layout):
    q, k, v = (x.view(Counted) for x in inputs())
    positions = np.arange(N)
    kept = [arrays.rope(q, positions, layout=layout), arrays.xpos(q, positions), arrays.sinusoidal(q, positions)]
    for core, p in product(("unitary", "orthogonal", "permutation"), ("householder", "dct", "dft", "shuffle")):
        kept.append(arrays.lrpe(q, positions, core=core, p=p, v=np.ones(6), permutation=range(5, -1, -1)))
    kept += [arrays.dense_attention(q, k, v), arrays.scores(q, k)]
    for causal in (False, True):
        kept.append(arrays.linear_attention(q, k, v, feature_map="elu+1", causal=causal, chunk=4))
    assert [i for i, result in enumerate(kept) if type(result) is not Counted] == []


@pytest.mark.parametrize("causal", [False, True])
def test_no_rows_give_no_rows(causal):
    q, k, v = inputs()
    for form in (arrays.dense_attention, arrays.linear_attention):
        assert form(q[:, :, :0], k, v, causal=causal, kind="linear").shape == (2, 4, 0, 5)
