"""M-RoPE: positions (t, h, w); each pair is turned by the coordinate of its section, at the frequency of plain RoPE."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, axis, dim, pair
from .shared import base, rotation

OPTIONS = {"order": ("sections", "interleaved")}
MEMBERS = ("m-rope", "m-rope[order=interleaved]")
rotary_dim = sp.Symbol("rotary_dim", integer=True, positive=True)
SECTIONS = tuple(sp.Symbol(f"section_{name}", integer=True, nonnegative=True) for name in "thw")
ANGLES = tuple(sp.Symbol(f"theta_{name}", nonnegative=True) for name in "thw")


def encoding(order: str = "sections") -> Encoding:
    """`sections`: first the pairs of t, then of h, then of w (Qwen2-VL); `interleaved`: t, h, w in turn (Qwen3-VL)."""
    plain = base ** (-2 * pair / rotary_dim)
    t, h, w = (sp.Piecewise((plain, chosen), (0, True)) for chosen in _chosen(order))
    return Encoding(
        "m-rope" if order == "sections" else f"m-rope[order={order}]",
        query=rotation(sum(angle * axis(a) for a, angle in enumerate(ANGLES))),
        axes=3,
        domain="real",
        parameters=dict(zip(ANGLES, (t, h, w), strict=True))
        | dict(zip(SECTIONS, (16, 24, 24) if order == "sections" else (24, 20, 20), strict=True))
        | {base: 10000, rotary_dim: dim},
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True},
        covers=rotary_dim,
        source="Wang et al., Qwen2-VL, arXiv 2409.12191; Qwen3-VL for the interleaved order",
        summary="RoPE over time, height and width, each pair for one of them",
        conventions=(
            "the sections count pairs and sum to rotary_dim / 2",
            "with t = h = w, as in text, it is RoPE",
            "interleaved: pair p is for h if p = 1 mod 3 and p < 3 section_h, for w if p = 2 mod 3 and p < 3 section_w",
        ),
    )


def _chosen(order: str) -> tuple[Any, Any, Any]:
    """Whether a pair is for t, h, w."""
    t, h, w = SECTIONS
    if order == "sections":
        return pair < t, sp.And(pair >= t, pair < t + h), pair >= t + h
    turn = pair - 3 * sp.floor(pair / 3)
    is_h = sp.And(sp.Eq(turn, 1), pair < 3 * h)
    is_w = sp.And(sp.Eq(turn, 2), pair < 3 * w)
    return sp.Not(sp.Or(is_h, is_w)), is_h, is_w
