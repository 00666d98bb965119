"""Fourier pairs f(x) = ∫ g(ξ) e^{2πi ξx} dξ of FLT's masks, proved forward by elementary integrals, step by step.

A step is an expression that must vanish: a derivative minus its integrand, a boundary value, a claimed g minus what the
integral gives. Each is decided by expanding numerators over exponentials: no `simplify`, no `fourier_transform`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import factorial
from typing import Any

import sympy as sp

x = sp.Symbol("x", positive=True)  # |x|: every mask here is even, so g(ξ) = ∫_0^∞ f(x) (e^{iωx} + e^{-iωx}) dx, ω = 2πξ
xi = sp.Symbol("xi", real=True)
scale, rate, tau = (sp.Symbol(name, positive=True) for name in ("scale", "rate", "tau"))
width = sp.Symbol("width", positive=True)
reach = sp.Symbol("width", integer=True, nonnegative=True)  # of the grid
_omega = 2 * sp.pi * xi
Steps = list[tuple[str, Any]]


@dataclass(frozen=True)
class Pair:
    """f of |x| and g of ξ along one axis, the steps of the proof, and the sentence that ends it."""

    name: str
    mask: Any
    spectrum: Any
    steps: Callable[[], Steps]
    method: str


def vanishes(expression: Any) -> bool:
    """Whether an expression in powers, exponentials, sines and cosines is zero: the expanded numerator is 0."""
    written = sp.sympify(expression).rewrite(sp.exp)
    return bool(sp.expand(sp.expand(sp.numer(sp.together(sp.expand(written)))), power_exp=True) == 0)


def proved(pair: Pair) -> list[str]:
    """The names of the steps that do not vanish: none when the pair is proved."""
    return [name for name, step in pair.steps() if not vanishes(step)]


def _primitive(degree: int, w: Any) -> Any:
    """−e^{−wx} Σ_k n!/k! x^k / w^{n+1−k}: its derivative is x^n e^{−wx}."""
    terms = (sp.Rational(factorial(degree), factorial(k)) * x**k / w ** (degree + 1 - k) for k in range(degree + 1))
    return -sp.exp(-w * x) * sp.Add(*terms)


def _decaying(polynomial: Any, b: Any, spectrum: Any) -> Steps:
    """∫_0^∞ P(x) e^{−bx} e^{±iωx} dx: Re w = b > 0, so only the boundary x = 0 counts."""
    found: Steps = []
    total: Any = 0
    for sign in (1, -1):
        w = b - sign * sp.I * _omega
        for (degree,), coefficient in sp.Poly(polynomial, x).terms():
            F = _primitive(degree, w)
            found.append(
                (f"d/dx of the primitive, n = {degree}, sign {sign:+d}", F.diff(x) - x**degree * sp.exp(-w * x))
            )
            total += coefficient * -F.subs(x, 0)
    return [*found, ("g − ∫ f e^{−2πiξx} dx", total - spectrum)]


def _supported(polynomial: Any, spectrum: Any) -> Steps:
    """∫_0^width P(x) e^{±iωx} dx between the two ends."""
    found: Steps = []
    total: Any = 0
    for sign in (1, -1):
        w = -sign * sp.I * _omega
        for (degree,), coefficient in sp.Poly(polynomial, x).terms():
            F = _primitive(degree, w)
            found.append(
                (f"d/dx of the primitive, n = {degree}, sign {sign:+d}", F.diff(x) - x**degree * sp.exp(-w * x))
            )
            total += coefficient * (F.subs(x, width) - F.subs(x, 0))
    return [*found, ("g − ∫ f e^{−2πiξx} dx", total - spectrum)]


def _gaussian() -> Steps:
    """f' = −x f/s² becomes 2πiξ g = −(i/2πs²) g': both sides are checked, and g(0) = ∫ f = s√(2π)."""
    f, g = GAUSSIAN.mask, GAUSSIAN.spectrum
    return [
        ("f' + x f/s²", (f.diff(x) + x * f / scale**2) / f),
        ("g' + 4π²s² ξ g", (g.diff(xi) + 4 * sp.pi**2 * scale**2 * xi * g) / g),
        ("g(0) − s√(2π)", g.subs(xi, 0) - scale * sp.sqrt(2 * sp.pi)),
    ]


def _smoothed() -> Steps:
    """f' = N(x + v; τ²) − N(x − v; τ²), with transform (e^{iωv} − e^{−iωv}) e^{−2π²τ²ξ²} = iω g; f(∞) = 0."""
    f, g = SMOOTHED.mask, SMOOTHED.spectrum

    def normal(y: Any) -> Any:
        return sp.exp(-(y**2) / (2 * tau**2)) / (tau * sp.sqrt(2 * sp.pi))

    bell = sp.exp(-2 * sp.pi**2 * tau**2 * xi**2)
    both = sp.exp(sp.I * _omega * width) - sp.exp(-sp.I * _omega * width)
    return [
        ("f' − [N(x + v) − N(x − v)]", f.diff(x) - normal(x + width) + normal(x - width)),
        ("iω g − (e^{iωv} − e^{−iωv}) e^{−2π²τ²ξ²}", sp.I * _omega * g - both * bell),
    ] + [(f"Gaussian pair: {name}", step.subs(scale, tau)) for name, step in _gaussian()]


