"""Shaw et al.: q·(k + a_τ), one learned vector for each clipped lag: relative given the pair of query and key."""

import sympy as sp

from ..encoding import Encoding, lag

DEFINITION_ONLY = "needs a table of vectors beside q and k; its score is the canonical form printed here"
K = 16


def encoding() -> Encoding:
    """Two primitives, (q, I, k) and (q, a_τ, 1), with a_τ = w(clip(τ, -16, 16)); three coordinates stand for all."""
    clipped = sp.Max(-K, sp.Min(K, lag))
    vector = sp.Matrix([sp.Function(f"w{c}")(clipped) for c in range(3)])
    return Encoding(
        "shaw",
        terms=(("q", sp.eye(3), "k"), ("q", vector, "1")),
        claims={"lag-invariant": "given the pair"},
        source="Shaw, Uszkoreit and Vaswani, arXiv 1803.02155",
        summary="adds a learned vector for the clipped lag to each key",
        conventions=(
            "lag j - i as the paper has it; k = 16 in its experiments; vectors shared over heads",
            "the paper adds vectors to the values as well: not part of the score",
        ),
    )
