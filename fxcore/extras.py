"""What some jobs need that is not always installed."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires

from fxcore.errors import FxrayError

# What pip calls the package that brings a module, where it is called otherwise.
_DISTRIBUTIONS = {
    "cv2": "opencv-python",
    "onnxruntime": "onnxruntime-gpu",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}


@dataclass(frozen=True)
class Extra:
    """An optional part of fxray: what it is for, its name for pip, and the modules it brings."""

    purpose: str
    name: str
    packages: tuple[str, ...]

    @property
    def install(self) -> str:
        """The command that installs what lacks of it, from anywhere: the index of pip has another `fxray`."""
        wanted = (self._requirement(distribution_of(name)) for name in self.lacking or self.packages)
        return shlex.join([sys.executable, "-m", "pip", "install", *wanted])

    @property
    def lacking(self) -> tuple[str, ...]:
        """The modules that are not installed."""
        return tuple(name for name in self.packages if importlib.util.find_spec(name) is None)

    def _requirement(self, distribution: str) -> str:
        """Return the name with the versions that fxray asks for, where it is installed and can say so."""
        try:
            lines = requires("fxray") or []
        except PackageNotFoundError:
            return distribution
        for line in lines:
            requirement, _, marker = line.partition(";")
            name = re.match(r"[\w.-]+", requirement)
            if name and name[0] == distribution and re.search(rf"extra == ['\"]{self.name}['\"]", marker):
                return requirement.strip()
        return distribution

    def missing(self, what: str) -> FxrayError:
        """Return an error that says what lacks, and what to install."""
        return FxrayError(f"{what}; install it with: {self.install}")

    def require(self) -> None:
        """Say what to install where a package is missing.

        Raises
        ------
        FxrayError
        """
        if modules := self.lacking:
            names = ", ".join(map(distribution_of, modules))
            raise self.missing(f"{self.purpose} needs what is not installed ({names})")

    @contextmanager
    def needed(self) -> Iterator[None]:
        """Do what is within only where all is there; see `require`."""
        self.require()
        yield


def distribution_of(module: str) -> str:
    """Return what pip calls the package that brings a module."""
    return _DISTRIBUTIONS.get(module, module)


TRAINING = Extra(
    "training",
    "train",
    ("torch", "torchvision", "sklearn", "matplotlib", "cv2", "onnx", "onnxruntime", "onnxscript"),
)
SCORING = Extra("scoring", "serve", ("onnxruntime", "onnx", "cv2"))
PARQUET = Extra("Parquet", "parquet", ("pyarrow",))
CLUSTER = Extra("--scheduler", "cluster", ("distributed",))
BENCHMARKS = Extra("a benchmark", "bench", ("cv2", "skimage", "sklearn", "matplotlib", "pylibjpeg"))
