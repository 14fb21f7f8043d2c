"""How a study comes to its place in a data set: staged whole, then renamed."""

from __future__ import annotations

import contextlib
import errno
import itertools
import secrets
import shutil
from pathlib import Path

from fxcore.dataset.journal import StudyRecord, from_line
from fxcore.dataset.layout import METADATA_FILE, Layout
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
    """Tell whether the folder that a record speaks of is there."""
    if not record.radiographs:
        return True
    return (layout.study(record.label, record.study_id) / METADATA_FILE).is_file()
