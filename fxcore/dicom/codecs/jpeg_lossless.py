"""Lossless JPEG frames of one grey component: the markers and their segments (ITU-T T.81 annex B)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_segments import (
    COMMENTS,
    START_OF_SCAN,
    one_component,
    read_huffman_tables,
    segments_to_scan,
)
from fxcore.kernels import lossless_jpeg_scan

_SOF3, _DHT, _DRI = 0xC3, 0xC4, 0xDD


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
        If a segment is broken.
    DamagedDataError
        If the scan is.
    """
    tables: dict[int, tuple[list[int], list[int]]] = {}
    frame, interval, header, offset = b"", 0, b"", 0
    for code, segment, end in segments_to_scan(source):
        if code == START_OF_SCAN:
            header, offset = segment, end
        elif code == _DHT:
            read_huffman_tables(segment, tables)
        elif code == _SOF3 and not frame and len(segment) == 9:
            frame = segment
        elif code == _DRI and len(segment) == 2:
            interval = int.from_bytes(segment, "big")
        elif code not in COMMENTS:
            raise NotImplementedError(f"marker FF{code:02X} in a lossless JPEG of one component")
    return _scan(source, offset, header, frame, tables, interval, runner)


def _scan(
    source: bytes,
    offset: int,
    header: bytes,
    frame: bytes,
    tables: dict[int, tuple[list[int], list[int]]],
    interval: int,
    runner: Any,
) -> NDArray[Any]:
    precision, shape = one_component(frame, header, runner)
    table, predictor, end, transforms = header[2] >> 4, *header[3:]
    if header[2] & 15 or end or transforms >> 4:
        raise NotImplementedError("a scan header that lossless JPEG of one component does not have")
    if table not in tables:
        raise ValueError("the JPEG stream lacks the Huffman table of its scan")
    if interval % shape[1]:
        raise NotImplementedError("restart intervals that are no whole rows")
    image = lossless_jpeg_scan(
        source,
        offset,
        *tables[table],
        shape,
        precision=precision,
        predictor=predictor,
        point_transform=transforms & 15,
        restart_rows=interval // shape[1],
    )
    return image.astype(np.uint8) if precision <= 8 else image
