"""What every public kernel asks of its input, checked once and in one place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError

MOST_PIXELS = 2**31 - 1  # positions and run numbers are 32-bit integers
MOST_THREADS = 256
_LONGEST = 1 << 24  # pixels a side: so many of 255 are what 32 bits hold


def as_plain(array: Any, name: str) -> NDArray[Any]:
    """Return an array without its subclass: a kernel is compiled for plain arrays.

    Raises
    ------
    ParameterError
        If it is no array, or hides some of its values.
    """
    if type(array) is np.ndarray:
        return array
    if not isinstance(array, np.ndarray):
        raise ParameterError(f"{name} must be a NumPy array, not {type(array).__name__}")
    if isinstance(array, np.ma.MaskedArray):
        raise ParameterError(f"{name} is a masked array; give a plain one, as its filled() returns")
    return np.asarray(array)


def as_image(image: Any, *dtypes: type[np.generic], name: str = "image") -> NDArray[Any]:
    """Return `image` as a C-contiguous two-dimensional array of one of `dtypes`.

    A copy is made only of an array that is not contiguous or is read-only: a kernel is compiled for
    one memory layout, and Numba counts write protection as part of it.

    Raises
    ------
    ParameterError
        If `image` is no array of two dimensions and of an allowed type, or is too large.
    """
    image = as_plain(image, name)
    if image.ndim != 2:
        raise ParameterError(f"{name} must have 2 dimensions (rows, columns), not {image.ndim}")
    if image.dtype not in dtypes:
        allowed = " or ".join(np.dtype(d).name for d in dtypes)
        raise ParameterError(f"{name} must be {allowed}, not {image.dtype}")
    if image.size > MOST_PIXELS or max(image.shape) > MOST_PIXELS:
        raise ParameterError(
            f"{name} of {image.shape[0]} × {image.shape[1]} is too large: {MOST_PIXELS} pixels are the most "
            "allowed, on a side and in all"
        )
    # Asked first, as that takes a tenth of the time.
    return image if image.flags.carray else np.require(image, requirements=("C", "A", "W"))


def as_summable(image: Any) -> NDArray[np.uint8]:
    """Return an image of ``uint8`` as `as_image` does, if 32 bits hold the sum of any row and column of it.

    Raises
    ------
    ParameterError
        For another shape or type, an empty image, or a longer side.
    """
    pixels = as_image(image, np.uint8)
    if pixels.size == 0 or max(pixels.shape) > _LONGEST:
        raise ParameterError(f"an image of 1 to {_LONGEST} pixels a side is needed, not {pixels.shape}")
    return pixels


def as_bytes(data: Any, name: str) -> NDArray[np.uint8]:
    """Return bytes, or an array of ``uint8``, as a one-dimensional read-only array, without a copy of bytes.

    Raises
    ------
    ParameterError
        If `data` is an array of another type.
    """
    if isinstance(data, np.ndarray):
        data = as_plain(data, name)
        if data.dtype != np.uint8:
            raise ParameterError(f"{name} must be uint8, not {data.dtype}")
        found = np.ascontiguousarray(data).reshape(-1).view()
    else:
        found = np.frombuffer(data, np.uint8)
    # What comes from bytes cannot be written to: a kernel compiled for that takes everything else too.
    found.flags.writeable = False
    return found


def same_shape(*images: NDArray[Any]) -> None:
    """Ask that all have one shape.

    Raises
    ------
    ParameterError
        If they differ.
    """
    shapes = [image.shape for image in images]
    if len(set(shapes)) > 1:
        raise ParameterError(f"arrays of different shapes: {', '.join(map(str, shapes))}")


def as_integer(value: Any, low: int, high: int, name: str) -> int:
    """Return `value` as an int in ``low..high``.

    Raises
    ------
    ParameterError
        If it is no integer or outside the range.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ParameterError(f"{name} must be an integer, not {value!r}")
    if not low <= value <= high:
        raise ParameterError(f"{name} must be in {low}..{high}, not {value}")
    return int(value)


def as_finite(value: Any, name: str, most: float = math.inf) -> float:
    """Return `value` as a finite float in ``-most..most``.

    Raises
    ------
    ParameterError
        If it is no number, or not finite, or outside the range.
    """
    try:
        number = float(value) if isinstance(value, Real) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterError(f"{name} must be a finite number, not {value!r:.40}")
    if abs(number) > most:
        raise ParameterError(f"{name} must be in {-most}..{most}, not {value}")
    return number


def as_sequence(values: Any, count: int, name: str) -> tuple[Any, ...]:
    """Return `values` as a tuple, if there are `count` of them.

    Raises
    ------
    ParameterError
        If there are not.
    """
    found = () if isinstance(values, str) or not isinstance(values, Iterable) else tuple(values)
    if len(found) != count:
        raise ParameterError(f"{name} must have {count} values, not be {values!r:.80}")
    return found


def as_threads(value: Any) -> int:
    """Return a number of threads as an int.

    Raises
    ------
    ParameterError
        If it is no integer or out of range.
    """
    return as_integer(value, 1, MOST_THREADS, "threads")
