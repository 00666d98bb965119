"""What is decided of a record with random frequencies: relative for each draw, unbiased, of finite variance or not."""

from dataclasses import replace
from functools import cache
from typing import Any

import sympy as sp

from . import tails
from .encoding import Encoding, axis, position
from .exact.verdicts import Judgement, Proposition, Verdict, judge
from .flt_record import frequencies, lags, over_axes, rho
from .fourier import GAUSSIAN, PAIRS, Pair, proved, scale, step_up, student, vanishes, x, xi

_k = sp.Symbol("k", positive=True)


def judged(record: Encoding) -> Judgement:
    """The judgement of a record with a `law`. With an `expectation`, the frequencies are symbols, and so is ρ = g/p;
    without one the record is the expectation itself, and what is found of it holds on average.
    """
    if record.expectation is None:
        return _averaged(record)
    drawn = _for_each_draw(record.axes, record.domain)
    relative = drawn.propositions["lag-invariant"]
    relative = replace(relative, quantifiers=f"each draw of the frequencies; {relative.quantifiers}")
    mean, variance = _unbiased(record), _finite_variance(record)
    found = {
        "lag-invariant": relative,
        "unitary": Proposition("unitary", Verdict.NOT_APPLICABLE, reason="the features act on the constant 1"),
        "identity-at-zero": Proposition("identity-at-zero", Verdict.NOT_APPLICABLE, reason="W is a number, not a map"),
        "unbiased": mean,
        "finite-variance": variance,
        "variance": _variance(record, variance),
        "directional": _directional(record),
    }
    left = "E[A_s^H B_t] = f(τ)" if mean.verdict is Verdict.PROVED else "wanted, and the mean of no estimate: f(τ)"
    text = f"{left} = {record.expectation}".replace("lag", "τ").replace("**", "^").replace("*", "·")
    latex = rf"f(\tau) = {sp.latex(record.expectation)}"
    return Judgement(record, "scalar", text, latex, found, drawn.ranks)


def _averaged(record: Encoding) -> Judgement:
    found = judge(replace(record, law=None))
    relative = found.propositions["lag-invariant"]
    on_average = replace(relative, detail="in expectation", quantifiers=f"{relative.quantifiers}; {record.law}")
    no_maps = {
        name: Proposition(name, Verdict.NOT_APPLICABLE, reason="the maps are random: only their mean is stated")
        for name in ("unitary", "identity-at-zero")
    }
    propositions = {**found.propositions, "lag-invariant": on_average, **no_maps}
    text = f"E[A_s^H B_t]: {found.canonical_form}"
    return Judgement(record, found.family, text, found.canonical_latex, propositions, found.ranks)


@cache
def _for_each_draw(axes: int, domain: str) -> Judgement:
    """ρ cos 2πξ·τ with ξ and ρ as symbols: what holds for them holds for every draw and every pair g, p."""
    xis, places = frequencies(axes), [position] if axes == 1 else [axis(j) for j in range(axes)]
    angle = 2 * sp.pi * sp.Add(*(a * b for a, b in zip(xis, places, strict=True)))
    wave = sp.Matrix([[sp.cos(angle)], [sp.sin(angle)]])
    return judge(Encoding("flt for each frequency", query=wave, key=rho * wave, axes=axes, domain=domain))


def spectrum(record: Encoding) -> Any:
    """g = ρ p."""
    weight = record.parameters[rho]
    return weight if record.law.has(sp.Piecewise) else weight * record.law


def _directional(record: Encoding) -> Proposition:
    turned = record.expectation.xreplace({t: -t for t in lags(record.axes)})
    same = sp.expand(turned - record.expectation) == 0
    reason = "g is real, so f(−τ) = f(τ); an odd part needs a Hermitian complex g"
    return Proposition("directional", Verdict.REFUTED if same else Verdict.UNDECIDED, reason=reason)


