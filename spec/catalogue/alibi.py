"""ALiBi: the bias −m_h · distance, one slope for each head; with the future hidden e^b has causal rank 1."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, head, lag

OPTIONS = {"symmetric": ("no", "yes")}
MEMBERS = ("alibi", "alibi[symmetric=yes]")
slope = sp.Symbol("slope", positive=True)
heads = sp.Symbol("heads", integer=True, positive=True)
power = sp.Symbol("power", integer=True, positive=True)


def distance(symmetric: str) -> Any:
    """|s − t|, or max(s − t, 0): the released code has distance 0 for the keys that a causal mask hides."""
    return sp.Abs(lag) if symmetric == "yes" else sp.Max(-lag, 0)


def slopes() -> Any:
    """2^(−8(h+1)/P) for the first P heads, P the power of two up to H, then every second slope of 2P; h from 0."""
    between = 2 ** (-4 * (2 * (head - power) + 1) / power)
    return sp.Piecewise((2 ** (-8 * (head + 1) / power), head < power), (between, True))


def encoding(symmetric: str = "no") -> Encoding:
    """`alibi` for decoders, `alibi[symmetric=yes]` for encoders."""
    return Encoding(
        "alibi" if symmetric == "no" else "alibi[symmetric=yes]",
        bias=-slope * distance(symmetric),
        domain="real",
        parameters={slope: slopes(), power: 2 ** sp.floor(sp.log(heads) / sp.log(2)), heads: 8},
        claims={
            "lag-invariant": True,
            "identity-at-zero": True,
            "rank": {"bidirectional": "unbounded", "causal": 1},
        },
        source="Press, Smith and Lewis, Train Short, Test Long, arXiv 2108.12409",
        summary="subtracts from each logit a multiple of the distance",
        conventions=(
            "slopes of 12 heads are those of 8 and four of 16, as released: not 2^(-8h/12)",
            "BLOOM adds m·t instead, equal after the softmax: declare bias_up_to='row-constant'",
            "Falcon divides the bias by √dim as well and holds slopes in bfloat16: another definition",
        ),
    )
