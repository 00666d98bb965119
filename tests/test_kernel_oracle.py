"""Certified kernels: printed numbers, plain formulas in extended precision, exact thresholds, and messages."""

import math
from fractions import Fraction

import pytest
import sympy as sp
from lagwise.spec import Encoding, lag
from lagwise.spec.catalogue import get
from lagwise.spec.encoding import EncodingError, score
from lagwise.spec.kernel_oracle import KernelOracle, settled, split


def oracle(notation, **numbers):
    return KernelOracle(get(notation) if isinstance(notation, str) else notation, numbers)


def whole(ball):
    return int(float(ball))


def floats(balls):
    return [float(x.mid()) for x in balls]


GOLDEN = {
    8: [2.0**-h for h in range(1, 9)],
    12: [*(2.0**-h for h in range(1, 9)), 2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5],
    1: [2.0**-8],
    3: [2.0**-4, 2.0**-8, 2.0**-2],
    16: [2.0 ** (-h / 2) for h in range(1, 17)],
}


@pytest.mark.parametrize("heads", GOLDEN)
def test_alibi_has_the_released_slopes(heads):
    found = oracle("alibi", heads=heads).kernel(1, 0)
    assert floats(found) == [-x for x in GOLDEN[heads]]


def test_alibi_counts_no_distance_ahead_and_is_even_when_symmetric():
    assert floats(oracle("alibi", heads=1).kernel(0, 9)) == [0.0]
    assert floats(oracle("alibi[symmetric=yes]", slope=[0.25]).kernel(0, 9)) == [-2.25]


CAUSAL = [*range(17), 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]
BOTH = [*range(9), 12, 16, 23, 32, 46, 64, 91]


@pytest.mark.parametrize(("notation", "sign", "starts", "first"), [
    ("t5", 1, CAUSAL, 0),
    ("t5[direction=bidirectional]", 1, BOTH, 0),
    ("t5[direction=bidirectional]", -1, BOTH[1:], 17),
])  # fmt: skip
def test_t5_buckets_start_where_they_should(notation, sign, starts, first):
    found = oracle(notation, w=list(range(32)))
    buckets = {n: whole(found.kernel(sign * n, 0)[0]) for n in range(0 if first == 0 else 1, 200)}
    changes = [n for n in buckets if n - 1 not in buckets or buckets[n] != buckets[n - 1]]
    assert changes == starts
    assert [buckets[n] for n in starts] == list(range(first, first + len(starts)))


@pytest.mark.parametrize(("buckets", "distance"), [(16, 128), (32, 256), (64, 128), (48, 384)])
def test_other_t5_tables_follow_integer_arithmetic(buckets, distance):
    found = oracle(f"t5[buckets={buckets},distance={distance}]", w=list(range(buckets)))
    e = buckets // 2
    for n in (e - 1, e, e + 1, 2 * e, distance - 1, distance, 10**6):
        steps = sum(n ** (buckets - e) >= distance**b * e ** (buckets - e - b) for b in range(1, buckets - e))
        assert whole(found.kernel(n, 0)[0]) == (n if n < e else e + steps), n


def test_kerple_sandwich_and_fire_are_their_formulas():
    log = oracle("kerple", r1=[0.5, 2.0], r2=[0.25, 1.0]).kernel(7, 3)
    assert floats(log) == pytest.approx([-0.5 * math.log(2), -2 * math.log(5)], rel=1e-15)
    power = oracle("kerple[kind=power]", r1=[0.5], r2=[0.5]).kernel(9, 0)
    assert floats(power) == [-1.5]
    waves = sum(math.cos(5 * 10000 ** (-p / 64)) for p in range(1, 65)) - 64
    assert floats(oracle("sandwich", heads=2).kernel(5, 0)) == pytest.approx([waves / 4, waves / 8], rel=1e-13)
    mlp = {"mlp.w1": [1.0, -1.0], "mlp.b1": [0.0, 0.5], "mlp.w2": [[2.0, 1.0]], "mlp.b2": [0.25]}
    fire = oracle("fire", threshold=16.0, c=1.0, **mlp)
    for s, t in ((3, 0), (40, 7)):
        ratio = math.log1p(s - t) / (math.log1p(max(s, 16)) + 1e-6)
        wanted = 2 * ratio + max(0.5 - ratio, 0) + 0.25
        assert floats(fire.kernel(s, t)) == pytest.approx([wanted], rel=1e-14)


