"""Additive biases by lag, (heads, n_q, n_k) from positions: ALiBi, T5 buckets, KERPLE, FIRE, Sandwich.

Distances are formed in the positions' own arithmetic (integers exactly), the rest in float64, then one cast. `causal`
means distance max(s − t, 0): keys after the query have distance 0 and are for the attention to hide; otherwise |s − t|.
Numbers may be tensors that require a gradient.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..lags import alibi_slopes, named_positive, sandwich_frequencies, sandwich_scales, t5_side, t5_table
from .common import compiled_once
from .mask_tails import looked_at

Numbers = Sequence[float] | Tensor
_table = compiled_once(t5_table)
_slopes = compiled_once(alibi_slopes)
_frequencies = compiled_once(sandwich_frequencies)


def distances(where: str, query_positions: Tensor, key_positions: Tensor, causal: bool) -> Tensor:
    """Distances (n_q, n_k) with the dtype of the positions, (n_q,) and (n_k,)."""
    for name, positions in (("query_positions", query_positions), ("key_positions", key_positions)):
        if positions.ndim != 1:
            raise ValueError(f"{where}: {name} must be (length,), got shape {tuple(positions.shape)}")
        if positions.dtype.is_complex or positions.dtype in (torch.bool, torch.uint8):
            kind = str(positions.dtype).removeprefix("torch.")
            raise TypeError(f"{where}: {name} must be signed integers or real numbers, got {kind}")
    lag = query_positions[:, None] - key_positions
    return lag.clamp(min=0) if causal else lag.abs()


def per_head(where: str, name: str, values: Numbers, like: Tensor, zero: bool = False) -> Tensor:
    """Numbers, one a head, as (heads, 1, 1) float64; ValueError when one is not positive (or, with zero, negative)."""
    device = like.device
    held = values if isinstance(values, Tensor) else torch.tensor(list(values), dtype=torch.float64, device=device)
    if held.ndim != 1:
        raise ValueError(f"{where}: {name} must be (heads,), got shape {tuple(held.shape)}")
    if looked_at(held):
        named_positive(where, name, held.tolist(), zero)
    return held.to(torch.float64)[:, None, None]


def alibi(
    query_positions: Tensor,
    key_positions: Tensor,
    *,
    heads: int | None = None,
    slopes: Numbers | None = None,
    causal: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """−m_h · distance; slopes m ≥ 0 given, or those of `heads` heads (2^(−8h/H), also for other head counts).

    Press, Smith and Lewis, arXiv 2108.12409. Raises ValueError for a negative slope, and for both or neither of heads
    and slopes.
    """
    distance = distances("alibi", query_positions, key_positions, causal)
    if (heads is None) == (slopes is None):
        raise ValueError("alibi: give heads or slopes, one of them")
    m = per_head("alibi", "slopes", _slopes(heads or 0) if slopes is None else slopes, query_positions, zero=True)
    return (-m * distance).to(dtype)


def t5_buckets(
    query_positions: Tensor, key_positions: Tensor, *, causal: bool, num_buckets: int = 32, max_distance: int = 128
) -> Tensor:
    """Bucket numbers (n_q, n_k), int64: thresholds decided in integers; bidirectional keys after the query add B/2.

    Positions are integers. Raffel et al., arXiv 1910.10683.
    """
    side = t5_side(causal, num_buckets, max_distance)
    distance = distances("t5", query_positions, key_positions, causal)
    if distance.dtype.is_floating_point:
        raise TypeError(f"t5: positions must be integers, got {str(distance.dtype).removeprefix('torch.')}")
    table = torch.tensor(_table(causal, num_buckets, max_distance), device=query_positions.device)
    buckets = table[distance.clamp(max=max_distance).long()]
    return buckets if causal else buckets + side * (key_positions > query_positions[:, None]).long()


def t5(
    query_positions: Tensor, key_positions: Tensor, weight: Tensor, *, causal: bool, max_distance: int = 128
) -> Tensor:
    """weight[bucket, head] of a table (num_buckets, heads), in its dtype. T5 adds it to unscaled q·k."""
    if weight.ndim != 2:
        raise ValueError(f"t5: weight must be (num_buckets, heads), got shape {tuple(weight.shape)}")
    buckets = t5_buckets(
        query_positions, key_positions, causal=causal, num_buckets=weight.shape[0], max_distance=max_distance
    )
    return torch.nn.functional.embedding(buckets, weight).permute(2, 0, 1)


def kerple(
    query_positions: Tensor,
    key_positions: Tensor,
    r1: Numbers,
    r2: Numbers,
    *,
    kind: str = "log",
    causal: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """kind "log": −r1 ln(1 + r2 · distance), r1, r2 > 0; "power": −r1 · distance^r2, 0 < r2 ≤ 2; one of each a head.

    Chi et al., arXiv 2205.09921. Raises ValueError outside these ranges.
    """
    if kind not in ("log", "power"):
        raise ValueError(f"kerple: kind must be log or power, got {kind}")
    distance = distances("kerple", query_positions, key_positions, causal).to(torch.float64)
    first = per_head("kerple", "r1", r1, query_positions)
    second = per_head("kerple", "r2", r2, query_positions)
    if first.shape != second.shape:
        raise ValueError(f"kerple: r1 and r2 must have one number a head, got {first.shape[0]} and {second.shape[0]}")
    if kind == "power":
        if looked_at(second) and float(second.detach().max()) > 2:
            raise ValueError(f"kerple: r2 must be at most 2 for power, got {float(second.detach().max())}")
        return (-first * distance**second).to(dtype)
    return (-first * torch.log1p(second * distance)).to(dtype)


def fire(
    query_positions: Tensor,
    key_positions: Tensor,
    *,
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    c: float | Tensor = 0.1,
    threshold: float | Tensor = 512.0,
    epsilon: float = 1e-6,
    slope: float = 0.0,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """f(ψ(s − t) / (ψ(max(L, s)) + epsilon)), ψ(x) = ln(|c x| + 1), L = |threshold|, causal; query positions from 0.

    f: w1 (width,) or (width, 1), b1 (width,), ReLU (`slope` below 0, 0.01 in DAPE), w2 (heads, width), b2 (heads,).
    Lag-exact only while s ≤ L. Li et al., arXiv 2310.04418.
    """
    distance = distances("fire", query_positions, key_positions, True).to(torch.float64)
    if not isinstance(c, Tensor) and not c > 0:
        raise ValueError(f"fire: c must be more than 0, got {c}")
    w1, b1, w2, b2 = (x.to(torch.float64) for x in (w1.reshape(-1), b1, w2, b2))
    if w2.ndim != 2 or not w1.shape[0] == b1.shape[0] == w2.shape[1] or b2.shape[0] != w2.shape[0]:
        shapes = ", ".join(str(tuple(x.shape)) for x in (w1, b1, w2, b2))
        raise ValueError(f"fire: w1, b1, w2, b2 must be (width,), (width,), (heads, width), (heads,), got {shapes}")
    numbers = [torch.as_tensor(x, dtype=torch.float64, device=distance.device).abs() for x in (c, threshold)]
    largest = torch.maximum(query_positions.to(torch.float64), numbers[1])
    ratio = torch.log1p(numbers[0] * distance) / (torch.log1p(numbers[0] * largest) + epsilon)[:, None]
    hidden = torch.nn.functional.leaky_relu(ratio[..., None] * w1 + b1, slope)
    return (hidden @ w2.mT + b2).permute(2, 0, 1).to(dtype)


def sandwich(
    query_positions: Tensor,
    key_positions: Tensor,
    *,
    heads: int,
    dim: int = 128,
    base: float = 10000.0,
    scales: Numbers | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """scale_h (Σ_{p=1}^{dim/2} cos((s − t) base^(−2p/dim)) − dim/2), scale_h = H/(8h); even in the lag.

    Chi et al., arXiv 2212.10356, as released: p starts at 1.
    """
    frequencies = _frequencies(dim, base)
    distance = distances("sandwich", query_positions, key_positions, False).to(torch.float64)
    values = sandwich_scales(heads) if scales is None else scales
    factor = per_head("sandwich", "scales", values, query_positions, zero=True)
    if factor.shape[0] != heads:
        raise ValueError(f"sandwich: scales must have {heads} heads, got {factor.shape[0]}")
    total = torch.full_like(distance, -dim / 2)
    for frequency in frequencies:
        total = total + torch.cos(distance * frequency)
    return (factor * total).to(dtype)
