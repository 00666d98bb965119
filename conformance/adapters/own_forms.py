"""Our linear attentions in every form, and our torch modules with what they learn, as subjects."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

from ..subject import Subject
from .own import DIM, DTYPES, FAST, SUPPORTS, devices, encoder, own_version, parameters, stacked

ATTENTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("softmax", {}),
    ("linear", {"feature_map": "relu"}),
    ("linear", {"feature_map": "elu+1"}),
    ("linear", {"feature_map": "exp"}),
    ("norm-linear", {"feature_map": "identity"}),
)


def attentions(backend: str, module: Any) -> Iterator[Subject]:
    for kind, options in ATTENTIONS:
        for form in ("dense",) if kind == "softmax" else ("dense", "chunked", "recurrent"):
            label = f"{kind} {options['feature_map']}" if options else kind
            for notation in ("rope", "lrpe[core=unitary,p=dft]"):
                yield Subject(
                    name=f"{backend}:{notation} {label} {form}",
                    encoding=notation,
                    library=backend,
                    attend=_attention(module, notation, kind, options, form),
                    parameters=parameters(notation) | {"dim": 16},
                    features="stacked" if stacked(notation) else None,
                    options={"attention": kind, **options, "denominator": "plain"},
                    dtypes=DTYPES[backend],
                    devices=devices(backend),
                    version=own_version(),
                    **FAST,
                )


def _attention(module: Any, notation: str, kind: str, options: dict[str, str], form: str) -> Callable[..., Any]:
    numbers = parameters(notation)
    one = encoder(module, notation, numbers, accurate=False, layout="interleaved")

    def bound(positions: Any) -> dict[str, Any]:
        query = module.bind(lambda x, at: one(x, at, "query", {}), positions)
        return {"encode_query": query, "encode_key": module.bind(lambda x, at: one(x, at, "key", {}), positions)}

    shared = {"kind": kind, **options}
    if form == "dense":
        return lambda q, k, v, positions, causal: module.dense_attention(
            q, k, v, causal=causal, **shared, **bound(positions)
        )
    if form == "chunked":
        return lambda q, k, v, positions, causal: module.linear_attention(
            q, k, v, causal=causal, chunk=4, **shared, **bound(positions)
        )
    return lambda q, k, v, positions, carry: module.linear_attention(
        q, k, v, causal=True, form="recurrent", carry=True if carry is None else carry, **shared, **bound(positions)
    )


def modules(torch: Any) -> Iterator[Subject]:
    """`RotaryEmbedding`, and `LRPE` with learned angles and a learned Householder vector, in the run's dtype."""
    numbers = {"base": 10000.0}
    yield _module("RotaryEmbedding", "rope", numbers, lambda n: torch.RotaryEmbedding(n["dim"], n["base"]), ())
    for core in ("orthogonal", "unitary"):
        yield _module(
            f"LRPE {core} learned",
            f"lrpe[core={core},p=householder,theta=learned]",
            {},
            partial(_learned, torch, core),
            ("theta", "v"),
        )


def _kept(dtype: Any) -> Any:
    """The dtype of the parameters: angles below 2^-25 would be zero in float16, so they stay in float32 there."""
    return getattr(import_module("torch"), "float32" if str(dtype) == "torch.float16" else str(dtype)[6:])


def _learned(torch: Any, core: str, numbers: dict[str, Any]) -> Any:
    return torch.LRPE(numbers["dim"], core, "householder", theta="learned")


def _module(
    name: str, notation: str, numbers: dict[str, Any], make: Callable[[Any], Any], learnable: tuple[str, ...]
) -> Subject:
    return Subject(
        name=f"torch:{name}",
        encoding=notation,
        library="torch",
        build=lambda parameters, dtype, device: make(parameters).to(device=device, dtype=_kept(dtype)),
        encode=lambda state, q, k, positions: (state(q, positions), state(k, positions)),
        read=(lambda state: {key: getattr(state, key) for key in learnable}) if learnable else None,
        learnable=learnable,
        parameters={"dim": DIM, **numbers},
        features="stacked" if stacked(notation) else None,
        dtypes=DTYPES["torch"],
        devices=devices("torch"),
        supports=SUPPORTS | {"fractional", "gradient"},
        version=own_version(),
        **FAST,
    )
