"""Moments of one random frequency of FLT in floats: a bound for |ρ|, and E (ρ cos 2πξ·τ)², from which the variance is.

Var f̂ = (E (ρ cos)² − f²)/r. With a constant ρ, E cos² = (1 + f(2τ)/f(0))/2; a mixture and the grid are closed sums; the
smoothed box is one integral per axis by the trapezoidal rule, which converges exponentially for it.
"""

from collections.abc import Sequence
from math import cos, exp, inf, pi, prod, sin, sqrt

from .fourier_claims import second_moments
from .random_oracle import FrequencyOracle

Lag = Sequence[float]


def ratio_bound(oracle: FrequencyOracle) -> float:
    """sup |g/p|, or inf where the ratio is not bounded (a mixture with σ ≥ 1)."""
    name, n = oracle.encoding.name, oracle.encoding.axes
    if name.startswith("flt-gaussian-mixture"):
        total = 0.0
        for weight, means, sigma in _terms(oracle):
            if sigma >= 1:
                return inf
            total += abs(weight) * (2 * pi) ** (n / 2) * exp(sum(m * m for m in means) / (2 * (1 - sigma**2)))
        return total
    value = _floats(oracle)
    if "smoothed" in name:
        return (2 * value["width"] / (value["tau"] * sqrt(2 * pi))) ** n
    if "grid" in name:
        return (2 * value["width"] + 1) ** n
    return 1.0


def second_moment(oracle: FrequencyOracle, lag: Lag) -> float:
    """E (ρ cos 2πξ·lag)² over one frequency."""
    name = oracle.encoding.name
    if name.startswith("flt-gaussian-mixture"):
        return (_mixture(oracle, [0.0] * len(lag)) + _mixture(oracle, lag)) / 2
    value = _floats(oracle)
    if "smoothed" in name:
        own = value["width"], value["tau"]
        return (prod(_smoothed(*own, 0.0) for _ in lag) + prod(_smoothed(*own, t) for t in lag)) / 2
    if "grid" in name:
        size = 2 * value["width"] + 1
        return (size ** len(lag) + prod(max(size - abs(2 * t), 0.0) for t in lag)) / 2
    return (1 + float(oracle.mean([2 * t for t in lag]).mid())) / 2


def fourth_is_finite(oracle: FrequencyOracle) -> bool:
    """Whether ∫ g⁴/p³ < ∞ with these numbers: then sample variances have a variance."""
    import sympy as sp

    condition = second_moments(oracle.encoding)[1]
    return bool(condition.subs({s: sp.Rational(int(v.p), int(v.q)) for s, v in oracle.values.items()}))


def _floats(oracle: FrequencyOracle) -> dict[str, float]:
    return {s.name: int(v.p) / int(v.q) for s, v in oracle.values.items()}


def _terms(oracle: FrequencyOracle) -> list[tuple[float, list[float], float]]:
    value, n = _floats(oracle), oracle.encoding.axes
    count = sum(1 for name in value if name.startswith("weight_"))
    tails = [""] if n == 1 else [f"_{j}" for j in range(n)]
    return [
        (value[f"weight_{t}"], [value[f"mean_{t}{tail}"] for tail in tails], value[f"sigma_{t}"]) for t in range(count)
    ]


def _mixture(oracle: FrequencyOracle, lag: Lag) -> float:
    """∫ g²/p cos(4πξ·lag) dξ, p = N(0, I): a Gaussian integral for each pair of terms; inf where it diverges."""
    total, n = 0.0, len(lag)
    for w, mu, s in _terms(oracle):
        for v, nu, t in _terms(oracle):
            a, b = 1 / s**2, 1 / t**2
            rate = a + b - 1
            if rate <= 0:
                return inf
            middle = [(a * x + b * y) / rate for x, y in zip(mu, nu, strict=True)]
            rest = sum(a * x * x + b * y * y - rate * m * m for x, y, m in zip(mu, nu, middle, strict=True))
            turn = sum(m * x for m, x in zip(middle, lag, strict=True))
            damped = exp(-rest / 2 - (4 * pi) ** 2 * sum(x * x for x in lag) / (2 * rate))
            total += w * v * (2 * pi) ** n * rate ** (-n / 2) * damped * cos(4 * pi * turn)
    return total


def _smoothed(width: float, tau: float, lag: float) -> float:
    """∫ g²/p cos(4πξ lag) dξ along one axis, g = sin(2πvξ)/πξ e^{−2π²τ²ξ²}, p = τ√(2π) e^{−2π²τ²ξ²}."""
    end = 7 / (2 * pi * tau)
    step = min(1 / (8 * (width + lag + 1)), end / 400)
    count = int(end / step)
    total = (2 * width) ** 2 / 2
    for i in range(1, count + 1):
        x = i * step
        total += (sin(2 * pi * width * x) / (pi * x)) ** 2 * exp(-2 * (pi * tau * x) ** 2) * cos(4 * pi * x * lag)
    return 2 * step * total / (tau * sqrt(2 * pi))
