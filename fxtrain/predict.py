"""Predictions of a model over studies: logits of radiographs, and scores of studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fxcore.aggregate import aggregate, decide, judged
from fxcore.dataset.tables import read_csv
from fxcore.errors import FxrayError
from fxcore.study import LABEL_BROKEN
from fxtrain.config import TrainConfig
from fxtrain.loader import evaluation_batches
from fxtrain.metrics import probability
from fxtrain.models import Aggregator
from fxtrain.packing import Packed
from fxtrain.table import Table


@dataclass(frozen=True)
class Predictions:
    """What a model says of studies.

    Attributes
    ----------
    studies : numpy.ndarray
        Indices into the table, ascending.
    broken : numpy.ndarray
        ``bool``, of each study.
    rows : numpy.ndarray
        Indices of their radiographs, study by study.
    study : numpy.ndarray
        Position in `studies` of each radiograph.
    logits : numpy.ndarray
        ``float64``: of each radiograph; of each study, from a model of studies.
    by_study : bool
        Which of the two.
    """

    studies: NDArray[np.int64]
    broken: NDArray[np.bool_]
    rows: NDArray[np.int64]
    study: NDArray[np.int64]
    logits: NDArray[np.float64]
    by_study: bool

    def scores(self, how: str, temperature: float = 1.0) -> NDArray[np.float64]:
        """Return a probability a study, to rank by; a model of studies gives its own, whatever `how`."""
        found = probability(self.logits, temperature)
        return found if self.by_study else aggregate(found, self.study, len(self.studies), how)

    def decided(self, how: str, threshold: float, temperature: float = 1.0) -> NDArray[np.bool_]:
        """Tell which studies are broken by their probabilities as these are stored, as scoring does."""
        found = probability(self.logits, temperature)
        return decide(
            found if self.by_study else judged(found, self.study, len(self.studies), how), threshold
        )

    def with_numbers(self) -> Predictions:
        """Return the same without radiographs of which the model gave no finite number.

        Raises
        ------
        FxrayError
            If nothing is left of a study.
        """
        finite = np.isfinite(self.logits)
        if finite.all():
            return self
        known = finite if self.by_study else np.isin(np.arange(len(self.studies)), self.study[finite])
        if missing := int(np.count_nonzero(~known)):
            raise FxrayError(f"the model gave no finite number for {missing} of {len(known)} studies")
        return replace(self, rows=self.rows[finite], study=self.study[finite], logits=self.logits[finite])


def read_scores(
    predictions: Path, how: str = "mean"
) -> tuple[list[str], NDArray[np.bool_], NDArray[np.float64]]:
    """Read what an evaluation said of each study: its name, whether it is broken, and its score.

    Parameters
    ----------
    predictions : pathlib.Path
        The ``predictions.csv`` of an evaluation, or that of another data set.
    how : str
        How a study is judged by its radiographs, where the model does not do so itself.
    """
    rows = list(read_csv(predictions))
    names, study = np.unique([row["study_id"] for row in rows], return_inverse=True)
    broken = np.zeros(len(names), bool)
    broken[study] = [row["label"] == LABEL_BROKEN for row in rows]
    found = probability([float(row["logit"]) for row in rows])
    return names.tolist(), broken, aggregate(found, study, len(names), how)


def predict(
    model: nn.Module,
    table: Table,
    packed: Packed,
    studies: NDArray[np.int64],
    config: TrainConfig,
    device: torch.device,
    normalisation: tuple[float, float],
    advance: Callable[[int], None] = lambda count: None,
) -> Predictions:
    """Run a model, in evaluation mode and full precision, over all radiographs of `studies`.

    `normalisation` is the mean and deviation of the images; see `RunDirectory.read_normalisation`.
    """
    by_study = isinstance(model, Aggregator)
    logits = []
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in evaluation_batches(table, packed, studies, config, device, normalisation):
                assert batch.study_index is not None
                # A study of more views than a batch has is no reason for a larger one.
                if by_study:
                    found = model(batch.images, batch.study_index, config.batch)
                else:
                    found = torch.cat([model(part) for part in batch.images.split(config.batch)])
                logits.append(found.double().cpu().numpy())
                advance(len(batch.images))
    finally:
        model.train(training)
    rows = table.of_studies(studies)
    return Predictions(
        studies=studies,
        broken=table.broken[studies],
        rows=rows,
        study=np.searchsorted(studies, table.study[rows]),
        logits=np.concatenate(logits),
        by_study=by_study,
    )
