"""The report file: sorted, schema-checked, unique, and recognisably unfinished when it is."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from harness_fakes import write
from lagwise.conformance.finding import Finding, Outcome
from lagwise.conformance.recording import record
from lagwise.conformance.runner import Options
from lagwise.conformance.stream import DuplicateError, ReportError, UnfinishedError, Writer, exit_code, read

HEADER = {
    "versions": {"python": "3.11.0"},
    "machine": {"system": "Linux", "processor": "x86_64", "cores": 2},
    "targets": ["a.py"],
    "level": "smoke",
    "seed": 0,
}


def row(case: str, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    known = {"subject": "s", "encoding": "rope", "check": "accuracy", "reason": "because"} | more
    return Finding(case=case, outcome=Outcome(outcome), **known).row()


@pytest.fixture(scope="module")
def schema() -> Any:
    path = Path(__file__).parent.parent / "conformance" / "report.schema.json"
    found = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def test_every_line_of_a_real_report_follows_the_schema(tmp_path: Path, schema: Any) -> None:
    body = "subjects = [rope('right'), rope('wrong', sign=-1), rope('gone', always(lambda: os._exit(1)))]\n"
    record([write(tmp_path, "all.py", body)], Options(level="smoke"), tmp_path / "out")
    for line in (tmp_path / "out" / "report.jsonl").read_text().splitlines():
        schema.validate(json.loads(line))


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "fine"},
        {"measured": "much"},
        {"seconds": 1.0},
        {"basis": "guess"},
        {"outcome": "errored", "reason": ""},
    ],
)
def test_the_schema_refuses_what_is_no_finding(change: dict[str, Any], schema: Any) -> None:
    schema.validate(row("a"))
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(row("a") | change)


def test_rows_are_sorted_and_counted_when_finished(tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEADER)
    for case in ("b", "c", "a"):
        writer.add(row(case), seconds=0.1)
    writer.finish(0, specs={})
    report = read(tmp_path)
    assert [r["case"] for r in report.rows] == ["a", "b", "c"]
    assert report.footer == {
        "kind": "footer",
        "findings": 3,
        "counts": {"passed": 3, "failed": 0, "errored": 0, "skipped": 0},
        "exit": 0,
    }


def test_an_interrupted_run_keeps_its_rows_and_is_recognised(tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEADER)
    writer.add(row("b"))
    writer.add(row("a"))
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 3
    writer.close()
    with pytest.raises(UnfinishedError, match=r"no footer after 2 findings: the run was interrupted$"):
        read(tmp_path)


def test_an_id_twice_is_an_error(tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEADER)
    writer.add(row("a"))
    with pytest.raises(DuplicateError, match=r"two findings have the id 's/rope/accuracy/a//cpu'$"):
        writer.add(row("a"))
    writer.close()


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_is_no_report_is_refused_with_its_line(tmp_path: Path) -> None:
    head, foot = json.dumps({"kind": "header", "schema": 1}), json.dumps({"kind": "footer", "counts": {}})
    path = tmp_path / "r.jsonl"
    expected = {
        "line 2: not JSON: Expecting value at column 1": (head, "oops", foot),
        "line 2: wanted an object, got list": (head, "[]", foot),
        "line 1: wanted a header, got 'footer'": (foot,),
        "line 1: wanted a header, got an empty file": ("",),
        "schema 2 is not the one known here, 1": ('{"kind": "header", "schema": 2}', foot),
        "line 2: wanted a finding, got kind 'header'": (head, head, foot),
        "line 2: a finding without id, subject, encoding, check, case, outcome": (head, '{"kind": "finding"}', foot),
        "line 3: two findings have the id 's/rope/accuracy/a//cpu'": (head, *[json.dumps(row("a"))] * 2, foot),
    }
    for message, lines in expected.items():
        with pytest.raises(ReportError) as caught:
            read(written(path, *lines))
        assert str(caught.value) == f"{path}: {message}"
    with pytest.raises(ReportError, match=r"the footer counts \{\}, the rows are \{'passed': 1,"):
        read(written(path, head, json.dumps(row("a")), foot))
    with pytest.raises(ReportError, match="cannot be read: No such file or directory"):
        read(tmp_path / "none.jsonl")


def test_a_line_separator_in_a_text_is_no_new_line(tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEADER)
    writer.add(row("a", reason="one\u2028two\u0085three"))
    writer.finish(0)
    assert read(tmp_path).rows[0]["reason"] == "one\u2028two\u0085three"


def test_numbers_are_finite_or_named(tmp_path: Path) -> None:
    writer = Writer(tmp_path, HEADER)
    writer.add(row("a", measured=float("nan"), allowed=float("inf"), where={"x": [float("-inf")]}))
    writer.finish(0)
    (found,) = read(tmp_path).rows
    assert (found["measured"], found["allowed"], found["where"]) == ("nan", "inf", {"x": ["-inf"]})


@pytest.mark.parametrize(
    ("outcomes", "named", "status"),
    [
        (["passed"], ["s"], 0),
        (["passed", "skipped"], ["s"], 0),
        (["passed", "failed"], ["s"], 1),
        (["failed", "errored"], ["s"], 1),
        (["passed", "errored"], ["s"], 3),
        ([], [], 3),
        (["skipped"], ["s"], 3),
        (["passed"], ["s", "another"], 3),
    ],
)
def test_exit_codes(outcomes: list[str], named: list[str], status: int) -> None:
    assert exit_code([row(str(n), outcome) for n, outcome in enumerate(outcomes)], named) == status


def test_a_distance_from_the_definition_fails_nothing() -> None:
    assert exit_code([row("a"), row("b", "failed", basis="definition")], ["s"]) == 0
