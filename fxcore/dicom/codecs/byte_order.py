"""Whether native samples of 16 bits are in the byte order that their transfer syntax says."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.pixels import PixelFormat
from fxcore.errors import UnreadableFileError

_ROWS_APART, _MOST_OVER = 16, 0.01
_ROWS_LOOKED_AT, _LEAST_PIXELS = 16, 1000
# Of radiographs neighbours differ by less than 0.15 standard deviations, with bytes swapped by over 0.7.
_ROUGH, _TIMES_ROUGHER = 0.4, 4


def check_byte_order(values: NDArray[Any], bits: int, shift: int, fmt: PixelFormat) -> None:
    """Refuse samples that are an image only if their bytes are swapped.

    Parameters
    ----------
    values : numpy.ndarray
        Shape ``(rows, columns)``; of other than 16-bit samples and of colour nothing can be told.
    bits, shift : int
        How many bits count, and how far the lowest is from bit 0.
    fmt : PixelFormat

    Raises
    ------
    UnreadableFileError
        ``"invalid_image_header"``.
    """
    if values.dtype.itemsize != 2 or values.dtype.kind not in "ui" or values.ndim != 2:
        return
    words = values.view(np.uint16)
    if not shift and not fmt.signed and 8 < bits < 16 and _fits_only_swapped(words, (1 << bits) - 1):
        raise UnreadableFileError(
            "invalid_image_header",
            f"the samples fit into the {fmt.bits_stored} bits of BitsStored only with their bytes swapped: "
            "the pixel data is not in the byte order that its transfer syntax says",
        )
    part = words[:: max(1, len(words) // _ROWS_LOOKED_AT)]
    unused = 16 - bits - shift
    if (
        part.size >= _LEAST_PIXELS
        and (rough := _roughness(part, unused, fmt.signed)) > _ROUGH
        and rough > _TIMES_ROUGHER * _roughness(part.byteswap(), unused, fmt.signed) > 0
    ):
        raise UnreadableFileError(
            "invalid_image_header",
            "the samples are noise as they are, and an image with their bytes swapped: "
            "the pixel data is not in the byte order that its transfer syntax says",
        )


def _fits_only_swapped(words: NDArray[np.uint16], top: int) -> bool:
    """Tell whether samples have bits above those stored, and would have none if their bytes were swapped."""
    # A few rows tell nearly every image that is in order.
    return (
        float(np.mean(words[::_ROWS_APART] > top)) > _MOST_OVER
        and int(np.bitwise_or.reduce(words, None).byteswap()) <= top
    )


def _roughness(words: NDArray[np.uint16], unused: int, signed: bool) -> float:
    """Return the mean difference of neighbours in a row, in standard deviations of all."""
    aligned = words << np.uint16(unused)
    stored = (aligned.view(np.int16) if signed else aligned).astype(np.float32)
    deviation = float(stored.std())
    return float(np.abs(np.diff(stored, axis=1)).mean()) / deviation if deviation else 0.0
