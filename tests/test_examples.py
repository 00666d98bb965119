"""The design and the subject of the contract, as files that a newcomer runs."""

from pathlib import Path

import pytest
from lagwise.conformance.checks import findings
from lagwise.conformance.finding import Outcome
from lagwise.conformance.targets import load

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.optional("torch")
def test_the_subject_of_the_contract_passes() -> None:
    (subject,) = load(str(EXAMPLES / "my_rope.py"))
    found = list(findings(subject, level="smoke"))
    assert [f.reason for f in found if not f.ok] == []
    assert {f.dtype for f in found} == {"float32", "bfloat16"}
    assert sum(f.outcome is Outcome.PASSED for f in found) > 50


def test_the_design_of_the_contract_is_confirmed(capsys: pytest.CaptureFixture[str]) -> None:
    from lagwise.conformance.commands.design import run

    assert run(str(EXAMPLES / "my_encoding.py")) == 0
    shown = capsys.readouterr().out
    assert "claim lag-invariant: True" in shown
    assert "claim unitary: True" in shown
