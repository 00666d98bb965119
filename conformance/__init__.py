"""Does what runs match what is? Public names resolve lazily; importing this package imports nothing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .doors import check_encoding, check_implementation, parametrize_with_checks
    from .finding import Check, Finding, Outcome
    from .subject import Subject

__all__ = [
    "Check",
    "Finding",
    "Outcome",
    "Subject",
    "check_encoding",
    "check_implementation",
    "parametrize_with_checks",
]

_HOME = {
    "Check": "finding",
    "Finding": "finding",
    "Outcome": "finding",
    "Subject": "subject",
    "check_encoding": "doors",
    "check_implementation": "doors",
    "parametrize_with_checks": "doors",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module 'lagwise.conformance' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
