"""What `make run` says and returns: proofs and our backends decide, other people's libraries are news."""

from typing import Any

import pytest
from lagwise.conformance import main_job
from lagwise.conformance.adapters.expected import on_record
from lagwise.conformance.finding import Finding, Outcome
from lagwise.conformance.stream import Report

OTHER = "transformers:llama"


def row(subject: str, outcome: str, **more: Any) -> dict[str, Any]:
    known = {"check": "contract", "case": "a", "dtype": "float32", "reason": "because"} | more
    return Finding(subject=subject, encoding="rope", outcome=Outcome(outcome), **known).row()


def report(*rows: dict[str, Any]) -> Report:
    subjects = [
        {"name": "numpy:rope", "target": "backend:numpy", "others": False},
        {"name": "torch:rope", "target": "backend:torch", "others": False},
        {"name": OTHER, "target": "transformers", "others": True},
    ]
    return Report({"subjects": subjects}, rows)


def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, proofs: int, *rows: dict[str, Any]) -> int:
    monkeypatch.setattr(main_job, "prove", lambda folder: (proofs, ["1 encodings, 2 claims: 2 confirmed"]))
    monkeypatch.setattr(main_job, "record", lambda *arguments: report(*rows))
    return main_job.main(["--out", str(tmp_path)])


GOOD = (row("numpy:rope", "passed"), row("torch:rope", "passed"))


@pytest.mark.parametrize(
    ("proofs", "rows", "status"),
    [
        (0, GOOD, 0),
        (1, GOOD, 1),
        (3, GOOD, 3),
        (0, (*GOOD, row("torch:rope", "failed", case="b")), 1),
        (0, (*GOOD, row("torch:rope", "errored", case="b")), 3),
        (3, (*GOOD, row("torch:rope", "failed", case="b")), 1),
        (0, GOOD[:1], 3),
        (0, (*GOOD, row("backend:cupy", "skipped", check="load")), 0),
        (0, (*GOOD, row(OTHER, "failed")), 0),
        (0, (*GOOD, row(OTHER, "errored")), 0),
    ],
)
def test_the_exit_status_is_that_of_proofs_and_our_backends(
    proofs: int, rows: tuple[Any, ...], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    assert run(monkeypatch, tmp_path, proofs, *rows) == status
    assert (tmp_path / "page.html").exists()
    assert (tmp_path / "report.md").exists()


def test_a_change_in_others_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    known = on_record()[OTHER]["versions"].replace("*", "0")
    run(monkeypatch, tmp_path, 0, *GOOD, row(OTHER, "failed", subject_version=known))
    assert f"changed: {OTHER} · {known} · contract · float32: failed, was passed or skipped" in capsys.readouterr().out
    run(monkeypatch, tmp_path, 0, *GOOD, row(OTHER, "passed", subject_version=known))
    out = capsys.readouterr().out
    assert "changed:" not in out
    assert "as on record" in out
