"""What the oracle says to wrong parameters, positions and vectors: one line, verbatim."""

import pytest
import sympy as sp
from lagwise.spec import Encoding, lag, position
from lagwise.spec.balls import evaluate
from lagwise.spec.catalogue import get
from lagwise.spec.encoding import EncodingError
from lagwise.spec.layout import order
from lagwise.spec.oracle import Oracle

PERMUTATION = "lrpe[core=permutation,p=identity]"
HOUSEHOLDER = "lrpe[core=orthogonal,p=householder]"

PARAMETERS = [
    ("rope", {}, "rope: dim is missing; give it among the parameters"),
    ("rope", {"dim": 7}, "rope: dim must be even, got 7"),
    ("rope", {"dim": -2}, "rope: dim must be a positive integer, got -2"),
    ("rope", {"dim": 8.0}, "rope: dim must be a positive integer, got 8.0"),
    ("rope", {"dim": 8, "rotary_dim": 7}, "rope: rotary_dim must be even and at most dim, got 7"),
    ("rope", {"dim": 8, "rotary_dim": 10}, "rope: rotary_dim must be even and at most dim, got 10"),
    ("rope", {"dim": 8, "rotary_dim": 2.5}, "rope: rotary_dim must be an integer, got 2.5"),
    ("rope[axes=2]", {"dim": 6}, "rope[axes=2]: dim must be a multiple of 4, got 6"),
    ("rope", {"dim": 8, "bsae": 3}, "rope: unknown parameter 'bsae'; did you mean 'base'?"),
    ("nope", {"dim": 8, "xyz": 3}, "nope: unknown parameter 'xyz'; known: dim, head, length"),
    ("rope", {"dim": 8, "base": -1}, "rope: base must be positive, got -1"),
    ("rope", {"dim": 8, "base": "10k"}, "rope: base must be a finite number, got '10k'"),
    ("rope", {"dim": 8, "base": float("nan")}, "rope: base must be a finite number, got nan"),
    ("rope", {"dim": 8, "base": sp.I}, "rope: base must be real, got I"),
    ("rope", {"dim": 8, "theta": [1, 2]}, "rope: theta needs 4 values (one for each pair), got 2"),
    (
        "lrpe[core=orthogonal,p=identity,theta=b]",
        {"dim": 8},
        "lrpe[core=orthogonal,p=identity,theta=b]: length is missing; give it among the parameters",
    ),
    (PERMUTATION, {"dim": 8}, f"{PERMUTATION}: permutation is learned and has no value; give its 8 images"),
    (
        PERMUTATION,
        {"dim": 3, "permutation": [0, 1, 1]},
        f"{PERMUTATION}: permutation must hold each of 0..2 once, got [0, 1, 1]",
    ),
    (
        PERMUTATION,
        {"dim": 3, "permutation": [0, 1]},
        f"{PERMUTATION}: permutation needs 3 values (one for each coordinate), got 2",
    ),
    (HOUSEHOLDER, {"dim": 4}, f"{HOUSEHOLDER}: v is learned and has no value; give its 4 numbers"),
    (HOUSEHOLDER, {"dim": 2, "v": [0.0, 0]}, f"{HOUSEHOLDER}: v must not be zero"),
    (HOUSEHOLDER, {"dim": 2, "v": 1.0}, f"{HOUSEHOLDER}: v needs 2 values (one for each coordinate), got one number"),
]


@pytest.mark.parametrize(("name", "parameters", "said"), PARAMETERS)
def test_wrong_parameters(name, parameters, said):
    with pytest.raises(EncodingError) as caught:
        Oracle(get(name), parameters)
    assert str(caught.value) == said


CALLS = [
    ("rope", [[1.0] * 7], [0], "rope: vectors must have dim = 8 coordinates, got 7"),
    ("rope", [[1.0] * 8], [0, 1], "rope: one position for each vector is wanted, got 2 for 1"),
    ("rope", [[float("inf")] * 8], [0], "rope: vectors must be finite, got inf"),
    ("rope", [[1.0] * 8], [float("nan")], "rope: positions must be finite numbers, got nan"),
    ("rope", [[1.0] * 8], ["2"], "rope: positions must be finite numbers, got '2'"),
    ("rope", [[1.0] * 8], [(1, 2)], "rope: a position needs 1 coordinate, got (1, 2)"),
    ("rope[axes=2]", [[1.0] * 8], [3], "rope[axes=2]: a position needs 2 coordinates, got 3"),
    (PERMUTATION, [[1.0] * 8], [1.5], f"{PERMUTATION}: positions must be integers, got 1.5"),
]


