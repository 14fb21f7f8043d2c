"""Encapsulated pixel data (DICOM PS3.5 annex A.4): which of its fragments make which frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from fxcore.dicom.codecs.contents import START
from fxcore.dicom.codecs.streams import ITEM_TAG, SEQUENCE_DELIMITER, until_end
from fxcore.dicom.pixels import PixelFormat
from fxcore.errors import UnreadableFileError

_MOST_FRAGMENTS = 2**18
# Where the contents of an item begin and end.
_Item = tuple[int, int]


def encoded_frames(data: bytes | memoryview, fmt: PixelFormat) -> Iterator[bytes]:
    """Put the frames of encapsulated pixel data together from their fragments.

    An offset table that contradicts the fragments is left aside: they say themselves where they end, and
    whole streams where they start. So is the Extended Offset Table, whose frames are a fragment each.

    Parameters
    ----------
    data : bytes
        Value of the pixel data element: the items, of which the first is the offset table; and after their
        delimiter anything.
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
    table, *fragments = _items(data)
    offsets = np.frombuffer(data, "<u4", (table[1] - table[0]) // 4, table[0]).tolist()
    if len(offsets) > fmt.frames:
        raise UnreadableFileError(
            "invalid_image_header",
            f"the offset table is of {len(offsets)} frames of pixel data where NumberOfFrames says "
            f"{fmt.frames}",
        )
    firsts = _by_table(offsets, fragments, fmt.frames) or _by_contents(data, fragments, fmt.frames)
    for n, first in enumerate(firsts[: fmt.frames]):
        after = firsts[n + 1] if n + 1 < len(firsts) else len(fragments)
        yield b"".join(data[begin:end] for begin, end in fragments[first:after])
    if len(firsts) < fmt.frames:
        raise UnreadableFileError(
            "truncated_pixel_data", f"{len(firsts)} encoded frame(s) found where the header says {fmt.frames}"
        )


def _items(data: bytes | memoryview) -> list[_Item]:
    """Follow the items; refuse more of them than an object for each would be made of."""
    if data[:4] != ITEM_TAG:
        raise UnreadableFileError(
            "undecodable",
            "the pixel data is not encapsulated, as the transfer syntax of the header says it is",
        )
    items: list[_Item] = []
    offset = 0
    while data[offset : offset + 4] == ITEM_TAG:
        begin = offset + 8
        offset = begin + int.from_bytes(data[offset + 4 : begin], "little")
        if offset > len(data):
            raise UnreadableFileError(
                "truncated_pixel_data", "the encapsulated pixel data ends before its last fragment does"
            )
        if len(items) > _MOST_FRAGMENTS or (not items and offset - begin > 4 * _MOST_FRAGMENTS):
            raise UnreadableFileError("too_large", f"more than {_MOST_FRAGMENTS} fragments of pixel data")
        items.append((begin, offset))
    # Some writers leave out the delimiter; then nothing but padding may follow.
    if data[offset : offset + 4] != SEQUENCE_DELIMITER and bytes(data[offset:]).strip(b"\0"):
        raise UnreadableFileError(
            "truncated_pixel_data", "the fragments of the pixel data cannot be followed to the last"
        )
    return items


def _by_table(offsets: list[int], fragments: list[_Item], frames: int) -> list[int]:
    """Return the first fragment of each frame; none where the table cannot be right."""
    # Offsets are counted from the first fragment's tag, which is before its length and contents.
    places = {begin - fragments[0][0]: n for n, (begin, _) in enumerate(fragments)}
    firsts = [places.get(offset, -1) for offset in offsets]
    right = len(firsts) == frames and firsts[0] == 0 and all(a < b for a, b in itertools.pairwise(firsts))
    return firsts if right else []


def _by_contents(data: bytes | memoryview, fragments: list[_Item], frames: int) -> list[int]:
    """Return the first fragment of each frame, as far as there are such, from how fragments begin and end.

    Raises
    ------
    UnreadableFileError
        ``"invalid_image_header"`` for more frames than declared.
    """
    starts = [n for n, (begin, _) in enumerate(fragments) if START.match(data[begin : begin + 8])]
    if len(starts) > frames:
        raise UnreadableFileError(
            "invalid_image_header",
            f"the pixel data holds {len(starts)} frames where NumberOfFrames says {frames}",
        )
    if len(fragments) <= frames:
        return list(range(len(fragments)))
    if frames == 1:
        return [0]
    if starts[:1] == [0]:
        return starts
    return [0, *(n + 1 for n, item in enumerate(fragments[:-1]) if until_end(bytes(data[slice(*item)])))]
