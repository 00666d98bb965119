"""Learned absolute positions: q + p_s and k + p_t with a table of free vectors. Affine, and not relative."""

import sympy as sp

from ..encoding import Encoding, dim, learned, position

DEFINITION_ONLY = "a sum with the row of a table: nothing to compute that could be right or wrong"
p = [sp.Symbol(f"p_{i}", real=True) for i in range(3)]


def encoding() -> Encoding:
    """The first three rows of any table, p_0 + s p_1 + s (s - 1) / 2 p_2 (Newton): enough to refute what is claimed."""
    row = p[0] + p[1] * position + p[2] * position * (position - 1) / 2
    return Encoding(
        "absolute",
        query=sp.ImmutableMatrix([[1, row]]),
        domain="integer",
        parameters={symbol: learned((dim,), 0) for symbol in p},
        claims={"lag-invariant": False, "unitary": False},
        source="Gehring et al., arXiv 1705.03122; Devlin et al., BERT, arXiv 1810.04805",
        summary="adds a learned vector for each position to queries and keys",
        conventions=(
            "rows beyond the third follow from these here, and are free in a table; beyond its end a table has nothing",
            "p_0, p_1, p_2 are the first row and its first two differences",
        ),
    )
