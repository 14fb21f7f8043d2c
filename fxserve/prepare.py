"""What a worker process does for scoring: a study's radiographs, through the steps, at the model's size.

The same functions as those of ``fxray build`` and of training; nothing is written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fxcore.dicom.columns import FILE_COLUMNS
from fxcore.jobs import IDENTITY_COLUMNS, StudyTask
from fxcore.letterbox import Frame, fit_image
from fxcore.study import Radiograph, Reject, UnreadFile

_NOT_DECIDED = frozenset((*IDENTITY_COLUMNS, *FILE_COLUMNS))


@dataclass(frozen=True)
class PreparedStudy:
    """A study ready for the model.

    Attributes
    ----------
    study_id, fingerprint : str
        The fingerprint is empty where the study is to be done again by the next run.
    images : numpy.ndarray
        ``uint8``, shape ``(radiographs, height, width)``.
    rows : tuple of dict
        Of each radiograph: its identifier, and what the steps decided.
    rejects : tuple of Reject
    """

    study_id: str
    fingerprint: str
    images: NDArray[np.uint8]
    rows: tuple[dict[str, str], ...]
    rejects: tuple[Reject, ...]


class _Letterboxes:
    """Takes in radiographs and keeps them at the model's size; a `fxcore.work.Receiver`."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.converted = 0
        self.try_again = False
        self.rejects: list[Reject] = []
        self.unread: list[UnreadFile] = []
        self.body_parts: Counter[str] = Counter()
        self.decisions: Counter[str] = Counter()
        self.kept: list[tuple[dict[str, str], NDArray[np.uint8]]] = []

    def add(self, radiograph: Radiograph) -> None:
        decided = {name: text for name, text in radiograph.metadata.items() if name not in _NOT_DECIDED}
        row = {"radiograph_id": radiograph.radiograph_id} | decided
        self.kept.append((row, fit_image(radiograph.image, self._frame)))


def prepare_study(frame: Frame, task: StudyTask) -> PreparedStudy:
    """Make the model's input of one study; `frame` is the size of that."""
    # Of workers alone: the process that hands out the studies loads none of it.
    from fxcore.work import take_through

    taken = _Letterboxes(frame)
    take_through(task, taken)
    taken.kept.sort(key=lambda pair: pair[0]["radiograph_id"])
    images = np.empty((len(taken.kept), frame.height, frame.width), np.uint8)
    for k, (_, image) in enumerate(taken.kept):
        images[k] = image
    return PreparedStudy(
        study_id=task.study_id,
        fingerprint="" if taken.try_again else task.fingerprint,
        images=images,
        rows=tuple(row for row, _ in taken.kept),
        rejects=tuple(sorted(taken.rejects)),
    )


def preparing(frame: Frame) -> partial[PreparedStudy]:
    """Return `prepare_study` for one size, as workers can be given it."""
    return partial(prepare_study, frame)
