"""Our scaled RoPE and its relatives pass every check, on NumPy and on a library that has nothing but the standard."""

import pytest
from lagwise.conformance.adapters import own_relatives, own_rotary
from lagwise.conformance.checks import findings
from lagwise.impls import arrays

SUBJECTS = {
    subject.name: subject
    for backend in ("numpy", "standin")
    for file in (own_rotary, own_relatives)
    for subject in file.subjects(backend, arrays)
    if (backend == "standin") != subject.name.endswith("accurate")  # each way once, where it is the harder one
}


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_check_passes(name):
    if name.startswith("standin"):
        pytest.importorskip("array_api_strict")
    found = list(findings(SUBJECTS[name], level="smoke", dtypes=("float32",)))
    assert len(found) >= 4
    assert [f"{f.check} {f.case}: {f.reason}" for f in found if not f.ok] == []
