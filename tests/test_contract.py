"""A third party's design and subject, written from the public contract alone, outside the repository, on the wheel."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

DESIGN = """
import sympy as sp
from lagwise.spec import Encoding, position, lag
theta = sp.Symbol("theta", positive=True)
turn = sp.Matrix([[sp.cos(position*theta), -sp.sin(position*theta)], [sp.sin(position*theta), sp.cos(position*theta)]])
design = Encoding("mine", query=turn, key=turn, claims={"lag-invariant": True, "unitary": True})
"""

SUBJECT = """
import numpy as np
from lagwise.conformance import Subject

def rotate(x, positions, base, sign):
    d = x.shape[-1]
    angles = positions[:, None].astype(np.float64) * base ** (-np.arange(0, d, 2) / d)
    cos, sin = np.cos(angles).astype(x.dtype), sign * np.sin(angles).astype(x.dtype)
    a, b = x[..., 0::2], x[..., 1::2]
    return np.stack((a * cos - b * sin, a * sin + b * cos), axis=-1).reshape(x.shape)

def subject_of(name, sign):
    return Subject(
        name=name, encoding="rope", library="numpy",
        encode=lambda q, k, positions, parameters: (rotate(q, positions, parameters["base"], sign),
                                                    rotate(k, positions, parameters["base"], sign)),
        parameters={"dim": 32, "base": 10000.0}, dtypes=("float32", "float64"), max_position=131072,
        angles="float64", tables="input", arithmetic="input")

right = subject_of("right", 1)
wrong = subject_of("wrong sign", -1)
"""

PYTEST = """
from lagwise.conformance import check_encoding, check_implementation, parametrize_with_checks
from design import design
from subject import right, wrong

@parametrize_with_checks([right])
def test_right(subject, check):
    check(subject)

def test_doors():
    assert check_encoding(design).ok
    report = check_implementation(wrong)
    assert not report.ok
    assert len(report) == len(list(report))
"""


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder with a third party's files, and an environment that sees the installed wheel, not the repository."""
    root = tmp_path_factory.mktemp("outside")
    for name, text in (("design.py", DESIGN), ("subject.py", SUBJECT), ("test_mine.py", PYTEST)):
        (root / name).write_text(text)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    source = _copy_of_the_sources(tmp_path_factory.mktemp("source"))
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(root / "dist"), str(source)]
    subprocess.run(wheel, check=True, capture_output=True)
    (built,) = (root / "dist").glob("*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(root / "site"), str(built)], check=True, capture_output=True
    )
    return root


def _copy_of_the_sources(folder):
    """The repository without its build leftovers, so that building leaves nothing behind."""
    import shutil

    for name in ("spec", "impls", "conformance"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder / name)
    return folder


def run(outside, *arguments):
    code = (
        "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'Editable' not in repr(f)];"
        "sys.path_hooks[:] = [h for h in sys.path_hooks if 'Editable' not in repr(h)];"
        "import lagwise.spec; assert 'site' in lagwise.spec.__file__, lagwise.spec.__file__;"
    )
    environment = os.environ | {"PYTHONPATH": str(outside / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code + arguments[0], *map(str, arguments[1:])],
        capture_output=True, text=True, check=False, cwd=outside, env=environment,
    )  # fmt: skip


def lagwise(outside, *arguments):
    return run(outside, "from lagwise.conformance.commands import main; main()", *arguments)


def test_a_design_written_from_the_contract_is_judged(outside):
    done = lagwise(outside, "design", "design.py", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["kind"], found["family"]) == ("bilinear", "orthogonal")
    assert found["claims"] == {"lag-invariant": True, "unitary": True}


def test_a_right_subject_passes_and_a_wrong_one_fails_with_its_cause(outside):
    done = lagwise(outside, "run", "subject.py:right", "--level", "smoke", "--out", "right")
    assert done.returncode == 0, done.stdout + done.stderr
    done = lagwise(outside, "run", "subject.py:wrong", "--level", "smoke", "--out", "wrong")
    assert done.returncode == 1, done.stdout + done.stderr
    rows = [json.loads(line) for line in (outside / "wrong/report.jsonl").read_text().splitlines()]
    assert (rows[0]["kind"], rows[-1]["kind"], rows[-1]["exit"]) == ("header", "footer", 1)
    failed = [r for r in rows if r.get("outcome") == "failed"]
    assert {r["check"] for r in failed} == {"matches-the-definition"}
    assert any("sign" in r["likely_cause"] for r in failed)


def test_the_doors_in_python_and_pytest(outside):
    done = run(outside, "import pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', 'test_mine.py']))")
    assert done.returncode == 0, done.stdout + done.stderr
