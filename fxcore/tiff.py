"""TIFF: what its directories say about the pages, and the pixels of a page."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_scans import check_jpeg_scans, with_jpeg_end
from fxcore.dicom.codecs.streams import check_jpeg_size, jpeg_size
from fxcore.dicom.colour import luma, luma_of_cmyk
from fxcore.errors import UnreadableFileError
from fxcore.image_headers import Page
from fxcore.kernels import apply_table
from fxcore.tiff_directory import (
    OUTSIDE,
    Compression,
    Directory,
    Photometric,
    Tag,
    first_directory,
    read_directory,
    segments,
)
from fxcore.tiff_packed import check_packed

_MOST_BITS = 64
_USUAL_BITS = (1, 2, 4, 8, 16, 32)
_ALPHA = (1, 2)
_MOST_VALUE_BYTES = 2**30
_SAVE_AGAIN = "save it as grey or RGB without JPEG"
# The samples that each photometric interpretation is about; any further ones are transparency.
_SAMPLES: dict[int, int] = {Photometric.RGB: 3, Photometric.CMYK: 4, Photometric.YCBCR: 3}
_JPEGS = (Compression.JPEG, Compression.OLD_JPEG)
# What a JPEG in a TIFF holds, whatever the JPEG says, and what is to be had of it. Y is the luma.
_JPEG_COLOURS: dict[int, tuple[str, str]] = {
    Photometric.RGB: ("RGB", "GRAYSCALE"),
    Photometric.CMYK: ("CMYK", "CMYK"),
    Photometric.YCBCR: ("YCBCR", "GRAYSCALE"),
}
_SAMPLES_AS_THEY_ARE = ("UNKNOWN", "UNKNOWN")


def tiff_pages(data: bytes, most: int) -> list[Page]:
    """Read the directories of a TIFF or BigTIFF (TIFF 6.0 section 2).

    Thumbnails and masks are passed over, unless there is nothing else.

    Parameters
    ----------
    data : bytes
    most : int
        Directories past which the file is refused.

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"``, ``"too_large"`` or ``"unsupported_image"``.
    """
    pages: list[Page] = []
    lesser: list[tuple[int, int]] = []
    seen: set[int] = set()
    taken = 0
    try:
        offset = first_directory(data)
        while offset and offset not in seen:
            index, place = len(seen), offset
            seen.add(place)
            if len(seen) > most:
                raise UnreadableFileError("too_large", f"more than {most} pages (limit max_frames)")
            directory = read_directory(data, place)
            offset = directory.following
            taken += directory.taken
            # libtiff reads them all, also those of tags it does not know.
            if directory.taken > len(data) or taken > _MOST_VALUE_BYTES:
                raise UnreadableFileError("unsupported_image", "the values in a TIFF directory overlap")
            if _is_lesser(directory):
                lesser.append((index, place))
            else:
                pages.append(_page(data, directory, index, place))
        if not pages:
            pages = [_lesser_page(data, *where) for where in lesser]
    except OUTSIDE as error:
        raise UnreadableFileError("truncated_image", "the TIFF ends inside a directory") from error
    if not pages:
        raise UnreadableFileError("unsupported_image", "the TIFF holds no page")
    return pages


def _is_lesser(directory: Directory) -> bool:
    """Tell whether the page is a version of another one with fewer pixels, or a transparency mask."""
    kind = directory.value(Tag.NEW_SUBFILE_TYPE, 0)
    return (
        bool(kind & 0b101)
        or directory.value(Tag.SUBFILE_TYPE, 0) == 2
        or directory.value(Tag.PHOTOMETRIC, 1) == Photometric.MASK
    )


def _lesser_page(data: bytes, index: int, place: int) -> Page:
    directory = read_directory(data, place)
    if Tag.SUB_DIRECTORIES in directory.values:
        raise UnreadableFileError(
            "unsupported_image",
            f"a TIFF whose pages are thumbnails, with the image in a subdirectory (tag 330); {_SAVE_AGAIN}",
        )
    return _page(data, directory, index, place)


def _page(data: bytes, directory: Directory, index: int, place: int) -> Page:
    value = directory.value
    _check_kind(directory)
    segments(directory, len(data))
    photometric = value(Tag.PHOTOMETRIC, 1)
    return Page(
        kind="tiff",
        rows=value(Tag.LENGTH, 0),
        columns=value(Tag.WIDTH, 0),
        samples=value(Tag.SAMPLES, 1),
        bits=value(Tag.BITS, 1),
        orientation=directory.orientation,
        palette=photometric == Photometric.PALETTE,
        white_is_zero=photometric == Photometric.WHITE_IS_ZERO,
        tile_pixels=value(Tag.TILE_WIDTH, 0) * value(Tag.TILE_LENGTH, 0),
        index=index,
        place=place,
        decodable=value(Tag.COMPRESSION, 1) in set(Compression) and value(Tag.BITS, 1) in _USUAL_BITS,
    )


def _check_kind(directory: Directory) -> None:
    """Refuse what is not decoded, or would be without a sign of what is missing or meant otherwise."""
    value = directory.value
    photometric, bits, samples = value(Tag.PHOTOMETRIC, 1), value(Tag.BITS, 1), value(Tag.SAMPLES, 1)
    compression = value(Tag.COMPRESSION, 1)
    jpeg = compression in _JPEGS
    problem = ""
    if not 1 <= bits <= _MOST_BITS:
        problem = f"{bits} bits a sample"
    elif photometric not in set(Photometric):
        problem = (
            f"photometric interpretation {photometric}, which is neither grey, palette, RGB, CMYK nor YCbCr"
        )
    elif compression == Compression.OLD_JPEG and Tag.JPEG_STREAM not in directory.values:
        problem = "old-style JPEG (compression 6) in parts"
    elif photometric == Photometric.PALETTE and bits > 16:
        problem = f"a palette of {bits} bits"
    elif samples < _SAMPLES.get(photometric, 1):
        problem = f"{samples} samples a pixel with photometric interpretation {photometric}"
    elif (further := _further(directory)) > 0:
        problem = f"{further} samples a pixel besides grey or colour, not said to be transparency (tag 338)"
    elif jpeg and photometric == Photometric.PALETTE:
        problem = "a palette with JPEG"
    elif compression == Compression.PACKBITS and value(Tag.PREDICTOR, 1) != 1:
        problem = "PackBits with a predictor, which some readers undo and some do not"
    elif photometric == Photometric.CMYK and (bits != 8 or value(Tag.INK_SET, 1) != 1):
        problem = f"inks other than CMYK of 8 bits (ink set {value(Tag.INK_SET, 1)}, {bits} bits)"
    elif photometric == Photometric.YCBCR and not jpeg:
        subsampling = directory.values.get(Tag.SUBSAMPLING, (2, 2))
        if subsampling != (1, 1):
            problem = f"subsampled YCbCr {subsampling} without JPEG"
    if problem:
        raise UnreadableFileError("unsupported_image", f"a TIFF of {problem}; {_SAVE_AGAIN}")


def _further(directory: Directory) -> int:
    """Return how many samples of a pixel are neither colour nor transparency, as in a stack of images."""
    value = directory.value
    further = value(Tag.SAMPLES, 1) - _SAMPLES.get(value(Tag.PHOTOMETRIC, 1), 1)
    meanings = directory.values.get(Tag.EXTRA_SAMPLES, ())
    if meanings[-1:] and set(meanings) <= set(_ALPHA) and len(meanings) >= further:
        return 0
    # Many writers do not say that the one sample they add to a pixel is transparency.
    return 0 if further == 1 and value(Tag.PLANAR, 1) != 2 else further


def tiff_pixels(data: bytes, page: Page) -> tuple[NDArray[Any], str]:
    """Decode a page to grey, or to RGB with channels last, and name the colour space.

    No part of it is left to libtiff's rendering to RGB, which leaves out what it cannot decode and calls
    that a success.

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"``, ``"damaged_image"`` or ``"unsupported_image"``.
    Exception
        Of the decoder.
    """
    directory = read_directory(data, page.place)
    photometric = directory.value(Tag.PHOTOMETRIC, 1)
    if directory.value(Tag.COMPRESSION, 1) in _JPEGS:
        pixels = _jpeg_pixels(data, page, directory)
    else:
        check_packed(data, directory)
        if photometric in (Photometric.CMYK, Photometric.YCBCR):
            data = _called_rgb(data, directory)
        pixels = imagecodecs.tiff_decode(data, index=page.index)
        if pixels.ndim == 3 and directory.value(Tag.PLANAR, 1) == 2:
            pixels = np.moveaxis(pixels, 0, -1)
    if photometric == Photometric.CMYK:
        return luma_of_cmyk(255 - pixels[..., :4]), "cmyk"
    if photometric == Photometric.RGB:
        return pixels, "rgb"
    # Grey, the place in the palette or Y, which is the luma; what comes after it is transparency or colour.
    first = pixels[..., 0] if pixels.ndim == 3 else pixels
    if photometric == Photometric.PALETTE:
        return apply_table(
            np.ascontiguousarray(first).view(f"u{first.itemsize}"), _palette(directory, page.bits)
        ), "palette"
    return first, "rgb" if photometric == Photometric.YCBCR else ""


def _palette(directory: Directory, bits: int) -> NDArray[np.uint8]:
    """Return the luma of each colour of a palette (TIFF 6.0 section 5), for all values of its bytes."""
    words = directory.values.get(Tag.COLOURS, ())
    if len(words) != 3 * 2**bits:
        raise UnreadableFileError(
            "unsupported_image", f"a palette of {len(words)} values, where {bits} bits need {3 * 2**bits}"
        )
    rgb = np.array(words, np.uint16).reshape(3, -1).T
    table = np.zeros(2**8 if bits <= 8 else 2**16, np.uint8)
    # 8-bit colours written into 16-bit words stay 8-bit colours.
    table[: len(rgb)] = luma(rgb, 255.0 if rgb.max() <= 255 else 65535.0)
    return table


def _called_rgb(data: bytes, directory: Directory) -> bytes:
    """Return a TIFF that calls its colours RGB: all others imagecodecs has libtiff render."""
    place = directory.places[Tag.PHOTOMETRIC]
    return data[:place] + struct.pack(f"{directory.order}H", Photometric.RGB) + data[place + 2 :]


def _jpeg_pixels(data: bytes, page: Page, directory: Directory) -> NDArray[Any]:
    """Decode strips or tiles of JPEG, which share their tables (TIFF technical note 2)."""
    photometric = directory.value(Tag.PHOTOMETRIC, 1)
    planes = page.samples if directory.value(Tag.PLANAR, 1) == 2 else 1
    samples = page.samples // planes
    colours, wanted = _SAMPLES_AS_THEY_ARE
    if samples == _SAMPLES.get(photometric, 1):
        colours, wanted = _JPEG_COLOURS.get(photometric, _SAMPLES_AS_THEY_ARE)
    # Both are whole streams: the tables go between the start of the image and the rest of it.
    tables = bytes(directory.values.get(Tag.JPEG_TABLES, ()))[2:-2]
    layout = segments(directory, len(data))
    pixels: NDArray[Any] = np.zeros(0)
    for position, (offset, length) in enumerate(layout.places):
        plane, number = divmod(position, len(layout.places) // planes)
        stream = data[offset : offset + 2] + tables + data[offset + 2 : offset + length]
        top, left = number // layout.across * layout.rows, number % layout.across * layout.columns
        rows, columns = min(layout.rows, page.rows - top), min(layout.columns, page.columns - left)
        stream = _whole_jpeg(stream, (samples, page.bits), (rows, columns), (layout.rows, layout.columns))
        part = imagecodecs.jpeg8_decode(stream, colorspace=colours, outcolorspace=wanted)
        part = part.reshape(*part.shape[:2], -1)
        if not position:
            pixels = np.zeros((page.rows, page.columns, planes * part.shape[2]), part.dtype)
        place = pixels[top : top + rows, left : left + columns, plane : plane + part.shape[2]]
        place[:] = part[:rows, :columns]
    return pixels if pixels.shape[2] > 1 else pixels[..., 0]


def _whole_jpeg(
    stream: bytes, sample: tuple[int, int], least: tuple[int, int], most: tuple[int, int]
) -> bytes:
    """Check the number of samples and their bits, the size, and that all is there; return it with its end."""
    size = jpeg_size(stream)
    if size is None:
        raise UnreadableFileError("truncated_image", "a strip or tile of JPEG that holds none")
    found = f"{size.rows} x {size.columns} pixels of {size.samples} samples of {size.precision} bits"
    fits = least[0] <= size.rows <= most[0] and least[1] <= size.columns <= most[1]
    if not fits or (size.samples, size.precision) != sample:
        raise UnreadableFileError(
            "unsupported_image",
            f"a strip or tile of JPEG with {found}, where the TIFF says {most[0]} x {most[1]} "
            f"pixels of {sample[0]} samples of {sample[1]} bits",
        )
    check_jpeg_size(stream, size, "truncated_image")
    stream = with_jpeg_end(stream, "truncated_image")
    check_jpeg_scans(stream, "truncated_image")
    return stream
