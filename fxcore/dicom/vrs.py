"""Value representations, and the search for those of a header that do not exist."""

from __future__ import annotations

import struct
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

KNOWN_VRS = {str(vr).encode() for vr in VR if len(str(vr)) == 2}
LONG_VRS = {str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32}
"""Those whose length takes four bytes, after two that are zero (PS3.5 section 7.1.2)."""
UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEMS, _PIXELS = 0xFFFE, 0x7FE00008
_MOST_ELEMENTS = 100_000


def mended_vrs(stream: BinaryIO, size: int, little_endian: bool) -> dict[int, bytes]:
    """Find the elements of a header in explicit VR whose VR does not exist, such as ``??``.

    Parameters
    ----------
    stream : binary file
        Seekable, at the first element; is left anywhere.
    size : int
        Its length in bytes.
    little_endian : bool

    Returns
    -------
    dict of int to bytes
        Offset of each such element, and a VR by which it can be followed: the dictionary's, if its length has
        as many bytes. Empty where the header cannot be followed to the pixel data or the end.
    """
    order = "<" if little_endian else ">"
    offset, mended = stream.tell(), dict[int, bytes]()
    for _ in range(_MOST_ELEMENTS):
        head = _head(stream, offset)
        if len(head) < 8:
            return mended if offset == size else {}
        tag = _tag(head, order)
        if tag >> 16 == _ITEMS:
            # What an item holds is followed like the rest.
            offset += 8
            continue
        if tag >= _PIXELS:
            return mended
        vr = head[4:6]
        if vr in KNOWN_VRS and (vr not in LONG_VRS or head[6:8] == b"\0\0"):
            begin, length = _layout(head, order, vr in LONG_VRS)
        else:
            for long in (False, True) if head[6:8] == b"\0\0" else (False,):
                begin, length = _layout(head, order, long)
                if _follows(_head(stream, offset + begin + length), tag, vr, order):
                    mended[offset] = _stand_in(tag, long)
                    break
            else:
                return {}
        offset += begin if length == UNDEFINED_LENGTH else begin + length
    return {}


def _head(stream: BinaryIO, offset: int) -> bytes:
    stream.seek(offset)
    return stream.read(12)


def _tag(head: bytes, order: str) -> int:
    group, element = struct.unpack_from(f"{order}HH", head)
    return int(group << 16 | element)


def _layout(head: bytes, order: str, long: bool) -> tuple[int, int]:
    """Return how many bytes come before the value, and how many it takes."""
    if long and len(head) == 12:
        return 12, int(struct.unpack_from(f"{order}L", head, 8)[0])
    return 8, int(struct.unpack_from(f"{order}H", head, 6)[0])


def _follows(head: bytes, tag: int, vr: bytes, order: str) -> bool:
    """Tell whether an element may come after that of a tag and an impossible VR."""
    if len(head) < 8:
        return False
    following = _tag(head, order)
    known = head[4:6] in KNOWN_VRS or head[4:6] == vr or following >= _PIXELS
    return following >> 16 == _ITEMS or (following > tag and known)


def _stand_in(tag: int, long: bool) -> bytes:
    try:
        vr = dictionary_VR(tag)[:2].encode()
    except KeyError:
        vr = b""
    return vr if vr and (vr in LONG_VRS) == long else b"OB" if long else b"LO"
