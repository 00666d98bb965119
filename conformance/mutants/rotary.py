"""An honest rotary encoding in five replaceable stages (NumPy, float64 inside, one cast): a mutant replaces one stage.

y_p = R(s θ_p) x_p for each pair p. Nothing of lagwise.impls is used, so a fault there cannot agree with itself here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..subject import Subject

Array = Any
Parameters = Mapping[str, Any]


def schedule(parameters: Parameters) -> Array:
    """θ_p = base^(-2p / rotary_dim), float64, (pairs,)."""
    covered = parameters.get("rotary_dim", parameters["dim"])
    return parameters.get("base", 10000.0) ** (-np.arange(0, covered // 2 * 2, 2, dtype=np.float64) / covered)


def interleaved(parameters: Parameters) -> tuple[Array, Array]:
    """Indices of the first and second members: pairs (2p, 2p + 1)."""
    covered = parameters.get("rotary_dim", parameters["dim"]) // 2 * 2
    return np.arange(0, covered, 2), np.arange(1, covered, 2)


def halves(parameters: Parameters) -> tuple[Array, Array]:
    """Indices of the first and second members: pairs (p, p + rotary_dim / 2)."""
    covered = parameters.get("rotary_dim", parameters["dim"]) // 2 * 2
    return np.arange(covered // 2), np.arange(covered // 2, covered)


def as_given(positions: Array, x: Array) -> Array:
    """The positions as the caller gave them, in float64 (exact below 2^53)."""
    return positions.astype(np.float64)


def product(positions: Array, theta: Array) -> Array:
    """Phases s θ_p, (…, n, pairs), in float64."""
    return positions[..., None] * theta


def turn(x: Array, phase: Array, read: tuple[Array, Array], write: tuple[Array, Array]) -> Array:
    """R(phase) on every pair of x in float64, one cast to the dtype of x; other coordinates pass."""
    wide = x.astype(np.float64)
    out = wide.copy()
    first, second = wide[..., read[0]], wide[..., read[1]]
    out[..., write[0]] = first * np.cos(phase) - second * np.sin(phase)
    out[..., write[1]] = first * np.sin(phase) + second * np.cos(phase)
    return out.astype(x.dtype)


@dataclass(frozen=True)
class Stages:
    """What happens to a position on its way to the output; `key_turn` None means that keys go the way of queries."""

    schedule: Callable[[Parameters], Array] = schedule
    positions: Callable[[Array, Array], Array] = as_given
    phases: Callable[[Array, Array], Array] = product
    read: Callable[[Parameters], tuple[Array, Array]] = interleaved
    write: Callable[[Parameters], tuple[Array, Array]] | None = None
    turn: Callable[..., Array] = turn
    key_turn: Callable[..., Array] | None = None

    def one(self, x: Array, positions: Array, parameters: Parameters, key: bool = False) -> Array:
        """x (batch, heads, n, dim) encoded at `positions`, (n,) or (batch, n)."""
        phase = self.phases(self.positions(positions, x), self.schedule(parameters))
        if phase.ndim == 3:
            phase = phase[:, None]  # (batch, 1, n, pairs)
        read = self.read(parameters)
        stage = self.key_turn if key and self.key_turn is not None else self.turn
        return stage(x, phase, read, read if self.write is None else self.write(parameters))

    def both(self, q: Array, k: Array, positions: Array, parameters: Parameters) -> tuple[Array, Array]:
        """(q̂, k̂) at the same positions."""
        return self.one(q, positions, parameters), self.one(k, positions, parameters, key=True)


HONEST = Stages()
DECLARED: Mapping[str, Any] = {
    "encoding": "rope",
    "library": "numpy",
    "parameters": {"dim": 16, "base": 10000.0},
    "layout": "interleaved",
    "dtypes": ("float32",),
    "max_position": 2**20,
    "angles": "float64",
    "tables": "none",
    "arithmetic": "float32",
    "supports": {"arbitrary-positions", "offset"},
}


def subject(name: str, stages: Stages = HONEST, encode: Any = None, **declared: Any) -> Subject:
    """The subject of these stages (or of `encode`), declared as in DECLARED where `declared` says nothing else."""
    fields = {**DECLARED, **declared}
    fields.setdefault("build", lambda parameters, dtype, device: dict(parameters))

    def run(state: Any, q: Array, k: Array, positions: Array) -> tuple[Array, Array]:
        return stages.both(q, k, positions, state)

    if not {"score", "attend"} & fields.keys() and not callable(fields["tables"]):
        fields["encode"] = encode or run
    return Subject(name=name, **fields)


def fault(**stage: Any) -> Stages:
    """The honest stages with one of them replaced."""
    return replace(HONEST, **stage)
