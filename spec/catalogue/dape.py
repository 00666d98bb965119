"""DAPE: logits A = S + B + f([S; B]), f an MLP over the heads at each query and key: relative given the scores."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, prior, query_position, score
from . import alibi, fire, kerple

OPTIONS = {"prior": ("alibi", "kerple", "fire", "none"), "form": ("residual", "concatenated")}
MEMBERS = (
    "dape", "dape[prior=kerple]", "dape[prior=fire]", "dape[prior=none]", "dape[form=concatenated]",
)  # fmt: skip
f = sp.Function("f")
_MODULES = {"alibi": alibi, "kerple": kerple, "fire": fire}


def encoding(prior: str = "alibi", form: str = "residual") -> Encoding:
    """`dape` is the residual form with ALiBi as its prior B."""
    options = [f"prior={prior}"] * (prior != "alibi") + [f"form={form}"] * (form != "residual")
    relative: Any = {"when": sp.Le(query_position, fire.threshold)} if prior == "fire" else "given the scores"
    return Encoding(
        "dape" + (f"[{','.join(options)}]" if options else ""),
        adapt=_logits(prior, form),
        domain="real",
        parameters=_priors(prior),
        claims={"lag-invariant": relative},
        source="Zheng et al., DAPE, arXiv 2405.14722; released code: residual",
        summary="corrects each logit by a function of all heads' scores and biases at that query and key",
        conventions=(
            "S is already divided by √dim; mask and softmax come after f",
            "f is w2 LeakyReLU(w1 [S; B] + b1) + b2, slope 0.01, heads mixed, one f for a layer",
            "nonlinear in the score: no kernel of the lag multiplies features, so no linear attention has it",
        ),
    )


def _logits(kind: str, form: str) -> Any:
    if kind == "none":
        return score + f(score)
    return score + (prior if form == "residual" else 0) + f(score, prior)


def _priors(kind: str) -> dict[sp.Symbol, Any]:
    leaky = {sp.Symbol("f.slope"): sp.Rational(1, 100)}
    if kind == "none":
        return leaky
    record = _MODULES[kind].encoding()
    inside = {sp.Symbol("mlp.slope"): sp.Rational(1, 100)} if kind == "fire" else {}
    return {**record.parameters, prior: record.bias, **inside, **leaky}
