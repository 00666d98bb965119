"""T5's buckets: exact thresholds, the golden starts, the table read and learned."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches
from lagwise.impls.lags import t5_starts
from test_impls_biases import KEY, QUERY, RNG
from test_impls_rope import away, home

TABLE = RNG.standard_normal((32, 3))
GOLDEN = [19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]
GOLDEN_SIDE = [12, 16, 23, 32, 46, 64, 91]


def test_t5_starts_are_the_golden_ones():
    assert t5_starts(True, 32, 128) == (*range(17), *GOLDEN)
    assert t5_starts(False, 32, 128) == (*range(9), *GOLDEN_SIDE)


SIZES = [(32, 128), (16, 128), (64, 256), (48, 384), (128, 2048), (6, 9)]


@pytest.mark.parametrize(
    ("causal", "buckets", "far"), [(c, *s) for c in (True, False) for s in SIZES] + [(True, 7, 20)]
)
def test_t5_thresholds_are_exact(causal, buckets, far):
    side = buckets if causal else buckets // 2
    exact = side // 2
    lags = np.arange(-far - 40, far + 41)
    got = arrays.t5_buckets(np.array([0]), lags, causal=causal, num_buckets=buckets, max_distance=far)[0]
    other = torches.t5_buckets(
        torch.tensor([0]), torch.tensor(lags), causal=causal, num_buckets=buckets, max_distance=far
    )
    assert np.array_equal(other[0].numpy(), got)
    for lag, bucket in zip(lags.tolist(), got.tolist(), strict=True):
        n, offset = (max(-lag, 0), 0) if causal else (abs(lag), side if lag > 0 else 0)
        b = bucket - offset
        if n < exact:
            assert b == n
            continue

        def reached(c, n=n):
            return Fraction(n, exact) ** (side - exact) >= Fraction(far, exact) ** (c - exact)

        assert exact <= b < side
        assert reached(b)
        assert b == side - 1 or not reached(b + 1)


@pytest.mark.parametrize("causal", [True, False])
def test_t5_reads_its_table(causal):
    got = arrays.t5(QUERY, KEY, TABLE, causal=causal)
    buckets = arrays.t5_buckets(QUERY, KEY, causal=causal)
    assert all(got[h, i, j] == TABLE[buckets[i, j], h] for h in range(3) for i in range(5) for j in range(6))
    assert np.array_equal(home(arrays.t5(away(QUERY), away(KEY), away(TABLE), causal=causal)), got)
    module = torches.T5Bias(3, causal=causal).double()
    module.weight.data.copy_(torch.tensor(TABLE))
    bias = module(torch.tensor(QUERY), torch.tensor(KEY))
    assert np.array_equal(bias.detach().numpy(), got)
    bias.sum().backward()
    counts = np.bincount(buckets.reshape(-1), minlength=32)
    assert np.array_equal(module.weight.grad[:, 0].numpy(), counts)
