"""What masked linear attention and NPRF refuse, word by word, on arrays and on PyTorch."""

import numpy as np
import pytest
import torch
from lagwise.impls import arrays
from lagwise.impls import pytorch as torches

Q, K, V = np.ones((1, 4, 5, 3)), np.ones((1, 2, 5, 3)), np.ones((1, 2, 5, 2))
MASK, PROJECTION = np.zeros((4, 9)), np.ones((6, 3))
NOWHERE = np.full((4, 9), -np.inf)
APART = np.where(np.arange(9) == 8, 0.0, -np.inf)  # lag 4 only: rows 1 … 4 see no key
ERRORS = [
    ("mask", {"positivity": "pos"}, "toeplitz_mask: positivity must be exp, abs or signed, got pos"),
    ("mask", {"tails": "clip"}, "toeplitz_mask: tails must be raise or recompute, got clip"),
    (
        "mask",
        {"feature_map": "identity", "k": -2 * K},
        "toeplitz_mask: a positive mask needs features of at least 0, got -2",
    ),
    ("mask", {"mask": np.zeros((2, 9))}, "toeplitz_mask: the mask must have 4 heads, got 2"),
    ("mask", {"mask": MASK[:, :7]}, "toeplitz_mask: w must hold the lags -4 … 4, got -3 … 3"),
    (
        "mask",
        {"mask": NOWHERE},
        "toeplitz_mask: a mask must be finite at some lag that is read, and at none nan or inf",
    ),
    ("mask", {"grid": (2, 3)}, "toeplitz_mask: grid (2, 3) has 6 tokens, got 5 queries and 5 keys"),
    (
        "mask",
        {"mask": APART, "tails": "recompute"},
        "toeplitz_mask: the denominator is zero at batch 0, head 0, row 1",
    ),
    ("nprf", {"features": "cosine"}, "nprf: features must be positive or trigonometric, got cosine"),
    (
        "nprf",
        {"projection": np.ones((6, 4))},
        "nprf: projection must be (m, 3) with m at least 1, got shape (6, 4)",
    ),
    (
        "nprf",
        {"projection": np.ones((0, 3))},
        "nprf: projection must be (m, 3) with m at least 1, got shape (0, 3)",
    ),
    ("nprf", {"k": 0 * K}, "nprf: k has a row of zeros, which has no direction to normalise"),
]


@pytest.mark.parametrize("on", ["arrays", "torch"])
@pytest.mark.parametrize(("which", "change", "message"), ERRORS)
def test_errors_verbatim(which, change, message, on):
    arguments = {"q": Q, "k": K, "v": V}
    arguments |= {"mask": MASK} if which == "mask" else {"b": MASK, "projection": PROJECTION}
    arguments |= change
    if on == "torch":
        arguments = {k: torch.tensor(x) if isinstance(x, np.ndarray) else x for k, x in arguments.items()}
    module = arrays if on == "arrays" else torches
    with pytest.raises((ValueError, ZeroDivisionError)) as caught:
        (module.toeplitz_mask_attention if which == "mask" else module.nprf)(**arguments)
    assert str(caught.value) == message


def test_signed_denominators_near_zero_are_lost_too():
    mask = np.array([1.0, -1.0, 1.0])
    q = np.ones((1, 1, 2, 1))
    with pytest.raises(FloatingPointError) as caught:
        arrays.toeplitz_mask_attention(q, q, q, np.array([-1.0, 1.0, -1.0]), positivity="signed")
    assert str(caught.value).startswith("toeplitz_mask: the denominator at batch 0, head 0, row 0 is ")
    assert np.all(np.isfinite(arrays.toeplitz_mask_attention(q, 2 * q, q, mask[:1] * [3, 1, 1], positivity="signed")))
