"""ComRoPE: trainable skew generators that commute because they are multiples of one (the LD variant)."""

import sympy as sp

from ..encoding import Encoding

DEFINITION_ONLY = "an exponential of learned matrices: after a change of basis it is rope-mixed, which is run"


def encoding() -> Encoding:
    """Two axes: G_2 = c G_1 with G_1 any skew 3 x 3 matrix, linearly dependent and so commuting."""
    free = {(j, k): sp.Symbol(f"g_{j}{k}", real=True) for j in range(3) for k in range(j)}
    first = sp.ImmutableMatrix(3, 3, lambda j, k: free.get((j, k), -free.get((k, j), sp.S.Zero)))
    return Encoding(
        "comrope",
        generators=(first, sp.Symbol("c", real=True) * first),
        axes=2,
        domain="real",
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True},
        source="Yu et al., ComRoPE, arXiv 2506.03737",
        summary="trainable commuting generators, one for each axis",
        conventions=(
            "the other variant gives each axis blocks of its own: rope[axes=2] with learned frequencies",
            "multiples of one generator see only one combination of the axes in each block",
        ),
    )
