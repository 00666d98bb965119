"""Ranks of canonical forms with several terms, and of expectations: block Toeplitz and block Hankel."""

from typing import Any

from .encoding import Encoding


def of_terms(record: Encoding) -> dict[str, dict[str, Any]]:
    """Both ranks of a record in terms."""
    raise NotImplementedError(record.name)
