"""Curves as inline SVG: the error of the applied phase against position, both on logarithmic axes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 40
FLOOR = 1e-6  # of the smallest limit: errors below that are drawn there
COLOURS = 8  # classes c0 … c7 of the page's style


@dataclass(frozen=True)
class Figure:
    """The curves of one dtype in one picture; `legend` pairs a colour's class with the subject it stands for."""

    dtype: str
    svg: Markup
    legend: Sequence[tuple[str, str]]


def figures(rows: Sequence[Mapping[str, Any]], coloured: Sequence[str]) -> list[Figure]:
    """One picture per dtype of the pairs [position, error] in `where["curve"]`; those in `coloured` stand out."""
    dtypes = sorted({str(row.get("dtype") or "") for row in rows})
    return [_figure(d, [row for row in rows if str(row.get("dtype") or "") == d], coloured[:COLOURS]) for d in dtypes]


def _figure(dtype: str, rows: Sequence[Mapping[str, Any]], coloured: Sequence[str]) -> Figure:
    limits = {float(row["where"]["epsilon"]) for row in rows if _drawable(row["where"].get("epsilon"))}
    floor = min(limits, default=0.0) * FLOOR
    curves = [(str(row["subject"]), _points(row, floor)) for row in rows]
    every = [point for _, points in curves for point in points]
    if not every:
        return Figure(dtype, Markup(), [])
    across = _Axis([x for x, _ in every], LEFT, WIDTH - RIGHT, base=2)
    up = _Axis([y for _, y in every] + list(limits), HEIGHT - BOTTOM, TOP, base=10)
    parts = _grid(across, up)
    for limit in limits:
        y = up.at(limit)
        parts.append(f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for subject, points in sorted(curves, key=lambda curve: curve[0] in coloured):
        parts.append(_line(subject, points, coloured, across, up))
    parts.append(f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">position</text>')
    label = escape(f"error of the applied phase against position, {dtype}")
    svg = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    drawn = {subject for subject, points in curves if points}
    legend = [(f"c{n}", subject) for n, subject in enumerate(coloured) if subject in drawn]
    return Figure(dtype, Markup(svg), legend)


def _points(row: Mapping[str, Any], floor: float) -> list[tuple[float, float]]:
    """The pairs that a logarithmic picture can show; what is smaller than its floor lies on it."""
    pairs = [(x, max(y, floor)) for x, y in row["where"]["curve"] if _finite(x) and _finite(y)]
    return [(float(x), float(y)) for x, y in pairs if x > 0 and y > 0]


def _line(
    subject: str, points: Sequence[tuple[float, float]], coloured: Sequence[str], across: "_Axis", up: "_Axis"
) -> str:
    path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
    style = f"c{coloured.index(subject)}" if subject in coloured else "rest"
    return f'<polyline class="curve {style}" points="{path}"><title>{escape(subject)}</title></polyline>'


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
    return _finite(value) and value > 0


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
