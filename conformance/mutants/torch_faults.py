"""Mutants in PyTorch: tables and frequencies in low precision, a cut gradient, a cache that survives a cast."""

from collections.abc import Callable
from typing import Any

from ..subject import Subject
from .mutant import Mutant
from .rotary import DECLARED


def inverse_frequencies(state: Any) -> Any:
    """base^(-2p/dim) in float64, (pairs,)."""
    import torch

    width = state["dim"]
    return state["base"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)


def rotate_half(x: Any) -> Any:
    """(-x2, x1) of the two halves."""
    import torch

    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


def halves(
    *,
    frequencies: str | None = None,
    positions: str | None = None,
    angles: str = "float64",
    tables: str | None = None,
    wide: str | None = "float64",
    cut: bool = False,
) -> Callable[..., Any]:
    """An `encode` in halves layout; each keyword names the dtype of one step ("input": that of q), None leaves it."""

    def encode(state: Any, q: Any, k: Any, positions_: Any) -> Any:
        import torch

        def cast(x: Any, name: str | None) -> Any:
            return x if name is None else x.to(q.dtype if name == "input" else getattr(torch, name))

        theta = cast(cast(inverse_frequencies(state), frequencies), angles)
        phase = cast(cast(positions_, positions), angles)[:, None] * theta
        phase = torch.cat((phase, phase), dim=-1)
        cos, sin = cast(phase.cos(), tables), cast(phase.sin(), tables)

        def one(x: Any) -> Any:
            inner = cast(x, wide)
            return (inner * cast(cos, wide) + rotate_half(inner) * cast(sin, wide)).to(x.dtype)

        return one(q), one(k).detach() if cut else one(k)

    return lambda state, q, k, positions: encode(state, q, k, positions)


def kept_table() -> Callable[..., Any]:
    """The module builds its table once in the dtype of the first input it sees, and keeps it in this instance."""

    def encode(state: Any, q: Any, k: Any, positions: Any) -> Any:
        import torch

        phase = positions.double()[:, None] * inverse_frequencies(state)
        phase = torch.cat((phase, phase), dim=-1)
        dtype = state.setdefault("dtype", q.dtype)
        cos, sin = phase.cos().to(dtype).double(), phase.sin().to(dtype).double()
        return tuple((x.double() * cos + rotate_half(x.double()) * sin).to(x.dtype) for x in (q, k))

    return encode


def untransposed() -> Callable[..., Any]:
    """Forward is right; the gradient is turned forward once more instead of back."""

    def encode(state: Any, q: Any, k: Any, positions: Any) -> Any:
        import torch

        phase = positions.double()[:, None] * inverse_frequencies(state)
        phase = torch.cat((phase, phase), dim=-1)

        def turned(x: Any) -> Any:
            return (x.double() * phase.cos() + rotate_half(x.double()) * phase.sin()).to(x.dtype)

        class Turn(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return turned(x)

            @staticmethod
            def backward(ctx: Any, gradient: Any) -> Any:
                return turned(gradient)

        apply: Any = Turn.apply
        return apply(q), apply(k)

    return encode


TORCH: dict[str, Any] = {
    **DECLARED,
    "library": "torch",
    "layout": "halves",
    "build": lambda parameters, dtype, device: dict(parameters),
}
_LOW = {"dtypes": ("bfloat16",), "max_position": 2**17}

_ROWS: tuple[tuple[str, Callable[..., Any], dict[str, Any], str, str, tuple[str, ...]], ...] = (
    (
        "bfloat16-tables-undeclared",
        halves(tables="input"),
        _LOW | {"tables": "float32"},
        "low precision",
        "vllm-project/vllm#1004",
        ("matches-the-definition",),
    ),
    (
        "bfloat16-arithmetic-undeclared",
        halves(tables="input", wide=None),
        _LOW | {"tables": "input"},
        "low precision",
        "NVIDIA/TransformerEngine#1245",
        ("matches-the-definition",),
    ),
    (
        "frequencies-in-bfloat16",
        halves(frequencies="input"),
        _LOW,
        "low precision",
        "NVIDIA/Megatron-LM#744",
        ("matches-the-definition",),
    ),
    (
        "positions-cast-to-input",
        halves(positions="input"),
        _LOW,
        "low precision",
        "huggingface/transformers#29285",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "angles-in-bfloat16",
        halves(frequencies="input", positions="input", angles="input"),
        _LOW,
        "low precision",
        "huggingface/candle#3520",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "gradient-cut",
        halves(cut=True),
        {"supports": {"gradient", "arbitrary-positions"}},
        "missing gradient",
        "huggingface/candle#3568",
        ("gradient-is-adjoint",),
    ),
    (
        "gradient-not-transposed",
        untransposed(),
        {"supports": {"gradient", "arbitrary-positions"}},
        "missing gradient",
        "constructed",
        ("gradient-is-adjoint",),
    ),
    (
        "table-in-first-dtype",
        kept_table(),
        {"dtypes": ("bfloat16", "float32"), "max_position": 8192},
        "stale cache",
        "sgl-project/sglang#33117",
        ("history-independent", "matches-the-definition"),
    ),
)


def mutants() -> list[Mutant]:
    """The rows of the table above as mutants; their callables import torch when they run."""
    return [
        Mutant(name, Subject(**{**TORCH, **declared, "name": f"mutant:{name}", "encode": encode}), kind, ref, caught_by)
        for name, encode, declared, kind, ref, caught_by in _ROWS
    ]
