"""The bench a check runs on: one subject in one dtype, its oracle, and arrays in the coordinates of the definition."""

import inspect
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .finding import Level
from .libraries import Array, Library, library
from .subject import Subject

if TYPE_CHECKING:
    from ..spec.kernel_oracle import KernelOracle
    from ..spec.oracle import Oracle

# rows given to a subject that only promises positions 0, 1, 2, …
LONGEST_RUN = {Level.SMOKE: 8192, Level.STANDARD: 131072, Level.CERTIFIED: 131072}
LARGEST = {"float64": 1.7976931348623157e308, "float32": 3.4028234663852886e38, "float16": 65504.0}
LARGEST["bfloat16"] = LARGEST["float32"]


class AnswerError(Exception):
    """The subject raised, or gave back something that is not what its door promises; the message is one line."""


class Bench:
    """One subject in one dtype on one device. Vectors are float64 NumPy in the coordinates of the definition.

    The state is built once per bench (`fresh()` gives another one). What goes in is exactly representable in the dtype;
    what comes out is converted exactly, and the subject's own array is then overwritten with NaN.
    """

    def __init__(
        self, subject: Subject, dtype: str, device: str = "cpu", level: Level | str = Level.SMOKE, seed: int = 0
    ) -> None:
        self.subject = subject
        self.dtype = dtype
        self.device = device
        self.level = Level(level)
        self.seed = seed
        self.library: Library = library(subject.library)
        self._oracles: dict[str, tuple[Oracle, tuple[Array, Array]]] = {}
        self._kernels: dict[str, KernelOracle] = {}

    def fresh(self, dtype: str | None = None) -> "Bench":
        """Another instance of the subject, with its own state; oracles of the same numbers are shared."""
        found = Bench(self.subject, dtype or self.dtype, self.device, self.level, self.seed)
        found._oracles, found._kernels = self._oracles, self._kernels
        return found

    @cached_property
    def state(self) -> Any:
        """What `build` gave, or None."""
        return None if self.subject.build is None else self._guard("build", self.subject.build, self._settings())

    @cached_property
    def numbers(self) -> dict[str, Any]:
        """The parameters by name, with what `read` gives as it is stored in the subject."""
        numbers = self.subject.numbers
        if self.subject.read is not None:
            found = self._guard("read", self.subject.read, {**self._settings(), "state": self.state})
            numbers.update({name: self._plain(value) for name, value in found.items()})
        return numbers

    def _plain(self, value: Any) -> Any:
        if self.library.owns(value):
            whole = "int" in self.library.dtype_name(value)
            exact = self.library.numpy(value)
            return exact.astype(np.int64).tolist() if whole else exact.tolist()
        return value

    @cached_property
    def _certified(self) -> "tuple[Oracle, tuple[Array, Array]]":
        from ..spec.encoding import EncodingError
        from ..spec.oracle import Oracle
        from .budget import rates

        key = repr(self.numbers)
        if key not in self._oracles:
            try:
                oracle = Oracle(self.subject.record, self.numbers)
            except EncodingError as error:
                raise AnswerError(f"the parameters do not fit: {error}") from error
            self._oracles[key] = (oracle, rates(oracle))
        return self._oracles[key]

    @property
    def oracle(self) -> "Oracle":
        """The certified values of the encoding with these numbers."""
        return self._certified[0]

    @property
    def rates(self) -> tuple[Array, Array]:
        """Radians per position (axes, blocks), and |ln gain| per position (blocks,); see `budget.rates`."""
        return self._certified[1]

    @property
    def kernels(self) -> "KernelOracle":
        """The certified values of a bias, mask, output or adaptive encoding with these numbers."""
        from ..spec.encoding import EncodingError
        from ..spec.kernel_oracle import KernelOracle

        key = repr(self.numbers)
        if key not in self._kernels:
            try:
                self._kernels[key] = KernelOracle(self.subject.record, self.numbers)
            except EncodingError as error:
                raise AnswerError(f"the parameters do not fit: {error}") from error
        return self._kernels[key]

    @property
    def dim(self) -> int:
        """Coordinates of q and k."""
        return self.subject.dim

    @cached_property
    def reading(self) -> Array:
        """reading[i]: where coordinate i of the definition stands in the subject's q and k."""
        return self._order(self.subject.layout)

    @cached_property
    def writing(self) -> Array:
        """writing[i]: where output coordinate i of the definition stands in what the subject returns."""
        one = self._order(self.subject.writes or self.subject.layout)
        parts = self.oracle.width // self.dim  # 1, or more where blocks are tall or complex (then [Re; Im])
        return np.concatenate([one + self.dim * i for i in range(parts)])

    def _order(self, layout: str) -> Array:
        from ..spec.layout import order

        if layout == "interleaved":
            return np.arange(self.dim)
        covered, sections = self.oracle.instance.covered, self.subject.record.sections
        return np.array(order(layout, covered, self.dim, sections), dtype=np.int64)

    def rng(self, *labels: Any) -> np.random.Generator:
        """A generator that depends on the seed and the labels only, so that the order of checks does not matter."""
        digest = sha256("/".join(map(str, (self.seed, self.subject.name, self.dtype, *labels))).encode()).digest()
        return np.random.Generator(np.random.Philox(int.from_bytes(digest[:8], "little")))

    def draw(self, rng: np.random.Generator, *shape: int) -> Array:
        """Normal numbers that the dtype holds exactly, in float64."""
        return self.representable(rng.standard_normal(shape))

    def representable(self, values: Array) -> Array:
        """Values rounded to the dtype, in float64."""
        return self.library.numpy(self.library.array(values, self.dtype, self.device))

    # calling

    def _settings(self) -> dict[str, Any]:
        return {
            "parameters": self.subject.numbers,
            "dtype": self.library.dtype(self.dtype),
            "device": self.device,
            "seed": self.seed,
        }

    def call(self, door: str, **given: Any) -> Any:
        """Calls a door by keyword with exactly the arguments its signature names; AnswerError when it raises."""
        return self._guard(door, getattr(self.subject, door), {**self._settings(), "state": self.state, **given})

    def _guard(self, door: str, function: Callable[..., Any], available: dict[str, Any]) -> Any:
        wanted = self.subject.names(door)
        missing = [name for name in wanted if name not in available and _required(function, name)]
        if missing:
            raise AnswerError(f"{door} asks for {', '.join(missing)}, which this check does not give")
        try:
            return function(**{name: available[name] for name in wanted if name in available})
        except Exception as error:
            text = " ".join(str(error).split())
            raise AnswerError(f"{door} raised {type(error).__name__}: {text[:300]}") from error

    def native(self, vectors: Array, reading: Array | None = None) -> Any:
        """Vectors of the definition (batch, heads, n, width) as an array of the subject: layout, axes, dtype."""
        placed = np.empty_like(vectors)
        placed[..., self.reading if reading is None else reading] = vectors
        if self.subject.axes == "blhd":
            placed = placed.swapaxes(1, 2)
        return self.library.array(placed, self.dtype, self.device)

    def exact(self, array: Any, *, encoded: bool = True) -> Array:
        """The numbers of a returned array, exactly, in the coordinates and the axes of the definition."""
        values = self.library.numpy(array)
        if self.subject.axes == "blhd" and values.ndim == 4:
            values = values.swapaxes(1, 2)
        return values[..., self.writing] if encoded else values

    def positions(self, values: Sequence[Any]) -> Any:
        """Positions as the subject gets them."""
        return self.library.positions(values, self.device)

    def encode_native(self, q: Any, k: Any, positions: Sequence[Any]) -> tuple[Any, Any]:
        """One call of the `encode` door with arrays of the subject; what it returned, when that is a pair of arrays."""
        at = self.positions(positions)
        given = {"positions": at, "query_positions": at, "key_positions": at, "length": len(positions)}
        pair = self.call("encode", q=q, k=k, **given)
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise AnswerError(f"encode returned {type(pair).__name__}, wanted the pair (q̂, k̂)")
        for side, array in zip(("q̂", "k̂"), pair, strict=True):
            if not self.library.owns(array):
                got = f"{type(array).__module__}.{type(array).__name__}"
                raise AnswerError(f"encode returned {got} for {side}, wanted an array of {self.subject.library}")
        return pair[0], pair[1]

    def encode(self, q: Array, k: Array, positions: Sequence[Any]) -> tuple[Array, Array]:
        """Encoded q and k (batch, heads, n, width), row i at positions[i].

        A subject that does not promise arbitrary positions gets runs of consecutive ones (with "offset"), or runs from
        0 on, and the rows asked for are picked out.
        """
        out = [np.empty((*x.shape[:-1], len(self.writing))) for x in (q, k)]
        for run, rows, picked in _runs(positions, self.subject.supports):
            at = list(run)
            there = np.searchsorted(at, [positions[i] for i in rows]) if picked else np.arange(len(rows))
            for values, found in zip(out, self._run(q, k, at, rows, there if picked else None), strict=True):
                values[..., rows, :] = found
        return out[0], out[1]

    def _run(self, q: Array, k: Array, at: list[Any], rows: list[int], there: Array | None) -> tuple[Array, ...]:
        axis = 1 if self.subject.axes == "blhd" else 2
        padded = [self.native(x[..., rows, :]) for x in (q, k)]
        if there is not None and len(at) != len(rows):
            padded = [self.library.among_zeros(x, axis, there.tolist(), len(at)) for x in padded]
        found = self.encode_native(padded[0], padded[1], at)
        self._shaped(found, padded)
        picked = [f if there is None else self.library.rows(f, axis, [int(i) for i in there]) for f in found]
        values = tuple(self.exact(f) for f in picked)
        for f in found:
            self.library.poison(f)
        return values

    def _shaped(self, found: Sequence[Any], given: Sequence[Any]) -> None:
        for side, got, x in zip(("q̂", "k̂"), found, given, strict=True):
            wanted = (*x.shape[:-1], len(self.writing))
            if tuple(got.shape) != wanted:
                raise AnswerError(f"encode returned {side} of shape {tuple(got.shape)}, wanted {wanted}")

    # limits

    @cached_property
    def growth(self) -> float:
        """The largest |ln gain| per position over the blocks: 0 for an isometry, and where there are no maps."""
        if self.subject.record.kind != "bilinear":
            return 0.0
        return float(np.max(np.abs(self.rates[1]), initial=0.0))

    @cached_property
    def limit(self) -> int:
        """Positions below this are tested: the subject's own bound, the range of the dtype, the length of a run."""
        bounds = [2**31 if self.subject.max_position is None else self.subject.max_position]
        if self.growth > 0:  # squared norms stay within the range, on both sides
            bounds.append(max(int(0.4 * np.log(LARGEST[self.dtype]) / self.growth), 1))
        if not set(self.subject.supports) & {"offset", "arbitrary-positions"}:
            bounds.append(LONGEST_RUN[self.level])
        return min(bounds)

    def within(self, positions: Sequence[int]) -> list[int]:
        """The positions that lie below the limit."""
        return [p for p in positions if p < self.limit]

    def at(self, positions: Sequence[int]) -> list[Any]:
        """Positions of the encoding's number of axes: p, or (p, then other values of the list) with several axes."""
        axes = self.subject.record.axes
        if axes == 1:
            return list(positions)
        n = len(positions)
        return [tuple(positions[(i * (1 + j) + j) % n] for j in range(axes)) for i in range(n)]


def _required(function: Callable[..., Any], name: str) -> bool:
    return inspect.signature(function).parameters[name].default is inspect.Parameter.empty


def _runs(positions: Sequence[Any], supports: Any) -> list[tuple[Any, list[int], bool]]:
    """(positions of one call, rows of the request it serves, whether rows must be picked out of it)."""
    if "arbitrary-positions" in supports or not positions or isinstance(positions[0], tuple):
        return [(positions, list(range(len(positions))), False)]
    layers: list[dict[Any, int]] = []
    for row, p in enumerate(positions):
        layer = next((known for known in layers if p not in known), None)
        if layer is None:
            layers.append(layer := {})
        layer[p] = row
    runs: list[tuple[Any, list[int], bool]] = []
    for layer in layers:
        order = sorted(layer)
        if "offset" not in supports:
            runs.append((range(order[-1] + 1), [layer[p] for p in order], True))
            continue
        cuts = [0, *(i for i in range(1, len(order)) if order[i] != order[i - 1] + 1), len(order)]
        for a, b in pairwise(cuts):
            runs.append((order[a:b], [layer[p] for p in order[a:b]], True))
    return runs
