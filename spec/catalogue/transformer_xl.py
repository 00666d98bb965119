"""Transformer-XL: (q + u)·k + (q + v)·W r_τ: content and position, each with its own bias vector."""

import sympy as sp

from ..encoding import Encoding, lag
from .shared import theta

DEFINITION_ONLY = "its score is the canonical form printed here; released code gathers it by rel_shift"


def encoding() -> Encoding:
    """Four primitives for one pair of coordinates; r_τ = (sin(-τθ), cos(-τθ)) goes through any 2 x 2 matrix W."""
    w = sp.Matrix(2, 2, lambda i, j: sp.Symbol(f"w_{i}{j}", real=True))
    u, v = (sp.Matrix([sp.Symbol(f"{name}_{i}", real=True) for i in range(2)]) for name in "uv")
    place = w * sp.Matrix([sp.sin(-lag * theta), sp.cos(lag * theta)])
    return Encoding(
        "transformer-xl",
        terms=(("q", sp.eye(2), "k"), ("q", place, "1"), ("1", u.T, "k"), ("1", v.T * place, "1")),
        claims={"lag-invariant": "given the pair"},
        source="Dai et al., Transformer-XL, arXiv 1901.02860",
        summary="scores content and sinusoidal lag separately, with two learned bias vectors",
        conventions=(
            "the paper's lag is i - j; r = [sin, cos] concatenated over frequencies in released code",
            "finite rank: one pair of features for each frequency",
        ),
    )
