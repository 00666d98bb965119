"""Our biases, masks, Toeplitz products and adapted scores as subjects: numbers drawn from a seed, held in the dtype."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from ...spec.catalogue import members
from ..libraries import library
from ..subject import Subject

DTYPES = {
    "numpy": ("float64", "float32"),
    "cupy": ("float64", "float32"),
    "torch": ("float64", "float32", "bfloat16"),
    "standin": ("float64", "float32"),
}
WIDE = {"angles": "exact", "tables": "float64", "arithmetic": "float64"}
SINGLE = {"angles": "exact", "tables": "float32", "arithmetic": "float32"}
HEADS, DIM, HELD, WIDTH = 3, 8, 300, 6  # HELD: lags -299 … 299 are held by a table
POSITIONS = {"offset", "arbitrary-positions"}
LAYERS = ("w1", "b1", "w2", "b2")
Numbers = dict[str, Any]
_draw = random.Random(2405)


def normal(*shape: int) -> Any:
    return [normal(*shape[1:]) for _ in range(shape[0])] if shape else _draw.gauss(0, 1)


def mlp(name: str, inputs: int, heads: int = HEADS) -> Numbers:
    return {
        f"{name}.w1": normal(WIDTH, inputs), f"{name}.b1": normal(WIDTH),
        f"{name}.w2": normal(heads, WIDTH), f"{name}.b2": normal(heads),
    }  # fmt: skip


def positive(top: float) -> list[float]:
    return [_draw.uniform(0.05, top) for _ in range(HEADS)]


def kernels(backend: str, module: Any) -> Iterator[Subject]:
    """Every kernel entry of the catalogue on one backend."""
    from . import own_kernel_sums as sums

    _draw.seed(2405)
    yield from _biases(backend, module)
    for family in (sums.products, sums.masks, sums.adaptive):
        yield from family(backend, module)
    if backend == "torch":
        yield from _modules(module)


def subject(backend: str, notation: str, numbers: Numbers, suffix: str = "", **more: Any) -> Subject:
    """Lists are held as arrays of the run's dtype and handed to the oracle as they are."""
    from .own import devices, own_version

    stored = [name for name, value in numbers.items() if isinstance(value, list)]
    fields: dict[str, Any] = {
        "dtypes": DTYPES[backend],
        "devices": devices(backend),
        "version": own_version(),
        **SINGLE,
    }
    fields["build"] = lambda parameters, dtype, device: _held(backend, parameters, stored, dtype, device)
    fields["read"] = (lambda state: state) if stored else None
    differentiable = backend == "torch" and {"mix", "attend", "adapt"} & more.keys()
    fields["supports"] = set(more.pop("supports", ())) | ({"gradient"} if differentiable else set())
    return Subject(
        name=f"{backend}:{notation}{suffix}",
        encoding=notation,
        library=backend,
        parameters={"dim": DIM, **numbers},
        **{**fields, **more},
    )


def _held(backend: str, numbers: Numbers, stored: list[str], dtype: Any, device: str) -> Numbers:
    import numpy as np

    own, name = library(backend), str(dtype).rpartition(".")[2]
    return {key: own.array(np.array(numbers[key]), name, device) for key in stored}


