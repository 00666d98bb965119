"""Feature maps φ of linear attention, elementwise: identity, relu, elu+1, exp."""

from collections.abc import Callable
from typing import Any

from .common import Array

NAMES = ("elu+1", "exp", "identity", "relu")
FeatureMap = str | Callable[[Array], Array] | None


def feature_map(where: str, xp: Any, name: FeatureMap) -> Callable[[Array], Array]:
    """The function with this name; a function is taken as it is, None is the identity."""
    if callable(name):
        return name
    known: dict[str | None, Callable[[Array], Array]] = {
        None: lambda x: x,
        "identity": lambda x: x,
        "relu": lambda x: xp.maximum(x, xp.zeros_like(x)),
        "elu+1": lambda x: xp.where(x > 0, x + 1, xp.exp(xp.minimum(x, xp.zeros_like(x)))),
        "exp": xp.exp,
    }
    if name not in known:
        raise ValueError(f"{where}: feature_map must be one of {', '.join(NAMES)} or a function, got {name}")
    return known[name]
