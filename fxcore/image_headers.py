"""What the headers of PNG, and the EXIF of PNG and JPEG, say about an image, read without decoding it."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from isal import isal_zlib

from fxcore.errors import UnreadableFileError
from fxcore.tiff_directory import OUTSIDE, first_directory, read_directory

_MOST_EXIF = 2**16
# No byte of a deflate stream becomes more (258 bytes in two bits).
_DEFLATE_EXPANSION = 1032
# What the colours of a PNG need; damage to anything else does no harm.
_NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
# Bits a sample and samples a pixel, by colour type (W3C PNG, section 11.2.1).
_PNG_COLOURS = {
    0: ((1, 2, 4, 8, 16), 1),
    2: ((8, 16), 3),
    3: ((1, 2, 4, 8), 1),
    4: ((8, 16), 2),
    6: ((8, 16), 4),
}


@dataclass(frozen=True, slots=True)
class Page:
    """One image of a file.

    Attributes
    ----------
    kind : str
        ``"png"``, ``"jpeg"`` or ``"tiff"``.
    rows, columns, samples, bits : int
        As stored, before the orientation is applied.
    orientation : int
        1 to 8 as in TIFF 6.0, of the decoded image; 1 is upright.
    palette, white_is_zero : bool
    tile_pixels : int
        Of one tile of a TIFF, which may be larger than the image.
    index, place : int
        Number of the TIFF directory, from 0, and where it is in the file.
    decodable : bool
        The decoder reads all images of this kind: one that it does not is damaged.
    """

    kind: str
    rows: int
    columns: int
    samples: int
    bits: int
    orientation: int = 1
    palette: bool = False
    white_is_zero: bool = False
    tile_pixels: int = 0
    index: int = 0
    place: int = 0
    decodable: bool = True

    @property
    def decoded_bytes(self) -> int:
        """Bytes that the pixels, or one tile of them, take when they are decoded."""
        return max(self.rows * self.columns, self.tile_pixels) * self.samples * self.bits // 8


def png_page(data: bytes) -> Page:
    """Read the header of a PNG and follow its chunks to the end (W3C PNG, 3rd edition, section 5).

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"``, ``"damaged_image"`` or ``"unsupported_image"``.
    """
    orientation, packed = 1, 0
    view = memoryview(data)
    for name, start, length in _chunks(data):
        end = start + length
        checksum = int.from_bytes(data[end : end + 4], "big")
        if name in _NEEDED and isal_zlib.crc32(view[start - 4 : end]) != checksum:
            raise UnreadableFileError(
                "damaged_image",
                f"the checksum of the PNG's chunk {name.decode()} at byte {start - 8} does not match",
            )
        if name == b"eXIf":
            orientation = _orientation(data[start : start + min(length, _MOST_EXIF)])
        elif name == b"IDAT":
            packed += length
    columns, rows, bits, colour, *methods, interlacing = struct.unpack_from(">IIBBBBB", data, 16)
    depths, samples = _PNG_COLOURS.get(colour, ((), 0))
    if bits not in depths or any(methods) or interlacing > 1:
        raise UnreadableFileError(
            "unsupported_image",
            f"a PNG of colour type {colour}, {bits} bits and methods {(*methods, interlacing)}",
        )
    page = Page("png", rows, columns, samples, bits, orientation, palette=colour == 3)
    if page.decoded_bytes > _DEFLATE_EXPANSION * packed:
        raise UnreadableFileError(
            "truncated_image", f"{packed} bytes of a PNG cannot hold an image of {rows} x {columns} pixels"
        )
    return page


def png_pixels(data: bytes) -> bytes:
    """Return a PNG with what its colours need and nothing else, transparency left out.

    libpng inflates all text and colour profiles that come before the pixels, megabytes out of kilobytes,
    as often as there are such chunks.
    """
    kept: dict[bytes, list[bytes]] = {name: [] for name in _NEEDED}
    for name, start, length in _chunks(data):
        if name in kept and (name == b"IDAT" or not kept[name]):
            # With their own checksums, so that damage shows.
            kept[name].append(data[start - 8 : start + length + 4])
    return b"".join([data[:8], *itertools.chain.from_iterable(kept.values())])


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each chunk of a PNG, the end chunk being the last."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise UnreadableFileError("unsupported_image", "the PNG does not start with its header")
    offset, name = 8, b""
    while name != b"IEND":
        length, name = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        if offset + 12 + length > len(data):
            raise UnreadableFileError("truncated_image", "the PNG ends before its end chunk")
        yield name, offset + 8, length
        offset += 12 + length


def exif_orientation(data: bytes) -> int:
    """Return the orientation that the EXIF segment of a JPEG gives, 1 where there is none."""
    offset = 2
    while offset + 4 <= len(data) and data[offset] == 0xFF and data[offset + 1] not in (0xDA, 0xD9):
        # Any number of fill bytes may come before a marker (ITU-T T.81 section B.1.1.2).
        if data[offset + 1] == 0xFF:
            offset += 1
            continue
        length = int.from_bytes(data[offset + 2 : offset + 4], "big")
        if data[offset + 1] == 0xE1 and data[offset + 4 : offset + 10] == b"Exif\0\0":
            return _orientation(data[offset + 10 : offset + 2 + length])
        offset += 2 + max(length, 2)
    return 1


def _orientation(tiff: bytes) -> int:
    try:
        return read_directory(tiff, first_directory(tiff)).orientation
    except (UnreadableFileError, *OUTSIDE):
        return 1
