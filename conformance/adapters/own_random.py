"""Our SPE and FLT as subjects: features with frozen noise that `read` hands over, and attention by chunks."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..libraries import library
from ..subject import Subject
from .own import devices, own_version

DIM, HEADS = 4, 2
REACH = {"spe-conv": 64, "spe-conv[axes=2]": 12}  # positions along each axis that the noise of convSPE covers
DTYPES = {
    "numpy": ("float64", "float32"),
    "cupy": ("float64", "float32"),
    "torch": ("float64", "float32"),
    "standin": ("float64",),
}
PLACES = {"offset", "arbitrary-positions"}
MIXTURE = {"weights": [1.0, -0.75], "means": [0.3, -0.2], "sigmas": [0.5, 0.8]}
PLANE = {"weights": [1.0, -0.75], "means": [[0.3, -0.1], [-0.2, 0.1]], "sigmas": [0.5, 0.8]}


def subjects(backend: str, module: Any) -> Iterator[Subject]:
    """Every runnable entry as features, and linear attention through three of them."""
    for notation, numbers in (*CODES.items(), *MASKS.items()):
        yield _subject(backend, module, notation, numbers, f"{backend}:{notation}", encode=_encode(module, notation))
    for notation in ("spe-sine", "spe-conv", "flt-gaussian-mixture"):
        numbers = CODES.get(notation) or MASKS[notation]
        name = f"{backend}:{notation} attention chunked"
        yield _subject(backend, module, notation, numbers, name, attend=_attend(module, notation))


def _subject(backend: str, module: Any, notation: str, numbers: dict[str, Any], name: str, **doors: Any) -> Subject:
    def build(parameters: Any, dtype: Any, device: str, seed: int) -> dict[str, Any]:
        return state_of(module, backend, notation, parameters, dtype, device, seed)

    drawn = ("noise", "gate_noise") if notation in CODES else ("frequencies",)
    attention: dict[str, Any] = {"options": {"attention": "norm-linear", "scale": 1.0}} if "attend" in doors else {}
    return Subject(
        name=name,
        encoding=notation,
        library=backend,
        build=build,
        read=lambda state: {key: state[key] for key in drawn if key in state},
        parameters={"dim": DIM, "heads": HEADS, **numbers},
        dtypes=DTYPES[backend],
        devices=devices(backend),
        supports=PLACES,
        max_position=REACH.get(notation),
        angles="exact",
        arithmetic="input",
        version=own_version(),
        **attention,
        **doors,
    )


def _numbers(sines: int, axes: int, gated: bool) -> dict[str, Any]:
    draw = random.Random(2105)
    shape = (HEADS, DIM, sines)

    found: dict[str, Any] = {
        "frequencies": _nested(lambda: draw.uniform(0, 0.5), shape if axes == 1 else (*shape, axes)),
        "phases": _nested(lambda: draw.gauss(0, 1), shape),
        "gains": _nested(lambda: draw.uniform(0.4, 1), shape),
        "realizations": 16,
    }
    return found | ({"gate": _nested(lambda: draw.uniform(0.2, 0.8), shape[:2])} if gated else {})


def _filters(taps: int, axes: int) -> dict[str, Any]:
    draw, shape = random.Random(2106), (HEADS, DIM, *(taps,) * axes)
    sides = ("query_filter", "key_filter")
    return {**{s: _nested(lambda: draw.uniform(0, 1), shape) for s in sides}, "realizations": 16}


def _nested(make: Callable[[], Any], sizes: tuple[int, ...]) -> Any:
    return make() if not sizes else [_nested(make, sizes[1:]) for _ in range(sizes[0])]


CODES: dict[str, dict[str, Any]] = {
    "spe-sine": _numbers(2, 1, False),
    "spe-sine[gated=yes]": _numbers(2, 1, True),
    "spe-sine[axes=2]": _numbers(2, 2, False),
    "spe-sine[axes=3]": _numbers(1, 3, False),
    "spe-conv": _filters(3, 1),
    "spe-conv[axes=2]": _filters(3, 2),
}
MASKS: dict[str, dict[str, Any]] = {
    "flt-gaussian-mixture": {"realizations": 32, **MIXTURE},
    "flt-gaussian-mixture[axes=2]": {"realizations": 32, **PLANE},
    "flt-shift-invariant[kernel=gaussian]": {"realizations": 32, "scale": 2.5},
    "flt-shift-invariant[kernel=laplace]": {"realizations": 32, "rate": 0.75},
    "flt-shift-invariant[kernel=matern12]": {"realizations": 32, "scale": 2.5},
    "flt-shift-invariant[kernel=matern32]": {"realizations": 32, "scale": 2.5},
    "flt-shift-invariant[kernel=matern52]": {"realizations": 32, "scale": 2.5},
    "flt-shift-invariant[kernel=matern32,axes=3]": {"realizations": 32, "scale": 2.5},
    "flt-local[shape=tent]": {"realizations": 32, "width": 4.5},
    "flt-local[shape=smoothed]": {"realizations": 32, "width": 2.5, "tau": 0.75},
    "flt-local[shape=grid]": {"realizations": 32, "width": 3},
}


def spectrum(notation: str, numbers: dict[str, Any], array: Callable[[Any], Any] = np.array) -> Any:
    """The record of `impls.fourier_densities` for an entry and its numbers."""
    from ...impls import fourier_densities as spectra

    if notation.startswith("flt-gaussian-mixture"):
        means = np.array(numbers["means"])
        means = means[:, None] if means.ndim == 1 else means
        return spectra.GaussianMixture(array(numbers["weights"]), array(means), array(numbers["sigmas"]))
    kind = notation.partition("=")[2].partition(",")[0].rstrip("]")
    if kind.startswith("matern"):
        return spectra.Matern(int(kind[-2]) / 2, numbers["scale"])
    if kind == "gaussian":
        return spectra.GaussianKernel(numbers["scale"])
    if kind == "laplace":
        return spectra.Laplace(numbers["rate"])
    if kind == "tent":
        return spectra.Tent(numbers["width"])
    if kind == "smoothed":
        return spectra.SmoothedBox(numbers["width"], numbers["tau"])
    return spectra.Dirichlet(numbers["width"])


def axes_of(notation: str) -> int:
    """Coordinates of a position."""
    return int(notation.partition("axes=")[2][:1] or 1)


def state_of(
    module: Any, backend: str, notation: str, numbers: dict[str, Any], dtype: Any, device: str, seed: int
) -> dict[str, Any]:
    """Parameters and noise as arrays: parameters in float64, SPE's noise in the dtype, frequencies in float64."""
    own, name = library(backend), str(dtype).rpartition(".")[2]
    realizations, heads = numbers["realizations"], numbers["heads"]

    def wide(values: Any) -> Any:
        return own.array(np.array(values), "float64", device)

    like = own.array(np.zeros(1), name, device)
    if notation not in CODES:
        made = spectrum(notation, numbers, wide)
        sizes = (heads, realizations, axes_of(notation))
        drawn = module.flt_frequencies(wide([0.0]), made, *sizes, seed=seed)
        return {"frequencies": drawn, "ratios": module.flt_ratios(made, drawn)}
    given = {key: wide(numbers[key]) for key in ARRAYS if key in numbers}
    if notation in REACH:
        taps, lengths = len(numbers["query_filter"][0][0]), (REACH[notation],) * axes_of(notation)
        noise = module.conv_noise(like, lengths, heads, DIM, taps, realizations, seed=seed)
    else:
        noise = module.sine_noise(like, heads, DIM, len(numbers["gains"][0][0]), realizations, seed=seed)
    gated = {"gate_noise": module.gate_noise(like, heads, DIM, realizations, seed=seed)} if "gate" in given else {}
    return {**given, "noise": noise, **gated}


ARRAYS = ("frequencies", "phases", "gains", "query_filter", "key_filter", "gate")


def _one(module: Any, notation: str) -> Callable[[Any, Any, str, Any], Any]:
    name = "flt_extended" if notation not in CODES else "conv_spe" if notation in REACH else "sine_spe"
    function = getattr(module, name)
    return lambda x, positions, side, state: function(x, positions, side, **state)


def _encode(module: Any, notation: str) -> Callable[..., Any]:
    one = _one(module, notation)
    return lambda state, q, k, positions: (one(q, positions, "query", state), one(k, positions, "key", state))


def _attend(module: Any, notation: str) -> Callable[..., Any]:
    """Linear attention on the features, undivided, 4 rows at a time."""
    one, axes = _one(module, notation), axes_of(notation)

    def attend(state: Any, q: Any, k: Any, v: Any, positions: Any, causal: bool) -> Any:
        ends = {
            f"encode_{side}": module.bind(lambda x, at, side=side: one(x, at, side, state), positions, axes)
            for side in ("query", "key")
        }
        return module.linear_attention(q, k, v, causal=causal, kind="norm-linear", scale=1.0, chunk=4, **ends)

    return attend
