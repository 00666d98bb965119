"""Public libraries as subjects: each adapter imports its library only when asked, and says so when it is not there."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..subject import Subject

THIRD_PARTY = {"rotary-embedding-torch": "rotary_embedding_torch", "transformers": "transformers_llama"}


def third_party() -> "dict[str, Callable[[], list[Subject]]]":
    """Short name of a public library -> its subjects. Calling one raises UnavailableError if the library is absent."""
    return {name: _loader(name, module) for name, module in THIRD_PARTY.items()}


def _loader(name: str, module: str) -> "Callable[[], list[Subject]]":
    def subjects() -> "list[Subject]":
        from importlib import import_module

        from ..targets import UnavailableError

        try:
            import_module("torch")
            import_module(name.replace("-", "_"))
        except ImportError as error:
            raise UnavailableError(f"{name}: {error}; pip install 'lagwise[subjects]'") from None
        found: list[Subject] = import_module(f".{module}", __name__).subjects()
        return found

    return subjects
