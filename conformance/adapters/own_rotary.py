"""Our scaled RoPE as subjects: every kind of scaling with the numbers of a configuration, fast and accurate."""

from collections.abc import Iterator
from typing import Any

from ..subject import Subject
from .own import ACCURATE, DTYPES, FAST, SUPPORTS, devices, own_version

DIM = 64
_YARN = {"factor": 16.0, "original_max_position_embeddings": 4096, "base": 10000.0}
SCALINGS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("linear", "", {"factor": 4.0}),
    ("ntk", "", {"factor": 4.0}),
    ("dynamic", "", {"factor": 4.0, "original_max_position_embeddings": 2048, "length": 6000}),
    ("dynamic", " not yet long", {"factor": 4.0, "original_max_position_embeddings": 2048, "length": 2048}),
    ("yarn", "", _YARN),
    ("yarn", " partial, not truncated", {**_YARN, "beta_slow": 2.0, "truncate": 0, "rotary_dim": 48}),
    ("yarn", " mscale", {**_YARN, "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 0.5}),
    ("yarn-paper", "", _YARN),
    ("llama3", "", {"base": 500000.0, "factor": 8.0, "original_max_position_embeddings": 8192, "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0}),
    ("longrope", "", {"length": 4097}),
    ("longrope", " at the boundary", {"length": 4096}),
    ("proportional", "", {"rotary_dim": 16, "base": 1000000.0}),
)  # fmt: skip
STRETCHES = {
    "factor": 32.0,
    "original_max_position_embeddings": 4096,
    "short_factor": [1.0 + p / 64 for p in range(DIM // 2)],
    "long_factor": [1.0 + p * p / 16 for p in range(DIM // 2)],
}


def subjects(backend: str, module: Any) -> Iterator[Subject]:
    """Each scaling in the usual layout, fast and accurate, and YaRN in halves."""
    for kind, suffix, numbers in SCALINGS:
        for accurate in (False, True):
            yield _scaled(backend, module, kind, suffix, numbers, accurate, "interleaved")
    yield _scaled(backend, module, "yarn", " halves", _YARN, False, "halves")


def _scaled(
    backend: str, module: Any, kind: str, suffix: str, numbers: dict[str, Any], accurate: bool, layout: str
) -> Subject:
    def one(x: Any, positions: Any, given: dict[str, Any]) -> Any:
        own = {name: given[name] for name in ("base", "rotary_dim", "length") if name in given}
        scaling = {name: value for name, value in given.items() if name not in (*own, "dim")}
        how: dict[str, Any] = {"layout": layout, "accurate": accurate, "scaling": {"rope_type": kind, **scaling}}
        return module.rope(x, positions, **own, **how)

    return Subject(
        name=f"{backend}:rope[scaling={kind}]{suffix}{' accurate' if accurate else ''}",
        encoding=f"rope[scaling={kind}]",
        library=backend,
        encode=lambda parameters, q, k, positions: (one(q, positions, parameters), one(k, positions, parameters)),
        parameters={"dim": DIM, "base": 10000.0, **(STRETCHES if kind == "longrope" else {}), **numbers},
        layout=layout,
        dtypes=DTYPES[backend],
        devices=devices(backend),
        supports=SUPPORTS | {"fractional"} | ({"gradient"} if backend == "torch" else set()),
        version=own_version(),
        **(ACCURATE if accurate else FAST),
    )
