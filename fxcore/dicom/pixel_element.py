"""Where the pixel data begins and how long it is, whatever its value representation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from fxcore.dicom.vrs import LONG_VRS, UNDEFINED_LENGTH

PIXEL_TAGS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_ITEM = {"<": b"\xfe\xff\x00\xe0", ">": b"\xff\xfe\xe0\x00"}
# Where a value begins, and where its length stands: in explicit VR with a long and with a short length, and
# in implicit VR.
_EXPLICIT_LONG, _EXPLICIT_SHORT, _IMPLICIT = (12, slice(8, 12)), (8, slice(6, 8)), (8, slice(4, 8))


def pixel_element(stream: BinaryIO, size: int, little_endian: bool, implicit: bool) -> tuple[str, int, int]:
    """Read the head of the pixel data element, at which the stream stands and is left.

    Of a value representation that the element cannot have, nothing says where its length is: it is where a
    number stands that leads to the end of the file or to a later element.

    Parameters
    ----------
    stream : binary file
        Seekable.
    size : int
        Its length in bytes.
    little_endian, implicit : bool
        As the transfer syntax has it.

    Returns
    -------
    vr : str
        ``"OB"`` or ``"OW"`` or another one of such a length; empty where it is implicit or none of these.
    length : int
        As it stands there: `UNDEFINED_LENGTH`, or of more bytes than there are.
    begin : int
        Where the value begins.

    References
    ----------
    DICOM PS3.5 section 7.1.2 and 7.1.3.
    """
    start = stream.tell()
    head = stream.read(12)
    vr = head[4:6]
    order = "<" if little_endian else ">"
    places = list(_places(head, start, little_endian))
    if implicit and not vr.isalpha():
        # Nothing but its length: junk after the pixel data is no reason to look for another.
        places = places[:1]
    if vr in LONG_VRS and head[6:8] == b"\0\0" and not (implicit and _fits(stream, size, *places[0], order)):
        length, begin = places[1]
    else:
        fitting = [place for place in places if _fits(stream, size, *place, order)]
        # In explicit VR the length follows two bytes that are zero, unless the VR has a short one.
        likely = places[0] if implicit or head[6:8] != b"\0\0" else places[1]
        length, begin = (fitting or [likely])[0]
        vr = vr.upper() if (length, begin) in places[1:2] and vr.upper() in LONG_VRS else b""
    stream.seek(start)
    return vr.decode(), length, begin


def _places(head: bytes, start: int, little_endian: bool) -> Iterator[tuple[int, int]]:
    for begin, place in (_IMPLICIT, _EXPLICIT_LONG, _EXPLICIT_SHORT):
        yield int.from_bytes(head[place], "little" if little_endian else "big"), start + begin


def _fits(stream: BinaryIO, size: int, length: int, begin: int, order: str) -> bool:
    """Tell whether a value of that length ends where one may end."""
    stream.seek(begin)
    if length == UNDEFINED_LENGTH:
        return stream.read(4) == _ITEM[order]
    end = begin + length
    if not length or end >= size:
        return bool(length) and end == size
    stream.seek(end)
    group = stream.read(2)
    return (group if order == ">" else group[::-1]) >= b"\x7f\xe0"
