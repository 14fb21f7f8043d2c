"""How a study comes to its place in a data set: staged whole, then renamed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
from pathlib import Path

from fxcore.dataset.journal import StudyRecord, from_line
from fxcore.dataset.layout import METADATA_FILE, Layout, is_image_name
from fxcore.errors import DataSetError
from fxcore.study import LABELS


def put_in_place(layout: Layout, record: StudyRecord, staged: Path) -> None:
    """Rename a staged study to its place, or remove what is there where it has no radiographs."""
    # An earlier result of this study: its files have changed, or its label.
    clear_place(layout, record.study_id)
    if record.radiographs:
        place = layout.study(record.label, record.study_id)
        place.parent.mkdir(exist_ok=True)
        try:
            staged.replace(place)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            # Another worker that does the same study was faster.
            clear_place(layout, record.study_id)
            staged.replace(place)


def clear_place(layout: Layout, study_id: str) -> None:
    """Remove a study from its place at once: half a folder must not be found there."""
    for label in LABELS:
        aside = layout.staging / f"{study_id}-aside-{secrets.token_hex(4)}"
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            layout.study(label, study_id).rename(aside)
            shutil.rmtree(aside, ignore_errors=True)


def finish_renames(layout: Layout) -> None:
    """Finish what a killed run had begun: put staged studies that are recorded in place, drop the others."""
    for staged in itertools.chain.from_iterable(folder.iterdir() for folder in layout.all_of("staging")):
        path = layout.record(staged.name.partition("-")[0])
        record = None
        # A damaged record says nothing: the study is done again.
        with contextlib.suppress(FileNotFoundError, DataSetError):
            record = from_line(path.read_bytes(), str(path))
        # metadata.csv is staged last. A record of other files says nothing about this folder.
        whole = record is not None and (not record.radiographs or (staged / METADATA_FILE).exists())
        name = record and layout.staged(record.study_id, record.fingerprint).name
        if record is not None and whole and name and staged.name.startswith(name):
            put_in_place(layout, record, staged)
        shutil.rmtree(staged, ignore_errors=True)


def is_in_place(layout: Layout, record: StudyRecord) -> bool:
    """Tell whether the folder that a record speaks of is there, with all of its files; none may be empty."""
    if not record.radiographs:
        return True
    try:
        files = files_of(layout.study(record.label, record.study_id))
    except OSError:
        return False
    whole = [name for name, size, _ in files if size]
    return METADATA_FILE in whole and sum(map(is_image_name, whole)) == record.radiographs


def made_at(layout: Layout, label: str, study_id: str) -> int:
    """Return when a study that is done was made, in nanoseconds; of one without radiographs, recorded."""
    for path in (layout.study(label, study_id) / METADATA_FILE, layout.record(study_id), layout.journal):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return path.stat().st_mtime_ns
    return 0


def files_of(folder: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of change, in nanoseconds, of each file in a study's folder, by name.

    Raises
    ------
    OSError
        If it cannot be listed.
    """
    files = []
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat()
            files.append((entry.name, found.st_size, found.st_mtime_ns))
    return sorted(files)