@pytest.mark.parametrize(("name", "vectors", "positions", "said"), CALLS)
def test_wrong_vectors_and_positions(name, vectors, positions, said):
    permutation = {"permutation": list(range(8))} if name == PERMUTATION else {}
    oracle = Oracle(get(name), {"dim": 8} | permutation)
    with pytest.raises(EncodingError) as caught:
        oracle.query(vectors, positions)
    assert str(caught.value) == said


def test_an_integral_float_is_an_integer_position():
    oracle = Oracle(get(PERMUTATION), {"dim": 3, "permutation": [1, 2, 0]})
    assert oracle.query([[5.0, 6.0, 7.0]], [-2.0]) == oracle.query([[5.0, 6.0, 7.0]], [4])


def test_only_bilinear_records_have_maps():
    with pytest.raises(EncodingError) as caught:
        Oracle(Encoding("slope", bias=-lag), {"dim": 4})
    assert str(caught.value) == "slope: only bilinear records have maps A_s and B_t, got kind 'bias'"


def test_circular_parameters_are_named():
    a, b = sp.symbols("a b", positive=True)
    record = Encoding("knot", query=sp.Matrix([[a**position]]), parameters={a: b + 1, b: a - 1})
    with pytest.raises(EncodingError) as caught:
        Oracle(record, {"dim": 4})
    assert str(caught.value) == "knot: parameters define each other in a circle: a, b"


def test_a_node_without_certified_evaluation_is_named():
    record = Encoding("bessel", query=sp.Matrix([[sp.besselj(0, position)]]))
    with pytest.raises(EncodingError) as caught:
        Oracle(record, {"dim": 4})
    assert str(caught.value) == "bessel: no certified evaluation of besselj, got besselj(0, position)"


def test_values_that_are_not_finite_are_refused():
    record = Encoding("pole", query=sp.Matrix([[1 / position]]))
    with pytest.raises(EncodingError) as caught:
        Oracle(record, {"dim": 1}).query([[1.0]], [0])
    assert str(caught.value) == "pole: the definition has no finite value at these positions"


def test_a_comparison_that_stays_open_is_said():
    x, y = sp.symbols("x y", positive=True)
    with pytest.raises(EncodingError) as caught:
        evaluate(sp.floor(sp.sqrt(x) * sp.sqrt(y)), {x: 2, y: 2})
    assert str(caught.value) == "expression: a floor is not decided at 4096 bits"


ATTENTION = [
    ({"attention": "hard"}, "rope: attention must be one of softmax, linear, norm-linear, got 'hard'"),
    ({"feature_map": "gelu"}, "rope: feature_map must be one of relu, elu+1, exp, identity, got 'gelu'"),
    ({"denominator": "none"}, "rope: denominator must be one of plain, encoded, got 'none'"),
    ({"attention": "linear", "feature_map": "relu"}, "rope: the denominator of query 0 is zero"),
]


@pytest.mark.parametrize(("options", "said"), ATTENTION)
def test_wrong_attention(options, said):
    rows = [[-1.0, -2.0]]
    with pytest.raises(EncodingError) as caught:
        Oracle(get("rope"), {"dim": 2}).attend(rows, rows, rows, [0], [0], causal=True, scale=1.0, **options)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("split", 4, 4), "layout must be one of interleaved, halves, got 'split'"),
        (("halves", 5, 8), "layout: halves need a multiple of 2 and at most 8 coordinates, got 5"),
        (("halves", 6, 8, 2), "layout: halves need a multiple of 4 and at most 8 coordinates, got 6"),
    ],
)
def test_wrong_layouts(arguments, said):
    with pytest.raises(ValueError, match="layout") as caught:
        order(*arguments)
    assert str(caught.value) == said
