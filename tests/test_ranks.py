"""Ranks of kernels: every reference value exactly, unbounded ones with their reason, the rest as certified minors."""

from random import Random

import pytest
import sympy as sp
from lagwise.spec import Encoding, axis, lag, position, query_position
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.half_line import direction, resolve
from lagwise.spec.kernel_rank import of_scalar
from lagwise.spec.prime_field import PRIME, Field, NotInFieldError, rank
from lagwise.spec.substitute import at

m, r1, r2, c, theta, rho = sp.symbols("m r1 r2 c theta rho", positive=True)
M = sp.Symbol("M", integer=True, positive=True)
w = sp.Function("w")
distance, past = sp.Abs(lag), sp.Max(-lag, 0)


def t5(n, buckets, farthest):
    exact = buckets // 2
    steps = sp.floor(sp.log(n / exact) / sp.log(sp.Rational(farthest, exact)) * (buckets - exact))
    return sp.Piecewise((n, n < exact), (sp.Min(buckets - 1, exact + steps), True))


def turn(angle):
    return sp.Matrix([[sp.cos(angle), -sp.sin(angle)], [sp.sin(angle), sp.cos(angle)]])


XPOS = rho**position * turn(position * theta), rho**-position * turn(position * theta)
T5_BOTH = w(t5(distance, 16, 128) + sp.Piecewise((16, lag > 0), (0, True)))
# (encoding, bidirectional, causal): "u" stands for unbounded
REFERENCE = [
    (Encoding("RoPE, two frequencies", query=sp.diag(turn(position), turn(2 * position))), 4, 4),
    (Encoding("xPos", query=XPOS[0], key=XPOS[1]), 2, 2),
    (Encoding("one-sided ALiBi", bias=m * lag), 1, 1),
    (Encoding("cosFormer", mask=sp.cos(sp.pi * lag / (2 * M))), 2, 2),
    (Encoding("n·ρⁿ", mask=-lag * rho**-lag), 2, 2),
    (Encoding("symmetric ALiBi", bias=-m * distance), "u", 1),
    (Encoding("clipped at 8", bias=-m * sp.Min(distance, 8)), "u", 8),
    (Encoding("min(n, 31)", bias=-m * sp.Min(distance, 31)), "u", 31),
    (Encoding("min(n, 31) itself", mask=sp.Min(past, 31)), "u", 31),
    (Encoding("T5 causal 32/128", bias=w(t5(past, 32, 128))), "u", 113),
    (Encoding("T5 bidirectional 32/128", bias=T5_BOTH), "u", 91),
    (Encoding("a filter with 5 taps", mask=sp.Piecewise((w(lag), distance < 5), (0, True))), "u", 4),
    (Encoding("a filter with 12 taps", output=sp.Piecewise((w(lag), distance < 12), (0, True))), "u", 11),
    (Encoding("free values", bias=w(lag)), "u", "u"),
]


def short(found):
    return "u" if found.get("unbounded") else found["value"]


@pytest.mark.parametrize(("encoding", "bidirectional", "causal"), REFERENCE, ids=lambda e: getattr(e, "name", e))
def test_reference_ranks(encoding, bidirectional, causal):
    ranks = judge(encoding).ranks
    assert (short(ranks["bidirectional"]), short(ranks["causal"])) == (bidirectional, causal)


def test_t5_is_91_on_each_side():
    mirrored = T5_BOTH.subs(lag, -lag)
    assert judge(Encoding("T5 mirrored", bias=mirrored)).ranks["causal"] == {"value": 91}


def test_a_wrong_rank_claim_is_contradicted():
    for claimed, confirmed in (({"bidirectional": "unbounded", "causal": 8}, True), ({"causal": 9}, False)):
        clipped = Encoding("c", bias=-m * sp.Min(distance, 8), claims={"rank": claimed})
        assert judge(clipped).claims == {"rank": confirmed}


