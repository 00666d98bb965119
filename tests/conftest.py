"""Settings of the whole test run: the same random cases every time in CI, optional parts skipped only with a reason."""

import os
from importlib.util import find_spec

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "2")

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("nightly", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

NAMES = {"rotary-embedding-torch": "rotary_embedding_torch"}


def reason_to_skip(name: str) -> str | None:
    """Why an optional part cannot run here (not installed, no device, its first kernel fails), or None."""
    if find_spec(NAMES.get(name, name)) is None:
        return f"{name} is not installed"
    if name != "cupy":
        return None
    import cupy

    try:
        if cupy.cuda.runtime.getDeviceCount() == 0:
            return "cupy has no device"
        total = int(cupy.arange(3).sum())
    except Exception as error:
        return f"cupy cannot use a device: {type(error).__name__}"
    return None if total == 3 else f"cupy sums 0 + 1 + 2 to {total}"


def pytest_configure(config: pytest.Config) -> None:
    """Two threads for torch, once it is imported by anything."""
    if find_spec("torch") is not None:
        os.environ.setdefault("MKL_NUM_THREADS", "2")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test marked `optional(name)` where that part cannot run; LAGWISE_REQUIRE=name,… makes it fail instead."""
    required = {name.strip() for name in os.environ.get("LAGWISE_REQUIRE", "").split(",")}
    for marker in item.iter_markers("optional"):
        for name in marker.args:
            reason = reason_to_skip(name)
            if reason and name in required:
                pytest.fail(f"LAGWISE_REQUIRE names {name}: {reason}", pytrace=False)
            if reason:
                pytest.skip(reason)
