"""The broken stages themselves: each function does one thing wrong to a position, a schedule, a phase or a turn."""

from typing import Any

import numpy as np

from .rotary import Array, Parameters, product, schedule, turn


def to_bfloat16(x: Array) -> Array:
    """Round to the nearest bfloat16 (ties to even), as float64; finite values only."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32).astype(np.uint64)
    kept = (bits + np.uint64(0x7FFF) + ((bits >> np.uint64(16)) & np.uint64(1))) & np.uint64(0xFFFF0000)
    return kept.astype(np.uint32).view(np.float32).astype(np.float64)


def to_eleven_bits(x: Array) -> Array:
    """Round to 11 significant bits as float16 does, without its overflow."""
    mantissa, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    return np.ldexp(np.rint(mantissa * 2048.0) / 2048.0, exponent)


def mixed(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """Frequencies laid out θ_0, θ_0, θ_1, θ_1, …, then the half-split rotation: two conventions at once."""
    spread, wide = np.repeat(phase, 2, axis=-1), x.astype(np.float64)
    half = wide.shape[-1] // 2
    rotated = np.concatenate((-wide[..., half:], wide[..., :half]), axis=-1)
    return (wide * np.cos(spread) + rotated * np.sin(spread)).astype(x.dtype)


def two_angles(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """The second member of a pair is turned by the next pair's angle."""
    out, other = turn(x, phase, read, write), turn(x, np.roll(phase, -1, axis=-1), read, write)
    out[..., read[1]] = other[..., read[1]]
    return out


def gain(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """Everything is multiplied by 1.01."""
    return (1.01 * turn(x, phase, read, write).astype(np.float64)).astype(x.dtype)


def unchanged(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """Nothing is turned."""
    return x.copy()


def single_head_forgotten(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """Left as it is when there is one head."""
    return x.copy() if x.shape[1] == 1 else turn(x, phase, read, write)


def other_dtype(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """The result is float32 whatever came in."""
    return turn(x.astype(np.float32), phase, read, write)


def zeros(x: Array, phase: Array, read: Any, write: Any) -> Array:
    """Zeros of the right shape."""
    return np.zeros_like(x)


def float32_phases(positions: Array, theta: Array) -> Array:
    """s·θ rounded in float32."""
    return (positions[..., None].astype(np.float32) * theta.astype(np.float32)).astype(np.float64)


def overflowing(positions: Array, theta: Array) -> Array:
    """NaN above the range of float16."""
    return np.where(positions[..., None] > 65504, np.nan, product(positions, theta))


def base_500000(parameters: Parameters) -> Array:
    """Another base than the one given."""
    return schedule({**parameters, "base": 500000.0})


def exponent_over_dim(parameters: Parameters) -> Array:
    """base^(-2p / dim) although only rotary_dim coordinates are turned."""
    pairs = np.arange(parameters["rotary_dim"] // 2, dtype=np.float64)
    return parameters["base"] ** (-2 * pairs / parameters["dim"])


def float32_schedule(parameters: Parameters) -> Array:
    """θ rounded to float32."""
    return schedule(parameters).astype(np.float32).astype(np.float64)


def of_first_row(positions: Array, x: Array) -> Array:
    """The positions of the first batch row for every row."""
    return (positions[:1].repeat(len(positions), 0) if positions.ndim == 2 else positions).astype(np.float64)


def truncated(positions: Array, x: Array) -> Array:
    """Positions between the integers fall on the one below."""
    return np.floor(positions.astype(np.float64))


def counted(positions: Array, x: Array) -> Array:
    """0, 1, 2, … whatever was given."""
    return np.broadcast_to(np.arange(positions.shape[-1], dtype=np.float64), positions.shape)


def batch_as_position(positions: Array, x: Array) -> Array:
    """The batch index, for every token of the row."""
    return np.broadcast_to(np.arange(len(x), dtype=np.float64)[:, None], x.shape[::2])  # (batch, n)


def from_first(positions: Array, x: Array) -> Array:
    """Positions counted from the first one of the call."""
    return (positions - positions[..., :1]).astype(np.float64)
