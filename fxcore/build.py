"""Ingest and preprocess in one pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxcore.ingest import ingest
from fxcore.run import Summary


def build(archive: Path, out: Path, **options: Any) -> Summary:
    """Turn the archive into a data set, with the preprocessing steps.

    The same bytes as by `fxcore.ingest.ingest` and `fxcore.preprocess.preprocess`, with no PNG in between.

    Parameters
    ----------
    archive : Path
        Any tree of files. DICOM files and images are found by content.
    out : Path
        The data set: a new folder, or one that an interrupted run with the same settings began.
    **options
        As of `fxcore.ingest.ingest`: `labels`, `settings`, `workers` and others.

    Raises
    ------
    FxrayError
        If the archive, the labels, the key or the output folder cannot be used.
    """
    return ingest(archive, out, steps=True, **options)
