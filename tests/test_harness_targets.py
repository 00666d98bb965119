"""What a target may be, and the one line that says why it is none."""

from pathlib import Path

import pytest
from harness_fakes import right, write
from lagwise.conformance.targets import TargetError, load, precheck


def names(target: str, encoding: str | None = None) -> list[str]:
    return [subject.name for subject in load(target, encoding)]


def test_a_file_gives_subject_then_subjects_then_all_there_are(tmp_path: Path) -> None:
    assert names(right(tmp_path)) == ["right"]
    assert names(write(tmp_path, "more.py", "subjects = [rope('a'), rope('b')]\n")) == ["a", "b"]
    assert names(write(tmp_path, "any.py", "left = rope('a')\nright = [rope('b')]\nagain = left\n")) == ["a", "b"]
    assert names(write(tmp_path, "named.py", "subject = rope('a')\nother = rope('b')\n") + ":other") == ["b"]


def test_a_file_may_import_its_neighbour(tmp_path: Path) -> None:
    right(tmp_path, "neighbour_of_mine.py")
    path = tmp_path / "importer.py"
    path.write_text("from neighbour_of_mine import subject\n")
    assert names(str(path)) == ["right"]


def test_a_module_is_found_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right(tmp_path, "module_of_mine.py")
    monkeypatch.chdir(tmp_path)
    assert names("module_of_mine:subject") == ["right"]


def test_an_encoding_chooses_among_the_subjects(tmp_path: Path) -> None:
    target = write(tmp_path, "two.py", "subjects = [rope('a'), rope('b', encoding='xpos')]\n")
    assert names(target, "rope") == ["a"]
    assert names(target, "xpos") == ["b"]
    assert names(target, "nope") == []


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("backend:torh", "target 'backend:torh': unknown backend 'torh'; did you mean 'torch'?"),
        ("backend:", "target 'backend:': unknown backend ''; known: cupy, numpy, torch"),
        ("none.py", "target 'none.py': cannot read 'none.py': No such file or directory"),
        (":name", "target ':name': wanted package.module:name"),
        ("transfomers", "unknown target 'transfomers'; did you mean 'transformers'?"),
    ],
)
def test_what_can_be_seen_to_be_no_target(target: str, message: str) -> None:
    with pytest.raises(TargetError) as caught:
        precheck(target)
    assert str(caught.value) == message


def test_a_file_that_does_not_parse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(TargetError) as caught:
        precheck("bad.py")
    assert str(caught.value) == "target 'bad.py': bad.py does not parse: invalid syntax, line 2"


def test_what_is_found_out_by_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    right(tmp_path, "one.py")
    Path("empty.py").write_text("x = 1\n")
    expected = {
        "one.py:subjekt": "target 'one.py:subjekt': no 'subjekt' in one; did you mean 'subject'?",
        "one.py:turn": "target 'one.py:turn': turn must be a Subject or a sequence of them, got function",
        "empty.py": "target 'empty.py': no Subject in empty; wanted a value named subject or subjects",
        "no_such_module:x": "target 'no_such_module:x': no module named 'no_such_module'",
    }
    for target, message in expected.items():
        with pytest.raises(TargetError) as caught:
            load(target)
        assert str(caught.value) == message


def test_an_import_error_inside_the_module_is_not_a_wrong_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("imports_nothing_real.py").write_text("import a_module_that_is_not_there\n")
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_not_there"):
        load("imports_nothing_real:x")
