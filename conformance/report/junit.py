"""The report as JUnit XML, which every CI server reads: one suite per subject, one case per finding."""

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..stream import Report
from .view import SubjectView, arrange, promised
from .wording import paragraph

UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 cannot hold these


def render(report: Report) -> str:
    """JUnit XML. Findings about the definition alone are no test cases: nobody promised them."""
    view = arrange(report)
    root = Element("testsuites", name="lagwise")
    for subject in (*view.subjects, *view.others):
        _suite(root, subject)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, subject: SubjectView) -> None:
    counts = subject.counts
    suite = SubElement(
        root,
        "testsuite",
        name=_text(subject.name),
        tests=str(sum(counts.values())),
        failures=str(counts["failed"]),
        errors=str(counts["errored"]),
        skipped=str(counts["skipped"]),
    )
    for row in promised(subject.rows):
        name = " · ".join(filter(None, (row["check"], row["case"], row.get("dtype"), row.get("device"))))
        case = SubElement(suite, "testcase", classname=_text(subject.name), name=_text(name))
        tag = {"failed": "failure", "errored": "error", "skipped": "skipped"}.get(row["outcome"])
        if tag:
            message = row.get("reason") or row.get("expected") or row["outcome"]
            SubElement(case, tag, message=_text(str(message))).text = _text(paragraph(row))


def _text(text: str) -> str:
    return UNPRINTABLE.sub("�", text)
