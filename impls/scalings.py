"""Scaled RoPE: frequencies and gain from the numbers that a configuration prints, in `decimal` (about 299 bits).

Position interpolation, arXiv 2306.15595; NTK-aware, dynamic and YaRN, arXiv 2309.00071; LongRoPE, arXiv 2402.13753;
Llama 3, meta-llama/llama-models. YaRN's ramp is that of its released code; "yarn-paper" is the one in print.
"""

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple

from .scaling_numbers import GAINS, NAMES, Frozen, frozen, read
from .schedules import DIGITS, TWO_PI, Schedule, from_decimals, rope_schedule

__all__ = ["BY_LENGTH", "KINDS", "NAMES", "Frozen", "frozen", "scaled_schedule"]

ZERO, ONE = Decimal(0), Decimal(1)
BY_LENGTH = ("dynamic", "longrope")


class _Head(NamedTuple):
    """What a kind computes from: the head, the rotated width, the base, its own numbers, the current length."""

    dim: int
    width: int
    base: Decimal
    numbers: dict[str, Any]
    length: int | None

    @property
    def plain(self) -> list[Decimal]:
        """base^(-2p / width) for every pair."""
        return _powers(self.base, self.width, self.width)


@lru_cache(maxsize=256)
def scaled_schedule(
    dim: int, base: float, rotary_dim: int | None, axes: int, scaling: Frozen | None, length: int | None
) -> Schedule:
    """The schedule of `rope` with its gain; `scaling` is None or what `frozen` gave. ValueError for what is wrong."""
    plain = rope_schedule(dim, base, rotary_dim, axes)
    if scaling is None:
        return plain
    if axes != 1:
        raise ValueError(f"rope: a scaling goes with one axis, got axes = {axes}")
    kind, numbers = read(dict(scaling))
    width = 2 * len(plain.angles)
    if kind in BY_LENGTH and (length is None or length < 1):
        raise ValueError(f"rope: scaling {kind} needs length, the number of positions so far, got {length}")
    with localcontext(prec=DIGITS):
        head = _Head(dim, width, Decimal(base), numbers, length)
        angles = KINDS[kind](head) if width else []
        return from_decimals(angles)._replace(gain=_gain(kind, numbers))


def _powers(base: Decimal, over: int, width: int) -> list[Decimal]:
    """base^(-2p / over), p = 0 … width/2 - 1."""
    ratio = (-base.ln() * 2 / over).exp()
    found = [ONE]
    while len(found) < width // 2:
        found.append(found[-1] * ratio)
    return found


def _linear(head: _Head) -> list[Decimal]:
    return [angle / head.numbers["factor"] for angle in head.plain]


def _with_base(head: _Head, growth: Decimal) -> list[Decimal]:
    if head.width == 2:
        raise ValueError("rope: rotary_dim must be more than 2 to change the base by rotary_dim/(rotary_dim - 2)")
    changed = head.base * (growth.ln() * head.width / (head.width - 2)).exp()
    return _powers(changed, head.width, head.width)


def _ntk(head: _Head) -> list[Decimal]:
    return _with_base(head, head.numbers["factor"])


def _dynamic(head: _Head) -> list[Decimal]:
    factor, original = head.numbers["factor"], head.numbers["original_max_position_embeddings"]
    growth = factor * max(Decimal(head.length or 0), original) / original - (factor - 1)
    return _with_base(head, growth)


def _between(head: _Head, keep: Callable[[int, Decimal], Decimal]) -> list[Decimal]:
    """keep · θ + (1 - keep) · θ / factor, keep clipped to [0, 1]."""
    parts = [(angle, min(max(keep(p, angle), ZERO), ONE)) for p, angle in enumerate(head.plain)]
    return [angle * (kept + (1 - kept) / head.numbers["factor"]) for angle, kept in parts]


def _yarn(head: _Head) -> list[Decimal]:
    if head.base == 1:
        raise ValueError("rope: scaling yarn needs a base other than 1")
    low, high = (_index(head, beta, rounding) for beta, rounding in
                 (("beta_fast", ROUND_FLOOR), ("beta_slow", ROUND_CEILING)))  # fmt: skip
    low, high = max(low, ZERO), min(high, Decimal(head.width - 1))
    span = max(high - low, Decimal("0.001"))
    return _between(head, lambda p, angle: 1 - (p - low) / span)


def _index(head: _Head, beta: str, rounding: str) -> Decimal:
    """The index, not whole, of the pair that turns `beta` times within the original length."""
    turns = head.numbers["original_max_position_embeddings"] / (TWO_PI * head.numbers[beta])
    exact: Decimal = head.width * turns.ln() / (2 * head.base.ln())
    return exact.to_integral_value(rounding) if head.numbers["truncate"] else exact


def _yarn_paper(head: _Head) -> list[Decimal]:
    return _by_turns(head, "beta_slow", "beta_fast")


def _llama3(head: _Head) -> list[Decimal]:
    return _by_turns(head, "low_freq_factor", "high_freq_factor")


def _by_turns(head: _Head, slow: str, fast: str) -> list[Decimal]:
    """A ramp linear in the number of turns of a pair within the original length."""
    low, high, original = (head.numbers[name] for name in (slow, fast, "original_max_position_embeddings"))
    if not high > low:
        raise ValueError(f"rope: {fast} must be more than {slow}, got {high} and {low}")
    return _between(head, lambda p, angle: (original * angle / TWO_PI - low) / (high - low))


def _longrope(head: _Head) -> list[Decimal]:
    beyond = Decimal(head.length or 0) > head.numbers["original_max_position_embeddings"]
    name = "long_factor" if beyond else "short_factor"
    stretch = head.numbers[name]
    if len(stretch) != head.width // 2:
        raise ValueError(f"rope: {name} needs {head.width // 2} numbers, one for each pair, got {len(stretch)}")
    return [angle / by for angle, by in zip(head.plain, stretch, strict=True)]


def _proportional(head: _Head) -> list[Decimal]:
    return [angle / head.numbers["factor"] for angle in _powers(head.base, head.dim, head.width)]


KINDS: dict[str, Callable[[_Head], list[Decimal]]] = {
    "linear": _linear,
    "ntk": _ntk,
    "dynamic": _dynamic,
    "yarn": _yarn,
    "yarn-paper": _yarn_paper,
    "llama3": _llama3,
    "longrope": _longrope,
    "proportional": _proportional,
}


def _gain(kind: str, numbers: dict[str, Any]) -> float:
    """What multiplies cos and sin: the attention factor if it is given, else what its kind derives from the factor."""
    if kind not in GAINS:
        return 1.0
    if numbers["attention_factor"] is not None:
        return float(numbers["attention_factor"])
    grown = max(numbers["factor"], ONE).ln()
    if kind == "longrope":
        return float((1 + grown / numbers["original_max_position_embeddings"].ln()).sqrt())
    top, bottom = numbers["mscale"], numbers["mscale_all_dim"]
    if not (top and bottom):
        top, bottom = ONE, ZERO
    return float((top * grown / 10 + 1) / (bottom * grown / 10 + 1))
