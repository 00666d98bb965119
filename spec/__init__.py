"""What an encoding is: symbols and exact arithmetic. Public names resolve lazily; the package imports nothing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .encoding import (
        Encoding,
        PermutationPower,
        axis,
        dim,
        head,
        key_position,
        lag,
        learned,
        length,
        pair,
        position,
        prior,
        query_position,
        score,
    )

__all__ = [
    "Encoding",
    "PermutationPower",
    "axis",
    "dim",
    "head",
    "key_position",
    "lag",
    "learned",
    "length",
    "pair",
    "position",
    "prior",
    "query_position",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import encoding

        return getattr(encoding, name)
    raise AttributeError(f"module 'lagwise.spec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
