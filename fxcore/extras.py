"""What some jobs need that is not always installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fxcore.errors import FxrayError


@dataclass(frozen=True)
class Extra:
    """An optional part of fxray: what it is for, its name for pip, and what it brings."""

    purpose: str
    name: str
    packages: tuple[str, ...]

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install 'fxray[{self.name}]'"

    @property
    def lacking(self) -> str:
        """The name of a package that is not installed; empty: there is none."""
        return next((name for name in self.packages if importlib.util.find_spec(name) is None), "")

    def missing(self, what: str) -> FxrayError:
        """Return an error that says what lacks, and what to install."""
        return FxrayError(f"{what}; install it with: {self.install}")

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Say what to install where a package is missing.

        Raises
        ------
        FxrayError
        """
        if package := self.lacking:
            raise self.missing(f"{self.purpose} needs {package}")
        yield


TRAINING = Extra(
    "training",
    "train",
    ("torch", "torchvision", "sklearn", "matplotlib", "cv2", "onnx", "onnxruntime", "onnxscript"),
)
SCORING = Extra("scoring", "serve", ("onnxruntime", "onnx", "cv2"))
PARQUET = Extra("Parquet", "parquet", ("pyarrow",))
CLUSTER = Extra("--scheduler", "cluster", ("distributed",))
