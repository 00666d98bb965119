"""Kernel and adaptive entries: claims, ranks, witnesses, names, and what a wrong option is told."""

import pytest
from lagwise.spec.catalogue import get, members
from lagwise.spec.encoding import EncodingError
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import check

ENTRIES = ("alibi", "t5", "kerple", "fire", "sandwich", "fastrpb", "nprf", "toeplitz-mask", "dape", "dape-v2")
EVERY = [member for name in ENTRIES for member in members(name)]


@pytest.mark.parametrize("member", EVERY)
def test_an_entry_carries_its_name_source_and_words(member):
    record = get(member)
    assert record.name == member
    assert record.source
    assert record.summary
    assert record.conventions


@pytest.mark.parametrize("member", EVERY)
def test_every_claim_is_confirmed_and_its_certificates_check(member):
    judgement = judge(get(member))
    assert set(judgement.claims.values()) == {True}, judgement.claims
    for proposition in judgement.propositions.values():
        if proposition.certificate:
            check(proposition.certificate)


RANKS = {
    "alibi": ("unbounded", 1),
    "alibi[symmetric=yes]": ("unbounded", 1),
    "t5": ("unbounded", 113),
    "t5[direction=bidirectional]": ("unbounded", 91),
    "fastrpb": ("unbounded", "unbounded"),
    "kerple": ("unbounded", "unbounded"),
    "kerple[kind=power]": ("unbounded", "unbounded"),
    "nprf": ("unbounded", "unbounded"),
}


@pytest.mark.parametrize(("member", "ranks"), RANKS.items())
def test_ranks_are_those_of_the_literature(member, ranks):
    found = judge(get(member)).ranks
    shown = tuple(
        "unbounded" if "unbounded" in found[s] else found[s].get("value") for s in ("bidirectional", "causal")
    )
    assert shown == ranks


def test_sandwich_itself_has_rank_one_more_than_its_width():
    assert judge(get("sandwich[width=8]")).ranks["rank_added"]["causal"] == {"value": 9}


def test_fire_is_relative_before_its_threshold_only():
    for name in ("fire", "dape[prior=fire]"):
        found = judge(get(name)).propositions
        assert (found["lag-invariant"].verdict, found["lag-invariant-when"].verdict) == ("refuted", "proved")
        assert found["lag-invariant-when"].quantifiers.endswith("where query_position <= threshold")


def test_dape_v2_as_released_is_refuted_at_the_first_key_and_holds_masked():
    released, masked = judge(get("dape-v2")), judge(get("dape-v2[edge=masked]"))
    witness = released.propositions["lag-invariant"].witness
    assert (witness["key_position"], witness["shift"]) == ("0", "1")
    assert masked.propositions["lag-invariant"].detail == "given the scores"


def test_dape_is_not_linear_and_says_why():
    found = judge(get("dape"))
    assert found.ranks["causal"] == {
        "not_applicable": "nonlinear in the score: no kernel of the lag multiplies the features"
    }
    assert found.canonical_form == "none: a nonlinear function of the score is no sum of primitives"


MESSAGES = [
    ("t5[buckets=seven]", "t5: buckets and distance must be integers, got 'seven' and '128'"),
    ("t5[buckets=32,distance=16]", "t5: wanted an even number of buckets and a distance beyond half of a side, got 32"),
    ("sandwich[width=7]", "sandwich: width must be an even integer >= 2, got '7'"),
    ("fastrpb[axes=2,causal=yes]", "fastrpb: a grid has no order of the past; leave out axes= or causal="),
    ("dape[prior=rope]", "dape: prior must be one of alibi, kerple, fire, none, got 'rope'"),
    ("kerple[kind=square]", "kerple: kind must be one of log, power, got 'square'"),
]


@pytest.mark.parametrize(("notation", "message"), MESSAGES)
def test_a_wrong_option_is_told_in_one_line(notation, message):
    with pytest.raises(EncodingError) as caught:
        get(notation)
    assert str(caught.value) == message
