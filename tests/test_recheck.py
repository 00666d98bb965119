"""Certificates: accepted as made, rejected with any one number changed, checked by the standard library alone."""

import copy
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from lagwise.spec import recheck
from lagwise.spec.catalogue import get
from lagwise.spec.exact import certificate
from lagwise.spec.exact.verdicts import judge
from lagwise.spec.recheck import RejectedError, check, digest


def certificates(name):
    return [p.certificate for p in judge(get(name)).propositions.values() if p.certificate]


def numbers(value, path=()):
    """The path of every number (or text that is one) in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from numbers(item, (*path, key))
    if isinstance(value, (bool, int)) or (isinstance(value, str) and _is_number(value)):
        yield path


def _is_number(text):
    try:
        Fraction(text)
    except ValueError:
        return False
    return True


def changed(made, path):
    copied = copy.deepcopy(made)
    target = copied
    for key in path[:-1]:
        target = target[key]
    old = target[path[-1]]
    target[path[-1]] = (
        (not old) if isinstance(old, bool) else old + 1 if isinstance(old, int) else str(Fraction(old) + 1)
    )
    return copied


def rehashed(made):
    body = {k: v for k, v in made.items() if k != "hash"} | {"record": digest(made["definition"])}
    return body | {"hash": digest(body)}


@pytest.mark.parametrize("name", ["rope", "xpos", "sinusoidal", "lrpe[core=unitary,p=householder]", "nope"])
def test_any_changed_number_is_rejected(name):
    for made in certificates(name):
        check(made)
        for path in numbers(made):
            with pytest.raises(RejectedError):
                check(changed(made, path))
        with pytest.raises(RejectedError, match="hash"):
            check(made | {"hash": "0" * 64})


def test_a_false_definition_is_rejected_even_with_its_hashes_made_new():
    """The mathematics is checked, not only the seal: each change below makes the claim false."""
    made = next(c for c in certificates("rope") if c["claim"]["property"] == "lag-invariant")
    rejected = 0
    for path in numbers(made):
        if path[:2] == ("definition", "query"):
            with pytest.raises(RejectedError):
                check(rehashed(changed(made, path)))
            rejected += 1
    assert rejected >= 16


def test_a_claim_turned_round_is_rejected():
    for name in ("rope", "xpos"):
        for made in certificates(name):
            turned = copy.deepcopy(made)
            turned["claim"]["value"] = not turned["claim"]["value"]
            with pytest.raises(RejectedError):
                check(rehashed(turned))


def test_a_witness_outside_the_domain_is_rejected():
    made = next(c for c in certificates("xpos") if c["claim"]["property"] == "unitary")
    made = copy.deepcopy(made)
    made["proof"]["point"]["zeta"] = "-1"
    with pytest.raises(RejectedError, match="zeta = -1 must be positive"):
        check(rehashed(made))


def test_theorems_come_from_the_closed_list_word_for_word():
    for name in recheck.THEOREMS:
        made = certificate.theorem(name)
        assert check(made).startswith(name)
        made["claim"]["statement"] += " and more"
        with pytest.raises(RejectedError, match="not the one in the closed list"):
            check(rehashed(made))


def test_the_theorems_hold_and_a_circulant_one_shorter_is_not_exact():
    """At 3 x 4, lags meet modulo 5 and not modulo 6; and an interval around zero refutes nothing."""
    lags = [j - i for i in range(3) for j in range(4)]
    assert len({lag % 5 for lag in lags}) < len(set(lags)) == len({lag % 6 for lag in lags})
    ring = recheck.Algebra()
    one = ring.term(Fraction(1))
    assert not ring.is_zero(one)
    assert recheck.excludes_zero(one, {})
    assert not recheck.excludes_zero(ring.add(one, ring.term(Fraction(-1))), {})
    assert all(proof() for _, proof, _ in recheck.THEOREMS.values())


def test_malformed_certificates_are_rejected_not_crashed_on():
    for bad in ({}, {"schema": "lagwise-certificate/1"}, {"schema": "x", "hash": ""}):
        with pytest.raises(RejectedError):
            check(bad)


def test_the_lemmas_hold_and_wrong_ones_would_not(monkeypatch):
    assert all(lemma() for lemma in recheck.LEMMAS.values())
    assert not recheck._isometry([[recheck.Algebra().term(Fraction(1))], [recheck.Algebra().term(Fraction(1))]])
    made = next(c for c in certificates("lrpe[core=unitary,p=dct]") if c["claim"]["property"] == "unitary")
    monkeypatch.setitem(recheck.LEMMAS, "dct", lambda: False)
    with pytest.raises(RejectedError, match="the lemma 'dct' does not hold"):
        check(made)


def test_roots_of_unity_and_radicals_are_one_field():
    ring = recheck.Algebra()
    root2 = ring.term(Fraction(1), (), (), (("#2", Fraction(1, 2)),))
    eighths = [ring.term(Fraction(-1), ((recheck.PI, Fraction(s, 4)),)) for s in (1, -1)]
    assert ring.is_zero(ring.add(root2, *eighths))
    assert not ring.is_zero(ring.add(root2, eighths[0]))


def test_intervals_hold_the_value():
    import math

    for x in (Fraction(1, 3), Fraction(10), Fraction(-355, 113), Fraction(100001)):
        (cos_lo, cos_hi), (_sin_lo, sin_hi) = recheck._cos_sin((x, x))
        assert cos_hi - cos_lo < Fraction(1, 10**60)
        assert abs(float(cos_lo) - math.cos(x)) < 1e-10
        assert abs(float(sin_hi) - math.sin(x)) < 1e-10
        if abs(x) < 20:
            lo, hi = recheck._exponential(x)
            assert lo <= hi
            assert math.isclose(float(lo), math.exp(x), rel_tol=1e-12)


def test_verify_needs_the_standard_library_alone(tmp_path):
    """`python recheck.py` alone, and `lagwise verify` with every other library unimportable."""
    for made in certificates("rope") + certificates("xpos"):
        (tmp_path / f"{made['encoding']}.{made['claim']['property']}.json").write_text(json.dumps(made))
    files = sorted(map(str, tmp_path.glob("*.json")))
    alone = subprocess.run(
        [sys.executable, "-I", "-S", recheck.__file__, *files], capture_output=True, text=True, check=False
    )
    assert alone.returncode == 0, alone.stdout + alone.stderr
    block = (
        "import sys\n"
        "for name in ('sympy', 'flint', 'numpy', 'torch', 'mpmath'): sys.modules[name] = None\n"
        f"sys.argv = ['lagwise', 'verify', {str(tmp_path)!r}]\n"
        "from lagwise.conformance.commands import main\n"
        "main()\n"
    )
    blocked = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
    assert blocked.returncode == 0, blocked.stdout + blocked.stderr
    assert f"{len(files)} hold, 0 rejected" in blocked.stdout
    Path(files[0]).write_text(Path(files[0]).read_text().replace('"1/2"', '"1/3"', 1))
    blocked = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
    assert blocked.returncode == 1
    assert "1 rejected" in blocked.stdout
