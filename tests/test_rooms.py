"""Nothing stands in the tree without its counterparts: each test names the piece that is missing."""

import importlib
from pathlib import Path

import pytest
from lagwise.conformance.adapters import THIRD_PARTY
from lagwise.conformance.adapters.own import DTYPES, subjects
from lagwise.conformance.checks import FAMILIES, all_checks
from lagwise.conformance.mutants import mutants
from lagwise.conformance.targets import BACKENDS
from lagwise.spec.catalogue import FILES, get, members, names

ROOT = Path(__file__).parents[1]
HELPERS = {"__init__", "schedules", "shared", "smoke"}


def modules(folder):
    return {path.stem for path in (ROOT / folder).glob("*.py")}


def test_every_catalogue_file_is_registered():
    assert modules("spec/catalogue") - HELPERS == set(FILES.values())


@pytest.mark.parametrize("name", names())
def test_every_entry_is_run_by_our_backends_or_says_why_not(name):
    module = importlib.import_module(f"lagwise.spec.catalogue.{FILES[name]}")
    said = getattr(module, "DEFINITION_ONLY", {})
    for backend in ("numpy", "torch"):
        run = {subject.record.name for subject in subjects(backend)}
        for member in members(name):
            assert get(member).name in run or member in said or isinstance(said, str), (
                f"{member}: no subject in adapters/own.py runs it on {backend}, and {FILES[name]}.py does not say why"
            )


def test_every_mutant_names_checks_that_exist():
    caught = {check for mutant in mutants() for check in mutant.caught_by}
    assert caught - {check.name for check in all_checks()} == set()


def test_every_file_of_checks_is_a_family_or_serves_one():
    imported = {
        word
        for path in (ROOT / "conformance/checks").glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith(("from .", "import ")) or " import " in line
        for word in line.replace(",", " ").replace(".", " ").split()
    }
    assert modules("conformance/checks") - HELPERS - set(FAMILIES) - imported == set()


def test_every_adapter_is_registered_and_short():
    known = {"__init__", "own", "expected"} | {
        name for name in modules("conformance/adapters") if name.startswith("own_")
    }
    assert modules("conformance/adapters") - known == set(THIRD_PARTY.values())
    for name in THIRD_PARTY.values():
        lines = (ROOT / "conformance/adapters" / f"{name}.py").read_text().splitlines()
        assert len([line for line in lines if line.strip()]) <= 45, name


def test_every_backend_has_its_dtypes():
    assert set(BACKENDS) <= set(DTYPES)


def test_the_readme_holds_the_generated_table():
    from lagwise.conformance.commands.list_ import markdown

    text = (ROOT / "README.md").read_text()
    table = text.partition("<!-- table: lagwise list -->\n")[2].partition("\n<!-- end -->")[0]
    assert table == markdown(), "regenerate it: python tests/test_rooms.py"


if __name__ == "__main__":
    from lagwise.conformance.commands.list_ import markdown as generate

    readme = ROOT / "README.md"
    before, start, rest = readme.read_text().partition("<!-- table: lagwise list -->\n")
    _, end, after = rest.partition("<!-- end -->")
    readme.write_text(before + start + generate() + "\n" + end + after)
