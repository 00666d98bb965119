"""STRING: A_x = exp(Σ_a x_a G_a) with skew generators that commute: relative over several axes, and unitary."""

import sympy as sp

from ..encoding import Encoding

DEFINITION_ONLY = "an exponential of learned matrices: after a change of basis it is rope-mixed, which is run"
OPTIONS = {"axes": ("2", "3")}
MEMBERS = ("string", "string[axes=3]")


def encoding(axes: str = "2") -> Encoding:
    """Block circulant generators, as in Circulant-STRING: G_a = C_a - C_a^T with C_a a circulant of four entries."""
    n = int(axes)
    return Encoding(
        "string" if n == 2 else f"string[axes={n}]",
        generators=tuple(_circulant(a) for a in range(n)),
        axes=n,
        domain="real",
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True},
        source="Schenck et al., Learning the RoPEs, arXiv 2502.02562",
        summary="the exponential of learned skew generators that commute",
        conventions=(
            "circulant matrices commute, and so do the generators of every axis",
            "by simultaneous diagonalisation it is RoPE-Mixed in another orthonormal basis",
        ),
    )


def _circulant(a: int) -> sp.ImmutableMatrix:
    """C - C^T for the circulant C of c_0 … c_3: entries c_(l - j) - c_(j - l); c_0 and c_2 drop out."""
    c = [sp.Symbol(f"c_{a}_{i}", real=True) for i in range(4)]
    return sp.ImmutableMatrix(4, 4, lambda j, k: c[(k - j) % 4] - c[(j - k) % 4])
