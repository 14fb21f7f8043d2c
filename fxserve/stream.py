"""Studies to the model as they come: a thread that batches and scores while workers decode.

Between the two is a queue of bounded length: whichever side is slower has the other wait.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fxcore.study import Reject
from fxserve.model import Model
from fxserve.prepare import PreparedStudy
from fxserve.records import DECIMALS, StudyScore

NOT_FINITE = "no_finite_output"
_LOOK_SECONDS = 0.1


@dataclass
class _Open:
    """A study of which not all radiographs are scored yet."""

    study: PreparedStudy
    left: int
    probability: NDArray[np.float64] = field(init=False)
    logit: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.probability = np.full(self.left, np.nan)
        self.logit = np.full(self.left, np.nan)


class Batcher:
    """Fills batches with the radiographs of studies, and hands each study on when it is scored.

    Parameters
    ----------
    model : Model
    done : callable
        Given each scored study.
    """

    def __init__(self, model: Model, done: Callable[[StudyScore], None]) -> None:
        self._model, self._done = model, done
        # Places of a batch: a study, and the number of the radiograph in it.
        self._waiting: list[tuple[_Open, int]] = []

    def add(self, study: PreparedStudy) -> None:
        """Take a study; run the model as often as there is a batch for it."""
        count = len(study.images)
        if not count:
            self._done(StudyScore(study.study_id, study.fingerprint, rejects=study.rejects))
            return
        opened = _Open(study, count)
        self._waiting.extend((opened, k) for k in range(count))
        if self._model.by_study:
            # The views of a study stay together.
            if len(self._waiting) >= self._model.batch:
                self.flush()
            return
        while len(self._waiting) >= self._model.batch:
            self._run(self._model.batch)

    def flush(self) -> None:
        """Score what is waiting, though it fills no batch."""
        if self._model.by_study:
            self._run_studies()
        elif self._waiting:
            self._run(len(self._waiting))

    def _run(self, count: int) -> None:
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        probability, logit = self._model.run(np.stack([opened.study.images[k] for opened, k in batch]))
        for (opened, k), p, x in zip(batch, probability, logit, strict=True):
            opened.probability[k], opened.logit[k] = p, x
            opened.left -= 1
            if not opened.left:
                self._done(_finished(opened))

    def _run_studies(self) -> None:
        studies = list({id(opened): opened for opened, _ in self._waiting}.values())
        self._waiting = []
        if not studies:
            return
        index = np.repeat(np.arange(len(studies)), [len(opened.study.images) for opened in studies])
        images = np.concatenate([opened.study.images for opened in studies])
        probability, logit = self._model.run(images, index)
        for opened, p, x in zip(studies, probability, logit, strict=True):
            self._done(_finished_by_model(opened.study, p, x))


def _finished(opened: _Open) -> StudyScore:
    """Round the scores; drop what is no number, visibly."""
    study = opened.study
    good = np.isfinite(opened.probability) & np.isfinite(opened.logit)
    kept = np.flatnonzero(good).tolist()
    rejects = [
        _not_finite(study, row["radiograph_id"])
        for row, fine in zip(study.rows, good, strict=True)
        if not fine
    ]
    return StudyScore(
        study_id=study.study_id,
        fingerprint=study.fingerprint,
        rows=tuple(study.rows[k] for k in kept),
        probabilities=tuple(round(float(opened.probability[k]), DECIMALS) for k in kept),
        logits=tuple(round(float(opened.logit[k]), DECIMALS) for k in kept),
        rejects=tuple(sorted((*study.rejects, *rejects))),
    )


def _finished_by_model(study: PreparedStudy, probability: float, logit: float) -> StudyScore:
    if not (np.isfinite(probability) and np.isfinite(logit)):
        rejects = tuple(sorted((*study.rejects, _not_finite(study, ""))))
        return StudyScore(study.study_id, study.fingerprint, rejects=rejects)
    scores = (round(float(probability), DECIMALS),), (round(float(logit), DECIMALS),)
    return StudyScore(study.study_id, study.fingerprint, study.rows, *scores, study.rejects)


def _not_finite(study: PreparedStudy, radiograph_id: str) -> Reject:
    message = "the model gave no finite number"
    return Reject("score", study.study_id, "", radiograph_id, NOT_FINITE, message)


class ScoringThread:
    """Runs a `Batcher` beside the caller; a context manager that ends when all is scored.

    Parameters
    ----------
    batcher : Batcher
    most : int
        Studies that may wait.
    """

    def __init__(self, batcher: Batcher, most: int) -> None:
        self._batcher = batcher
        self._queue: queue.Queue[PreparedStudy | None] = queue.Queue(most)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._work, name="fxray-scoring", daemon=True)

    def put(self, study: PreparedStudy | None) -> None:
        """Hand over a study; waits while the queue is full.

        Raises
        ------
        Exception
            What the scoring of an earlier one met.
        """
        while True:
            if self._error is not None:
                raise self._error
            try:
                self._queue.put(study, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def __enter__(self) -> ScoringThread:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.put(None)
        else:
            self._abandoned.set()
        # In short waits, so that Ctrl-C is heard.
        while self._thread.is_alive():
            self._thread.join(_LOOK_SECONDS)
        if kind is None and self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._abandoned.is_set():
                try:
                    study = self._queue.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                if study is None:
                    self._batcher.flush()
                    return
                self._batcher.add(study)
        except BaseException as error:
            self._error = error
