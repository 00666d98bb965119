"""The numbers of a rotary scaling as a configuration prints them: what each kind reads, how a wrong one is told."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from .schedules import positive

Frozen = tuple[tuple[str, Any], ...]  # the items of a scaling, sorted, with tuples for lists: hashable
# the numbers that each kind reads, with their defaults; None must be given
NUMBERS: dict[str, dict[str, float | None]] = {
    "linear": {"factor": None},
    "ntk": {"factor": None},
    "dynamic": {"factor": None, "original_max_position_embeddings": None},
    "yarn": {"factor": None, "original_max_position_embeddings": None, "beta_fast": 32, "beta_slow": 1, "truncate": 1},
    "yarn-paper": {"factor": None, "original_max_position_embeddings": None, "beta_fast": 32, "beta_slow": 1},
    "llama3": {
        "factor": None,
        "original_max_position_embeddings": None,
        "low_freq_factor": None,
        "high_freq_factor": None,
    },
    "longrope": {"factor": None, "original_max_position_embeddings": None, "short_factor": None, "long_factor": None},
    "proportional": {"factor": 1},
}
GAINS = {
    "yarn": ("attention_factor", "mscale", "mscale_all_dim"),
    "yarn-paper": ("attention_factor", "mscale", "mscale_all_dim"),
    "longrope": ("attention_factor",),
}
LISTS = ("short_factor", "long_factor")
NAMES = ("rope_type", "type")


def frozen(scaling: Mapping[str, Any] | None) -> Frozen | None:
    """A scaling as a hashable value, so that its frequencies are computed once."""
    if scaling is None:
        return None
    return tuple(sorted((k, tuple(v) if isinstance(v, Sequence) and k in LISTS else v) for k, v in scaling.items()))


def read(scaling: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(kind, its numbers with Decimals for numbers): unknown and missing ones are said in one line."""
    kind = next((scaling[name] for name in NAMES if name in scaling), None)
    if kind is None:
        raise ValueError(f"rope: scaling needs rope_type, one of {', '.join(NUMBERS)}")
    if kind not in NUMBERS:
        near = get_close_matches(str(kind), NUMBERS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(NUMBERS)}"
        raise ValueError(f"rope: unknown scaling {kind!r}; {hint}")
    wanted = NUMBERS[kind]
    for name in scaling:
        if name not in (*wanted, *GAINS.get(kind, ()), *NAMES):
            near = get_close_matches(name, (*wanted, *GAINS.get(kind, ())), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(wanted)}"
            raise ValueError(f"rope: scaling {kind} has no number {name!r}; {hint}")
    found = {name: scaling.get(name, default) for name, default in wanted.items()}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise ValueError(f"rope: scaling {kind} needs {', '.join(missing)}")
    found |= {name: scaling.get(name) for name in GAINS.get(kind, ())}
    return kind, {name: _decimal(kind, name, value) for name, value in found.items()}


def _decimal(kind: str, name: str, value: Any) -> Any:
    if name in LISTS:
        if not isinstance(value, tuple):
            raise ValueError(f"rope: {name} must be a list with one number for each pair, got {value!r}")
        return tuple(Decimal(positive("rope", name, one)) for one in value)
    if value is None or name == "truncate":
        return value
    if name.startswith("mscale") and value == 0:
        return Decimal(0)
    return Decimal(positive("rope", f"{name} of scaling {kind}", value))
