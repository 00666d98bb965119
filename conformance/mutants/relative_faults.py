"""Mutants of RoPE's relatives: sections, mixtures, decays, permutations, a reach that is the length; and right ones."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..subject import Subject
from .family_faults import Map, pair_of, permuted
from .mutant import Mutant
from .rotary import Array, interleaved, subject, turn

Parameters = Mapping[str, Any]


def sections(x: Array, positions: Array, p: Parameters, order: str = "thw") -> Array:
    """M-RoPE: pair p by its section's coordinate; wrongly with height and width exchanged."""
    axis = np.repeat(["thw".index(name) for name in order], [p[f"section_{name}"] for name in "thw"])
    theta = p["base"] ** (-np.arange(0, p["dim"], 2) / p["dim"])
    return turn(x, positions[..., axis] * theta, *2 * (interleaved(p),))


def mixed(x: Array, positions: Array, p: Parameters, learned: bool = True) -> Array:
    """RoPE-Mixed: Σ_a x_a θ_a; wrongly with the angles of the first axis for both."""
    theta = np.asarray([p["theta_0"], p["theta_1"] if learned else p["theta_0"]])
    return turn(x, positions.astype(np.float64) @ theta, *2 * (interleaved(p),))


def cosines(x: Array, positions: Array, p: Parameters, current: bool = False) -> Array:
    """cosFormer: (x cos a, x sin a) side by side, M given; wrongly the length of the call."""
    angle = np.pi / (2 * (max(len(positions), 1) if current else p["reach"])) * positions[:, None]
    wide = x.astype(np.float64)
    both = np.stack([wide * np.cos(angle), wide * np.sin(angle)], axis=-1)
    return np.asarray(both.reshape(*x.shape[:-1], 2 * x.shape[-1]).astype(x.dtype))


def retained(x: Array, positions: Array, p: Parameters, sign: int = 1, spread: bool = True) -> Array:
    """RetNet: γ^(sign · s) R(s θ) x, θ = b^(-linspace(0, 1, d/2)); wrongly with RoPE's angles."""
    exponents = np.linspace(0, 1, p["dim"] // 2) if spread else np.arange(0, p["dim"], 2) / p["dim"]
    turned = turn(x.astype(np.float64), positions[:, None] * p["base"] ** -exponents, *2 * (interleaved(p),))
    return np.asarray((turned * p["decay"] ** (sign * positions[:, None].astype(np.float64))).astype(x.dtype))


def weighed(x: Array, positions: Array, p: Parameters, sign: int = 1) -> Array:
    """PermuteFormer: r^(sign · s) P^s x, P of cycles of four."""
    images = [4 * (j // 4) + (j + 1) % 4 for j in range(p["dim"])]
    moved = permuted(x.astype(np.float64), positions, {"permutation": images})
    return np.asarray((moved * p["rate"] ** (sign * positions[:, None].astype(np.float64))).astype(x.dtype))


def _of(encoding: str, **numbers: Any) -> dict[str, Any]:
    return {"encoding": encoding, "parameters": {"dim": 16, **numbers}}


_SECTIONS = _of("m-rope", base=10000.0, section_t=2, section_h=3, section_w=3)
_MIXED = _of("rope-mixed", theta_0=[1.0 / (1 + i) for i in range(8)], theta_1=[0.5 - i / 8 for i in range(8)])
_COSINES = _of("cosformer", reach=4096)
_RETAINED = {**_of("retnet", base=10000.0, decay=0.96875), "max_position": 512}
_WEIGHED = {**_of("permuteformer", rate=0.875), "max_position": 128}
_DEFINITION = ("matches-the-definition",)
_GATED = ("matches-the-definition", "lag-invariant")

# name, query map, key map, what is declared, fault class, reference, checks
_ROWS: tuple[tuple[str, Map, Map | None, dict[str, Any], str, str, tuple[str, ...]], ...] = (
    ("height-and-width-exchanged", lambda x, s, p: sections(x, s, p, "twh"), None, _SECTIONS, "one shared angle",
     "constructed", _DEFINITION),
    ("angles-of-the-first-axis", lambda x, s, p: mixed(x, s, p, False), None, _MIXED, "one shared angle",
     "constructed", _DEFINITION),
    ("reach-is-the-length", lambda x, s, p: cosines(x, s, p, True), None, _COSINES, "length",
     "constructed, as in released code of cosFormer", _DEFINITION),
    ("retnet-with-the-angles-of-rope", lambda x, s, p: retained(x, s, p, 1, False),
     lambda x, s, p: retained(x, s, p, -1, False), _RETAINED, "schedule", "constructed", _DEFINITION),
    ("decay-on-both-sides", retained, None, _RETAINED, "key path", "constructed", _GATED),
    ("rate-on-both-sides", weighed, None, _WEIGHED, "key path", "constructed", _GATED),
)  # fmt: skip
_RIGHT: tuple[tuple[str, Map, Map | None, dict[str, Any]], ...] = (
    ("m-rope", sections, None, _SECTIONS),
    ("rope-mixed", mixed, None, _MIXED),
    ("cosformer", cosines, None, _COSINES),
    ("retnet", retained, lambda x, s, p: retained(x, s, p, -1), _RETAINED),
    ("permuteformer", weighed, lambda x, s, p: weighed(x, s, p, -1), _WEIGHED),
)


def mutants() -> list[Mutant]:
    """The rows of the first table as mutants."""
    return [
        Mutant(name, subject(f"mutant:{name}", encode=pair_of(query, key), **declared), kind, reference, caught_by)
        for name, query, key, declared, kind, reference, caught_by in _ROWS
    ]


def correct_variants() -> list[Subject]:
    """The rows of the second table: right, and written without `impls`."""
    return [subject(f"correct:{name}", encode=pair_of(query, key), **declared) for name, query, key, declared in _RIGHT]