def test_the_rank_of_the_bias_itself_stands_beside_that_of_its_exponential():
    added = judge(Encoding("ALiBi", bias=-m * distance)).ranks["rank_added"]
    assert (short(added["bidirectional"]), short(added["causal"])) == ("u", 2)
    cosines = judge(Encoding("cosines", bias=sp.cos(theta * lag))).ranks
    assert cosines["rank_added"]["causal"] == {"value": 2}
    assert cosines["causal"]["at_least"] >= 8


REASONS = [
    (Encoding("KERPLE log", bias=-r1 * sp.log(1 + r2 * distance)), "tends to zero like a power of n"),
    (Encoding("KERPLE power", bias=-r1 * distance**r2), "of no exponential rate for any r2 other than 1"),
    (Encoding("Gaussian", bias=-m * lag**2), "leaves every exponential rate behind"),
    (Encoding("root", bias=-m * sp.sqrt(distance)), "slower than every exponential"),
    (Encoding("harmonic", mask=1 / (1 + distance)), "tends to zero like a power of n"),
    (Encoding("root itself", mask=sp.sqrt(1 + distance)), "no natural power"),
    (Encoding("logarithm", mask=sp.log(2 + distance)), "grows like log n"),
]


@pytest.mark.parametrize(("encoding", "reason"), REASONS, ids=lambda e: getattr(e, "name", e))
def test_unbounded_ranks_have_their_reason(encoding, reason):
    ranks = judge(encoding).ranks
    assert reason in ranks["causal"]["unbounded"]
    assert reason in ranks["bidirectional"]["unbounded"]


def test_without_a_reason_the_answer_is_a_certified_lower_bound():
    found = judge(Encoding("ratio", mask=sp.log(2 + distance) / (3 + distance))).ranks["causal"]
    assert found == {"at_least": 12, "up_to_length": 12}
    fire = judge(Encoding("FIRE below L", bias=w(sp.log(1 + c * distance) / sp.log(1 + 512 * c)))).ranks["causal"]
    assert fire == {"at_least": 32, "up_to_length": 32}


def test_polynomials_that_end_equal_are_told_apart():
    """The last value of its own decides: a kernel that leaves its tail at one lag n has rank n more."""
    for last in (1, 2, 7, 20):
        bump = Encoding("bump", mask=sp.Piecewise((2, sp.Eq(distance, last)), (rho**distance, True)))
        assert judge(bump).ranks["causal"] == {"value": last + 1}
    never = Encoding("no bump", mask=sp.Piecewise((rho**distance, sp.Eq(distance, 3)), (rho**distance, True)))
    assert judge(never).ranks["causal"] == {"value": 1}


SEVERAL_AXES = [
    (Encoding("product", mask=sp.cos(m * axis(0)) * sp.cos(theta * axis(1)), axes=2), 4),
    (Encoding("polynomial", mask=axis(0) * axis(1), axes=2), 4),
    (Encoding("square of a sum", mask=(axis(0) + axis(1)) ** 2, axes=2), 3),
    (Encoding("one angle", mask=sp.cos(theta * (axis(0) + axis(1))), axes=2), 2),
    (Encoding("rotations", query=sp.diag(turn(m * axis(0)), turn(theta * axis(1))), axes=2), 4),
]


@pytest.mark.parametrize(("encoding", "expected"), SEVERAL_AXES, ids=lambda e: getattr(e, "name", e))
def test_several_axes(encoding, expected):
    assert judge(encoding).ranks["bidirectional"] == {"value": expected}


def test_several_axes_are_unbounded_when_one_of_them_is():
    ranks = judge(Encoding("sum of distances", bias=-m * (sp.Abs(axis(0)) + sp.Abs(axis(1))), axes=2)).ranks
    assert ranks["bidirectional"]["unbounded"].startswith("along axis_0: two different exponential polynomials")
    assert ranks["causal"] == {"not_applicable": "several axes have no order of the past"}


