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
Numbers = dict[str, Any]
_draw = random.Random(2405)


def _normal(*shape: int) -> Any:
    return [_normal(*shape[1:]) for _ in range(shape[0])] if shape else _draw.gauss(0, 1)


def _mlp(name: str, inputs: int, heads: int = HEADS) -> Numbers:
    return {
        f"{name}.w1": _normal(WIDTH, inputs), f"{name}.b1": _normal(WIDTH),
        f"{name}.w2": _normal(heads, WIDTH), f"{name}.b2": _normal(heads),
    }  # fmt: skip


def _positive(top: float) -> list[float]:
    return [_draw.uniform(0.05, top) for _ in range(HEADS)]


def kernels(backend: str, module: Any) -> Iterator[Subject]:
    """Every kernel entry of the catalogue on one backend."""
    _draw.seed(2405)
    yield from _biases(backend, module)
    yield from _products(backend, module)
    yield from _masks(backend, module)
    yield from _adaptive(backend, module)
    if backend == "torch":
        yield from _modules(module)


def _subject(backend: str, notation: str, numbers: Numbers, suffix: str = "", **more: Any) -> Subject:
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


def _weights(state: Numbers, name: str) -> Numbers:
    return {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")}


Bias = Callable[[Numbers, Any, Any, Any], Any]


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
            backend, notation, {"w": _normal(HEADS, 32)}, "",
            lambda state, s, t, dtype, causal=causal: module.t5(s, t, state["w"].T, causal=causal),
        )  # fmt: skip
    for notation in members("kerple"):
        kind = "power" if "power" in notation else "log"
        yield _bias(
            backend, notation, {"r1": _positive(2.0), "r2": _positive(1.0)}, "",
            lambda state, s, t, dtype, kind=kind: module.kerple(s, t, state["r1"], state["r2"], kind=kind, dtype=dtype),
        )  # fmt: skip
    yield _bias(
        backend, "fire", {"c": 0.1, "threshold": 512.0, **_mlp("mlp", 1)}, "",
        lambda state, s, t, dtype: module.fire(s, t, **_weights(state, "mlp"), c=0.1, threshold=512.0, dtype=dtype),
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

    return _subject(backend, notation, numbers, suffix, bias=bias, supports=POSITIONS, **{**WIDE, **more})


def _products(backend: str, module: Any) -> Iterator[Subject]:
    table = _normal(HEADS, 2 * HELD - 1)
    for notation, causal in (("fastrpb", False), ("fastrpb[causal=yes]", True)):
        yield _subject(
            backend, notation, {"w": table}, mix=_mix(module, causal), max_position=HELD, supports={"offset"},
        )  # fmt: skip
    for kind, options in (("softmax", {}), ("linear", {"feature_map": "elu+1"})):
        yield _subject(
            backend, "fastrpb[causal=yes]", {"w": table}, f" {kind}", max_position=HELD, supports={"offset"},
            attend=_beside(module, kind, options), options={"attention": kind, **options},
        )  # fmt: skip

    def on_grid(state: Any, v: Any, positions: Any) -> Any:
        return module.fastrpb(v, state["w"], grid=_grid(positions))

    yield _subject(backend, "fastrpb[axes=2]", {"w": _normal(HEADS, 39)}, mix=on_grid, max_position=20)


def _mix(module: Any, causal: bool) -> Callable[..., Any]:
    def mix(state: Any, v: Any, query_positions: Any, key_positions: Any) -> Any:
        start = int(query_positions[0]) - int(key_positions[0])
        return module.fastrpb(v, state["w"], query_positions.shape[0], causal=causal, query_start=start)

    return mix


def _beside(module: Any, kind: str, options: Numbers) -> Callable[..., Any]:
    def attend(state: Any, q: Any, k: Any, v: Any) -> Any:
        return module.fastrpb_attention(q, k, v, state["w"], kind=kind, causal=True, **options)

    return attend


def _grid(positions: Any) -> tuple[int, int]:
    return int(positions[-1, 0]) + 1, int(positions[-1, 1]) + 1


def _masks(backend: str, module: Any) -> Iterator[Subject]:
    options = {"attention": "linear", "feature_map": "elu+1"}

    def masked(positivity: str) -> Callable[..., Any]:
        def attend(state: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
            return module.toeplitz_mask_attention(
                q, k, v, state["b"], positivity=positivity, causal=causal, tails="recompute"
            )  # fmt: skip

        return attend

    def on_grid(state: Any, q: Any, k: Any, v: Any, positions: Any) -> Any:
        return module.toeplitz_mask_attention(q, k, v, state["b"], grid=_grid(positions), tails="recompute")

    def random_features(state: Any, q: Any, k: Any, v: Any, causal: bool) -> Any:
        return module.nprf(
            q, k, v, state["b"], projection=state["projection"], causal=causal, tails="recompute"
        )  # fmt: skip

    table = _normal(HEADS, 2 * HELD - 1)
    shared: Numbers = {"max_position": HELD, "supports": {"offset"}}
    yield _subject(backend, "toeplitz-mask", {"b": table}, attend=masked("exp"), options=options, **shared)
    signed = [[1.0 + abs(x) for x in row] for row in table]
    yield _subject(
        backend, "toeplitz-mask[positivity=signed]", {"b": signed}, attend=masked("signed"), options=options, **shared
    )  # fmt: skip
    yield _subject(
        backend, "toeplitz-mask[axes=2]", {"b": _normal(HEADS, 39, 39)}, attend=on_grid, options=options,
        max_position=20,
    )  # fmt: skip
    drawn = {"b": table, "projection": _normal(5, DIM)}
    yield _subject(
        backend, "nprf", drawn, attend=random_features, options={**options, "feature_map": "positive-random"}, **shared
    )  # fmt: skip


def _prior(module: Any, notation: str, state: Numbers, given: Any) -> Any:
    """The prior as a function of positions, in float64 for float64, else in float32."""
    dtype = given if "64" in str(given) else None
    if "none" in notation:
        return None
    if "kerple" in notation:
        return lambda s, t: module.kerple(s, t, state["r1"], state["r2"], dtype=dtype)
    if "fire" in notation:
        return lambda s, t: module.fire(s, t, **_weights(state, "mlp"), c=0.1, threshold=64.0, slope=0.01, dtype=dtype)
    return lambda s, t: module.alibi(s, t, heads=HEADS, dtype=dtype)


def _adaptive(backend: str, module: Any) -> Iterator[Subject]:
    for notation in members("dape"):
        numbers: Numbers = {"heads": HEADS, **_mlp("f", HEADS if "none" in notation else 2 * HEADS)}
        if "kerple" in notation:
            numbers |= {"r1": _positive(2.0), "r2": _positive(1.0)}
        if "fire" in notation:
            numbers |= {"c": 0.1, "threshold": 64.0, **_mlp("mlp", 1)}
        form = "concatenated" if "concatenated" in notation else "residual"
        yield _subject(
            backend, notation, numbers, adapt=_adapt(module, notation, form), attend=_tiled(module, notation, form),
            supports=POSITIONS, max_position=4096,
        )  # fmt: skip


def _adapt(module: Any, notation: str, form: str) -> Callable[..., Any]:
    def adapt(state: Any, scores: Any, query_positions: Any, key_positions: Any) -> Any:
        function = _prior(module, notation, state, scores.dtype)
        prior = None if function is None else function(query_positions, key_positions)
        return module.dape(scores, prior, **_weights(state, "f"), form=form)

    return adapt


def _tiled(module: Any, notation: str, form: str) -> Callable[..., Any]:
    def attend(state: Any, q: Any, k: Any, v: Any, query_positions: Any, key_positions: Any) -> Any:
        return module.dape_attention(
            q, k, v, _prior(module, notation, state, q.dtype), **_weights(state, "f"), form=form,
            query_positions=query_positions, key_positions=key_positions, tile=(4, 5),
        )  # fmt: skip

    return attend


def _modules(torch: Any) -> Iterator[Subject]:
    """The torch modules with what they learn: T5's table, KERPLE, FIRE, FastRPB."""
    made: tuple[tuple[str, str, Callable[[], Any], tuple[str, ...], Callable[[Any], Numbers]], ...] = (
        ("T5Bias", "t5", lambda: torch.T5Bias(HEADS, causal=True), ("weight",), lambda state: {"w": state.weight.T}),
        ("Kerple", "kerple", lambda: torch.Kerple(HEADS), ("r1", "r2"), _clamped),
        ("Fire", "fire", lambda: torch.Fire(HEADS, width=WIDTH), ("w1", "b1", "w2", "b2", "c"), _fire_numbers),
    )
    for name, notation, make, learnable, read in made:
        yield _module(torch, name, notation, make, learnable, read)


def _clamped(state: Any) -> Numbers:
    return {"r1": state.r1.clamp(min=0.01), "r2": state.r2.clamp(min=0.01)}


def _fire_numbers(state: Any) -> Numbers:
    held = {f"mlp.{name}": getattr(state, name) for name in ("w1", "b1", "w2", "b2")}
    return {**held, "c": state.c, "threshold": abs(state.multiplier) * state.threshold}


def _module(
    torch: Any,
    name: str,
    notation: str,
    make: Callable[[], Any],
    learnable: tuple[str, ...],
    read: Callable[[Any], Numbers],
) -> Subject:
    return _subject(
        "torch", notation, {}, f" {name}", learnable=learnable, supports=POSITIONS | {"gradient"},
        build=lambda dtype, device: make().to(device=device, dtype=dtype),
        bias=lambda state, query_positions, key_positions: state(query_positions, key_positions),
        read=read, dtypes=("float64", "float32"), **WIDE,
    )  # fmt: skip
