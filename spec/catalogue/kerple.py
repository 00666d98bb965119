"""KERPLE: the bias −r1 ln(1 + r2 · distance), or −r1 · distance^r2: learned, two numbers for each head."""

import sympy as sp

from ..encoding import Encoding, head, learned

OPTIONS = {"kind": ("log", "power"), "symmetric": ("no", "yes")}
MEMBERS = ("kerple", "kerple[kind=power]")
r1 = sp.Symbol("r1", positive=True)
r2 = sp.Symbol("r2", positive=True)


def encoding(kind: str = "log", symmetric: str = "no") -> Encoding:
    """`kerple` is the logarithmic kind."""
    from .alibi import distance

    far = distance(symmetric)
    options = [f"kind={kind}"] * (kind != "log") + [f"symmetric={symmetric}"] * (symmetric != "no")
    return Encoding(
        "kerple" + (f"[{','.join(options)}]" if options else ""),
        bias=-r1 * (sp.log(1 + r2 * far) if kind == "log" else far**r2),
        domain="real",
        parameters={r1: learned(head, 1), r2: learned(head, sp.Rational(1, 2))},
        claims={
            "lag-invariant": True,
            "identity-at-zero": True,
            "rank": {"bidirectional": "unbounded", "causal": "unbounded"},
        },
        source="Chi et al., KERPLE, arXiv 2205.09921",
        summary="a learned kernel of the distance, logarithmic or a power, subtracted from each logit",
        conventions=(
            "r1, r2 > 0, for the power r2 <= 2; released code keeps both above 0.01 at every call",
            "ALiBi is the power with r2 = 1 and fixed r1",
            "no finite rank: a power law is no exponential polynomial; a mixture of exponentials approximates it",
        ),
    )
