"""What is in an archive: all that the system lists, and what a look into each file found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


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
        followed), ``"special"`` (pipe, socket, device), ``"data_set"`` or ``"training_run"`` (one of
        fxray, of which nothing else is listed: a folder, its path ending in ``/``) or ``"unreadable"``.
    checksum : int
        CRC-32 of bytes at its beginning and end: tells most changes of a file that keeps its size.
    study_uid, sop_uid, accession, patient_id : str
        Identifiers, for use in memory: only keyed pseudonyms of them may be written.
    body_part : str
        BodyPartExamined, as the column of that name has it.
    body_part_described : str
        Descriptions of study, series and protocol and the name of the anatomic region, joined. They
        are free text that may hold anything: for recognising a body part in memory, never written.
    number_of_frames : int
        0 where there are no pixels.
    modality : str
        Modality, as the column of that name has it.
    reason, message : str
        Why the file cannot be used (see docs/rejects.md); empty where it may be.
    ending : int
        Of a DICOM file, CRC-32 of bytes at its end, which are of its pixels as a rule; 0 where not known.
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
    modality: str = ""
    reason: str = ""
    message: str = ""
    ending: int = 0


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

    Links are not followed: `fxcore.dicom.index.look_into` says of them what they are. A folder that cannot
    be listed is yielded itself, as a path ending in ``/``, of which that makes an ``"unreadable"`` entry, so
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
