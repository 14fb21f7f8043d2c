"""A decoding plugin for pydicom's decoders that calls imagecodecs.

It decodes what the other plugins cannot (12-bit JPEG, progressive JPEG, high-throughput JPEG 2000) and
most of the rest several times faster. The form is pydicom's: ``is_available``,
``DECODER_DEPENDENCIES``, and one function from the bytes of a frame to the bytes of an image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid

from fxcore.dicom.codecs.contents import JPEG_FULL_PROGRESSION, JPEG_SPECTRAL_SELECTION
from fxcore.dicom.codecs.plugin_result import plugin_result

NAME = "imagecodecs"

Array = NDArray[Any]


def _jpeg(source: bytes, runner: Any) -> Array:
    if runner.samples_per_pixel == 1:
        return imagecodecs.jpeg8_decode(source)
    # The same colour space on both sides: the samples come as they are stored.
    return imagecodecs.jpeg8_decode(source, colorspace="YCBCR", outcolorspace="YCBCR")


def _jpeg_ls(source: bytes, runner: Any) -> Array:
    return imagecodecs.jpegls_decode(source)


def _jpeg_2000(source: bytes, runner: Any) -> Array:
    # High-throughput streams too: htj2k_decode takes half the time but keeps the errors of OpenJPH to
    # itself and returns memory it never wrote.
    return imagecodecs.jpeg2k_decode(source, planar=False, numthreads=1)


def _rle(source: bytes, runner: Any) -> Array:
    rows, columns, samples = runner.rows, runner.columns, runner.samples_per_pixel
    bits = runner.bits_allocated
    if runner.get_option("rle_segment_order", ">") != ">":
        raise NotImplementedError("imagecodecs reads RLE segments from the most significant byte on")
    if bits == 1:
        # One segment of packed bits (PS3.5 section 8.2.2).
        packed = np.frombuffer(imagecodecs.dicomrle_decode(source, "u1"), np.uint8)
        return np.unpackbits(packed, count=rows * columns, bitorder="little").reshape(rows, columns)
    segments = int.from_bytes(source[:4], "little")
    if segments != samples * bits // 8:
        raise ValueError(
            f"{segments} RLE segments where {samples} sample(s) of {bits} bits take {samples * bits // 8}"
        )
    pixels = rows * columns
    # A place of its own to write to: what comes as bytes would have to be copied once more.
    place = bytearray(pixels * samples * bits // 8)
    decoded = imagecodecs.dicomrle_decode(source, f"<u{bits // 8}", out=place)
    array = np.frombuffer(decoded, f"<u{bits // 8}")
    if array.size < pixels * samples:
        raise ValueError(f"{array.size} of {pixels * samples} samples in the RLE frame")
    planes = array.reshape(samples, rows, columns)
    return planes[0] if samples == 1 else planes.transpose(1, 2, 0)


_DECODE: dict[str, Callable[[bytes, Any], Array]] = {
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    JPEG_SPECTRAL_SELECTION: _jpeg,
    JPEG_FULL_PROGRESSION: _jpeg,
    uid.JPEGLossless: _jpeg,
    uid.JPEGLosslessSV1: _jpeg,
    uid.JPEGLSLossless: _jpeg_ls,
    uid.JPEGLSNearLossless: _jpeg_ls,
    uid.JPEG2000Lossless: _jpeg_2000,
    uid.JPEG2000: _jpeg_2000,
    uid.HTJ2KLossless: _jpeg_2000,
    uid.HTJ2KLosslessRPCL: _jpeg_2000,
    uid.HTJ2K: _jpeg_2000,
    uid.RLELossless: _rle,
}

DECODER_DEPENDENCIES = dict.fromkeys(_DECODE, ("numpy", "imagecodecs>=2026.3.6"))


def is_available(syntax: str) -> bool:
    """Return whether frames in the transfer syntax `syntax` are decoded here."""
    return syntax in _DECODE


def _decode_frame(source: bytes, runner: Any) -> NDArray[np.uint8]:
    """Return one decoded frame; see `fxcore.dicom.codecs.plugin_result.plugin_result`.

    Raises
    ------
    ValueError
        If the frame holds an image of another shape than the header says.
    """
    return plugin_result(_DECODE[runner.transfer_syntax](source, runner), runner)
