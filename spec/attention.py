"""Certified attention outputs of an oracle, dense: meant for up to 1024 keys, where the radius at 128 bits is 1e-34.

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

Rows = list[list[arb]]


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
    q: Rows,
    k: Rows,
    v: Sequence[Sequence[float]],
    query_positions: list[Any],
    key_positions: list[Any],
    *,
    causal: bool,
    scale: float,
    attention: str = "softmax",
    feature_map: str | None = None,
    denominator: str = "plain",
) -> Rows:
    """One row of balls for each query. Causal goes by index, whatever the positions are.

    With n_k ≥ n_q keys, query i sees the keys 0 … i + n_k − n_q: j ≤ i when there are equally many of both, and queries
    at the end of a cache see all that is before them. `scale` multiplies every score and is taken exactly. Raises
    EncodingError for unknown options, for values that do not match the keys, and at a row whose denominator is zero.
    """
    phi = _checked(oracle, attention, feature_map, denominator)
    columns, ahead = _sizes(oracle, q, k, v, causal)
    # weights that sum to 1 act on v − v_0: what they leave unchanged (one key, equal values) is then known exactly
    convex = attention == "softmax" or (attention == "linear" and denominator == "encoded")
    centre = [column[0] if convex else arb(0) for column in columns]
    factor = arb(rational(scale))

    def compute(rows: list[int]) -> Rows:
        left = [[feature(phi, x) for x in q[i]] for i in rows]
        seen = [i + ahead + 1 if causal else len(k) for i in rows]
        right = [[feature(phi, x) for x in row] for row in k[: max(seen)]]
        Q = oracle._apply("query", left, [query_positions[i] for i in rows])
        scores = products(Q, oracle._apply("key", right, key_positions[: len(right)]))
        content = products(left, right) if attention == "linear" and denominator == "plain" else scores
        weights = [_weights(row[:n], factor, attention) for row, n in zip(scores, seen, strict=True)]
        sums = products([w + [arb(0)] * (len(right) - len(w)) for w in weights], _offsets(columns, centre, len(right)))
        if attention == "norm-linear":
            return sums
        totals = [
            _total(w if attention == "softmax" else [factor * x for x in row[: len(w)]])
            for w, row in zip(weights, content, strict=True)
        ]
        _nonzero(oracle, rows, totals)
        return [[x / z + c for x, c in zip(row, centre, strict=True)] for row, z in zip(sums, totals, strict=True)]

    return oracle._settle(len(q), compute)


def _sizes(oracle: "Oracle", q: Rows, k: Rows, v: Sequence[Sequence[float]], causal: bool) -> tuple[Rows, int]:
    name = oracle.encoding.name
    if len(v) != len(k):
        raise EncodingError(f"{name}: one row of v for each key is wanted, got {len(v)} for {len(k)}")
    if causal and len(k) < len(q):
        raise EncodingError(f"{name}: causal wants at least as many keys as queries, got {len(k)} for {len(q)}")
    return [[arb(float(x)) for x in column] for column in zip(*v, strict=True)], len(k) - len(q)


def _weights(row: list[arb], factor: arb, attention: str) -> list[arb]:
    return [(factor * x).exp() if attention == "softmax" else factor * x for x in row]


def _offsets(columns: Rows, centre: list[arb], count: int) -> Rows:
    return [[x - c for x in column[:count]] for column, c in zip(columns, centre, strict=True)]


def _nonzero(oracle: "Oracle", rows: list[int], totals: list[arb]) -> None:
    for i, z in zip(rows, totals, strict=True):
        if z.is_zero():
            raise EncodingError(f"{oracle.encoding.name}: the denominator of query {i} is zero")


def _checked(oracle: "Oracle", attention: str, feature_map: str | None, denominator: str) -> str:
    chosen = (("attention", attention, ATTENTIONS), ("denominator", denominator, DENOMINATORS))
    for option, value, allowed in (*chosen, ("feature_map", feature_map or "identity", FEATURE_MAPS)):
        if value not in allowed:
            raise EncodingError(f"{oracle.encoding.name}: {option} must be one of {', '.join(allowed)}, got {value!r}")
    return feature_map or "identity"


def _total(weights: Sequence[arb]) -> arb:
    return sum(weights, arb(0))


def products(left: Rows, right: Rows) -> Rows:
    """The dot products of rows with rows."""
    if not left or not right:
        return [[] for _ in left]
    width = len(left[0])
    L = arb_mat(len(left), width, [x for row in left for x in row])
    R = arb_mat(len(right), width, [x for row in right for x in row])
    return [list(row) for row in (L * R.transpose()).tolist()]
