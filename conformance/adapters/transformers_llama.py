"""transformers: LlamaRotaryEmbedding and apply_rotary_pos_emb, driven through position_ids; no hub is asked."""

from importlib.metadata import version
from typing import Any

from ..subject import Subject

PROMISE = (
    "transformers 5.23.0, models/llama/modeling_llama.py: 'Computes the inverse frequencies according to the original "
    "RoPE implementation'; 'Applies Rotary Position Embedding to the query and key tensors.' Angles are float32 "
    "(`position_ids.float()`), cos and sin are returned as `cos.to(dtype=x.dtype)`, products are in that dtype."
)


def build(parameters: Any, dtype: Any, device: str) -> Any:
    """The module of a config with this head_dim and rope_theta."""
    from transformers import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

    width, base = parameters["dim"], parameters.get("base", 10000.0)
    rope = {"rope_type": "default", "rope_theta": base}
    config = LlamaConfig(hidden_size=width, num_attention_heads=1, head_dim=width, rope_parameters=rope)
    return LlamaRotaryEmbedding(config).to(device)


def encode(state: Any, q: Any, k: Any, positions: Any) -> Any:
    """What the model does between projection and attention; positions (n,) or (batch, n)."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    cos, sin = state(q, positions if positions.ndim == 2 else positions[None])
    return apply_rotary_pos_emb(q, k, cos, sin)


def subjects() -> list[Subject]:
    """One subject, declared as its source says."""
    precision = {"angles": "float32", "tables": "input", "arithmetic": "input", "version": version("transformers")}
    supports = {"arbitrary-positions", "batched-positions", "grouped-heads", "offset"}
    fields: dict[str, Any] = {"promise": PROMISE, **precision}
    fields |= {"library": "torch", "layout": "halves", "dtypes": ("float32", "bfloat16", "float16")}
    fields |= {"parameters": {"dim": 64, "base": 10000.0}, "max_position": 2**17, "supports": supports}
    return [Subject(name="transformers:llama", encoding="rope", build=build, encode=encode, **fields)]
