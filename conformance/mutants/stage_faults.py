"""Mutants of the rotary stages: wrong pairing, sign, schedule, precision of positions, magnitude, use of positions."""

from typing import Any

from . import broken
from .mutant import Mutant
from .rotary import Stages, as_given, fault, halves, product, subject

_PARTIAL = {"parameters": {"dim": 16, "rotary_dim": 8, "base": 10000.0}}
_BATCHED = {"supports": {"arbitrary-positions", "batched-positions", "offset"}}
_GROUPED = {"supports": {"arbitrary-positions", "offset", "grouped-heads"}}
_ORACLE = ("matches-the-definition",)

# name, the stages with one replaced, what is declared beside the usual, fault class, reference, checks
_ROWS: tuple[tuple[str, Stages, dict[str, Any], str, str, tuple[str, ...]], ...] = (
    (
        "halves-declared-interleaved",
        fault(read=halves),
        {},
        "pairing layout",
        "huggingface/transformers#25199",
        _ORACLE,
    ),
    ("sign-reversed", fault(phases=lambda s, t: -product(s, t)), {}, "sign", "karpathy/nanochat#489", _ORACLE),
    ("base-500000", fault(schedule=broken.base_500000), {}, "schedule", "ml-explore/mlx-lm#1553", _ORACLE),
    (
        "exponent-over-head-dim",
        fault(schedule=broken.exponent_over_dim),
        _PARTIAL,
        "partial and odd dims",
        "pie-project/pie#603",
        _ORACLE,
    ),
    (
        "position-over-theta",
        fault(phases=lambda s, t: s[..., None] / t),
        {},
        "schedule",
        "xlite-dev/LeetCUDA#289",
        _ORACLE,
    ),
    (
        "schedule-in-float32",
        fault(schedule=broken.float32_schedule),
        {"dtypes": ("float64",)},
        "low precision",
        "LRPE, released code",
        _ORACLE,
    ),
    (
        "mixed-convention",
        fault(turn=broken.mixed),
        {},
        "pairing layout",
        "xiangking/ark-nlp#47",
        ("matches-the-definition", "isometry", "lag-invariant"),
    ),
    (
        "positions-in-bfloat16",
        fault(positions=lambda s, x: broken.to_bfloat16(s)),
        {},
        "low precision",
        "huggingface/diffusers#13920",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "positions-in-float16",
        fault(positions=lambda s, x: broken.to_eleven_bits(s)),
        {},
        "low precision",
        "LRPE, released code",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "float32-angles-declared-exact",
        fault(phases=broken.float32_phases),
        {"angles": "exact"},
        "low precision",
        "EleutherAI/gpt-neox#1003",
        ("matches-the-definition", "lag-invariant"),
    ),
    ("off-by-one", fault(positions=lambda s, x: as_given(s, x) + 1), {}, "offset", "vllm-project/vllm#945", _ORACLE),
    (
        "position-modulo-2048",
        fault(positions=lambda s, x: as_given(s, x) % 2048),
        {},
        "table length",
        "pegainfer-project/pegainfer#220",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "position-clamped-at-2047",
        fault(positions=lambda s, x: as_given(s, x).clip(max=2047)),
        {},
        "table length",
        "sgl-project/sglang#10788",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "two-angles-in-a-pair",
        fault(turn=broken.two_angles),
        {},
        "pairing layout",
        "hpcaitech/ColossalAI#6429",
        ("matches-the-definition", "isometry", "lag-invariant"),
    ),
    (
        "gain-of-1.01",
        fault(turn=broken.gain),
        {},
        "magnitude",
        "ggml-org/llama.cpp#17945",
        ("matches-the-definition", "isometry"),
    ),
    (
        "key-not-encoded",
        fault(key_turn=broken.unchanged),
        {},
        "key path",
        "linkedin/Liger-Kernel#342",
        ("matches-the-definition", "lag-invariant"),
    ),
    (
        "single-key-head-not-encoded",
        fault(key_turn=broken.single_head_forgotten),
        _GROUPED,
        "key path",
        "linkedin/Liger-Kernel#342",
        ("grouped-heads",),
    ),
    (
        "positions-ignored",
        fault(positions=broken.counted),
        {},
        "offset",
        "pytorch/executorch#2010",
        ("matches-the-definition", "arbitrary-positions"),
    ),
    (
        "offset-ignored",
        fault(positions=broken.from_first),
        {},
        "offset",
        "huggingface/candle#899",
        ("matches-the-definition", "arbitrary-positions"),
    ),
    (
        "positions-of-first-row",
        fault(positions=broken.of_first_row),
        _BATCHED,
        "batch coupling",
        "unslothai/unsloth#3699",
        ("batched-positions",),
    ),
    (
        "batch-index-for-position",
        fault(positions=broken.batch_as_position),
        {},
        "batch coupling",
        "unslothai/unsloth#3699",
        _ORACLE,
    ),
    ("nan-above-65504", fault(phases=broken.overflowing), {}, "overflow", "ml-explore/mlx-lm#1076", _ORACLE),
    (
        "float32-out-of-float16",
        fault(turn=broken.other_dtype),
        {"dtypes": ("float16",)},
        "output dtype",
        "constructed",
        ("contract",),
    ),
    (
        "fractions-truncated",
        fault(positions=broken.truncated),
        {"supports": {"arbitrary-positions", "offset", "fractional"}},
        "offset",
        "constructed",
        ("fractional-positions",),
    ),
    ("zeros", fault(turn=broken.zeros), {}, "cheating", "cheating", ("matches-the-definition", "isometry")),
)


def mutants() -> list[Mutant]:
    """The rows of the table above as mutants."""
    return [
        Mutant(name, subject(f"mutant:{name}", stages, **declared), kind, reference, caught_by)
        for name, stages, declared, kind, reference, caught_by in _ROWS
    ]
