"""A subject is values and functions; what is wrong with one is said in one line."""

import dataclasses

import pytest
import sympy as sp
from lagwise.conformance.subject import ARGUMENTS, DOORS, SUPPORTS, Subject, SubjectError
from lagwise.spec import Encoding, position


def encode(q, k, positions):
    return q, k


def test_the_published_keywords_are_accepted():
    subject = Subject(
        name="my-rope",
        encoding="rope",
        library="torch",
        build=lambda parameters, dtype, device: None,
        encode=lambda state, q, k, positions: (q, k),
        parameters={"dim": 64, "base": 10000.0},
        layout="halves",
        dtypes=("float32", "bfloat16"),
        max_position=131072,
        angles="float32",
        tables="input",
        arithmetic="input",
        supports={"offset", "grouped-heads"},
        exempt={"contract": "returns float32 by design"},
    )
    assert subject.record.name == "rope"
    assert subject.doors == ("encode",)
    assert subject.names("build") == ("parameters", "dtype", "device")
    assert [subject.declared(what) for what in ("angles", "tables", "arithmetic")] == ["float32", "input", "input"]
    assert subject.dim == 64
    assert isinstance(subject.supports, frozenset)


def test_it_is_frozen():
    subject = Subject(name="a", encoding="rope", encode=encode)
    with pytest.raises(dataclasses.FrozenInstanceError):
        subject.name = "b"


def test_tables_is_a_declaration_or_a_door():
    declared = Subject(name="a", encoding="rope", encode=encode, tables="float32")
    assert declared.declared("tables") == "float32"
    assert declared.doors == ("encode",)
    door = Subject(name="a", encoding="rope", tables=lambda positions: (positions, positions), table_precision="input")
    assert door.declared("tables") == "input"
    assert door.doors == ("tables",)


def test_dim_defaults_to_64_and_encoding_may_be_a_variant_or_a_record():
    assert Subject(name="a", encoding="rope[axes=2]", encode=encode).numbers == {"dim": 64}
    own = Encoding("own", query=sp.Matrix([[sp.exp(sp.I * position)]]), domain="real")
    assert Subject(name="a", encoding=own, encode=encode).record is own


def test_arguments_with_a_default_of_their_own_are_left_alone():
    subject = Subject(name="a", encoding="rope", encode=lambda q, k, positions, scale=2.0: (q, k))
    assert subject.names("encode") == ("q", "k", "positions")


WRONG = {
    "library": (
        {"library": "numpi"},
        "my-rope: unknown library 'numpi'; did you mean 'numpy'?",
    ),
    "no door": (
        {"encode": None},
        f"my-rope: no door; give at least one of {', '.join(DOORS)}",
    ),
    "supports": (
        {"supports": {"ofset"}},
        "my-rope: unknown supports item 'ofset'; did you mean 'offset'?",
    ),
    "supports, nothing near": (
        {"supports": {"xyz"}},
        f"my-rope: unknown supports item 'xyz'; known: {', '.join(SUPPORTS)}",
    ),
    "exempt": (
        {"exempt": {"contract": ""}},
        "my-rope: exempt['contract'] needs a reason, got ''",
    ),
    "argument": (
        {"encode": lambda q, k, position: (q, k)},
        "my-rope: unknown argument of encode 'position'; did you mean 'positions'?",
    ),
    "argument, nothing near": (
        {"encode": lambda q, k, zzz: (q, k)},
        f"my-rope: unknown argument of encode 'zzz'; known: {', '.join(ARGUMENTS)}",
    ),
    "positional only": (
        {"encode": lambda q, /, k: (q, k)},
        "my-rope: encode takes 'q' by position only; it is called by keyword",
    ),
    "not callable": (
        {"encode": 3},
        "my-rope: encode must be callable, got int",
    ),
    "encoding": (
        {"encoding": "rop"},
        "my-rope: unknown encoding 'rop'; did you mean 'rope'?",
    ),
    "encoding option": (
        {"encoding": "rope[axis=2]"},
        "my-rope: rope: unknown option 'axis'; did you mean 'axes'?",
    ),
    "encoding type": (
        {"encoding": 3},
        "my-rope: encoding must be a name or an Encoding, got int",
    ),
    "layout": (
        {"layout": "half"},
        "my-rope: layout must be one of interleaved, halves, got 'half'",
    ),
    "angles": (
        {"angles": "fp32"},
        "my-rope: angles must be one of exact, float64, float32, fast, input, got 'fp32'",
    ),
    "tables": (
        {"tables": "bf16"},
        "my-rope: tables must be one of none, float64, float32, input, got 'bf16'",
    ),
    "dtype": (
        {"dtypes": ("float23",)},
        "my-rope: unknown dtype 'float23'; did you mean 'float32'?",
    ),
    "dtypes as a word": (
        {"dtypes": "float32"},
        "my-rope: dtypes must be a sequence of names, got 'float32'",
    ),
    "no bfloat16 in numpy": (
        {"dtypes": ("bfloat16",)},
        "my-rope: numpy has no bfloat16; give dtypes out of float64, float32, float16",
    ),
    "max_position": (
        {"max_position": 0},
        "my-rope: max_position must be an integer >= 1, got 0",
    ),
    "dim": (
        {"parameters": {"dim": -2}},
        "my-rope: parameters['dim'] must be an integer >= 1, got -2",
    ),
    "option": (
        {"options": {"feature_maps": "relu"}},
        "my-rope: unknown option 'feature_maps'; did you mean 'feature_map'?",
    ),
    "name": (
        {"name": ""},
        "subject: name must be a non-empty string, got ''",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_line_says_what_is_wrong(case):
    changed, message = WRONG[case]
    with pytest.raises(SubjectError) as caught:
        Subject(**{"name": "my-rope", "encoding": "rope", "encode": encode} | changed)
    assert str(caught.value) == message
