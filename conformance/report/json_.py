"""The report as one JSON document: header, findings, footer."""

import json

from ..stream import Report


def render(report: Report) -> str:
    """One object with the keys `header`, `findings` and `footer`."""
    whole = {"header": report.header, "findings": list(report.rows), "footer": report.footer}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
