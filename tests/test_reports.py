"""What is published: pages are what their rows render to, certificates are what the catalogue proves, files small."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from lagwise.conformance.designs import load
from lagwise.conformance.report import render
from lagwise.conformance.stream import read
from lagwise.spec.catalogue import names
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import check

REPORTS = Path(__file__).parents[1] / "reports"
ROWS = sorted(REPORTS.rglob("report.jsonl"))


def test_there_are_reports():
    assert len(ROWS) >= 2


@pytest.mark.parametrize("rows", ROWS, ids=lambda path: path.parent.name)
def test_each_page_is_rendered_from_the_rows_beside_it(rows):
    report = read(rows)
    assert report.footer is not None
    assert rows.with_name("page.html").read_text(encoding="utf-8").rstrip("\n") == render(report, "html").rstrip("\n")
    assert rows.with_name("report.md").read_text(encoding="utf-8").rstrip("\n") == render(report, "md").rstrip("\n")


def test_the_readme_holds_the_table_of_the_systems():
    spec = spec_from_file_location("tables", REPORTS / "tables.py")
    tables = module_from_spec(spec)
    spec.loader.exec_module(tables)
    text = tables.README.read_text(encoding="utf-8")
    assert text.partition(tables.START)[2].partition("\n" + tables.END)[0] == tables.table()


def test_no_published_file_is_over_one_mebibyte():
    large = [str(path) for path in REPORTS.rglob("*") if path.is_file() and path.stat().st_size > 1 << 20]
    assert large == []


def test_every_published_certificate_holds_and_is_that_of_todays_catalogue():
    published = {path.name: json.loads(path.read_text()) for path in (REPORTS / "proofs").glob("*.json")}
    for certificate in published.values():
        check(certificate)
    today = {
        proposition.certificate["hash"]
        for name in names()
        for encoding in load(name)
        for proposition in judge(encoding).propositions.values()
        if proposition.certificate
    }
    stored = {c["hash"] for c in published.values() if c["claim"]["property"] != "theorem"}
    assert stored == today, "regenerate them: make reports"
