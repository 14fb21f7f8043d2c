"""What JPEG streams say about themselves, read without decoding them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fxcore.errors import UnreadableFileError

# In entropy-coded data FF is followed by 00 (a stuffed byte), a restart marker or more fill bytes.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_CODING_STYLE, _START_OF_TILE_PART = b"\xff\x52", b"\xff\x90"
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
# SOF0..SOF15 without DHT, JPG and DAC, which lie among them, and SOF55 of JPEG-LS.
_START_OF_JPEG_LS_FRAME = 0xF7
_START_OF_FRAME = {*range(0xC0, 0xD0), _START_OF_JPEG_LS_FRAME} - {0xC4, 0xC8, 0xCC}
_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_ARITHMETIC = {*range(0xC9, 0xD0)} - {0xCC}
_MOST_TILES = 65535
# A progressive JPEG has about ten, of all processes the most.
_MOST_SCANS = 200
# Encoders pad a frame to even or to a multiple of a few bytes.
_PADDING = 16
ITEM_TAG, SEQUENCE_DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
END_MARKER = b"\xff\xd9"
"""End of image in JPEG and JPEG-LS, end of codestream in JPEG 2000."""


@dataclass(frozen=True, slots=True)
class StreamSize:
    """Size of the image in a stream, and bits per sample."""

    rows: int
    columns: int
    samples: int
    precision: int
    lossless: bool = False
    arithmetic: bool = False


def jpeg_size(stream: bytes) -> StreamSize | None:
    """Read the frame header of a JPEG (ITU-T T.81 B.2.2) or JPEG-LS (T.87 C.2.2) stream.

    Returns
    -------
    StreamSize or None
        None where there is none before the first scan.
    """
    offset = _frame_header(stream)
    if not offset:
        return None
    code = stream[offset + 1]
    rows = int.from_bytes(stream[offset + 5 : offset + 7], "big")
    columns = int.from_bytes(stream[offset + 7 : offset + 9], "big")
    samples, precision = stream[offset + 9], stream[offset + 4]
    return StreamSize(rows, columns, samples, precision, code in _LOSSLESS, code in _ARITHMETIC)


def is_jpeg_ls(stream: bytes) -> bool:
    """Tell JPEG-LS (T.87) from JPEG, as which it begins."""
    offset = _frame_header(stream)
    return offset > 0 and stream[offset + 1] == _START_OF_JPEG_LS_FRAME


def _frame_header(stream: bytes) -> int:
    """Return where the frame header is, 0 where there is none before the first scan."""
    offset = 2 if stream[:2] == b"\xff\xd8" else len(stream)
    while (offset := stream.find(b"\xff", offset)) >= 0 and offset + 10 <= len(stream):
        code = stream[offset + 1]
        if code in _START_OF_FRAME:
            return offset
        if code in (_START_OF_SCAN, _END_OF_IMAGE):
            return 0
        offset = _next(stream, offset, code)
    return 0


def _next(stream: bytes, offset: int, code: int) -> int:
    if code == 0xFF:
        return offset + 1
    if code == 0x00 or code in _STANDALONE:
        return offset + 2
    return offset + 2 + int.from_bytes(stream[offset + 2 : offset + 4], "big")


def check_jpeg_size(stream: bytes, size: StreamSize, reason: str) -> None:
    """Refuse a JPEG stream that is too short for what it claims to hold.

    Every 8 x 8 block takes a bit at least, in the lossless processes every sample.

    Raises
    ------
    UnreadableFileError
        With `reason`.
    """
    blocks = size.rows * size.columns if size.lossless else -(-size.rows // 8) * -(-size.columns // 8)
    if not size.arithmetic and blocks > 8 * len(stream):
        raise UnreadableFileError(
            reason,
            f"a JPEG of {len(stream)} bytes cannot hold an image of {size.rows} x {size.columns} pixels",
        )


def check_jpeg_end(stream: bytes, reason: str) -> None:
    """Refuse a JPEG stream without an end, or with very many scans, which libjpeg does not.

    It fills what is missing with grey and calls that a success, and goes through the whole image again
    for each further scan of a few bytes.

    Raises
    ------
    UnreadableFileError
        With `reason`, or ``"too_large"`` for too many scans.
    """
    scans = scans_until_end(stream)
    if not scans:
        raise UnreadableFileError(reason, "the JPEG ends before its end marker: its last rows are missing")
    if scans > _MOST_SCANS:
        raise UnreadableFileError("too_large", f"a JPEG of {scans} scans, over the limit of {_MOST_SCANS}")


def scans_until_end(stream: bytes) -> int:
    """Return how many scans there are before the end-of-image marker of a JPEG; 0 if it is not reached.

    Notes
    -----
    Thumbnails inside APP segments carry end-of-image markers of their own, so that a search for
    the two bytes would not do: the segments are followed by their lengths (ITU-T T.81 section B.1).
    Bytes after the end-of-image marker do not matter.
    """
    offset, scans = 2, 0
    while (offset := stream.find(b"\xff", offset)) >= 0 and offset + 2 <= len(stream):
        code = stream[offset + 1]
        if code == _END_OF_IMAGE:
            return scans
        offset = _next(stream, offset, code)
        if code == _START_OF_SCAN:
            scans += 1
            found = _MARKER_IN_SCAN.search(stream, offset)
            if found is None:
                return 0
            offset = found.start()
    return 0


def until_end(stream: bytes) -> bytes | None:
    """Return a stream of JPEG-LS or JPEG 2000 without the padding after its end; None where it has no end.

    Some writers fill a fragment up to a length that they have set aside for it, with zeros or bytes of
    another value.
    """
    if END_MARKER not in stream[-_PADDING:]:
        stream = stream.rstrip(b"\0")
        stream = stream if stream.endswith(END_MARKER) else stream.rstrip(stream[-1:])
    return stream if END_MARKER in stream[-_PADDING:] else None


def jpeg_2000_size(stream: bytes) -> StreamSize | None:
    """Read the SIZ segment of a JPEG 2000 codestream (ITU-T T.800 A.5.1), also inside a JP2 file.

    Returns
    -------
    StreamSize or None
        None where there is none, where it asks for more tiles than the standard allows, or where the
        boxes of a JP2 file do not lead to it.
    """
    start = jpeg_2000_start(stream)
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


def jpeg_ls_is_lossless(stream: bytes) -> bool:
    """Tell whether no sample of the first scan of a JPEG-LS stream may be off: its NEAR is 0 (T.87 C.2.3)."""
    offset = 2
    while (offset := stream.find(b"\xff", offset)) >= 0 and offset + 5 <= len(stream):
        code = stream[offset + 1]
        if code == _START_OF_SCAN:
            near = offset + 5 + 2 * stream[offset + 4]
            return stream[near : near + 1] == b"\0"
        offset = _next(stream, offset, code)
    return False


def jpeg_2000_is_reversible(stream: bytes) -> bool:
    """Tell whether a JPEG 2000 stream has the 5/3 wavelet (T.800 A.6.1): without loss, unless it is cut."""
    offset = jpeg_2000_start(stream) + 2
    while (marker := stream[offset : offset + 2])[:1] == b"\xff" and marker != _START_OF_TILE_PART:
        if marker == _CODING_STYLE:
            return stream[offset + 13 : offset + 14] == b"\1"
        offset += 2 + int.from_bytes(stream[offset + 2 : offset + 4], "big")
    return False


def jpeg_2000_start(stream: bytes) -> int:
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
