"""PyTorch: encodings and attention forms as functions and modules; autograd, torch.compile, CPU and CUDA."""

from .attention import Bound, bind
from .dense import dense_attention, scores
from .linear import Carry, linear_attention
from .lrpe import lrpe
from .lrpe_module import LRPE
from .nope import nope
from .rope import RotaryEmbedding, rope, rope_table
from .sinusoidal import sinusoidal
from .xpos import xpos

__all__ = [
    "LRPE",
    "Bound",
    "Carry",
    "RotaryEmbedding",
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
