"""A report in another shape: `render(report, "html")`. Renderers arrange and print; they compute nothing."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..stream import Report

FORMATS = ("html", "json", "junit", "md", "text")


def render(report: "Report", format: str) -> str:
    """The report as `html` (one self-contained page), `json`, `junit` (XML), `md` or `text`; ValueError for others."""
    if format not in FORMATS:
        raise ValueError(f"report: format must be one of {', '.join(FORMATS)}, got {format!r}")
    renderer: Callable[[Report], str] = import_module(
        f".{format}_" if format == "json" else f".{format}", __name__
    ).render
    return renderer(report)
