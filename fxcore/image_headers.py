"""What PNG and TIFF headers say about an image, read without decoding it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from fxcore.errors import UnreadableFileError

_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_ORIENTATION, _SAMPLES = 274, 277
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = _PLACES = 273, 279, 324, 325
_TILE_WIDTH, _TILE_LENGTH = 322, 323
# Any other tag may be as long as the file, as often as a directory has entries.
_READ = {
    *(_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES),
    *(*_PLACES, _TILE_WIDTH, _TILE_LENGTH),
}
# JPEG of both kinds; palettes, CMYK and YCbCr.
_RENDERED_COMPRESSIONS, _RENDERED_PHOTOMETRICS = {6, 7}, {3, 5, 6}
# libtiff flips what it renders, but exchanges no rows and columns: what each orientation leaves to do.
_AFTER_RENDERING = {2: 1, 3: 1, 4: 1, 6: 7, 7: 5, 8: 7}
_MOST_BITS = 64
_MOST_STRIPS = 2**20
# What struct raises for a place past the end, and past all that may be a place.
_OUTSIDE = (struct.error, OverflowError)
_MOST_VALUE_BYTES = 2**30
_MOST_EXIF = 2**16
# No byte of a deflate stream becomes more (258 bytes in two bits).
_DEFLATE_EXPANSION = 1032


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
    rendered : bool
        Whether libtiff decodes a TIFF to RGBA of 8 bits, with white the highest value.
    tile_pixels : int
        Of one tile of a TIFF, which may be larger than the image.
    """

    kind: str
    rows: int
    columns: int
    samples: int
    bits: int
    orientation: int = 1
    palette: bool = False
    white_is_zero: bool = False
    rendered: bool = False
    tile_pixels: int = 0

    @property
    def decoded_bytes(self) -> int:
        """Bytes that the pixels, or one tile of them, take when they are decoded."""
        return max(self.rows * self.columns, self.tile_pixels) * self.samples * self.bits // 8


def png_page(data: bytes) -> Page:
    """Read the header of a PNG and follow its chunks to the end (W3C PNG, 3rd edition, section 5).

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"`` or ``"unsupported_image"``.
    """
    orientation, packed = 1, 0
    for name, start, length in _chunks(data):
        if name == b"eXIf":
            orientation = _orientation(data[start : start + min(length, _MOST_EXIF)])
        elif name == b"IDAT":
            packed += length
    columns, rows, bits, colour = struct.unpack_from(">IIBB", data, 16)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 0)
    if not samples or bits not in (1, 2, 4, 8, 16):
        raise UnreadableFileError("unsupported_image", f"a PNG of colour type {colour} and {bits} bits")
    page = Page("png", rows, columns, samples, bits, orientation, palette=colour == 3)
    if page.decoded_bytes > _DEFLATE_EXPANSION * packed:
        raise UnreadableFileError(
            "truncated_image", f"{packed} bytes of a PNG cannot hold an image of {rows} x {columns} pixels"
        )
    return page


