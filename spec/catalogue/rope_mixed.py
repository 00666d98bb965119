"""RoPE-Mixed: each pair is turned by Σ_a θ_a x_a over the axes, with learned angles of its own for every axis."""

import sympy as sp

from ..encoding import Encoding, axis, dim, learned, pair
from .shared import base, rotation

OPTIONS = {"axes": ("2", "3")}
MEMBERS = ("rope-mixed", "rope-mixed[axes=3]")


def encoding(axes: str = "2") -> Encoding:
    """Two axes of an image, or three of a video: theta_0, theta_1, … hold one angle for each pair."""
    n = int(axes)
    angles = [sp.Symbol(f"theta_{a}", real=True) for a in range(n)]
    start = base ** (-2 * pair / dim)
    return Encoding(
        "rope-mixed" if n == 2 else f"rope-mixed[axes={n}]",
        query=rotation(sum(angle * axis(a) for a, angle in enumerate(angles))),
        axes=n,
        domain="real",
        parameters={angle: learned((sp.floor(dim / 2),), start) for angle in angles} | {base: 100},
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True},
        source="Heo et al., Rotary Position Embedding for Vision Transformer, arXiv 2403.13298",
        summary="turns each pair by a learned mixture of the coordinates of a position",
        conventions=(
            "angles are learned for each head and layer; zero is allowed, so that W_τ = I off 0 may happen",
            "released code starts from a random direction for each pair",
        ),
    )
