"""FIRE: the bias f(ψ(s − t) / ψ(max(L, s))), f a small MLP: relative only while the query stands before L."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, key_position, query_position

c = sp.Symbol("c", positive=True)
threshold = sp.Symbol("threshold", positive=True)
epsilon = sp.Symbol("epsilon", positive=True)
mlp = sp.Function("mlp")


def ratio() -> Any:
    """ψ(s − t) / (ψ(max(L, s)) + ε), ψ(x) = ln(1 + c x); in [0, 1)."""

    def psi(x: Any) -> Any:
        return sp.log(1 + c * x)

    far = sp.Max(query_position - key_position, 0)
    return psi(far) / (psi(sp.Max(threshold, query_position)) + epsilon)


def encoding() -> Encoding:
    """The MLP is w2 ReLU(w1 x + b1) + b2, one output for each head."""
    return Encoding(
        "fire",
        bias=mlp(ratio()),
        domain="real",
        parameters={c: sp.Rational(1, 10), threshold: 512, epsilon: sp.Rational(1, 10**6)},
        claims={"lag-invariant": {"when": sp.Le(query_position, threshold)}},
        source="Li et al., Functional Interpolation for Relative Positions, arXiv 2310.04418",
        summary="a learned function of the distance, interpolated progressively",
        conventions=(
            "threshold is |L_multiplier · L_0|, both of the released code in one number",
            "beyond the threshold the same lag is another ratio: not relative there, on purpose",
            "inside DAPE the MLP has a slope of 0.01 below zero",
        ),
    )