def png_pixels(data: bytes) -> bytes:
    """Return a PNG with what its pixels need and nothing else, its image data in one chunk.

    libpng inflates all text and colour profiles that come before the pixels, megabytes out of kilobytes,
    as often as there are such chunks.
    """
    kept: dict[bytes, list[bytes]] = {name: [] for name in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")}
    checks = dict.fromkeys(kept, b"")
    for name, start, length in _chunks(data):
        if name in kept and (name == b"IDAT" or not kept[name]):
            kept[name].append(data[start : start + length])
            checks[name] = data[start + length : start + length + 4]
    parts = [data[:8]]
    for name, bodies in kept.items():
        if bodies:
            body = b"".join(bodies)
            # A single chunk keeps its own checksum, so that damage shows; of several, the last is as good.
            check = checks[name] if len(bodies) == 1 else zlib.crc32(name + body).to_bytes(4, "big")
            parts += [len(body).to_bytes(4, "big"), name, body, check]
    return b"".join(parts)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each chunk of a PNG, the end chunk being the last."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise UnreadableFileError("unsupported_image", "the PNG does not start with its header")
    offset, name = 8, b""
    while name != b"IEND":
        if offset + 12 > len(data):
            raise UnreadableFileError("truncated_image", "the PNG ends before its end chunk")
        length, name = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        yield name, offset + 8, length
        offset += 12 + length


def exif_orientation(data: bytes) -> int:
    """Return the orientation that the EXIF segment of a JPEG gives, 1 where there is none."""
    offset = 2
    while offset + 4 <= len(data) and data[offset] == 0xFF and data[offset + 1] not in (0xDA, 0xD9):
        length = int.from_bytes(data[offset + 2 : offset + 4], "big")
        if data[offset + 1] == 0xE1 and data[offset + 4 : offset + 10] == b"Exif\0\0":
            return _orientation(data[offset + 10 : offset + 2 + length])
        offset += 2 + max(length, 2)
    return 1


def _orientation(tiff: bytes) -> int:
    try:
        directory, _, _ = _directory(tiff, *_first(tiff))
    except (UnreadableFileError, *_OUTSIDE):
        return 1
    return _valid_orientation(directory)


def _valid_orientation(directory: dict[int, tuple[int, ...]]) -> int:
    value = directory.get(_ORIENTATION, (1,))[0]
    return value if 1 <= value <= 8 else 1


def tiff_pages(data: bytes, most: int) -> list[Page]:
    """Read the directories of a TIFF or BigTIFF (TIFF 6.0 section 2).

    Parameters
    ----------
    data : bytes
    most : int
        Pages past which the file is refused.

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"``, ``"too_large"`` or ``"unsupported_image"``.
    """
    try:
        order, big, offset = _first(data)
        pages, seen, values = [], set(), 0
        while offset and offset not in seen:
            seen.add(offset)
            if len(seen) > most:
                raise UnreadableFileError("too_large", f"more than {most} pages (limit max_frames)")
            directory, offset, taken = _directory(data, order, big, offset)
            values += taken
            _check_strips(directory, len(data))
            # libtiff reads them all, also those of tags it does not know.
            if taken > len(data) or values > _MOST_VALUE_BYTES:
                raise UnreadableFileError("unsupported_image", "the values in a TIFF directory overlap")
            pages.append(_tiff_page(directory))
    except _OUTSIDE as error:
        raise UnreadableFileError("truncated_image", "the TIFF ends inside a directory") from error
    if not pages:
        raise UnreadableFileError("unsupported_image", "the TIFF holds no page")
    return pages


def _tiff_page(directory: dict[int, tuple[int, ...]]) -> Page:
    def value(tag: int, default: int) -> int:
        return directory.get(tag, (default,))[0]

    bits = value(_BITS, 1)
    if not 1 <= bits <= _MOST_BITS:
        raise UnreadableFileError("unsupported_image", f"a TIFF of {bits} bits a sample")
    orientation, photometric = _valid_orientation(directory), value(_PHOTOMETRIC, 1)
    rendered = value(_COMPRESSION, 1) in _RENDERED_COMPRESSIONS or photometric in _RENDERED_PHOTOMETRICS
    return Page(
        kind="tiff",
        rows=value(_LENGTH, 0),
        columns=value(_WIDTH, 0),
        samples=value(_SAMPLES, 1),
        bits=bits,
        orientation=_AFTER_RENDERING.get(orientation, orientation) if rendered else orientation,
        palette=photometric == 3,
        white_is_zero=photometric == 0,
        rendered=rendered,
        tile_pixels=value(_TILE_WIDTH, 0) * value(_TILE_LENGTH, 0),
    )


def _check_strips(directory: dict[int, tuple[int, ...]], size: int) -> None:
    for offsets, lengths in ((_STRIP_OFFSETS, _STRIP_BYTES), (_TILE_OFFSETS, _TILE_BYTES)):
        pairs = zip(directory.get(offsets, ()), directory.get(lengths, ()), strict=False)
        if any(offset + length > size for offset, length in pairs):
            raise UnreadableFileError("truncated_image", "the TIFF ends before its last strip or tile")


def _first(data: bytes) -> tuple[str, bool, int]:
    """Return byte order, whether it is BigTIFF, and where the first directory is."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise UnreadableFileError("unsupported_image", "no TIFF byte order mark")
    version = struct.unpack_from(f"{order}H", data, 2)[0]
    if version == 43:
        return order, True, struct.unpack_from(f"{order}Q", data, 8)[0]
    return order, False, struct.unpack_from(f"{order}I", data, 4)[0]


def _directory(
    data: bytes, order: str, big: bool, offset: int
) -> tuple[dict[int, tuple[int, ...]], int, int]:
    """Return the entries of one directory that matter, where the next is, and what all values take."""
    head, width, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    count = struct.unpack_from(order + head, data, offset)[0]
    offset += struct.calcsize(head)
    entries: dict[int, tuple[int, ...]] = {}
    taken = 0
    for start in range(offset, offset + width * min(count, 4096), width):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, start)
        code, size = _TYPE_CODES.get(kind), number * _TYPE_BYTES.get(kind, 1)
        taken += size
        if code is None or tag not in _READ or not number:
            continue
        if number > _MOST_STRIPS:
            raise UnreadableFileError("unsupported_image", f"{number} strips or tiles in an image")
        if tag not in _PLACES:
            number = 1
        place = start + width - inline
        if size > inline:
            place = struct.unpack_from(order + ("Q" if big else "I"), data, place)[0]
        entries[tag] = struct.unpack_from(f"{order}{number}{code}", data, place)
    following = struct.unpack_from(order + ("Q" if big else "I"), data, offset + width * min(count, 4096))[0]
    return entries, following, taken
