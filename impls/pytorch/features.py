"""Feature maps φ of linear attention, elementwise: identity, relu, elu+1, exp."""

from collections.abc import Callable

import torch
from torch import Tensor

NAMES = ("elu+1", "exp", "identity", "relu")
FeatureMap = str | Callable[[Tensor], Tensor] | None


def feature_map(where: str, name: FeatureMap) -> Callable[[Tensor], Tensor]:
    """The function with this name; a function is taken as it is, None is the identity."""
    if name is None or name == "identity":
        return lambda x: x
    if callable(name):
        return name
    if name == "relu":
        return torch.relu
    if name == "exp":
        return torch.exp
    if name == "elu+1":
        return _elu_plus_one
    raise ValueError(f"{where}: feature_map must be one of {', '.join(NAMES)} or a function, got {name}")


def _elu_plus_one(x: Tensor) -> Tensor:
    # elu(x) + 1 would cancel for very negative x, where exp(x) is meant; the clamp keeps the unused branch finite
    return torch.where(x > 0, x + 1, torch.exp(x.clamp(max=0)))
