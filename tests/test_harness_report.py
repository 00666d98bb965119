"""The report in its shapes: everything is said, nothing is fetched, nobody's distance is shown as a failure."""

import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from lagwise.conformance.finding import Finding, Outcome
from lagwise.conformance.report import FORMATS, render
from lagwise.conformance.report.view import arrange
from lagwise.conformance.report.wording import headline, number, paragraph
from lagwise.conformance.stream import Report, count

FAILED: dict[str, Any] = {
    "measured": 0.03,
    "allowed": 0.01,
    "unit": "rad",
    "expected": "k̂ = B k & <more>",
    "where": {"position": 131071, "pair": 0},
    "budget": "1 + 2",
    "reason": "off by 0.03 rad",
    "likely_cause": "angles in float32",
    "repro": "lagwise run mine.py",
}


def finding(subject: str, check: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    known = {"case": "a", "dtype": "float32"} | more
    return Finding(subject=subject, encoding="rope", check=check, outcome=Outcome(outcome), **known).row()


@pytest.fixture
def report() -> Report:
    rows = [
        finding("mine", "accuracy", "failed", **FAILED),
        finding("mine", "contract", measured=0.5, allowed=1.0, unit="u"),
        finding("mine", "cache", "skipped", reason="not promised: cache"),
        finding("mine", "grouped-heads", "errored", reason="raised <ValueError>"),
        finding("theirs", "accuracy", subject_version="1.2", measured=1.0, allowed=2.0, unit="u"),
        finding(
            "theirs", "horizon", case="distance", basis="definition", measured=777.0, unit="u", where={"position": 9}
        ),
        finding(
            "theirs", "horizon", case="curve", basis="definition", measured=2e-4, unit="rad",
            where={"curve": [[0, 0.0], [1, 1e-7], [1024, 1e-5], [131072, 4e-3]]},
        ),
    ]  # fmt: skip
    subjects = [
        {"name": "mine", "target": "m.py", "others": False},
        {"name": "theirs", "target": "lib", "others": True},
    ]
    header = {"subjects": subjects, "level": "smoke", "seed": 0, "versions": {"python": "3.11"}, "targets": ["m.py"]}
    footer = {"kind": "footer", "findings": len(rows), "counts": count(rows), "exit": 1}
    return Report(header, rows, footer)


class Page(HTMLParser):
    """Collects the tags and the targets of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")


def test_the_page_stands_alone(report: Report) -> None:
    text = render(report, "html")
    page = Page(text)
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_says_everything_of_a_failure(report: Report) -> None:
    text = render(report, "html")
    parts = ["k̂ = B k &amp; &lt;more&gt;", "0.03 rad at position 131071, pair 0", "3 times what is allowed"]
    parts += ["angles in float32", "lagwise run mine.py", "raised &lt;ValueError&gt;", "not promised: cache"]
    assert [part for part in parts if part not in text] == []
    assert text.count("<svg") == 1
    assert "prefers-color-scheme: dark" in text


def test_a_distance_from_the_definition_is_a_grey_number(report: Report) -> None:
    (other,) = arrange(report).others
    assert other.outcome == "passed"
    assert [cell.check for cell in other.cells] == ["accuracy"]
    line = next(line for line in render(report, "html").splitlines() if "777" in line)
    assert "number" in line
    assert not re.search("passed|failed|errored", line)


def test_junit_parses_and_counts(report: Report) -> None:
    mine, theirs = ElementTree.fromstring(render(report, "junit").encode())
    assert {k: mine.get(k) for k in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "mine", "tests": "4", "failures": "1", "errors": "1", "skipped": "1",
    }  # fmt: skip
    assert theirs.get("tests") == "1"
    assert mine.find("testcase/failure").get("message") == "off by 0.03 rad"  # type: ignore[union-attr]


def test_markdown_keeps_its_tables(report: Report) -> None:
    report.rows[0]["reason"] = "a | b\nc"
    lines = render(report, "md").splitlines()
    assert "- reason: a \\| b c" in lines
    header = lines.index("| subject | version | encoding | verdict | passed | failed | errored | skipped |")
    assert lines[header + 2] == "| mine |  | rope | ✗ failed | 1 | 1 | 1 | 1 |"
    assert "| horizon | distance | float32 | 777 u | position 9 |" in lines


def test_text_is_a_table_with_the_failures_in_full(report: Report) -> None:
    text = render(report, "text")
    assert paragraph(report.rows[0]) in text
    assert text.splitlines()[-1] == "1 subject, 4 findings: 1 passed, 1 failed, 1 errored, 1 skipped."


def test_a_failure_reads_from_clause_to_repro(report: Report) -> None:
    assert paragraph(report.rows[0]) == (
        "FAILED mine · accuracy · a · float32 on cpu\n"
        "  expected     k̂ = B k & <more>\n"
        "  observed     0.03 rad at position 131071, pair 0\n"
        "  allowed      0.01 rad: 3 times what is allowed\n"
        "  budget       1 + 2\n"
        "  reason       off by 0.03 rad\n"
        "  likely cause angles in float32\n"
        "  see it again lagwise run mine.py"
    )


def test_every_format_renders_an_empty_report() -> None:
    for format in FORMATS:
        assert render(Report({}, [], {}), format)
    with pytest.raises(ValueError, match=r"^report: format must be one of html, json, junit, md, text, got 'pdf'$"):
        render(Report({}, [], {}), "pdf")


def test_headlines_and_numbers() -> None:
    good = {"passed": 3, "failed": 0, "errored": 0, "skipped": 1}
    assert headline(good, 2) == (
        "2 subjects: every promise that was measured was kept (3 findings, 1 skipped with their reason)."
    )
    assert headline({"passed": 0, "failed": 0, "errored": 0, "skipped": 0}, 0) == "Nothing was measured."
    assert [number(x) for x in (3.0, 0.0123456, "inf", None, 1e30)] == ["3", "0.0123", "inf", "–", "1e+30"]
