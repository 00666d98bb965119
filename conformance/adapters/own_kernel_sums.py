"""Our Toeplitz products, masked attentions and DAPE as subjects, with numbers drawn from the seed of `own_kernels`."""

from collections.abc import Callable, Iterator
from typing import Any

from ...spec.catalogue import members
from ..subject import Subject
from .own_kernels import DIM, HEADS, HELD, POSITIONS, Numbers, mlp, normal, positive, subject, weights


def products(backend: str, module: Any) -> Iterator[Subject]:
    table = normal(HEADS, 2 * HELD - 1)
    for notation, causal in (("fastrpb", False), ("fastrpb[causal=yes]", True)):
        yield subject(
            backend, notation, {"w": table}, mix=_mix(module, causal), max_position=HELD, supports={"offset"},
        )  # fmt: skip
    for kind, options in (("softmax", {}), ("linear", {"feature_map": "elu+1"})):
        yield subject(
            backend, "fastrpb[causal=yes]", {"w": table}, f" {kind}", max_position=HELD, supports={"offset"},
            attend=_beside(module, kind, options), options={"attention": kind, **options},
        )  # fmt: skip

    def on_grid(state: Any, v: Any, positions: Any) -> Any:
        return module.fastrpb(v, state["w"], grid=_grid(positions))

    yield subject(backend, "fastrpb[axes=2]", {"w": normal(HEADS, 39)}, mix=on_grid, max_position=20)


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


def masks(backend: str, module: Any) -> Iterator[Subject]:
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

    table = normal(HEADS, 2 * HELD - 1)
    shared: Numbers = {"max_position": HELD, "supports": {"offset"}}
    yield subject(backend, "toeplitz-mask", {"b": table}, attend=masked("exp"), options=options, **shared)
    signed = [[1.0 + abs(x) for x in row] for row in table]
    yield subject(
        backend, "toeplitz-mask[positivity=signed]", {"b": signed}, attend=masked("signed"), options=options, **shared
    )  # fmt: skip
    yield subject(
        backend, "toeplitz-mask[axes=2]", {"b": normal(HEADS, 39, 39)}, attend=on_grid, options=options,
        max_position=20,
    )  # fmt: skip
    drawn = {"b": table, "projection": normal(5, DIM)}
    yield subject(
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
        return lambda s, t: module.fire(s, t, **weights(state, "mlp"), c=0.1, threshold=64.0, slope=0.01, dtype=dtype)
    return lambda s, t: module.alibi(s, t, heads=HEADS, dtype=dtype)


def adaptive(backend: str, module: Any) -> Iterator[Subject]:
    for notation in members("dape"):
        numbers: Numbers = {"heads": HEADS, **mlp("f", HEADS if "none" in notation else 2 * HEADS)}
        if "kerple" in notation:
            numbers |= {"r1": positive(2.0), "r2": positive(1.0)}
        if "fire" in notation:
            numbers |= {"c": 0.1, "threshold": 64.0, **mlp("mlp", 1)}
        form = "concatenated" if "concatenated" in notation else "residual"
        yield subject(
            backend, notation, numbers, adapt=_adapt(module, notation, form), attend=_tiled(module, notation, form),
            supports=POSITIONS, max_position=4096,
        )  # fmt: skip


def _adapt(module: Any, notation: str, form: str) -> Callable[..., Any]:
    def adapt(state: Any, scores: Any, query_positions: Any, key_positions: Any) -> Any:
        function = _prior(module, notation, state, scores.dtype)
        prior = None if function is None else function(query_positions, key_positions)
        return module.dape(scores, prior, **weights(state, "f"), form=form)

    return adapt


def _tiled(module: Any, notation: str, form: str) -> Callable[..., Any]:
    def attend(state: Any, q: Any, k: Any, v: Any, query_positions: Any, key_positions: Any) -> Any:
        return module.dape_attention(
            q, k, v, _prior(module, notation, state, q.dtype), **weights(state, "f"), form=form,
            query_positions=query_positions, key_positions=key_positions, tile=(4, 5),
        )  # fmt: skip

    return attend
