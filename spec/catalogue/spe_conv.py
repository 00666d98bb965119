"""convSPE: white noise over positions, filtered; the mean P(τ) = Σ_p φq_p φk_{p+τ} is zero for |τ| ≥ taps.

Q̄(m) = Σ_p φq_p Z(m − p), K̄(n) = Σ_p φk_p Z(n − p), τ = n − m. Liutkus et al., ICML 2021, arXiv 2105.08399. Noise that
is indexed by the position is no finite list of symbols, so the record holds the expectation itself, for given taps.
"""

from itertools import product

import sympy as sp

from ..encoding import Encoding, EncodingError, axis, lag

OPTIONS = {"taps": tuple(map(str, range(1, 9))), "axes": ("1", "2", "3")}
MEMBERS = ("spe-conv",)
Tap = tuple[int, ...]


def encoding(taps: str = "3", axes: str = "1") -> Encoding:
    """`spe-conv`, `spe-conv[taps=5]`, `spe-conv[axes=2]`: filters of this many taps along each axis."""
    count, n = int(taps), int(axes)
    if count**n > 64:
        raise EncodingError(f"spe-conv: taps**axes must be at most 64, got {count}**{n}")
    lags = [lag] if n == 1 else [axis(j) for j in range(n)]
    options = ",".join([f"taps={taps}"] * (count != 3) + [f"axes={axes}"] * (n > 1))
    rank = {"rank": {"bidirectional": "unbounded", "causal": count - 1}} if n == 1 else {}
    return Encoding(
        f"spe-conv[{options}]" if options else "spe-conv",
        terms=(("q", sp.Matrix([[_mean(count, lags)]]), "k"),),
        law="one standard normal for each position, coordinate, head and draw",
        axes=n,
        claims={"lag-invariant": "in expectation", **rank},
        source="Liutkus et al., Relative Positional Encoding for Transformers with Linear Complexity, arXiv 2105.08399",
        summary="filtered white noise whose products have a filter of the lag as their mean",
        conventions=(
            "this is the expectation P of one coordinate; one draw of the noise is not relative",
            "released code correlates instead of convolving, and its torch version swaps the two filters",
        ),
    )


def tap(side: str, place: Tap) -> sp.Symbol:
    """One tap of a filter."""
    return sp.Symbol(f"{side}_tap_{'_'.join(map(str, place))}", real=True)


def _mean(count: int, lags: list[sp.Symbol]) -> sp.Piecewise:
    """The value at each lag inside the support, zero outside."""
    cases = []
    for shift in product(range(1 - count, count), repeat=len(lags)):
        pairs = [
            (p, tuple(a + b for a, b in zip(p, shift, strict=True))) for p in product(range(count), repeat=len(lags))
        ]
        value = sp.Add(*(tap("query", p) * tap("key", r) for p, r in pairs if all(0 <= x < count for x in r)))
        cases.append((value, sp.And(*(sp.Eq(x, y) for x, y in zip(lags, shift, strict=True)))))
    return sp.Piecewise(*cases, (0, True))
