"""cosFormer: every coordinate becomes (x cos a_s, x sin a_s) with one angle a_s = π s / 2M: W_τ = cos(π τ / 2M)."""

import sympy as sp

from ..encoding import Encoding, position
from .shared import theta

reach = sp.Symbol("reach", positive=True)


def encoding() -> Encoding:
    """The weight cos(π (t - s) / 2M) as two features, M = `reach` fixed."""
    return Encoding(
        "cosformer",
        query=sp.ImmutableMatrix([[sp.cos(position * theta)], [sp.sin(position * theta)]]),
        domain="real",
        parameters={theta: sp.pi / (2 * reach), reach: 4096},
        claims={"lag-invariant": True, "unitary": True, "identity-at-zero": True, "faithful": True},
        source="Qin et al., cosFormer, arXiv 2202.08791",
        summary="weighs a linear attention by the cosine of the lag, over a fixed reach M",
        conventions=(
            "two features for each coordinate: code keeps all cosines, then all sines; the weight is even in the lag",
            "released code takes the longer sequence as M: relative at one length, changed by the next token",
            "the feature map ReLU comes first; weights are not negative while lags stay within M",
        ),
    )