def _grid() -> Steps:
    """D_v sin πξ telescopes for every width, and on whole lags f = ∫ D_v e^{2πiξn} dξ over one period."""
    j = sp.Symbol("j", integer=True)
    term = 2 * sp.cos(2 * sp.pi * j * xi) * sp.sin(sp.pi * xi)
    step = sp.sin(sp.pi * (2 * j + 1) * xi) - sp.sin(sp.pi * (2 * j - 1) * xi)
    first = sp.sin(sp.pi * (2 * reach + 1) * xi).subs(reach, 0) - sp.sin(sp.pi * xi)
    wave = sp.exp(2 * sp.pi * sp.I * j * xi)
    period = (wave / (2 * sp.pi * sp.I * j)).subs(xi, sp.S.Half) - (wave / (2 * sp.pi * sp.I * j)).subs(xi, -sp.S.Half)
    return [
        ("2 cos 2πjξ sin πξ − [sin π(2j+1)ξ − sin π(2j−1)ξ]", term - step),
        ("the sum starts at sin πξ", first),
        ("d/dξ of the primitive of e^{2πijξ}", (wave / (2 * sp.pi * sp.I * j)).diff(xi) - wave),
        ("∫ e^{2πijξ} dξ over one period, j ≠ 0", sp.expand(period, complex=True)),
    ]


def _matern(twice_nu: int) -> Pair:
    b = sp.sqrt(twice_nu) / scale
    polynomial = {1: 1, 3: 1 + b * x, 5: 1 + b * x + b**2 * x**2 / 3}[twice_nu]
    nu = sp.Rational(twice_nu, 2)
    g = student(twice_nu, 1, xi**2)
    return Pair(
        f"matern{twice_nu}2",
        sp.sympify(polynomial) * sp.exp(-b * x),
        g,
        lambda: [
            *_decaying(polynomial, b, student_plain(nu, b)),
            ("Student's density as a rational function", sp.powsimp(g / student_plain(nu, b), force=True) - 1),
        ],
        "x^n e^{−wx} has an elementary primitive",
    )


def student(twice_nu: int, axes: int, square: Any) -> Any:
    """The spectrum of a Matérn kernel on R^axes at |ξ|²: Student's density with 2ν degrees and scale 1/(2π s)."""
    nu, half = sp.Rational(twice_nu, 2), sp.Rational(axes, 2)
    unit = 2 * sp.pi * scale
    peak = sp.gamma(nu + half) / sp.gamma(nu) * unit**axes / (2 * nu * sp.pi) ** half
    return peak * (1 + square * unit**2 / (2 * nu)) ** (-(nu + half))


def student_plain(nu: Any, b: Any) -> Any:
    """The same on R as a rational function: const · b^{2ν} / (b² + ω²)^{ν + 1/2}."""
    constant = 2 * sp.sqrt(sp.pi) * sp.gamma(nu + sp.S.Half) / sp.gamma(nu)
    return constant * b ** (2 * nu) / (b**2 + _omega**2) ** int(nu + sp.S.Half)


def step_up(twice_nu: int) -> Any:
    """g on R³ + g'(k)/(2πk): zero, since radial transforms of one f in dimensions ℓ and ℓ + 2 differ by that."""
    one, three = student(twice_nu, 1, x**2), student(twice_nu, 3, x**2)
    return three + one.diff(x) / (2 * sp.pi * x)


GAUSSIAN: Pair = Pair(
    "gaussian", sp.exp(-(x**2) / (2 * scale**2)), scale * sp.sqrt(2 * sp.pi) * sp.exp(-2 * sp.pi**2 * scale**2 * xi**2),
    _gaussian, "both sides solve the same first-order equation",
)  # fmt: skip
LAPLACE: Pair = Pair(
    "laplace", sp.exp(-rate * x), 2 * rate / (rate**2 + 4 * sp.pi**2 * xi**2),
    lambda: _decaying(1, rate, LAPLACE.spectrum), "e^{−wx} has an elementary primitive",
)  # fmt: skip
TENT: Pair = Pair(
    "tent", sp.Max(0, 1 - x / width), sp.sin(sp.pi * width * xi) ** 2 / (width * sp.pi**2 * xi**2),
    lambda: _supported(1 - x / width, TENT.spectrum), "x^n e^{−wx} has an elementary primitive",
)  # fmt: skip
BOX: Pair = Pair(
    "box", sp.Piecewise((1, x <= width), (0, True)), sp.sin(2 * sp.pi * width * xi) / (sp.pi * xi),
    lambda: _supported(1, BOX.spectrum), "e^{−wx} has an elementary primitive",
)  # fmt: skip
SMOOTHED: Pair = Pair(
    "smoothed", (sp.erf((x + width) / (sp.sqrt(2) * tau)) - sp.erf((x - width) / (sp.sqrt(2) * tau))) / 2,
    sp.sin(2 * sp.pi * width * xi) / (sp.pi * xi) * sp.exp(-2 * sp.pi**2 * tau**2 * xi**2), _smoothed,
    "the derivative is two Gaussians",
)  # fmt: skip
GRID: Pair = Pair(
    "grid", sp.Piecewise((1, x <= reach), (0, True)), sp.sin(sp.pi * (2 * reach + 1) * xi) / sp.sin(sp.pi * xi), _grid,
    "e^{2πinξ} are orthonormal over one period",
)  # fmt: skip
PAIRS = {p.name: p for p in (GAUSSIAN, LAPLACE, TENT, BOX, SMOOTHED, GRID, *(_matern(n) for n in (1, 3, 5)))}
