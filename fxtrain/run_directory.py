"""The folder of a training run: what was asked for, what happened, what came of it."""

from __future__ import annotations

import errno
import hashlib
import importlib.metadata
import io
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fxcore.config import from_dict, read_toml, to_dict, to_toml
from fxcore.dataset.layout import TRAINING_FILE, WORK_FOLDER, Layout
from fxcore.dataset.locks import run_lock
from fxcore.dataset.tables import render_csv, write_atomically
from fxcore.errors import FxrayError
from fxcore.json_text import from_json, json_text
from fxcore.output import difference
from fxcore.run import tool
from fxtrain.config import TrainConfig
from fxtrain.table import Table

MAY_DIFFER = ("epochs", "device", "patience")
"""Settings that a run may be gone on with otherwise than it was begun."""

_PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn")


@dataclass(frozen=True)
class RunDirectory:
    """Names of all that a run writes, and how it is written: whole or not at all."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def split(self) -> Path:
        return self.root / "split.csv"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.csv"

    @property
    def predictions(self) -> Path:
        return self.root / "predictions.csv"

    @property
    def evaluation(self) -> Path:
        return self.root / "evaluation.json"

    @property
    def provenance(self) -> Path:
        return self.root / TRAINING_FILE

    @property
    def best(self) -> Path:
        return self.root / "checkpoints" / "best.pt"

    @property
    def last(self) -> Path:
        return self.root / "checkpoints" / "last.pt"

    def check_new(self) -> None:
        """Refuse a folder that holds something; what a run left that was killed as it began is nothing.

        Raises
        ------
        FxrayError
            If it does, or is no folder.
        """
        lock = Layout(self.root).lock
        left = {self.last.parent.name, self.provenance.name, WORK_FOLDER}
        left |= {f"{path.name}.partial" for path in (self.provenance, self.config)}
        try:
            names = {path.name for path in self.root.iterdir()} if self.root.exists() else set()
            checkpoints = self.last.parent.name in names and any(self.last.parent.iterdir())
            work = WORK_FOLDER in names and any(path != lock for path in lock.parent.iterdir())
        except OSError as error:
            raise FxrayError(f"cannot make a run in {self.root}: {error.strerror}") from error
        if names - left or checkpoints or work:
            raise FxrayError(
                f"{self.root} is not empty; name a new folder, or go on with the run in it by --resume"
            )

    @contextmanager
    def alone(self, say: Callable[[str], None]) -> Iterator[None]:
        """Make the folder where it is missing, and hold it for this process as the one that trains.

        Raises
        ------
        FxrayError
            If another one does, or the folder cannot be made.
        """
        try:
            self.last.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FxrayError(f"cannot write to {self.root}: {error.strerror}") from error
        with run_lock(Layout(self.root), say):
            yield

    def begin(self, config: TrainConfig, table: Table, origin: Mapping[str, Any]) -> None:
        """Write what a new run begins with; `origin` as `fxtrain.origin.origin_of` gives it.

        Raises
        ------
        FxrayError
            If the folder holds something already.
        """
        self.check_new()
        self.write_json(self.provenance, {**provenance(config, table), **origin})
        self.write_config(config)

    def forget_if_no_epoch_is_kept(self) -> None:
        """Take back what a run is known by that has finished no epoch, so that another may begin here."""
        for path in () if self.last.exists() else (self.split, self.config):
            path.unlink(missing_ok=True)

    def write_config(self, config: TrainConfig) -> None:
        """Write the settings; a folder with them is a run that can be gone on with."""
        write_atomically(self.config, to_toml(config).encode())

    def read_config(self) -> TrainConfig:
        """Return the settings of the run.

        Raises
        ------
        FxrayError
            If there is no run here.
        """
        if not self.config.exists():
            raise FxrayError(
                f"{self.root} is not a training run: it has no {self.config.name}; name the folder that "
                "fxray train has made"
            )
        return read_toml(TrainConfig, self.config)

    def read_provenance(self) -> dict[str, Any]:
        """Return what was written down when the run began."""
        try:
            found = from_json(self.provenance.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FxrayError(f"cannot read {self.provenance}: {error}") from error
        if not isinstance(found, dict):
            raise FxrayError(f"cannot read {self.provenance}: it holds no settings by name")
        return found

    def read_normalisation(self) -> tuple[float, float]:
        """Return the mean and deviation that the images of this run are normalised by."""
        origin = self.read_provenance()
        try:
            return float(origin["image_mean"]), float(origin["image_deviation"])
        except (KeyError, TypeError, ValueError):
            raise FxrayError(
                f"{self.provenance} lacks image_mean and image_deviation, which images are normalised by"
            ) from None

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a JSON file; what is not a number becomes null."""
        write_atomically(path, json_text(content).encode())

    def write_metrics(self, history: Iterable[Mapping[str, Any]]) -> None:
        """Write ``metrics.csv``: a row an epoch."""
        rows = list(history)
        header = list(rows[0])
        cells = ([_cell(row[name]) for name in header] for row in rows)
        write_atomically(self.metrics, render_csv([header, *cells]))

    def save(self, path: Path, state: dict[str, Any]) -> None:
        """Write a checkpoint; the one before stays until this one is whole.

        Raises
        ------
        FxrayError
            If it cannot be written.
        """
        buffer = io.BytesIO()
        torch.save(state, buffer)
        try:
            write_atomically(path, buffer.getvalue())
        except OSError as error:
            room = "make room and " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
            before = "The one before is intact" if path.exists() else "None is lost, as it is the first"
            raise FxrayError(
                f"cannot write the checkpoint {path}: {error.strerror}. {before}; {room}go on with --resume."
            ) from error

    def load(self, path: Path) -> dict[str, Any]:
        """Read a checkpoint.

        Raises
        ------
        FxrayError
            If it is missing or damaged.
        """
        if not path.exists() and self.last.exists():
            raise FxrayError(f"{self.root} has lost its checkpoint {path.name}; put it back, or train anew")
        if not path.exists():
            raise FxrayError(
                f"{self.root} has no checkpoint {path.name}: no epoch of this run is finished; go on with it "
                "by --resume"
            )
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            # What torch says of it is for programmers, and how to read a file that may do harm.
            raise FxrayError(
                f"the checkpoint {path} is damaged ({type(error).__name__}); put back a copy of it, or train "
                "anew"
            ) from error
        return state


