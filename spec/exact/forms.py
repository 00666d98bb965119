"""The canonical form Σ q̂^H W_τ k̂ of the other forms, in words and in LaTeX, or why a record has none."""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from ..encoding import Encoding, lag
from .verdicts import Proposition, Verdict

_LETTERS = (("lag", "τ"), ("theta", "θ"), ("lambda", "λ"), ("**", "^"), ("*", "·"), ("sqrt", "√"), ("pi", "π"))
Form = tuple[Any, str, str]
_NONE = {
    "adapt": "none: a nonlinear function of the score is no sum of primitives",
    "step": "none of the lag: q^H (Π a_l) k, the product along the path from key to query",
}


def canonical(record: Encoding, found: Mapping[str, Proposition]) -> Form:
    """(kernel or None, text, LaTeX)."""
    if record.form in _NONE:
        return None, _NONE[record.form], r"\text{none}"
    if found["lag-invariant"].verdict is Verdict.UNDECIDED:
        return None, "not derived: lag invariance is undecided", r"\text{not derived}"
    if found["lag-invariant"].verdict is not Verdict.PROVED:
        what = "E[A_s^H B_t]" if record.kind == "random" else f"{record.form}="
        return None, f"none: {what} is not a function of the lag", r"\text{none}"
    if record.kind == "random":
        return _random(record)
    return _terms(record) if record.form == "terms" else _scalar(record)


def _scalar(record: Encoding) -> Form:
    from ..kernel_rank import in_lag

    e = in_lag(record)
    text, latex = shown(e), sp.latex(e.xreplace({lag: sp.Symbol("tau")}))
    kernel = sp.Matrix([[e]])
    if record.form == "bias":
        return kernel, f"q^H I k + 1·b(τ)·1,  b(τ) = {text}  (m = 2)", rf"q^H k + 1\cdot\left({latex}\right)\cdot 1"
    if record.form == "mask":
        return kernel, f"q^H (κ(τ) I) k,  κ(τ) = {text}  (m = 1)", rf"q^H \left({latex}\right) I\, k"
    return kernel, f"Att + W v,  W_st = w(τ), w(τ) = {text}", rf"\mathrm{{Att}} + W v,\quad w(\tau) = {latex}"


def _terms(record: Encoding) -> Form:
    parts, latex = [], []
    for left, W, right in record.terms or ():
        one = W[0, 0] if W.shape == (1, 1) else W.tolist()
        a, b = ("q^H " if left == "q" else "1·"), (" k" if right == "k" else "·1")
        parts.append(f"{a}{shown(one)}{b}")
        latex.append(("q^H " if left == "q" else "") + sp.latex(W) + (" k" if right == "k" else ""))
    m = len(parts)
    return None, " + ".join(parts) + f"  (m = {m})", " + ".join(latex)


def _random(record: Encoding) -> Form:
    from .random_form import lag_kernel

    M = lag_kernel(record)
    body = shown(M[0, 0] if M.shape == (1, 1) else M.tolist())
    return M, f"E[A_s^H B_t] = W_τ = {body}", rf"\mathbb{{E}}[A_s^H B_t] = W_\tau = {sp.latex(M)}"


def shown(e: Any) -> str:
    """An expression in the letters of the field."""
    text = str(e)
    for old, new in _LETTERS:
        text = text.replace(old, new)
    return text
