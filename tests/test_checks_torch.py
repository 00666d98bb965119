"""Gradients through torch, bfloat16, and our own implementations in every dtype they have."""

import pytest
from checks_fakes import rows
from lagwise.conformance.adapters import own
from lagwise.conformance.checks import findings
from lagwise.conformance.finding import Outcome
from lagwise.conformance.subject import Subject

torch = pytest.importorskip("torch")
DIM = 8


def encode(q, k, positions):
    angle = positions[:, None].double() * 10000.0 ** (-torch.arange(0, DIM, 2).double() / DIM)
    turn = torch.polar(torch.ones_like(angle), angle)

    def one(x):
        pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)

    return one(q), one(k)


def make(encode=encode, **more):
    said = {"name": "fake", "encoding": "rope", "library": "torch", "encode": encode, "parameters": {"dim": DIM}}
    said |= {"dtypes": ("float32", "bfloat16"), "angles": "float64", "tables": "float64", "arithmetic": "float64"}
    return Subject(**said | {"supports": {"arbitrary-positions", "gradient"}} | more)


def test_a_correct_one_passes_in_bfloat16_and_float32():
    found = rows(make())
    assert {f.dtype for f in found} == {"float32", "bfloat16"}
    assert [f.id for f in found if not f.ok] == []
    assert {f.case for f in found if f.check == "gradient-is-adjoint"} >= {"q finite", "q nonzero", "q adjoint"}


def detached(q, k, positions):
    q, k = encode(q, k, positions)
    return q.detach() + 0 * q, k


def cut(q, k, positions):
    return tuple(x.detach() for x in encode(q, k, positions))


def backwards(q, k, positions):
    class Turn(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, at):
            ctx.save_for_backward(at)
            return encode(x, x, at)[0]

        @staticmethod
        def backward(ctx, grad):
            return encode(grad, grad, *ctx.saved_tensors)[0], None

    return Turn.apply(q, positions), Turn.apply(k, positions)


@pytest.mark.parametrize("wrong", [detached, cut, backwards], ids=lambda f: f.__name__)
def test_wrong_gradients_are_caught_and_values_are_not_accused(wrong):
    bad = {f.check for f in rows(make(wrong)) if f.outcome in (Outcome.FAILED, Outcome.ERRORED)}
    assert bad == {"gradient-is-adjoint"}


OWN = [*own.subjects("numpy"), *own.subjects("torch")]
SAMPLE = [s for i, s in enumerate(OWN) if i % 6 == 0]


@pytest.mark.parametrize("subject", SAMPLE, ids=lambda s: s.name)
def test_our_own_pass_every_check_in_every_dtype(subject):
    assert [(f.id, f.reason) for f in findings(subject, level="smoke") if not f.ok] == []


def test_our_own_have_unique_names():
    for backend in ("numpy", "torch"):
        mine = [s for s in OWN if s.library == backend]
        assert len({s.name for s in mine}) == len(mine)


def test_a_backend_that_cannot_run_says_why(monkeypatch):
    from lagwise.conformance.targets import UnavailableError

    monkeypatch.setattr(own, "unavailable", lambda backend: "there is no CUDA device")
    with pytest.raises(UnavailableError, match=r"^backend:cupy: not run: there is no CUDA device$"):
        own.subjects("cupy")
    monkeypatch.setenv("LAGWISE_REQUIRE", "cupy")
    with pytest.raises(ImportError, match=r"^backend:cupy: not run: there is no CUDA device$"):
        own.subjects("cupy")
