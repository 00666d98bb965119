"""LieRE: A_x = exp(Σ_a x_a G_a) with any learned skew generators: unitary, and relative only where they commute."""

import sympy as sp

from ..encoding import Encoding

DEFINITION_ONLY = "refuted: it is here for what it is compared with"
SIZE = 3  # the smallest size at which skew matrices do not commute


def encoding() -> Encoding:
    """Two axes with one dense skew generator each, all entries free."""
    return Encoding(
        "lie-re",
        generators=(_skew("a"), _skew("b")),
        axes=2,
        domain="real",
        claims={"lag-invariant": False, "unitary": True, "identity-at-zero": True},
        source="Ostmeier et al., LieRE, arXiv 2406.10322",
        summary="the exponential of learned skew generators, one for each axis",
        conventions=(
            "exp(X) exp(Y) is exp(X + Y) only where X and Y commute: `string` is what remains",
            "along one axis alone it is relative",
        ),
    )


def _skew(name: str) -> sp.ImmutableMatrix:
    free = {(j, k): sp.Symbol(f"{name}_{j}{k}", real=True) for j in range(SIZE) for k in range(j)}
    return sp.ImmutableMatrix(SIZE, SIZE, lambda j, k: free.get((j, k), -free.get((k, j), sp.S.Zero)))
