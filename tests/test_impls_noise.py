"""Noise with addresses: published vectors, equal bits in every library, independence of what is drawn beside."""

import numpy as np
import pytest
import torch
from lagwise.impls import arrays, pytorch
from lagwise.impls.philox import KINDS, words
from test_impls_rope import away, home

ONE = np.zeros(1)

VECTORS = [  # counter, key and words of Philox4x32-10 as its authors publish them
    ((0,) * 4, (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def close_in_mean(samples, mean, variance):
    """Whether the median of 40 batch means is where independent samples (…, draws) must have it.

    A batch mean is beyond 4 standard deviations with probability ≤ 1/16, half of 40 are with ≤ 2^40 16^-20 = 2^-40, for
    any distribution with this variance: false alarm ≤ 1e-12. The error that is seen is 25 standard deviations / √draws.
    """
    batches = samples.reshape(*samples.shape[:-1], 40, -1)
    bound = 4 * np.sqrt(np.asarray(variance) / batches.shape[-1])
    return np.abs(np.median(batches.mean(-1), -1) - mean) <= bound + 1e-12


@pytest.mark.parametrize(("counter", "key", "wanted"), VECTORS)
def test_words_are_those_of_philox(counter, key, wanted):
    found = words(tuple(np.array([word]) for word in counter), key)
    assert tuple(int(word[0]) for word in found) == wanted


def test_words_have_equal_bits_in_every_library():
    counter = np.random.default_rng(0).integers(0, 1 << 32, (4, 50))
    reference = np.stack(words(tuple(counter), (7, 9)))
    assert np.array_equal(torch.stack(words(tuple(torch.tensor(counter)), (7, 9))).numpy(), reference)
    strict = words(tuple(away(row) for row in counter), (7, 9))
    assert np.array_equal(np.stack([home(row) for row in strict]), reference)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside PyTorch when it starts to compile
def test_noise_survives_a_compiler():
    rows = torch.arange(9) - 2  # negative addresses: masks that a compiler may not drop

    def drawn(rows):
        return pytorch.uniforms(rows, rows, 20, seed=3, kind="conv")

    assert torch.equal(torch.compile(drawn, fullgraph=True)(rows), drawn(rows))


@pytest.mark.parametrize("name", ["normals", "uniforms"])
def test_numbers_agree_in_every_library(name):
    rows = np.array([[0, 5], [-3, 1 << 40], [2, 2]])
    reference = getattr(arrays, name)(ONE, rows, 7, seed=3, kind="conv", head=2)
    found = getattr(pytorch, name)(torch.zeros(1), torch.tensor(rows), 7, seed=3, kind="conv", head=2)
    strict = getattr(arrays, name)(away(ONE), away(rows), 7, seed=3, kind="conv", head=2)
    assert reference.shape == (3, 7)
    assert np.abs(found.numpy() - reference).max() <= 8 * 2.0**-53
    assert np.abs(home(strict) - reference).max() <= 8 * 2.0**-53


def test_a_number_depends_on_its_address_alone():
    rows = np.arange(-5, 3000)
    whole = arrays.normals(ONE, rows, 90, seed=1, kind="sine")
    assert np.array_equal(arrays.normals(ONE, rows[::-7], 33, seed=1, kind="sine"), whole[::-7, :33])
    again = arrays.normals(ONE, np.stack([rows, rows * 0], -1), 90, seed=1, kind="sine")
    assert np.array_equal(again, whole)


def test_streams_differ_and_are_not_correlated():
    sources = [(1, kind, head) for kind in KINDS for head in (0, 1)] + [(2, "sine", 0)]
    drawn = np.stack(
        [arrays.normals(ONE, np.arange(40), 500, seed=s, kind=kind, head=h).ravel() for s, kind, h in sources]
    )
    products = drawn[:, None, :] * drawn[None, :, :]
    same = np.eye(len(sources))
    assert close_in_mean(products, same, 1 + same).all()


def test_columns_and_rows_are_standard_normal_and_independent():
    drawn = arrays.normals(ONE, np.arange(20000), 6, seed=5, kind="gate").T
    moved = np.roll(drawn, 1, axis=1)
    assert close_in_mean(drawn, 0, 1).all()
    assert close_in_mean(drawn[:, None] * drawn[None], np.eye(6), 1 + np.eye(6)).all()
    assert close_in_mean(drawn[:, None] * moved[None], 0, 1).all()
    assert close_in_mean(drawn**4, 3, 96).all()


@pytest.mark.parametrize("library", [arrays, pytorch])
def test_one_seed_gives_codes_and_gate_independent_noise(library):
    like = ONE if library is arrays else torch.zeros(1, dtype=torch.float64)
    gate = np.asarray(library.gate_noise(like, 1, 3, 20_000, seed=6))[0]
    sine = np.asarray(library.sine_noise(like, 1, 3, 1, 20_000, seed=6))[0]
    conv = np.asarray(library.conv_noise(like, (3,), 1, 1, 1, 20_000, seed=6))[:, 0, 0]
    assert close_in_mean(gate[:, None] * sine[:, 0], 0, 1).all()
    assert close_in_mean(gate[:, None] * conv, 0, 1).all()
    assert close_in_mean(conv[:, None] * sine[:, 1], 0, 1).all()


@pytest.mark.parametrize("library", [arrays, pytorch])
def test_errors_are_one_line(library):
    like, rows = (ONE, np.arange(2)) if library is arrays else (torch.zeros(1), torch.arange(2))
    with pytest.raises(ValueError, match=r"^normals: seed must be an integer in 0 … 2\^32 - 1, got -1$"):
        library.normals(like, rows, 2, seed=-1, kind="sine")
    with pytest.raises(ValueError, match=r"^uniforms: count must be at least 1, got 0$"):
        library.uniforms(like, rows, 0, seed=1, kind="sine")
    with pytest.raises(ValueError, match=r"^sine_noise: realizations must be at least 1, got 0$"):
        library.sine_noise(like, 1, 2, 3, 0, seed=1)
