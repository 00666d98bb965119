"""Block-Toeplitz masks: linear attention whose weight φ(q)·φ(k) is multiplied by κ(τ), learned, on a line or a grid."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, axis, lag

OPTIONS = {"axes": ("1", "2"), "positivity": ("exp", "abs", "signed")}
MEMBERS = ("toeplitz-mask", "toeplitz-mask[axes=2]", "toeplitz-mask[positivity=signed]")
b = sp.Function("b")
_OF = {"exp": sp.exp, "abs": sp.Abs, "signed": lambda x: x}


def encoding(axes: str = "1", positivity: str = "exp") -> Encoding:
    """`toeplitz-mask` has κ = e^b; positivity=abs has |b|, signed b itself."""
    options = [f"axes={axes}"] * (axes != "1") + [f"positivity={positivity}"] * (positivity != "exp")
    held: Any = b(lag) if axes == "1" else b(axis(0), axis(1))
    free = {"rank": {"bidirectional": "unbounded", "causal": "unbounded"}}
    return Encoding(
        "toeplitz-mask" + (f"[{','.join(options)}]" if options else ""),
        mask=_OF[positivity](held),
        axes=int(axes),
        claims={"lag-invariant": True} | (free if axes == "1" and positivity != "abs" else {}),
        source="Choromanski et al., From block-Toeplitz matrices to differential equations, arXiv 2107.07999",
        summary="a learned mask of the lag on linear attention, with every level of a grid its own lag",
        conventions=(
            "on a grid κ has (2X - 1)(2Y - 1) values: one flattened lag would stand for two different ones",
            "positivity is declared: exp and abs have positive denominators, signed ones can cross zero",
            "TopViT's released code takes |κ| and adds 1e-8 after the mask, so that a zero still leaks",
        ),
    )
