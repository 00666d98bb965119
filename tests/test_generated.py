"""A design runs at once: its generated reference keeps every promise, and a design file can judge another's subject."""

import numpy as np
import pytest
import sympy as sp
from lagwise.conformance import Outcome, check_implementation
from lagwise.conformance.generated import subject
from lagwise.conformance.targets import load
from lagwise.spec import Encoding, axis, dim, lag, pair, position
from lagwise.spec.catalogue import get
from lagwise.spec.encoding import EncodingError

theta, base, r = sp.symbols("theta base r", positive=True)
c, s = sp.cos(position * theta), sp.sin(position * theta)
turn = sp.Matrix([[c, -s], [s, c]])
schedule = {theta: base ** (-2 * pair / dim), base: 10000}
relative = {"lag-invariant": True}

DESIGNS = [
    Encoding("turn", query=turn, parameters=schedule, claims={"unitary": True, **relative}),
    Encoding("complex", query=sp.Matrix([[sp.exp(sp.I * position / 10)]]), claims={"unitary": True, **relative}),
    Encoding("tall", query=sp.Matrix([c, s]), claims={"unitary": True, **relative}),
    Encoding("axes", query=sp.diag(*(sp.exp(sp.I * theta * axis(j)) for j in (0, 1))), axes=2, claims=relative),
    Encoding("affine", query=sp.Matrix([[1, 0, s], [0, 1, c]]), claims={"lag-invariant": False}),
    Encoding("damped", query=r**position * sp.eye(2), key=r**-position * sp.eye(2), claims=relative),
    Encoding(
        "Jordan", query=sp.Matrix([[1, position], [0, 1]]), key=sp.Matrix([[1, 0], [-position, 1]]), claims=relative
    ),
]


@pytest.mark.parametrize("design", DESIGNS, ids=lambda e: e.name)
def test_the_generated_reference_keeps_every_promise(design):
    report = check_implementation(subject(design), level="smoke")
    assert report.ok, report.raise_for_failures()
    measured = {f.check for f in report if f.outcome is Outcome.PASSED}
    assert {"contract", "matches-the-definition", "deterministic"} <= measured


def test_a_wrong_reference_is_caught():
    from dataclasses import replace

    right = subject(DESIGNS[0])
    wrong = replace(right, encoding=Encoding("other", query=turn.T, parameters=schedule, claims=relative))
    assert not check_implementation(wrong, level="smoke").ok


def test_forms_without_a_reference_say_so():
    with pytest.raises(EncodingError, match=r"b: only query=/key= matrices have a generated reference, got bias="):
        subject(Encoding("b", bias=-sp.Abs(lag)))
    with pytest.raises(EncodingError, match="no generated reference for the basis 'dct'"):
        subject(get("lrpe[core=orthogonal,p=dct]"))


def test_a_design_file_is_a_target_and_judges_other_subjects(tmp_path):
    text = (
        "import sympy as sp\nfrom lagwise.spec import Encoding, position\n"
        "design = Encoding('mine', query=sp.Matrix([[sp.exp(sp.I * position / 10)]]))\n"
    )
    (tmp_path / "mine.py").write_text(text)
    (found,) = load(str(tmp_path / "mine.py"))
    assert found.name == "generated:mine"
    rows = found.encode(q=np.ones((1, 1, 3, 1)), k=np.ones((1, 1, 3, 1)), positions=np.arange(3))[0]
    assert np.allclose(rows[0, 0, :, 0] + 1j * rows[0, 0, :, 1], np.exp(0.1j * np.arange(3)))
    (tmp_path / "yours.py").write_text(
        "from lagwise.conformance import Subject\n"
        "subject = Subject(name='y', encoding='nope', encode=lambda q, k: (q, k))\n"
    )
    (other,) = load(str(tmp_path / "yours.py"), str(tmp_path / "mine.py"))
    assert (other.name, other.record.name) == ("y", "mine")
