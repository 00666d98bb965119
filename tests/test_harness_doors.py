"""The doors in Python: a report that can be asked, and one pytest test per subject and check."""

import subprocess
import sys
from pathlib import Path

import pytest
from harness_fakes import right, wrong
from lagwise.conformance import check_encoding, check_implementation
from lagwise.conformance.targets import load
from lagwise.spec.catalogue import names


def test_a_right_implementation(tmp_path: Path) -> None:
    (subject,) = load(right(tmp_path))
    report = check_implementation(subject, "smoke")
    assert report.ok
    report.raise_for_failures()
    assert len(report) == len(list(report)) > 3
    assert repr(report).startswith("<Report: ")
    assert "right" in report._repr_html_()


def test_a_wrong_implementation_says_what_is_wrong(tmp_path: Path) -> None:
    (subject,) = load(wrong(tmp_path))
    report = check_implementation(subject, "smoke")
    assert not report.ok
    with pytest.raises(AssertionError, match=r"FAILED wrong · matches-the-definition") as caught:
        report.raise_for_failures()
    assert "opposite sign" in str(caught.value)


def test_nothing_found_is_not_well(tmp_path: Path) -> None:
    (subject,) = load(right(tmp_path))
    empty = check_implementation(subject, "smoke", dtypes=["float32"], checks=["grouped-heads"])[:0]
    assert not empty.ok
    with pytest.raises(AssertionError, match=r"^nothing was found: no check ran$"):
        empty.raise_for_failures()


def test_an_unknown_level(tmp_path: Path) -> None:
    (subject,) = load(right(tmp_path))
    with pytest.raises(ValueError, match=r"^level must be one of smoke, standard, certified, got 'quick'$"):
        check_implementation(subject, "quick")


def test_the_catalogue_is_what_it_claims() -> None:
    for name in ("rope", "xpos"):
        assert name in names()
        report = check_encoding(name)
        assert report.ok, report
    unitary = next(f for f in check_encoding("xpos") if f.check == "unitary")
    assert unitary.expected == "unitary is False, as claimed"
    assert unitary.reason.startswith("found: refuted")


SUITE = """
import sys
sys.path.insert(0, {folder!r})
from lagwise.conformance import parametrize_with_checks
import rope_right, rope_wrong

@parametrize_with_checks([rope_right.subject, rope_wrong.subject], level="smoke")
def test_mine(subject, check):
    check(subject)
"""


def test_pytest_collects_one_test_per_subject_and_check(tmp_path: Path) -> None:
    right(tmp_path, "rope_right.py")
    wrong(tmp_path, "rope_wrong.py")
    (tmp_path / "test_mine.py").write_text(SUITE.format(folder=str(tmp_path)))
    pytest_ = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rs", str(tmp_path)]
    collected = subprocess.run([*pytest_, "--collect-only"], capture_output=True, text=True, check=True).stdout
    assert "test_mine[right-matches-the-definition]" in collected
    assert "test_mine[wrong-matches-the-definition]" in collected
    done = subprocess.run(pytest_, capture_output=True, text=True)
    assert done.returncode == 1
    assert "FAILED wrong · matches-the-definition" in done.stdout
    assert "test_mine[right-" not in done.stdout
    assert "SKIPPED" in done.stdout
    assert "not promised" in done.stdout


def test_wrong_arguments_of_the_decorator() -> None:
    from lagwise.conformance import parametrize_with_checks

    with pytest.raises(ValueError, match=r"^parametrize_with_checks: wanted at least one subject, got none$"):
        parametrize_with_checks([])
