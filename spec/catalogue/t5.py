"""T5: a learned bias for each bucket of distances, exact ones first, then logarithmic ones up to `distance`."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, EncodingError, lag

OPTIONS = {"direction": ("causal", "bidirectional"), "buckets": int, "distance": int}
MEMBERS = ("t5", "t5[direction=bidirectional]")
w = sp.Function("w")
_RANKS = {("causal", 32, 128): 113, ("bidirectional", 32, 128): 91}


def bucket(n: Any, count: int, farthest: int) -> Any:
    """The bucket of distance n on one side: n below E = count/2, else E + ⌊ln(n/E)/ln(D/E)·(count − E)⌋, capped."""
    exact = count // 2
    steps = sp.floor(sp.log(n / exact) / sp.log(sp.Rational(farthest, exact)) * (count - exact))
    return sp.Piecewise((n, n < exact), (sp.Min(count - 1, exact + steps), True))


def encoding(direction: str = "causal", buckets: str = "32", distance: str = "128") -> Encoding:
    """`t5` for decoders, `t5[direction=bidirectional]` for encoders; `t5[buckets=64,distance=256]`."""
    try:
        count, farthest = int(buckets), int(distance)
    except ValueError:
        raise EncodingError(f"t5: buckets and distance must be integers, got {buckets!r} and {distance!r}") from None
    side = count if direction == "causal" else count // 2
    if side < 2 or count % 2 or farthest <= side // 2:
        raise EncodingError(f"t5: wanted an even number of buckets and a distance beyond half of a side, got {count}")
    both = bucket(sp.Abs(lag), side, farthest) + sp.Piecewise((side, lag > 0), (0, True))
    number = bucket(sp.Max(-lag, 0), side, farthest) if direction == "causal" else both
    ranks = _RANKS.get((direction, count, farthest))
    options = [f"direction={direction}"] * (direction != "causal")
    options += [f"buckets={count}"] * (count != 32) + [f"distance={farthest}"] * (farthest != 128)
    return Encoding(
        "t5" + (f"[{','.join(options)}]" if options else ""),
        bias=w(number),
        claims={"lag-invariant": True} | ({"rank": {"bidirectional": "unbounded", "causal": ranks}} if ranks else {}),
        source="Raffel et al., arXiv 1910.10683; transformers models/t5/modeling_t5.py",
        summary="adds a learned number to each logit, one for each bucket of distances and head",
        conventions=(
            "w holds (heads, buckets); the released table is (buckets, heads)",
            "T5 does not divide q·k by √dim: options={'scale': 1}",
            "one table for a stack, none in cross attention",
            "keys after the query: buckets from half of them on; with direction=causal bucket 0, and hidden",
        ),
    )
