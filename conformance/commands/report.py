"""`lagwise report FILE --format …`: a report in another shape."""

from pathlib import Path

from ..report import FORMATS, render
from ..stream import ReportError, read


def run(file: Path, *, format: str = "text", out: Path | None = None) -> int:
    """Prints or writes the report and returns 0. Raises ReportError for an unknown format or no report."""
    if format not in FORMATS:
        raise ReportError(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    text = render(read(file), format)
    if out is None:
        print(text, end="")
        return 0
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ReportError(f"{out}: cannot be written: {error.strerror}") from None
    return 0
