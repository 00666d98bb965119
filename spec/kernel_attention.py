"""Certified attention with a kernel in it: a bias inside the softmax, a mask on linear attention, W v beside either.

σ_ij = scale · q_i·k_j. Bias: softmax(σ + b) v. Adaptive: softmax(A(σ)) v. Mask: Σ κ (φ_i·φ_j) v / Σ κ (φ_i·φ_j).
Output: the attention that the options name, plus W v.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flint import arb, arb_mat, ctx

from .attention import ATTENTIONS, FEATURE_MAPS, feature, products
from .balls import ball, rational
from .encoding import EncodingError
from .kernel_functions import tabled

if TYPE_CHECKING:
    from .kernel_oracle import KernelOracle

Rows = list[list[arb]]
FEATURES = (*FEATURE_MAPS, "positive-random")


def attend(
    oracle: "KernelOracle",
    q: Any,
    k: Any,
    v: Any,
    query_positions: Sequence[Any],
    key_positions: Sequence[Any],
    *,
    causal: bool,
    scale: float,
    attention: str = "softmax",
    feature_map: str | None = None,
    denominator: str = "plain",
    rows: Sequence[int] | None = None,
) -> list[Rows]:
    """Outputs [head][row][column] of q, k, v [head][row][…]; `rows`: only those queries. Causal goes by index.

    Query i of n_q sees the keys 0 … i + n_k − n_q. The denominator of a mask holds the mask. Raises EncodingError for
    an unknown option and where a denominator is zero.
    """
    name = oracle.encoding.name
    for option, value, known in (
        ("attention", attention, ATTENTIONS),
        ("feature_map", feature_map or "identity", FEATURES),
    ):
        if value not in known:
            raise EncodingError(f"{name}: {option} must be one of {', '.join(known)}, got {value!r}")
    wanted = "softmax" if oracle.encoding.kind in ("bias", "adaptive") else attention
    if wanted != attention or (oracle.encoding.kind == "mask" and attention == "softmax"):
        raise EncodingError(f"{name}: a {oracle.encoding.kind} record is not used in {attention} attention")
    chosen = list(range(len(query_positions))) if rows is None else list(rows)
    seen = [i + len(key_positions) - len(query_positions) + 1 if causal else len(key_positions) for i in chosen]
    s = [query_positions[i] for i in chosen]
    with ctx.workprec(2 * oracle.bits):
        weights, totals = _weights(oracle, q, k, s, key_positions, chosen, scale, attention, feature_map)
        kept = [
            [[x if j < n else arb(0) for j, x in enumerate(row)] for row, n in zip(one, seen, strict=True)]
            for one in weights
        ]
        norms = [[sum(row[:n], arb(0)) for row, n in zip(one, seen, strict=True)] for one in totals]
        found = [weighted(one, values) for one, values in zip(kept, v, strict=True)]
        if attention != "norm-linear":
            for head, (one, norm) in enumerate(zip(found, norms, strict=True)):
                for i, (row, z) in enumerate(zip(one, norm, strict=True)):
                    if z.is_zero():
                        raise EncodingError(f"{name}: the denominator of query {chosen[i]} of head {head} is zero")
                    one[i] = [x / z for x in row]
        if oracle.encoding.kind != "output":
            return found
        added = oracle.mix(v, s, key_positions)
        return [
            [[a + b for a, b in zip(x, y, strict=True)] for x, y in zip(*both, strict=True)]
            for both in zip(found, added, strict=True)
        ]


def _weights(
    oracle: "KernelOracle",
    q: Any,
    k: Any,
    s: Any,
    t: Any,
    chosen: list[int],
    scale: float,
    attention: str,
    phi: str | None,
) -> tuple[list[Rows], list[Rows]]:
    """(weights, what the denominator sums), [head][row][key]."""
    factor, kind = arb(rational(scale)), oracle.encoding.kind
    made = [
        _features(oracle, phi or "identity", [x[i] for i in chosen] if side == 0 else x)
        for side, one in enumerate((q, k))
        for x in one
    ]
    half = len(made) // 2
    plain = [products(a, b) for a, b in zip(made[:half], made[half:], strict=True)]
    if attention == "softmax":
        logits: Any = [[[factor * x for x in row] for row in one] for one in plain]
        if kind == "bias":
            logits = _both(logits, oracle.matrix(s, t), lambda a, b: a + b)
        if kind == "adaptive":
            logits = oracle.adapt(logits, s, t)
        found = [[[x.exp() for x in row] for row in one] for one in logits]
        return found, found
    if kind == "mask":
        masked = _both(plain, oracle.matrix(s, t), lambda a, b: a * b)
        return masked, masked
    return [[[factor * x for x in row] for row in one] for one in plain] if attention == "norm-linear" else plain, plain


def _both(a: Any, b: Any, join: Any) -> Any:
    return [
        [[join(x, y) for x, y in zip(p, r, strict=True)] for p, r in zip(m, n, strict=True)]
        for m, n in zip(a, b, strict=True)
    ]


def _features(oracle: "KernelOracle", name: str, rows: Any) -> Rows:
    exact = [[ball(tabled(x)) for x in row] for row in rows]
    if name != "positive-random":
        return [[feature(name, x) for x in row] for row in exact]
    projection = oracle.given.get("projection")
    if projection is None:
        raise EncodingError(f"{oracle.encoding.name}: projection is missing; positive-random features need it")
    count = arb(len(projection)).sqrt()
    unit = [[x / sum((y * y for y in row), arb(0)).sqrt() for x in row] for row in exact]
    turned = products(unit, [[arb(x) for x in row] for row in projection])
    return [[(x - arb(1) / 2).exp() / count for x in row] for row in turned]


def weighted(weights: Rows, values: Any) -> Rows:
    """Σ_j weights[i][j] values[j], rows by columns."""
    if not weights:
        return []
    n, width = len(values), len(values[0])
    W = arb_mat(len(weights), n, [ball(x) for row in weights for x in row])
    V = arb_mat(n, width, [arb(float(x)) for row in values for x in row])
    return [list(row) for row in (W * V).tolist()]
