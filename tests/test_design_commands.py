"""`lagwise design`, `prove`, `show`, `list`: what they print, what they return, what they say to a mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = "import sympy as sp\nfrom lagwise.spec import Encoding, position, lag\n"
TURN = """theta = sp.Symbol('theta', positive=True)
c, s = sp.cos(position * theta), sp.sin(position * theta)
turn = sp.Matrix([[c, -s], [s, c]])
"""
MINE = (
    HEAD + TURN + "design = Encoding('mine', query=turn, key=turn, claims={'lag-invariant': True, 'unitary': True})\n"
)


def lagwise(*arguments, cwd=None):
    call = [sys.executable, "-c", "from lagwise.conformance.commands import main; main()", *map(str, arguments)]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=cwd)


@pytest.fixture
def design_file(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_a_design_as_json_has_the_shape_of_the_contract(design_file):
    done = lagwise("design", design_file(MINE), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["name"], found["kind"], found["domain"], found["family"]) == (
        "mine",
        "bilinear",
        "integer",
        "orthogonal",
    )
    for name in ("lag-invariant", "unitary", "identity-at-zero"):
        assert found["properties"][name]["verdict"] == "proved"
        assert found["properties"][name]["witness"] is None
        assert found["properties"][name]["holds_when"] is None
    assert found["properties"]["unitary"]["gain"] == "1"
    assert found["properties"]["rank"] == {"bidirectional": {"value": 2}, "causal": {"value": 2}}
    assert found["claims"] == {"lag-invariant": True, "unitary": True}
    assert found["canonical_form"] == "W_τ = [[cos(τ·θ), -sin(τ·θ)], [sin(τ·θ), cos(τ·θ)]]"


def test_a_contradicted_claim_exits_1_and_shows_the_witness(design_file):
    wrong = MINE.replace("key=turn", "key=turn.T")
    done = lagwise("design", design_file(wrong))
    assert done.returncode == 1
    assert "✗ claim lag-invariant: True  contradicted" in done.stdout
    assert "witness: query position 0, key position 0, shift 1, entry [0, 0]" in done.stdout


def test_a_property_that_nobody_claims_never_changes_the_exit_code(design_file):
    silent = MINE.replace("key=turn", "key=turn.T").replace(", claims={'lag-invariant': True, 'unitary': True}", "")
    assert lagwise("design", design_file(silent)).returncode == 0


def test_an_undecided_claim_exits_3(design_file):
    text = HEAD + "design = Encoding('log', query=sp.Matrix([[sp.log(1 + position)]]), claims={'unitary': True})\n"
    done = lagwise("design", design_file(text))
    assert done.returncode == 3
    assert "log(position + 1) is no exponential polynomial in the position" in done.stdout


MISTAKES = [
    ("design = (", "{f}: does not parse: '(' was never closed, line 1"),
    ("import nothing_like_this\n", "{f}: ModuleNotFoundError: No module named 'nothing_like_this'"),
    (
        HEAD + "mine = Encoding('m', query=sp.eye(2))\n",
        "{f}: wanted a variable 'design' that holds an Encoding, found none; did you mean {f}:mine?",
    ),
    ("design = 3\n", "{f}: design must be an Encoding, got int"),
    (
        HEAD + "design = Encoding('m', query=sp.Matrix([[sp.Symbol('position')]]))\n",
        "{f}: m: the symbol 'position' is only named like ours; use `from lagwise.spec import position`",
    ),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_in_a_design_file_is_one_line_and_exit_2(design_file, text, message):
    path = design_file(text)
    done = lagwise("design", path)
    assert done.returncode == 2
    assert done.stderr == "lagwise: " + message.replace("{f}", str(path)) + "\n"
    assert done.stdout == ""


def test_other_mistakes_are_one_line_and_exit_2(tmp_path):
    for arguments, message in [
        (("design", "none.py"), "none.py: no such file"),
        (("design", "rope"), "design: wanted FILE.py or FILE.py:NAME, got 'rope'; for the catalogue: lagwise show"),
        (("prove", "ropes"), "unknown encoding 'ropes'; did you mean 'rope'?"),
        (("show", "rope[axes=9]"), "rope: axes must be one of 1, 2, 3, got '9'"),
        (("verify", tmp_path / "none"), f"{tmp_path / 'none'}: no such file or folder"),
    ]:
        done = lagwise(*arguments)
        assert (done.returncode, done.stderr) == (2, f"lagwise: {message}\n")


def test_prove_prints_quantifiers_and_writes_certificates_that_verify_accepts(tmp_path):
    folder = tmp_path / "proofs"
    done = lagwise("prove", "xpos", "rope", "--certificates", folder)
    assert done.returncode == 0, done.stderr
    assert (
        "for every number of 2-wide blocks, other coordinates untouched; every positive theta; all real positions s, t"
        in done.stdout
    )
    assert "✓ unitary: False  refuted" in done.stdout
    assert "taken on trust: the spectral theorem for unitary matrices" in done.stdout
    assert len(list(Path(folder).glob("*.json"))) >= 15
    checked = lagwise("verify", folder)
    assert checked.returncode == 0
    assert "0 rejected" in checked.stdout


def test_prove_takes_a_file_and_contradicts_it(design_file):
    done = lagwise("prove", design_file(MINE.replace("key=turn", "key=turn.T")))
    assert done.returncode == 1
    assert "1 contradicted" in done.stdout


def test_show_and_list_print_what_is_decided():
    shown = lagwise("show", "xpos")
    assert shown.returncode == 0
    assert "source: Sun et al." in shown.stdout
    assert "it does hold when zeta = 1" in shown.stdout
    rows = {r["encoding"]: r for r in json.loads(lagwise("list", "--json").stdout)}
    assert rows["sinusoidal"]["lag-invariant"] == "refuted"
    assert rows["rope"]["family"] == "orthogonal"
