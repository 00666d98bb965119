"""xPos: RoPE with q scaled by ζ_p^(s/S) and k by ζ_p^(-t/S): relative, with a decay, and not unitary."""

import sympy as sp

from ..encoding import Encoding, dim, pair, position
from .shared import base, rotation, theta

zeta = sp.Symbol("zeta", positive=True)
gamma = sp.Symbol("gamma", positive=True)
scale_base = sp.Symbol("scale_base", positive=True)


def encoding() -> Encoding:
    """Pair p of the score is scaled by ζ_p^((s - t)/S), ζ_p = (2p/dim + γ)/(1 + γ)."""
    turn = rotation(position * theta)
    return Encoding(
        "xpos",
        query=zeta ** (position / scale_base) * turn,
        key=zeta ** (-position / scale_base) * turn,
        domain="real",
        parameters={
            theta: base ** (-2 * pair / dim),
            zeta: (2 * pair / dim + gamma) / (1 + gamma),
            base: 10000,
            gamma: sp.Rational(2, 5),
            scale_base: 512,
        },
        claims={"lag-invariant": True, "unitary": False, "identity-at-zero": True},
        source="Sun et al., A Length-Extrapolatable Transformer, arXiv 2212.10554",
        summary="RoPE with an exponential decay in the lag, split between query and key",
        conventions=(
            "positions are not centred; released code subtracts half the length: relative if q and k share it",
            "causal use only: the factor grows for keys after the query",
        ),
    )
