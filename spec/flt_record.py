"""FLT as a record: A_s(ξ)^H B_t(ξ) = ρ(ξ) cos 2πξ·(t − s), ρ = g/p, ξ ~ p, E = f(τ) = ∫ g e^{2πiξ·τ} dξ.

The pair of features acts on the constant 1, beside q·k/√dim in the exponent. Choromanski et al., AISTATS 2024,
arXiv 2302.01925.
"""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from .encoding import Encoding, axis, lag, position

SOURCE = "Choromanski et al., Learning a Fourier Transform for Linear Relative Positional Encodings, arXiv 2302.01925"
rho = sp.Symbol("rho", real=True)
CONVENTIONS = (
    "one random frequency; the mask is the mean of r of them and stands beside q·k/√dim in the exponent",
    "released code has g/p on both sides (mean ∫ g²/p), scales by √(dim + 2r), and takes (2π)^(−1/2) for every ℓ",
    "g is real, so f is even: this mask cannot tell past from future",
    "FAVOR+ features of the extended vectors are relative only in expectation over their projection",
)


def frequencies(axes: int) -> tuple[sp.Symbol, ...]:
    """ξ: one frequency for each axis, in cycles per position."""
    return tuple(sp.Symbol("xi" if axes == 1 else f"xi_{j}", real=True) for j in range(axes))


def lags(axes: int) -> tuple[sp.Symbol, ...]:
    """τ: the lag, or its coordinates."""
    return (lag,) if axes == 1 else tuple(axis(j) for j in range(axes))


def over_axes(one: Any, old: Any, new: tuple[Any, ...]) -> Any:
    """∏_j of a function of one coordinate."""
    return sp.Mul(*(one.xreplace({old: symbol}) for symbol in new))


def record(
    name: str, summary: str, axes: int, spectrum: Any, law: Any, expectation: Any, claims: Mapping[str, Any],
    conventions: tuple[str, ...] = (), domain: str = "real",
) -> Encoding:  # fmt: skip
    """The random record of a mask with this spectrum g, density p of the frequencies and mean f."""
    xi = frequencies(axes)
    places = [position] if axes == 1 else [axis(j) for j in range(axes)]
    angle = 2 * sp.pi * sp.Add(*(a * b for a, b in zip(xi, places, strict=True)))
    wave = sp.Matrix([[sp.cos(angle)], [sp.sin(angle)]])
    weight = spectrum if law.has(sp.Piecewise) else spectrum / law  # a piecewise law is 1 where it is not 0
    return Encoding(
        name, query=wave, key=rho * wave, noise=xi, law=law, expectation=expectation, axes=axes, domain=domain,
        parameters={rho: weight}, claims={"lag-invariant": True, "unbiased": True, **claims}, source=SOURCE,
        summary=summary, conventions=(*CONVENTIONS, *conventions),
    )  # fmt: skip
