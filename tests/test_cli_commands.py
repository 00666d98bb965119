"""The command line: each exit status, each message of a user's mistake on one line, and what moved between two runs."""

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness_fakes import ACTIONS, right, write, wrong
from lagwise.conformance.commands import app
from lagwise.conformance.commands.diff import difference
from lagwise.conformance.stream import Report, read
from typer.testing import CliRunner

VERBS = ("list", "show", "prove", "verify", "design", "run", "compare", "report", "diff")


def lagwise(*arguments: object) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    return result.exit_code, result.stdout, result.stderr


def smoke(target: str, out: Path, *more: str) -> tuple[int, str, str]:
    return lagwise("run", target, "--level", "smoke", "--out", out, *more)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports of a right and of a wrong subject of the same name."""
    folder = tmp_path_factory.mktemp("reports")
    smoke(write(folder, "r.py", "subject = rope('mine')\n"), folder / "right")
    smoke(write(folder, "w.py", "subject = rope('mine', sign=-1)\n"), folder / "wrong")
    return folder


def test_exit_0_and_a_table(tmp_path: Path) -> None:
    status, out, err = smoke(right(tmp_path), tmp_path / "out")
    assert status == 0
    assert "✓ passed" in out
    assert "every promise that was measured was kept" in out
    assert out.splitlines()[-1] == f"report: {tmp_path / 'out' / 'report.jsonl'}"
    assert not err


def test_exit_1_and_the_first_failure_at_once(tmp_path: Path) -> None:
    status, out, err = smoke(wrong(tmp_path), tmp_path / "out")
    assert status == 1
    assert err.startswith("FAILED wrong · matches-the-definition")
    assert "✗ failed" in out


def test_exit_3_for_an_errored_row(tmp_path: Path) -> None:
    target = write(tmp_path, "gone.py", f"subject = rope('gone', always({ACTIONS['os-exit']}))\n")
    assert smoke(target, tmp_path / "out")[0] == 3


def test_exit_3_when_nothing_ran(tmp_path: Path) -> None:
    status, out, _ = smoke(right(tmp_path), tmp_path / "out", "--encoding", "xpos")
    assert status == 3
    assert "exit 3: a subject that was named ran nothing" in out
    assert read(tmp_path / "out").footer["exit"] == 3


def test_exit_2_is_one_line(tmp_path: Path) -> None:
    target = right(tmp_path)
    expected = {
        ("run", "transfomers"): "unknown target 'transfomers'; did you mean 'transformers'?",
        ("run", target, "--level", "quick"): "--level must be one of smoke, standard, certified, got 'quick'",
        (
            "run",
            target,
            "--dtype",
            "float8",
        ): "--dtype must be one of float64, float32, float16, bfloat16, got 'float8'",
        ("run", target, "--encoding", "roppe"): "unknown encoding 'roppe'; did you mean 'rope'?",
        ("run", target, "--time-limit", "0"): "--time-limit must be a number of seconds > 0, got 0",
        ("run", f"{target}:subjekt"): f"target '{target}:subjekt': no 'subjekt' in right; did you mean 'subject'?",
        ("report", "none.jsonl"): "none.jsonl: cannot be read: No such file or directory",
        ("report", "none.jsonl", "--format", "pdf"): "--format must be one of html, json, junit, md, text, got 'pdf'",
    }
    for arguments, message in expected.items():
        more = ("--out", str(tmp_path / "out")) if arguments[0] == "run" else ()
        assert lagwise(*arguments, *more) == (2, "", f"lagwise: {message}\n")


def test_a_subject_file_with_an_unknown_encoding_is_exit_2(tmp_path: Path) -> None:
    target = write(tmp_path, "typo.py", "subject = rope('mine', encoding='roppe')\n")
    status, _, err = smoke(target, tmp_path / "out")
    assert (status, err) == (2, "lagwise: mine: unknown encoding 'roppe'; did you mean 'rope'?\n")


def test_debug_shows_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAGWISE_DEBUG", "")
    with pytest.raises(ValueError, match="unknown target"):
        lagwise("--debug", "run", "transfomers")


def test_json_is_one_document_on_standard_output(tmp_path: Path) -> None:
    status, out, err = smoke(wrong(tmp_path), tmp_path / "out", "--json")
    whole = json.loads(out)
    assert (status, err) == (1, "")
    assert whole["footer"]["exit"] == 1
    assert whole["findings"] == list(read(tmp_path / "out").rows)


def test_explain_prints_what_a_budget_is_the_sum_of(tmp_path: Path) -> None:
    out = smoke(right(tmp_path), tmp_path / "out", "--explain")[1]
    budgets = [row["budget"] for row in read(tmp_path / "out").rows if row["budget"]]
    assert budgets
    assert all(budget in out for budget in budgets)


def test_dtype_takes_a_list(tmp_path: Path) -> None:
    target = write(tmp_path, "two.py", "subject = rope('two', dtypes=('float64', 'float32', 'float16'))\n")
    assert smoke(target, tmp_path / "out", "--dtype", "float64,float32")[0] == 0
    assert {row["dtype"] for row in read(tmp_path / "out").rows} == {"float64", "float32"}


def test_the_report_of_an_interrupted_run_is_exit_3(reports: Path, tmp_path: Path) -> None:
    lines = (reports / "right" / "report.jsonl").read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[:-1]) + "\n")
    status, out, err = lagwise("report", cut)
    assert (status, out) == (3, "")
    assert err == f"lagwise: {cut}: no footer after {len(lines) - 2} findings: the run was interrupted\n"


def test_report_writes_its_formats(reports: Path, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    assert lagwise("report", reports / "wrong", "--format", "html", "--out", page) == (0, "", "")
    assert page.read_text().startswith("<!doctype html>")
    assert lagwise("report", reports / "wrong", "--format", "md")[1].startswith("# lagwise report\n")


def test_diff_of_a_report_with_itself_is_empty(reports: Path) -> None:
    right_ = reports / "right" / "report.jsonl"
    assert lagwise("diff", right_, right_) == (0, "no difference\n", "")
    assert lagwise("diff", right_, right_, "--json") == (0, "[]\n", "")


def test_diff_knows_which_way_is_worse(reports: Path) -> None:
    status, out, _ = lagwise("diff", reports / "right", reports / "wrong")
    assert status == 1
    assert "regression mine/rope/matches-the-definition/" in out
    status, out, _ = lagwise("diff", reports / "wrong", reports / "right", "--json")
    assert status == 0
    changes = json.loads(out)
    assert {"outcome", "measured"} <= {change["what"] for change in changes}
    assert not any(change["regression"] for change in changes)


def test_diff_sees_what_appeared_and_vanished(reports: Path) -> None:
    whole = read(reports / "right")
    less = Report(whole.header, whole.rows[1:], whole.footer)
    (gone,) = difference(whole, less)
    (new,) = difference(less, whole)
    assert (gone.what, gone.regression) == ("vanished", True)
    assert (new.what, new.new, new.regression) == ("appeared", "passed", False)


def test_control_c_ends_the_workers_and_leaves_no_footer(tmp_path: Path) -> None:
    body = (
        "def slow(q):\n    Path(__file__).with_suffix('.on').touch()\n    time.sleep(600)\n"
        "subjects = [rope('a'), rope('b', slow)]\n"
    )
    target, out = write(tmp_path, "slow.py", body), tmp_path / "out"
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a background job ignores it
    command = [sys.executable, "-c", f"{heard}; from lagwise.conformance.commands import main; main()", "run", target]
    process = subprocess.Popen(
        [*command, "--out", str(out)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 60
    while not ((tmp_path / "slow.on").exists() and "passed" in text(out)) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "lagwise: interrupted"
    assert '"footer"' not in text(out)
    assert lagwise("report", out)[0] == 3


def text(folder: Path) -> str:
    path = folder / "report.jsonl"
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_an_example(verb: str) -> None:
    status, out, _ = lagwise(verb, "--help")
    assert status == 0
    assert f"Example: lagwise {verb}" in out


def test_a_usage_error_leaves_an_earlier_report_as_it_was(tmp_path: Path) -> None:
    target, out = right(tmp_path), tmp_path / "out"
    smoke(target, out)
    before = (out / "report.jsonl").read_text()
    assert smoke(f"{target}:subjekt", out)[0] == 2
    assert (out / "report.jsonl").read_text() == before


def test_a_check_and_a_subject_can_be_chosen_and_the_repro_does(tmp_path: Path) -> None:
    target = write(tmp_path, "two.py", "subjects = [rope('a'), rope('b c', sign=-1)]\n")
    smoke(target, tmp_path / "out")
    bad = next(row for row in read(tmp_path / "out").rows if row["outcome"] == "failed")
    words = shlex.split(bad["repro"])
    assert words[:4] == ["lagwise", "run", target, "--subject"]
    assert lagwise(*words[1:], "--out", tmp_path / "again")[0] == 1
    again = {row["id"]: row for row in read(tmp_path / "again").rows}
    assert again[bad["id"]] == bad
    assert {row["check"] for row in again.values()} == {"smoke", bad["check"]}
    status, _, err = smoke(target, tmp_path / "out", "--subject", "d")
    assert (status, err) == (2, f"lagwise: target '{target}': no subject is named 'd'; known: a, b c\n")
    status, _, err = smoke(target, tmp_path / "out", "--check", "lag-invariance")
    assert (status, err) == (2, "lagwise: unknown check 'lag-invariance'; did you mean 'lag-invariant'?\n")
