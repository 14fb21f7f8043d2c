"""JPEG-LS frames of one component without loss: the markers and their segments (ITU-T T.87 annex C)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.codecs.jpeg_segments import COMMENTS, START_OF_SCAN, one_component, segments_to_scan
from fxcore.dicom.codecs.streams import END_MARKER
from fxcore.kernels import jpeg_ls_scan

_SOF55, _LSE = 0xF7, 0xF8
_CODING_PARAMETERS = 1
_COLOUR_TRANSFORM = b"mrfx"  # of HP's encoder, in APP8


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
    precision, shape = one_component(frame, header, runner)
    if any(header[2:]):
        raise NotImplementedError("a scan header that lossless JPEG-LS of one component does not have")
    # Preset coding parameters (C.2.4.1.1), of which 0 stands for the standard's.
    largest, *thresholds, reset = (int.from_bytes(parameters[k : k + 2], "big") for k in range(1, 11, 2))
    if largest not in (0, (1 << precision) - 1):
        raise NotImplementedError(f"JPEG-LS with samples up to {largest}, which do not fill {precision} bits")
    image, marker = jpeg_ls_scan(
        source, offset, shape, precision=precision, thresholds=thresholds, reset=reset
    )
    if source[marker : marker + 2] != END_MARKER:
        raise NotImplementedError("a JPEG-LS stream that goes on after its scan")
    return image.astype(np.uint8) if precision <= 8 else image
