"""TNN: each channel is mixed by a Toeplitz matrix of λ^|τ| t(τ), with no queries or keys at all."""

import sympy as sp

from ..encoding import Encoding, lag

DEFINITION_ONLY = "a Toeplitz product of the values alone; fastrpb runs the same product"


def encoding() -> Encoding:
    """The output kernel of one channel, t any function of the lag and λ a fixed decay."""
    decay = sp.Symbol("decay", positive=True)
    return Encoding(
        "tnn",
        output=decay ** sp.Abs(lag) * sp.Function("t")(lag),
        parameters={decay: sp.Rational(99, 100)},
        claims={"lag-invariant": True},
        source="Qin et al., Toeplitz Neural Network, arXiv 2305.04749",
        summary="a learned Toeplitz matrix with a decay in place of attention",
        conventions=("the paper's lag is i - j; t is an MLP of the lag, so lengths may grow",),
    )
