"""DAPE V2: two 1×3 convolutions over the keys in place of DAPE's MLP; as released the edges of the row are seen."""

from typing import Any

import sympy as sp

from ..encoding import Encoding, key_position, lag, length, score

OPTIONS = {"edge": ("released", "masked")}
MEMBERS = ("dape-v2", "dape-v2[edge=masked]")
DEFINITION_ONLY = "convolutions over the keys have no certified values yet; tests compare the implementations"
prior_of = sp.Function("prior_of")
first = sp.Function("first")
second = sp.Function("second")


def encoding(edge: str = "released") -> Encoding:
    """`dape-v2` is not relative at the first keys and the newest row; with edge=masked it is."""
    return Encoding(
        "dape-v2" if edge == "released" else "dape-v2[edge=masked]",
        adapt=score + prior_of(lag) + second(*(_hidden(e, edge) for e in (-1, 0, 1))),
        claims={"lag-invariant": False if edge == "released" else "given the scores"},
        source="Zheng et al., DAPE V2, arXiv 2410.04798; repository chuanyang-Zheng/DAPE",
        summary="corrects each logit by what its neighbours along the keys look like",
        conventions=(
            "contents at the keys t - 2 … t + 2 are given: score_m2 … score_p2; keys after the query count as zero",
            "released: the first layer is zero beyond the first and the last key, and a bias at keys that are not seen",
            "so a row changes when keys arrive after it, and key 0 differs from the others",
            "masked: the first layer is zero at every key that is not seen; seen_m1 … say which are",
        ),
    )


def _content(name: str, e: int) -> Any:
    return score if (name, e) == ("score", 0) else sp.Symbol(f"{name}_{'mp'[e > 0]}{abs(e)}", real=True)


def _there(e: int) -> Any:
    return sp.And(sp.Ge(key_position + e, 0), sp.Lt(key_position + e, length))


def _input(e: int, edge: str) -> tuple[Any, Any]:
    """(score, prior) at key t + e, zero where it is after the query or is not there."""
    seen = sp.Le(lag + e, 0) if edge == "masked" else sp.And(sp.Le(lag + e, 0), _there(e))
    return tuple(sp.Piecewise((x, seen), (0, True)) for x in (_content("score", e), prior_of(lag + e)))  # type: ignore[return-value]


def _hidden(e: int, edge: str) -> Any:
    """What the first layer gives at key t + e."""
    value = first(*(x for d in (-1, 0, 1) for x in _input(e + d, edge)))
    if edge == "masked":
        return sp.Piecewise((_content("seen", e) * value, sp.Le(lag + e, 0)), (0, True))
    return sp.Piecewise((value, _there(e)), (0, True))
