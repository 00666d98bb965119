"""`lagwise show --config`: what the rotary block of a configuration means, in text and JSON, and its mistakes."""

import json
import subprocess
import sys

import pytest
from lagwise.conformance.commands.show_config import run
from lagwise.conformance.rope_config import read, rotations
from lagwise.conformance.rope_numbers import ConfigError
from lagwise.conformance.rope_tables import tables

ORIGINAL = "original_max_position_embeddings"
HEADS = {"hidden_size": 4096, "num_attention_heads": 32, "max_position_embeddings": 131072}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, ORIGINAL: 8192}
PHI = {
    "head_dim": 16, "max_position_embeddings": 131072, ORIGINAL: 4096, "partial_rotary_factor": 0.75,
    "rope_scaling": {"type": "su", "short_factor": [1.0] * 6, "long_factor": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]},
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(config):
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return path

    return write


def regions(config, which=0):
    return [(r.first, r.last, r.what) for r in next(tables(rotations(config)[which])).regions]


def test_llama3_as_text(written, capsys):
    assert run(written({**HEADS, "rope_theta": 500000.0, "rope_scaling": LLAMA3})) == 0
    assert capsys.readouterr().out == (
        "rope[scaling=llama3]: RoPE with its frequencies changed for longer contexts\n"
        "  dim = 128\n"
        "  base = 500000\n"
        "  factor = 8\n"
        "  low_freq_factor = 1\n"
        "  high_freq_factor = 4\n"
        "  original_max_position_embeddings = 8192\n"
        "  64 pairs, gain 1; angles in radians per position\n"
        "    pairs 0 … 28   kept          θ = 1 … 0.00321144599475\n"
        "    pairs 29 … 34  between       θ = 0.0021665707635 … 0.000178507812768\n"
        "    pairs 35 … 63  divided by 8  θ = 9.55621235396e-05 … 3.06892598891e-07\n"
    )


def test_yarn_as_json(written, capsys):
    block = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 16.0, ORIGINAL: 4096}
    assert run(written({"head_dim": 128, "rope_parameters": block}), json=True) == 0
    (found,) = json.loads(capsys.readouterr().out)["rotations"]
    assert found["encoding"] == "rope[scaling=yarn]"
    assert found["parameters"] == {"dim": 128, "base": 10000.0, "factor": 16.0, ORIGINAL: 4096}
    (table,) = found["tables"]
    assert table["gain"] == 1.2772588722239782
    assert len(table["angles"]) == 64
    assert [(r["first"], r["last"], r["what"]) for r in table["regions"]] == [
        (0, 20, "kept"), (21, 45, "between"), (46, 63, "divided by 16")
    ]  # fmt: skip


def test_longrope_has_a_table_for_each_side_of_the_length():
    (found,) = rotations(PHI)
    assert (found.encoding, found.parameters["rotary_dim"], found.parameters["factor"]) == (
        "rope[scaling=longrope]", 12, 32.0
    )  # fmt: skip
    short, long = tables(found)
    assert (short.length, long.length) == (4096, 131072)
    assert short.gain == long.gain == pytest.approx(1.1902380714, abs=1e-10)
    assert [round(a / b, 9) for a, b in zip(short.angles, long.angles, strict=True)] == [1, 2, 3, 4, 5, 6]
    assert "keys cached at one" in found.notes[-1]


def test_dynamic_is_unscaled_up_to_its_length():
    config = {**HEADS, "rope_theta": 10000.0, "rope_scaling": {"type": "dynamic", "factor": 2.0}}
    before, after = tables(rotations(config)[0])
    assert [(r.first, r.last, r.what) for r in before.regions] == [(0, 63, "kept")]
    assert after.regions[1].what == "by a larger base"