def test_terms_have_the_rank_of_their_stacked_kernel():
    clip = sp.Max(-4, sp.Min(4, lag))
    table = sp.Matrix([sp.Function(f"w{i}")(clip) for i in range(3)])
    shaw = judge(Encoding("Shaw", terms=[("q", sp.eye(3), "k"), ("q", table, "1")])).ranks
    assert (short(shaw["bidirectional"]), shaw["causal"]) == ("u", {"value": 6})
    rotated = turn(theta * lag) * sp.Matrix([1, 0])
    assert judge(Encoding("t", terms=[("q", sp.eye(2), "k"), ("q", rotated, "1")])).ranks["causal"] == {"value": 4}


def test_a_kernel_of_more_than_the_lag_has_no_rank():
    found = judge(Encoding("absolute", mask=sp.cos(query_position))).ranks["causal"]
    assert found == {"not_applicable": "there is no W of the lag alone"}


def test_what_is_resolved_on_a_tail_is_true_there():
    n = sp.Symbol("n", integer=True, positive=True)
    e = sp.Min(31, 16 + sp.floor(16 * sp.log(n / 16) / sp.log(8)))
    assert resolve(e, n, 64) == e
    assert resolve(e, n, 113) == 31
    assert direction(3 - rho * n**2, n, 1) == -1
    assert direction(n * (5 - n), n, 1) is None
    assert resolve(sp.Max(n - 5, m), n, 64) == sp.Max(n - 5, m)


def test_symbols_are_compared_by_value():
    """SymPy's cache may drop a symbol: the same name then is another object."""
    first = sp.Symbol("n", integer=True, positive=True)
    sp.core.cache.clear_cache()
    second = sp.Symbol("n", integer=True, positive=True)
    assert first is not second
    assert resolve(sp.Min(first, 8), second, 8) == 8


def random_kernel(random, depth):
    atoms = [distance, lag, random.randint(-3, 4), distance + random.randint(0, 3), 2 * distance - 5, m, lag**2]
    if not depth:
        return sp.sympify(random.choice(atoms))
    a, b = (random_kernel(random, depth - 1) for _ in range(2))
    condition = random.choice([distance < random.randint(1, 9), lag > random.randint(-5, 5), a > b])
    return random.choice(
        [
            sp.Min(a, b),
            sp.Max(a, b),
            sp.Piecewise((a, condition), (b, True)),
            a + b,
            a * b,
            sp.Abs(a),
            w(sp.Min(distance, random.randint(1, 6))) + a,
            sp.exp(-m * a),
        ]
    )


def test_ranks_are_those_of_large_matrices_over_the_field():
    """Sixty random kernels: the rank of 20 x 20 Hankel and Toeplitz matrices is the one that was derived."""
    random, compared, size = Random(11), 0, 20
    for _ in range(60):
        kernel = random_kernel(random, random.randint(1, 2))
        found, field = of_scalar(Encoding("random", mask=kernel), kernel, kernel), Field(1)
        try:
            values = {i: field(at(kernel, {lag: i})) for i in range(-2 * size, 2 * size)}
        except NotInFieldError:
            continue
        hankel = rank([[values[-(i + j + 1)] for j in range(size)] for i in range(size)])
        toeplitz = rank([[values[i - j] for j in range(size)] for i in range(size)])
        for answer, measured in ((found["causal"], hankel), (found["bidirectional"], toeplitz)):
            if "value" in answer:
                assert answer["value"] == measured, kernel
                compared += 1
            assert "unbounded" not in answer or measured >= 3, kernel
    assert compared >= 40


def test_the_field_takes_the_same_thing_for_the_same_value():
    field = Field()
    assert field(sp.exp(m) * sp.exp(2 * m)) == field(sp.exp(3 * m))
    assert field((1 + r2) ** (-r1) * (1 + r2) ** r1) == 1
    assert field(w(3) + w(3) - 2 * w(3)) == 0
    assert rank([[1, 2], [2, 4]]) == 1
    assert rank([[PRIME, 0], [0, 1]]) == 1
    with pytest.raises(NotInFieldError, match="has no value in a prime field"):
        field(sp.log(m))
