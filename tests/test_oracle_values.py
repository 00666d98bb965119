"""The oracle against mpmath at 60 digits, written out here a second time from the papers."""

import math
import random
from fractions import Fraction

import mpmath as mp
import pytest
import sympy as sp
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from lagwise.spec import Encoding, position
from lagwise.spec.balls import evaluate, second_opinion
from lagwise.spec.catalogue import get
from lagwise.spec.layout import order
from lagwise.spec.oracle import Oracle, settled, split

V = [0.5, -1.25, 2.0, 0.75, -0.1, 3.0, 1.0, -2.5]
PI = [3, 1, 4, 0, 2, 7, 5, 6]
ORTHOGONAL = ["identity", "householder", "dct", "dft", "shuffle"]
SAMPLE = [0, 1, -3, 257, 131071, 2**31 + 5]


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(60), ctx.workprec(256):
        yield


def vector(dim, seed=0):
    rng = random.Random(f"{dim}, {seed}")
    return [rng.gauss(0, 1) for _ in range(dim)]


def near(ball, value):
    return bool(abs(ball - arb(mp.mpf(value))) < arb(10) ** -45) and ball.rad() < arb(10) ** -25


def agree(balls, values):
    assert len(balls) == len(values)
    assert all(abs(b - arb(mp.mpf(v))) < arb(10) ** -25 for b, v in zip(balls, values, strict=True))


def turned(x, angles):
    found = [mp.mpf(a) for a in x]
    for p, a in enumerate(angles):
        found[2 * p] = mp.cos(a) * x[2 * p] - mp.sin(a) * x[2 * p + 1]
        found[2 * p + 1] = mp.sin(a) * x[2 * p] + mp.cos(a) * x[2 * p + 1]
    return found


def frequencies(count, covered, base=10000):
    return [mp.mpf(base) ** (mp.mpf(-2 * p) / covered) for p in range(count)]


