"""Mutants of scaled RoPE: gain, ramp, boundaries, exponents, lengths; and scaled subjects that are right.

An honest schedule in float64 NumPy, written from the formulas of the papers and of released code; nothing of impls.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..subject import Subject
from .mutant import Mutant
from .rotary import Array, halves, interleaved, subject, turn

Parameters = Mapping[str, Any]
Angles = Callable[[Parameters], Array]
Gain = Callable[[Parameters], float]
_ORIGINAL = "original_max_position_embeddings"


def plain(p: Parameters, over: str = "rotary_dim") -> Array:
    """base^(-2p / rotary_dim), or wrongly over dim."""
    width = p.get("rotary_dim", p["dim"])
    return p["base"] ** (-np.arange(0, width, 2, dtype=np.float64) / p.get(over, p["dim"]))


def none(p: Parameters) -> float:
    """No gain."""
    return 1.0


def linear(p: Parameters, over: str = "rotary_dim") -> Array:
    """θ / s."""
    return plain(p, over) / p["factor"]


def ntk(p: Parameters, less: int = 2) -> Array:
    """(b s^(d / (d - 2)))^(-2p / d); wrongly with d / d."""
    width = p["dim"]
    base = p["base"] * p["factor"] ** (width / (width - less))
    return np.asarray(base ** (-np.arange(0, width, 2) / width))


def dynamic(p: Parameters, static: bool = False) -> Array:
    """The NTK base of the current length; wrongly always that of the factor itself."""
    s, original, width = p["factor"], p[_ORIGINAL], p["dim"]
    grown = s if static else s * max(p["length"], original) / original - (s - 1)
    base = p["base"] * grown ** (width / (width - 2))
    return np.asarray(base ** (-np.arange(0, width, 2) / width))


def yarn(p: Parameters, per: int = 1) -> Array:
    """The ramp of released code, linear in the index of the pair; wrongly in that of the coordinate."""
    width, span = p["dim"], p[_ORIGINAL]
    low, high = (width * np.log(span / (2 * np.pi * beta)) / (2 * np.log(p["base"])) for beta in (32, 1))
    low, high = max(np.floor(low), 0), min(np.ceil(high), width - 1)
    ramp = np.clip((per * np.arange(width // 2) - low) / (high - low), 0, 1)
    return np.asarray(plain(p) / p["factor"] * ramp + plain(p) * (1 - ramp))


def yarn_paper(p: Parameters) -> Array:
    """The ramp in print, linear in the number of turns."""
    keep = np.clip((p[_ORIGINAL] * plain(p) / (2 * np.pi) - 1) / 31, 0, 1)
    return np.asarray(plain(p) / p["factor"] * (1 - keep) + plain(p) * keep)


def yarn_gain(p: Parameters) -> float:
    """0.1 ln s + 1."""
    return 0.1 * float(np.log(p["factor"])) + 1


def llama3(p: Parameters, low: str = "low_freq_factor", high: str = "high_freq_factor") -> Array:
    """Three cases by wavelength; wrongly with the two boundaries exchanged."""
    theta, span = plain(p), p[_ORIGINAL]
    wavelength = 2 * np.pi / theta
    smooth = (span / wavelength - p[low]) / (p[high] - p[low])
    between = (1 - smooth) * theta / p["factor"] + smooth * theta
    far = np.where(wavelength > span / p[low], theta / p["factor"], between)
    return np.where(wavelength < span / p[high], theta, far)


def longrope(p: Parameters, long: Callable[[int, int], bool] = lambda n, limit: n > limit) -> Array:
    """The long list beyond the original length; wrongly from it on."""
    name = "long_factor" if long(p["length"], p[_ORIGINAL]) else "short_factor"
    return np.asarray(plain(p) / np.asarray(p[name]))


def longrope_gain(p: Parameters) -> float:
    """sqrt(1 + ln s / ln L)."""
    return float(np.sqrt(1 + np.log(p["factor"]) / np.log(p[_ORIGINAL])))


def scaled(angles: Angles, gain: Gain, pairs: Any = interleaved) -> Callable[..., tuple[Array, Array]]:
    """The `encode` callable: every pair turned in float64, times the gain, one cast."""

    def one(x: Array, positions: Array, p: Parameters) -> Array:
        turned = turn(x.astype(np.float64), positions[:, None] * angles(p), pairs(p), pairs(p))
        turned[..., : p.get("rotary_dim", p["dim"])] *= gain(p)
        return np.asarray(turned.astype(x.dtype))

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        return one(q, positions, state), one(k, positions, state)

    return encode


def _of(scaling: str, **numbers: Any) -> dict[str, Any]:
    return {"encoding": f"rope[scaling={scaling}]", "parameters": {"dim": 16, "base": 10000.0, **numbers}}


_PARTIAL = _of("linear", rotary_dim=8, factor=4.0)
_NTK = _of("ntk", factor=4.0)
_DYNAMIC = _of("dynamic", factor=4.0, length=512, **{_ORIGINAL: 256})
_YARN = _of("yarn", factor=16.0, **{_ORIGINAL: 4096})
_LLAMA3 = _of("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, **{_ORIGINAL: 8192})
_STRETCH = {"short_factor": [1.0] * 8, "long_factor": [1.0 + p for p in range(8)], "factor": 32.0, _ORIGINAL: 4096}
_LONGROPE = _of("longrope", length=4096, **_STRETCH)
_DEFINITION = ("matches-the-definition",)
_NORM = ("isometry", "matches-the-definition")

# name, angles, gain, what is declared, fault class, reference, checks
_ROWS: tuple[tuple[str, Angles, Gain, dict[str, Any], str, str, tuple[str, ...]], ...] = (
    ("gain-forgotten", yarn, none, _YARN, "magnitude", "turboderp-org/exllamav3#259", _NORM),
    ("gain-twice", yarn, lambda p: yarn_gain(p) ** 2, _YARN, "magnitude", "ggml-org/llama.cpp#17945", _NORM),
    ("ramp-of-the-paper", yarn_paper, yarn_gain, _YARN, "schedule", "constructed", _DEFINITION),
    ("ramp-by-coordinate", lambda p: yarn(p, 2), yarn_gain, _YARN, "schedule", "constructed", _DEFINITION),
    ("boundaries-exchanged", lambda p: llama3(p, "high_freq_factor", "low_freq_factor"), none, _LLAMA3, "schedule",
     "constructed", _DEFINITION),
    ("ntk-exponent-d", lambda p: ntk(p, 0), none, _NTK, "schedule", "constructed", _DEFINITION),
    ("dynamic-is-static", lambda p: dynamic(p, True), none, _DYNAMIC, "length", "vllm-project/vllm#41301",
     _DEFINITION),
    ("long-list-too-early", lambda p: longrope(p, lambda n, limit: n >= limit), longrope_gain, _LONGROPE, "length",
     "unslothai/unsloth#10681", _DEFINITION),
    ("longrope-gain-forgotten", longrope, none, _LONGROPE, "magnitude", "constructed", _NORM),
    ("scaled-exponent-over-head-dim", lambda p: linear(p, "dim"), none, _PARTIAL, "partial and odd dims",
     "pie-project/pie#603", _DEFINITION),
)  # fmt: skip
_RIGHT: tuple[tuple[str, Angles, Gain, dict[str, Any]], ...] = (
    ("scaled-linear-partial", linear, none, _PARTIAL),
    ("scaled-ntk", ntk, none, _NTK),
    ("scaled-dynamic", dynamic, none, _DYNAMIC),
    ("scaled-yarn", yarn, yarn_gain, _YARN),
    ("scaled-yarn-paper", yarn_paper, yarn_gain, {**_YARN, "encoding": "rope[scaling=yarn-paper]"}),
    ("scaled-llama3", llama3, none, _LLAMA3),
    ("scaled-longrope-at-the-boundary", longrope, longrope_gain, _LONGROPE),
    ("scaled-yarn-halves", yarn, yarn_gain, {**_YARN, "layout": "halves"}),
)


def mutants() -> list[Mutant]:
    """The rows of the first table as mutants."""
    return [
        Mutant(name, subject(f"mutant:{name}", encode=scaled(angles, gain), **declared), kind, reference, caught_by)
        for name, angles, gain, declared, kind, reference, caught_by in _ROWS
    ]


def correct_variants() -> list[Subject]:
    """The rows of the second table: right, and written without `impls`."""
    return [
        subject(
            f"correct:{name}",
            encode=scaled(angles, gain, halves if declared.get("layout") == "halves" else interleaved),
            **declared,
        )
        for name, angles, gain, declared in _RIGHT
    ]
