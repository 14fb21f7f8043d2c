"""The marker segments before the scan of a JPEG or JPEG-LS stream (ITU-T T.81 B.1.1, T.87 C.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

START_OF_SCAN = 0xDA
COMMENTS = frozenset((*range(0xE0, 0xF0), 0xFE))
"""What does not matter to a decoder: APP0 to APP15 and COM."""

_START_OF_IMAGE = b"\xff\xd8"
_MOST_SEGMENTS = 1000
_TABLES = 0x13  # bits that the number of a Huffman table may have


def segments_to_scan(source: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield code, content and end of each segment up to the first scan header, which is the last.

    Raises
    ------
    ValueError
        If they cannot be followed, or are too many.
    """
    if source[:2] != _START_OF_IMAGE:
        raise ValueError("the frame does not start like a JPEG stream")
    offset = len(_START_OF_IMAGE)
    for _ in range(_MOST_SEGMENTS):
        marker, size = source[offset : offset + 2], int.from_bytes(source[offset + 2 : offset + 4], "big")
        segment, offset = source[offset + 4 : offset + 2 + size], offset + 2 + size
        if len(marker) != 2 or marker[0] != 0xFF or size < 2 or offset > len(source):
            raise ValueError("the segments of the JPEG stream cannot be followed")
        yield marker[1], segment, offset
        if marker[1] == START_OF_SCAN:
            return
    raise ValueError(f"more than {_MOST_SEGMENTS} segments before the scan of a JPEG stream")


def one_component(frame: bytes, header: bytes, runner: Any) -> tuple[int, tuple[int, int]]:
    """Return bits of a sample, and rows and columns, of an image whose only scan holds its only component.

    Parameters
    ----------
    frame, header : bytes
        Content of the frame header (T.81 B.2.2) and of the scan header (B.2.3); empty where there is none.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Says which size is expected.

    Raises
    ------
    NotImplementedError
        If it is another image.
    ValueError
        If it is of another size.
    """
    if len(frame) != 9 or frame[5] != 1 or len(header) != 6 or header[0] != 1:
        raise NotImplementedError("a JPEG stream without a lossless scan of one component")
    rows, columns = (int.from_bytes(frame[k : k + 2], "big") for k in (1, 3))
    if (rows, columns) != (runner.rows, runner.columns):
        raise ValueError(
            f"the frame is {rows} x {columns} where the header says {runner.rows} x {runner.columns}"
        )
    if header[1] != frame[6] or frame[7] != 0x11:
        raise NotImplementedError("a scan of another component than the frame's, or a sampled one")
    return frame[0], (rows, columns)


def read_huffman_tables(segment: bytes, tables: dict[int, tuple[list[int], list[int]]]) -> None:
    """Read the Huffman tables of a segment (B.2.4.2) into `tables`, by class and destination.

    Raises
    ------
    ValueError
        If the segment is broken.
    """
    offset = 0
    while offset < len(segment):
        kind = segment[offset]
        counts = list(segment[offset + 1 : offset + 17])
        values = list(segment[offset + 17 : offset + 17 + sum(counts)])
        offset += 17 + sum(counts)
        if kind & ~_TABLES or len(counts) != 16 or offset > len(segment):
            raise ValueError("a broken Huffman table in a JPEG stream")
        tables[kind] = counts, values
