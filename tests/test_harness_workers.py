"""A subject that crashes, hangs, prints or leaves costs one row; everything else it was measured on stays."""

import os
import time
from pathlib import Path

import pytest
from harness_fakes import ACTIONS, right, write
from lagwise.conformance import runner
from lagwise.conformance.isolation import Worker, can_fork
from lagwise.conformance.recording import record
from lagwise.conformance.runner import Options
from lagwise.conformance.stream import Report
from lagwise.conformance.targets import TargetError

REASONS = {
    "segfault": "the process was killed by SIGSEGV (segmentation fault)",
    "os-exit": "the subject ended its process with exit status 7",
    "sys-exit": "the subject called sys.exit(3)",
    "hang": "no result within 5 s",
}


def run(folder: Path, *targets: str, limit: float = 60.0, **options: object) -> Report:
    return record(targets, Options(level="smoke", time_limit=limit, **options), folder)  # type: ignore[arg-type]


def errored(report: Report) -> list[dict[str, object]]:
    return [row for row in report.rows if row["outcome"] == "errored"]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("clean")
    return run(folder / "out", right(folder))


def test_a_right_subject_passes(clean: Report) -> None:
    assert clean.footer["exit"] == 0
    assert clean.counts["passed"] > 3
    assert not errored(clean)


@pytest.mark.parametrize("way", ACTIONS)
def test_a_crash_in_one_check_is_one_row_and_the_other_checks_go_on(way: str, tmp_path: Path, clean: Report) -> None:
    target = write(tmp_path, "once.py", f'subject = rope("right", once({ACTIONS[way]}))\n')
    report = run(tmp_path / "out", target, limit=5.0 if way == "hang" else 60.0)
    (row,) = errored(report)
    assert row["reason"] == REASONS[way]
    assert row["case"] == "process"
    assert report.footer["exit"] == 3
    crashed = row["check"]
    kept = {r["id"] for r in clean.rows if r["check"] != crashed}
    assert kept
    assert kept <= {r["id"] for r in report.rows}


def test_a_subject_that_always_crashes_is_one_row(tmp_path: Path) -> None:
    target = write(tmp_path, "always.py", f'subject = rope("gone", always({ACTIONS["os-exit"]}))\n')
    report = run(tmp_path / "out", target)
    (row,) = report.rows
    assert (row["subject"], row["check"], row["outcome"]) == ("gone", "smoke", "errored")
    assert row["reason"] == REASONS["os-exit"]


def test_a_second_crash_gives_up_and_says_so(tmp_path: Path) -> None:
    body = (
        "calls = []\ndef third(q):\n    calls.append(1)\n    if len(calls) == 3: os._exit(7)\n"
        "subject = rope('twice', third)\n"
    )
    report = run(tmp_path / "out", write(tmp_path, "twice.py", body))
    reasons = [row["reason"] for row in errored(report)]
    assert len(reasons) == 2
    assert any(str(r).endswith("; this was the second process, so the remaining checks did not run") for r in reasons)


def test_what_a_subject_raises_is_a_row_and_no_crash(tmp_path: Path) -> None:
    body = "def full(q): raise MemoryError('no more')\nsubject = rope('full', full)\n"
    report = run(tmp_path / "out", write(tmp_path, "full.py", body))
    (row,) = errored(report)
    assert "MemoryError" in str(row["reason"])
    assert row["check"] == "smoke"


def test_a_wrong_shape_is_a_row(tmp_path: Path) -> None:
    body = (
        "subject = Subject(name='cut', encoding='rope', encode=lambda q, k: (q[..., :4], k), parameters={'dim': 8})\n"
    )
    report = run(tmp_path / "out", write(tmp_path, "cut.py", body))
    bad = [row for row in report.rows if row["outcome"] in ("failed", "errored")]
    assert bad
    assert "shape" in str(bad[0]["reason"])