@pytest.mark.parametrize(("dim", "rotary"), [(8, 8), (12, 6), (64, 64)])
def test_rope_is_the_paper_at_any_integer_position(dim, rotary):
    oracle, x = Oracle(get("rope"), {"dim": dim, "rotary_dim": rotary, "base": 500000.0}), vector(dim)
    for s, found in zip(SAMPLE, oracle.query([x] * len(SAMPLE), SAMPLE), strict=True):
        agree(found, turned(x, [s * f for f in frequencies(rotary // 2, rotary, 500000)]))
    assert (oracle.covered, oracle.width, oracle.complex) == (rotary, dim, False)


def test_rope_takes_real_positions_exactly():
    s = 0.1 + 2.0**20
    found = Oracle(get("rope"), {"dim": 8}).key([vector(8)], [s])[0]
    agree(found, turned(vector(8), [mp.mpf(s) * f for f in frequencies(4, 8)]))


def test_halves_are_the_interleaved_pairs_in_another_order():
    places = order("halves", 6, 8)
    assert places == (0, 3, 1, 4, 2, 5, 6, 7)
    x = vector(8)
    stored = [0.0] * 8
    for i, place in enumerate(places):
        stored[place] = x[i]
    angles = [5 * f for f in frequencies(3, 6)]
    halves = [mp.cos(a) * stored[p] - mp.sin(a) * stored[p + 3] for p, a in enumerate(angles)]
    found = Oracle(get("rope"), {"dim": 8, "rotary_dim": 6}).query([x], [5])[0]
    agree([found[2 * p] for p in range(3)], halves)


def test_axial_rope_turns_each_section_by_its_own_axis():
    x, at = vector(8), (3, -7)
    angles = [at[a] * mp.mpf(10000) ** (mp.mpf(-2 * p) / 4) for a in range(2) for p in range(2)]
    oracle = Oracle(get("rope[axes=2]"), {"dim": 8})
    agree(oracle.query([x], [at])[0], turned(x, angles))
    assert order("halves", 8, 8, sections=2) == (0, 2, 1, 3, 4, 6, 5, 7)


def test_xpos_scales_query_and_key_against_each_other():
    x, s = vector(8), 700
    oracle = Oracle(get("xpos"), {"dim": 8, "gamma": 0.4, "scale_base": 512})
    zeta = [(mp.mpf(2 * p) / 8 + mp.mpf(0.4)) / (1 + mp.mpf(0.4)) for p in range(4)]
    plain = turned(x, [s * f for f in frequencies(4, 8)])
    for side, sign in ((oracle.query, 1), (oracle.key, -1)):
        agree(side([x], [s])[0], [y * zeta[i // 2] ** (sign * mp.mpf(s) / 512) for i, y in enumerate(plain)])


def test_sinusoidal_adds_sines_and_cosines():
    x, s = vector(8), 4095
    added = [f(s * w) for w in frequencies(4, 8) for f in (mp.sin, mp.cos)]
    oracle = Oracle(get("sinusoidal"), {"dim": 8})
    agree(oracle.query([x], [s])[0], [a + b for a, b in zip(x, added, strict=True)])
    affine = oracle.map("query", s)
    assert (affine.nrows(), affine.ncols()) == (8, 9)
    agree([affine[i, 8] for i in range(8)], added)


def basis(kind, d):
    """P as an mpmath matrix."""
    P = mp.matrix(d, d)
    half, norm = (d + 1) // 2, mp.fsum(mp.mpf(v) ** 2 for v in V[:d])
    for i in range(d):
        for j in range(d):
            P[i, j] = {
                "identity": lambda i, j: int(i == j),
                "householder": lambda i, j: int(i == j) - 2 * mp.mpf(V[i]) * V[j] / norm,
                "dct": lambda i, j: mp.sqrt(mp.mpf(2 if i else 1) / d) * mp.cos(mp.pi * (2 * j + 1) * i / (2 * d)),
                "dft": lambda i, j: mp.expjpi(mp.mpf(-2 * i * j) / d) / mp.sqrt(d),
                "shuffle": lambda i, j: int(j == (i // 2 if i % 2 == 0 else half + i // 2)),
            }[kind](i, j)
    return P


def core(kind, d, s):
    """Λ^(s) as an mpmath matrix."""
    L = mp.eye(d)
    if kind == "permutation":
        for j in range(d):
            image = j
            for _ in range(s % math.lcm(*map(len, Oracle(get("lrpe[core=permutation]"), PERMUTED).instance.cycles))):
                image = PI[image]
            L[j, j] = 0
            L[j, image] = 1
        return L
    for p in range(d if kind == "unitary" else d // 2):
        angle = s * mp.mpf(10000) ** (mp.mpf(-2 * p) / (d if kind == "unitary" else d // 2 * 2))
        if kind == "unitary":
            L[p, p] = mp.expj(angle)
            continue
        L[2 * p, 2 * p] = L[2 * p + 1, 2 * p + 1] = mp.cos(angle)
        L[2 * p, 2 * p + 1], L[2 * p + 1, 2 * p] = -mp.sin(angle), mp.sin(angle)
    return L


PERMUTED = {"dim": 8, "permutation": PI}


def lrpe(kind, p, d=8):
    parameters = {"dim": d} | ({"v": V[:d]} if p == "householder" else {})
    return Oracle(get(f"lrpe[core={kind},p={p}]"), parameters | (PERMUTED if kind == "permutation" else {}))


@pytest.mark.parametrize("p", ORTHOGONAL)
@pytest.mark.parametrize("kind", ["unitary", "orthogonal", "permutation"])
def test_every_member_of_lrpe_is_core_times_basis(kind, p):
    oracle, x = lrpe(kind, p), mp.matrix(vector(8))
    for s in (0, 5, -7):
        y = core(kind, 8, s) * (basis(p, 8) * x)
        parts = [mp.re(a) for a in y] + ([mp.im(a) for a in y] if oracle.complex else [])
        agree(oracle.query([vector(8)], [s])[0], parts)
    assert oracle.complex == (kind == "unitary" or p == "dft")


@pytest.mark.parametrize("p", ORTHOGONAL)
def test_an_odd_last_coordinate_stays(p):
    assert lrpe("orthogonal", p, 7).covered == 6
    y = core("orthogonal", 7, 9) * (basis(p, 7) * mp.matrix(vector(7)))
    agree(lrpe("orthogonal", p, 7).key([vector(7)], [9])[0][:7], [mp.re(a) for a in y])


@pytest.mark.parametrize("p", ORTHOGONAL)
@pytest.mark.parametrize("kind", ["unitary", "orthogonal", "permutation"])
def test_kernel_at_lag_zero_holds_the_identity(kind, p):
    oracle = lrpe(kind, p)
    W, A = oracle.kernel(0), oracle.map("query", 3)
    entries = [(W[i, j], int(i == j)) for i in range(8) for j in range(8)]
    assert all(x.contains(unit) for x, unit in entries)
    assert all(x.rad() < arb(10) ** -30 for row in A.tolist() for x in row)


def test_kernel_is_the_score_of_unit_vectors():
    oracle = lrpe("orthogonal", "householder")
    unit = [[float(i == j) for j in range(8)] for i in range(8)]
    W, S = oracle.kernel(-4), oracle.scores(unit, unit, [9] * 8, [5] * 8)
    assert all(W[i, j].overlaps(S[i][j]) for i in range(8) for j in range(8))


def test_generators_are_exponentiated():
    a = sp.Symbol("a", positive=True)
    oracle = Oracle(Encoding("spun", generators=(sp.Matrix([[0, -a], [a, 0]]),)), {"dim": 4, "a": [0.5, 0.1]})
    agree(oracle.query([vector(4)], [-11])[0], turned(vector(4), [mp.mpf(-11) * 0.5, mp.mpf(-11) * mp.mpf(0.1)]))
    assert oracle.angle(1) == arb(0.1)


def test_tall_blocks_put_their_rows_together():
    w = sp.Symbol("w", positive=True)
    tall = Encoding("tall", query=sp.Matrix([sp.cos(w * position), sp.sin(w * position)]), parameters={w: sp.pi / 6})
    oracle = Oracle(tall, {"dim": 2})
    assert oracle.width == 4
    assert [split(x)[0] for x in oracle.query([[1.0, 2.0]], [2])[0]] == [0.5, math.sqrt(3) / 2, 1.0, math.sqrt(3)]
    assert oracle.pairs == [(0, 1), (2, 3)]


def test_groups_are_the_outputs_one_block_mixes():
    assert Oracle(get("rope"), {"dim": 6, "rotary_dim": 4}).pairs == [(0, 1), (2, 3), (4,), (5,)]
    assert Oracle(get("rope[axes=2]"), {"dim": 8}).pairs == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert lrpe("unitary", "shuffle").block_of(3) == (3, 11)
    assert lrpe("orthogonal", "dct").block_of(3) == tuple(range(8))


def test_angle_is_the_schedule():
    assert near(Oracle(get("rope"), {"dim": 128}, bits=256).angle(3), mp.mpf(10000) ** (mp.mpf(-6) / 128))
    assert Oracle(get("nope"), {"dim": 4}).angle(0) is None
    assert lrpe("permutation", "dct").angle(0) is None


def test_cyclotomic_values_are_exact():
    oracle = Oracle(get("rope"), {"dim": 2, "theta": sp.pi / 3})
    assert oracle.map("query", 1)[0, 0] == arb(1) / 2
    assert split(oracle.query([[4.0, 0.0]], [3])[0][0]) == (-4.0, 0.0, 0.0)
    assert oracle.query([[4.0, 0.0]], [3])[0][1] == 0


def test_what_no_precision_decides_is_flagged():
    zero = Oracle(get("rope"), {"dim": 2}).scores([[1.0, 0.0]], [[0.0, 1.0]], [5], [5])[0][0]
    assert not settled(zero)
    assert zero.contains(0)
    assert abs(zero) < arb(2) ** -4000


@pytest.mark.parametrize("attention", ["softmax", "plain", "encoded", "norm-linear"])
def test_attention_is_the_textbook_sum(attention):
    rng = random.Random(7)
    q, k, v = ([[rng.gauss(0, 1) for _ in range(w)] for _ in range(n)] for n, w in ((3, 4), (5, 4), (5, 2)))
    oracle, at = Oracle(get("rope"), {"dim": 4}), [4, 9, 2, 7, 7]
    options = {"attention": attention} if attention in ("softmax", "norm-linear") else {"attention": "linear"}
    linear = options["attention"] == "linear"
    options |= {"feature_map": "elu+1", "denominator": attention} if linear else {}
    found = oracle.attend(q, k, v, at[2:], at, causal=True, scale=0.5, **options)
    phi = (lambda x: x + mp.mpf(1) if x > 0 else mp.exp(x)) if linear else mp.mpf
    f = frequencies(2, 4)
    q, k = ([[phi(x) for x in row] for row in rows] for rows in (q, k))
    Q = [turned(row, [s * w for w in f]) for row, s in zip(q, at[2:], strict=True)]
    K = [turned(row, [s * w for w in f]) for row, s in zip(k, at, strict=True)]
    for i, row in enumerate(found):
        scores = [mp.fdot(Q[i], K[j]) / 2 for j in range(i + 3)]
        weights = [mp.exp(x) for x in scores] if attention == "softmax" else scores
        plain = [mp.fdot(q[i], k[j]) / 2 for j in range(i + 3)]
        total = {"plain": mp.fsum(plain), "norm-linear": 1}.get(attention, mp.fsum(weights))
        agree(row, [mp.fsum(w * v[j][c] for j, w in enumerate(weights)) / total for c in range(2)])


def test_one_visible_key_gives_its_value_exactly():
    rows = [[0.3, -0.7], [1.5, 0.1]]
    found = Oracle(get("rope"), {"dim": 2}).attend(rows, rows, rows, [3, 4], [3, 4], causal=True, scale=1.0)
    assert [split(x) for x in found[0]] == [(0.3, 0.0, 0.0), (-0.7, 0.0, 0.0)]


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.integers(-(2**31), 2**31), st.integers(-(2**20), 2**20), st.integers(1, 4), st.integers(0, 99))
def test_scores_depend_on_the_lag_alone(s, shift, half, seed):
    oracle = Oracle(get("lrpe"), {"dim": 2 * half + seed % 2})
    q, k = ([vector(oracle.dim, (seed, side))] for side in "qk")
    one, other = oracle.scores(q, k, [s], [s + 3])[0][0], oracle.scores(q, k, [s + shift], [s + shift + 3])[0][0]
    assert one.overlaps(other)


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.fractions(-50, 50, max_denominator=97), st.floats(0.1, 20), st.integers(-9, 9))
def test_mpmath_agrees_with_the_evaluator(x, y, n):
    a, b, c = sp.symbols("a b c", real=True)
    expression = sp.cos(a * b) * sp.sqrt(b) + sp.exp(-b) * sp.Abs(c) + sp.floor(b) * sp.log(b) - sp.pi**c
    values = {a: Fraction(x), b: y, c: n}
    assert abs(evaluate(expression, values, 256) - arb(second_opinion(expression, values))) < arb(10) ** -45


def test_one_side_may_add_a_vector_while_the_other_does_not():
    w = sp.Symbol("w", positive=True)
    record = Encoding("half", query=sp.eye(1), key=sp.Matrix([[1, sp.cos(w * position)]]), parameters={w: sp.pi})
    oracle = Oracle(record, {"dim": 2})
    assert oracle.key([[1.0, 2.0]], [1]) == [[arb(0), arb(1)]]
    assert oracle.query([[1.0, 2.0]], [1]) == [[arb(1), arb(2)]]
    assert (oracle.map("query", 1).ncols(), oracle.map("key", 1).ncols(), oracle.kernel(1).ncols()) == (2, 3, 3)


def test_comparisons_choose_between_cases():
    x = sp.Symbol("x", real=True)
    cases = sp.Piecewise(
        (sp.Integer(0), x < -1), (x**2, sp.And(x >= 0, sp.Ne(x, sp.sqrt(2)))), (sp.Max(x, -1, -x), True)
    )
    assert [evaluate(cases, {x: v}) for v in (-2, 0.5, -0.5)] == [arb(0), arb(0.25), arb(0.5)]
    assert near(evaluate(sp.Min(sp.pi * x, sp.pi / 4, x), {x: 1}, 256), mp.pi / 4)
