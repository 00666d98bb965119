"""Arrays to and from a subject's library, with exact conversion to float64 NumPy, positions and dtypes included."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Library:
    """NumPy-like libraries; the ones below differ in how they cast, where arrays live and how one reads them."""

    module = "numpy"
    in_place = True

    @property
    def xp(self) -> Any:
        """The library itself, imported when first needed."""
        return import_module(self.module)

    def dtype(self, name: str) -> Any:
        """The library's own dtype object."""
        return self.xp.dtype(name)

    def array(self, values: Array, dtype: str, device: str) -> Any:
        """A fresh array holding float64 values rounded to `dtype`."""
        return np.array(values, dtype=dtype)

    def positions(self, values: Sequence[Any], device: str) -> Any:
        """Positions as int64 (float64 if any is fractional), shape (n,) or (n, axes)."""
        whole = np.asarray(values)
        return self._place(
            whole.astype(np.int64 if whole.dtype.kind in "iu" or whole.size == 0 else np.float64), device
        )

    def _place(self, values: Array, device: str) -> Any:
        return np.array(values)

    def numpy(self, array: Any) -> Array:
        """The same numbers in float64 (exact: every dtype tested is a subset of float64)."""
        return np.array(array, dtype=np.float64)

    def dtype_name(self, array: Any) -> str:
        """ "float32", …"""
        return str(array.dtype)

    def device(self, array: Any) -> str:
        """Where an array lives, as a subject names it."""
        return "cpu"

    def owns(self, value: Any) -> bool:
        """Whether a value is an array of this library."""
        return isinstance(value, np.ndarray)

    def strided(self, array: Any) -> Any:
        """The same values in memory that is not contiguous (every second row of a larger array)."""
        wide = self.xp.repeat(array, 2, axis=-2)
        return wide[..., ::2, :]

    def poison(self, array: Any) -> None:
        """Overwrites an array with NaN, so that a buffer given out twice shows."""
        if array.flags.writeable and array.dtype.kind == "f":
            array.fill(np.nan)

    def clone(self, array: Any) -> Any:
        """An independent copy."""
        return array.copy()

    def among_zeros(self, array: Any, axis: int, index: Sequence[int], length: int) -> Any:
        """Rows of `array` put at `index` along one axis of zeros of that length, in its dtype, on its device."""
        shape = [*array.shape[:axis], length, *array.shape[axis + 1 :]]
        whole = self._zeros(array, shape)
        whole[(slice(None),) * axis + (list(index),)] = array
        return whole

    def _zeros(self, array: Any, shape: Sequence[int]) -> Any:
        return self.xp.zeros(shape, dtype=array.dtype)

    def rows(self, array: Any, axis: int, index: Sequence[int]) -> Any:
        """The chosen rows along one axis."""
        return self.xp.take(array, self._place(np.asarray(index, dtype=np.int64), self.device(array)), axis=axis)


class CuPy(Library):
    """CuPy arrays; device "cuda"."""

    module = "cupy"

    def array(self, values: Array, dtype: str, device: str) -> Any:
        return self.xp.asarray(np.array(values, dtype=dtype))

    def _place(self, values: Array, device: str) -> Any:
        return self.xp.asarray(values)

    def numpy(self, array: Any) -> Array:
        return np.array(self.xp.asnumpy(array), dtype=np.float64)

    def device(self, array: Any) -> str:
        return "cuda"

    def owns(self, value: Any) -> bool:
        return isinstance(value, self.xp.ndarray)

    def poison(self, array: Any) -> None:
        if array.dtype.kind == "f":
            array.fill(float("nan"))