def _unbiased(record: Encoding) -> Proposition:
    """E ρ cos 2πξ·τ = ∫ g cos 2πξ·τ dξ = f: the first by definition of ρ, the second by a Fourier pair."""
    name = "unbiased"
    if _diverges(record):
        reason = "E|ρ cos| has the tail of ∫|g| = ∞: the estimate has no mean, whatever p is"
        return Proposition(name, Verdict.REFUTED, "every density p", reason=reason)
    pair = _pair(record)
    if pair is None:
        return Proposition(name, Verdict.UNDECIDED, reason="g and f are not a known Fourier pair")
    failed = proved(pair)
    if failed:
        return Proposition(name, Verdict.REFUTED, reason=f"{pair.name}: {failed[0]} does not vanish")
    if record.axes > 1 and pair.name.startswith("matern"):
        return _radial(record, pair)
    over = " in each axis (Fubini)" if record.axes > 1 else ""
    at = "whole lags" if record.domain == "integer" else "real lags"
    words = f"every r ≥ 1, all {at}; the {pair.name} pair{over}, {pair.method}"
    return Proposition(name, Verdict.PROVED, words)


def _diverges(record: Encoding) -> bool:
    """Whether ∫|g| is known to be infinite."""
    try:
        return bool(tails.absolutely(_ray(record)[0], _k, _dimension(record)) == sp.false)
    except tails.NoTailError:
        return False


def _radial(record: Encoding, pair: Pair) -> Proposition:
    """R³ follows from R; R² is a mixture of Gaussians over their widths, whose pair holds in every dimension."""
    if record.axes == 3 and vanishes(step_up(int(pair.name[-2]))):
        words = f"every r ≥ 1, all real lags; the {pair.name} pair on R, and g₃ = −g₁'(k)/2πk"
        return Proposition("unbiased", Verdict.PROVED, words)
    if proved(GAUSSIAN):
        return Proposition("unbiased", Verdict.UNDECIDED, reason="the Gaussian pair is not proved")
    words = (
        "every r ≥ 1, all real lags; Student's density is a mixture of Gaussians over their widths, in every dimension"
    )
    trust = "taken on trust: that mixture (checked by quadrature at stated points)"
    return Proposition("unbiased", Verdict.PROVED, words, reason=trust)


def _pair(record: Encoding) -> Pair | None:
    """The pair whose product over the axes, or radial form, is this record's g and f, compared as expressions."""
    n, g = record.axes, spectrum(record)
    ks, ts = frequencies(n), lags(n)
    if record.name.startswith("flt-gaussian-mixture"):
        return GAUSSIAN if _is_mixture(record) else None
    for pair in PAIRS.values():
        if pair.name.startswith("matern"):
            radius = sp.sqrt(sp.Add(*(t**2 for t in ts))) if n > 1 else sp.Abs(ts[0])
            stated = student(int(pair.name[-2]), n, sp.Add(*(k**2 for k in ks))), pair.mask.xreplace({x: radius})
        else:
            stated = over_axes(pair.spectrum, xi, ks), over_axes(pair.mask, x, tuple(sp.Abs(t) for t in ts))
        if sp.expand(g - stated[0]) == 0 and record.expectation == stated[1]:
            return pair
    return None


def _is_mixture(record: Encoding) -> bool:
    """Each term of g is w ∏ e^{−(ξ−μ)²/2σ²}: the Gaussian pair at scale 1/(2πσ), shifted by μ, real part."""
    n = record.axes
    from .catalogue.flt_gaussian_mixture import symbols

    total_g = total_f = sp.Integer(0)
    ks, ts = frequencies(n), lags(n)
    for t in range(sum(1 for s in record.expectation.free_symbols if s.name.startswith("weight_"))):
        weight, means, sigma = symbols(t, n)
        own = {scale: 1 / (2 * sp.pi * sigma)}
        norm = GAUSSIAN.spectrum.subs(own).subs(xi, 0)
        g = sp.Mul(*(GAUSSIAN.spectrum.subs(own).subs(xi, k - m) / norm for k, m in zip(ks, means, strict=True)))
        f = sp.Mul(*(GAUSSIAN.mask.subs(own).xreplace({x: t}) / norm for t in ts))
        wave = sp.cos(2 * sp.pi * sp.Add(*(m * t for m, t in zip(means, ts, strict=True))))
        total_g, total_f = total_g + weight * g, total_f + weight * f * wave
    return bool(
        sp.expand(sp.powsimp(sp.expand(total_g - spectrum(record)))) == 0
        and sp.expand(sp.powsimp(sp.expand(total_f - record.expectation, power_exp=False))) == 0
    )


