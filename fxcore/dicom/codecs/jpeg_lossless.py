"""Lossless JPEG frames of one grey component: the markers and their segments (ITU-T T.81 annex B)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import lossless_jpeg_scan

_SOF3, _DHT, _SOI, _SOS, _DRI, _COM = 0xC3, 0xC4, 0xD8, 0xDA, 0xDD, 0xFE
_APP = range(0xE0, 0xF0)
_MOST_SEGMENTS = 1000


def jpeg_lossless_frame(source: bytes, runner: Any) -> NDArray[Any]:
    """Decode one frame of process 14: lossless, Huffman codes, one component.

    Parameters
    ----------
    source : bytes
        One encoded frame.
    runner : pydicom.pixels.decoders.base.DecodeRunner
        Says which size is expected.

    Returns
    -------
    numpy.ndarray
        ``uint8`` up to 8 bits, else ``uint16``; shape ``(rows, columns)``.

    Raises
    ------
    NotImplementedError
        For another process, several components or scans, lines counted after the scan, and segments that
        such a stream does not need.
    ValueError
        If a segment is broken, or the scan is.
    """
    tables: dict[int, tuple[list[int], list[int]]] = {}
    frame, interval, offset = b"", 0, 2
    if source[:2] != bytes([0xFF, _SOI]):
        raise ValueError("the frame does not start like a JPEG stream")
    for _ in range(_MOST_SEGMENTS):
        marker, size = source[offset : offset + 2], int.from_bytes(source[offset + 2 : offset + 4], "big")
        segment, offset = source[offset + 4 : offset + 2 + size], offset + 2 + size
        if len(marker) != 2 or marker[0] != 0xFF or size < 2 or offset > len(source):
            raise ValueError("the segments of the JPEG stream cannot be followed")
        if marker[1] == _SOS:
            return _scan(source, offset, segment, frame, tables, interval, runner)
        if marker[1] == _DHT:
            _read_tables(segment, tables)
        elif marker[1] == _SOF3 and not frame and len(segment) == 9:
            frame = segment
        elif marker[1] == _DRI and len(segment) == 2:
            interval = int.from_bytes(segment, "big")
        elif marker[1] not in (_COM, *_APP):
            raise NotImplementedError(f"marker {marker.hex()} in a lossless JPEG of one component")
    raise ValueError(f"more than {_MOST_SEGMENTS} segments before the scan of a JPEG stream")


def _read_tables(segment: bytes, tables: dict[int, tuple[list[int], list[int]]]) -> None:
    """Read the Huffman tables of a segment (B.2.4.2) into `tables`, by their destination."""
    offset = 0
    while offset < len(segment):
        kind = segment[offset]
        counts = list(segment[offset + 1 : offset + 17])
        values = list(segment[offset + 17 : offset + 17 + sum(counts)])
        offset += 17 + sum(counts)
        if kind > 3 or len(counts) != 16 or offset > len(segment):
            raise ValueError("a broken Huffman table in a JPEG stream")
        tables[kind] = counts, values


def _scan(
    source: bytes,
    offset: int,
    header: bytes,
    frame: bytes,
    tables: dict[int, tuple[list[int], list[int]]],
    interval: int,
    runner: Any,
) -> NDArray[Any]:
    if not frame or frame[5] != 1 or len(header) != 6 or header[0] != 1:
        raise NotImplementedError("a JPEG stream without a lossless scan of one component")
    precision = frame[0]
    rows, columns = (int.from_bytes(frame[k : k + 2], "big") for k in (1, 3))
    table, predictor, end, transforms = header[2] >> 4, *header[3:]
    if (rows, columns) != (runner.rows, runner.columns):
        raise ValueError(
            f"the frame is {rows} x {columns} where the header says {runner.rows} x {runner.columns}"
        )
    if header[1] != frame[6] or header[2] & 15 or end or transforms >> 4 or frame[7] != 0x11:
        raise NotImplementedError("a scan header that lossless JPEG of one component does not have")
    if table not in tables:
        raise ValueError("the JPEG stream lacks the Huffman table of its scan")
    if interval % columns:
        raise NotImplementedError("restart intervals that are no whole rows")
    image = lossless_jpeg_scan(
        source,
        offset,
        *tables[table],
        (rows, columns),
        precision=precision,
        predictor=predictor,
        point_transform=transforms & 15,
        restart_rows=interval // columns,
    )
    return image.astype(np.uint8) if precision <= 8 else image
