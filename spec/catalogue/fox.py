"""FoX (forgetting attention): each token has a gate f_l, and a logit takes Σ ln f_l over the tokens between."""

import sympy as sp

from ..encoding import Encoding, position

DEFINITION_ONLY = (
    "the gates come from the content of each token; the decay with constant gates is retnet's, which is run"
)


def encoding() -> Encoding:
    """The step of a path: the logarithm of one gate, summed from key + 1 to query."""
    gate = sp.Function("gate", positive=True)
    return Encoding(
        "fox",
        step=sp.log(gate(position)),
        claims={"lag-invariant": "given the path"},
        source="Lin et al., Forgetting Transformer, arXiv 2503.02130",
        summary="a forget gate at every token, summed along the path from key to query",
        conventions=("f_l = sigmoid(w·x_l + b); a constant gate is one-sided ALiBi, and e^b has rank 1",),
    )
