"""One frame of stored values into the bytes of each transfer syntax."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
from numpy.typing import NDArray

LOSSY = ("jpeg_baseline", "jpeg_extended", "jpeg_2000")
UNCOMPRESSED = ("implicit_le", "explicit_le", "explicit_be", "deflated")


def compress(stored: NDArray[np.unsignedinteger], syntax: str, bits: int) -> bytes:
    """Compress one grey frame.

    Parameters
    ----------
    stored : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``(rows, columns)``, values below ``2 ** bits``.
    syntax : str
        A compressed name of :data:`fxcore.phantom.plan.TRANSFER_SYNTAXES`.
    bits : int
        Bits stored.
    """
    match syntax:
        case "jpeg_baseline":
            code = imagecodecs.jpeg8_encode(stored, 92)
        case "jpeg_extended":
            code = imagecodecs.jpeg8_encode(stored, 95, bitspersample=12)
        case "jpeg_lossless_sv1":
            code = imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=bits)
        case "jpeg_ls":
            code = imagecodecs.jpegls_encode(stored)
        case "jpeg_2000_lossless":
            code = _jpeg_2000(stored, bits, 0, reversible=True)
        case "jpeg_2000":
            code = _jpeg_2000(stored, bits, 55, reversible=False)
        case "rle":
            code = _rle(stored)
        case _:
            raise ValueError(f"{syntax!r} does not compress")
    return bytes(code)


def _jpeg_2000(stored: NDArray[np.unsignedinteger], bits: int, level: int, *, reversible: bool) -> bytes:
    code = imagecodecs.jpeg2k_encode(
        stored, level, codecformat="J2K", bitspersample=bits, reversible=reversible, numthreads=1
    )
    return bytes(code)


def _rle(stored: NDArray[np.unsignedinteger]) -> bytes:
    """RLE Lossless (DICOM PS3.5 Annex G): a PackBits segment for each byte of a sample, high byte first."""
    planes = stored.astype(stored.dtype.newbyteorder(">")).view(np.uint8).reshape(*stored.shape, -1)
    segments = []
    for k in range(planes.shape[2]):
        # Runs may not cross rows (G.3.1), so each row is packed by itself.
        packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in planes[:, :, k])
        segments.append(packed + b"\0" * (len(packed) % 2))
    starts = [64]
    for segment in segments[:-1]:
        starts.append(starts[-1] + len(segment))
    header = struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments)))
    return header + b"".join(segments)
