"""Scoring of single files from Python, in three lines."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fxcore.aggregate import BY_MODEL, decide, rounded
from fxcore.errors import UnreadableFileError, why_unreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fxcore.dicom.config import PixelConfig
    from fxcore.dicom.read import LoadedFile
    from fxserve.model import Model

FILE = "file"

Paths = str | PathLike[str] | Iterable[str | PathLike[str]]


@dataclass(frozen=True)
class ScoredRadiograph:
    """What a model says of one radiograph, or why it says nothing.

    Attributes
    ----------
    path : str
        The file, as it was named.
    name : str
        Which radiograph of the file, where the steps split it or it has several frames; else ``"file"``.
    probability : float
        As it is decided by, to 6 decimals; NaN where there is none.
    prediction : str
        One of the model's two classes; empty where there is no probability.
    decisions : dict of str to str
        What the steps decided, as in ``predictions.csv``.
    rejected : str
        Reason and message, where the radiograph was not scored.
    """

    path: str
    name: str
    probability: float
    prediction: str
    decisions: dict[str, str]
    rejected: str = ""


class Scorer:
    """A model, opened once, for files as they come.

    Files are decoded in this process; for whole archives `fxserve.score.score` is faster, and survives files
    that make a codec crash.

    Parameters
    ----------
    model : path
        An ONNX file that fxray exported; or another, with its settings in a TOML file beside it.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``...; see `fxserve.device.open_session`.
    threads : int
        Of the CPU for one image, 1 to 1024.

    Examples
    --------
    >>> from fxserve import Scorer
    >>> scorer = Scorer("model.onnx")            # doctest: +SKIP
    >>> for found in scorer.score(["a.dcm"]):    # doctest: +SKIP
    ...     print(found.probability, found.prediction)
    """

    def __init__(self, model: str | PathLike[str], *, device: str = "auto", threads: int = 1) -> None:
        from fxserve.model import Model

        self.model: Model = Model(model, device=device, threads=threads, batch=1)

    def score(self, paths: Paths) -> list[ScoredRadiograph]:
        """Score PNG, JPEG, TIFF or DICOM files, each by itself.

        A file that cannot be read or is dropped by a step has a row that says why.

        Parameters
        ----------
        paths : path, or iterable of path

        Returns
        -------
        list of ScoredRadiograph
            In the order of `paths`; several in a row for a file that holds several radiographs.
        """
        return [found for path in _each(paths) for found in self._score(path)]

    def probability(self, paths: Paths) -> float:
        """Return the probability of one study, of which the files are the views.

        As ``fxray score`` has it: views that could not be scored do not count; NaN where no other is left.
        """
        from fxserve.records import of_views

        images = [image for path in _each(paths) for image, _, _ in self._prepared(path) if image is not None]
        if not images:
            return float("nan")
        if self.model.settings.aggregate == BY_MODEL:
            index = np.zeros(len(images), np.int64)
            return float(rounded(self.model.run(np.stack(images), index)[0][0]))
        return of_views(self.model.run(np.stack(images))[0], self.model.settings.aggregate)

    def _score(self, path: Path) -> list[ScoredRadiograph]:
        from fxserve.records import NOT_FINITE, NOT_FINITE_MESSAGE

        settings = self.model.settings
        rows = []
        for image, name, row in self._prepared(path):
            if image is None:
                rows.append(ScoredRadiograph(str(path), name, float("nan"), "", {}, row["rejected"]))
                continue
            index = np.zeros(1, np.int64) if self.model.by_study else None
            probability = float(rounded(self.model.run(image[None], index)[0][0]))
            if not np.isfinite(probability):
                reason = f"{NOT_FINITE}: {NOT_FINITE_MESSAGE}"
                rows.append(ScoredRadiograph(str(path), name, float("nan"), "", row, reason))
                continue
            prediction = settings.classes[bool(decide(probability, settings.threshold))]
            rows.append(ScoredRadiograph(str(path), name, probability, prediction, row))
        return rows

    def _prepared(self, path: Path) -> list[tuple[NDArray[np.uint8] | None, str, dict[str, str]]]:
        """Return image, name and decisions of each radiograph of a file; no image where it is left out."""
        from fxcore.letterbox import fit_image
        from fxcore.steps.pipeline import run_steps
        from fxcore.study import LABEL_UNLABELLED, Radiograph, Study

        settings = self.model.settings
        found: list[tuple[NDArray[np.uint8] | None, str, dict[str, str]]] = []
        try:
            loaded, described = _load(path, settings.pixels)
            for number, image in loaded.frames:
                name = f"f{number + 1:04d}" if loaded.n_frames > 1 else FILE
                identity = {"radiograph_id": name, "study_id": FILE, "label": LABEL_UNLABELLED}
                identity["body_parts_described"] = described
                # The steps' columns only: what the header says is no decision.
                header = loaded.row(number)
                study = Study(FILE, LABEL_UNLABELLED, [Radiograph(image, identity | header)])
                if settings.run_steps:
                    study, rejects = run_steps(study, settings.steps)
                    found += [
                        (None, r.radiograph_id, {"rejected": f"{r.reason}: {r.message}"}) for r in rejects
                    ]
                for radiograph in study.radiographs:
                    decided = {
                        k: v for k, v in radiograph.metadata.items() if k not in {**identity, **header}
                    }
                    found.append(
                        (fit_image(radiograph.image, settings.frame), radiograph.radiograph_id, decided)
                    )
        except UnreadableFileError as error:
            reason, message = why_unreadable(error)
            # All frames of a file or none, as in a data set.
            return [(None, FILE, {"rejected": f"{reason}: {message}"})]
        return found


def _each(paths: Paths) -> list[Path]:
    """Return the paths; a single one is a list of one, not of its letters."""
    return [Path(fspath(path)) for path in ([paths] if isinstance(paths, (str, PathLike)) else paths)]


def _load(path: Path, config: PixelConfig) -> tuple[LoadedFile, str]:
    """Return the opened file, and the body parts that its descriptions name."""
    from fxcore.body_parts import mentioned_parts
    from fxcore.dicom.index import look_into
    from fxcore.dicom.read import load_dicom
    from fxcore.images import load_image

    try:
        # A link in an archive is passed over; one that is named is meant.
        path = path.resolve(strict=True)
    except ValueError as error:
        raise UnreadableFileError("unreadable", f"the file cannot be read ({error})") from error
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or os.strerror(errno.ELOOP)
        raise UnreadableFileError("unreadable", f"the file cannot be read ({why})") from error
    entry = look_into(path.parent, path.name, config.limits)
    if entry.reason:
        raise UnreadableFileError(entry.reason, entry.message)
    if entry.kind not in ("dicom", "image"):
        raise UnreadableFileError("not_an_image", "the file is neither DICOM nor an image")
    loaded = load_image(path, config) if entry.kind == "image" else load_dicom(path, config)
    return loaded, ";".join(mentioned_parts(entry.body_part_described))
