"""RoPE's relatives as subjects: mixed axes, M-RoPE, cosFormer, PermuteFormer, retention in its three forms."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from ..libraries import library
from ..subject import Subject
from .own import ACCURATE, DTYPES, FAST, SUPPORTS, devices, own_version

DIM = 64
One = Callable[..., Any]  # (x, positions, side, parameters, state, accurate) -> encoded
_PERMUTATION = [4 * (j // 4) + (j + 1) % 4 for j in range(DIM)]
_DECAY = 1 - 2.0**-5


def subjects(backend: str, module: Any) -> Iterator[Subject]:
    """Every entry, fast and accurate, then the attention forms of retention."""
    for notation, numbers, one in _entries(backend, module):
        for accurate in (False, True):
            yield _encoded(backend, notation, numbers, one, accurate)
    for form in ("dense", "chunked", "recurrent"):
        for notation, stored in (("retnet", {}), ("retnet[angles=lrpe]", {"theta": _drawn(DIM // 2)})):
            yield _retention(backend, module, notation, stored, form)


def _drawn(count: int, least: float = 0.0) -> list[float]:
    draw = random.Random(2403)
    return [draw.uniform(least, 1) for _ in range(count)]


def _entries(backend: str, module: Any) -> Iterator[tuple[str, dict[str, Any], One]]:
    def theta(values: Any, device: str) -> Any:
        import numpy as np

        return library(backend).array(np.array(values), "float64", device)

    def mixed(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        rows = theta([p[name] for name in sorted(p) if name.startswith("theta_")], state)
        return module.rope_mixed(x, positions, rows, accurate=accurate)

    def sections(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        given = {name: p[name] for name in ("base", "rotary_dim") if name in p}
        counts = [p[f"section_{axis}"] for axis in "thw"]
        return module.m_rope(x, positions, counts, order=p.get("order", "sections"), accurate=accurate, **given)

    def interleaved(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        return sections(x, positions, side, {**p, "order": "interleaved"}, state, accurate)

    def cosformer(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        return _side_by_side(module.cosformer(x, positions, reach=p["reach"], accurate=accurate))

    def retnet(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        given = {"theta": theta(p["theta"], state)} if "theta" in p else {"base": p["base"]}
        return module.retnet(x, positions, side, decay=p["decay"], accurate=accurate, **given)

    def permuted(x: Any, positions: Any, side: str, p: dict[str, Any], state: Any, accurate: bool) -> Any:
        rate = p["rate"]
        return module.permuteformer(x, positions, side, permutation=_PERMUTATION, rate=rate, accurate=accurate)

    for axes in (2, 3):
        several = {f"theta_{a}": _drawn(axes * DIM // 2, -1)[a::axes] for a in range(axes)}
        yield ("rope-mixed" if axes == 2 else "rope-mixed[axes=3]"), several, mixed
    counts = dict(zip(("section_t", "section_h", "section_w"), (8, 12, 12), strict=True))
    yield "m-rope", {"base": 1e6, **counts}, sections
    counts = dict(zip(("section_t", "section_h", "section_w"), (8, 4, 4), strict=True))
    yield "m-rope[order=interleaved]", {"base": 5e6, "rotary_dim": 32, **counts}, interleaved
    yield "cosformer", {"reach": 3000}, cosformer
    yield "retnet", {"base": 10000.0, "decay": _DECAY}, retnet
    yield "retnet[angles=lrpe]", {"decay": _DECAY, "theta": _drawn(DIM // 2)}, retnet
    yield "permuteformer", {"rate": 0.875}, permuted
    yield "permuteformer", {"rate": 1.0}, permuted


def _side_by_side(features: Any) -> Any:
    """All cosines, then all sines, as the definition has them: the two of each coordinate together."""
    import array_api_compat

    xp = array_api_compat.array_namespace(features)
    rows, width = features.shape[:-1], features.shape[-1]
    return xp.reshape(xp.matrix_transpose(xp.reshape(features, (*rows, 2, width // 2))), (*rows, width))


def _encoded(backend: str, notation: str, numbers: dict[str, Any], one: One, accurate: bool) -> Subject:
    still = " bidirectional" if numbers.get("rate") == 1.0 else ""
    real = set() if notation == "permuteformer" else {"fractional"}
    how: dict[str, Any] = ACCURATE if accurate else FAST
    return Subject(
        name=f"{backend}:{notation}{still}{' accurate' if accurate else ''}",
        encoding=notation,
        library=backend,
        build=lambda device: device,
        encode=lambda state, parameters, q, k, positions: (
            one(q, positions, "query", parameters, state, accurate),
            one(k, positions, "key", parameters, state, accurate),
        ),
        parameters={"dim": DIM, **numbers},
        dtypes=DTYPES[backend],
        devices=devices(backend),
        supports=SUPPORTS | real | ({"gradient"} if backend == "torch" else set()),
        version=own_version(),
        **how,
    )


def _retention(backend: str, module: Any, notation: str, stored: dict[str, Any], form: str) -> Subject:
    def attend(parameters: Any, q: Any, k: Any, v: Any, positions: Any, carry: Any) -> Any:
        given = {"theta": parameters["theta"]} if "theta" in parameters else {}
        how = {"form": form, "chunk": 4} if form == "chunked" else {"form": form}
        begun = True if carry is None else carry
        return module.retention(q, k, v, positions, decay=parameters["decay"], carry=begun, **given, **how)

    return Subject(
        name=f"{backend}:{notation} retention {form}",
        encoding=notation,
        library=backend,
        attend=attend,
        parameters={"dim": DIM, "decay": _DECAY, **stored},
        options={"attention": "norm-linear", "feature_map": "identity"},
        dtypes=DTYPES[backend],
        devices=devices(backend),
        version=own_version(),
        **FAST,
    )
