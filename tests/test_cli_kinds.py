"""Every kind of encoding runs from the command line, from workers that are forked off one loaded process."""

import json
import subprocess
import sys

import pytest


@pytest.mark.parametrize("encoding", ["spe-sine", "flt-local", "alibi", "fastrpb", "dape", "permuteformer"])
def test_a_family_of_our_own_runs_and_keeps_its_promises(encoding, tmp_path):
    call = [sys.executable, "-c", "from lagwise.conformance.commands import main; main()", "run", "backend:numpy"]
    options = ["--encoding", encoding, "--level", "smoke", "--dtype", "float32", "--out", str(tmp_path)]
    done = subprocess.run([*call, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert rows[-1]["counts"]["passed"] > 20
    assert rows[-1]["counts"]["errored"] == 0
