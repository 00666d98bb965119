"""PermuteFormer: φ(q) is permuted s times and multiplied by r^s, φ(k) t times and by r^(-t): W_τ = r^(-τ) Π^τ.

Written as one generic block: a cycle of four coordinates, whose powers are circulant over the integers.
"""

import sympy as sp

from ..encoding import Encoding, position

rate = sp.Symbol("rate", positive=True)


def encoding() -> Encoding:
    """(x_0, …, x_3) ↦ r^s (x_s, x_(s+1), x_(s+2), x_(s+3)), indices modulo 4, for every four coordinates."""
    return Encoding(
        "permuteformer",
        query=rate**position * _cycle(),
        key=rate ** (-position) * _cycle(),
        domain="integer",
        parameters={rate: 1},
        claims={"lag-invariant": True, "unitary": False, "identity-at-zero": True},
        source="Chen, PermuteFormer, arXiv 2109.02377",
        summary="permutes the features from position to position, with a geometric weight",
        conventions=(
            "any permutation will do: this one is made of cycles of four, because a block is generic",
            "released code: r_h = sigmoid(3 h / H + 2) causal, 1 bidirectional; r^(-t) leaves float32 near t = 700",
            "with r = 1 it is an isometry, the permutation core of LRPE",
        ),
    )


def _cycle() -> sp.ImmutableMatrix:
    """Entry (j, l) is 1 where l = j + s modulo 4: Σ_m e^(2πi m (s + j - l) / 4) / 4."""

    def entry(j: int, k: int) -> sp.Expr:
        n = position + j - k
        return (1 + sp.cos(sp.pi * n) + 2 * sp.cos(sp.pi * n / 2)) / 4

    return sp.ImmutableMatrix(4, 4, entry)
