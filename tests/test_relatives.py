"""RoPE's relatives: what they are at the places where they meet it, how far out they work, and what they refuse."""

import re

import numpy as np
import pytest
from lagwise.impls import arrays
from lagwise.impls.retained import retnet_decays, retnet_schedule
from lagwise.spec.catalogue import get
from lagwise.spec.exact.verdicts import judge

ROWS = np.random.default_rng(3)


def drawn(*shape):
    return ROWS.standard_normal(shape)


@pytest.mark.parametrize("order", ["sections", "interleaved"])
@pytest.mark.parametrize("layout", ["interleaved", "halves"])
def test_m_rope_of_text_is_rope(order, layout):
    x, at = drawn(1, 2, 5, 32), np.array([0, 1, 7, 100, 2**20])
    sections = (4, 6, 6) if order == "sections" else (8, 4, 4)
    same = arrays.m_rope(x, np.stack([at] * 3, -1), sections, order=order, layout=layout)
    assert np.array_equal(same, arrays.rope(x, at, layout=layout))


@pytest.mark.parametrize(
    ("order", "sections", "axes"),
    [
        ("sections", (2, 3, 3), "tthhhwww"),
        ("interleaved", (4, 2, 2), "thwthwtt"),
        ("interleaved", (5, 2, 1), "thwthttt"),
    ],
)
def test_each_pair_of_m_rope_has_its_axis(order, sections, axes):
    x = np.tile([1.0, 0.0], 8)[None]
    for a, name in enumerate("thw"):
        at = np.zeros((1, 3), np.int64)
        at[0, a] = 1
        moved = arrays.m_rope(x, at, sections, order=order).reshape(8, 2)[:, 1] != 0
        assert "".join(name if one else "-" for one in moved) == re.sub(f"[^{name}]", "-", axes)


def test_rope_mixed_with_one_axis_for_each_half_is_axial_rope():
    x, at = drawn(1, 1, 4, 16), np.array([[0, 1], [3, 5], [100, 7], [2**20, 9]])
    plain = 10000.0 ** (-np.arange(0, 8, 2) / 8)
    theta = np.zeros((2, 8))
    theta[0, :4], theta[1, 4:] = plain, plain
    np.testing.assert_allclose(arrays.rope_mixed(x, at, theta), arrays.rope(x, at, axes=2), atol=1e-9)


def test_cosformer_weighs_a_score_by_the_cosine_of_the_lag():
    q, k, at = drawn(6, 8), drawn(6, 8), np.array([0, 1, 50, 99, 100, 10**6])
    left, right = arrays.cosformer(q, at, reach=100), arrays.cosformer(k, at, reach=100)
    weight = np.cos(np.pi / 200 * np.subtract.outer(at, at))
    np.testing.assert_allclose(left @ right.T, weight * (q @ k.T), atol=1e-11)
    assert left.shape == (6, 16)


def test_permuteformer_meets_its_definition():
    q, k, at = drawn(4, 6), drawn(4, 6), np.array([0, 1, 5, 30])
    permutation, rate = [2, 0, 1, 4, 3, 5], 0.5
    left = arrays.permuteformer(q, at, "query", permutation=permutation, rate=rate)
    right = arrays.permuteformer(k, at, "key", permutation=permutation, rate=rate)
    images = list(range(6))
    for step in range(6):
        if step in (0, 1, 5):
            row = at.tolist().index(step)
            np.testing.assert_allclose(left[row], rate**step * q[row][images], rtol=1e-15)
            np.testing.assert_allclose(right[row], rate**-step * k[row][images], rtol=1e-15)
        images = [permutation[j] for j in images]


def test_retnet_has_the_printed_decays_and_angles():
    assert retnet_decays(3) == (0.96875, 0.984375, 0.9921875)
    wanted = 10000.0 ** -np.linspace(0, 1, 32)
    np.testing.assert_allclose(retnet_schedule(64, 10000.0).angles, wanted, rtol=1e-13)


