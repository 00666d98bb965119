"""Other people's libraries: adapters run, outcomes are those on record, what is accused shows without lagwise."""

import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from lagwise.conformance import adapters
from lagwise.conformance.adapters import third_party
from lagwise.conformance.adapters.expected import Status, changes, on_record
from lagwise.conformance.checks import findings
from lagwise.conformance.targets import UnavailableError

ROOT = Path(__file__).parent.parent
LIBRARIES = ("rotary-embedding-torch", "transformers")


def rows(name: str) -> list[dict[str, Any]]:
    return [f.row() for subject in third_party()[name]() for f in findings(subject, level="smoke")]


def libraries() -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.optional("torch"), pytest.mark.optional(name)]) for name in LIBRARIES]


def test_the_short_names_are_those_of_the_packages() -> None:
    assert sorted(third_party()) == sorted(LIBRARIES)


def test_listing_the_adapters_imports_no_library() -> None:
    code = (
        "import sys; from lagwise.conformance.adapters import third_party; third_party(); "
        "sys.exit(bool({'torch', 'transformers', 'rotary_embedding_torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_library_is_one_clear_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(adapters.THIRD_PARTY, "no-such-rope", "transformers_llama")
    monkeypatch.setitem(sys.modules, "torch", sys)  # stands in, so that only the library itself is missing
    with pytest.raises(UnavailableError) as caught:
        third_party()["no-such-rope"]()
    assert str(caught.value) == "no-such-rope: No module named 'no_such_rope'; pip install 'lagwise[subjects]'"


@pytest.mark.parametrize("name", libraries())
def test_the_outcomes_are_those_on_record(name: str) -> None:
    found = changes(rows(name))
    assert len(found) > 20
    assert {c.version for c in found} == {version(name)}
    unexpected = [f"{c.subject} {c.check} {c.dtype}: {c.outcome}" for c in found if c.status is Status.CHANGED]
    assert not unexpected


@pytest.mark.parametrize("name", libraries())
def test_the_promise_is_quoted_with_its_version(name: str) -> None:
    from importlib import import_module

    promise = import_module(f"lagwise.conformance.adapters.{adapters.THIRD_PARTY[name]}").PROMISE
    assert re.match(rf"{name} \d+\.\d+\.\d+, ", promise)
    assert "'" in promise


@pytest.mark.optional("torch")
@pytest.mark.optional("rotary-embedding-torch")
def test_what_is_accused_shows_without_lagwise() -> None:
    script = ROOT / "reports" / "repro" / "rotary_embedding_torch_positions.py"
    assert "import lagwise" not in script.read_text()
    shown = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True).stdout
    at_257 = float(re.search(r"bfloat16 .*?257: ([\d.]+)", shown)[1])  # type: ignore[index]
    assert at_257 > 1
    assert "float16 at offset 65528, finite: False" in shown


def test_every_accusation_on_record_has_a_reason() -> None:
    for subject, known in on_record().items():
        assert known["otherwise"] == ["passed", "skipped"], subject
        for row in known["rows"]:
            assert row["reason"], (subject, row)
            if row["outcome"] == ["failed"]:
                assert (ROOT / row["repro"]).is_file(), (subject, row)


RECORD: Mapping[str, Any] = {
    "lib:a": {
        "versions": "1.*",
        "otherwise": ["passed", "skipped"],
        "rows": [{"check": "x", "dtype": "float16", "outcome": ["failed"], "reason": "known"}],
    }
}


@pytest.mark.parametrize(
    ("subject", "version", "check", "outcome", "status"),
    [
        ("lib:a", "1.4", "x", "failed", "unchanged"),
        ("lib:a", "1.4", "x", "passed", "changed"),
        ("lib:a", "1.4", "y", "passed", "unchanged"),
        ("lib:a", "1.4", "y", "errored", "changed"),
        ("lib:a", "2.0", "x", "failed", "new"),
        ("lib:b", "1.0", "x", "passed", "new"),
    ],
)
def test_a_run_is_compared_with_the_record(subject: str, version: str, check: str, outcome: str, status: str) -> None:
    row = {"subject": subject, "subject_version": version, "check": check, "dtype": "float16", "outcome": outcome}
    (found,) = changes([row], RECORD)
    assert found.status == status


def test_the_worst_of_several_cases_counts() -> None:
    row = {"subject": "lib:a", "subject_version": "1.0", "check": "y", "dtype": "float32"}
    (found,) = changes([row | {"outcome": o} for o in ("passed", "failed", "skipped")], RECORD)
    assert (found.outcome, found.status) == ("failed", "changed")


@pytest.mark.optional("torch")
@pytest.mark.optional("rotary-embedding-torch")
@pytest.mark.optional("transformers")
def test_libraries_are_compared_with_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    from lagwise.conformance.commands.compare import run

    assert run("rotary-embedding-torch", "transformers", dtype="bfloat16") == 1
    shown = capsys.readouterr().out
    assert "first part at position 257, pair 0" in shown
    assert (
        "rotary-embedding-torch:offset agrees with its definition if positions are rounded to bfloat16 (largest"
        in shown
    )
    assert "transformers:llama would give the same bits with float32 angles, float32 tables, float32 products" in shown


def test_comparing_with_a_missing_library_is_errored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lagwise.conformance.commands.compare import run

    monkeypatch.setitem(adapters.THIRD_PARTY, "no-such-rope", "transformers_llama")
    monkeypatch.setitem(sys.modules, "torch", sys)
    assert run("no-such-rope", "no-such-rope") == 3
    assert "errored: no-such-rope: No module named 'no_such_rope'" in capsys.readouterr().out
