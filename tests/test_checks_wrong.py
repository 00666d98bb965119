"""Every check fails its wrong subject, and correct ones are left alone."""

from typing import ClassVar

import numpy as np
import pytest
from checks_fakes import DIM, SUPPORTS, angles, caught, make, rope, rows, turned
from lagwise.conformance.checks import all_checks
from lagwise.conformance.finding import Outcome

PLAIN = {"dim": DIM, "base": 10000.0}


def keyed(change):
    """A wrong encode made of a change to (q, k, positions) before the correct one."""
    return lambda q, k, positions, parameters: rope(*change(q, k, positions), parameters)


class Reuses:
    """Writes every result into the same two arrays."""

    def __init__(self):
        self.held = {}

    def __call__(self, q, k, positions, parameters):
        pair = rope(q, k, positions, parameters)
        for name, values in zip("qk", pair, strict=True):
            if (name, values.shape) not in self.held:
                self.held[name, values.shape] = np.empty_like(values)
            self.held[name, values.shape][...] = values
        return tuple(self.held[name, q.shape] for name in "qk")


class Caches:
    """Keeps the angles of the first call with a length, for all parameters."""

    shared: ClassVar = {}

    def __call__(self, q, k, positions, parameters):
        key = tuple(np.ravel(positions))
        angle = self.shared.setdefault(key, angles(positions, parameters))
        return turned(q, angle), turned(k, angle)


GENERATOR = np.random.default_rng(0)


def noisy(q, k, positions, parameters):
    q, k = rope(q, k, positions, parameters)
    return q + (GENERATOR.random(q.shape) < 0.05) * np.spacing(q).astype(q.dtype), k


def in_place(q, k, positions, parameters):
    q[...], k[...] = rope(q, k, positions, parameters)
    return q, k


def first_head(q, k, positions, parameters):
    q, k = rope(q, k, positions, parameters)
    return q, k if k.shape == q.shape else np.broadcast_to(k[:, :1], k.shape).copy()


def other_key(q, k, positions, parameters):
    angle = angles(positions, parameters)
    return turned(q, angle), turned(k, angle * 1.01)


def scaled(q, k, positions, parameters):
    q, k = rope(q, k, positions, parameters)
    return q * np.float32(1.5), k * np.float32(1.5)


def squared(q, k, positions, parameters):
    angle = angles(positions, parameters)
    return turned(q, angle * angle), turned(k, angle * angle)


def by_length(q, k, positions, parameters):
    angle = angles(positions, parameters) / max(q.shape[2], 1)
    return turned(q, angle), turned(k, angle)


def first_batch(q, k, positions, parameters):
    return rope(q, k, positions[0] if positions.ndim == 2 else positions, parameters)


WRONG = {
    "contract": make(in_place),
    "grouped-heads": make(first_head),
    "matches-the-definition": make(keyed(lambda q, k, p: (q, k, p + 1))),
    "lag-invariant": make(other_key),
    "isometry": make(scaled),
    "identity-at-zero": make(scaled),
    "group-law": make(squared),
    "adjoint-is-inverse": make(other_key),
    "length-independent": make(by_length),
    "offset-equals-full": make(keyed(lambda q, k, p: (q, k, p - p[..., :1]))),
    "arbitrary-positions": make(keyed(lambda q, k, p: (q, k, np.arange(p.shape[-1])))),
    "batched-positions": make(first_batch),
    "fractional-positions": make(keyed(lambda q, k, p: (q, k, np.floor(p)))),
    "history-independent": make(Reuses()),
    "deterministic": make(noisy),
    "scores-match": make(None, score=lambda q, k, positions: q @ k.swapaxes(-1, -2) / np.float32(2)),
    "tables-match": make(
        tables=lambda positions: (np.cos(positions[:, None] * np.ones(4)),) * 2, table_precision="input"
    ),
    "attention-matches": make(None, attend=lambda q, k, v, positions: v),
}
ELSEWHERE = {"gradient-is-adjoint": "torch", "horizon": "a number, not a promise"} | dict.fromkeys(
    (
        "causal",
        "equals-definition-given-noise",
        "fast-equals-dense",
        "gate-ends",
        "mean-in-expectation",
        "memory-linear",
        "noise-follows-its-law",
        "noise-frozen",
        "realizations-independent",
        "variance-in-expectation",
    ),
    "test_mutants: no subject of rope can fail it",
)


