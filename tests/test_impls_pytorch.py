"""PyTorch implementations: equal to the array ones, differentiable, compilable, and the same after casts and moves."""

import copy
import pickle
from itertools import product

import mpmath
import numpy as np
import pytest
from lagwise.impls import arrays
from test_impls_rope import turned

torch = pytest.importorskip("torch", reason="torch is not installed")
ours = pytest.importorskip("lagwise.impls.pytorch")


def cases(*values):
    """Every combination."""
    return list(product(*values))


def tensors(*values):
    """NumPy to torch."""
    return [torch.from_numpy(np.asarray(value)) for value in values]


def normal(*shape, dtype=torch.float64, seed=0):
    """Standard normal values."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


@pytest.mark.parametrize(("layout", "axes", "accurate"), cases(("interleaved", "halves"), (1, 2), (False, True)))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_rope_is_the_array_one(layout, axes, accurate, dtype):
    x = normal(2, 3, 5, 14, dtype=dtype)
    shape = (2, 5) if axes == 1 else (2, 5, axes)
    positions = np.random.default_rng(0).integers(-(2**31), 2**31, shape)
    options = {"layout": layout, "axes": axes, "accurate": accurate, "rotary_dim": 12}
    got = ours.rope(x, torch.from_numpy(positions), **options)
    wanted = arrays.rope(x.numpy(), positions, **options)
    assert got.dtype == dtype
    assert np.max(np.abs(got.numpy().astype(float) - wanted)) <= 4 * torch.finfo(dtype).eps


def test_tables_are_bit_for_bit_those_of_numpy():
    positions = np.array([0, 1, 4095, 131071, 2**31 - 1, -5])
    for dtype, limit in (
        ("float32", 0),
        ("float64", 2.0**-52),
    ):  # two libraries' float64 cos may differ in the last bit
        mine = arrays.rope_table(positions, 64, dtype=np.dtype(dtype))
        other = ours.rope_table(torch.from_numpy(positions), 64, dtype=getattr(torch, dtype))
        assert all(np.max(np.abs(a - b.numpy())) <= limit for a, b in zip(mine, other, strict=True))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_accurate_is_one_unit_in_every_narrow_dtype(dtype):
    x = normal(120, 4, dtype=dtype)
    positions = torch.randint(-(2**31), 2**31, (120,), generator=torch.Generator().manual_seed(1))
    got, unit = ours.rope(x, positions, accurate=True).double(), torch.finfo(dtype).eps / 2
    for row, source, position in zip(got.tolist(), x.double().tolist(), positions.tolist(), strict=True):
        wanted = turned(source, position, 10000.0, 4)
        for p in (0, 2):
            off = mpmath.hypot(row[p] - wanted[p], row[p + 1] - wanted[p + 1])
            assert off <= unit * mpmath.hypot(source[p], source[p + 1])


@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize(
    ("core", "p"),
    cases(("unitary", "orthogonal", "permutation"), ("identity", "householder", "dct", "dft", "shuffle")),
)
def test_lrpe_is_the_array_one(core, p, axes):
    if core == "permutation" and axes == 2:
        axes = 1
    rng = np.random.default_rng(3)
    for dim, theta in product((8, 7), ("a", "b", "c", "array")):
        x, v, permutation = rng.standard_normal((2, 3, 5, dim)), rng.standard_normal(dim), rng.permutation(dim)
        positions = rng.integers(-(10**6), 10**6, (2, 5) if axes == 1 else (2, 5, axes))
        angles = rng.standard_normal(dim // ((1 if core == "unitary" else 2) * axes))
        options = {"core": core, "p": p, "axes": axes, "length": 10}
        wanted = arrays.lrpe(
            x, positions, v=v, permutation=permutation, theta=angles if theta == "array" else theta, **options
        )
        x, positions, v, permutation, angles = tensors(x, positions, v, permutation, angles)
        got = ours.lrpe(
            x, positions, v=v, permutation=permutation, theta=angles if theta == "array" else theta, **options
        )
        assert np.max(np.abs(got.numpy() - wanted)) < 5e-15


def test_xpos_sinusoidal_and_nope_are_the_array_ones():
    x, positions = np.random.default_rng(0).standard_normal((2, 3, 5, 7)), np.array([0, 3, 700, 9, 2])
    for name, options in (("xpos", {}), ("xpos", {"side": "key"}), ("sinusoidal", {}), ("nope", {})):
        got = getattr(ours, name)(*tensors(x, positions), **options).numpy()
        assert np.allclose(got, getattr(arrays, name)(x, positions, **options), 1e-14, 1e-15)


CASES = list(product((False, True), (("linear", "plain"), ("linear", "encoded"), ("norm-linear", "plain"))))


@pytest.mark.parametrize(("causal", "what"), CASES)
@pytest.mark.parametrize("phi", ["elu+1", "exp", "relu"])
def test_attention_is_the_array_one_in_every_form(causal, what, phi):
    rng = np.random.default_rng(0)
    q, k, v = (abs(rng.standard_normal((2, heads, 21, d))) for heads, d in ((4, 6), (2, 6), (2, 5)))
    positions = np.arange(21) + 1000
    options = {"causal": causal, "kind": what[0], "denominator": what[1], "feature_map": phi}
    sides = {name: arrays.bind(arrays.rope, positions) for name in ("encode_query", "encode_key")}
    wanted = arrays.dense_attention(q, k, v, **options, **sides)
    sides = {name: ours.bind(ours.rope, torch.from_numpy(positions)) for name in sides}
    q, k, v = tensors(q, k, v)
    got = [ours.dense_attention(q, k, v, **options, **sides)]
    got += [ours.linear_attention(q, k, v, **options, **sides, chunk=c) for c in (1, 4, None)]
    if causal:
        got.append(ours.linear_attention(q, k, v, **options, **sides, form="recurrent"))
        first, carry = ours.linear_attention(
            q[:, :, :9], k[:, :, :9], v[:, :, :9], **options, carry=True,
            **{name: ours.bind(ours.rope, torch.from_numpy(positions[:9])) for name in sides},
        )  # fmt: skip
        second, carry = ours.linear_attention(
            q[:, :, 9:], k[:, :, 9:], v[:, :, 9:], **options, carry=carry, form="recurrent",
            **{name: ours.bind(ours.rope, torch.from_numpy(positions[9:])) for name in sides},
        )  # fmt: skip
        got.append(torch.cat([first, second], 2))
    assert max(np.max(np.abs(g.numpy() - wanted)) for g in got) < 1e-11 * np.max(np.abs(wanted))


def test_softmax_and_scores_are_the_array_ones():
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((2, heads, 9, 6)) for heads in (4, 2, 2))
    order = rng.permutation(9)
    for options in ({}, {"scale": 0.3}, {"query_positions": order, "key_positions": order}):
        wanted = arrays.dense_attention(q, k, v, causal=True, **options)
        places = {n: torch.from_numpy(o) if isinstance(o, np.ndarray) else o for n, o in options.items()}
        assert np.allclose(ours.dense_attention(*tensors(q, k, v), causal=True, **places).numpy(), wanted, 1e-12, 1e-13)
    assert np.allclose(ours.scores(*tensors(q, k), 0.5).numpy(), arrays.scores(q, k, 0.5), 1e-13, 1e-13)


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
def test_rope_gradient_is_the_adjoint(layout):
    x, positions = normal(1, 2, 4, 8).requires_grad_(), torch.tensor([0, 3, -7, 1000])
    assert torch.autograd.gradcheck(lambda x: ours.rope(x, positions, layout=layout, rotary_dim=6), x)
    y, grad = ours.rope(x, positions, layout=layout), normal(1, 2, 4, 8, seed=1)
    y.backward(grad)
    assert torch.allclose(x.grad, ours.rope(grad, -positions, layout=layout), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("core", "p"), cases(("unitary", "orthogonal"), ("householder", "dft", "dct")))
def test_lrpe_gradients_of_x_theta_and_v(core, p):
    theta = torch.rand(6 if core == "unitary" else 3, dtype=torch.float64).requires_grad_()
    x, v = normal(1, 2, 4, 6).requires_grad_(), normal(6, seed=2).requires_grad_()
    positions = torch.tensor([0, 3, -7, 50])
    assert torch.autograd.gradcheck(
        lambda x, t, v: ours.lrpe(x, positions, core=core, p=p, theta=t, v=v), (x, theta, v)
    )


def test_gradient_of_theta_is_that_of_the_phase_far_out():
    theta, position = torch.tensor([0.3], requires_grad=True), 2**31 - 1
    ours.lrpe(torch.tensor([[1.0, 0.0]], dtype=torch.float64), torch.tensor([position]), theta=theta).sum().backward()
    with mpmath.workdps(40):
        phase = position * mpmath.mpf(float(theta.detach()))
        wanted = float(position * (mpmath.cos(phase) - mpmath.sin(phase)))
    assert abs(float(theta.grad) - wanted) <= 1e-6 * position


@pytest.mark.parametrize("form", ["chunked", "recurrent"])
def test_linear_attention_gradients(form):
    q, k, v = (normal(1, heads, 5, 3, seed=heads + i).requires_grad_() for i, heads in enumerate((2, 1, 1)))
    bound = ours.bind(ours.rope, torch.arange(5))

    def attend(q, k, v):
        return ours.linear_attention(
            q, k, v, causal=True, feature_map="elu+1", encode_query=bound, encode_key=bound, form=form, chunk=2
        )

    assert torch.autograd.gradcheck(attend, (q, k, v))
    dense = ours.dense_attention(
        q, k, v, causal=True, kind="linear", feature_map="elu+1", encode_query=bound, encode_key=bound
    )
    grads = [torch.autograd.grad(out.sin().sum(), (q, k, v)) for out in (attend(q, k, v), dense)]
    assert all(torch.allclose(a, b, rtol=1e-10, atol=1e-11) for a, b in zip(*grads, strict=True))


MODULES = {
    "rope": lambda: ours.RotaryEmbedding(8, layout="halves"),
    "lrpe": lambda: ours.LRPE(8, "orthogonal", "dct"),
    "permutation": lambda: ours.LRPE(8, "permutation", seed=5),
    "learned": lambda: ours.LRPE(8, "unitary", "householder", theta="learned"),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_survive_meta_casts_pickle_and_state_dict(name):
    x, positions = normal(2, 4, 8, dtype=torch.float32), torch.tensor([3, 0, 131071, -9])
    module = MODULES[name]()
    wanted = module(x, positions)
    assert not list(module.buffers())
    with torch.device("meta"):
        empty = MODULES[name]()
    empty = empty.to_empty(device="cpu")
    if hasattr(empty, "reset_parameters"):
        empty.reset_parameters()
    assert torch.equal(empty(x, positions), wanted)
    assert torch.equal(pickle.loads(pickle.dumps(module))(x, positions), wanted)
    other = MODULES[name]()
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x, positions), wanted)
    if name != "learned":  # a learned angle is cast on request, like any parameter
        assert torch.equal(copy.deepcopy(module).half()(x, positions), wanted)
        assert torch.equal(copy.deepcopy(module).to(torch.bfloat16)(x, positions), wanted)


def test_instances_and_dtypes_share_nothing():
    x, positions = normal(2, 4, 8), torch.tensor([3, 0, 131071, -9])
    module, other = ours.RotaryEmbedding(8), ours.RotaryEmbedding(8, base=3.0)
    wanted = module(x, positions)
    other(x.half(), positions)
    module(x.to(torch.bfloat16), positions[:2].repeat(2))
    with pytest.raises(ValueError, match="positions"):
        module(x, positions[:2])
    assert torch.equal(module(x, positions), wanted)
    assert torch.equal(ours.rope(x, positions), wanted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside PyTorch when it starts to compile
def test_everything_compiles_in_one_graph():
    torch._dynamo.reset()
    x, positions = normal(2, 3, 4, 8, dtype=torch.float32), torch.tensor([3, 0, 131071, -9])
    learned = ours.LRPE(8, "unitary", "householder", theta="learned")
    functions = [
        ours.RotaryEmbedding(8),
        ours.LRPE(8, "permutation"),
        learned,
        lambda x, s: ours.rope(x, s, layout="halves", rotary_dim=6),
        lambda x, s: ours.xpos(x, s * 0 + 5, "key") + ours.sinusoidal(x, s) + ours.lrpe(x, s, p="dft")[..., :8],
        lambda x, s: ours.linear_attention(x, x, x, causal=True, feature_map="exp", chunk=2),
    ]
    for function in functions:
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        assert torch.allclose(compiled(x, positions), function(x, positions), rtol=0, atol=1e-6)


def test_autocast_does_not_narrow_the_encodings():
    x, positions = normal(2, 4, 8, dtype=torch.float32), torch.tensor([3, 0, 131071, -9])
    calls = [lambda p=p: ours.lrpe(x, positions, p=p, v=range(1, 9)) for p in ("householder", "dct", "dft")]
    wanted = [call() for call in [*calls, lambda: ours.rope(x, positions)]]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = [call() for call in [*calls, lambda: ours.rope(x, positions)]]
    assert all(torch.equal(a, b) for a, b in zip(got, wanted, strict=True))


def test_out_and_views():
    x, positions = normal(3, 5, 12, dtype=torch.float32), torch.arange(5)
    wanted = ours.rope(x, positions, rotary_dim=8)
    out = torch.full_like(x, torch.nan)
    assert ours.rope(x, positions, rotary_dim=8, out=out) is out
    assert torch.equal(out, wanted)
    shifted = torch.cat([x.new_zeros(1), x.flatten()])[1:].view(3, 5, 12)  # an odd offset has no complex view
    assert torch.allclose(ours.rope(shifted, positions, rotary_dim=8), wanted, rtol=0, atol=1e-6)
    table = ours.rope_table(positions, 8)
    assert torch.equal(ours.rope(x, table=table), ours.rope(x, positions, rotary_dim=8))
    halves = ours.rope(x, positions, rotary_dim=8, layout="halves")
    assert torch.allclose(ours.rope(x, positions, rotary_dim=8, layout="halves", out=out), halves, rtol=0, atol=1e-6)
    inside = x.clone()
    assert torch.equal(ours.rope(inside, positions, rotary_dim=8, layout="halves", out=inside), halves)
    assert ours.rope(x.half(), positions, out=torch.empty_like(x, dtype=torch.float16)).dtype == torch.float16


ERRORS = [
    (lambda x, s: ours.rope(x.int(), s), "rope: x must be real floating, got int32"),
    (lambda x, s: ours.rope(x, s, rotary_dim=7), "rope: rotary_dim must be even, got 7"),
    (lambda x, s: ours.rope(x, s[:2]), "rope: positions must have shape (3,) or (2, 3), got (2,)"),
    (lambda x, s: ours.rope(x, s.bool()), "rope: positions must be integers or real numbers, got bool"),
    (lambda x, s: ours.rope(x), "rope: give positions or table"),
    (lambda x, s: ours.RotaryEmbedding(8, layout="pairs"), "rope: layout must be interleaved or halves, got pairs"),
    (lambda x, s: ours.RotaryEmbedding(8)(x, s), "rope: x must end in dim = 8, got shape (2, 3, 6)"),
    (lambda x, s: ours.lrpe(x, s, core="turn"), "lrpe: core must be unitary, orthogonal or permutation, got turn"),
    (
        lambda x, s: ours.lrpe(x, s, p="householder", v=torch.zeros(6)),
        "lrpe: v must be a nonzero vector, got zero",
    ),
    (lambda x, s: ours.lrpe(x, s, theta=torch.ones(2)), "lrpe: theta must have shape (3,), got (2,)"),
    (
        lambda x, s: ours.lrpe(x, s.double(), core="permutation", permutation=range(6)),
        "lrpe: core=permutation needs integer positions, got float64",
    ),
    (lambda x, s: ours.LRPE(6, theta="d"), "lrpe: theta must be a, b, c or an array, got d"),
    (lambda x, s: ours.xpos(x, s, "q"), "xpos: side must be query or key, got q"),
    (
        lambda x, s: ours.linear_attention(*[torch.zeros(1, 1, 3, 2)] * 3),
        "linear_attention: the denominator is zero at batch 0, head 0, row 0",
    ),
    (
        lambda x, s: ours.dense_attention(torch.ones(1, 3, 2, 2), *[torch.ones(1, 2, 2, 2)] * 2),
        "dense_attention: kv_heads must divide heads = 3, got 2",
    ),
]


@pytest.mark.parametrize(("call", "message"), ERRORS)
def test_errors_verbatim(call, message):
    with pytest.raises((TypeError, ValueError, ZeroDivisionError)) as caught:
        call(torch.ones(2, 3, 6), torch.arange(3))
    assert str(caught.value) == message


def test_arrays_do_not_import_torch_and_names_are_sorted():
    import subprocess
    import sys

    code = "import sys, lagwise.impls.arrays; print([m for m in ('torch', 'cupy', 'sympy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    for module in (arrays, ours):
        # constants, classes, functions, each by name: the order the linter keeps
        assert module.__all__ == sorted(module.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
        assert all(hasattr(module, name) for name in module.__all__)
