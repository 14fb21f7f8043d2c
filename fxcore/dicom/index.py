"""What is in an archive: every file looked at by content, none opened further than its header."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from fxcore.body_parts import readable
from fxcore.dicom.bounded import value_of
from fxcore.dicom.columns import LABEL
from fxcore.dicom.config import Limits
from fxcore.dicom.entries import IndexEntry
from fxcore.dicom.metadata import cleaned
from fxcore.dicom.other_images import other_image
from fxcore.dicom.packed import packed_archive
from fxcore.dicom.parse import HEAD_BYTES, Parsed, check_size, is_directory, parse, recognise
from fxcore.dicom.quiet import quiet
from fxcore.dicom.text import text_of
from fxcore.errors import UnreadableFileError

_UIDS = {
    "study_uid": "StudyInstanceUID",
    "sop_uid": "SOPInstanceUID",
    "accession": "AccessionNumber",
    "patient_id": "PatientID",
}
_DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName")
_TAGS = [
    Tag(keyword)
    for keyword in (
        *_UIDS.values(),
        LABEL,
        *_DESCRIPTIONS,
        "AnatomicRegionSequence",
        "Modality",
        "NumberOfFrames",
        "Rows",
    )
]
# Names decide nothing, but a broken file with one of them is reported rather than passed over.
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAX_TEXT = 1024
_MOST_FRAMES = 100_000


def look_into(archive: Path, relative: str, limits: Limits) -> IndexEntry:
    """Look into one file: what it is by content, and what an index needs of it.

    Parameters
    ----------
    archive : pathlib.Path
    relative : str
        From `walk`.
    limits : Limits

    Returns
    -------
    IndexEntry
        Always: nothing in a file makes this raise.
    """
    path = os.path.join(archive, relative)  # noqa: PTH118 (pathlib drops the trailing slash of a folder)
    if relative.endswith("/"):
        message = f"the folder cannot be listed{_why_not_listed(path)}"
        return _refused(relative, 0, "unreadable", "unreadable", message)
    size = 0
    try:
        with open(path, "rb", opener=_open_only_itself) as stream:
            status = os.fstat(stream.fileno())
            size = status.st_size
            if not stat.S_ISREG(status.st_mode):
                return IndexEntry(relative, kind="special")
            return _index(stream, relative, size, limits)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            return IndexEntry(relative, kind="link" if error.errno == errno.ELOOP else "special")
        message = f"the file cannot be read ({error.strerror or type(error).__name__})"
        return _refused(relative, size, "unreadable", "unreadable", message)
    except Exception as error:
        message = f"the file cannot be looked into ({type(error).__name__})"
        return _refused(relative, size, "unreadable", "unreadable", message)


def _why_not_listed(folder: str) -> str:
    try:
        os.scandir(folder).close()
    except OSError as error:
        return f" ({error.strerror or type(error).__name__})"
    return ""


def _open_only_itself(path: str, flags: int) -> int:
    """Open a file, but neither what a link leads to nor, waiting for a writer, a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _refused(source: str, size: int, kind: str, reason: str, message: str) -> IndexEntry:
    return IndexEntry(source, size, kind, reason=reason, message=message)


def _index(stream: BinaryIO, source: str, size: int, limits: Limits) -> IndexEntry:
    head = stream.read(HEAD_BYTES)
    kind = "other"
    try:
        # DICOM before TIFF: a preamble may hold the start of a TIFF file, so that the file is both.
        encoding = None if head.startswith(_MAGIC) and head[128:132] != b"DICM" else recognise(head, size)
        if encoding is None:
            if not head.startswith(_MAGIC):
                return _neither(source, size, head)
            kind = "image"
            check_size(size, limits)
            checksum, _ = _checksums(stream, size, head)
            return IndexEntry(source, size, kind, checksum, number_of_frames=1)
        kind = "dicom"
        check_size(size, limits)
        with quiet():
            parsed = parse(stream, size, encoding, limits, _TAGS)
            checksum, ending = _checksums(stream, size, head)
            return replace(_entry(parsed, source, size), checksum=checksum, ending=ending)
    except UnreadableFileError as error:
        return _refused(source, size, kind, error.reason, error.message)


