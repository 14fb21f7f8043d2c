"""Encapsulated pixel data (DICOM PS3.5 annex A.4): which of its fragments make which frame."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.encaps import generate_frames

from fxcore.dicom.codecs.streams import ITEM_TAG
from fxcore.dicom.pixels import PixelFormat
from fxcore.dicom.quiet import brief
from fxcore.errors import UnreadableFileError

_MOST_FRAGMENTS = 2**18
# Of JPEG and JPEG-LS, and of JPEG 2000; nothing within a stream looks like them.
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51")


def encoded_frames(data: bytes | memoryview, fmt: PixelFormat) -> Iterator[bytes]:
    """Put the frames of encapsulated pixel data together from their fragments.

    Parameters
    ----------
    data : bytes
        Value of the pixel data element: the items, of which the first is the offset table.
    fmt : PixelFormat

    Yields
    ------
    bytes
        One encoded frame, exactly ``fmt.frames`` of them.

    Raises
    ------
    UnreadableFileError
        ``"truncated_pixel_data"``, ``"undecodable"``, ``"too_large"`` or ``"invalid_image_header"``.
    """
    _check_fragments(data, fmt)
    count = 0
    try:
        for source in generate_frames(data, number_of_frames=fmt.frames):
            if count == fmt.frames:
                break
            yield source
            count += 1
    except UnreadableFileError:
        raise
    except Exception as error:  # struct.error and TypeError among them
        raise UnreadableFileError(
            "truncated_pixel_data", f"the fragments of the pixel data cannot be followed: {brief(error)}"
        ) from error
    if count < fmt.frames:
        raise UnreadableFileError(
            "truncated_pixel_data", f"{count} encoded frame(s) found where the header says {fmt.frames}"
        )


def _check_fragments(data: bytes | memoryview, fmt: PixelFormat) -> None:
    """Refuse more fragments than an object for each would be made of, and more frames than declared."""
    if data[:4] != ITEM_TAG:
        raise UnreadableFileError(
            "undecodable",
            "the pixel data is not encapsulated, as the transfer syntax of the header says it is",
        )
    frames = int.from_bytes(data[4:8], "little") // 4
    if fmt.frames < frames <= _MOST_FRAGMENTS:
        raise UnreadableFileError(
            "invalid_image_header",
            f"the offset table is of {frames} frames of pixel data where NumberOfFrames says {fmt.frames}",
        )
    offset, count, starts = 0, 0, 0
    while data[offset : offset + 4] == ITEM_TAG:
        length = int.from_bytes(data[offset + 4 : offset + 8], "little")
        if offset + 8 + length > len(data):
            raise UnreadableFileError(
                "truncated_pixel_data", "the encapsulated pixel data ends before its last fragment does"
            )
        if count > _MOST_FRAGMENTS or (not count and length > 4 * _MOST_FRAGMENTS):
            raise UnreadableFileError("too_large", f"more than {_MOST_FRAGMENTS} fragments of pixel data")
        starts += bytes(data[offset + 8 : offset + 12]).startswith(_STARTS)
        offset, count = offset + 8 + length, count + 1
    if not frames and starts > fmt.frames:
        raise UnreadableFileError(
            "invalid_image_header",
            f"the pixel data holds {starts} frames where NumberOfFrames says {fmt.frames}",
        )
