"""NumPy and CuPy (and any standard array library): encodings and attention forms, namespace taken from the inputs."""

from .rope import rope, rope_table

__all__ = ["rope", "rope_table"]