def second_moments(record: Encoding) -> tuple[Any, Any]:
    """Whether ∫ g²/p and ∫ g⁴/p³ are finite, from the tails: True, False or a condition on the symbols."""
    g, p, n = *_ray(record), _dimension(record)
    return tails.moment(g, p, _k, n, 2), tails.moment(g, p, _k, n, 4)


def _finite_variance(record: Encoding) -> Proposition:
    name = "finite-variance"
    g, _ = _ray(record)
    n = _dimension(record)
    try:
        if tails.absolutely(g, _k, n) == sp.false:
            reason = "∫|g| = ∞, so ∫ g²/p ≥ (∫|g|)² = ∞ for every p; take shape=smoothed, shape=tent, or shape=grid"
            return Proposition(name, Verdict.REFUTED, "every density p", reason=reason)
        holds, fourth = second_moments(record)
    except tails.NoTailError as error:
        return Proposition(name, Verdict.UNDECIDED, reason=str(error))
    more = f"∫ g⁴/p³ < ∞: {fourth}"
    if holds == sp.true:
        return Proposition(name, Verdict.PROVED, "∫ g²/p < ∞, from the tails", reason=more)
    if holds == sp.false:
        return Proposition(name, Verdict.REFUTED, "this p", reason="∫ g²/p = ∞, from the tails")
    claimed = record.claims.get(name)
    if isinstance(claimed, dict) and claimed["when"] == holds:
        return Proposition(name, Verdict.PROVED, f"∫ g²/p < ∞ iff {holds}, from the tails", reason=more)
    return Proposition(name, Verdict.REFUTED, "some values of the symbols", holds_when=str(holds), reason=more)


def _variance(record: Encoding, bounded: Proposition) -> Proposition:
    """E(ρ cos 2πξ·τ)² − f², by cos² a = (1 + cos 2a)/2: where ρ is one number, in closed form, since ∫ g = f(0)."""
    name, words = "variance", "one frequency; the mean of r independent ones has 1/r of it"
    if bounded.verdict is not Verdict.PROVED:
        reason = bounded.reason or "∫ g²/p is not finite for all values"
        return Proposition(name, Verdict.NOT_APPLICABLE, reason=reason)
    weight, f = record.parameters[rho], record.expectation
    if not weight.is_number:
        return Proposition(name, Verdict.PROVED, words, detail="∫ (g²/p) (1 + cos 4πξ·τ)/2 dξ − f(τ)²")
    twice = f.subs({t: 2 * t for t in lags(record.axes)}, simultaneous=True)
    return Proposition(name, Verdict.PROVED, words, detail=str(weight * (weight + twice) / 2 - f**2))


def _ray(record: Encoding) -> tuple[Any, Any]:
    """g and p along the first axis, the other frequencies 0 (or, for a product, left out)."""
    ks = frequencies(record.axes)
    first, *others = ks

    def along(e: Any) -> Any:
        if _product(record):
            return sp.Mul(*(a for a in sp.Mul.make_args(e) if not a.free_symbols & set(others))).subs(first, _k)
        return sp.expand_power_base(e.subs(dict.fromkeys(others, 0)).subs(first, _k))

    g = record.parameters[rho] * record.law  # zero where a piecewise law is
    return along(g), along(record.law)


def _product(record: Encoding) -> bool:
    """Whether g is a product of functions of one frequency each: then every axis is decided on R."""
    ks = set(frequencies(record.axes))
    return all(len(a.free_symbols & ks) <= 1 for a in sp.Mul.make_args(spectrum(record)))


def _dimension(record: Encoding) -> int:
    return 1 if _product(record) else record.axes