def direct(q, k, v, at, decays):
    turned = [x[..., ::2] + 1j * x[..., 1::2] for x in (q, k)]
    theta = 10000.0 ** -np.linspace(0, 1, q.shape[-1] // 2)
    q, k = (x * np.exp(1j * at[:, None] * theta) for x in turned)
    lags = np.subtract.outer(at, at)
    weight = np.where(np.tri(len(at)) > 0, np.asarray(decays)[:, None, None] ** np.maximum(lags, 0), 0)
    return np.real(q @ k.conj().swapaxes(-1, -2)) * weight @ v


@pytest.mark.parametrize("form", ["dense", "chunked", "recurrent"])
def test_retention_is_its_definition_in_every_form_and_in_pieces(form):
    q, k, v, at = drawn(2, 3, 40, 8), drawn(2, 3, 40, 8), drawn(2, 3, 40, 5), np.arange(1000, 1040)
    decays = retnet_decays(3)
    wanted = direct(q, k, v, at, decays)
    np.testing.assert_allclose(arrays.retention(q, k, v, at, decay=decays, form=form, chunk=7), wanted, atol=1e-12)
    carry, parts = True, []
    for a, b in ((0, 1), (1, 20), (20, 20), (20, 40)):
        rows = [x[..., a:b, :] for x in (q, k, v)]
        out, carry = arrays.retention(*rows, at[a:b], decay=decays, form=form, carry=carry)
        parts.append(out)
    np.testing.assert_allclose(np.concatenate(parts, axis=-2), wanted, atol=1e-12)


def test_retention_goes_on_where_the_encoded_key_overflows():
    at = np.arange(20000)
    q = k = np.ones((1, 1, 20000, 2), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(arrays.retnet(k, at, "key", decay=0.96875)).all()
    out = arrays.retention(q, k, np.ones((1, 1, 20000, 1), np.float32), at, decay=0.96875)
    assert np.isfinite(out).all()
    assert out[0, 0, -1, 0] == pytest.approx(2 * np.sum(0.96875 ** np.arange(3000) * np.cos(np.arange(3000))), rel=1e-4)


X = np.ones((1, 1, 4, 8))
AT = np.arange(4)
MISTAKES = [
    (lambda: arrays.cosformer(X, AT, reach=0), "cosformer: reach must be at least 1, got 0"),
    (lambda: arrays.m_rope(X, np.zeros((4, 3)), (1, 1, 1)),
     "m_rope: sections must be 3 numbers of pairs with sum 4, got (1, 1, 1)"),
    (lambda: arrays.m_rope(X, np.zeros((4, 3)), (2, 1, 1), order="mixed"),
     "m_rope: order must be sections or interleaved, got mixed"),
    (lambda: arrays.rope_mixed(X, np.zeros((4, 2)), np.ones((2, 3))),
     "rope_mixed: theta must be (axes, 4), got shape (2, 3)"),
    (lambda: arrays.permuteformer(X, AT, permutation=range(8), rate=1.5),
     "permuteformer: decay must be at most 1, got 1.5"),
    (lambda: arrays.permuteformer(X, AT, "value", permutation=range(8)),
     "permuteformer: side must be query or key, got value"),
    (lambda: arrays.retention(X, X, X, AT, decay=(0.5, 0.5)),
     "retention: decay must be one number, or one for each of 1 heads, got 2"),
    (lambda: arrays.retention(X, X, X, AT, decay=0.5, form="parallel"),
     "retention: form must be dense, chunked or recurrent, got parallel"),
    (lambda: arrays.retention(X, X[..., :2, :], X, AT, decay=0.5),
     "retention: q, k and v must have the same rows and heads, got (1, 1, 4, 8), (1, 1, 2, 8), (1, 1, 4, 8)"),
    (lambda: arrays.retnet(X[..., :7], AT, decay=0.5), "retnet: dim must be even, got 7"),
    (lambda: arrays.retnet(X, AT, decay=0.5, theta=[1.0]), "retnet: theta must have 4 angles, got 1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "says"), MISTAKES)
def test_a_mistake_is_one_line(call, says):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        call()


@pytest.mark.parametrize("name", ["absolute", "lie-re", "string", "string[axes=3]"])
def test_what_is_only_defined_is_decided(name):
    judgement = judge(get(name))
    assert judgement.claims
    assert all(judgement.claims.values())


@pytest.mark.parametrize(("name", "rank"), [("cosformer", 2), ("retnet", 2), ("m-rope", 2), ("permuteformer", 4)])
def test_ranks_of_one_block(name, rank):
    ranks = judge(get(name)).ranks
    assert ranks == {"bidirectional": {"value": rank}, "causal": {"value": rank}}


def test_generators_that_do_not_commute_are_refuted_by_their_commutator():
    assert judge(get("lie-re")).propositions["lag-invariant"].witness["where"].startswith("[G2, G1]")


@pytest.mark.optional("torch")
def test_torch_agrees_with_the_arrays_and_learns():
    import torch
    from lagwise.impls import pytorch

    x, at = drawn(1, 2, 6, 8), np.array([0, 1, 7, 100, 4096, 2**20])
    several, theta = np.stack([at, at[::-1], at // 2], -1), drawn(3, 4)
    given = torch.tensor(x), torch.tensor(at)
    pairs = [
        (pytorch.cosformer(*given, reach=9), arrays.cosformer(x, at, reach=9)),
        (pytorch.m_rope(given[0], torch.tensor(several), (2, 1, 1)), arrays.m_rope(x, several, (2, 1, 1))),
        (
            pytorch.rope_mixed(given[0], torch.tensor(several), torch.tensor(theta)),
            arrays.rope_mixed(x, several, theta),
        ),
    ]
    for got, wanted in pairs:
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-14)
    learned = torch.tensor(theta, requires_grad=True)
    pytorch.rope_mixed(given[0], torch.tensor(several), learned)[..., 0].sum().backward()
    assert torch.isfinite(learned.grad).all()
    assert learned.grad[:, 0].abs().min() > 0


@pytest.mark.optional("torch")
@pytest.mark.parametrize("form", ["dense", "chunked", "recurrent"])
def test_torch_retention_agrees_with_the_arrays(form):
    import torch
    from lagwise.impls import pytorch

    q, k, v, at = drawn(2, 3, 20, 8), drawn(2, 3, 20, 8), drawn(2, 3, 20, 5), np.arange(20)
    given = [torch.tensor(x) for x in (q, k, v, at)]
    got, carry = pytorch.retention(*given, decay=retnet_decays(3), form=form, carry=True)
    wanted, held = arrays.retention(q, k, v, at, decay=retnet_decays(3), form=form, carry=True)
    np.testing.assert_allclose(got.numpy(), wanted, atol=1e-13)
    np.testing.assert_allclose(carry.state.numpy(), held.state, atol=1e-13)


@pytest.mark.optional("torch")
def test_torch_compiles_them_whole():
    import torch
    from lagwise.impls import pytorch

    x, at = torch.tensor(drawn(1, 2, 5, 16)), torch.arange(5)
    several = torch.stack([at, at + 1, 2 * at], -1)
    yarn = {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64}

    def everything(x):
        moved = pytorch.m_rope(x, several, (2, 3, 3)) + pytorch.rope(x, at, scaling=yarn)
        moved = moved + pytorch.permuteformer(x, at, permutation=range(16), rate=0.5)
        return pytorch.retention(moved, moved, x, at, decay=0.9, chunk=2), pytorch.cosformer(x, at, reach=7)

    compiled = torch.compile(everything, fullgraph=True, backend="aot_eager")
    for got, wanted in zip(compiled(x), everything(x), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-14)
