"""Our own implementations as subjects: every runnable catalogue entry, fast and accurate, and the linear attentions."""

import os
import random
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from ...spec.catalogue import members, names
from ..libraries import library
from ..subject import Subject

DTYPES = {
    "numpy": ("float64", "float32", "float16"),
    "cupy": ("float64", "float32", "float16"),
    "torch": ("float64", "float32", "float16", "bfloat16"),
    "standin": ("float64", "float32"),
}
MODULES = {"torch": "...impls.pytorch"}
DIM = 64
BILINEAR = {"lrpe", "nope", "rope", "sinusoidal", "xpos"}  # the entries that one function of (x, positions) runs
FAST: dict[str, Any] = {"angles": "exact", "tables": "float32", "arithmetic": "float32"}
ACCURATE: dict[str, Any] = {"angles": "exact", "tables": "float64", "arithmetic": "float64"}
SUPPORTS = {"offset", "arbitrary-positions", "batched-positions", "grouped-heads"}


def subjects(backend: str) -> list[Subject]:
    """The subjects of "numpy", "torch", "cupy", or "standin" (array-api-strict, where no accelerator is at hand).

    Raises UnavailableError with the reason where the library cannot run here; LAGWISE_REQUIRE=<backend> makes that an
    ImportError.
    """
    reason = unavailable(backend)
    if reason is not None:
        from ..targets import UnavailableError

        required = backend in os.environ.get("LAGWISE_REQUIRE", "").split(",")
        raise (ImportError if required else UnavailableError)(f"backend:{backend}: not run: {reason}")
    module = import_module(MODULES.get(backend, "...impls.arrays"), __package__)
    from . import own_random, own_relatives, own_rotary
    from .own_forms import attentions, modules
    from .own_kernels import kernels

    own = [*_encodings(backend, module), *attentions(backend, module), *kernels(backend, module)]
    own += [subject for file in (own_rotary, own_relatives, own_random) for subject in file.subjects(backend, module)]
    return [*own, *modules(module)] if backend == "torch" else own


def unavailable(backend: str) -> str | None:
    """Why a backend cannot run on this machine: import, device, then one real kernel; None when it can."""
    name = {"standin": "array_api_strict"}.get(backend, backend)
    try:
        module = import_module(name)
    except ImportError as error:
        return f"{name} cannot be imported ({' '.join(str(error).split())})"
    if backend != "cupy":
        return None
    try:
        if module.cuda.runtime.getDeviceCount() < 1:
            return "there is no CUDA device"
        return None if int(module.arange(3).sum()) == 3 else "a kernel gave a wrong sum"
    except Exception as error:
        return f"no CUDA device answers ({' '.join(str(error).split())[:120]})"


