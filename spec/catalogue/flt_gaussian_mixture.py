"""FLT with g = Σ_t w_t e^{−|ξ − μ_t|²/2σ_t²}, ξ ~ N(0, I): f = Σ_t w_t (2πσ_t²)^{ℓ/2} e^{−2π²σ_t²|τ|²} cos 2πμ_t·τ."""

from typing import Any

import sympy as sp

from ..encoding import Encoding
from ..flt_record import frequencies, lags, record

OPTIONS = {"terms": tuple(map(str, range(1, 9))), "axes": ("1", "2", "3")}
MEMBERS = ("flt-gaussian-mixture", "flt-gaussian-mixture[axes=2]")


def encoding(terms: str = "2", axes: str = "1") -> Encoding:
    """`flt-gaussian-mixture[terms=3,axes=2]`: weights of either sign, means and widths learned."""
    count, n = int(terms), int(axes)
    xi, tau = frequencies(n), lags(n)
    g = f = sp.Integer(0)
    for t in range(count):
        weight, means, sigma = symbols(t, n)
        g += weight * sp.exp(-_square(x - m for x, m in zip(xi, means, strict=True)) / (2 * sigma**2))
        wave = sp.cos(2 * sp.pi * sp.Add(*(m * x for m, x in zip(means, tau, strict=True))))
        f += (
            weight
            * (2 * sp.pi * sigma**2) ** sp.Rational(n, 2)
            * sp.exp(-2 * sp.pi**2 * sigma**2 * _square(tau))
            * wave
        )
    law = sp.exp(-_square(xi) / 2) / (2 * sp.pi) ** sp.Rational(n, 2)
    options = ",".join([f"terms={terms}"] * (count != 2) + [f"axes={axes}"] * (n > 1))
    bound = sp.And(*(sp.Lt(symbols(t, n)[2] ** 2, 2) for t in range(count)))
    return record(
        f"flt-gaussian-mixture[{options}]" if options else "flt-gaussian-mixture",
        "random cosines whose mean is a learned sum of modulated Gaussians of the lag",
        n, g, law, f, {"finite-variance": {"when": bound}},
        ("released code writes σ_t² = e^{s_t}/2 and starts at 0, where the squared ratio has no gradient",),
    )  # fmt: skip


def symbols(term: int, axes: int) -> tuple[sp.Symbol, tuple[sp.Symbol, ...], sp.Symbol]:
    """(weight, mean along each axis, sigma) of one Gaussian."""
    means = tuple(sp.Symbol(f"mean_{term}" + (f"_{j}" if axes > 1 else ""), real=True) for j in range(axes))
    return sp.Symbol(f"weight_{term}", real=True), means, sp.Symbol(f"sigma_{term}", positive=True)


def _square(values: Any) -> Any:
    return sp.Add(*(value**2 for value in values))
