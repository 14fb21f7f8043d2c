"""Reading from files that mean harm: how much is read, how much is inflated, how long a value may be."""

from __future__ import annotations

import functools
import io
import zlib
from typing import Any, BinaryIO

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from fxcore.errors import UnreadableFileError

# Two reads an element or item, each of which costs up to a kilobyte of memory once it is an object.
_MOST_READS = 400_000
_MOST_HEADER_BYTES = 2**28
_MOST_CHARACTER_SET_BYTES = 1024
_CHARACTER_SET_TAGS = (b"\x08\x00\x05\x00", b"\x00\x08\x00\x05")
_MOST_VALUE_BYTES = 2**16
_PIECE = 2**16


class BoundedReader:
    """A stream for pydicom to read a header from: one that asks for too much is refused.

    Items and elements of no length cost eight bytes of file and hundreds of bytes of memory each, and
    the values inside sequences are read whatever their length. Character sets are looked up one by one
    as soon as they are read.

    Parameters
    ----------
    stream : binary file
        Seekable.
    vrs : dict of int to bytes, optional
        Offsets of elements, and the VR that is read in place of theirs; see `fxcore.dicom.vrs.mended_vrs`.

    Attributes
    ----------
    last : bytes
        The first four bytes of the last read of eight or more: in a header, a tag.
    cut : bool
        Whether the stream ended within the last read.
    """

    def __init__(self, stream: BinaryIO, vrs: dict[int, bytes] | None = None) -> None:
        self._stream, self._vrs = stream, vrs or {}
        self._reads, self._bytes = 0, 0
        self.last, self.cut = b"", False
        self.tell, self.seek = stream.tell, stream.seek

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does.

        Raises
        ------
        UnreadableFileError
            ``"too_large"``.
        """
        if size > _MOST_CHARACTER_SET_BYTES and self.last in _CHARACTER_SET_TAGS:
            raise UnreadableFileError(
                "too_large",
                f"the character sets take {size} bytes, over the limit of {_MOST_CHARACTER_SET_BYTES}",
            )
        place = self._stream.tell() if self._vrs else 0
        data = self._stream.read(size)
        if vr := self._vrs.get(place):
            data = data[:4] + vr + data[6:]
        elif len(data) == 2:
            # pydicom looks at the first VR of a sequence by itself.
            data = self._vrs.get(place - 4, data)
        self._reads += 1
        self.cut = 0 < len(data) < size
        self._bytes += len(data)
        if self._reads > _MOST_READS:
            raise UnreadableFileError(
                "too_large",
                f"the header holds too many elements and items: each takes two or three of the {_MOST_READS} "
                "reads that are the limit",
            )
        if self._bytes > _MOST_HEADER_BYTES:
            raise UnreadableFileError(
                "too_large", f"the header takes more memory than the limit of {_MOST_HEADER_BYTES} bytes"
            )
        if len(data) >= 8:
            self.last = data[:4]
        return data


def value_of(dataset: Dataset, keyword: str, most: int = _MOST_VALUE_BYTES) -> Any:
    """Return the value of an attribute, or None where it is absent or longer than `most` bytes.

    pydicom makes an object of each of the values of an element: of 16 MiB of them, gigabytes.
    """
    tag = _tag(keyword)
    element = dataset.get_item(tag)
    if element is None:
        return None
    if isinstance(element, RawDataElement) and element.value is not None and len(element.value) > most:
        return None
    return dataset[tag].value


def raw_value_of(dataset: Dataset, keyword: str) -> bytes | None:
    """Return the bytes of a value that pydicom has not converted, unless there are too many."""
    element = dataset.get_item(_tag(keyword))
    raw = element.value if isinstance(element, RawDataElement) else None
    return raw if isinstance(raw, bytes) and len(raw) <= _MOST_VALUE_BYTES else None


@functools.cache
def _tag(keyword: str) -> BaseTag:
    """Return the tag of a keyword, which pydicom would look up three times a value."""
    return Tag(keyword)


def inflate(data: bytes | bytearray | memoryview, most: int) -> io.BytesIO | None:
    """Undo deflate (RFC 1951) in pieces, so that nothing past `most` bytes is ever held.

    A zlib header (RFC 1950), which some writers put before it and DICOM does not know, is left aside.

    Returns
    -------
    io.BytesIO or None
        None when the result would be longer than `most`.

    Raises
    ------
    UnreadableFileError
        ``"truncated_pixel_data"`` when the stream does not end, ``"broken_header"`` when it is not
        deflate.
    """
    view = memoryview(data)
    has_header = view[:1] == b"\x78" and int.from_bytes(view[:2]) % 31 == 0
    inflater, result = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS), io.BytesIO()
    try:
        for start in range(0, len(view), _PIECE):
            rest: Any = view[start : start + _PIECE]
            while len(rest) and not inflater.eof:
                if result.tell() + len(piece := inflater.decompress(rest, 16 * _PIECE)) > most:
                    return None
                result.write(piece)
                rest = inflater.unconsumed_tail
        result.write(inflater.flush())
    except zlib.error as error:
        raise UnreadableFileError("broken_header", "the deflated data cannot be inflated") from error
    if not inflater.eof:
        raise UnreadableFileError("truncated_pixel_data", "the deflated data ends before its end marker")
    result.seek(0)
    return result
