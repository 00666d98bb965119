"""The record: what is well-formed, and the one line that says what is not."""

import pytest
import sympy as sp
from lagwise.spec import Encoding, PermutationPower, axis, dim, lag, learned, pair, position
from lagwise.spec.catalogue import get, members, names
from lagwise.spec.encoding import EncodingError

theta = sp.Symbol("theta", positive=True)
one = sp.Matrix([[1]])

WRONG = [
    (
        lambda: Encoding("m"),
        "m: exactly one form of query, generators, terms, bias, mask, output, adapt, step is wanted, got none",
    ),
    (
        lambda: Encoding("m", query=one, bias=lag),
        "m: exactly one form of query, generators, terms, bias, mask, output, adapt, step is wanted, got query, bias",
    ),
    (lambda: Encoding("", query=one), "encoding: name must be a non-empty string, got ''"),
    (
        lambda: Encoding("m", query=sp.Matrix([[sp.cos(sp.Symbol("position"))]])),
        "m: the symbol 'position' is only named like ours; use `from lagwise.spec import position`",
    ),
    (
        lambda: Encoding("m", query=sp.Matrix([[sp.exp(sp.I * sp.Symbol("lag"))]])),
        "m: the symbol 'lag' is only named like ours; use `from lagwise.spec import lag`",
    ),
    (
        lambda: Encoding("m", query=one, parameters={sp.Symbol("dim"): 4}),
        "m: the symbol 'dim' is only named like ours; import it from lagwise.spec",
    ),
    (lambda: Encoding("m", query=sp.Matrix([[sp.nan]])), "m: entries must be finite, got Matrix([[nan]])"),
    (lambda: Encoding("m", query=sp.Matrix([[sp.oo]])), "m: entries must be finite, got Matrix([[oo]])"),
    (lambda: Encoding("m", query=one, domain="complex"), "m: domain must be 'integer' or 'real', got 'complex'"),
    (lambda: Encoding("m", query=one, axes=0), "m: axes must be an integer >= 1, got 0"),
    (
        lambda: Encoding("m", query=one, basis="haar"),
        "m: basis must be one of identity, householder, dct, dft, shuffle, got 'haar'",
    ),
    (lambda: Encoding("m", query=one, claims={"unitry": True}), "m: unknown claim 'unitry'; did you mean 'unitary'?"),
    (lambda: Encoding("m", query=one, claims={"unitary": "yes"}), "m: claim 'unitary' cannot have the value 'yes'"),
    (
        lambda: Encoding("m", query=sp.eye(2), key=sp.eye(3)),
        "m: query and key need equally many rows, got (2, 2) and (3, 3)",
    ),
    (lambda: Encoding("m", query=sp.ones(1, 3)), "m: query must be square, tall or [M | p], got shape (1, 3)"),
    (lambda: Encoding("m", key=one, bias=lag), "m: key= needs query="),
    (lambda: Encoding("m", query=sp.Matrix([[lag]])), "m: query= is written in position, got lag"),
    (
        lambda: Encoding("m", query=sp.Matrix([[position]]), axes=2),
        "m: query= is written in axis(0), axis(1), …, got position",
    ),
    (lambda: Encoding("m", query=sp.Matrix([[axis(1)]])), "m: axis(1) needs axes > 1, got axes=1"),
    (
        lambda: Encoding("m", bias=position),
        "m: bias= is written in lag, or in query_position and key_position, got position",
    ),
    (
        lambda: Encoding("m", generators=(sp.eye(2),), axes=2),
        "m: one generator for each axis is wanted, got 1 for axes=2",
    ),
    (
        lambda: Encoding("m", terms=[("k", lag, "q")]),
        "m: terms[0] must be (left, W, right), left 'q' or '1', right 'k' or '1'; got ('k', lag, 'q')",
    ),
    (lambda: PermutationPower((0, 0, 1)), "permutation: wanted each of 0..2 once, got (0, 0, 1)"),
    (lambda: learned((theta,), 0), "learned: a shape holds numbers, dim, head or length, got the free symbol theta"),
    (lambda: axis(-1), "axis: j must be an integer >= 0, got -1"),
    (lambda: get("ropee"), "unknown encoding 'ropee'; did you mean 'rope'?"),
    (lambda: get("lrpe[core=rotary]"), "lrpe: core must be one of unitary, orthogonal, permutation, got 'rotary'"),
    (lambda: get("lrpe[cor=unitary]"), "lrpe: unknown option 'cor'; did you mean 'core'?"),
    (lambda: get("lrpe[core]"), "encoding 'lrpe[core]': option 'core' must be key=value"),
    (
        lambda: get("lrpe[core=permutation,axes=2]"),
        "lrpe: a permutation core has no angles and one axis; leave out theta= and axes=",
    ),
]


@pytest.mark.parametrize(("make", "message"), WRONG, ids=range(len(WRONG)))
def test_a_record_that_is_not_well_formed_says_why_in_one_line(make, message):
    with pytest.raises(EncodingError) as caught:
        make()
    assert str(caught.value) == message


def test_the_key_defaults_to_the_query_and_kinds_follow_from_the_form():
    record = Encoding("m", query=sp.Matrix([[sp.exp(sp.I * theta * position)]]))
    assert record.key == record.query
    kinds = {
        "bilinear": record,
        "terms": Encoding("t", terms=[("q", sp.exp(-lag), "k")]),
        "bias": Encoding("b", bias=-sp.Abs(lag)),
        "mask": Encoding("m", mask=sp.exp(lag)),
        "output": Encoding("o", output=sp.exp(lag)),
        "random": Encoding("r", query=one, key=one, noise=one),
        "adaptive": Encoding("a", adapt=1),
        "path": Encoding("p", step=1),
    }
    assert {kind: e.kind for kind, e in kinds.items()} == {kind: kind for kind in kinds}


def test_a_record_is_frozen():
    record = get("rope")
    with pytest.raises(AttributeError):
        record.name = "other"


def test_parameters_and_learned_shapes():
    half = Encoding("m", query=one, parameters={theta: learned((dim / 2,), 10000 ** (-2 * pair / dim))})
    assert half.parameters[theta].shape == (dim / 2,)


@pytest.mark.parametrize("member", [m for name in names() for m in members(name)])
def test_every_member_of_the_catalogue_carries_what_a_reader_needs(member):
    record = get(member)
    assert record.summary
    assert record.source or record.name == "nope"
    assert record.claims
    assert get(record.name).name == record.name
