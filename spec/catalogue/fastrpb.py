"""FastRPB: O = Att + W v, W Toeplitz and outside the softmax, one learned number for each lag and head."""

import sympy as sp

from ..encoding import Encoding, EncodingError, axis, lag

OPTIONS = {"axes": ("1", "2"), "causal": ("no", "yes")}
MEMBERS = ("fastrpb", "fastrpb[causal=yes]", "fastrpb[axes=2]")
w = sp.Function("w")


def encoding(axes: str = "1", causal: str = "no") -> Encoding:
    """`fastrpb[axes=2]`: W = W_x ⊗ J + J ⊗ W_y with the same w on both axes."""
    if axes == "2" and causal == "yes":
        raise EncodingError("fastrpb: a grid has no order of the past; leave out axes= or causal=")
    options = [f"axes={axes}"] * (axes != "1") + [f"causal={causal}"] * (causal != "no")
    value = w(lag) if axes == "1" else w(axis(0)) + w(axis(1))
    unbounded = {"bidirectional": "unbounded"} | ({"causal": "unbounded"} if axes == "1" else {})
    return Encoding(
        "fastrpb" + (f"[{','.join(options)}]" if options else ""),
        output=sp.Piecewise((value, lag <= 0), (0, True)) if causal == "yes" else value,
        axes=int(axes),
        claims={"lag-invariant": True, "rank": unbounded},
        source="Zubkov and Gavrilov, FastRPB, arXiv 2202.11364",
        summary="a learned Toeplitz matrix times the values, beside any attention",
        conventions=(
            "lag is key minus query; the paper prints w_{i-j}: reversed",
            "W v by FFT is exact from length n_q + n_k - 1 on: theorem circulant-embedding-is-exact",
            "the SIKF feature map beside it: theorem sikf-ignores-a-common-shift; an ε > 0 breaks it",
            "not normalised, and not seen by the attention's normaliser; special tokens are left out by the caller",
            "causal: the entries of later keys are zero",
        ),
    )
