"""What retention needs in every backend: rates of decay and their logarithms, and the angles RetNet prints."""

from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

from .schedules import DIGITS, Schedule, geometric, positive


def retnet_decays(heads: int) -> tuple[float, ...]:
    """γ_h = 1 − 2^(−5−h), h = 0 … heads − 1, exact. Sun et al., arXiv 2307.08621."""
    if heads < 1:
        raise ValueError(f"retnet: heads must be at least 1, got {heads}")
    return tuple(1 - 2.0 ** (-5 - h) for h in range(heads))


@lru_cache(maxsize=256)
def log_rates(where: str, *rates: float) -> tuple[float, ...]:
    """ln of rates in (0, 1], each correctly rounded but for one unit."""
    for rate in rates:
        if positive(where, "decay", rate) > 1:
            raise ValueError(f"{where}: decay must be at most 1, got {rate}")
    with localcontext(prec=DIGITS):
        return tuple(float(Decimal(rate).ln()) for rate in rates)


def retnet_schedule(dim: int, base: float, where: str = "retnet") -> Schedule:
    """θ_p = base^(−p / (dim/2 − 1)), p = 0 … dim/2 − 1: linspace(0, 1), not RoPE's −2p/dim."""
    positive(where, "base", base)
    if dim % 2 or dim < 2:
        raise ValueError(f"{where}: dim must be even, got {dim}")
    return geometric(base, Fraction(1, max(dim // 2 - 1, 1)), dim // 2)