def _checksums(stream: BinaryIO, size: int, head: bytes) -> tuple[int, int]:
    """Return the CRC-32 of the beginning and the end of a file, of a short one of all; and of the end alone.

    Of no more, as the cost of an index is the places of the disk that it goes to. Where a file gets its whole
    size before its content, as on a network drive that it is copied to, its end is written last.
    """
    tail = b""
    # What cannot be read there is told when the file is read as a whole.
    with contextlib.suppress(OSError):
        if size > len(head):
            stream.seek(max(len(head), size - HEAD_BYTES))
            tail = stream.read(HEAD_BYTES)
    ending = (head + tail)[-min(HEAD_BYTES, size // 2) :]
    return zlib.crc32(tail, zlib.crc32(head)), zlib.crc32(ending)


def _neither(source: str, size: int, head: bytes) -> IndexEntry:
    """Pass the file over, unless it may hold radiographs, or by its name or preamble was to be one."""
    if not size:
        return _refused(source, size, "unreadable", "empty_file", "the file holds no bytes")
    if name := other_image(head, size):
        message = f"a {name} image, which is not read; save it as PNG or TIFF"
        return _refused(source, size, "unreadable", "unsupported_image", message)
    if name := packed_archive(head):
        message = f"a packed archive ({name}), which is not looked into; unpack it, and run again"
        return _refused(source, size, "unreadable", "packed", message)
    if not source.lower().endswith(_SUFFIXES) and head[:128] != bytes(128):
        return IndexEntry(source, size, "other")
    message = "named or begun like a DICOM file or image, but the content is neither"
    return _refused(source, size, "unreadable", "not_dicom", message)


def _entry(parsed: Parsed, source: str, size: int) -> IndexEntry:
    dataset = parsed.dataset
    values: dict[str, Any] = {name: _text(dataset, keyword) for name, keyword in _UIDS.items()}
    dicomdir = is_directory(parsed)
    has_pixels = bool(parsed.pixel_tag) and parsed.pixel_length != 0
    if not dicomdir and not has_pixels:
        values |= {"reason": "no_pixel_data", "message": "the DICOM object has no pixel data"}
    return IndexEntry(
        source=source,
        size=size,
        kind="dicomdir" if dicomdir else "dicom",
        body_part=cleaned(dataset, LABEL),
        body_part_described=_described(dataset),
        number_of_frames=_frames(dataset) if has_pixels else 0,
        modality=cleaned(dataset, "Modality"),
        **values,
    )


def _text(dataset: Dataset, keyword: str) -> str:
    try:
        value = value_of(dataset, keyword)
        # Some character sets that a file may claim give halves of characters, which are no text.
        text = "" if value is None else str(value).encode("utf-8", "replace").decode()
        return text.strip().strip("\0").strip()[:_MAX_TEXT]
    except Exception:  # a value that does not convert is as good as absent
        return ""


def _readable(dataset: Dataset, keyword: str) -> str:
    try:
        return readable(text_of(dataset, keyword)[:_MAX_TEXT])
    except Exception:  # as above
        return ""


def _described(dataset: Dataset) -> str:
    texts = [_readable(dataset, keyword) for keyword in _DESCRIPTIONS]
    with contextlib.suppress(Exception):  # not a sequence
        texts += [
            _readable(item, "CodeMeaning") for item in value_of(dataset, "AnatomicRegionSequence") or ()
        ]
    return " ".join(filter(None, texts))[:_MAX_TEXT]


def _frames(dataset: Dataset) -> int:
    try:
        # Capped, since it is told of studies with too many: a larger number is none of frames.
        return min(max(1, int(value_of(dataset, "NumberOfFrames") or 1)), _MOST_FRAMES)
    except Exception:  # not a number: reading the file will say so
        return 1
