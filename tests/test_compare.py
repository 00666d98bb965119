"""`lagwise compare`: each rung is reached, what is said to make two agree is right, and mistakes are one line."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lagwise.conformance.commands.compare import run, text
from lagwise.conformance.compare import CompareError, Comparison, Rung, compare
from lagwise.conformance.mutants import correct_variants, mutants
from lagwise.conformance.recipe import Recipe, recipes
from lagwise.conformance.subject import Subject
from lagwise.conformance.targets import TargetError

RIGHT = {s.name.removeprefix("correct:"): s for s in correct_variants()}
WRONG = {m.name: m.subject for m in mutants()}


def against(name: str, other: str = "interleaved", dtype: str | None = None) -> Comparison:
    return compare(RIGHT[other], WRONG[name] if name in WRONG else RIGHT[name], dtype)


@pytest.mark.parametrize(
    "name",
    ["halves", "reads-halves-writes-interleaved", "complex-multiply", "growing-table", "blhd", "in-place-declared"],
)
def test_the_same_numbers_in_another_layout_are_bitwise_equal(name: str) -> None:
    found = against(name)
    assert found.rung is Rung.BITWISE
    assert found.equal == found.elements > 1000
    assert found.first is None


def last_bit_of_the_table() -> Subject:
    """The rotation with a float32 table whose sines are moved by one unit in the last place."""

    def encode(state: object, q: np.ndarray, k: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        theta = 10000.0 ** (-np.arange(0, 16, 2) / 16)
        phase = positions[:, None] * theta
        cos, sin = np.cos(phase).astype(np.float32), np.nextafter(np.sin(phase).astype(np.float32), np.float32(2))
        return tuple(_rotated(x, cos, sin) for x in (q, k))

    return replace(RIGHT["interleaved"], name="moved", encode=encode, table_precision="float32", tables=None)


def _rotated(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    out = np.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return out


def unmoved() -> Subject:
    def encode(state: object, q: np.ndarray, k: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, ...]:
        phase = positions[:, None] * 10000.0 ** (-np.arange(0, 16, 2) / 16)
        cos, sin = np.cos(phase).astype(np.float32), np.sin(phase).astype(np.float32)
        return tuple(_rotated(x, cos, sin) for x in (q, k))

    return replace(last_bit_of_the_table(), name="unmoved", encode=encode)


def test_tables_that_differ_in_the_last_bit_are_the_same_recipe() -> None:
    found = compare(unmoved(), last_bit_of_the_table())
    assert found.rung is Rung.RECIPE
    assert found.equal < found.elements
    assert found.recipes == dict.fromkeys(("unmoved", "moved"), "float32 angles, float32 tables, float32 products")


@pytest.mark.optional("torch")
def test_two_recipes_are_named_and_said_to_be_the_same_mathematics() -> None:
    found = against("bfloat16-tables-declared", "torch-wide", "bfloat16")
    assert found.rung is Rung.MATHEMATICS
    assert found.recipes == {
        "correct:torch-wide": "float32 angles, float32 tables, float32 products",
        "correct:bfloat16-tables-declared": "float32 angles, bfloat16 tables, bfloat16 products",
    }
    assert found.agree_if == (
        f"{found.b} would give the same bits with float32 angles, float32 tables, float32 products",
    )


def test_float32_angles_are_told_from_float64_ones() -> None:
    found = against("float32-angles-declared")
    assert found.rung is Rung.MATHEMATICS
    assert found.recipes["correct:interleaved"] == "float64 angles, float64 tables, float64 products"


SAID = {
    "halves-declared-interleaved": "if its layout is halves",
    "sign-reversed": "if the sign of the rotation is reversed",
    "base-500000": "if base = 500000 (declared: 10000)",
    "positions-in-bfloat16": "if positions are rounded to bfloat16",
    "positions-in-float16": "if positions are rounded to float16",
    "off-by-one": "if positions are one too large",
    "position-modulo-2048": "if positions are taken modulo 2048",
    "position-clamped-at-2047": "if positions stop at 2047",
    "gain-of-1.01": "if everything is multiplied by 1.01",
    "grows-in-half-precision": "if frequencies are rounded to float16",
    "positions-ignored": "if positions are ignored (0, 1, 2, …)",
    "offset-ignored": "if positions are counted from the first one",
    "key-not-encoded": "the key agrees with its definition if nothing is encoded",
    "float32-angles-declared-exact": "within the budget of float32 angles and tables in float32",
    "two-angles-in-a-pair": "differs from its definition, and nothing that was tried explains it",
}


@pytest.mark.parametrize("name", SAID)
def test_different_mathematics_is_explained(name: str) -> None:
    found = against(name)
    assert found.rung is Rung.DIFFERENT
    assert found.first is not None
    assert found.first.u > found.first.allowed
    assert "correct:interleaved agrees with its definition" in found.agree_if
    assert any(SAID[name] in line for line in found.agree_if), found.agree_if


def test_where_they_part_is_the_first_position_beyond_the_budget() -> None:
    found = against("position-modulo-2048")
    assert found.first is not None
    assert (found.first.position, found.first.u > 1e6) == (2048, True)
    assert against("positions-in-bfloat16").first.position == 257  # type: ignore[union-attr]


def test_declared_bases_that_differ_are_said() -> None:
    other = replace(RIGHT["interleaved"], name="other", parameters={"dim": 16, "base": 500000.0})
    found = compare(RIGHT["interleaved"], other)
    assert found.rung is Rung.DIFFERENT
    assert found.agree_if[-1] == "they are declared with different bases: 10000 and 500000"


@pytest.mark.parametrize("name", ["axial", "xpos", "householder", "unitary-stacked", "permutation", "odd-dim"])
def test_encodings_without_recipes_are_compared_too(name: str) -> None:
    assert compare(RIGHT[name], RIGHT[name]).rung is Rung.BITWISE
    assert not compare(RIGHT[name], RIGHT[name]).recipes


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        ("axial", "one-angle-for-two-axes"),
        ("xpos", "key-with-query-map"),
        ("householder", "v-not-normalised"),
        ("unitary-stacked", "no-conjugate"),
        ("permutation", "permutation-inverted"),
        ("odd-dim", "odd-last-coordinate-lost"),
    ],
)
def test_other_members_part_from_their_mutants(reference: str, wrong: str) -> None:
    assert against(wrong, reference).rung is Rung.DIFFERENT


def test_the_same_comparison_twice_is_the_same() -> None:
    assert against("sign-reversed") == against("sign-reversed")


def test_what_cannot_be_compared_is_said_in_one_line() -> None:
    with pytest.raises(CompareError, match=r"^correct:linear-attention: compare needs the door encode, got attend$"):
        against("linear-attention")
    with pytest.raises(CompareError, match=r"dim 16.*dim 15.*do not encode the same vectors$"):
        against("odd-dim")
    with pytest.raises(CompareError, match=r"has float32, .* has float64; wanted a dtype in common$"):
        against("float64-throughout")
    with pytest.raises(CompareError, match=r"wanted bfloat16$"):
        against("halves", dtype="bfloat16")


def test_candidate_recipes_never_work_more_coarsely_than_their_tables() -> None:
    assert Recipe("float32", "bfloat16", "bfloat16") in recipes("bfloat16")
    assert Recipe("bfloat16", "float32", "float32") not in recipes("bfloat16")
    assert len(recipes("float64")) == 2


TARGET = """
from lagwise.conformance.mutants import correct_variants, mutants
named = {{s.name: s for s in [*correct_variants(), *(m.subject for m in mutants())]}}
subject = named[{name!r}]
"""


def target(folder: Path, name: str) -> str:
    path = folder / f"{name.replace(':', '_').replace('-', '_')}.py"
    path.write_text(TARGET.format(name=name))
    return str(path)


def test_the_command_prints_what_it_found_and_returns_the_exit_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right, halves, wrong = (
        target(tmp_path, f) for f in ("correct:interleaved", "correct:halves", "mutant:base-500000")
    )
    assert run(right, halves) == 0
    assert "bitwise equal: 2816 of 2816 numbers are bitwise equal" in capsys.readouterr().out
    assert run(right, wrong, json=True) == 1
    (row,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert row["rung"] == "different mathematics"
    assert row["first"]["position"] == 1


def test_a_subject_that_raises_gives_exit_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "raising.py"
    path.write_text(
        "from lagwise.conformance.mutants.adapters_that_fail import subjects\n"
        "subject = next(s for s in subjects if s.name == 'fails:raises')\n"
    )
    assert run(str(path), target(tmp_path, "correct:interleaved")) == 3
    assert "encode raised RuntimeError: no kernel for this device" in capsys.readouterr().out


def test_mistakes_of_the_person_who_asks(tmp_path: Path) -> None:
    with pytest.raises(TargetError):
        run("nosuch", "transformers")
    one, other = target(tmp_path, "correct:axial"), target(tmp_path, "correct:xpos")
    with pytest.raises(CompareError, match="do not encode the same vectors"):
        run(one, other)


def test_a_difference_that_is_no_number_is_shown() -> None:
    found = against("nan-above-65504")
    assert found.first is not None
    assert found.first.position == 65535
    assert found.plain()["first"]["u"] == "inf"
    assert "first part at position 65535, pair 0, head 0 of q: inf u" in text(found)


@pytest.mark.optional("torch")
def test_frequencies_in_sixteen_bits_are_recognised() -> None:
    found = against("frequencies-in-bfloat16", "torch-wide", "bfloat16")
    assert found.rung is Rung.DIFFERENT
    assert any("if frequencies are rounded to bfloat16" in line for line in found.agree_if), found.agree_if
