"""Certified attention outputs of an oracle, at the lengths where a dense computation is cheap (a few hundred keys).

Softmax: o_i = Σ_j e^(σ_ij) v_j / Σ_j e^(σ_ij), σ the scaled scores. Linear: the feature map φ first, then the encoding,
o_i = Σ_j σ_ij v_j / z_i with z_i = Σ_j φ(q_i)·φ(k_j) (plain) or Σ_j σ_ij (encoded). Norm-linear: Σ_j σ_ij v_j as it is;
the normalisation that follows it in a model is not part of the attention.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flint import arb, arb_mat

from .balls import rational
from .encoding import EncodingError

if TYPE_CHECKING:
    from .oracle import Oracle

ATTENTIONS = ("softmax", "linear", "norm-linear")
FEATURE_MAPS = ("relu", "elu+1", "exp", "identity")
DENOMINATORS = ("plain", "encoded")


def feature(name: str, x: arb) -> arb:
    """φ(x) of one exact number."""
    if name == "identity":
        return x
    if name == "exp":
        return x.exp()
    if name == "relu":
        return x if x > 0 else arb(0)
    return x + 1 if x > 0 else x.exp()


def attend(
    oracle: "Oracle",
    q: list[list[arb]],
    k: list[list[arb]],
    v: Sequence[Sequence[float]],
    query_positions: list[Any],
    key_positions: list[Any],
    *,
    causal: bool,
    scale: float,
    attention: str = "softmax",
    feature_map: str | None = None,
    denominator: str = "plain",
) -> list[list[arb]]:
    """One row of balls for each query. Causal goes by index, whatever the positions are.

    With n_k ≥ n_q keys, query i sees the keys 0 … i + n_k − n_q: j ≤ i when there are equally many of both, and queries
    at the end of a cache see all that is before them. `scale` multiplies every score and is taken exactly. Raises
    EncodingError for unknown options, for values that do not match the keys, and at a row whose denominator is zero.
    """
    name = oracle.encoding.name
    phi = _checked(name, attention, feature_map, denominator)
    values = [[arb(float(x)) for x in row] for row in v]
    if len(values) != len(k):
        raise EncodingError(f"{name}: one row of v for each key is wanted, got {len(values)} for {len(k)}")
    ahead = len(k) - len(q)
    if causal and ahead < 0:
        raise EncodingError(
            f"{name}: causal attention wants at least as many keys as queries, got {len(k)} for {len(q)}"
        )
    factor = arb(rational(scale))

    def compute(rows: list[int]) -> list[list[arb]]:
        left = [[feature(phi, x) for x in q[i]] for i in rows]
        right = [[feature(phi, x) for x in row] for row in k]
        Q = oracle._apply("query", left, [query_positions[i] for i in rows])
        scores = products(Q, oracle._apply("key", right, key_positions))
        plain = products(left, right) if attention == "linear" and denominator == "plain" else scores
        found = []
        for i, row, content in zip(rows, scores, plain, strict=True):
            seen = i + ahead + 1 if causal else len(k)
            weights = [(factor * x).exp() if attention == "softmax" else factor * x for x in row[:seen]]
            divisor = None
            if attention != "norm-linear":
                divisor = _total(weights if content is row else [factor * x for x in content[:seen]])
                if divisor.is_zero():
                    raise EncodingError(f"{name}: the denominator of query {i} is zero")
            found.append(_weighted(weights, values, divisor))
        return found

    return oracle._settle(len(q), compute)


def _checked(name: str, attention: str, feature_map: str | None, denominator: str) -> str:
    chosen = (("attention", attention, ATTENTIONS), ("denominator", denominator, DENOMINATORS))
    for option, value, allowed in (*chosen, ("feature_map", feature_map or "identity", FEATURE_MAPS)):
        if value not in allowed:
            raise EncodingError(f"{name}: {option} must be one of {', '.join(allowed)}, got {value!r}")
    return feature_map or "identity"


def _total(weights: Sequence[arb]) -> arb:
    return sum(weights, arb(0))


def _weighted(weights: list[arb], values: list[list[arb]], divisor: arb | None) -> list[arb]:
    sums = [_total([w * row[c] for w, row in zip(weights, values, strict=False)]) for c in range(len(values[0]))]
    return sums if divisor is None else [x / divisor for x in sums]


def products(left: list[list[arb]], right: list[list[arb]]) -> list[list[arb]]:
    """The dot products of rows with rows."""
    if not left or not right:
        return [[] for _ in left]
    width = len(left[0])
    L = arb_mat(len(left), width, [x for row in left for x in row])
    R = arb_mat(len(right), width, [x for row in right for x in row])
    return [list(row) for row in (L * R.transpose()).tolist()]
