"""PyTorch: encodings and attention forms as functions and modules; autograd, torch.compile, CPU and CUDA."""

from .rope import RotaryEmbedding, rope, rope_table

__all__ = ["RotaryEmbedding", "rope", "rope_table"]
