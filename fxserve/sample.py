"""Radiographs of a data set to calibrate a model by, and others to compare models on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.dataset.assemble import LOOSE
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import read_study
from fxcore.errors import DataSetError
from fxcore.letterbox import fit_image
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN
from fxserve.settings import ModelSettings


@dataclass(frozen=True)
class Sample:
    """Radiographs of some studies.

    Attributes
    ----------
    images : numpy.ndarray
        ``uint8``, shape ``(n, height, width)``.
    broken : numpy.ndarray
        ``int8``, shape ``(n,)``: 1, 0, or -1 where it is not known.
    study : numpy.ndarray
        ``int64``, shape ``(n,)``: the study of each, counted from 0.
    """

    images: NDArray[np.uint8]
    broken: NDArray[np.int8]
    study: NDArray[np.int64]

    def halves(self) -> tuple[Sample, Sample]:
        """Return every second study of each label, and the others; of one study alone, it twice.

        Of a label with one study only, the second half has it.
        """
        if not self.study[-1]:
            return self, self
        _, first_image = np.unique(self.study, return_index=True)
        label = self.broken[first_image]
        count = np.array([np.count_nonzero(label == one) for one in label])
        half = np.empty(len(label), np.int64)
        # Rare labels first, those that are not known last.
        half[np.lexsort((label, count, label < 0))] = 1 - np.arange(len(label)) % 2
        first, second = (self._part(half[self.study] == part) for part in (0, 1))
        return first, second

    def _part(self, kept: NDArray[np.bool_]) -> Sample:
        _, study = np.unique(self.study[kept], return_inverse=True)
        return Sample(self.images[kept], self.broken[kept], study)


def draw_sample(layout: Layout, settings: ModelSettings, count: int) -> Sample:
    """Return about `count` radiographs: all those of studies spread over the data set, label by label."""
    records = [r for r in read_journal(layout) if r.study_id != LOOSE and r.radiographs]
    records.sort(key=lambda record: record.label)
    if not records:
        raise DataSetError(f"{layout.root} has no radiograph to calibrate by")
    step = max(1.0, sum(record.radiographs for record in records) / count)
    # Two at the least: one to calibrate by, and one to compare on.
    step = min(step, max(1.0, len(records) / 2))
    chosen = sorted({int(at) for at in np.arange(0, len(records), step)})
    truth = {LABEL_BROKEN: 1, LABEL_NOT_BROKEN: 0}
    images, broken, study = [], [], []
    for number, k in enumerate(chosen):
        for radiograph in read_study(layout, records[k].label, records[k].study_id):
            images.append(fit_image(radiograph.image, settings.frame))
            broken.append(truth.get(records[k].label, -1))
            study.append(number)
    return Sample(np.stack(images), np.array(broken, np.int8), np.array(study, np.int64))
