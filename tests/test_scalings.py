"""Scaled RoPE: the numbers in print, the definition in 256 bits, released code where it is installed, and mistakes."""

import re

import numpy as np
import pytest
from flint import arb, ctx
from lagwise.impls import arrays
from lagwise.impls.scalings import KINDS, frozen, scaled_schedule
from lagwise.spec.catalogue import get
from lagwise.spec.catalogue.schedules import SCHEDULES
from lagwise.spec.oracle import Oracle

ORIGINAL = "original_max_position_embeddings"
LLAMA3 = {"factor": 8.0, ORIGINAL: 8192, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
STRETCH = {"short_factor": [1.0 + p / 64 for p in range(64)], "long_factor": [1.0 + p / 4 for p in range(64)]}
NUMBERS = {
    "linear": {"factor": 4.0},
    "ntk": {"factor": 1.7},
    "dynamic": {"factor": 4.0, ORIGINAL: 2048},
    "yarn": {"factor": 16.0, ORIGINAL: 4096},
    "yarn-paper": {"factor": 16.0, ORIGINAL: 4096, "beta_fast": 20.0},
    "llama3": LLAMA3,
    "longrope": {"factor": 32.0, ORIGINAL: 4096, **STRETCH},
    "proportional": {"factor": 2.0},
}


def schedule(kind, base=10000.0, dim=128, rotary_dim=None, length=None, **changed):
    scaling = {"rope_type": kind, **NUMBERS[kind], **changed}
    return scaled_schedule(dim, base, rotary_dim, 1, frozen(scaling), length)


def test_llama3_has_the_printed_frequencies():
    angles = schedule("llama3", 500000.0).angles
    plain = 500000.0 ** (-np.arange(0, 128, 2) / 128)
    printed = [
        2.166570763503e-3, 1.371893567761e-3, 8.567514129e-4, 5.24846161e-4, 3.126937504e-4, 1.785078128e-4
    ]  # fmt: skip
    np.testing.assert_allclose(angles[29:35], printed, rtol=1e-9)
    np.testing.assert_allclose(angles[:29], plain[:29], rtol=1e-14)
    np.testing.assert_allclose(angles[35:], plain[35:] / 8, rtol=1e-14)


def test_yarn_keeps_the_pairs_up_to_20_and_divides_those_from_46_on():
    ratio = 10000.0 ** (-np.arange(0, 128, 2) / 128) / np.array(schedule("yarn").angles)
    assert (np.abs(ratio - 1) < 1e-13).nonzero()[0].tolist() == list(range(21))
    assert (np.abs(ratio / 16 - 1) < 1e-13).nonzero()[0].tolist() == list(range(46, 64))


@pytest.mark.parametrize(
    ("kind", "changed", "gain"),
    [
        ("yarn", {}, 1.2772588722),
        ("yarn", {"factor": 4.0}, 1.1386294361),
        ("yarn", {"factor": 0.5}, 1.0),
        ("yarn", {"attention_factor": 1.5}, 1.5),
        ("yarn", {"factor": 40.0, "mscale": 0.707, "mscale_all_dim": 0.707}, 1.0),
        ("yarn", {"factor": 40.0, "mscale": 1.0}, 1.3688879454),
        ("longrope", {"length": 4096}, 1.1902380714),
        ("linear", {}, 1.0),
    ],
)
def test_gains_are_those_in_print(kind, changed, gain):
    assert schedule(kind, **changed).gain == pytest.approx(gain, abs=1e-10)


def test_the_ramp_in_print_is_up_to_three_times_the_ramp_of_released_code():
    released, paper = (np.array(schedule(kind).angles) for kind in ("yarn", "yarn-paper"))
    in_print = np.array(schedule("yarn-paper", beta_fast=32.0).angles)
    ratio = released / in_print
    assert (int(ratio.argmax()), round(float(ratio.max()), 2)) == (38, 3.04)
    assert not np.array_equal(paper, in_print)


def test_longrope_takes_the_long_list_strictly_beyond_the_length():
    assert schedule("longrope", length=4096).angles[63] == pytest.approx(
        10000 ** (-126 / 128) / STRETCH["short_factor"][63]
    )
    assert schedule("longrope", length=4097).angles[63] == pytest.approx(
        10000 ** (-126 / 128) / STRETCH["long_factor"][63]
    )


def test_every_kind_has_its_definition():
    assert set(KINDS) == set(SCHEDULES) == set(NUMBERS)


@pytest.mark.parametrize("rotary_dim", [None, 96])
@pytest.mark.parametrize("base", [10000.0, 500000.0])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_frequencies_are_the_nearest_96_bit_turns_of_the_definition(kind, base, rotary_dim):
    rotary_dim = None if kind == "longrope" else rotary_dim  # its lists are for 64 pairs
    numbers = {"dim": 128, "base": base, **NUMBERS[kind]}
    numbers |= {"rotary_dim": rotary_dim} if rotary_dim else {}
    numbers |= {"length": 5000} if kind in ("dynamic", "longrope") else {}
    oracle = Oracle(get(f"rope[scaling={kind}]"), numbers, bits=256)
    found = schedule(kind, base, rotary_dim=rotary_dim, length=numbers.get("length"))
    assert len(found.angles) == oracle.instance.blocks
    with ctx.workprec(256):
        for p, (high, low) in enumerate(zip(found.high, found.low, strict=True)):
            turns = oracle.angle(p) / (2 * arb.pi()) * arb(2) ** 96
            assert abs(turns - ((high << 32) + low)) < arb(0.5) + arb(2) ** -60, p


def test_a_gain_leaves_the_untouched_coordinates_alone():
    x, at = np.ones((3, 8)), np.array([0, 1, 5])
    y = arrays.rope(x, at, rotary_dim=4, scaling={"rope_type": "yarn", "factor": 16.0, ORIGINAL: 64})
    assert np.array_equal(y[:, 4:], x[:, 4:])
    np.testing.assert_allclose(np.linalg.norm(y[:, :4], axis=1), 2 * 1.2772588722239782, rtol=1e-15)


def test_the_older_key_and_a_table_made_before_give_the_same():
    x, at = np.ones((3, 8), np.float32), np.array([0, 1, 5])
    scaling = {"type": "linear", "factor": 4}
    table = arrays.rope_table(at, 8, scaling=scaling)
    want = arrays.rope(x, at, scaling={"rope_type": "linear", "factor": 4.0})
    assert np.array_equal(arrays.rope(x, table=table), want)
    assert np.array_equal(arrays.rope(x, at, scaling=scaling), want)


MISTAKES = [
    ({"rope_type": "yarm"}, {}, "rope: unknown scaling 'yarm'; did you mean 'yarn'?"),
    ({"factor": 2.0}, {}, f"rope: scaling needs rope_type, one of {', '.join(KINDS)}"),
    ({"rope_type": "yarn", "factor": 2.0}, {}, f"rope: scaling yarn needs {ORIGINAL}"),
    ({"rope_type": "linear", "factors": 2.0}, {},
     "rope: scaling linear has no number 'factors'; did you mean 'factor'?"),
    ({"rope_type": "linear", "factor": -2}, {}, "rope: factor of scaling linear must be a positive number, got -2"),
    ({"rope_type": "llama3", **LLAMA3, "high_freq_factor": 1.0}, {},
     "rope: high_freq_factor must be more than low_freq_factor, got 1 and 1"),
    ({"rope_type": "yarn", "factor": 2.0, ORIGINAL: 64}, {"base": 1}, "rope: scaling yarn needs a base other than 1"),
    ({"rope_type": "dynamic", "factor": 2.0, ORIGINAL: 64}, {},
     "rope: scaling dynamic needs length, the number of positions so far, got None"),
    ({"rope_type": "linear", "factor": 2.0}, {"axes": 2}, "rope: a scaling goes with one axis, got axes = 2"),
    ({"rope_type": "ntk", "factor": 2.0}, {"rotary_dim": 2},
     "rope: rotary_dim must be more than 2 to change the base by rotary_dim/(rotary_dim - 2)"),
    ({"rope_type": "longrope", "factor": 2.0, ORIGINAL: 64, "short_factor": [1.0], "long_factor": [1.0]}, {"length": 3},
     "rope: short_factor needs 4 numbers, one for each pair, got 1"),
    ({"rope_type": "longrope", "factor": 2.0, ORIGINAL: 64, "short_factor": 1.0, "long_factor": [1.0]}, {"length": 3},
     "rope: short_factor must be a list with one number for each pair, got 1.0"),
]  # fmt: skip


@pytest.mark.parametrize(("scaling", "more", "says"), MISTAKES)
def test_a_mistake_is_one_line(scaling, more, says):
    shape = (3,) if more.get("axes", 1) == 1 else (3, 2)
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        arrays.rope(np.ones((3, 8)), np.zeros(shape, np.int64), scaling=scaling, **more)


@pytest.mark.optional("torch")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_torch_agrees_with_the_arrays(kind):
    import torch
    from lagwise.impls import pytorch

    x, at = np.random.default_rng(1).standard_normal((2, 3, 5, 128)), np.array([0, 1, 77, 4096, 2**20])
    scaling = {"rope_type": kind, **NUMBERS[kind]}
    length = 5000 if kind in ("dynamic", "longrope") else None
    wanted = arrays.rope(x, at, scaling=scaling, length=length)
    module = pytorch.RotaryEmbedding(128, scaling=scaling)
    given = torch.tensor(x), torch.tensor(at)
    np.testing.assert_allclose(pytorch.rope(*given, scaling=scaling, length=length).numpy(), wanted, atol=4e-15)
    np.testing.assert_allclose(module(*given, length=length).numpy(), wanted, atol=4e-15)


@pytest.mark.optional("transformers")
@pytest.mark.parametrize("kind", ["linear", "dynamic", "yarn", "llama3", "longrope", "proportional"])
def test_transformers_has_these_frequencies_up_to_float32(kind):
    from transformers import LlamaConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    numbers = {"rope_type": kind, "rope_theta": 10000.0, **NUMBERS[kind]}
    config = LlamaConfig(
        hidden_size=1024, num_attention_heads=8, max_position_embeddings=NUMBERS[kind].get(ORIGINAL, 4096),
        rope_parameters={k: v for k, v in numbers.items() if (kind, k) != ("dynamic", ORIGINAL)},
    )  # fmt: skip
    length = 5000 if kind in ("dynamic", "longrope") else None
    angles, gain = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
    ours = schedule(kind, length=length)
    np.testing.assert_allclose(angles.numpy(), ours.angles, rtol=5e-6)
    assert gain == pytest.approx(ours.gain, rel=1e-12)
