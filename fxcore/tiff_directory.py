"""The directories of a TIFF or BigTIFF (TIFF 6.0 section 2), EXIF being one: read, but not judged."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from fxcore.errors import UnreadableFileError

_TYPE_BYTES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q"}
_MOST_VALUES = 2**20
_MOST_ENTRIES = 4096

OUTSIDE = (struct.error, OverflowError)
"""What is raised for a place past the end of the file, and past all that may be a place."""


class Tag(IntEnum):
    """The tags that are read; any other may be as long as the file, as often as a directory has entries."""

    NEW_SUBFILE_TYPE = 254
    SUBFILE_TYPE = 255
    WIDTH = 256
    LENGTH = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTES = 279
    PLANAR = 284
    PREDICTOR = 317
    COLOURS = 320
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTES = 325
    SUB_DIRECTORIES = 330
    INK_SET = 332
    EXTRA_SAMPLES = 338
    JPEG_TABLES = 347
    JPEG_STREAM = 513
    JPEG_STREAM_BYTES = 514
    SUBSAMPLING = 530


_TAGS = frozenset(Tag)
# Of the others the first value says it all.
_LISTS = {
    *(Tag.STRIP_OFFSETS, Tag.STRIP_BYTES, Tag.TILE_OFFSETS, Tag.TILE_BYTES),
    *(Tag.COLOURS, Tag.JPEG_TABLES, Tag.SUBSAMPLING, Tag.EXTRA_SAMPLES),
}


class Photometric(IntEnum):
    """The photometric interpretations that are read (TIFF 6.0 tag 262)."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    MASK = 4
    CMYK = 5
    YCBCR = 6


class Compression(IntEnum):
    """The compressions that are told apart (TIFF 6.0 tag 259, and its technical note 2 on JPEG)."""

    NONE = 1
    LZW = 5
    OLD_JPEG = 6
    JPEG = 7
    DEFLATE = 8
    OLD_DEFLATE = 32946
    PACKBITS = 32773


@dataclass(frozen=True, slots=True)
class Directory:
    """The entries of a directory that matter.

    Attributes
    ----------
    values : dict of int to tuple of int
        By tag.
    places : dict of int to int
        Where the values of a tag are in the file.
    order : str
        Of the bytes: ``"<"`` or ``">"``.
    following : int
        Where the next directory is, 0 after the last.
    taken : int
        Bytes that all values take, also those of other tags.
    """

    values: dict[int, tuple[int, ...]]
    places: dict[int, int]
    order: str
    following: int
    taken: int

    def value(self, tag: int, default: int) -> int:
        return self.values.get(tag, (default,))[0]

    @property
    def orientation(self) -> int:
        value = self.value(Tag.ORIENTATION, 1)
        return value if 1 <= value <= 8 else 1


@dataclass(frozen=True, slots=True)
class Segments:
    """The strips or tiles of a page, as many as its size asks for.

    Attributes
    ----------
    rows, columns : int
        Of a strip or tile, which may reach past the end of the page.
    across : int
        Tiles side by side; 1 for strips.
    places : list of (int, int)
        Offset and length of each.
    """

    rows: int
    columns: int
    across: int
    places: list[tuple[int, int]]


def first_directory(data: bytes) -> int:
    """Return where the first directory of a TIFF is."""
    order, big = _kind(data)
    return int(struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0])


def read_directory(data: bytes, offset: int) -> Directory:
    """Read the directory at `offset`.

    Raises
    ------
    UnreadableFileError
        ``"unsupported_image"``.
    struct.error, OverflowError
        `OUTSIDE`: where it, or a value, reaches past the end of the file.
    """
    order, big = _kind(data)
    head, width, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    count = min(struct.unpack_from(order + head, data, offset)[0], _MOST_ENTRIES)
    offset += struct.calcsize(head)
    values: dict[int, tuple[int, ...]] = {}
    places: dict[int, int] = {}
    taken = 0
    for start in range(offset, offset + width * count, width):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, start)
        code, size = _TYPE_CODES.get(kind), number * _TYPE_BYTES.get(kind, 1)
        taken += size
        if code is None or tag not in _TAGS or not number:
            continue
        if number > _MOST_VALUES:
            raise UnreadableFileError("unsupported_image", f"{number} values of a TIFF tag ({tag})")
        if tag not in _LISTS:
            number = 1
        place = start + width - inline
        if size > inline:
            place = struct.unpack_from(order + ("Q" if big else "I"), data, place)[0]
        values[tag], places[tag] = struct.unpack_from(f"{order}{number}{code}", data, place), place
    following = struct.unpack_from(order + ("Q" if big else "I"), data, offset + width * count)[0]
    return Directory(values, places, order, following, taken)


def _kind(data: bytes) -> tuple[str, bool]:
    """Return the byte order, and whether it is BigTIFF."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise UnreadableFileError("unsupported_image", "no TIFF byte order mark")
    return order, struct.unpack_from(f"{order}H", data, 2)[0] == 43


def segments(directory: Directory, size: int) -> Segments:
    """Return the strips or tiles of a page (TIFF 6.0 sections 3, 15 and 22).

    Old-style JPEG is taken for one strip: the whole stream that it may point to.

    Raises
    ------
    UnreadableFileError
        ``"truncated_image"`` where one is missing, has no length or reaches past the `size` of the file.
    """
    value, values = directory.value, directory.values
    page_rows, page_columns = value(Tag.LENGTH, 0), value(Tag.WIDTH, 0)
    rows, columns = value(Tag.TILE_LENGTH, 0), value(Tag.TILE_WIDTH, 0)
    if not rows or not columns:
        rows, columns = min(value(Tag.ROWS_PER_STRIP, 0) or page_rows, page_rows), page_columns
    offsets = values.get(Tag.TILE_OFFSETS) or values.get(Tag.STRIP_OFFSETS, ())
    lengths = values.get(Tag.TILE_BYTES) or values.get(Tag.STRIP_BYTES, ())
    if value(Tag.COMPRESSION, 1) == Compression.OLD_JPEG:
        rows, columns = page_rows, page_columns
        offsets, lengths = values.get(Tag.JPEG_STREAM, ()), values.get(Tag.JPEG_STREAM_BYTES, ())
    across = -(-page_columns // max(columns, 1))
    planes = value(Tag.SAMPLES, 1) if value(Tag.PLANAR, 1) == 2 else 1
    needed = planes * across * -(-page_rows // max(rows, 1))
    places = list(zip(offsets[:needed], lengths, strict=False))
    # Old writers gave no length of a page in one piece: it may go on to the end of the file.
    if needed == 1 and offsets and not any(lengths[:1]):
        places = [(offsets[0], max(0, size - offsets[0]))]
    present = sum(1 for offset, length in places if offset and length)
    if present < needed:
        raise UnreadableFileError(
            "truncated_image", f"the TIFF holds {present} of the {needed} strips or tiles of a page"
        )
    if any(offset + length > size for offset, length in places):
        raise UnreadableFileError("truncated_image", "the TIFF ends before its last strip or tile")
    return Segments(rows, columns, across, places)
