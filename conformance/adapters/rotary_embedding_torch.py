"""rotary-embedding-torch: rotate_queries_or_keys with an offset, apply_rotary_emb with the angles of any positions."""

from importlib.metadata import version
from typing import Any

from ..subject import Subject

PROMISE = (
    "rotary-embedding-torch 0.9.1, README: 'A standalone library for adding rotary embeddings to transformers in "
    "Pytorch'; 'rotary_emb.rotate_queries_or_keys(q, offset = k.shape[-2] - q.shape[-2])'. bfloat16 inputs keep their "
    "dtype (pull request 9, merged). Angles are float32 products with `freqs`; cos and sin stay float32."
)


def build(parameters: Any, dtype: Any, device: str) -> Any:
    """A fresh module; it caches its angles by length."""
    from rotary_embedding_torch import RotaryEmbedding

    covered = parameters.get("rotary_dim", parameters["dim"])
    return RotaryEmbedding(dim=covered, theta=parameters.get("base", 10000.0)).to(device)


def by_offset(state: Any, q: Any, k: Any, positions: Any) -> Any:
    """The method of the README: positions can only be offset, offset + 1, …"""
    start = int(positions[0]) if len(positions) else 0
    if positions.tolist() != list(range(start, start + len(positions))):
        raise ValueError(
            f"rotary-embedding-torch: rotate_queries_or_keys takes one offset, got {positions.tolist()[:4]}…"
        )
    return state.rotate_queries_or_keys(q, offset=start), state.rotate_queries_or_keys(k, offset=start)


def by_frequencies(state: Any, q: Any, k: Any, positions: Any) -> Any:
    """The functional form: any positions."""
    from rotary_embedding_torch import apply_rotary_emb

    angles = state(positions)
    return apply_rotary_emb(angles, q), apply_rotary_emb(angles, k)


def subjects() -> list[Subject]:
    """One subject for each of the two ways, declared as the source says."""
    fields: dict[str, Any] = {"encoding": "rope", "library": "torch", "layout": "interleaved", "build": build}
    fields |= {"dtypes": ("float32", "bfloat16"), "promise": PROMISE, "parameters": {"dim": 64, "base": 10000.0}}
    fields |= {"angles": "float32", "tables": "float32", "arithmetic": "float32", "max_position": 2**17}
    fields["version"] = version("rotary-embedding-torch")
    free = {"arbitrary-positions", "grouped-heads", "offset"}
    return [
        Subject(name="rotary-embedding-torch:offset", encode=by_offset, supports={"offset", "grouped-heads"}, **fields),
        Subject(name="rotary-embedding-torch:freqs", encode=by_frequencies, supports=free, **fields),
    ]
