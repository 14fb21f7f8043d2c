"""Grey levels: corners, inversion, look-up tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_image, as_integer, as_plain, as_threads
from fxcore.kernels._jit import kernel
from fxcore.kernels._ramp import climb, look_up, ramp_of
from fxcore.kernels._threads import share

_WORTH_A_RAMP = 1 << 20  # values from which looking for one costs less than it saves


def corner_means(image: NDArray[Any], window_rows: int, window_cols: int) -> NDArray[np.float64]:
    """Return the mean grey level of a window in each corner.

    Cost: reads the four windows once.

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
    return _corner_means(pixels, rows, cols)


def invert(image: NDArray[Any], *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return ``255 - image`` (``65535 - image`` in 16 bits): bright becomes dark.

    Cost: that of a copy, the floor for any result in new memory. In place (``out=image``) it is half of
    that, and far less where the new memory would be fresh from the operating system.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``.
    out : numpy.ndarray, optional
        The type and shape of `image`, written and returned; may be `image` itself.

    Raises
    ------
    ParameterError
        For another shape or type, an `out` that is read-only.

    Examples
    --------
    >>> invert(np.array([[0, 100, 255]], np.uint8))
    array([[255, 155,   0]], dtype=uint8)
    """
    if type(image) is not np.ndarray or image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):
        image = as_image(image, np.uint8, np.uint16)
    if out is None:
        return np.invert(image, order="C")
    if as_plain(out, "out").dtype != image.dtype or out.shape != image.shape or not out.flags.writeable:
        raise ParameterError(f"out must be writable {image.dtype} of shape {image.shape}, as the image is")
    return np.invert(image, out=out)


def apply_table(values: NDArray[Any], table: NDArray[np.uint8], *, threads: int = 1) -> NDArray[np.uint8]:
    """Map stored values to grey levels through a table.

    Cost: one pass, one look-up a value; less than half of that for large images of 16 bits where the table
    is a ramp, as that of a window. The floor is a copy.

    Parameters
    ----------
    values : numpy.ndarray
        ``uint8``, ``int8``, ``uint16`` or ``int16`` of either byte order and any shape.
    table : numpy.ndarray
        ``uint8``, shape ``(256,)`` or ``(65536,)``: a level for each bit pattern of a value, so that
        the level of -1 in 16 bits is ``table[65535]``.
    threads : int
        How many threads share the pass over the image, this one included; the result is the same.

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
    values = as_plain(values, "values")
    if values.dtype.kind not in "iu" or values.itemsize > 2:
        raise ParameterError(f"values must be an array of 8- or 16-bit integers, not {values.dtype}")
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    flat = np.require(native, requirements=("C", "A", "W")).reshape(-1)
    entries = 1 << (8 * flat.itemsize)
    table = as_plain(table, "table")
    if table.dtype != np.uint8 or table.shape != (entries,):
        raise ParameterError(
            f"table must be uint8 of shape ({entries},) for {values.dtype} values, "
            f"not {table.dtype} of shape {table.shape}"
        )
    levels = np.empty(flat.size, np.uint8)
    unsigned = flat.view(np.uint8 if flat.itemsize == 1 else np.uint16)
    entry = np.require(table, requirements=("C", "A", "W"))
    ramp = ramp_of(entry) if flat.itemsize == 2 and flat.size >= _WORTH_A_RAMP else None

    def worker(pieces: Iterator[tuple[int, int]]) -> None:
        for begin, end in pieces:
            if ramp is not None and ramp[-1]:
                climb(unsigned[begin:end], entry, ramp, levels[begin:end])
            else:
                look_up(unsigned[begin:end], entry, levels[begin:end])

    share(worker, flat.size, flat.itemsize + 1, as_threads(threads))
    return levels.reshape(values.shape)


@kernel
def _corner_means(pixels, rows, cols):
    """Return the means (4,) of windows of `rows` × `cols` in the corners of `pixels`."""
    means = np.empty(4, np.float64)
    for corner in range(4):
        top = (corner >> 1) * (pixels.shape[0] - rows)
        left = (corner & 1) * (pixels.shape[1] - cols)
        total = np.uint64(0)
        for r in range(top, top + rows):
            for begin in range(left, left + cols, 65536):
                # So many pixels of 16 bits are the most whose sum fits 32, and 32 are quicker than 64.
                line = pixels[r, begin : min(begin + 65536, left + cols)]
                part = np.uint32(0)
                for c in range(line.size):
                    part = np.uint32(part + line[c])
                total += np.uint64(part)
        means[corner] = total / (rows * cols)
    return means
