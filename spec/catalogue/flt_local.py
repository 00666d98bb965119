"""FLT with a local mask: tent, Gaussian-smoothed box and the box on whole positions run; box and ball on R^ℓ cannot.

A jump of f makes ∫|g| infinite, and then ∫ g²/p ≥ (∫|g|)² is infinite for every p (Cauchy and Schwarz).
"""

import sympy as sp

from ..encoding import Encoding, EncodingError
from ..flt_record import frequencies, lags, over_axes, record
from ..fourier import PAIRS, reach, tau, width, x
from ..fourier import xi as one

OPTIONS = {"shape": ("tent", "smoothed", "grid", "box", "ball"), "axes": ("1", "2", "3")}
MEMBERS = (*(f"flt-local[shape={shape}]" for shape in OPTIONS["shape"][:4]), "flt-local[shape=ball,axes=2]")
_REMEDY = "infinite variance for every p, because f jumps; take shape=smoothed, shape=tent, or shape=grid"
_IMPOSSIBLE = {"unbiased": False, "finite-variance": False}
DEFINITION_ONLY = {"flt-local[shape=box]": _REMEDY, "flt-local[shape=ball,axes=2]": _REMEDY}


def encoding(shape: str = "tent", axes: str = "1") -> Encoding:
    """`flt-local[shape=tent]`, `flt-local[shape=grid,axes=2]`, …; width is the half-width of the mask."""
    n = int(axes)
    if shape == "ball":
        return _ball(n)
    pair, xi, lag = PAIRS[shape], frequencies(n), lags(n)
    g = over_axes(pair.spectrum, one, xi)
    f = over_axes(pair.mask, x, tuple(sp.Abs(t) for t in lag))
    bell = tau * sp.sqrt(2 * sp.pi) * sp.exp(-2 * sp.pi**2 * tau**2 * one**2)
    period = sp.Piecewise((1, sp.Abs(one) <= sp.S.Half), (0, True))
    if shape == "box":
        return record(_name(shape, n), _SUMMARIES[shape], n, g, _any(n), f, _IMPOSSIBLE, (_REMEDY,))
    law = {"tent": g, "smoothed": over_axes(bell, one, xi), "grid": over_axes(period, one, xi)}[shape]
    domain = "integer" if shape == "grid" else "real"
    return record(_name(shape, n), _SUMMARIES[shape], n, g, law, f, {"finite-variance": True}, (), domain)


def _any(n: int) -> sp.Expr:
    """p(ξ): whatever density one may think of."""
    found: sp.Expr = sp.Function("p", positive=True)(*frequencies(n))
    return found


_SUMMARIES = {
    "tent": "random cosines whose mean is ∏ max(0, 1 − |τ_j|/width)",
    "smoothed": "random cosines whose mean is a box blurred by a Gaussian of width tau",
    "grid": f"random cosines whose mean at whole lags is 1 for |τ_j| ≤ {reach}, else 0 (Dirichlet's kernel)",
    "box": "the box 1[|τ_j| ≤ width] on R^ℓ: not to be estimated by random frequencies",
}


def _name(shape: str, n: int) -> str:
    return f"flt-local[shape={shape}" + (f",axes={n}]" if n > 1 else "]")


def _ball(n: int) -> Encoding:
    """g = (v/|ξ|)^{ℓ/2} J_{ℓ/2}(2πv|ξ|)."""
    if n == 1:
        raise EncodingError("flt-local: a ball in one axis is a box; take shape=box, or axes=2 or 3")
    xi, lag = frequencies(n), lags(n)
    radius, half = sp.sqrt(sp.Add(*(k**2 for k in xi))), sp.Rational(n, 2)
    g = (width / radius) ** half * sp.besselj(half, 2 * sp.pi * width * radius)
    f = sp.Piecewise((1, sp.Add(*(t**2 for t in lag)) <= width**2), (0, True))
    summary = "the ball 1[|τ| ≤ width] on R^ℓ: not to be estimated by random frequencies"
    return record(_name("ball", n), summary, n, g, _any(n), f, _IMPOSSIBLE, (_REMEDY,))
