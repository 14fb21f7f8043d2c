"""What JPEG streams say about themselves, read without decoding them."""

from __future__ import annotations

import re
from dataclasses import dataclass

# In entropy-coded data FF is followed by 00 (a stuffed byte), a restart marker or more fill bytes.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
# SOF0..SOF15 without DHT, JPG and DAC, which lie among them, and SOF55 of JPEG-LS.
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_MOST_TILES = 65535
END_MARKER = b"\xff\xd9"
"""End of image in JPEG and JPEG-LS, end of codestream in JPEG 2000."""


@dataclass(frozen=True, slots=True)
class StreamSize:
    """Size of the image in a stream, and bits per sample."""

    rows: int
    columns: int
    samples: int
    precision: int


def jpeg_size(stream: bytes) -> StreamSize | None:
    """Read the frame header of a JPEG (ITU-T T.81 B.2.2) or JPEG-LS (T.87 C.2.2) stream.

    Returns
    -------
    StreamSize or None
        None where there is none before the first scan.
    """
    if stream[:2] != b"\xff\xd8":
        return None
    offset = 2
    while (offset := stream.find(b"\xff", offset)) >= 0 and offset + 10 <= len(stream):
        code = stream[offset + 1]
        if code in _START_OF_FRAME:
            rows = int.from_bytes(stream[offset + 5 : offset + 7], "big")
            columns = int.from_bytes(stream[offset + 7 : offset + 9], "big")
            return StreamSize(rows, columns, stream[offset + 9], stream[offset + 4])
        if code in (_START_OF_SCAN, _END_OF_IMAGE):
            return None
        offset = _next(stream, offset, code)
    return None


def _next(stream: bytes, offset: int, code: int) -> int:
    if code == 0xFF:
        return offset + 1
    if code == 0x00 or code in _STANDALONE:
        return offset + 2
    return offset + 2 + int.from_bytes(stream[offset + 2 : offset + 4], "big")


def ends_properly(stream: bytes) -> bool:
    """Return whether the marker segments of a JPEG stream lead to an end-of-image marker.

    libjpeg fills what is missing with grey and calls that a success, so that somebody has to look.

    Notes
    -----
    Thumbnails inside APP segments carry end-of-image markers of their own, so that a search for
    the two bytes would not do: the segments are followed by their lengths (ITU-T T.81 section B.1).
    Bytes after the end-of-image marker do not matter.
    """
    offset = 2
    while (offset := stream.find(b"\xff", offset)) >= 0 and offset + 2 <= len(stream):
        code = stream[offset + 1]
        if code == _END_OF_IMAGE:
            return True
        offset = _next(stream, offset, code)
        if code == _START_OF_SCAN:
            found = _MARKER_IN_SCAN.search(stream, offset)
            if found is None:
                return False
            offset = found.start()
    return False


def jpeg_2000_size(stream: bytes) -> StreamSize | None:
    """Read the SIZ segment of a JPEG 2000 codestream (ITU-T T.800 A.5.1), also inside a JP2 file.

    Returns
    -------
    StreamSize or None
        None where there is none, where it asks for more tiles than the standard allows, or where the
        boxes of a JP2 file do not lead to it.
    """
    start = _codestream(stream)
    if stream[start : start + 4] != b"\xff\x4f\xff\x51" or start + 43 > len(stream):
        return None
    x1, y1, x0, y0, tile_x, tile_y, tile_x0, tile_y0 = (
        int.from_bytes(stream[start + 8 + 4 * i : start + 12 + 4 * i], "big") for i in range(8)
    )
    if x1 <= x0 or y1 <= y0 or not tile_x or not tile_y or tile_x0 > x0 or tile_y0 > y0:
        return None
    if -(-(x1 - tile_x0) // tile_x) * -(-(y1 - tile_y0) // tile_y) > _MOST_TILES:
        return None
    samples = int.from_bytes(stream[start + 40 : start + 42], "big")
    return StreamSize(y1 - y0, x1 - x0, samples, (stream[start + 42] & 0x7F) + 1)


def _codestream(stream: bytes) -> int:
    """Return where the codestream starts: at once, or in a JP2 box (T.800 annex I), which DICOM forbids."""
    if stream[:12] != b"\x00\x00\x00\x0cjP  \r\n\x87\n":
        return 0
    offset = 12
    while stream[offset + 4 : offset + 8] != b"jp2c":
        length = int.from_bytes(stream[offset : offset + 4], "big")
        # A shorter box than its own header: whoever follows it never arrives.
        if length < 8 or offset + length > len(stream):
            return len(stream)
        offset += length
    return offset + 8