class Torch(Library):
    """PyTorch tensors on "cpu" or "cuda"."""

    module = "torch"

    def dtype(self, name: str) -> Any:
        return getattr(self.xp, name)

    def array(self, values: Array, dtype: str, device: str) -> Any:
        return self.xp.tensor(np.asarray(values), dtype=self.dtype(dtype), device=device)

    def _place(self, values: Array, device: str) -> Any:
        return self.xp.tensor(values, device=device)

    def numpy(self, array: Any) -> Array:
        return np.array(array.detach().cpu().to(self.xp.float64).numpy())

    def dtype_name(self, array: Any) -> str:
        return str(array.dtype).removeprefix("torch.")

    def device(self, array: Any) -> str:
        return str(array.device.type)

    def owns(self, value: Any) -> bool:
        return isinstance(value, self.xp.Tensor)

    def strided(self, array: Any) -> Any:
        return self.xp.repeat_interleave(array, 2, dim=-2)[..., ::2, :]

    def poison(self, array: Any) -> None:
        if array.is_floating_point():
            array.detach().fill_(float("nan"))

    def clone(self, array: Any) -> Any:
        return array.clone()

    def _zeros(self, array: Any, shape: Sequence[int]) -> Any:
        return array.new_zeros(tuple(shape))

    def rows(self, array: Any, axis: int, index: Sequence[int]) -> Any:
        return array.index_select(axis, self.xp.tensor(index, device=array.device))


class Jax(Library):
    """JAX arrays: immutable, so nothing is poisoned; float64 needs jax_enable_x64."""

    module = "jax.numpy"
    in_place = False

    def array(self, values: Array, dtype: str, device: str) -> Any:
        return self.xp.asarray(np.asarray(values), dtype=dtype)

    def _place(self, values: Array, device: str) -> Any:
        return self.xp.asarray(values)

    def numpy(self, array: Any) -> Array:
        return np.array(array.astype("float32") if array.dtype == "bfloat16" else array, dtype=np.float64)

    def among_zeros(self, array: Any, axis: int, index: Sequence[int], length: int) -> Any:
        whole = np.zeros([*array.shape[:axis], length, *array.shape[axis + 1 :]])
        whole[(slice(None),) * axis + (list(index),)] = self.numpy(array)
        return self.array(whole, self.dtype_name(array), "cpu")

    def owns(self, value: Any) -> bool:
        return isinstance(value, import_module("jax").Array)

    def poison(self, array: Any) -> None:
        return None


class Standin(Library):
    """array-api-strict on "device1": refuses NumPy arrays and mixing of devices, as an accelerator would."""

    module = "array_api_strict"

    @property
    def place(self) -> Any:
        """The device that refuses host arrays."""
        return self.xp.Device("device1")

    def dtype(self, name: str) -> Any:
        return getattr(self.xp, name)

    def array(self, values: Array, dtype: str, device: str) -> Any:
        return self.xp.asarray(np.array(values, dtype=dtype), device=self.place)

    def _place(self, values: Array, device: str) -> Any:
        return self.xp.asarray(np.array(values), device=self.place)

    def numpy(self, array: Any) -> Array:
        return np.array(np.from_dlpack(array.to_device(self.xp.Device("CPU_DEVICE"))), dtype=np.float64)

    def among_zeros(self, array: Any, axis: int, index: Sequence[int], length: int) -> Any:
        whole = np.zeros([*array.shape[:axis], length, *array.shape[axis + 1 :]])
        whole[(slice(None),) * axis + (list(index),)] = self.numpy(array)
        return self.array(whole, self.dtype_name(array), "cpu")

    def dtype_name(self, array: Any) -> str:
        return str(array.dtype).rpartition(".")[2]

    def device(self, array: Any) -> str:
        return "cpu" if array.device == self.place else "cpu (host)"

    def owns(self, value: Any) -> bool:
        return hasattr(value, "__array_namespace__") and type(value).__module__.startswith("array_api_strict")

    def poison(self, array: Any) -> None:
        if "float" in self.dtype_name(array):
            array[...] = float("nan")

    def clone(self, array: Any) -> Any:
        return self.xp.asarray(array, copy=True)


KNOWN = {"numpy": Library, "cupy": CuPy, "torch": Torch, "jax": Jax, "standin": Standin}


def library(name: str) -> Library:
    """The library of a subject by name; it is imported when the first array is made."""
    return KNOWN[name]()
