"""sineSPE: A_s(Z)^H B_t(Z) with E = P(τ) = Σ_k λ_k² cos(2π f_k τ − θ_k); independent Z for each coordinate and head.

Liutkus et al., ICML 2021, arXiv 2105.08399. The paper's lag is query minus key; here it is key minus query, hence −θ.
"""

from functools import reduce
from typing import Any

import sympy as sp

from ..encoding import Encoding, axis, position

OPTIONS = {"gated": ("no", "yes"), "axes": ("1", "2", "3"), "sines": ("1", "2", "3", "4", "5", "6", "7", "8")}
MEMBERS = ("spe-sine", "spe-sine[gated=yes]", "spe-sine[axes=2]")
content, rest, epsilon = (
    sp.Symbol("content", positive=True),
    sp.Symbol("rest", positive=True),
    sp.Symbol("epsilon", real=True),
)
_CONVENTIONS = (
    "one coordinate of one head; a score is Σ_d q_d (A^H B)_d k_d, averaged over R independent draws of all Z",
    "the phase enters the query's side only; frequencies are in cycles per position, θ in radians",
    "released code draws Z with variance 1/(2K): its gains are λ √(2K), and its features lack R^(-1/2)",
    "one draw is not relative: only its mean over Z is, and after softmax or ReLU again only the mean",
)
_GATE = (
    "P ← δ + (1 − δ) P with δ = content², 1 − δ = rest²: δ = 1 is content only; one ε for q, k and all positions",
    "released JAX code has the opposite polarity (gate = 1 is position only)",
)


def encoding(gated: str = "no", axes: str = "1", sines: str = "1") -> Encoding:
    """`spe-sine`, `spe-sine[gated=yes]`, `spe-sine[axes=2]`, `spe-sine[sines=3]` and what they combine to."""
    n, count = int(axes), int(sines)
    noise = [sp.Symbol(f"z{i}", real=True) for i in range(2 * count)]
    sides = [_codes(n, count, noise, phased) for phased in (True, False)]
    if gated == "yes":
        sides = [rest * code + content * epsilon for code in sides]
    claimed = 2 * count + (gated == "yes")
    shown = {"gated": gated == "yes", "axes": n > 1, "sines": count > 1}
    options = {"gated": gated, "axes": axes, "sines": sines}
    chosen = ",".join(f"{name}={options[name]}" for name, different in shown.items() if different)
    return Encoding(
        f"spe-sine[{chosen}]" if chosen else "spe-sine",
        query=sp.Matrix([[sides[0]]]),
        key=sp.Matrix([[sides[1]]]),
        noise=(*noise, epsilon) if gated == "yes" else tuple(noise),
        relations=(content**2 + rest**2 - 1,) if gated == "yes" else (),
        axes=n,
        domain="real",
        claims={"lag-invariant": "in expectation", "rank": {"bidirectional": claimed, "causal": claimed}},
        source="Liutkus et al., Relative Positional Encoding for Transformers with Linear Complexity, arXiv 2105.08399",
        summary="correlated random codes whose product has a sum of cosines of the lag as its mean",
        conventions=_CONVENTIONS + (_GATE if gated == "yes" else ()),
    )


def symbols(sine: int, axes: int) -> tuple[tuple[sp.Symbol, ...], sp.Symbol, sp.Symbol]:
    """(frequency for each axis, phase, gain) of one sine."""
    tails = [""] if axes == 1 else [f"_{j}" for j in range(axes)]
    frequencies = tuple(sp.Symbol(f"frequency_{sine}{tail}", positive=True) for tail in tails)
    return frequencies, sp.Symbol(f"phase_{sine}", real=True), sp.Symbol(f"gain_{sine}", positive=True)


def _codes(axes: int, count: int, noise: list[sp.Symbol], phased: bool) -> Any:
    """Σ_k λ_k (cos a_k z_2k + sin a_k z_2k+1), a_k = 2π f_k·s, plus θ_k on the query's side."""
    places = [position] if axes == 1 else [axis(j) for j in range(axes)]
    parts = []
    for k in range(count):
        frequencies, phase, gain = symbols(k, axes)
        angle = 2 * sp.pi * reduce(sp.Add, (f * x for f, x in zip(frequencies, places, strict=True)))
        angle += phase if phased else 0
        parts.append(gain * (sp.cos(angle) * noise[2 * k] + sp.sin(angle) * noise[2 * k + 1]))
    return sp.Add(*parts)
