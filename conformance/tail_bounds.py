"""How far a mean of independent draws may lie from its expectation, with a stated false-alarm rate: exact tail bounds.

Chernoff: P(mean − μ ≥ t) ≤ exp(−n sup_λ [λ(μ + t) − ln E e^{λX}]), with the moment generating function in closed form;
Hoeffding for bounded draws; Dvoretzky–Kiefer–Wolfowitz, with Massart's constant, for distribution functions. A normal
approximation is wrong this far out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import acos, asin, exp, inf, log, pi, sin, sqrt

FALSE_ALARM = 1e-9  # of one check on one subject in one dtype, over the choice of its seed
MISSED = 0.01  # the smallest error stated is one that is found with 99 %
Logarithm = Callable[[float], float]  # λ → ln E e^{λX}, inf outside its range


@dataclass(frozen=True)
class Band:
    """A mean within ±`allowed` of its expectation; an error of `found` is seen in all but 1 % of the draws."""

    allowed: float
    found: float
    text: str


def share(entries: int) -> float:
    """The false-alarm rate of one entry when there are so many (union bound)."""
    return FALSE_ALARM / max(entries, 1)


def hoeffding(n: int, size: float, entries: int) -> Band:
    """Draws in [−size, size]."""

    def width(rate: float) -> float:
        return size * sqrt(2 * log(2 / rate) / n)

    return _band(width, entries, f"Hoeffding, |draw| ≤ {size:.3g}, n = {n}")


def massart(n: int, entries: int) -> Band:
    """sup |F_n − F| of n independent draws."""
    return _band(lambda rate: sqrt(log(2 / rate) / (2 * n)), entries, f"Massart, n = {n}")


def squares(n: int, entries: int) -> Band:
    """Squares of standard normals: ln E e^{λX²} = −½ ln(1 − 2λ)."""
    return chernoff(lambda x: -0.5 * log(1 - 2 * x) if x < 0.5 else inf, 1.0, n, entries, "squares of normals")


def products(n: int, correlation: float, entries: int) -> Band:
    """XY of standard normals: E e^{λXY} = [(1 − λρ)² − λ²]^{−1/2}."""
    return chernoff(lambda x: _log_product(x, correlation), correlation, n, entries, f"products, ρ = {correlation:.3g}")


def rectified(n: int, correlation: float, entries: int) -> Band:
    """relu(X) relu(Y) of standard normals: e^{λXY} where both are positive, else 1."""
    both = 0.25 + asin(correlation) / (2 * pi)

    def logarithm(x: float) -> float:
        plain = _log_product(x, correlation)
        turned = correlation + x * (1 - correlation**2)
        if plain == inf or not -1 < turned < 1:
            return inf
        return log(1 - both + exp(plain) * (0.25 + asin(turned) / (2 * pi)))

    return chernoff(logarithm, relu_mean(correlation), n, entries, f"rectified products, ρ = {correlation:.3g}")


def relu_mean(correlation: float) -> float:
    """E relu(X) relu(Y) = (sin φ + (π − φ) cos φ)/2π, cos φ = ρ."""
    angle = acos(max(-1.0, min(1.0, correlation)))
    return (sin(angle) + (pi - angle) * correlation) / (2 * pi)


def chernoff(logarithm: Logarithm, mean: float, n: int, entries: int, what: str) -> Band:
    """The two-sided band of a mean of n draws with this log moment generating function."""

    def width(rate: float) -> float:
        return max(_side(logarithm, mean, n, rate, sign) for sign in (1, -1))

    return _band(width, entries, f"Chernoff, {what}, n = {n}")


def _band(width: Callable[[float], float], entries: int, text: str) -> Band:
    rate = share(entries)
    allowed = width(rate)
    said = f"{text}, false alarm {rate:.1e} for each of {entries} entries"
    return Band(allowed, allowed + width(2 * MISSED), said)


def _log_product(x: float, correlation: float) -> float:
    inside = (1 - x * correlation) ** 2 - x * x
    return -0.5 * log(inside) if inside > 0 and abs(x) * (1 + (correlation if x > 0 else -correlation)) < 1 else inf


def _side(logarithm: Logarithm, mean: float, n: int, rate: float, sign: int) -> float:
    """The t at which the Chernoff bound of one side is rate/2, by bisection; the bound holds at any λ tried."""
    wanted, low, high = log(2 / rate) / n, 0.0, 1.0
    while _exponent(logarithm, mean, high, sign) < wanted:
        high *= 2
        if high > 1e6:
            return inf
    for _ in range(34):
        middle = (low + high) / 2
        low, high = (low, middle) if _exponent(logarithm, mean, middle, sign) >= wanted else (middle, high)
    return high


def _exponent(logarithm: Logarithm, mean: float, t: float, sign: int) -> float:
    """sup_λ λt' − ln E e^{λ sign (X − mean)} over λ > 0, from below: by golden section where it is finite."""

    def value(x: float) -> float:
        found = logarithm(sign * x)
        return -inf if found == inf else x * t + sign * x * mean - found

    top = 1.0
    while value(top) == -inf and top > 1e-12:
        top /= 1.1
    if value(top * 2) > value(top):
        while top < 1e6 and value(top * 2) > value(top):
            top *= 2
        top *= 2
    ratio = (sqrt(5) - 1) / 2
    left, right = 0.0, top
    for _ in range(34):
        a, b = right - ratio * (right - left), left + ratio * (right - left)
        left, right = (left, b) if value(a) >= value(b) else (a, right)
    return max(0.0, value((left + right) / 2))
