"""Every wrong subject is caught by a check named for it, every right one is accused by none, and no check is idle."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lagwise.conformance.checks import all_checks, findings
from lagwise.conformance.finding import Finding, Level, Outcome
from lagwise.conformance.mutants import correct_variants, mutants
from lagwise.conformance.mutants.adapters_that_fail import adapters_that_fail
from lagwise.conformance.mutants.mutant import Mutant
from lagwise.conformance.recording import record
from lagwise.conformance.runner import Options
from lagwise.conformance.subject import Subject

MUTANTS = {m.name: m for m in mutants()}
VARIANTS = {s.name: s for s in correct_variants()}


def of_library(subject: Subject) -> list[pytest.MarkDecorator]:
    return [pytest.mark.optional(subject.library)] if subject.library != "numpy" else []


def cases(subjects: Mapping[str, Subject]) -> list[object]:
    return [pytest.param(name, marks=of_library(subject), id=name) for name, subject in subjects.items()]


def run(subject: Subject) -> list[Finding]:
    return list(findings(subject, level=Level.SMOKE))


@pytest.fixture(scope="module")
def kills() -> Iterator[dict[str, dict[str, int]]]:
    """mutant -> check -> failed cases, filled by the tests below; printed as a matrix at the end (pytest -s)."""
    found: dict[str, dict[str, int]] = {}
    yield found
    print(f"\n{matrix(found)}")


def matrix(found: Mapping[str, Mapping[str, int]]) -> str:
    """One line for each mutant, one column for each check that failed on any of them."""
    columns = [c.name for c in all_checks() if any(c.name in row for row in found.values())]
    head = [f"{'':32s} {' ' * 2 * i}┌ {name}" for i, name in enumerate(columns)]
    lines = [f"{name:32s} {''.join('✗ ' if c in row else '· ' for c in columns)}" for name, row in found.items()]
    return "\n".join([*head, *lines])


def failed(subject: Subject) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in run(subject):
        if finding.outcome is Outcome.FAILED:
            counts[finding.check] = counts.get(finding.check, 0) + 1
    return counts


@pytest.mark.parametrize("name", cases({n: m.subject for n, m in MUTANTS.items()}))
def test_a_mutant_is_caught_by_a_check_named_for_it(name: str, kills: dict[str, dict[str, int]]) -> None:
    mutant: Mutant = MUTANTS[name]
    kills[name] = failed(mutant.subject)
    assert kills[name].keys() & set(mutant.caught_by), (
        f"{name}: wanted a failure of {' or '.join(mutant.caught_by)}, got {', '.join(kills[name]) or 'none'}"
    )


@pytest.mark.parametrize("name", cases(VARIANTS))
def test_a_correct_variant_is_not_accused(name: str) -> None:
    found = run(VARIANTS[name])
    accused = [f"{f.check} {f.case} {f.dtype}: {f.reason}" for f in found if not f.ok]
    assert not accused, "\n".join(accused)
    assert sum(f.outcome is Outcome.PASSED for f in found) >= 3


@pytest.mark.optional("torch")
def test_every_check_is_failed_by_a_mutant(kills: dict[str, dict[str, int]]) -> None:
    for name, mutant in MUTANTS.items():
        if name not in kills:
            kills[name] = failed(mutant.subject)
    judging = {c.name for c in all_checks() if c.failure_means != "a number, not a promise"}
    idle = judging - {check for row in kills.values() for check in row}
    assert not idle, f"no mutant fails {', '.join(sorted(idle))}"


def test_the_tables_are_large_enough_and_say_where_the_faults_were_seen() -> None:
    assert len(MUTANTS) >= 50
    assert len(VARIANTS) >= 20
    assert len({m.fault_class for m in MUTANTS.values()}) >= 12
    for mutant in MUTANTS.values():
        assert "#" in mutant.reference or mutant.reference.startswith(("LRPE, ", "constructed", "cheating")), (
            mutant.name
        )
        assert mutant.caught_by


def test_mutants_start_without_memory() -> None:
    first, second = ({m.name: m for m in mutants()} for _ in range(2))
    for name in ("table-shared-by-length", "first-answer-by-shape"):
        assert first[name].subject.encode is not second[name].subject.encode


def test_every_failing_adapter_gets_a_row_with_its_reason_and_stops_nobody(tmp_path: Path) -> None:
    target = "lagwise.conformance.mutants.adapters_that_fail:subjects"
    report = record([target], Options(level="smoke", time_limit=5.0), tmp_path)
    for adapter in adapters_that_fail():
        reasons = [
            row["reason"]
            for row in report.rows
            if (row["subject"], row["outcome"]) == (adapter.subject.name, adapter.expected)
        ]
        assert any(adapter.says in reason for reason in reasons), (adapter.subject.name, reasons)
    assert report.footer["exit"] == 1
