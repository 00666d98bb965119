"""A design of one's own: one block, two claims. Try: lagwise design examples/my_encoding.py"""

import sympy as sp
from lagwise.spec import Encoding, position

theta = sp.Symbol("theta", positive=True)
turn = sp.Matrix([
    [sp.cos(position * theta), -sp.sin(position * theta)],
    [sp.sin(position * theta), sp.cos(position * theta)],
])  # fmt: skip
design = Encoding("mine", query=turn, key=turn, claims={"lag-invariant": True, "unitary": True})
