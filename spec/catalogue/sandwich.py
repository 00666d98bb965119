"""Sandwich: the bias scale_h (Σ_p cos(τ θ_p) − width/2), what is left of sinusoidal positions between themselves."""

import sympy as sp

from ..encoding import Encoding, EncodingError, head, lag
from .shared import base

OPTIONS = {"width": int}
MEMBERS = ("sandwich[width=8]",)  # the proof is the same at every width; its time is not
scale = sp.Symbol("scale", positive=True)
heads = sp.Symbol("heads", integer=True, positive=True)


def encoding(width: str = "128") -> Encoding:
    """`sandwich` has 64 frequencies; `sandwich[width=8]` four."""
    if not width.isdigit() or int(width) < 2 or int(width) % 2:
        raise EncodingError(f"sandwich: width must be an even integer >= 2, got {width!r}")
    n = int(width) // 2
    theta = sp.symbols(f"theta_1:{n + 1}", positive=True)
    return Encoding(
        "sandwich" if width == "128" else f"sandwich[width={width}]",
        bias=scale * (sp.Add(*(sp.cos(lag * x) for x in theta)) - n),
        domain="real",
        parameters={
            **{x: base ** sp.Rational(-p, n) for p, x in enumerate(theta, 1)},
            scale: heads / (8 * (head + 1)),
            base: 10000,
            heads: 8,
        },
        claims={"lag-invariant": True, "identity-at-zero": True},
        source="Chi et al., Dissecting Transformer Length Extrapolation, arXiv 2212.10356; scale as in NeMo",
        summary="the cosines of the lag that sinusoidal positions make with each other",
        conventions=(
            "frequencies start at p = 1, not 0: θ_p = base^(-2p/width)",
            "the first version in NeMo had no cosine; the rank of b itself is width + 1, of e^b unbounded",
        ),
    )