def test_every_ball_is_settled_and_splits_into_two_floats():
    ball = oracle("kerple", r1=[0.3], r2=[0.7]).kernel(2**20, 0)[0]
    assert settled(ball)
    high, low, radius = split(ball)
    assert high == float(ball.mid())
    assert radius < abs(low) < math.ulp(high)


def test_a_mask_takes_its_table_by_lag_and_minus_infinity_as_zero():
    table = [[float(x) for x in range(-3, 4)], [0.0, 0.0, float("-inf"), 1.0, 2.0, 3.0, 4.0]]
    found = oracle("nprf", b=table)
    assert floats(found.kernel(0, 2)) == [math.exp(2.0), math.exp(3.0)]
    assert float(found.kernel(1, 0)[1].mid()) == 0.0
    assert floats(found.kernel(3, 0))[0] == pytest.approx(math.exp(-3), rel=1e-15)


def test_a_grid_has_one_lag_for_each_axis():
    found = oracle("toeplitz-mask[axes=2,positivity=signed]", b=[[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    assert [whole(found.kernel((1, 1), (x, y))[0]) for x, y in ((1, 1), (0, 1), (1, 0), (2, 0))] == [5, 2, 4, 7]
    rpb = oracle("fastrpb[axes=2]", w=[1, 10, 100])
    assert whole(rpb.kernel((0, 1), (1, 0))[0]) == 101


def test_the_causal_kernel_of_fastrpb_is_zero_ahead():
    found = oracle("fastrpb[causal=yes]", w=[3, 2, 1, 7, 7])
    assert [[whole(x) for x in row] for row in found.matrix(range(3), range(3))[0]] == [[1, 0, 0], [2, 1, 0], [3, 2, 1]]
    mixed = found.mix([[[1.0], [10.0], [100.0]]], range(3), range(3))
    assert [whole(row[0]) for row in mixed[0]] == [1, 12, 123]


def test_dape_mixes_heads_with_its_prior():
    f = {"f.w1": [[1.0, 0.0, 0.0, 1.0]], "f.b1": [0.0], "f.w2": [[1.0], [2.0]], "f.b2": [0.0, 0.5], "f.slope": 0.5}
    found = oracle("dape", slope=[0.5, 0.25], **f)
    adapted = found.adapt([[[3.0]], [[5.0]]], [4], [0])
    hidden = 3.0 - 0.25 * 4
    assert [float(x[0][0]) for x in adapted] == [3 - 2 + hidden, 5 - 1 + 2 * hidden + 0.5]
    below = found.adapt([[[-3.0]], [[5.0]]], [4], [0])
    assert float(below[0][0][0]) == -3 - 2 + 0.5 * (-3 - 1)
    given = found.adapt([[[3.0]], [[5.0]]], [4], [0], priors=[[[1.0]], [[1.0]]])
    assert float(given[0][0][0]) == 3 + 1 + (3 + 1)


def test_attention_with_a_bias_a_mask_and_beside_w():
    q, v = [[[0.0], [0.0]]], [[[1.0], [3.0]]]
    biased = oracle("alibi", slope=[1.0]).attend(q, q, v, [0, 1], [0, 1], causal=True, scale=1.0)
    far = math.exp(-1)
    assert floats(biased[0][1]) == pytest.approx([(far + 3) / (far + 1)], rel=1e-15)
    options = {"attention": "linear", "feature_map": "exp", "scale": 1.0, "causal": False}
    masked = oracle("toeplitz-mask[positivity=signed]", b=[1, 2, 4]).attend(q, q, v, [0, 1], [0, 1], **options)
    assert floats([masked[0][0][0], masked[0][1][0]]) == pytest.approx([(2 + 12) / 6, (1 + 6) / 3], rel=1e-15)
    beside = oracle("fastrpb", w=[0.5, 1.0, 0.25]).attend(q, q, v, [0, 1], [0, 1], causal=False, scale=1.0)
    assert floats([beside[0][0][0], beside[0][1][0]]) == [2 + 1.75, 2 + 3.5]


def test_random_features_see_the_direction_only():
    options = {"attention": "linear", "feature_map": "positive-random", "scale": 1.0, "causal": False}
    found = [
        oracle("nprf", b=[0.0] * 3, projection=[[1.0, 0.0], [0.0, 1.0]]).attend(
            [[[x, 0.0]]], [[[0.0, 1.0], [1.0, 1.0]]], [[[1.0], [2.0]]], [0], [0, 1], **options
        )[0][0][0]
        for x in (1.0, 7.0)
    ]
    assert found[0].overlaps(found[1])


def test_shorter_queries_are_the_last_rows_and_rows_can_be_chosen():
    found = oracle("alibi", slope=[0.5])
    q, v = [[[float(i)] for i in range(4)]], [[[float(i)] for i in range(4)]]
    whole = found.attend(q, q, v, range(4), range(4), causal=True, scale=0.5)
    last = found.attend([q[0][3:]], q, v, [3], range(4), causal=True, scale=0.5)
    chosen = found.attend(q, q, v, range(4), range(4), causal=True, scale=0.5, rows=[3])
    assert whole[0][3][0].overlaps(last[0][0][0])
    assert whole[0][3][0].overlaps(chosen[0][0][0])


def test_parameters_of_numbers_are_exact_dyadics():
    high, low, _ = split(oracle("alibi", slope=[0.1]).kernel(3, 0)[0])
    assert Fraction(high) + Fraction(low) == -3 * Fraction(0.1)
    assert float(oracle("alibi", slope=[0.5]).kernel(Fraction(1, 2), 0)[0]) == -0.25


w = sp.Function("w")
MESSAGES = [
    ("rope", {"dim": 8}, "rope: only bias, mask, output, adaptive records have kernels, got 'bilinear'"),
    ("alibi", {"slop": [1.0]}, "alibi: unknown parameter 'slop'; did you mean 'slope'?"),
    ("kerple", {"r1": [1.0], "r2": [1.0, 2.0]}, "kerple: parameters disagree about the number of heads: [1, 2]"),
    ("fire", {"mlp.w1": [1.0]}, "fire: mlp.b1 is missing; an MLP needs mlp.w1, mlp.b1, mlp.w2, mlp.b2"),
    ("t5", {}, "t5: w is free and has no values; give a table w, or w.w1 …"),
    ("fastrpb", {"w": [1.0, 2.0, 3.0]}, "fastrpb: it has no finite value at these positions, or a table ends"),
]


@pytest.mark.parametrize(("notation", "numbers", "message"), MESSAGES)
def test_what_does_not_fit_is_told_in_one_line(notation, numbers, message):
    with pytest.raises(EncodingError) as caught:
        oracle(notation, **numbers).kernel(9, 0)
    assert str(caught.value) == message


def test_designs_of_ones_own_have_kernels_too():
    gamma = sp.Symbol("gamma", positive=True)
    window = Encoding("window", mask=sp.Piecewise((gamma ** sp.Abs(lag), sp.Abs(lag) < 3), (0, True)))
    assert [float(oracle(window, gamma=0.5).kernel(0, t)[0]) for t in (0, 2, 3)] == [1.0, 0.25, 0.0]
    gate = Encoding("gate", adapt=sp.Max(score, 0) + w(lag))
    assert float(oracle(gate, w=[1.0, 2.0, 3.0]).adapt([[[-5.0]]], [0], [1])[0][0][0]) == 3.0
