"""Sinusoidal absolute encoding: q + p_s and k + p_t with p = (sin, cos) pairs. Affine, and not relative."""

import sympy as sp

from ..encoding import Encoding, dim, pair, position
from .shared import base, theta


def encoding() -> Encoding:
    """[I | p_s] acting on [q; 1]: the cross terms q·p_t and p_s·k depend on one position alone."""
    angle = position * theta
    return Encoding(
        "sinusoidal",
        query=sp.ImmutableMatrix([[1, 0, sp.sin(angle)], [0, 1, sp.cos(angle)]]),
        domain="real",
        parameters={theta: base ** (-2 * pair / dim), base: 10000},
        claims={"lag-invariant": False, "unitary": False},
        source="Vaswani et al., Attention Is All You Need, arXiv 1706.03762",
        summary="adds a vector of sines and cosines to queries and keys",
        conventions=("added to q and k themselves here; only p_s · p_t alone would be relative",),
    )
