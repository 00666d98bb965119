"""How a row reads: one vocabulary for the terminal, the pages and the assertion of a failed test."""

from collections.abc import Mapping
from typing import Any

SYMBOLS = {"passed": "✓", "failed": "✗", "errored": "!", "skipped": "–"}


def number(value: Any) -> str:
    """A number as a person reads it: three digits, or the words inf and nan; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e6 else f"{value:.3g}"


def quantity(value: Any, unit: str) -> str:
    """A number with its unit."""
    return f"{number(value)} {unit}".strip()


def place(where: Mapping[str, Any]) -> str:
    """Where it was worst: `position 131071, pair 0`. Curves are drawn, not read out."""
    return ", ".join(f"{key} {_short(value)}" for key, value in where.items() if key != "curve")


def beyond(row: Mapping[str, Any]) -> str:
    """How far a measured number is beyond what is allowed."""
    measured, allowed = row.get("measured"), row.get("allowed")
    if not isinstance(measured, (int, float)) or not isinstance(allowed, (int, float)) or measured <= allowed:
        return ""
    return f"{number(measured / allowed)} times what is allowed" if allowed > 0 else "nothing is allowed"


def title(row: Mapping[str, Any]) -> str:
    """Which cell of a report a row is: subject, check, case, dtype and device."""
    parts = [row["subject"], row["check"], row["case"]]
    if row.get("dtype"):
        parts.append(f"{row['dtype']} on {row.get('device', 'cpu')}")
    return " · ".join(str(part) for part in parts if part)


def details(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A row in full, in the order a person asks: expected, observed, how far beyond, why, how to see it again."""
    unit = str(row.get("unit") or "")
    unmeasured = row.get("measured") in (None, "nan") and row["outcome"] != "failed"
    observed = "" if unmeasured else quantity(row["measured"], unit)
    at = place(row.get("where") or {})
    allowed = "" if unmeasured or row.get("allowed") is None else quantity(row["allowed"], unit)
    lines = [
        ("expected", str(row.get("expected") or "")),
        ("observed", f"{observed} at {at}" if observed and at else observed or at),
        ("allowed", ": ".join(filter(None, (allowed, beyond(row))))),
        ("budget", str(row.get("budget") or "")),
        ("reason", str(row.get("reason") or "")),
        ("likely cause", str(row.get("likely_cause") or "")),
        ("see it again", str(row.get("repro") or "")),
    ]
    return [(label, text) for label, text in lines if text]


def paragraph(row: Mapping[str, Any]) -> str:
    """A row in full, as text."""
    lines = [f"{str(row['outcome']).upper()} {title(row)}"]
    return "\n".join(lines + [f"  {label:<13}{text}" for label, text in details(row)])


def counted(counts: Mapping[str, int]) -> str:
    """`12 passed, 1 failed`: the outcomes that anything came to."""
    return ", ".join(f"{n} {outcome}" for outcome, n in counts.items() if n) or "nothing was found"


def headline(report_counts: Mapping[str, int], subjects: int) -> str:
    """A whole report in one sentence."""
    plural = "subject" if subjects == 1 else "subjects"
    total = sum(report_counts.values())
    if not total:
        return "Nothing was measured."
    bad = report_counts.get("failed", 0) + report_counts.get("errored", 0)
    if not bad:
        kept = f"every promise that was measured was kept ({report_counts['passed']} findings"
        skipped = report_counts.get("skipped", 0)
        return f"{subjects} {plural}: {kept}{f', {skipped} skipped with their reason' if skipped else ''})."
    return f"{subjects} {plural}, {total} finding{'s' * (total != 1)}: {counted(report_counts)}."


def _short(value: Any) -> str:
    text = number(value) if isinstance(value, (int, float)) else str(value)
    return text if len(text) <= 80 else text[:77] + "…"
