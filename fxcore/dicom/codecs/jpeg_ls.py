"""JPEG-LS frames of one component without loss: the markers and their segments (ITU-T T.87 annex C)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_segments import COMMENTS, START_OF_SCAN, segments_to_scan
from fxcore.kernels import jpeg_ls_scan

_SOF55, _LSE = 0xF7, 0xF8
_CODING_PARAMETERS = 1
_COLOUR_TRANSFORM = b"mrfx"  # of HP's encoder, in APP8
_END_OF_IMAGE = b"\xff\xd9"


def jpeg_ls_frame(source: bytes, runner: Any) -> NDArray[Any]:
    """Decode one frame of lossless JPEG-LS with one component.

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
        For near-lossless coding, several components or scans, restart intervals, mapping tables, a largest
        sample that does not fill its bits, and segments that such a stream does not need.
    ValueError
        If a segment is broken, or the scan is.
    """
    frame, parameters, header, offset = b"", b"", b"", 0
    for code, segment, end in segments_to_scan(source):
        if code == START_OF_SCAN:
            header, offset = segment, end
        elif code == _SOF55 and not frame and len(segment) == 9:
            frame = segment
        elif code == _LSE and not parameters and len(segment) == 11 and segment[0] == _CODING_PARAMETERS:
            parameters = segment
        elif code not in COMMENTS or segment.startswith(_COLOUR_TRANSFORM):
            raise NotImplementedError(f"marker FF{code:02X} in a JPEG-LS of one component")
    if not frame or frame[5] != 1 or len(header) != 6 or header[0] != 1:
        raise NotImplementedError("a JPEG-LS stream without a scan of one component")
    rows, columns = (int.from_bytes(frame[k : k + 2], "big") for k in (1, 3))
    if (rows, columns) != (runner.rows, runner.columns):
        raise ValueError(
            f"the frame is {rows} x {columns} where the header says {runner.rows} x {runner.columns}"
        )
    if header[1] != frame[6] or any(header[2:]) or frame[7] != 0x11:
        raise NotImplementedError("a scan header that lossless JPEG-LS of one component does not have")
    # Preset coding parameters (C.2.4.1.1), of which 0 stands for the standard's.
    largest, *thresholds, reset = (int.from_bytes(parameters[k : k + 2], "big") for k in range(1, 11, 2))
    if largest not in (0, (1 << frame[0]) - 1):
        raise NotImplementedError(f"JPEG-LS with samples up to {largest}, which do not fill {frame[0]} bits")
    image, marker = jpeg_ls_scan(
        source, offset, (rows, columns), precision=frame[0], thresholds=thresholds, reset=reset
    )
    if source[marker : marker + 2] != _END_OF_IMAGE:
        raise NotImplementedError("a JPEG-LS stream that goes on after its scan")
    return image.astype(np.uint8) if frame[0] <= 8 else image