def _encodings(backend: str, module: Any) -> Iterator[Subject]:
    for name in sorted(set(names()) & BILINEAR):
        for notation in members(name):
            if "scaling=" not in notation:  # those are in own_rotary
                yield from _pair(backend, module, notation, {}, "")
    yield from _pair(backend, module, "rope", {"rotary_dim": DIM // 2}, " partial")
    yield from _pair(backend, module, "rope", {}, " halves", layout="halves")
    yield from _pair(backend, module, "rope[axes=2]", {}, " halves", layout="halves")
    yield from _pair(backend, module, "lrpe[core=orthogonal,p=shuffle]", {"dim": DIM - 1}, " odd")


def _pair(
    backend: str, module: Any, notation: str, changed: dict[str, Any], suffix: str, **more: Any
) -> Iterator[Subject]:
    yield _subject(backend, module, notation, changed, suffix, accurate=False, **more)
    if notation != "nope":
        yield _subject(backend, module, notation, changed, f"{suffix} accurate", accurate=True, **more)


def _subject(
    backend: str, module: Any, notation: str, changed: dict[str, Any], suffix: str, *, accurate: bool, **more: Any
) -> Subject:
    numbers = parameters(notation) | changed
    layout = more.get("layout", "interleaved")

    def encode(state: Any, parameters: Any, q: Any, k: Any, positions: Any) -> tuple[Any, Any]:
        one = encoder(module, notation, parameters, accurate=accurate, layout=layout)
        return one(q, positions, "query", state), one(k, positions, "key", state)

    stored = [name for name in ("v", "theta") if isinstance(numbers.get(name), list)]
    return Subject(
        name=f"{backend}:{notation}{suffix}",
        encoding=notation,
        library=backend,
        build=lambda parameters, dtype, device: _stored(backend, parameters, stored, dtype, device),
        encode=encode,
        read=(lambda state: state) if stored else None,
        parameters=numbers,
        features="stacked" if stacked(notation) else None,
        dtypes=DTYPES[backend],
        devices=devices(backend),
        supports=_supports(backend, notation),
        version=own_version(),
        **(ACCURATE if accurate else FAST),
        **more,
    )


def parameters(notation: str) -> dict[str, Any]:
    """Numbers for an entry: those a paper prints, and drawn ones (seeded) for what is learned."""
    name, options = _options(notation)
    draw = random.Random(2307)
    found: dict[str, Any] = {"dim": DIM}
    if name in ("rope", "xpos", "sinusoidal") or (name == "lrpe" and options.get("theta", "a") == "a"):
        found["base"] = 10000.0
    if name == "xpos":
        found |= {"scale_base": 512, "gamma": 0.4}
    if options.get("p") == "householder":
        found["v"] = [draw.gauss(0, 1) for _ in range(DIM)]
    if options.get("core") == "permutation":
        found.pop("base", None)
        found["permutation"] = draw.sample(range(DIM), DIM)
    if options.get("theta") in ("b", "c"):
        found["length"] = 4096
    if options.get("theta") == "learned":
        found["theta"] = [draw.uniform(0, 1) for _ in range(DIM // (1 if options.get("core") == "unitary" else 2))]
    return found


def _supports(backend: str, notation: str) -> set[str]:
    real = {"fractional"} if "permutation" not in notation else set()
    return SUPPORTS | real | ({"gradient"} if backend == "torch" else set())


def _options(notation: str) -> tuple[str, dict[str, str]]:
    name, _, rest = notation.partition("[")
    return name, dict(item.split("=") for item in filter(None, rest.rstrip("]").split(",")))


def stacked(notation: str) -> bool:
    options = _options(notation)[1]
    return options.get("core") == "unitary" or options.get("p") == "dft"


def _stored(backend: str, numbers: dict[str, Any], stored: list[str], dtype: Any, device: str) -> dict[str, Any]:
    """Learned numbers as the subject holds them: v in the dtype of the run, angles in float64."""
    import numpy as np

    own, name = library(backend), str(dtype).rpartition(".")[2]
    kept = {"v": name, "theta": "float64"}
    return {key: own.array(np.array(numbers[key]), kept[key], device) for key in stored}


def encoder(module: Any, notation: str, numbers: dict[str, Any], *, accurate: bool, layout: str) -> Callable[..., Any]:
    """`one(x, positions, side, state)` by our own function for this entry."""
    name, options = _options(notation)
    own = {key: value for key, value in numbers.items() if key not in ("dim", "v", "theta")}
    if name == "nope":
        return lambda x, positions, side, state: module.nope(x, positions)
    own["accurate"] = accurate
    if name == "xpos":
        return lambda x, positions, side, state: module.xpos(x, positions, side, **own)
    own |= {key: value for key, value in options.items() if key in ("core", "p") or value in ("b", "c")}
    if "axes" in options:
        own["axes"] = int(options["axes"])
    if name == "rope":
        own["layout"] = layout
    function = getattr(module, name)
    return lambda x, positions, side, state: function(x, positions, **own, **state)


def devices(backend: str) -> tuple[str, ...]:
    if backend == "cupy":
        return ("cuda",)
    if backend == "torch" and import_module("torch").cuda.is_available():
        return ("cpu", "cuda")
    return ("cpu",)


def own_version() -> str:
    from importlib.metadata import version

    return version("lagwise")
