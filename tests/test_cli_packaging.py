"""What is shipped is what is in the tree, and nothing heavy is imported before it is needed."""

import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parent.parent
PARTS = ("spec", "impls", "conformance")
HEAVY = ("cupy", "flint", "jinja2", "matplotlib", "mpmath", "numpy", "sympy", "torch", "transformers")


@pytest.fixture(scope="module")
def setuptools() -> Any:
    return tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["setuptools"]


def folders() -> list[Path]:
    """Every package folder of the tree: one that holds a Python file."""
    found = {path.parent for part in PARTS for path in (TOP / part).rglob("*.py")}
    return sorted(folder for folder in found if "__pycache__" not in folder.parts)


def test_packages_are_the_folders_of_the_tree(setuptools: Any) -> None:
    there = [".".join(("lagwise", *folder.relative_to(TOP).parts)) for folder in folders()]
    assert sorted(setuptools["packages"]) == there
    assert setuptools["package-dir"] == {f"lagwise.{part}": part for part in PARTS}
    assert not (TOP / "lagwise").exists()
    assert all((folder / "__init__.py").exists() for folder in folders())


def test_package_data_ships_every_file_that_is_no_code(setuptools: Any) -> None:
    for folder in folders():
        patterns = setuptools["package-data"].get(".".join(("lagwise", *folder.relative_to(TOP).parts)), [])
        for path in folder.iterdir():
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert any(fnmatch(path.name, pattern) for pattern in patterns), f"{path} is not shipped"


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=TOP / "tests")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_packages_import_nothing() -> None:
    for name in ("spec", "conformance"):
        own = "[m for m in sys.modules if m.startswith('lagwise.')]"
        assert python(f"import sys, lagwise.{name}; print({own})").strip() == f"['lagwise.{name}']"


HELP = """
import sys
from lagwise.conformance.commands import app
from typer.testing import CliRunner
for verb in ([], ["run"], ["prove"], ["diff"]):
    assert CliRunner().invoke(app, [*verb, "--help"]).exit_code == 0
"""


def test_help_imports_nothing_heavy() -> None:
    loaded = python(HELP + f"print([m for m in {HEAVY} if m in sys.modules], len(sys.modules))")
    assert loaded.startswith("[] "), loaded
    assert int(loaded.split()[-1]) < 700


@pytest.mark.parametrize("blocked", ["sympy", "flint", "numpy", "torch"])
def test_help_works_without(blocked: str) -> None:
    python(f"import sys; sys.modules[{blocked!r}] = None\n" + HELP)


def test_the_public_names_are_there() -> None:
    for name in ("spec", "conformance"):
        code = (
            f"import lagwise.{name} as p; print(p.__all__ == sorted(p.__all__), all(hasattr(p, n) for n in p.__all__))"
        )
        assert python(code).split() == ["True", "True"]
