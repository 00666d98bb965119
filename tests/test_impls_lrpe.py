"""LRPE, xPos, sinusoidal and NoPE on NumPy and on the strict standard."""

from itertools import product

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lagwise.impls import arrays
from test_impls_rope import away, home

CORES = ("unitary", "orthogonal", "permutation")
BASES = ("identity", "householder", "dct", "dft", "shuffle")


def basis(p, d, v):
    """The matrix P, entry by entry from its definition."""
    j, k = np.meshgrid(np.arange(d), np.arange(d))
    if p == "householder":
        return np.eye(d) - 2 * np.outer(v, v) / (v @ v)
    if p == "dct":
        return np.sqrt(2 / d) * np.where(k == 0, np.sqrt(0.5), 1) * np.cos(np.pi * (2 * j + 1) * k / (2 * d))
    if p == "dft":
        return np.exp(-2j * np.pi * k * j / d) / np.sqrt(d)
    if p == "shuffle":
        return np.eye(d)[[i // 2 + (i % 2) * ((d + 1) // 2) for i in range(d)]]
    return np.eye(d)


def core_matrix(core, s, d, permutation):
    """Λ^(s) from its definition, θ schedule a."""
    if core == "unitary":
        return np.diag(np.exp(1j * s * 10000.0 ** (-2 * np.arange(d) / d)))
    if core == "permutation":
        step = np.eye(d)[permutation]
        return np.linalg.matrix_power(step if s >= 0 else step.T, abs(s))
    turn, covered = np.eye(d), d // 2 * 2
    for p in range(d // 2):
        a = s * 10000.0 ** (-2 * p / covered)
        turn[2 * p : 2 * p + 2, 2 * p : 2 * p + 2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return turn


@pytest.mark.parametrize("d", [8, 7])
@pytest.mark.parametrize(("core", "p"), list(product(CORES, BASES)))
def test_every_member_is_its_definition(core, p, d):
    rng = np.random.default_rng(5)
    x, positions = rng.standard_normal((2, 3, 6, d)), np.array([0, 1, -1, 17, -40, 300])
    v, permutation = rng.standard_normal(d), rng.permutation(d)
    result = arrays.lrpe(x, positions, core=core, p=p, v=v, permutation=permutation)
    maps = [core_matrix(core, s, d, permutation) @ basis(p, d, v) for s in positions]
    wanted = np.stack([x[..., i, :] @ maps[i].T for i in range(6)], -2)
    complex_ = core == "unitary" or p == "dft"
    wanted = np.concatenate([wanted.real, wanted.imag], -1) if complex_ else wanted
    assert result.shape[-1] == (2 * d if complex_ else d)
    assert np.max(np.abs(result - wanted)) < 2e-12
    other = arrays.lrpe(away(x), away(positions), core=core, p=p, v=away(v), permutation=away(permutation))
    assert np.max(np.abs(home(other) - result)) < 2e-15
    narrow = arrays.lrpe(x.astype(np.float32), positions, core=core, p=p, v=v, permutation=permutation)
    assert narrow.dtype == np.float32
    assert np.max(np.abs(narrow - wanted)) < 2e-6
    accurate = arrays.lrpe(x.astype(np.float32), positions, core=core, p=p, v=v, permutation=permutation, accurate=True)
    x = x.astype(np.float32).astype(np.float64)
    exact = arrays.lrpe(x, positions, core=core, p=p, v=v, permutation=permutation)
    assert np.array_equal(accurate, exact.astype(np.float32))


@given(s=st.integers(-(2**62), 2**62), permutation=st.permutations(list(range(9))))
def test_permutation_power_of_any_integer(s, permutation):
    x = np.arange(9.0)[None]
    image = list(range(9))
    order = 2520  # every permutation of nine has an order that divides it
    for _ in range(s % order):
        image = [permutation[j] for j in image]
    assert arrays.lrpe(x, np.array([s]), core="permutation", permutation=permutation)[0].tolist() == image


@pytest.mark.parametrize(("core", "kind"), list(product(("unitary", "orthogonal"), "abc")))
@pytest.mark.parametrize("axes", [1, 2])
def test_schedules(core, kind, axes):
    dim, length, s = 9, 12, 5
    width = 1 if core == "unitary" else 2
    count = dim // (width * axes)
    covered = dim / axes if core == "unitary" else 2 * count
    k = np.arange(count)
    theta = {
        "a": 100.0 ** (-2 * k / covered),
        "b": np.pi / 2 / length * (k + 1) / (covered / width),
        "c": np.pi / 2 / (length * (k + 1)),
    }[kind]
    x = np.random.default_rng(0).standard_normal((1, dim))
    positions = np.full((1,) if axes == 1 else (1, axes), s)
    named = arrays.lrpe(x, positions, core=core, theta=kind, base=100.0, length=length, axes=axes)
    given_ = arrays.lrpe(x, positions, core=core, theta=theta, axes=axes)
    assert np.allclose(named, given_, 0, 1e-14)


def test_stored_angles_are_taken_exactly():
    theta = np.array([1.0, 0.3, 1e-3], np.float32)
    x = np.tile([1.0, 0.0], 3)[None]
    with mpmath.workdps(50):
        for position in (2**31 - 1, -(2**30), 131071):
            result = arrays.lrpe(x, np.array([position]), theta=theta)[0]
            wanted = [f(position * mpmath.mpf(float(t))) for t in theta for f in (mpmath.cos, mpmath.sin)]
            assert max(abs(mpmath.mpf(a) - b) for a, b in zip(result.tolist(), wanted, strict=True)) < 13 * 2.0**-53


def test_axes_are_told_apart():
    x = np.random.default_rng(0).standard_normal((1, 8))
    for core in ("unitary", "orthogonal"):
        one, other = (arrays.lrpe(x, np.array([place]), core=core, axes=2) for place in ([1, 0], [0, 1]))
        assert np.max(np.abs(one - other)) > 0.1


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_householder_of_any_length_is_an_isometry(size):
    x, v = np.random.default_rng(0).standard_normal((5, 6)), np.array([1.0, -2, 0, 3, 0.5, 1])
    result = arrays.lrpe(x, np.arange(5), p="householder", v=v * size)
    assert np.allclose(result, arrays.lrpe(x, np.arange(5), p="householder", v=v), 0, 1e-14)


def test_xpos_score_depends_on_the_lag_and_decays_by_zeta():
    rng = np.random.default_rng(2)
    q, k, s = rng.standard_normal((4, 8)), rng.standard_normal((4, 8)), np.array([3, 700, 701, 10])
    t = s - 300
    score = np.sum(arrays.xpos(q, s) * arrays.xpos(k, t, "key"), -1)
    moved = np.sum(arrays.xpos(q, s + 5000) * arrays.xpos(k, t + 5000, "key"), -1)
    assert np.allclose(score, moved, 1e-11, 0)
    p = np.arange(4)
    zeta, angle = (2 * p / 8 + 0.4) / 1.4, -300 * 10000.0 ** (-2 * p / 8)
    a, b = (x[:, ::2] + 1j * x[:, 1::2] for x in (q, k))
    assert np.allclose(score, np.sum(zeta ** (300 / 512) * (np.conj(a) * b * np.exp(1j * angle)).real, -1), 1e-11, 0)
    assert np.array_equal(home(arrays.xpos(away(q), away(s))).round(12), arrays.xpos(q, s).round(12))


def test_sinusoidal_adds_sine_then_cosine():
    x, s = np.zeros((3, 5)), np.array([0, 1, -7])
    result = arrays.sinusoidal(x, s)
    theta = 10000.0 ** (-2 * np.arange(2) / 5)
    assert np.allclose(result[:, 0:4:2], np.sin(s[:, None] * theta), 0, 1e-15)
    assert np.allclose(result[:, 1:4:2], np.cos(s[:, None] * theta), 0, 1e-15)
    assert np.array_equal(result[:, 4], x[:, 4])
    assert np.array_equal(home(arrays.sinusoidal(away(x), away(s))), result)


def test_nope_is_the_identity():
    x = np.ones((3, 4))
    assert arrays.nope(x, np.arange(3)) is x


ERRORS = [
    ({"core": "turn"}, "lrpe: core must be unitary, orthogonal or permutation, got turn"),
    ({"p": "haar"}, "lrpe: p must be identity, householder, dct, dft or shuffle, got haar"),
    ({"p": "householder"}, "lrpe: p=householder needs v"),
    ({"p": "householder", "v": np.zeros(6)}, "lrpe: v must be a nonzero vector, got zero"),
    ({"p": "householder", "v": [1.0, 2.0]}, "lrpe: v must have shape (6,), got (2,)"),
    ({"theta": "d"}, "lrpe: theta must be a, b, c or an array, got d"),
    ({"theta": "b"}, "lrpe: theta=b needs a positive length, got None"),
    ({"theta": [1.0]}, "lrpe: theta must have shape (3,), got (1,)"),
    ({"base": -1.0}, "lrpe: base must be a positive number, got -1.0"),
    ({"core": "permutation"}, "lrpe: core=permutation needs permutation"),
    (
        {"core": "permutation", "permutation": [0, 1, 2, 3, 4, 4]},
        "lrpe: permutation must be one of 0 … 5, got [0, 1, 2, 3, 4, 4]",
    ),
    (
        {"core": "permutation", "permutation": range(6), "positions": np.ones(3)},
        "lrpe: core=permutation needs integer positions, got float64",
    ),
    ({"x": np.ones((3, 6), np.int32)}, "lrpe: x must be real floating, got int32"),
]


@pytest.mark.parametrize(("change", "message"), ERRORS)
def test_errors_verbatim(change, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        arrays.lrpe(**({"x": np.ones((3, 6)), "positions": np.arange(3)} | change))
    assert str(caught.value) == message


def test_xpos_errors_verbatim():
    for options, message in (
        ({"side": "q"}, "xpos: side must be query or key, got q"),
        ({"scale_base": 0}, "xpos: scale_base must be a positive number, got 0"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            arrays.xpos(np.ones((3, 4)), np.arange(3), **options)
