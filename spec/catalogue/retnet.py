"""Retention: the score of a pair is turned by the lag and multiplied by γ^(s - t), one γ for each head."""

import sympy as sp

from ..encoding import Encoding, dim, head, learned, pair, position
from .shared import base, rotation, theta

decay = sp.Symbol("decay", positive=True)

OPTIONS = {"angles": ("retnet", "lrpe")}
MEMBERS = ("retnet", "retnet[angles=lrpe]")


def encoding(angles: str = "retnet") -> Encoding:
    """RetNet, or the decaying LRPE of TransNormerLLM (angles=lrpe: learned, one for each pair)."""
    turn = rotation(position * theta)
    spread = base ** (-pair / (dim / 2 - 1))
    start = base ** (-2 * pair / dim)
    return Encoding(
        "retnet" if angles == "retnet" else f"retnet[angles={angles}]",
        query=decay**position * turn,
        key=decay ** (-position) * turn,
        domain="real",
        parameters={
            theta: spread if angles == "retnet" else learned((dim / 2,), start),
            base: 10000,
            decay: 1 - sp.Integer(2) ** (-5 - head),
            head: 0,
        },
        claims={"lag-invariant": True, "unitary": False, "identity-at-zero": True},
        source="Sun et al., Retentive Network, arXiv 2307.08621; Qin et al., TransNormerLLM, arXiv 2307.14995",
        summary="RoPE with an exponential decay in the lag, the same for all pairs of a head",
        conventions=(
            "angles are base^(-linspace(0, 1, dim/2)), not those of RoPE; γ_h = 1 - 2^(-5 - h)",
            "causal use only; code must not form γ^(-t): a state decays from token to token instead",
            "released code divides each row by the root of its summed decays: that is not relative, a norm undoes it",
        ),
    )
