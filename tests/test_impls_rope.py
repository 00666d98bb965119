"""RoPE on NumPy and on the strict standard: against mpmath, in every layout, with exact phases far out."""

import array_api_strict as strict
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lagwise.impls import arrays

AWAY, HOME = strict.Device("device1"), strict.Device("CPU_DEVICE")


def away(values):
    """The array on a device that refuses NumPy, as CuPy would."""
    return strict.asarray(np.asarray(values), device=AWAY)


def home(values):
    """Back as NumPy."""
    return np.from_dlpack(values.to_device(HOME))


def turned(x, position, base, rotary_dim):
    """One row of RoPE in 60 digits, interleaved pairs."""
    with mpmath.workdps(60):
        row = [mpmath.mpf(float(value)) for value in x]
        for p in range(rotary_dim // 2):
            angle = mpmath.mpf(position) * mpmath.power(base, -mpmath.mpf(2 * p) / rotary_dim)
            c, s, a, b = mpmath.cos(angle), mpmath.sin(angle), row[2 * p], row[2 * p + 1]
            row[2 * p], row[2 * p + 1] = a * c - b * s, a * s + b * c
        return row


def worst(result, x, positions, base=10000.0, rotary_dim=None):
    """The largest error of a pair relative to its norm, in units of u of the dtype."""
    rotary_dim, largest = rotary_dim or x.shape[-1], mpmath.mpf(0)
    for row, source, position in zip(result, x, positions, strict=True):
        wanted = turned(source, position, base, rotary_dim)
        for p in range(rotary_dim // 2):
            pair = slice(2 * p, 2 * p + 2)
            off = [mpmath.mpf(float(got)) - want for got, want in zip(row[pair], wanted[pair], strict=True)]
            norm = mpmath.sqrt(sum(mpmath.mpf(float(value)) ** 2 for value in source[pair]))
            largest = max(largest, mpmath.sqrt(sum(value**2 for value in off)) / norm)
    return float(largest / (mpmath.mpf(float(np.finfo(result.dtype).eps)) / 2))


@pytest.mark.parametrize("kind", ["integer", "real"])
@pytest.mark.parametrize(
    ("dtype", "accurate", "bound"),
    [("float16", False, 1.001), ("float32", False, 3), ("float64", False, 13)]  # noqa: RUF005 - two groups
    + [("float16", True, 1), ("float32", True, 1), ("float64", True, 13)],
)
def test_error_is_within_its_derived_bound_below_2_31(dtype, accurate, bound, kind):
    rng = np.random.default_rng(7)
    x = rng.standard_normal((150, 6)).astype(dtype)
    positions = rng.integers(-(2**31) + 1, 2**31, 150)
    positions = positions if kind == "integer" else positions / 7
    result = arrays.rope(x, positions, accurate=accurate)
    assert result.dtype == x.dtype
    assert worst(result, x, positions.tolist()) <= bound


@settings(max_examples=40)
@given(position=st.integers(-(2**31) + 1, 2**31 - 1), base=st.sampled_from([10000.0, 500000, 2, 1e7]))
def test_accurate_is_one_unit_for_every_base(position, base):
    x = np.array([[0.7, -1.3, 2.0, 0.01]], np.float32)
    assert worst(arrays.rope(x, np.array([position]), base=base, accurate=True), x, [position], base) <= 1


def test_positions_beyond_2_31_lose_accuracy_slowly():
    x, positions = np.ones((2, 4)), np.array([2**40 + 1, 2**45 + 3])
    assert worst(arrays.rope(x, positions), x, positions.tolist()) * 2.0**-53 <= 2 * np.pi * 2.0 ** (46 - 64)


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("accurate", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_strict_standard_off_the_host_agrees(layout, axes, accurate, dtype):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 3, 5, 13)).astype(dtype)
    positions = rng.integers(-(2**31), 2**31, (2, 5) if axes == 1 else (2, 5, axes))
    options = {"layout": layout, "axes": axes, "accurate": accurate, "rotary_dim": 12}
    mine = arrays.rope(x, positions, **options)
    other = home(arrays.rope(away(x), away(positions), **options))
    assert np.max(np.abs(mine - other)) <= 4 * np.finfo(dtype).eps  # complex and real products differ by roundings
    assert np.array_equal(mine[..., 12], x[..., 12])


def test_tables_agree_bit_for_bit_off_the_host():
    positions = np.array([0, 1, 4095, 131071, 2**31 - 1, -5])
    for dtype in ("float32", "float64"):
        mine = arrays.rope_table(positions, 64, dtype=np.dtype(dtype))
        other = arrays.rope_table(away(positions), 64, dtype=getattr(strict, dtype))
        assert all(np.array_equal(a, home(b)) for a, b in zip(mine, other, strict=True))


def test_halves_are_interleaved_pairs_moved():
    x, positions = np.random.default_rng(0).standard_normal((7, 8)), np.arange(7)
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    assert np.allclose(
        arrays.rope(x, positions, layout="halves")[:, order], arrays.rope(x[:, order], positions), 0, 1e-15
    )


def test_each_axis_turns_its_own_section():
    x, places = np.random.default_rng(0).standard_normal((6, 8)), np.array([[i, 7 * i] for i in range(6)])
    both = arrays.rope(x, places, axes=2)
    first, second = (arrays.rope(x[:, 4 * a : 4 * a + 4], places[:, a]) for a in range(2))
    assert np.array_equal(both, np.concatenate([first, second], -1))


def test_out_table_batch_and_order_of_positions():
    rng = np.random.default_rng(1)
    x, positions = rng.standard_normal((2, 3, 5, 8)).astype(np.float32), rng.integers(0, 99, (2, 5))
    wanted = arrays.rope(x, positions)
    out = np.full_like(x, np.nan)
    assert arrays.rope(x, positions, out=out) is out
    assert np.array_equal(out, wanted)
    assert np.array_equal(arrays.rope(x, table=arrays.rope_table(positions, 8)), wanted)
    assert np.array_equal(arrays.rope(x[1], positions[1]), wanted[1])
    moved = [3, 0, 4, 1, 2]
    assert np.array_equal(arrays.rope(x[:, :, moved], positions[:, moved]), wanted[:, :, moved])
    inside = x.copy()
    assert np.array_equal(arrays.rope(inside, positions, out=inside), wanted)


def test_views_and_partial_rotation_write_where_they_should():
    x = np.random.default_rng(1).standard_normal((5, 20)).astype(np.float32)
    positions = np.arange(5)
    wanted = arrays.rope(np.ascontiguousarray(x[:, ::2]), positions, rotary_dim=6)
    assert np.allclose(arrays.rope(x[:, ::2], positions, rotary_dim=6), wanted, 0, 3e-7)
    out = np.zeros((5, 10), np.float32)
    assert np.array_equal(arrays.rope(np.ascontiguousarray(x[:, ::2]), positions, rotary_dim=6, out=out), wanted)
    assert np.array_equal(out[:, 6:], x[:, ::2][:, 6:])


def test_nothing_is_remembered_between_calls():
    x, positions = np.random.default_rng(1).standard_normal((4, 8)), np.array([5, 70000, 2, 9])
    before = arrays.rope(x, positions).copy()
    arrays.rope(x.astype(np.float16), positions, base=3.0)
    arrays.rope(np.zeros((9, 8), np.float32), np.arange(9), rotary_dim=4)
    with pytest.raises(ValueError, match="even"):
        arrays.rope(x, positions, rotary_dim=3)
    assert np.array_equal(arrays.rope(x, positions), before)


@pytest.mark.parametrize("batched", [False, True])
def test_blocks_of_a_large_array_are_rotated_alike(batched):
    x = np.random.default_rng(0).standard_normal((2, 3, 900, 64)).astype(np.float32)
    positions = np.random.default_rng(1).integers(0, 10**6, (2, 900) if batched else 900)
    order = [p + 30 * half for p in range(30) for half in (0, 1)]
    got = arrays.rope(x, positions, rotary_dim=60, layout="halves")
    assert np.allclose(got[..., order], arrays.rope(x[..., order], positions), 0, 1e-6)
    assert np.array_equal(got[..., 60:], x[..., 60:])
    inside = x.copy()
    arrays.rope(inside, positions, rotary_dim=60, layout="halves", out=inside)
    assert np.array_equal(inside, got)
    few = arrays.rope(x[:, :, :7], positions[..., :7], rotary_dim=60, layout="halves")
    assert np.array_equal(few, got[:, :, :7])


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("shape", [(0, 8), (2, 0, 3, 8), (2, 3, 0, 8), (3, 0), (3, 1)])
def test_empty_and_too_narrow_inputs_pass(shape, axes, layout):
    x, positions = np.ones(shape, np.float32), np.zeros((shape[-2], axes)[:axes], int)
    assert arrays.rope(x, positions, axes=axes, layout=layout).shape == shape


ERRORS = [
    ({"rotary_dim": 7}, "rope: rotary_dim must be even, got 7"),
    ({"rotary_dim": 10}, "rope: rotary_dim must be at most dim = 8, got 10"),
    ({"rotary_dim": 6, "axes": 2}, "rope: rotary_dim must be a multiple of 4 for 2 axes, got 6"),
    ({"axes": 0}, "rope: axes must be at least 1, got 0"),
    ({"base": 0}, "rope: base must be a positive number, got 0"),
    ({"layout": "pairs"}, "rope: layout must be interleaved or halves, got pairs"),
    ({"positions": np.arange(4)}, "rope: positions must have shape (3,) or (2, 3), got (4,)"),
    ({"positions": None}, "rope: give positions or table"),
    ({"axes": 2}, "rope: positions must have shape (3, 2) or (2, 3, 2), got (3,)"),
    ({"positions": np.ones(3, bool)}, "rope: positions must be integers or real numbers, got bool"),
    ({"x": np.ones((2, 3, 8), np.int64)}, "rope: x must be real floating, got int64"),
    ({"x": np.ones(3)}, "rope: x must be (..., length, dim), got shape (3,)"),
    ({"out": np.ones((3, 8))}, "rope: out must be (2, 3, 8) float64 like x, got (3, 8) float64"),
    ({"table": (np.ones((5, 4)),) * 2}, "rope: table of shape (5, 4) does not fit x of shape (2, 3, 8)"),
]


@pytest.mark.parametrize(("change", "message"), ERRORS)
def test_errors_verbatim(change, message):
    arguments = {"x": np.ones((2, 3, 8)), "positions": np.arange(3)} | change
    with pytest.raises((TypeError, ValueError)) as caught:
        arrays.rope(**arguments)
    assert str(caught.value) == message


def test_table_error_verbatim():
    with pytest.raises(ValueError, match=r"^rope_table: positions must end in an axis of 2, got shape \(3,\)$"):
        arrays.rope_table(np.arange(3), 8, axes=2)


def test_float_frequencies_to_160_bits():
    from lagwise.impls.schedules import rope_schedule

    with mpmath.workdps(80):
        for base, dim in ((10000.0, 128), (500000.0, 64), (1.5, 6)):
            schedule = rope_schedule(dim, base, None, 1)
            for p in range(dim // 2):
                turn = mpmath.power(base, -mpmath.mpf(2 * p) / dim) / (2 * mpmath.pi)
                assert int(mpmath.nint(turn * 2**96)) == (schedule.high[p] % 2**64) * 2**32 + schedule.low[p]


@pytest.mark.parametrize("layout", ["interleaved", "halves"])
@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("axes", [1, 2])
def test_inputs_stay_as_they_were(layout, dim, axes):
    x, positions = np.random.default_rng(0).standard_normal((2, 5, dim)), np.arange(5 * axes).reshape((5, axes)[:axes])
    before = x.copy()
    x.setflags(write=False)
    got = arrays.rope(x, positions, layout=layout, axes=axes)
    assert np.array_equal(x, before)
    far = home(arrays.rope(away(x), away(positions), layout=layout, axes=axes))
    assert np.allclose(got, far, 0, 1e-15)
