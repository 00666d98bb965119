"""A small NumPy RoPE with one knob for each mistake, and the names of the checks that a subject fails."""

from collections.abc import Callable
from typing import Any

import numpy as np
from lagwise.conformance.checks import findings
from lagwise.conformance.finding import Outcome
from lagwise.conformance.subject import Subject

DIM = 8
SUPPORTS = frozenset({"offset", "arbitrary-positions", "batched-positions", "fractional", "grouped-heads"})


def angles(positions: Any, parameters: Any) -> Any:
    """s·θ in float64, (…, n, dim/2)."""
    dim = parameters["dim"]
    return np.asarray(positions, dtype=np.float64)[..., None] * parameters["base"] ** (-np.arange(0, dim, 2) / dim)


def turned(x: Any, angle: Any, sign: float = 1.0) -> Any:
    """Interleaved pairs of x turned by `angle`, in the dtype of x."""
    if angle.ndim == 3:  # positions of their own for each batch
        angle = angle[:, None]
    cos, sin = np.cos(angle).astype(x.dtype), (sign * np.sin(angle)).astype(x.dtype)
    y = np.empty_like(x)
    y[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    y[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return y


def rope(q: Any, k: Any, positions: Any, parameters: Any) -> Any:
    """The correct encoding."""
    angle = angles(positions, parameters)
    return turned(q, angle), turned(k, angle)


def make(encode: Callable[..., Any] = rope, **more: Any) -> Subject:
    """A subject named "fake" in float32, with everything it declares overridable."""
    said: dict[str, Any] = {
        "name": "fake", "encoding": "rope", "encode": encode, "parameters": {"dim": DIM, "base": 10000.0},
        "angles": "float64", "tables": "input", "arithmetic": "input", "supports": SUPPORTS,
    }  # fmt: skip
    return Subject(**said | more)


def rows(subject: Subject, *checks: str, level: str = "smoke", **more: Any) -> list[Any]:
    """The findings of some checks (all when none are named)."""
    return list(findings(subject, level=level, checks=checks or None, **more))


def caught(subject: Subject, level: str = "smoke") -> set[str]:
    """The names of the checks with a failed or errored row."""
    return {f.check for f in rows(subject, level=level) if f.outcome in (Outcome.FAILED, Outcome.ERRORED)}
