"""NPRF: weights e^{b_τ} φ(q)·φ(k), φ random features of the softmax kernel on normalised q and k."""

import sympy as sp

from ..encoding import Encoding, lag

b = sp.Function("b")


def encoding() -> Encoding:
    """The mask e^{b_τ} multiplies the products of features; it also stands in the denominator."""
    return Encoding(
        "nprf",
        mask=sp.exp(b(lag)),
        claims={"lag-invariant": True, "rank": {"bidirectional": "unbounded", "causal": "unbounded"}},
        source="Luo et al., Stable, Fast and Accurate, arXiv 2106.12566",
        summary="a learned positive mask of the lag on kernelised attention, through the FFT in N log N",
        conventions=(
            "q and k are divided by their norms, and not by √dim: options={'feature_map': 'positive-random'}",
            "positivity class exp: with positive features every denominator is positive; trigonometric ones are not",
            "b = -inf counts as e^b = 0: never an FFT of an infinity",
        ),
    )
