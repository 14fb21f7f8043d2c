"""Colour to grey: the BT.601 luma, which is what the Y of YCbCr in DICOM already is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from fxcore.dicom.bounded import value_of
from fxcore.dicom.codecs.frames import Frame
from fxcore.dicom.grey import is_constant
from fxcore.dicom.pixels import PixelFormat
from fxcore.dicom.transform import first_input
from fxcore.errors import UnreadableFileError
from fxcore.kernels import apply_table

_PALETTE_DATA = tuple(
    f"{kind}{colour}PaletteColorLookupTableData"
    for kind in ("", "Segmented")
    for colour in ("Red", "Green", "Blue", "Alpha")
)

_AT_ONCE = 2**20
_MOST_COLOURS = 2**16


def luma(rgb: NDArray[Any], y_max: float = 255.0, top: int = 255) -> NDArray[Any]:
    """Return the luma ``0.299 R + 0.587 G + 0.114 B`` on 0..top, rounded half to even.

    Parameters
    ----------
    rgb : numpy.ndarray
        Unsigned integers, shape ``(..., 3)``; further channels (alpha) are ignored.
    y_max : float
        The value that becomes `top`.
    top : int
        255, or 65535 to lose nothing of more than 8 bits.

    Returns
    -------
    numpy.ndarray
        ``uint8`` or, where `top` is more than it holds, ``uint16``.

    References
    ----------
    ITU-R BT.601-7 section 2.5.1.
    """
    result: NDArray[Any] = np.empty(rgb.shape[:-1], np.uint8 if top <= 255 else np.uint16)
    # A few rows at a time: the intermediate values take thirty times the memory of the result.
    step = max(1, _AT_ONCE // max(1, int(np.prod(rgb.shape[1:]))))
    for start in range(0, len(rgb), step):
        part = rgb[start : start + step]
        wide: NDArray[Any] = part.astype(np.uint32 if rgb.dtype.itemsize <= 2 else np.float64)
        thousandths = 299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2]
        # One division of whole numbers, so that a tie is a tie.
        scaled = thousandths * float(top) / (1000 * y_max)
        result[start : start + step] = np.rint(np.clip(scaled, 0, top)).astype(result.dtype)
    return result


def luma_of_cmyk(inverted: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma of CMYK, shape ``(..., 4)``, in which 255 is no ink, as in Adobe's JPEGs."""
    light: NDArray[np.uint8] = luma(inverted)
    return ((light.astype(np.uint16) * inverted[..., 3] + 127) // 255).astype(np.uint8)


def colour_image(frame: Frame) -> NDArray[np.uint8]:
    """Render a frame of three samples per pixel; `frame.photometric` says which colour space it is in.

    Raises
    ------
    UnreadableFileError
        ``"constant_image"`` or ``"unsupported_pixel_format"``.
    """
    values = frame.values
    if values.dtype.kind not in "ui":
        raise UnreadableFileError("unsupported_pixel_format", "colour in floating point")
    unsigned = values.view(f"u{values.dtype.itemsize}")
    if frame.shift:
        unsigned = unsigned >> unsigned.dtype.type(frame.shift)
    values = unsigned & unsigned.dtype.type(2**frame.bits - 1)
    y_max = float(2**frame.bits - 1)
    if frame.photometric == "RGB":
        image = luma(values, y_max)
    else:
        # PS3.3 C.7.6.3.1.2: YBR_PARTIAL leaves head and foot room, the other kinds use the full range.
        partial = frame.photometric.startswith("YBR_PARTIAL")
        low, high = (16 / 256, 235 / 256) if partial else (0.0, y_max / (y_max + 1))
        unit = (values[..., 0] / (y_max + 1) - low) / (high - low)
        image = np.rint(np.clip(255 * unit, 0, 255)).astype(np.uint8)
    return _not_constant(image)


def palette_image(frame: Frame, fmt: PixelFormat, dataset: Dataset, little_endian: bool) -> NDArray[np.uint8]:
    """Render a PALETTE COLOR frame through the palette's luma.

    Raises
    ------
    UnreadableFileError
        ``"constant_image"``, ``"invalid_image_header"`` or ``"unsupported_pixel_format"``.
    """
    if frame.values.dtype.itemsize > 2:
        raise UnreadableFileError("unsupported_pixel_format", "a palette of more than 16 bits")
    stored = np.arange(2**frame.bits, dtype=np.int32)
    if fmt.signed:
        stored[2 ** (frame.bits - 1) :] -= 2**frame.bits
    raw = frame.values.view(f"u{frame.values.dtype.itemsize}")
    table = luma_of_palette(stored, dataset, little_endian)
    return _not_constant(apply_table(raw, table[frame.stored_bits()]))


def luma_of_palette(stored: NDArray[np.int32], dataset: Dataset, little_endian: bool) -> NDArray[np.uint8]:
    """Return the luma of the palette's colour for each stored value (PS3.3 C.7.6.3.1.5)."""
    first = None
    if "RedPaletteColorLookupTableDescriptor" not in dataset:
        raise UnreadableFileError("invalid_image_header", "the colour palette is missing")
    try:
        length, declared, bits = (int(v) for v in dataset.RedPaletteColorLookupTableDescriptor)
        length = (length & 0xFFFF) or 2**16
        first = first_input(declared, length, int(stored.min()), int(stored.max()))
        palette = _palette(dataset, little_endian, length, bits)
        _check_segments(palette)
        index = stored - (declared if first is None else first)
        rgb = apply_color_lut(np.clip(index, 0, length - 1) + declared, palette)
    except Exception as error:  # absent, of another shape or unreadable
        raise UnreadableFileError(
            "invalid_image_header", f"the colour palette is unusable ({type(error).__name__})"
        ) from error
    if first is None:
        raise UnreadableFileError(
            "invalid_image_header", "the colour palette has no colour for any value that a pixel may have"
        )
    # 8-bit colours written into 16-bit words stay 8-bit colours.
    return luma(rgb, 255.0 if rgb.dtype == np.uint8 or rgb.max() <= 255 else 65535.0)


def _check_segments(dataset: Dataset) -> None:
    """Refuse a segmented palette of more colours than there can be (PS3.3 C.7.9.2).

    A segment of six bytes may stand for 65535 colours, and a reference for thousands of segments.
    """
    wide = int(dataset.RedPaletteColorLookupTableDescriptor[2]) == 16
    for keyword in _PALETTE_DATA:
        if keyword.startswith("Segmented") and (data := value_of(dataset, keyword, 4 * _MOST_COLOURS)):
            words = np.frombuffer(data, "<u2" if wide else "u1", len(data) // (2 if wide else 1)).tolist()
            if _expanded(words, 0, len(words), wide) > _MOST_COLOURS:
                raise ValueError(f"a segmented palette of more than {_MOST_COLOURS} colours")


def _expanded(words: list[int], place: int, segments: int, wide: bool, nested: bool = False) -> int:
    """Return how many colours `segments` segments from `place` on stand for, or any number past the most."""
    total = 0
    while segments and place + 1 < len(words) and total <= _MOST_COLOURS:
        kind, length = words[place : place + 2]
        place, segments = place + 2, segments - 1
        if kind < 2:
            total += length
            place += length if kind == 0 else 1
        elif nested:
            # A reference may not lead to a reference.
            return _MOST_COLOURS + 1
        else:
            size = 2 if wide else 4
            target = sum(
                word << (16 if wide else 8) * i for i, word in enumerate(words[place : place + size])
            )
            total += _expanded(words, target, length, wide, nested=True)
            place += size
    return total


def _palette(dataset: Dataset, little_endian: bool, length: int, bits: int) -> Dataset:
    """Return the palette as pydicom reads it: words in little endian, and no byte after the last colour."""
    copy = Dataset()
    for element in dataset.group_dataset(0x0028):
        copy.add(element)
    for keyword in _PALETTE_DATA:
        data = copy.get(keyword)
        if not data:
            continue
        if not little_endian:
            data = np.frombuffer(data, ">u2").astype("<u2").tobytes()
        if not keyword.startswith("Segmented"):
            # Colours of 8 bits come in a byte each, or in a word.
            data = data[: length if bits == 8 and len(data) < 2 * length else 2 * length]
        setattr(copy, keyword, data)
    copy.set_original_encoding(False, True)
    return copy


def _not_constant(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if is_constant(image):
        raise UnreadableFileError("constant_image", "all pixels of the image are equal")
    return image