@pytest.mark.parametrize("check", WRONG)
def test_the_check_fails_its_wrong_subject(check):
    found = rows(WRONG[check], check)
    assert Outcome.FAILED in {f.outcome for f in found if f.check == check}
    bad = next(f for f in found if f.outcome is Outcome.FAILED)
    assert bad.reason
    assert bad.expected
    assert bad.likely_cause
    assert bad.repro.startswith(f"check={check} ")


def test_every_check_has_its_wrong_subject():
    assert {c.name for c in all_checks()} == set(WRONG) | set(ELSEWHERE)


def halves(q, k, positions, parameters):
    order = np.argsort([*range(0, DIM, 2), *range(1, DIM, 2)])
    back = np.argsort(order)
    q, k = rope(q[..., order], k[..., order], positions, parameters)
    return q[..., back], k[..., back]


def long_format(q, k, positions, parameters):
    return tuple(x.swapaxes(1, 2) for x in rope(q.swapaxes(1, 2), k.swapaxes(1, 2), positions, parameters))


def single(q, k, positions, parameters):
    inverse = (np.float32(1) / np.float32(parameters["base"]) ** (np.arange(0, DIM, 2) / DIM)).astype(np.float32)
    angle = np.asarray(positions, dtype=np.float32)[..., None] * inverse
    return turned(q, angle), turned(k, angle)


def wide(q, k, positions, parameters):
    pair = rope(q.astype("f8"), k.astype("f8"), positions, parameters)
    return tuple(x.astype(q.dtype) for x in pair)


def scores(q, k, positions):
    q, k = rope(q, k, positions, PLAIN)
    return q @ k.swapaxes(-1, -2)


WIDE = {"angles": "float64", "tables": "float64", "arithmetic": "float64"}


def written(q, k, positions, parameters):
    return tuple(np.concatenate([x[..., 0::2], x[..., 1::2]], -1) for x in rope(q, k, positions, parameters))


def reflected(q, k, positions, parameters):
    P = (np.eye(DIM) - 2 / DIM).astype(q.dtype)  # a Householder matrix, the same for q and k
    return tuple(x @ P for x in rope(q, k, positions, parameters))


def reflected_backwards(q, k, positions, parameters):
    return reflected(q, k, -positions, parameters)


def test_up_to_an_isometry_scores_decide():
    wrong = make(reflected_backwards, up_to="isometry")
    assert caught(wrong) == {"scores-match"}
    row = next(f for f in rows(wrong) if f.check == "matches-the-definition")
    assert row.reason == "declared up_to='isometry': only scores are compared"


RIGHT = {
    "writes another layout": make(written, writes="halves"),
    "up to an isometry": make(reflected, up_to="isometry"),
    "interleaved": make(dtypes=("float64", "float32", "float16")),
    "halves": make(halves, layout="halves"),
    "blhd": make(long_format, axes="blhd"),
    "float32 angles": make(single, angles="float32", supports=SUPPORTS, max_position=2**20),
    "wide arithmetic": make(wide, dtypes=("float16", "float32"), **WIDE),
    "promises nothing": make(supports=(), max_position=5000),
    "offset only": make(supports={"offset"}, max_position=70000),
    "two positions": make(
        lambda q, k, query_positions, key_positions, parameters: (
            turned(q, angles(query_positions, parameters)),
            turned(k, angles(key_positions, parameters)),
        )
    ),
    "tables": make(
        None, tables=lambda positions: (np.cos(angles(positions, PLAIN)), np.sin(angles(positions, PLAIN))),
        table_precision="input", dtypes=("float64",),
    ),
    "score": make(None, score=scores),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("level", ["smoke", "standard"])
def test_correct_subjects_are_left_alone(name, level):
    assert caught(RIGHT[name], level) == set()


def test_an_instance_in_between_must_follow_its_own_parameters():
    Caches.shared.clear()
    bad = [f for f in rows(make(Caches()), "history-independent") if f.outcome is Outcome.FAILED]
    assert {f.case for f in bad} == {"other parameters query", "other parameters key"}
