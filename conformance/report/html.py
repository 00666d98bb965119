"""The report as one self-contained page: no script, no font, no picture from anywhere else."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from ..stream import Report, Row
from . import wording
from .plot import figures
from .view import View, arrange, measured, not_passed, promised


def render(report: Report) -> str:
    """The whole page as HTML text."""
    view = arrange(report)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"number": wording.number, "place": wording.place, "details": wording.details}
    environment.globals |= {"symbols": wording.SYMBOLS, "quantity": wording.quantity, "title": wording.title}
    template = environment.from_string(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.render(
        view=view,
        header=report.header,
        style=files(__package__).joinpath("page.css").read_text(encoding="utf-8"),
        broken=_broken(view),
        anchors={row["id"]: f"row-{n}" for n, row in enumerate(_broken(view), 1)},
        footnotes={reason: n for n, (reason, _) in enumerate(view.skipped, 1)},
        figures=figures(_curves(report), [s.name for s in view.others or view.subjects]),
        measured=measured,
    )


def _broken(view: View) -> list[Row]:
    """What is shown in full: own rows first, then those of others."""
    return [*view.broken, *(row for other in view.others for row in not_passed(promised(other.rows)))]


def _curves(report: Report) -> list[dict[str, Any]]:
    """The rows that carry a curve: one picture each."""
    return [row for row in report.rows if (row.get("where") or {}).get("curve")]