def test_prints_do_not_spoil_the_findings(tmp_path: Path, clean: Report) -> None:
    body = (
        "def noise(q):\n    print('{\"kind\": \"done\"}')\n    os.write(1, b'noise')\n    os.write(2, b'noise')\n"
        "print('at import')\nsubject = rope('right', noise)\n"
    )
    report = run(tmp_path / "out", write(tmp_path, "loud.py", body))
    assert [row["id"] for row in report.rows] == [row["id"] for row in clean.rows]


def test_one_crash_leaves_the_other_subjects_alone(tmp_path: Path) -> None:
    body = f"subjects = [rope('gone', always({ACTIONS['os-exit']})), rope('right'), rope('too')]\n"
    report = run(tmp_path / "out", write(tmp_path, "three.py", body))
    assert {row["subject"] for row in report.rows if row["outcome"] == "passed"} == {"right", "too"}
    assert [row["subject"] for row in errored(report)] == ["gone"]


def test_an_import_failure_is_one_row(tmp_path: Path) -> None:
    target = write(tmp_path, "broken.py", "import a_module_that_is_not_there\n")
    report = run(tmp_path / "out", target)
    (row,) = report.rows
    assert row["reason"] == "cannot be imported: ModuleNotFoundError: No module named 'a_module_that_is_not_there'"
    assert (row["check"], row["outcome"], report.footer["exit"]) == ("load", "errored", 3)


def test_leaving_at_import_is_one_row(tmp_path: Path) -> None:
    report = run(tmp_path / "out", write(tmp_path, "leaves.py", "sys.exit(0)\n"))
    (row,) = report.rows
    assert (row["check"], row["reason"]) == ("load", "the subject called sys.exit(0)")


def test_two_runs_have_the_same_rows_in_the_same_order(tmp_path: Path, clean: Report) -> None:
    again = run(tmp_path / "out", right(tmp_path))
    assert list(again.rows) == list(clean.rows)
    text = (tmp_path / "out" / "report.jsonl").read_text()
    assert "seconds" not in text
    assert '"seconds"' in (tmp_path / "out" / "timings.jsonl").read_text()


def test_two_targets_with_one_name_are_a_usage_error(tmp_path: Path) -> None:
    a, b = right(tmp_path, "a.py"), right(tmp_path, "b.py")
    with pytest.raises(
        TargetError, match=r"^two subjects are named 'right': one in '.*[ab]\.py', one in '.*[ab]\.py'$"
    ):
        run(tmp_path / "out", a, b)


def test_no_process_outlives_the_run(tmp_path: Path) -> None:
    body = (
        "import subprocess\n"
        "def child(q):\n    p = subprocess.Popen(['sleep', '600'])\n"
        "    Path(__file__).with_suffix('.pid').write_text(str(p.pid))\n    time.sleep(600)\n"
        "subject = rope('parent', child)\n"
    )
    run(tmp_path / "out", write(tmp_path, "parent.py", body), limit=5.0)
    pid = int((tmp_path / "parent.pid").read_text())
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and alive(pid):
        time.sleep(0.05)
    assert not alive(pid)
    assert not Worker._alive


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


@pytest.mark.parametrize("way", ACTIONS)
def test_a_forked_worker_ends_as_a_spawned_one_does(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clean: Report
) -> None:
    monkeypatch.setattr(runner, "can_fork", lambda target: True)
    body = f"subjects = [rope('gone', always({ACTIONS[way]})), rope('right')]\n"
    report = run(tmp_path / "out", write(tmp_path, "two.py", body), limit=5.0 if way == "hang" else 60.0)
    (row,) = errored(report)
    assert (row["subject"], row["check"], row["reason"]) == ("gone", "smoke", REASONS[way])
    assert [r for r in report.rows if r["subject"] == "right"] == list(clean.rows)


def test_a_file_of_others_is_never_forked() -> None:
    assert not any(can_fork(target) for target in ("mine.py", "package.module:x", "transformers", "backend:cupy"))
