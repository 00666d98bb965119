"""NumPy and CuPy (and any standard array library): encodings and attention forms, namespace taken from the inputs."""

from .attention import Bound, bind
from .dense import dense_attention, scores
from .linear import Carry, linear_attention
from .lrpe import lrpe
from .nope import nope
from .rope import rope, rope_table
from .sinusoidal import sinusoidal
from .xpos import xpos

__all__ = [
    "Bound",
    "Carry",
    "bind",
    "dense_attention",
    "linear_attention",
    "lrpe",
    "nope",
    "rope",
    "rope_table",
    "scores",
    "sinusoidal",
    "xpos",
]
