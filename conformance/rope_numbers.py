"""The numbers of a model's configuration that a rotary block needs, each from where transformers 5 takes it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]


class ConfigError(ValueError):
    """A configuration that does not say what is needed; the message is one line."""

    usage = True


def head_dim(config: Block) -> int:
    """The rotated head: its own entry where keys have a part without positions, head_dim, or the quotient."""
    for key in ("qk_rope_head_dim", "head_dim"):
        if config.get(key):
            return whole(key, config[key])
    if config.get("hidden_size") and config.get("num_attention_heads"):
        return whole("hidden_size", config["hidden_size"]) // whole(
            "num_attention_heads", config["num_attention_heads"]
        )
    raise ConfigError("head_dim is missing: wanted head_dim, or hidden_size and num_attention_heads")


def base(config: Block, block: Block) -> float:
    """The base of the angles: rope_theta, GPT-NeoX's rotary_emb_base, or 10000."""
    found = given(config, block, "rope_theta")
    return float(number("rope_theta", config.get("rotary_emb_base", 10000) if found is None else found))


def width(config: Block, block: Block, dim: int, kind: str) -> dict[str, int]:
    """{"rotary_dim": …} where not the whole head is turned."""
    part = given(config, block, "partial_rotary_factor")
    part = config.get("rotary_pct", 1.0) if part is None else part
    width = int(dim * number("partial_rotary_factor", part))
    if kind == "proportional":
        width = 2 * int(float(part) * dim // 2)
    if width % 2 or not 0 < width <= dim:
        raise ConfigError(f"the rotated width must be even and at most head_dim = {dim}, got {width}")
    return {"rotary_dim": width} if width != dim else {}


def original(scaling: str, config: Block, block: Block) -> int:
    """The length L that a scaling starts from: beside the block, in it, or the length of the model."""
    if scaling == "dynamic":
        places = [config.get("max_position_embeddings")]
    else:
        beside = None if block is config else config.get("original_max_position_embeddings")
        places = [beside, block.get("original_max_position_embeddings"), config.get("max_position_embeddings")]
    for value in places:
        if value is not None:
            return whole("original_max_position_embeddings", value)
    wanted = "max_position_embeddings" if scaling == "dynamic" else "original_max_position_embeddings"
    raise ConfigError(f"rope_type {scaling!r} needs {wanted}")


def ratio(scaling: str, numbers: Block, config: Block) -> float:
    """The factor of a block that gives none: the length of the model over L."""
    if config.get("max_position_embeddings") is None:
        raise ConfigError(f"rope_type {scaling!r} needs factor, or max_position_embeddings to derive it")
    return float(config["max_position_embeddings"] / numbers["original_max_position_embeddings"])


def given(config: Block, block: Block, name: str) -> Any:
    """A value from the block, else from beside it, else None."""
    value = block.get(name)
    return config.get(name) if value is None else value


def whole(name: str, value: Any) -> int:
    """The value, when it is an integer above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be an integer >= 1, got {json.dumps(value)}")
    return value


def number(name: str, value: Any) -> Any:
    """A positive number, a list of them, or a truth value, as it stands."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [number(name, one) for one in value]
    if name.startswith("mscale") and value == 0:
        return 0
    if (
        (isinstance(value, bool) and name != "truncate")
        or not isinstance(value, (int, float))
        or not (value > 0 or name == "truncate")
    ):
        raise ConfigError(f"{name} must be a positive number, got {json.dumps(value)[:40]}")
    return value
