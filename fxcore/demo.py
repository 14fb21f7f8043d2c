"""The demonstration: a phantom archive, and the data set built from it."""

from __future__ import annotations

from pathlib import Path

from fxcore.build import build
from fxcore.cores import default_workers
from fxcore.phantom.archive import LABELS, synthesise
from fxcore.progress import Progress, Silent
from fxcore.run import Summary

STUDIES = 360
SCALE = 0.25
SEED = 0
KEY_FILE = "pseudonyms.key"
# Plain to see also on small images: a model can learn something of them in a minute.
DISPLACEMENT = 6.0


def demo(folder: Path, *, workers: int = 0, progress: Progress | None = None) -> Summary:
    """Make ``folder/archive`` if it is not there, and build ``folder/dataset`` from it.

    Parameters
    ----------
    folder : Path
        New, or that of an earlier demonstration.
    workers : int
        Worker processes; 0 takes one for each core.
    progress : Progress, optional
        Told how far the run is.

    Raises
    ------
    FxrayError
        If the folder cannot be used.
    """
    progress = progress or Silent()
    archive = folder / "archive"
    if not (archive / LABELS).exists():
        progress.stage("Making a phantom archive", STUDIES)
        synthesise(
            archive,
            studies=STUDIES,
            seed=SEED,
            scale=SCALE,
            displacement=DISPLACEMENT,
            truth=True,
            workers=workers or default_workers(),
            progress=progress.advance,
        )
    return build(
        archive,
        folder / "dataset",
        labels=archive / LABELS,
        key_file=folder / KEY_FILE,
        workers=workers,
        progress=progress,
    )
