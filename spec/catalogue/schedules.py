"""Frequencies of scaled RoPE: θ_p of the pair p as an expression in the numbers that configurations give."""

from typing import Any

import sympy as sp

from ..encoding import dim, length, pair
from .shared import base

rotary_dim = sp.Symbol("rotary_dim", integer=True, positive=True)
factor = sp.Symbol("factor", positive=True)
original = sp.Symbol("original_max_position_embeddings", positive=True)
beta_fast = sp.Symbol("beta_fast", positive=True)
beta_slow = sp.Symbol("beta_slow", positive=True)
mscale = sp.Symbol("mscale", positive=True)
mscale_all_dim = sp.Symbol("mscale_all_dim", nonnegative=True)
truncate = sp.Symbol("truncate", integer=True, nonnegative=True)
low_freq_factor = sp.Symbol("low_freq_factor", positive=True)
high_freq_factor = sp.Symbol("high_freq_factor", positive=True)
short_factor = sp.Symbol("short_factor", positive=True)
long_factor = sp.Symbol("long_factor", positive=True)

plain = base ** (-2 * pair / rotary_dim)
Schedule = tuple[Any, dict[sp.Symbol, Any], Any]  # θ_p, the further parameters with defaults, the gain (1: none)


def linear() -> Schedule:
    """Position interpolation (arXiv 2306.15595): every angle divided by the factor."""
    return plain / factor, {factor: 4}, 1


def ntk() -> Schedule:
    """NTK-aware (arXiv 2309.00071, Def. 1): the base grows so that the last pair is scaled by just the factor."""
    return (base * factor ** (rotary_dim / (rotary_dim - 2))) ** (-2 * pair / rotary_dim), {factor: 4}, 1


def dynamic() -> Schedule:
    """Dynamic NTK as released code has it: the base depends on the current length, beyond the original one."""
    grown = factor * sp.Max(length, original) / original - (factor - 1)
    scaled = base * grown ** (rotary_dim / (rotary_dim - 2))
    return scaled ** (-2 * pair / rotary_dim), {factor: 4, original: 2048}, 1


def yarn() -> Schedule:
    """YaRN as all released code has it: a ramp linear in the index of the pair, between two rounded indices."""

    def index(turns: Any) -> Any:
        return rotary_dim * sp.log(original / (2 * sp.pi * turns)) / (2 * sp.log(base))

    def towards(rounded: Any, exact: Any) -> Any:
        return exact + truncate * (rounded(exact) - exact)

    low = sp.Max(towards(sp.floor, index(beta_fast)), 0)
    high = sp.Min(towards(sp.ceiling, index(beta_slow)), rotary_dim - 1)
    ramp = _clip((pair - low) / sp.Max(high - low, sp.Rational(1, 1000)))
    return plain / factor * ramp + plain * (1 - ramp), {**_yarn_parameters(), truncate: 1}, _yarn_gain()


def yarn_paper() -> Schedule:
    """YaRN as the paper has it (arXiv 2309.00071, eq. 17-22): a ramp linear in the number of turns, L θ_p / 2π."""
    turns = original * plain / (2 * sp.pi)
    keep = _clip((turns - beta_slow) / (beta_fast - beta_slow))
    return (1 - keep) * plain / factor + keep * plain, _yarn_parameters(), _yarn_gain()


def llama3() -> Schedule:
    """Llama 3: long wavelengths divided by the factor, short ones kept, a ramp in L / wavelength between them."""
    turns = original * plain / (2 * sp.pi)
    smooth = _clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor))
    values = {factor: 8, low_freq_factor: 1, high_freq_factor: 4, original: 8192}
    return (1 - smooth) * plain / factor + smooth * plain, values, 1


def longrope() -> Schedule:
    """LongRoPE (arXiv 2402.13753): each pair has its own stretch, from one list up to the length L, another beyond."""
    stretch = sp.Piecewise((long_factor, length > original), (short_factor, True))
    values = {short_factor: 1, long_factor: 1, factor: 32, original: 4096}
    return plain / stretch, values, sp.sqrt(1 + sp.log(sp.Max(factor, 1)) / sp.log(original))


def proportional() -> Schedule:
    """Partial RoPE with the exponents of the whole head: base^(-2p / dim) for the first pairs, none for the others."""
    return base ** (-2 * pair / dim) / factor, {factor: 1}, 1


def _yarn_parameters() -> dict[sp.Symbol, Any]:
    return {factor: 4, original: 4096, beta_fast: 32, beta_slow: 1, mscale: 1, mscale_all_dim: 0}


def _yarn_gain() -> Any:
    """g(s, mscale) / g(s, mscale_all_dim) with g(s, m) = m ln(s) / 10 + 1, and 1 for s <= 1."""
    grown = sp.log(sp.Max(factor, 1)) / 10
    return (mscale * grown + 1) / (mscale_all_dim * grown + 1)


def _clip(x: Any) -> Any:
    return sp.Max(0, sp.Min(1, x))


SCHEDULES = {
    "linear": linear,
    "ntk": ntk,
    "dynamic": dynamic,
    "yarn": yarn,
    "yarn-paper": yarn_paper,
    "llama3": llama3,
    "longrope": longrope,
    "proportional": proportional,
}