def test_blocks_by_layer_type_and_layers_without_one():
    sliding = {"rope_type": "default", "rope_theta": 10000.0}
    full = {"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25}
    config = {"head_dim": 256, "rope_parameters": {"sliding_attention": sliding, "full_attention": full, "mamba": None}}
    found = rotations(config)
    assert [(r.layer, r.encoding) for r in found] == [
        ("sliding_attention", "rope"), ("full_attention", "rope[scaling=proportional]"), ("mamba", "nope")
    ]  # fmt: skip
    assert found[1].parameters == {"dim": 256, "base": 1e6, "rotary_dim": 64}
    assert regions(config, 1) == [(0, 31, "exponents over the whole head")]


@pytest.mark.parametrize(
    ("config", "encoding", "parameters"),
    [
        ({**HEADS, "rope_theta": 1e6}, "rope", {"dim": 128, "base": 1e6}),
        ({**HEADS, "rotary_pct": 0.25, "rotary_emb_base": 10000}, "rope", {"dim": 128, "base": 1e4, "rotary_dim": 32}),
        ({"text_config": {**HEADS, "rope_theta": 1e6}}, "rope", {"dim": 128, "base": 1e6}),
        ({"rope_type": "linear", "factor": 2, "rope_theta": 1e4, "head_dim": 64}, "rope[scaling=linear]",
         {"dim": 64, "base": 1e4, "factor": 2}),
        ({**HEADS, "qk_rope_head_dim": 64, "rope_theta": 1e4}, "rope", {"dim": 64, "base": 1e4}),
    ],
)  # fmt: skip
def test_what_else_a_configuration_may_look_like(config, encoding, parameters):
    (found,) = rotations(config)
    assert (found.encoding, dict(found.parameters)) == (encoding, parameters)


def test_sections_of_m_rope_are_the_regions():
    block = {"type": "mrope", "mrope_section": [16, 24, 24]}
    config = {**HEADS, "rope_theta": 1e6, "rope_scaling": block}
    assert rotations(config)[0].encoding == "m-rope"
    assert regions(config) == [(0, 15, "time"), (16, 39, "height"), (40, 63, "width")]
    block = {"rope_type": "default", "mrope_section": [24, 20, 20], "mrope_interleaved": True}
    config = {**HEADS, "rope_theta": 5e6, "rope_scaling": block}
    assert regions(config) == [(0, 59, "time, height, width in turn"), (60, 63, "time")]


def test_what_the_block_holds_beyond_that_is_said():
    block = {"rope_type": "yarn", "factor": 40, ORIGINAL: 4096, "mscale": 1.0, "mscale_all_dim": 1.0, "extra": 3}
    (found,) = rotations({"head_dim": 64, "rope_scaling": block})
    assert found.notes[:2] == ("rope_theta is not given: 10000", "not read: extra")
    assert "the scale of the softmax" in found.notes[2]
    assert next(tables(found)).gain == 1.0


def of(**block):
    return {**HEADS, "rope_theta": 1e4, "rope_scaling": block}


MISTAKES = [
    ("{", "is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ([1], "wanted an object with rope_parameters or rope_scaling, got list"),
    (HEADS, "no rotary block: wanted rope_parameters, rope_scaling or rope_theta"),
    ({"rope_theta": 1e4}, "head_dim is missing: wanted head_dim, or hidden_size and num_attention_heads"),
    (of(type="yarm"), "unknown rope_type 'yarm'; did you mean 'yarn'?"),
    (of(rope_type="llama-3"), "unknown rope_type 'llama-3'; did you mean 'llama3'?"),
    (of(factor=2), "the rotary block has factor and no rope_type"),
    (of(rope_type="linear"), "rope_type 'linear' needs factor"),
    (of(rope_type="llama3", factor=8.0), "rope_type 'llama3' needs low_freq_factor, high_freq_factor"),
    (of(rope_type="default", mrope_section=[1, 2]), "mrope_section must be 3 numbers of pairs with sum 64, got [1, 2]"),
    (of(rope_type="linear", factor="2"), 'factor must be a positive number, got "2"'),
    ({"head_dim": 8, "rope_scaling": {"type": "dynamic", "factor": 2}},
     "rope_type 'dynamic' needs max_position_embeddings"),
    ({"head_dim": 8, "rope_scaling": "yarn"}, 'rope_scaling must be an object, got "yarn"'),
    ({"head_dim": 10, "partial_rotary_factor": 0.5, "rope_theta": 1e4},
     "the rotated width must be even and at most head_dim = 10, got 5"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "says"), MISTAKES)
def test_a_mistake_is_one_line(written, config, says):
    path = written(config)
    with pytest.raises(ConfigError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: {says}"


def test_the_command_takes_a_name_or_a_configuration(written):
    path = written(of(type="yarm"))
    for arguments, says in (
        (["--config", path], f"lagwise: {path}: unknown rope_type 'yarm'; did you mean 'yarn'?"),
        (["rope", "--config", path], f"lagwise: show: wanted a name or --config, got both 'rope' and --config {path}"),
        ([], "lagwise: show: wanted the name of an encoding (`lagwise list` prints them) or --config FILE"),
    ):
        call = [sys.executable, "-c", "from lagwise.conformance.commands import main; main()", "show", *arguments]
        done = subprocess.run(list(map(str, call)), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{says}\n")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read(tmp_path / "config.json")