def checkpoint_digest(path: Path) -> str:
    """Return what tells the weights of a checkpoint from those of another; empty where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def provenance(config: TrainConfig, table: Table) -> dict[str, Any]:
    """Return what a run was made with: program, versions, machine, data set, command line."""
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return tool() | {
        "versions": versions | {"python": platform.python_version()},
        "machine": {
            "system": platform.platform(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": _gpu(),
        },
        "seed": config.seed,
        "dataset": str(table.root),
        "dataset_fingerprint": table.fingerprint,
        "dataset_key_check": table.key_check,
        "dataset_mean": table.mean,
        "dataset_deviation": table.deviation,
        "dataset_config": table.config,
        "command": sys.argv,
    }


def other_settings(stored: dict[str, Any], config: TrainConfig) -> str:
    """Say by which setting a checkpoint is of another run, those of `MAY_DIFFER` aside; else ''."""
    before, now = (
        {name: value for name, value in to_dict(settings).items() if name not in MAY_DIFFER}
        for settings in (from_dict(TrainConfig, stored), config)
    )
    return difference(before, now) if before != now else ""


def other_model(stored: dict[str, Any], config: TrainConfig) -> str:
    """Say by which setting a checkpoint is of another model, or one that is shown other images; else ''."""

    def shown(settings: TrainConfig) -> dict[str, Any]:
        # Where it began may have moved since; what it takes from there is in the checkpoint.
        model = replace(settings.model, init="", pretrained="")
        return {"data": {"frame": to_dict(settings.data.frame)}, "model": to_dict(model)}

    before, now = shown(from_dict(TrainConfig, stored)), shown(config)
    return difference(before, now) if before != now else ""


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else ""


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
