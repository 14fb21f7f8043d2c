"""The demonstration ends: its raw archive, scored by the model that it has trained."""

from __future__ import annotations

import shutil
from pathlib import Path

from fxcore.demo import KEY_FILE
from fxcore.run import Progress
from fxserve.score import ScoreSummary, score


def demo(folder: Path, progress: Progress) -> ScoreSummary:
    """Score ``folder/archive`` by ``folder/model.onnx`` into ``folder/scores``, anew.

    Raises
    ------
    FxrayError
        If the folder cannot be used.
    """
    scores = folder / "scores"
    # By the model of an earlier demonstration, which this one has replaced.
    shutil.rmtree(scores, ignore_errors=True)
    return score(
        folder / "model.onnx",
        folder / "archive",
        scores,
        device="cpu",
        key_file=folder / KEY_FILE,
        progress=progress,
    )
