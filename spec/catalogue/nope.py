"""NoPE: no positional encoding at all, W_τ = I. Relative and unitary, and blind to the lag."""

import sympy as sp

from ..encoding import Encoding


def encoding() -> Encoding:
    """The identity on every coordinate."""
    return Encoding(
        "nope",
        query=sp.ImmutableMatrix([[1]]),
        domain="real",
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True, "faithful": False},
        source="Haviv et al., arXiv 2203.16634; Kazemnejad et al., arXiv 2305.19466",
        summary="no encoding: a causal mask alone gives order",
    )
