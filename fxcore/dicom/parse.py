"""From the bytes of a file to a pydicom data set, whatever the file calls itself.

Part 10 files (preamble, ``DICM``, group 0002) and bare data sets without either are told apart by
content. pydicom's element reader does the parsing; what is added here is the search for the
encoding, the limits, and one exception type.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fxcore.dicom.bounded import BoundedReader, inflate
from fxcore.dicom.config import Limits
from fxcore.dicom.pixel_element import PIXEL_TAGS, pixel_element
from fxcore.dicom.vrs import KNOWN_VRS, LONG_VRS, UNDEFINED_LENGTH, mended_vrs
from fxcore.errors import UnreadableFileError

DICOMDIR = "1.2.840.10008.1.3.10"
"""Media Storage SOP Class UID of the directory of a medium."""
# The smallest head in which an encoding is recognised; a meta header is a few hundred bytes.
HEAD_BYTES = 4096
_HEADER = 2**17
_LITTLE_ENDIAN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
# GE's own, of the nineties: implicit VR in little endian, but the pixel data in big endian.
_GE_BIG_ENDIAN_PIXELS = UID("1.2.840.113619.5.2")
_NATIVE = (*_LITTLE_ENDIAN, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)

# The group length that group 0002 begins with, in implicit VR, which the standard forbids and pydicom reads.
_IMPLICIT_META = b"\x02\0\0\0\x04\0\0\0"


@dataclass(frozen=True, slots=True)
class Encoding:
    """Where a data set starts in its file and how it is encoded.

    Attributes
    ----------
    start : int
        Offset of group 0002 where there is one, else of the data set.
    has_meta : bool
        Whether group 0002 comes first.
    syntax : pydicom.uid.UID or None
        Transfer syntax found by trial; None where group 0002 has to say it.
    """

    start: int
    has_meta: bool
    syntax: UID | None


@dataclass(slots=True)
class Parsed:
    """A header read as far as the pixel data.

    Attributes
    ----------
    dataset : pydicom.dataset.Dataset
    meta : pydicom.dataset.FileMetaDataset
        Group 0002; empty for a bare data set.
    syntax : pydicom.uid.UID
    stream : io.BufferedIOBase
        Positioned at the pixel data element, if there is one.
    stream_bytes : int
        Length of `stream`, inflated where the data set was deflated.
    swapped : bool
        Whether the bytes of words of pixel data are in the other order than the syntax says.
    pixel_tag, pixel_vr, pixel_length, pixel_begin : int, str, int, int
        The pixel data element; the tag is 0 where there is none, the VR empty where it is implicit or
        impossible. Its value begins at `pixel_begin`.
    """

    dataset: Dataset
    meta: FileMetaDataset
    syntax: UID
    stream: BinaryIO
    stream_bytes: int
    swapped: bool = False
    pixel_tag: int = 0
    pixel_vr: str = ""
    pixel_length: int = 0
    pixel_begin: int = 0


def check_size(size: int, limits: Limits) -> None:
    """Refuse an empty file and one over ``max_file_bytes``."""
    if size == 0:
        raise UnreadableFileError("empty_file", "the file holds no bytes")
    if size > limits.max_file_bytes:
        raise limits.exceeded("max_file_bytes", f"{size} bytes")


def recognise(head: bytes, size: int) -> Encoding | None:
    """Tell from its first bytes whether a file is DICOM, and how it is encoded.

    Parameters
    ----------
    head : bytes
        The first `HEAD_BYTES` bytes of the file, or all of a shorter one.
    size : int
        Length of the file in bytes.

    Returns
    -------
    Encoding or None
        None where the bytes cannot be the start of a DICOM file.

    References
    ----------
    DICOM PS3.10 section 7.1 (preamble, prefix, group 0002); PS3.5 section 7.1 (data elements).
    """
    if head[128:132] == b"DICM":
        return _after_prefix(head, 132, size)
    if head[:4] == b"DICM":
        return _after_prefix(head, 4, size)
    return _after_prefix(head, 0, size) if _bare(head, 0, size) or head[:2] == b"\x02\0" else None


def _after_prefix(head: bytes, start: int, size: int) -> Encoding | None:
    explicit = head[start : start + 2] == b"\x02\0" and head[start + 4 : start + 6] in KNOWN_VRS
    if explicit or head[start : start + 8] == _IMPLICIT_META:
        return Encoding(start, True, None)
    syntax = _bare(head, start, size)
    if syntax is None and start:
        # The prefix promises DICOM: leave it to the parser to say what is wrong.
        syntax = ImplicitVRLittleEndian
    return Encoding(start, False, syntax) if syntax is not None else None


def _bare(head: bytes, start: int, size: int) -> UID | None:
    for syntax, order, explicit in (
        (ExplicitVRLittleEndian, "<", True),
        (ImplicitVRLittleEndian, "<", False),
        (ExplicitVRBigEndian, ">", True),
    ):
        if _plausible(head, start, size, order, explicit):
            return syntax
    return None


def _plausible(head: bytes, start: int, size: int, order: str, explicit: bool) -> bool:
    """Follow the first few elements: known tags, rising, with lengths that stay inside the file."""
    offset, previous, seen = start, 0, 0
    while seen < 4 and offset + 12 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, offset)
        tag = group << 16 | element
        # A bare data set starts with the identifying group (or with a command set).
        if (tag <= previous and seen) or (seen == 0 and group not in (0x0000, 0x0008)):
            return False
        if explicit:
            vr = head[offset + 4 : offset + 6]
            if vr not in KNOWN_VRS:
                return False
            if vr in LONG_VRS:
                length = struct.unpack_from(f"{order}L", head, offset + 8)[0]
                offset += 12
            else:
                length = struct.unpack_from(f"{order}H", head, offset + 6)[0]
                offset += 8
        else:
            length = struct.unpack_from(f"{order}L", head, offset + 4)[0]
            offset += 8
            if not _known(tag):
                return False
        if length == UNDEFINED_LENGTH:
            return seen > 0 or explicit
        if offset + length > size:
            return False
        offset, previous, seen = offset + length, tag, seen + 1
    return seen >= 2 or (seen == 1 and offset >= size)


def _known(tag: int) -> bool:
    if tag >> 16 & 1 or not tag & 0xFFFF:
        return True
    try:
        dictionary_VR(tag)
    except KeyError:
        return False
    return True


def parse(
    stream: BinaryIO, size: int, encoding: Encoding, limits: Limits, tags: list[Any] | None = None
) -> Parsed:
    """Read the header as far as the pixel data.

    Parameters
    ----------
    stream : binary file
        Seekable.
    size : int
        Its length in bytes.
    encoding : Encoding
        From `recognise`.
    limits : Limits
        Longer values than ``max_element_bytes`` are skipped; a deflated data set may not grow past
        ``max_inflated_bytes``.
    tags : list of int, optional
        Read only these elements.

    Raises
    ------
    UnreadableFileError
        ``"broken_header"``, ``"truncated_file"`` or ``"too_large"``. pydicom raises what it likes on
        broken input; it all ends up here.
    """
    try:
        return _parse(stream, size, encoding, limits, tags)
    except UnreadableFileError:
        raise
    except MemoryError as error:
        raise UnreadableFileError("broken_header", "a length in the header asks for absurd memory") from error
    except OSError as error:
        # What pydicom cannot read of an item it takes for the end of the file, our refusal to go on too.
        if isinstance(error.__context__, UnreadableFileError):
            raise error.__context__ from None
        if error.errno is not None:
            raise UnreadableFileError("unreadable", f"reading failed: {error.strerror}") from error
        raise UnreadableFileError("broken_header", "the header ends in the middle of a sequence") from error
    except RecursionError as error:
        raise UnreadableFileError("broken_header", "sequences nested hundreds deep") from error
    except Exception as error:
        if isinstance(error, struct.error) and stream.tell() >= size:
            raise UnreadableFileError("truncated_file", "the file ends within its header") from error
        raise UnreadableFileError(
            "broken_header", f"the header cannot be followed ({type(error).__name__})"
        ) from error


def _parse(stream: BinaryIO, size: int, encoding: Encoding, limits: Limits, tags: list[Any] | None) -> Parsed:
    stream.seek(encoding.start)
    meta = FileMetaDataset()
    syntax = encoding.syntax
    if encoding.has_meta:
        group2 = read_dataset(
            BoundedReader(stream), False, True, stop_when=_past_meta, defer_size=limits.max_element_bytes
        )
        meta = FileMetaDataset(group2)
        start = stream.tell()
        rest = stream.read(HEAD_BYTES)
        stream.seek(start)
        found = _bare(rest, 0, size - start)
        syntax = meta.get("TransferSyntaxUID") or found or ImplicitVRLittleEndian
        if found and syntax in _NATIVE and (found == ExplicitVRBigEndian or syntax not in _LITTLE_ENDIAN):
            # What is deflated, or in the other byte order, does not begin with elements that there are.
            syntax = found
        elif not found and syntax in _NATIVE and _deflated(rest, limits):
            syntax = DeflatedExplicitVRLittleEndian
    assert syntax is not None
    syntax = UID(str(syntax))
    if syntax == _GE_BIG_ENDIAN_PIXELS:
        return replace(_read(stream, size, meta, ImplicitVRLittleEndian, limits, tags), swapped=True)
    if syntax != DeflatedExplicitVRLittleEndian:
        return _read(stream, size, meta, syntax, limits, tags)
    start = stream.tell()
    if tags is not None:
        # The index asks for a few elements, and the first kilobytes nearly always hold them.
        with contextlib.suppress(Exception):
            head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream.read(_HEADER), _HEADER)
            parsed = _read(io.BytesIO(head), len(head), meta, syntax, limits, tags)
            if parsed.pixel_tag:
                return parsed
        stream.seek(start)
    inflated = inflate(stream.read(), limits.max_inflated_bytes)
    if inflated is None:
        raise UnreadableFileError(
            "too_large",
            f"the deflated data grows past {limits.max_inflated_bytes} bytes (limit max_inflated_bytes)",
        )
    return _read(inflated, inflated.getbuffer().nbytes, meta, syntax, limits, tags)


def _deflated(head: bytes, limits: Limits) -> bool:
    """Tell whether a data set that begins with `head` is deflated, whatever its transfer syntax says."""
    for bits in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        with contextlib.suppress(zlib.error):
            inflated = zlib.decompressobj(bits).decompress(head, HEAD_BYTES)
            if _plausible(inflated, 0, limits.max_inflated_bytes, "<", True):
                return True
    return False


def _read(
    stream: BinaryIO, size: int, meta: FileMetaDataset, syntax: UID, limits: Limits, tags: list[Any] | None
) -> Parsed:
    start = stream.tell()
    try:
        return _read_elements(stream, size, meta, syntax, limits, tags, {})
    except Exception:
        if syntax == ImplicitVRLittleEndian:
            raise
        stream.seek(start)
        vrs = mended_vrs(stream, size, syntax != ExplicitVRBigEndian)
        if not vrs:
            raise
        stream.seek(start)
        return _read_elements(stream, size, meta, syntax, limits, tags, vrs)


def _read_elements(
    stream: BinaryIO,
    size: int,
    meta: FileMetaDataset,
    syntax: UID,
    limits: Limits,
    tags: list[Any] | None,
    vrs: dict[int, bytes],
) -> Parsed:
    parsed = Parsed(Dataset(), meta, syntax, stream, size)
    bounded = BoundedReader(stream, vrs)
    # pydicom ends at a delimiter that no item needs: after a sequence that does not count its last one.
    delimiter = b"\xff\xfe\xe0\x0d" if syntax == ExplicitVRBigEndian else b"\xfe\xff\x0d\xe0"
    while True:
        part = read_dataset(
            bounded,
            syntax == ImplicitVRLittleEndian,
            syntax != ExplicitVRBigEndian,
            stop_when=_note_pixels(parsed),
            defer_size=limits.max_element_bytes,
            specific_tags=tags,
        )
        if parsed.dataset:
            parsed.dataset.update(part)
        else:
            parsed.dataset = part
        if parsed.pixel_tag or stream.tell() >= size or bounded.last != delimiter:
            break
    if parsed.pixel_tag:
        little_endian, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
        parsed.pixel_vr, parsed.pixel_length, parsed.pixel_begin = pixel_element(
            stream, size, little_endian, implicit
        )
    elif stream.tell() > size or bounded.cut or _cut_short(parsed.dataset):
        raise UnreadableFileError("truncated_file", "the file ends in the middle of its header")
    return parsed


def is_directory(parsed: Parsed) -> bool:
    """Return whether the file is a DICOMDIR; one that cannot say what it is, is none."""
    with contextlib.suppress(Exception):
        return str(parsed.meta.get("MediaStorageSOPClassUID", "")) == DICOMDIR
    return False


def _cut_short(dataset: Dataset) -> bool:
    """Return whether a value is shorter than its element declares: the file ended inside it."""
    return any(
        isinstance(element, RawDataElement)
        and element.value is not None
        and element.length != UNDEFINED_LENGTH
        and len(element.value) < element.length
        for element in dataset.values()
    )


def _past_meta(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >> 16 != 2


def _note_pixels(parsed: Parsed) -> Callable[[int, str | None, int], bool]:
    def stop(tag: int, _vr: str | None, _length: int) -> bool:
        if tag not in PIXEL_TAGS:
            return False
        parsed.pixel_tag = int(tag)
        return True

    return stop
