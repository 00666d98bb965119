"""What FLT refuses, each with one line: a p that does not cover g, a mask that jumps, points of mixed dimension."""

import re

import numpy as np
import pytest
from lagwise.impls.fourier_densities import (
    Ball,
    Box,
    Dirichlet,
    GaussianKernel,
    GaussianMixture,
    Laplace,
    Matern,
    Normal,
    SmoothedBox,
    Student,
    Tent,
)
from test_impls_flt import LIBRARIES, ONE, mixture

ERRORS = [
    (Box(2.0), {}, "flt: box on R^1 has infinite variance for every p, because f jumps; use SmoothedBox, Tent, or"),
    (Ball(2.0), {"axes": 3}, "flt: ball on R^3 has infinite variance for every p, because f jumps; use SmoothedBox"),
    (Tent(2.0), {"r": 0}, "flt: r must be at least 1, got 0"),
    (Tent(2.0), {"axes": 4}, "flt: points must have 1, 2 or 3 coordinates, got 4"),
    (Tent(-2.0), {}, "flt: width of Tent must be a positive number, got -2.0"),
    (Dirichlet(1.5), {}, "flt: width of Dirichlet must be an integer of at least 0, got 1.5"),
    (Matern(1.0, 1.0), {}, "flt: nu of Matern must be 0.5, 1.5 or 2.5, got 1.0"),
    (
        Tent(2.0),
        {"proposal": Normal(3.0)},
        "flt: p = Normal(scale=3.0) does not cover g: a Gaussian p is too thin for a power-law tail; take p=None",
    ),
    (
        GaussianKernel(0.1),
        {"proposal": Normal(1.0)},
        "flt: p = Normal(scale=1.0) does not cover g: its Gaussian tail needs sigma < 1.41421, got 1.59155",
    ),
    (
        Matern(0.5, 1.0),
        {"proposal": Student(2, 1.0)},
        "flt: p = Student(dof=2, scale=1.0) does not cover g: its power-law tail needs dof < 2, got 2",
    ),
    (
        Laplace(1.0),
        {"proposal": Student(1, 1.0), "axes": 2},
        "flt: p = Student(dof=1, scale=1.0) does not cover g: no Student p covers a product of power-law tails in R^2;",
    ),
    (Dirichlet(1), {"proposal": Normal(1.0)}, "flt: Dirichlet draws from p = 1 on [-1/2, 1/2], got p = Normal("),
    (SmoothedBox(1.0, 0.0), {}, "flt: tau of SmoothedBox must be a positive number, got 0.0"),
    ("mixture", {"axes": 2}, "flt: points have 2 coordinates and frequencies 1"),
    ("wide", {}, "flt: p = Normal(scale=1.0) does not cover g: its Gaussian tail needs sigma < 1.41421, got 1.6"),
    ("negative", {}, "flt: sigmas must be positive, got -0.8"),
]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("spectrum", "changed", "message"), ERRORS)
def test_what_p_does_not_cover_is_refused_in_one_line(library, spectrum, changed, message):
    module, there, _ = LIBRARIES[library]
    if isinstance(spectrum, str):
        own = mixture(1, there)
        spectrum = GaussianMixture(own.weights, own.means, own.sigmas * {"wide": 2, "negative": -1}.get(spectrum, 1))
    numbers = {"heads": 1, "r": 3, "axes": 1, "seed": 0} | changed
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
        module.flt_frequencies(there(ONE), spectrum, **numbers)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_points_of_mixed_dimension_are_refused_in_one_line(library):
    module, there, _ = LIBRARIES[library]
    xi, rho = there(np.zeros((1, 2, 2))), there(np.zeros((1, 2)))
    for points, message in (
        ([(1, 2), (3, 4, 5)], "flt: points must all have one number of coordinates, got 2 and 3"),
        ([(1, 2), 3], "flt: points must all have one number of coordinates, got 1 and 2"),
        (there(np.zeros((4, 3))), "flt: points have 3 coordinates and frequencies 2"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            module.flt_features(points, xi, rho, "query")
    assert tuple(module.flt_features([(1, 2), (3, 4)], xi, rho, "query").shape) == (1, 2, 4)
    with pytest.raises(ValueError, match=r"^flt: there must be a point for each of 5 rows, got \(1, 4\)$"):
        module.flt_mask(there(np.ones((1, 1, 5, 2))), there(np.ones((4, 2))), "key", frequencies=xi, ratios=rho)
