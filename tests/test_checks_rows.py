"""What a row says: likely causes, promises, exemptions, adapters that do not work, and nothing run twice alike."""

import numpy as np
import pytest
from checks_fakes import DIM, angles, make, rope, rows, turned
from lagwise.conformance.bench import Bench
from lagwise.conformance.finding import Outcome
from lagwise.conformance.horizon import horizon


def moved(change):
    return lambda q, k, positions, parameters: rope(q, k, change(positions), parameters)


def keyless(q, k, positions, parameters):
    return turned(q, angles(positions, parameters)), k.copy()


CAUSES = {
    "pairs are interleaved": make(layout="halves"),
    "pairs are interleaved and written as halves": make(
        lambda q, k, positions, parameters: tuple(
            np.concatenate([x[..., 0::2], x[..., 1::2]], -1) for x in rope(q, k, positions, parameters)
        )
    ),
    "the angles have the opposite sign": make(moved(lambda p: -p)),
    "positions start at 1": make(moved(lambda p: p + 1)),
    "base is 500000": make(lambda q, k, positions, parameters: rope(q, k, positions, {**parameters, "base": 500000.0})),
    "positions are taken modulo 2048": make(moved(lambda p: p % 2048)),
    "positions stop at 1023": make(moved(lambda p: np.minimum(p, 1023))),
    "positions are rounded to float16": make(
        moved(lambda p: p.astype(np.float16).astype(np.float64)), max_position=60000
    ),
    "the position is ignored (0 everywhere)": make(moved(lambda p: p * 0)),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_likely_cause_is_found_by_trying_it(cause):
    found = rows(CAUSES[cause], "matches-the-definition")
    said = [f.likely_cause for f in found if f.outcome is Outcome.FAILED]
    wanted = "the vectors are not encoded at all" if "ignored" in cause else cause
    assert any(s.endswith(f" if {wanted}") and s.startswith("agrees to ") for s in said), said


def test_a_key_that_is_not_encoded():
    found = rows(make(keyless), "matches-the-definition")
    assert [(f.case, f.outcome) for f in found[1:]] == [("query", Outcome.PASSED), ("key", Outcome.FAILED)]
    assert found[2].likely_cause.endswith("if the vectors are not encoded at all")


def test_the_failure_text_has_its_parts():
    bad = rows(make(moved(lambda p: -p)), "matches-the-definition")[1]
    assert bad.expected.startswith("q̂_s = A_s q_s; A_s = blockdiag ")
    assert bad.reason.startswith("q̂ is off by ")
    assert bad.reason.endswith(" times the budget)")
    assert set(bad.where) == {"position", "head", "coordinate", "pair"}
    assert bad.budget == "1u output + 1u products + 1u tables + s·θ·2^-51 angle"
    assert bad.repro == "check=matches-the-definition dtype=float32 device=cpu seed=0"
    assert bad.basis == "promise"


@pytest.mark.parametrize(
    ("encode", "reason"),
    [
        (lambda q, k: 1 / 0, "adapter: encode raised ZeroDivisionError: division by zero"),
        (lambda q, k: q, "adapter: encode returned ndarray, wanted the pair (q̂, k̂)"),
        (lambda q, k: (q[..., :4], k), f"adapter: encode returned q̂ of shape (1, 2, 3, 4), wanted (1, 2, 3, {DIM})"),
        (lambda q, k: (q.tolist(), k), "adapter: encode returned builtins.list for q̂, wanted an array of numpy"),
        (lambda q, k, prior: (q, k), "adapter: encode asks for prior, which this check does not give"),
    ],
)
def test_an_adapter_that_does_not_work_is_one_errored_row(encode, reason):
    found = rows(make(encode))
    assert [(f.check, f.outcome, f.reason) for f in found] == [("smoke", Outcome.ERRORED, reason)]


def test_an_exception_in_one_case_leaves_the_others():
    def fails_when_empty(q, k, positions, parameters):
        if q.shape[2] == 0:
            raise ValueError("no rows")
        return rope(q, k, positions, parameters)

    found = rows(make(fails_when_empty), "contract")
    bad = [f for f in found if not f.ok]
    assert [(f.case, f.outcome, f.reason) for f in bad] == [
        ("empty", Outcome.ERRORED, "encode raised ValueError: no rows")
    ]
    assert len(found) > 8


def test_what_is_not_promised_is_skipped_and_said_to_work_when_it_does():
    works = rows(make(supports=()), "offset-equals-full")[-1]
    assert (works.outcome, works.reason) == (Outcome.SKIPPED, "works, not promised: offset is not in supports")
    restarts = make(moved(lambda p: p - p[..., :1]), supports=())
    fails = rows(restarts, "offset-equals-full")[-1]
    assert (fails.outcome, fails.reason) == (Outcome.SKIPPED, "not promised: offset is not in supports")


def test_exemptions_are_honoured_unless_stale_and_never_when_certified():
    wrong = make(moved(lambda p: -p), exempt={"matches-the-definition": "the sign is a convention"})
    found = rows(wrong, "matches-the-definition")[-1]
    assert (found.outcome, found.reason) == (Outcome.SKIPPED, "exempt: the sign is a convention")
    stale = rows(make(exempt={"contract": "an old bug"}), "contract")[-1]
    assert (stale.outcome, stale.reason) == (Outcome.SKIPPED, "stale exemption, the check passes: an old bug")
    certified = rows(wrong, "matches-the-definition", level="certified")
    assert Outcome.FAILED in {f.outcome for f in certified}


def test_an_exemption_from_nothing_is_an_errored_row():
    first = rows(make(exempt={"contrct": "x"}), "contract")[0]
    assert (first.check, first.outcome) == ("exemptions", Outcome.ERRORED)
    assert first.reason == "fake: exempt names the unknown check 'contrct'; did you mean 'contract'?"


def test_a_support_without_a_check_is_said_not_to_be_tested():
    first = rows(make(supports={"meta"}), "contract")[0]
    assert (first.check, first.case, first.outcome) == ("supports", "meta", Outcome.SKIPPED)


def test_a_door_without_a_check_is_said_not_to_be_asked():
    first = rows(make(bias=lambda query_positions, key_positions: None), "contract")[0]
    assert (first.case, first.outcome, first.reason) == ("bias", Outcome.SKIPPED, "no check tests the bias door yet")


def test_parameters_that_the_encoding_does_not_have_are_the_adapters_fault():
    found = rows(make(parameters={"dim": DIM, "bse": 1e4}))
    reason = "adapter: the parameters do not fit: rope: unknown parameter 'bse'; did you mean 'base'?"
    assert [(f.check, f.outcome, f.reason) for f in found] == [("smoke", Outcome.ERRORED, reason)]


def test_an_unknown_check_is_refused():
    with pytest.raises(ValueError, match="unknown check 'contrct'; did you mean 'contract'\\?"):
        rows(make(), "contrct")


def test_rows_are_the_same_whatever_else_is_run_and_differ_between_seeds():
    alone = [f.row() for f in rows(make(), "isometry")]
    among = [f.row() for f in rows(make()) if f.check in ("smoke", "isometry")]
    assert alone == among
    assert alone != [f.row() for f in rows(make(), "isometry", seed=1)]
    both = rows(make(dtypes=("float64", "float32")))
    assert len({f.id for f in both}) == len(both)


def test_a_claim_that_the_encoding_denies_is_not_asked_of_it():
    subject = make(lambda q, k: (q, k), encoding="sinusoidal")
    found = [f for f in rows(subject) if f.check == "lag-invariant"]
    assert [f.reason for f in found] == ["sinusoidal says itself that lag-invariant is false"]


def test_the_horizon_tells_float32_angles_from_exact_ones():
    def single(q, k, positions, parameters):
        inverse = np.float32(10000.0) ** -(np.arange(0, DIM, 2) / DIM).astype(np.float32)
        angle = np.asarray(positions, dtype=np.float32)[..., None] * inverse
        return turned(q, angle), turned(k, angle)

    near = horizon(Bench(make(single, angles="float32", max_position=2**20), "float32"))
    far = horizon(Bench(make(max_position=2**20), "float32"))
    assert 2**12 < near.reach < 2**20
    assert not near.bounded
    assert far.bounded
    assert far.reach == 2**20
    assert near.curve[-1][1] > 100 * far.curve[-1][1]
    row = rows(make(max_position=2**12), "horizon", level="standard")[-1]
    assert (row.measured, row.allowed, row.basis, row.outcome) == (4096.0, None, "definition", Outcome.PASSED)
