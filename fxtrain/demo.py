"""The demonstration goes on: a small model of the phantom's data set, trained, evaluated and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fxcore.letterbox import Frame
from fxtrain.config import DataConfig, ModelConfig, OptimConfig, TrainConfig
from fxtrain.evaluate import evaluate
from fxtrain.export import export
from fxtrain.progress import Progress
from fxtrain.run_directory import RunDirectory
from fxtrain.trainer import train

# What trains in about a minute on two cores; with more studies it is the recipe of docs/training.md.
SETTINGS = TrainConfig(
    data=DataConfig(frame=Frame(128, 192)),
    model=ModelConfig(name="rx-lite"),
    optim=OptimConfig(optimiser="adamw", learning_rate=1e-3),
    epochs=25,
    batch=16,
    device="cpu",
)


def demo(folder: Path, progress: Progress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Train on ``folder/dataset`` into ``folder/run``; write ``folder/model.onnx``.

    A run that was stopped is gone on with; one that is finished is only evaluated and exported again.

    Returns
    -------
    dict, dict
        What `fxtrain.evaluate.evaluate` and `fxtrain.export.export` found.

    Raises
    ------
    FxrayError
        If the folder cannot be used.
    """
    dataset, run = folder / "dataset", folder / "run"
    train(dataset, run, SETTINGS, resume=RunDirectory(run).config.exists(), progress=progress)
    evaluated = evaluate(run, dataset, device="cpu", progress=progress)
    return evaluated, export(run, folder / "model.onnx")
