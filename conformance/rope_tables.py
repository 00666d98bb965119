"""Certified frequencies of a rotary block: the angle of each pair per position, and what its scaling did, by region."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flint import ctx

from ..spec.balls import ball
from ..spec.catalogue import get
from ..spec.oracle import Oracle, split
from .rope_config import Rotation


@dataclass(frozen=True)
class Region:
    """Pairs first … last with one treatment, and the angles of the first and the last of them, radians per position."""

    first: int
    last: int
    what: str
    angles: tuple[float, float]


@dataclass(frozen=True)
class Table:
    """The angles θ_p of one block at one length (None where they do not depend on it), and the gain of cos and sin."""

    length: int | None
    gain: float
    angles: tuple[float, ...]
    regions: tuple[Region, ...]


def tables(rotation: Rotation) -> Iterator[Table]:
    """One table for each length of the rotation, correctly rounded to float64."""
    for length in rotation.lengths or (None,):
        yield _table(rotation, length)


def _table(rotation: Rotation, length: int | None) -> Table:
    numbers = dict(rotation.parameters) | ({} if length is None else {"length": length})
    if rotation.encoding == "nope":
        return Table(None, 1.0, (), ())
    oracle = Oracle(get(rotation.encoding), numbers)
    angles = tuple(_angle(oracle, p) for p in range(oracle.instance.blocks))
    kept: dict[str, Any] = {name: numbers[name] for name in ("dim", "base", "rotary_dim") if name in numbers}
    plain = Oracle(get("rope"), kept)
    ratios = [_angle(plain, p) / angle for p, angle in enumerate(angles)]
    factor = float(numbers.get("factor", 1.0))
    whats = [_what(ratio, factor, rotation.encoding) for ratio in ratios]
    if rotation.encoding.startswith("m-rope"):
        whats = [_axis(oracle, p, rotation) for p in range(len(angles))]
    return Table(length, _gain(oracle), angles, tuple(_regions(angles, whats)))


def _angle(oracle: Oracle, p: int) -> float:
    if oracle.encoding.axes == 1:
        found = oracle.angle(p)
        assert found is not None
        return split(found)[0]
    return max(_value(oracle, s, p) for s in oracle.encoding.parameters if s.name.startswith("theta_"))


def _gain(oracle: Oracle) -> float:
    gain = next((s for s in oracle.encoding.parameters if s.name == "gain"), None)
    return 1.0 if gain is None else _value(oracle, gain, 0)


def _value(oracle: Oracle, symbol: Any, p: int) -> float:
    with ctx.workprec(oracle.bits):
        return split(ball(oracle.instance.value(symbol, p)))[0]


def _what(ratio: float, factor: float, encoding: str) -> str:
    """How a pair was treated, from the quotient of the unscaled and the scaled angle."""
    if encoding == "rope[scaling=longrope]":
        return "divided each by its own"
    if "proportional" in encoding:
        return "exponents over the whole head" + (f", divided by {factor:g}" if factor != 1 else "")
    if abs(ratio - 1) < 1e-12:
        return "kept"
    if abs(ratio / factor - 1) < 1e-12:
        return f"divided by {factor:g}"
    return "by a larger base" if encoding == "rope[scaling=dynamic]" else "between"


def _axis(oracle: Oracle, p: int, rotation: Rotation) -> str:
    """Which coordinate turns pair p of M-RoPE."""
    fewest = min(rotation.parameters["section_h"], rotation.parameters["section_w"])
    if "interleaved" in rotation.encoding and p < 3 * fewest:
        return "time, height, width in turn"
    values = {s.name: _value(oracle, s, p) for s in oracle.encoding.parameters if s.name.startswith("theta_")}
    return {"theta_t": "time", "theta_h": "height", "theta_w": "width"}[max(values, key=lambda name: values[name])]


def _regions(angles: tuple[float, ...], whats: list[str]) -> Iterator[Region]:
    for what, group in groupby(range(len(angles)), key=lambda p: whats[p]):
        pairs: list[Any] = list(group)
        yield Region(pairs[0], pairs[-1], what, (angles[pairs[0]], angles[pairs[-1]]))
