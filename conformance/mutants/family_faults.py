"""Mutants of the other members of the catalogue: several axes, xPos, Householder, DFT-type features, permutations."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .mutant import Mutant
from .rotary import Array, Parameters, interleaved, schedule, subject, turn

Map = Callable[[Array, Array, Parameters], Array]  # x (batch, heads, n, dim), positions, parameters -> x̂


def axial(x: Array, positions: Array, parameters: Parameters, angles: Callable[[Array], Array] = lambda s: s) -> Array:
    """rope[axes=2]: section a of the coordinates is turned by the a-th position; `angles` may mix the axes."""
    sections = np.split(x, 2, axis=-1)
    own = {"dim": parameters["dim"] // 2, "base": parameters["base"]}
    seen = angles(positions.astype(np.float64))
    parts = [
        turn(section, seen[..., a, None] * schedule(own), interleaved(own), interleaved(own))
        for a, section in enumerate(sections)
    ]
    return np.concatenate(parts, axis=-1)


def scaled(x: Array, positions: Array, parameters: Parameters, sign: int) -> Array:
    """xPos: R(s θ_p) times ζ_p^(sign · s / S), ζ_p = (2p/dim + γ)/(1 + γ); sign = 1 for queries, -1 for keys."""
    gamma, width = parameters.get("gamma", 0.4), parameters["dim"]
    zeta = (np.arange(0, width, 2) / width + gamma) / (1 + gamma)
    power = sign * positions.astype(np.float64)[:, None] / parameters.get("scale_base", 512)
    turned = turn(x.astype(np.float64), positions[:, None] * schedule(parameters), *2 * (interleaved(parameters),))
    return (turned * np.repeat(zeta**power, 2, axis=-1)).astype(x.dtype)


def reflected(x: Array, positions: Array, parameters: Parameters, normalised: bool = True) -> Array:
    """lrpe[core=orthogonal,p=householder]: R(s θ)(x - 2 v (v·x)/(v·v))."""
    v = np.asarray(parameters["v"], dtype=np.float64)
    wide = x.astype(np.float64)
    image = wide - 2 * (wide @ v)[..., None] * v / (v @ v if normalised else 1.0)
    pairs = interleaved(parameters)
    return turn(image, positions[:, None] * schedule(parameters), pairs, pairs).astype(x.dtype)


def stacked(x: Array, positions: Array, parameters: Parameters, sign: int = 1) -> Array:
    """lrpe[core=unitary,p=identity]: [Re; Im] of e^(i s θ_k) x_k, θ_k = base^(-2k/dim); sign = -1 conjugates."""
    theta = parameters["base"] ** (-2.0 * np.arange(parameters["dim"]) / parameters["dim"])
    phase, wide = sign * positions[:, None] * theta, x.astype(np.float64)
    return np.concatenate((wide * np.cos(phase), wide * np.sin(phase)), axis=-1).astype(x.dtype)


def permuted(x: Array, positions: Array, parameters: Parameters, inverse: bool = False) -> Array:
    """lrpe[core=permutation,p=identity]: (Λ_s x)_j = x[π^s(j)], the power taken by repeated squaring."""
    images = np.asarray(parameters["permutation"])
    return (
        np.stack(
            [
                x[..., i, :][..., _power(np.argsort(images) if inverse else images, int(s))]
                for i, s in enumerate(positions)
            ],
            axis=-2,
        )
        if len(positions)
        else x.copy()
    )


def _power(images: Array, exponent: int) -> Array:
    result = np.arange(len(images))
    while exponent:
        if exponent & 1:
            result = images[result]
        images, exponent = images[images], exponent >> 1
    return result


def by_length(x: Array, positions: Array, parameters: Parameters, current: bool = False) -> Array:
    """lrpe[theta=b]: θ_p = π (p + 1)/(2 n · pairs) with the declared length n, or wrongly with that of the call."""
    pairs = parameters["dim"] // 2
    n = max(len(positions), 1) if current else parameters["length"]
    theta = np.pi / 2 / n * np.arange(1, pairs + 1) / pairs
    return turn(x, positions[:, None] * theta, *2 * (interleaved(parameters),))


def odd(x: Array, positions: Array, parameters: Parameters, keep: bool = True) -> Array:
    """Odd dim: the last coordinate stays; wrongly it is dropped to zero."""
    out = turn(
        x, positions[:, None] * schedule({**parameters, "dim": x.shape[-1] // 2 * 2}), *2 * (interleaved(parameters),)
    )
    return out if keep else np.where(np.arange(x.shape[-1]) == x.shape[-1] - 1, 0, out).astype(x.dtype)


def pair_of(query: Map, key: Map | None = None) -> Callable[..., tuple[Array, Array]]:
    """The `encode` callable of a query map and a key map."""

    def encode(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        return query(q, positions, state), (key or query)(k, positions, state)

    return encode


AXIAL = {"encoding": "rope[axes=2]"}
XPOS = {
    "encoding": "xpos",
    "max_position": 4096,
    "parameters": {"dim": 16, "base": 10000.0, "scale_base": 512, "gamma": 0.4},
}
V = [0.5, -1.25, 0.75, 2.0, -0.125, 1.5, -0.5, 0.25, 1.0, -1.0, 0.375, 0.625, -2.5, 0.875, -0.75, 1.125]
HOUSEHOLDER = {"encoding": "lrpe[core=orthogonal,p=householder]", "parameters": {"dim": 16, "base": 10000.0, "v": V}}
UNITARY = {"encoding": "lrpe[core=unitary,p=identity]", "features": "stacked"}
PI = [3, 0, 1, 2, 5, 6, 7, 8, 9, 4, 11, 12, 13, 14, 15, 10]
PERMUTATION = {"encoding": "lrpe[core=permutation,p=identity]", "parameters": {"dim": 16, "permutation": PI}}
LENGTH = {
    "encoding": "lrpe[core=orthogonal,p=identity,theta=b]",
    "parameters": {"dim": 16, "length": 64},
    "max_position": 63,
}
ODD = {"encoding": "lrpe[core=orthogonal,p=identity]", "parameters": {"dim": 15, "base": 10000.0}}


def _sum_of_axes(positions: Array) -> Array:
    return np.broadcast_to(positions.sum(axis=-1, keepdims=True), positions.shape)


_ROWS: tuple[tuple[str, Any, dict[str, Any], str, str, tuple[str, ...]], ...] = (
    (
        "one-angle-for-two-axes",
        pair_of(lambda x, s, p: axial(x, s, p, _sum_of_axes)),
        AXIAL,
        "one shared angle",
        "LRPE, released code",
        ("matches-the-definition",),
    ),
    (
        "axes-exchanged",
        pair_of(lambda x, s, p: axial(x, s, p, lambda a: a[..., ::-1])),
        AXIAL,
        "one shared angle",
        "huggingface/diffusers#12538",
        ("matches-the-definition",),
    ),
    (
        "key-with-query-map",
        pair_of(lambda x, s, p: scaled(x, s, p, 1)),
        XPOS,
        "key path",
        "lucidrains/rotary-embedding-torch#27",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "v-not-normalised",
        pair_of(lambda x, s, p: reflected(x, s, p, False)),
        HOUSEHOLDER,
        "magnitude",
        "LRPE, released code",
        ("matches-the-definition", "isometry"),
    ),
    (
        "no-conjugate",
        pair_of(lambda x, s, p: stacked(x, s, p, -1), stacked),
        UNITARY,
        "key path",
        "LRPE, released code",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "permutation-inverted",
        pair_of(lambda x, s, p: permuted(x, s, p, True)),
        PERMUTATION,
        "sign",
        "constructed",
        ("matches-the-definition",),
    ),
    (
        "theta-of-the-current-length",
        pair_of(lambda x, s, p: by_length(x, s, p, True)),
        LENGTH,
        "length",
        "LRPE, released code",
        ("matches-the-definition",),
    ),
    (
        "odd-last-coordinate-lost",
        pair_of(lambda x, s, p: odd(x, s, p, False)),
        ODD,
        "partial and odd dims",
        "lucidrains/rotary-embedding-torch#45",
        ("matches-the-definition", "isometry"),
    ),
)


def mutants() -> list[Mutant]:
    """The rows of the table above as mutants."""
    return [
        Mutant(name, subject(f"mutant:{name}", encode=encode, **declared), kind, reference, caught_by)
        for name, encode, declared, kind, reference, caught_by in _ROWS
    ]
