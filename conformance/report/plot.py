"""A curve as inline SVG: measured error against position, both on logarithmic axes, beside what is allowed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40


def curve(row: Mapping[str, Any]) -> Markup:
    """The picture of the pairs [position, value] in `where["curve"]`; points at zero or not finite are left out."""
    points = [(float(x), float(y)) for x, y in row["where"]["curve"] if _drawable(x) and _drawable(y)]
    allowed = row.get("allowed")
    limit = float(allowed) if isinstance(allowed, (int, float)) and _drawable(allowed) else None
    if len(points) < 2:
        return Markup("<p class='quiet'>fewer than two points to draw</p>")
    across = _Axis([x for x, _ in points], LEFT, WIDTH - RIGHT, base=2)
    up = _Axis([y for _, y in points] + ([limit] if limit else []), HEIGHT - BOTTOM, TOP, base=10)
    path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    parts = [*_grid(across, up), f'<polyline class="curve" points="{path}"/>']
    if limit:
        y = up.at(limit)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="limit" x="{LEFT + 6}" y="{y - 4:.1f}">allowed</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">position</text>')
    unit = escape(str(row.get("unit") or ""))
    label = escape(f"{row['subject']} {row['check']} {row.get('dtype', '')}: error against position")
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}'
        f'<text x="4" y="{TOP + 10}">{unit}</text></svg>'
    )


class _Axis:
    """A logarithmic axis from whole powers of `base` around the values onto pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float, base: int) -> None:
        self.base = base
        self.first = math.floor(math.log(min(values), base) + 1e-9)
        self.last = max(self.first + 1, math.ceil(math.log(max(values), base) - 1e-9))
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """The pixel of a value."""
        share = (math.log(value, self.base) - self.first) / (self.last - self.first)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """At most nine labelled powers, with their pixels."""
        step = max(1, math.ceil((self.last - self.first) / 8))
        powers = range(self.first, self.last + 1, step)
        return [(self.at(float(self.base) ** power), f"{self.base}{_superscript(power)}") for power in powers]


def _grid(across: _Axis, up: _Axis) -> list[str]:
    parts = []
    for x, label in across.ticks():
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{label}</text>')
    for y, label in up.ticks():
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return parts


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _drawable(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0
