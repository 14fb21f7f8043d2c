"""The demonstration ends: its raw archive, scored by the model that it has trained."""

from __future__ import annotations

import shutil
from pathlib import Path

from fxcore.demo import KEY_FILE
from fxcore.progress import Progress
from fxserve.model import Model
from fxserve.output import begun_scoring
from fxserve.score import ScoreSummary, score


def demo(folder: Path, progress: Progress) -> ScoreSummary:
    """Score ``folder/archive`` by ``folder/model.onnx`` into ``folder/scores``, anew.

    Raises
    ------
    FxrayError
        If model or folder cannot be used or ``scores`` holds anything but a scoring; nothing is removed then.
    """
    model, scores = folder / "model.onnx", folder / "scores"
    Model(model, device="cpu")
    if begun_scoring(scores):
        # By the model of an earlier demonstration, which this one has replaced.
        shutil.rmtree(scores)
    return score(
        model,
        folder / "archive",
        scores,
        device="cpu",
        key_file=folder / KEY_FILE,
        progress=progress,
    )
