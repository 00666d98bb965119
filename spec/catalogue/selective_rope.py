"""Selective RoPE: every token turns the pairs by an angle of its own; a score sees the turns between key and query."""

import sympy as sp

from ..encoding import Encoding, position
from .shared import rotation

DEFINITION_ONLY = "the angles come from the content of each token; with constant angles it is rope, which is run"


def encoding() -> Encoding:
    """The step of a path: one rotation for each token and pair."""
    angle = sp.Function("angle", real=True)
    return Encoding(
        "selective-rope",
        step=rotation(angle(position)),
        claims={"lag-invariant": "given the path"},
        source="Movahedi et al., Selective Rotary Position Embedding, arXiv 2511.17388",
        summary="rotations that depend on the token, multiplied along the path from key to query",
        conventions=("constant angles give rope",),
    )
