"""How many exponentials a kernel needs where no finite number is exact: a state-space fit, and its measured error.

κ(1), …, κ(N) fill a Hankel matrix H_ij = κ(i + j + 1). Its leading singular vectors span the states of the best small
recurrence; their shift gives the poles z, least squares the weights c of κ(n) ≈ Σ c z^n (Kung's method). What is
reported is the largest error of that sum itself on all N lags, so the count is an upper bound for that error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from ..spec.balls import evaluate
from ..spec.encoding import RESERVED, Encoding, lag
from .generated import FREE

EPSILON, LENGTH, MOST = 1e-3, 512, 24


@dataclass(frozen=True)
class Approximation:
    """`count` exponentials are within `error` of the kernel on the lags 1…`length`; None: not with MOST of them."""

    count: int | None
    error: float
    length: int
    of: str
    values: Mapping[str, float]

    def __str__(self) -> str:
        at = "".join(f", {name} = {value:g}" for name, value in self.values.items())
        if self.count is None:
            return f"not within {EPSILON:g} of {self.of} by {MOST} exponentials on {self.length} past lags{at}"
        return f"{self.count} exponentials: largest error {self.error:.2g} of {self.of} on {self.length} past lags{at}"


def approximation(record: Encoding, epsilon: float = EPSILON, length: int = LENGTH) -> Approximation | None:
    """For a bias (of e^b) or a mask in one lag, on keys before the query; None for other records.

    Symbols that the record leaves open take fixed values, which the answer names.
    """
    kernel = sp.exp(record.bias) if record.bias is not None else record.mask
    open_forms = kernel is None or record.axes > 1 or kernel.atoms(sp.core.function.AppliedUndef)
    if open_forms or kernel.free_symbols & {RESERVED["query_position"], RESERVED["key_position"]}:
        return None
    own = {s: sp.sympify(v) for s, v in record.parameters.items() if isinstance(v, (int, float, sp.Basic))}
    for _ in own:
        kernel = kernel.xreplace(own)
    small = {"pair": 0, "dim": 64, "head": 0, "length": length}
    kernel = kernel.xreplace({s: sp.Integer(small[s.name]) for s in kernel.free_symbols if s.name in small})
    left = sorted(kernel.free_symbols - {lag}, key=str)
    values = {s: FREE[i % len(FREE)] for i, s in enumerate(left)}
    sampled = np.array([float(evaluate(kernel, {lag: -n, **values}).mid()) for n in range(1, length + 1)])
    count, error = fit(sampled, epsilon)
    of = "e^b" if record.bias is not None else "the mask"
    return Approximation(count, error, length, of, {s.name: v for s, v in values.items()})


def fit(kernel: Any, epsilon: float) -> tuple[int | None, float]:
    """The smallest number of exponentials found within `epsilon` of κ(1…N), and their largest error there."""
    n = len(kernel)
    rows = n // 2
    hankel = np.lib.stride_tricks.sliding_window_view(kernel, n - rows + 1)
    states, sizes, _ = np.linalg.svd(hankel, full_matrices=False)
    error = float(np.abs(kernel).max())
    for count in range(1, min(MOST, int(np.sum(sizes > 1e-14 * sizes[0]))) + 1):
        U = states[:, :count]
        poles = np.linalg.eigvals(np.linalg.lstsq(U[:-1], U[1:], rcond=None)[0])
        powers = poles[None, :] ** np.arange(n)[:, None]
        weights = np.linalg.lstsq(powers, kernel.astype(np.complex128), rcond=None)[0]
        error = float(np.abs((powers @ weights).real - kernel).max())
        if error <= epsilon:
            return count, error
    return None, error


def of_judgement(judgement: Any) -> Approximation | None:
    """The approximation of a kernel without an exact finite causal rank; None where one is exact or nothing applies."""
    causal = judgement.ranks.get("causal", {})
    if str(judgement.propositions["lag-invariant"].verdict) != "proved":
        return None
    return None if "value" in causal and causal["value"] <= MOST else approximation(judgement.encoding)
