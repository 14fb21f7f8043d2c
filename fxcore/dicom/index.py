"""What is in an archive: every file looked at by content, none opened further than its header."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pydicom.dataset import Dataset
from pydicom.tag import Tag

from fxcore.dicom.bounded import value_of
from fxcore.dicom.config import Limits
from fxcore.dicom.parse import HEAD_BYTES, Parsed, check_size, is_directory, parse, recognise
from fxcore.dicom.quiet import quiet
from fxcore.errors import UnreadableFileError

_UIDS = {
    "study_uid": "StudyInstanceUID",
    "sop_uid": "SOPInstanceUID",
    "accession": "AccessionNumber",
    "patient_id": "PatientID",
    "body_part": "BodyPartExamined",
}
_DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName")
_TAGS = [
    Tag(keyword)
    for keyword in (*_UIDS.values(), *_DESCRIPTIONS, "AnatomicRegionSequence", "NumberOfFrames", "Rows")
]
# Names decide nothing, but a broken file with one of them is reported rather than passed over.
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAX_TEXT = 1024
_MOST_FRAMES = 100_000


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What one file is.

    Attributes
    ----------
    source : str
        Path relative to the archive, as `walk` gives it.
    size : int
        Bytes.
    kind : str
        ``"dicom"``, ``"dicomdir"``, ``"image"`` (PNG, JPEG, TIFF), ``"other"``, ``"link"`` (not
        followed), ``"special"`` (pipe, socket, device) or ``"unreadable"``.
    checksum : int
        CRC-32 of the file's first bytes: tells most changes of a file that keeps its size.
    study_uid, sop_uid, accession, patient_id : str
        Identifiers, for use in memory: only keyed pseudonyms of them may be written.
    body_part : str
        BodyPartExamined as it stands.
    body_part_described : str
        Descriptions of study, series and protocol and the name of the anatomic region, joined. They
        are free text that may hold anything: for recognising a body part in memory, never written.
    number_of_frames : int
        0 where there are no pixels.
    reason, message : str
        Why the file cannot be used (see `fxcore.dicom.reasons`); empty where it may be.
    """

    source: str
    size: int = 0
    kind: str = "other"
    checksum: int = 0
    study_uid: str = ""
    sop_uid: str = ""
    accession: str = ""
    patient_id: str = ""
    body_part: str = ""
    body_part_described: str = ""
    number_of_frames: int = 0
    reason: str = ""
    message: str = ""


class Found(NamedTuple):
    """Something that `walk` came upon.

    Attributes
    ----------
    source : str
        Path relative to the archive, with ``/`` between folders. Bytes that are no text are carried as
        surrogates (`os.fsdecode`), so that the path opens the file again.
    status : os.stat_result or None
        Of itself, not of what it links to; None where the system gives none.
    """

    source: str
    status: os.stat_result | None


def walk(archive: Path) -> Iterator[Found]:
    """Yield all that is no folder below `archive`, as the system lists it: in no particular order.

    Links are not followed: `index_file` says of them what they are. A folder that cannot be listed is
    yielded itself, as a path ending in ``/``: `index_file` makes an ``"unreadable"`` entry of it, so
    that it is reported like a file. Memory is bounded by the number of folders.

    Parameters
    ----------
    archive : pathlib.Path

    Yields
    ------
    Found
    """
    # A stack rather than recursion: archives may be nested deeper than Python's limit.
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            # Joined as text: pathlib would hold the archive to the system's longest path once more.
            with os.scandir(os.path.join(archive, folder)) as entries:  # noqa: PTH118
                for entry in entries:
                    source = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(f"{source}/")
                    else:
                        yield Found(source, _status(entry))
        except OSError:
            yield Found(folder or "./", None)


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:
        return None


def index_file(archive: Path, relative: str, limits: Limits) -> IndexEntry:
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
        return _refused(relative, 0, "unreadable", "unreadable", "the folder cannot be listed")
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
        layout = None if head.startswith(_MAGIC) and head[128:132] != b"DICM" else recognise(head, size)
        if layout is None:
            if not head.startswith(_MAGIC):
                return _neither(source, size, head)
            kind = "image"
            check_size(size, limits)
            checksum = zlib.crc32(head)
            return IndexEntry(source, size, kind, checksum, number_of_frames=1)
        kind = "dicom"
        check_size(size, limits)
        with quiet():
            parsed = parse(stream, size, layout, limits, _TAGS)
            return replace(_entry(parsed, source, size), checksum=zlib.crc32(head))
    except UnreadableFileError as error:
        return _refused(source, size, kind, error.reason, error.message)


def _neither(source: str, size: int, head: bytes) -> IndexEntry:
    """Pass the file over, unless it is empty or its name or preamble says that it was to be a radiograph."""
    if not size:
        return _refused(source, size, "unreadable", "empty_file", "the file holds no bytes")
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
        body_part_described=_described(dataset),
        number_of_frames=_frames(dataset) if has_pixels else 0,
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


def _described(dataset: Dataset) -> str:
    texts = [_text(dataset, keyword) for keyword in _DESCRIPTIONS]
    with contextlib.suppress(Exception):  # not a sequence
        texts += [_text(item, "CodeMeaning") for item in value_of(dataset, "AnatomicRegionSequence") or ()]
    return " ".join(filter(None, texts))[:_MAX_TEXT]


def _frames(dataset: Dataset) -> int:
    try:
        # Capped, since it is told of studies with too many: a larger number is none of frames.
        return min(max(1, int(value_of(dataset, "NumberOfFrames") or 1)), _MOST_FRAMES)
    except Exception:  # not a number: reading the file will say so
        return 1
