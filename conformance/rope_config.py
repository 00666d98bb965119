"""What a Hugging Face configuration means: which catalogue entry its rotary block is, with which numbers.

Read are `rope_parameters` (flat, or nested per layer type), the older `rope_scaling` with `type` for `rope_type`, or a
bare block; base and partial factor from inside the block or from beside it, as transformers 5 resolves them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .rope_numbers import Block, ConfigError, base, given, head_dim, number, original, ratio, width

# rope_type -> the scaling of the entry `rope` ("": none), the numbers a block must give, those it may give
KINDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "default": ("", (), ()),
    "mrope": ("", ("mrope_section",), ()),
    "linear": ("linear", ("factor",), ()),
    "dynamic": ("dynamic", ("factor",), ()),
    "yarn": ("yarn", ("factor",), ("beta_fast", "beta_slow", "truncate", "mscale", "mscale_all_dim")),
    "llama3": ("llama3", ("factor", "low_freq_factor", "high_freq_factor"), ()),
    "longrope": ("longrope", ("short_factor", "long_factor"), ("factor",)),
    "su": ("longrope", ("short_factor", "long_factor"), ("factor",)),
    "proportional": ("proportional", (), ("factor",)),
}
WITH_ORIGINAL = ("dynamic", "yarn", "llama3", "longrope", "su")
BESIDE = (
    "rope_type", "type", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings", "attention_factor",
    "mrope_section", "mrope_interleaved", "max_position_embeddings",
)  # fmt: skip


@dataclass(frozen=True)
class Rotation:
    """One rotary block: the entry, the numbers for the oracle, and the lengths at which its frequencies differ."""

    layer: str  # the layer type of a nested block, or ""
    encoding: str
    parameters: Mapping[str, Any]
    lengths: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def read(path: Path) -> list[Rotation]:
    """The rotary blocks of a configuration file. Raises ConfigError in one line."""
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        config = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no JSON: {error}") from error
    if not isinstance(config, dict):
        raise ConfigError(f"{path}: wanted an object with rope_parameters or rope_scaling, got {type(config).__name__}")
    try:
        return rotations(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def rotations(config: Block) -> list[Rotation]:
    """As `read`, from the configuration itself."""
    if isinstance(config.get("text_config"), dict) and not _has_block(config):
        config = config["text_config"]
    block = _block(config)
    if _nested(block):
        return [_rotation(config, inner, layer) for layer, inner in block.items()]
    return [_rotation(config, block, "")]


def _has_block(config: Block) -> bool:
    return any(config.get(key) for key in ("rope_parameters", "rope_scaling", "rope_theta", "rotary_emb_base"))


def _block(config: Block) -> Block:
    for key in ("rope_parameters", "rope_scaling"):
        if config.get(key) is not None:
            if not isinstance(config[key], dict):
                raise ConfigError(f"{key} must be an object, got {json.dumps(config[key])[:40]}")
            return dict(config[key])
    if "rope_type" in config or "type" in config:
        return config
    if not _has_block(config):
        raise ConfigError("no rotary block: wanted rope_parameters, rope_scaling or rope_theta")
    return {}


def _nested(block: Block) -> bool:
    return bool(block) and all(value is None or isinstance(value, dict) for value in block.values())


def _rotation(config: Block, block: Block | None, layer: str) -> Rotation:
    dim = head_dim(config)
    if block is None:
        return Rotation(layer, "nope", {"dim": dim}, notes=("this layer type has no rotary block",))
    kind = _kind(block)
    scaling, wanted, may = KINDS[kind]
    missing = [name for name in wanted if block.get(name) is None and not (name == "factor" and kind == "yarn")]
    if missing:
        raise ConfigError(f"rope_type {kind!r} needs {', '.join(missing)}")
    numbers: dict[str, Any] = {"dim": dim, "base": base(config, block)}
    numbers |= {name: number(name, block[name]) for name in (*wanted, *may) if block.get(name) is not None}
    numbers |= width(config, block, dim, kind)
    notes = [] if given(config, block, "rope_theta") is not None else ["rope_theta is not given: 10000"]
    unread = sorted(set(block) - set(BESIDE) - set(wanted) - set(may)) if block is not config else []
    notes += [f"not read: {', '.join(unread)}"] if unread else []
    if "mrope_section" in block and block["mrope_section"] is not None:
        return _sections(layer, numbers, block, notes)
    if not scaling:
        return Rotation(layer, "rope", numbers, notes=tuple(notes))
    return _scaled(layer, scaling, numbers, config, block, notes)


def _scaled(
    layer: str, scaling: str, numbers: dict[str, Any], config: Block, block: Block, notes: list[str]
) -> Rotation:
    if scaling in WITH_ORIGINAL:
        numbers["original_max_position_embeddings"] = original(scaling, config, block)
    if scaling in ("yarn", "longrope") and "factor" not in numbers:
        numbers["factor"] = ratio(scaling, numbers, config)
    if block.get("attention_factor") is not None and scaling in ("yarn", "longrope"):
        numbers["gain"] = number("attention_factor", block["attention_factor"])
    if "truncate" in numbers:
        numbers["truncate"] = int(bool(numbers["truncate"]))
    if not (numbers.get("mscale") and numbers.get("mscale_all_dim")):
        numbers = {name: value for name, value in numbers.items() if not name.startswith("mscale")}
    else:
        notes = [*notes, "DeepSeek's code also multiplies the scale of the softmax by (1 + mscale_all_dim ln(s) / 10)²"]
    lengths: tuple[int, ...] = ()
    if scaling in ("dynamic", "longrope"):
        short = int(numbers["original_max_position_embeddings"])
        lengths = (short, max(int(short * numbers["factor"]), short + 1))
        notes = [*notes, "the frequencies depend on the length: keys cached at one are wrong at the other"]
    return Rotation(layer, f"rope[scaling={scaling}]", numbers, lengths, tuple(notes))


def _sections(layer: str, numbers: dict[str, Any], block: Block, notes: list[str]) -> Rotation:
    sections = block["mrope_section"]
    pairs = numbers.get("rotary_dim", numbers["dim"]) // 2
    if not isinstance(sections, list) or len(sections) != 3 or sum(sections) != pairs:
        raise ConfigError(f"mrope_section must be 3 numbers of pairs with sum {pairs}, got {sections}")
    entry = "m-rope[order=interleaved]" if block.get("mrope_interleaved") else "m-rope"
    names = ("section_t", "section_h", "section_w")
    numbers = {key: value for key, value in numbers.items() if key != "mrope_section"}
    numbers |= dict(zip(names, sections, strict=True))
    return Rotation(layer, entry, numbers, notes=tuple(notes))


def _kind(block: Block) -> str:
    kind = block.get("rope_type", block.get("type"))
    if kind is None:
        stray = sorted(set(block) - set(BESIDE)) if "hidden_size" not in block else []
        if stray:
            raise ConfigError(f"the rotary block has {', '.join(stray)} and no rope_type")
        return "default"
    if kind not in KINDS:
        near = get_close_matches(str(kind), KINDS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KINDS)}"
        raise ConfigError(f"unknown rope_type {kind!r}; {hint}")
    return str(kind)
