"""Suggestions: found where a near design is relative, proved before they are said, silent elsewhere."""

import pytest
import sympy as sp
from lagwise.spec import Encoding, position
from lagwise.spec.exact.suggest import suggestions

theta, r = sp.symbols("theta r", positive=True)
c, s = sp.cos(position * theta), sp.sin(position * theta)
turn = sp.Matrix([[c, -s], [s, c]])
spin = sp.Matrix([[0, -1, 0], [1, 0, 0], [0, 0, 0]])
other = sp.Matrix([[0, 0, 0], [0, 0, -1], [0, 1, 0]])
phase = sp.Matrix([[sp.exp(sp.I * theta * position)]])
SAME = "encode the key by the same map as the query"

NEAR = [
    (Encoding("sign", query=turn, key=turn.T), SAME),
    (Encoding("no conjugate", query=phase, key=phase.conjugate()), SAME),
    (Encoding("key not encoded", query=turn, key=sp.eye(2)), SAME),
    (Encoding("decay twice", query=r**position * sp.eye(2)), "take the key's position with the other sign"),
    (Encoding("damped rotation", query=r**position * turn), "encode the key with 1/r for r"),
    (
        Encoding("Jordan", query=sp.Matrix([[1, position], [0, 1]])),
        "encode the key by the inverse adjoint of the query's map, [[1, 0], [-position, 1]]",
    ),
    (
        Encoding("generators", generators=(spin, spin + other), axes=2, domain="real"),
        "replace the others by the nearest multiples of the first: G2 = 1·G1",
    ),
    (
        Encoding("orthogonal generators", generators=(spin, other), axes=2, domain="real"),
        "give each axis coordinates of its own (block-diagonal generators commute)",
    ),
]


@pytest.mark.parametrize(("design", "said"), NEAR, ids=lambda x: getattr(x, "name", ""))
def test_a_near_design_is_suggested(design, said):
    assert said in suggestions(design)


def test_nothing_is_suggested_that_is_not_proved():
    assert suggestions(Encoding("square", query=turn, key=turn.xreplace({position: position**2}))) == [SAME]
    assert suggestions(Encoding("quadratic", query=sp.Matrix([[1 + position**2]]))) == []
    assert suggestions(Encoding("log", query=sp.Matrix([[sp.log(1 + position)]]))) == []