def weights(state: Numbers, name: str) -> Numbers:
    return {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")}


Bias = Any  # (state, query positions, key positions, dtype) -> (heads, n_q, n_k)


def _biases(backend: str, module: Any) -> Iterator[Subject]:
    for heads in (8, 12):
        for notation in members("alibi"):
            causal = "symmetric" not in notation
            yield _bias(
                backend, notation, {"heads": heads}, f" {heads} heads",
                lambda state, s, t, dtype, heads=heads, causal=causal: module.alibi(
                    s, t, heads=heads, causal=causal, dtype=dtype
                ),
            )  # fmt: skip
    for notation in members("t5"):
        causal = "bidirectional" not in notation
        yield _bias(
            backend, notation, {"w": normal(HEADS, 32)}, "",
            lambda state, s, t, dtype, causal=causal: module.t5(s, t, state["w"].T, causal=causal),
        )  # fmt: skip
    for notation in members("kerple"):
        kind = "power" if "power" in notation else "log"
        yield _bias(
            backend, notation, {"r1": positive(2.0), "r2": positive(1.0)}, "",
            lambda state, s, t, dtype, kind=kind: module.kerple(s, t, state["r1"], state["r2"], kind=kind, dtype=dtype),
        )  # fmt: skip
    yield _bias(
        backend, "fire", {"c": 0.1, "threshold": 512.0, **mlp("mlp", 1)}, "",
        lambda state, s, t, dtype: module.fire(s, t, **weights(state, "mlp"), c=0.1, threshold=512.0, dtype=dtype),
    )  # fmt: skip
    for notation, width in (("sandwich[width=8]", 8), ("sandwich", 128)):
        yield _bias(
            backend, notation, {"heads": HEADS, "base": 10000.0}, "",
            lambda state, s, t, dtype, width=width: module.sandwich(s, t, heads=HEADS, dim=width, dtype=dtype),
            **({"max_position": 4096} if width == 128 else {}),
        )  # fmt: skip


def _bias(backend: str, notation: str, numbers: Numbers, suffix: str, compute: Bias, **more: Any) -> Subject:
    """Float64 inside and one cast; T5's table is only read."""

    def bias(state: Any, query_positions: Any, key_positions: Any, dtype: Any) -> Any:
        return compute(state, query_positions, key_positions, dtype)

    return subject(backend, notation, numbers, suffix, bias=bias, supports=POSITIONS, **{**WIDE, **more})


def _modules(torch: Any) -> Iterator[Subject]:
    """The torch modules with what they learn: T5's table, KERPLE, FIRE, FastRPB and DAPE."""
    made = (
        ("T5Bias", "t5", lambda: torch.T5Bias(HEADS, causal=True), ("weight",), lambda state: {"w": state.weight.T}),
        ("Kerple", "kerple", lambda: torch.Kerple(HEADS), ("r1", "r2"), _clamped),
        ("Fire", "fire", lambda: torch.Fire(HEADS, width=WIDTH), (*LAYERS, "c"), _fire_numbers),
    )
    for name, notation, make, learnable, read in made:
        yield _module(name, notation, make, learnable, read, **WIDE, bias=_called)
    yield _module(
        "FastRPB", "fastrpb[causal=yes]", lambda: torch.FastRPB(HEADS, HELD, causal=True), ("w",),
        lambda state: {"w": state.w}, supports={"offset", "gradient"}, max_position=HELD,
        mix=lambda state, v, query_positions: state(v, len(query_positions)),
    )  # fmt: skip
    yield _module(
        "DAPE", "dape[prior=kerple]", lambda: torch.DAPE(HEADS, width=WIDTH), LAYERS,
        lambda state: {**_layers(state, "f"), **_clamped(state.learned)}, max_position=4096,
        adapt=lambda state, scores, query_positions, key_positions: state(scores, query_positions, key_positions),
        attend=lambda state, q, k, v, query_positions, key_positions: state.attend(
            q, k, v, query_positions, key_positions, tile=(3, 4)
        ),
    )  # fmt: skip


def _called(state: Any, query_positions: Any, key_positions: Any) -> Any:
    return state(query_positions, key_positions)


def _layers(state: Any, name: str) -> Numbers:
    return {f"{name}.{part}": getattr(state, part) for part in LAYERS}


def _clamped(state: Any) -> Numbers:
    return {"r1": state.r1.clamp(min=0.01), "r2": state.r2.clamp(min=0.01)}


def _fire_numbers(state: Any) -> Numbers:
    return {**_layers(state, "mlp"), "c": state.c, "threshold": abs(state.multiplier) * state.threshold}


def _module(
    name: str, notation: str, make: Any, learnable: tuple[str, ...], read: Callable[[Any], Numbers], **more: Any
) -> Subject:
    fields = {"supports": POSITIONS | {"gradient"}, "dtypes": ("float64", "float32"), **more}
    return subject(
        "torch", notation, {}, f" {name}", learnable=learnable, read=read, **fields,
        build=lambda dtype, device: make().to(device=device, dtype=dtype),
    )  # fmt: skip
