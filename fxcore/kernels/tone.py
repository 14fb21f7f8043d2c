"""Grey levels: corners, inversion, look-up tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_image, as_integer
from fxcore.kernels._jit import kernel


def corner_means(image: NDArray[Any], window_rows: int, window_cols: int) -> NDArray[np.float64]:
    """Return the mean grey level of a window in each corner.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``, not empty.
    window_rows, window_cols : int
        Size of the windows; one larger than the image reaches to its far border.

    Returns
    -------
    numpy.ndarray
        ``float64``, shape ``(4,)``: top left, top right, bottom left, bottom right.

    Raises
    ------
    ParameterError
        For another shape or type, an empty image or a window without pixels.

    Examples
    --------
    >>> corner_means(np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]], np.uint8), 1, 1)
    array([0., 2., 6., 8.])
    """
    pixels = as_image(image, np.uint8, np.uint16)
    if pixels.size == 0:
        raise ParameterError(f"an image of shape {pixels.shape} has no corners")
    rows = min(as_integer(window_rows, 1, MOST_PIXELS, "window_rows"), pixels.shape[0])
    cols = min(as_integer(window_cols, 1, MOST_PIXELS, "window_cols"), pixels.shape[1])
    top, bottom = pixels[:rows], pixels[-rows:]
    windows = (top[:, :cols], top[:, -cols:], bottom[:, :cols], bottom[:, -cols:])
    return np.array([w.sum(dtype=np.int64) / w.size for w in windows])


def invert(image: NDArray[np.uint8], *, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return ``255 - image``: bright becomes dark.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8``, shape ``(rows, columns)``.
    out : numpy.ndarray, optional
        ``uint8`` of the same shape, written and returned; may be `image` itself.

    Raises
    ------
    ParameterError
        For another shape or type.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 2 or image.dtype != np.uint8:
        as_image(image, np.uint8)
    if out is not None and (out.dtype != np.uint8 or out.shape != image.shape or not out.flags.writeable):
        raise ParameterError(f"out must be writable uint8 of shape {image.shape}, as the image is")
    return np.invert(image, out=out, order="C") if out is None else np.invert(image, out=out)


def apply_table(values: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Map stored values to grey levels through a table.

    Parameters
    ----------
    values : numpy.ndarray
        ``uint8``, ``int8``, ``uint16`` or ``int16`` of either byte order and any shape.
    table : numpy.ndarray
        ``uint8``, shape ``(256,)`` or ``(65536,)``: a level for each bit pattern of a value, so that
        the level of -1 in 16 bits is ``table[65535]``.

    Returns
    -------
    numpy.ndarray
        ``uint8``, the shape of `values`, C-contiguous.

    Raises
    ------
    ParameterError
        For another type, or a table that does not have an entry for each bit pattern.

    Examples
    --------
    >>> table = np.zeros(65536, np.uint8)
    >>> table[[3, 65535]] = 30, 255
    >>> apply_table(np.array([3, -1, 4], np.int16), table)
    array([ 30, 255,   0], dtype=uint8)
    """
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu" or values.itemsize > 2:
        kind = getattr(values, "dtype", type(values).__name__)
        raise ParameterError(f"values must be an array of 8- or 16-bit integers, not {kind}")
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    flat = np.require(native, requirements=("C", "A", "W")).reshape(-1)
    entries = 1 << (8 * flat.itemsize)
    if not isinstance(table, np.ndarray) or table.dtype != np.uint8 or table.shape != (entries,):
        raise ParameterError(f"table must be uint8 of shape ({entries},) for {values.dtype} values")
    levels = np.empty(flat.size, np.uint8)
    unsigned = flat.view(np.uint8 if flat.itemsize == 1 else np.uint16)
    _map(unsigned, np.require(table, requirements=("C", "A", "W")), levels)
    return levels.reshape(values.shape)


@kernel
def _map(values, table, out):
    """Write ``table[values]`` into `out`, all one-dimensional."""
    for i in range(values.size):
        out[i] = table[values[i]]
