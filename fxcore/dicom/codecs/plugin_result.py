"""What a decoding plugin hands to pydicom, the same for each of ours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def plugin_result(array: NDArray[Any], runner: Any) -> NDArray[np.uint8]:
    """Return a decoded frame as pydicom wants it: pixel by pixel, in the host's byte order, flat.

    Parameters
    ----------
    array : numpy.ndarray
        Shape ``(rows, columns)`` or ``(rows, columns, samples)``.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Says what is expected; its ``bits_allocated``, ``planar_configuration`` and (for JPEG 2000,
        whose colour transform is undone) ``photometric_interpretation`` are set to what is returned.

    Raises
    ------
    ValueError
        If the frame holds an image of another shape than the header says.
    """
    shape: tuple[int, ...] = (runner.rows, runner.columns)
    if runner.samples_per_pixel > 1:
        shape += (runner.samples_per_pixel,)
    if array.shape != shape:
        raise ValueError(f"the frame is {_size(array.shape)} where the header says {_size(shape)}")
    runner.set_option("bits_allocated", 8 * array.dtype.itemsize)
    runner.set_option("planar_configuration", 0)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
