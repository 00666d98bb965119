"""DeBERTa: q·k + q·K_δ(i,j) + k·Q_δ(j,i): content to position and position to content, over clipped lags."""

import sympy as sp

from ..encoding import Encoding, lag

DEFINITION_ONLY = "needs tables of projected position vectors; its score is the canonical form printed here"
K = 512


def encoding() -> Encoding:
    """Three primitives; two coordinates stand for all, each with free values for the 2k clipped lags."""
    content, place = (sp.Max(-K, sp.Min(K - 1, sign * lag)) for sign in (-1, 1))
    key = sp.Matrix([sp.Function(f"key{c}")(content) for c in range(2)])
    query = sp.Matrix([sp.Function(f"query{c}")(place) for c in range(2)])
    return Encoding(
        "deberta",
        terms=(("q", sp.eye(2), "k"), ("q", key, "1"), ("1", query.T, "k")),
        claims={"lag-invariant": "given the pair"},
        source="He et al., DeBERTa, arXiv 2006.03654",
        summary="adds content-to-position and position-to-content scores over clipped lags",
        conventions=(
            "all three are divided by √(3d); the clipped index runs over i - j",
            "version 2 puts the lags into logarithmic buckets instead of clipping them",
        ),
    )
