"""Studies to the model as they come: a thread that batches and scores while workers decode.

Between the two is a queue of bounded length: whichever side is slower has the other wait.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from fxcore.aggregate import rounded
from fxcore.stopping import undisturbed
from fxcore.study import Reject
from fxserve.model import Model
from fxserve.prepare import PreparedStudy
from fxserve.records import NOT_FINITE, NOT_FINITE_MESSAGE, StudyScore

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

    Several threads may call it at once.

    Parameters
    ----------
    model : Model
    done : callable
        Given each scored study, one at a time.
    """

    def __init__(self, model: Model, done: Callable[[StudyScore], None]) -> None:
        self._model, self._done = model, done
        self._lock = threading.Lock()
        # Places of a batch: a study, and the number of the radiograph in it.
        self._waiting: list[tuple[_Open, int]] = []

    def add(self, study: PreparedStudy) -> None:
        """Take a study; run the model as often as there is a batch for it."""
        count = len(study.images)
        if not count:
            with self._lock:
                self._done(StudyScore(study.study_id, study.fingerprint, rejects=study.rejects))
            return
        opened = _Open(study, count)
        with self._lock:
            self._waiting.extend((opened, k) for k in range(count))
        while places := self._take(self._model.batch):
            self._run(places)

    def flush(self) -> None:
        """Score what is waiting, though it fills no batch."""
        if places := self._take(1):
            self._run(places)

    def _take(self, least: int) -> list[tuple[_Open, int]]:
        """Return the places of a batch; none if fewer than `least` wait.

        For a model of studies it is all that waits: the views of a study stay together.
        """
        with self._lock:
            if len(self._waiting) < least:
                return []
            count = len(self._waiting) if self._model.by_study else self._model.batch
            places, self._waiting = self._waiting[:count], self._waiting[count:]
            return places

    def _run(self, places: list[tuple[_Open, int]]) -> None:
        images = np.stack([opened.study.images[k] for opened, k in places])
        if self._model.by_study:
            studies = list({id(opened): opened for opened, _ in places}.values())
            index = np.repeat(np.arange(len(studies)), [opened.left for opened in studies])
            probability, logit = self._model.run(images, index)
            with self._lock:
                for opened, p, x in zip(studies, probability, logit, strict=True):
                    self._done(_finished_by_model(opened.study, p, x))
            return
        probability, logit = self._model.run(images)
        with self._lock:
            for (opened, k), p, x in zip(places, probability, logit, strict=True):
                opened.probability[k], opened.logit[k] = p, x
                opened.left -= 1
                if not opened.left:
                    self._done(_finished(opened))


def _finished(opened: _Open) -> StudyScore:
    """Round the scores; drop what is no number, visibly."""
    study = opened.study
    good = np.isfinite(opened.probability)
    rejects = [
        _not_finite(study, row["radiograph_id"])
        for row, fine in zip(study.rows, good, strict=True)
        if not fine
    ]
    return StudyScore(
        study_id=study.study_id,
        # What the model could not do once, the next run has it try again.
        fingerprint="" if rejects else study.fingerprint,
        rows=tuple(study.rows[k] for k in np.flatnonzero(good).tolist()),
        probabilities=tuple(rounded(opened.probability[good]).tolist()),
        logits=tuple(rounded(opened.logit[good]).tolist()),
        rejects=tuple(sorted((*study.rejects, *rejects))),
    )


def _finished_by_model(study: PreparedStudy, probability: float, logit: float) -> StudyScore:
    if not np.isfinite(probability):
        rejects = tuple(sorted((*study.rejects, _not_finite(study, ""))))
        return StudyScore(study.study_id, "", rejects=rejects)
    scores = (float(rounded(probability)),), (float(rounded(logit)),)
    return StudyScore(study.study_id, study.fingerprint, study.rows, *scores, study.rejects)


def _not_finite(study: PreparedStudy, radiograph_id: str) -> Reject:
    return Reject("score", study.study_id, "", radiograph_id, NOT_FINITE, NOT_FINITE_MESSAGE)


class ScoringThreads:
    """Run a `Batcher` beside the caller; a context manager that ends when all is scored.

    Parameters
    ----------
    batcher : Batcher
    threads : int
        How many runs of the model go on at once.
    most : int
        Studies that may wait.
    """

    def __init__(self, batcher: Batcher, threads: int, most: int) -> None:
        self._batcher = batcher
        self._queue: queue.Queue[PreparedStudy | None] = queue.Queue(most)
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"fxray-scoring-{k}", daemon=True)
            for k in range(threads)
        ]

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
            with contextlib.suppress(queue.Full), undisturbed():
                self._queue.put(study, timeout=_LOOK_SECONDS)
                return

    def __enter__(self) -> ScoringThreads:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                for _ in self._threads:
                    self.put(None)
                self._join()
                if self._error is None:
                    self._batcher.flush()
                    return
            finally:
                self._ended.set()
                self._join()
            raise self._error
        self._ended.set()
        self._join()

    def _join(self) -> None:
        # In short waits, so that Ctrl-C is heard.
        for thread in self._threads:
            while thread.is_alive():
                thread.join(_LOOK_SECONDS)

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    study = self._queue.get(timeout=_LOOK_SECONDS)
                except queue.Empty:
                    continue
                if study is None:
                    return
                self._batcher.add(study)
        except BaseException as error:
            self._error = error
            self._ended.set()
