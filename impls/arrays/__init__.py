"""NumPy and CuPy (and any standard array library): encodings and attention forms, namespace taken from the inputs."""

from .lrpe import lrpe
from .nope import nope
from .rope import rope, rope_table
from .sinusoidal import sinusoidal
from .xpos import xpos

__all__ = ["lrpe", "nope", "rope", "rope_table", "sinusoidal", "xpos"]
