"""RoPE: the pair p of q and k is turned by position · base^(-2p / rotary_dim); the other coordinates pass unchanged."""

import sympy as sp

from ..encoding import Encoding, axis, dim, pair, position
from .shared import base, rotation, theta

rotary_dim = sp.Symbol("rotary_dim", integer=True, positive=True)
OPTIONS = {"axes": ("1", "2", "3")}
MEMBERS = ("rope", "rope[axes=2]")


def encoding(axes: str = "1") -> Encoding:
    """`rope`, or `rope[axes=2]` (axial): equal sections of the coordinates, one for each axis, with their own pairs."""
    n = int(axes)
    coordinates = [position] if n == 1 else [axis(j) for j in range(n)]
    return Encoding(
        "rope" if n == 1 else f"rope[axes={n}]",
        query=sp.diag(*(rotation(x * theta) for x in coordinates)),
        axes=n,
        domain="real",
        parameters={theta: base ** (-2 * pair * n / rotary_dim), base: 10000, rotary_dim: dim},
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True, "faithful": True},
        covers=rotary_dim,
        sections=n,
        source="Su et al., RoFormer, arXiv 2104.09864",
        summary="turns each pair of coordinates by an angle proportional to the position",
        conventions=(
            "pairs are (2p, 2p + 1) in the definition; an implementation declares its own layout",
            "partial rotary: the exponent's denominator is rotary_dim, not dim",
        ),
    )
