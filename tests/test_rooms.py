"""Each package imports what is below it and nothing else, inside functions as well."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each room may import: of ours by prefix, of others by package. The standard library is open to all.
ROOMS = {
    "fxcore/kernels": ("fxcore.kernels", "fxcore.errors", "numpy", "numba", "llvmlite"),
    "fxcore/body_parts": ("fxcore.body_parts", "ftfy", "rapidfuzz"),
    "fxcore/labels": ("fxcore.labels", "fxcore.body_parts", "fxcore.errors", "fxcore.study"),
    "fxcore/dicom": (
        *("fxcore.dicom", "fxcore.kernels", "fxcore.body_parts", "fxcore.errors"),
        *("numpy", "pydicom", "gdcm", "imagecodecs"),
    ),
    "fxcore/dataset": (
        *("fxcore.dataset", "fxcore.kernels", "fxcore.errors", "fxcore.json_text", "fxcore.study"),
        *("numpy", "isal"),
    ),
    "fxcore/steps": (
        *("fxcore.steps", "fxcore.kernels", "fxcore.body_parts"),
        *("fxcore.errors", "fxcore.json_text", "fxcore.study", "numpy"),
    ),
    "fxtrain": (
        *("fxtrain", "fxcore", "numpy", "torch", "torchvision"),
        *("scipy", "sklearn", "matplotlib", "onnxruntime"),
    ),
    "fxserve": ("fxserve", "fxcore", "numpy", "onnx", "onnxruntime", "pyarrow"),
}
# The jobs, the phantom and the processes: all of fxcore, and no network of any kind.
NOT_IN_FXCORE = ("fxtrain", "fxserve", "bench", "torch", "torchvision", "onnx", "onnxruntime")
# Steps compute: they open no file and start no process.
NOT_IN_STEPS = ("io", "multiprocessing", "os", "pathlib", "shutil", "subprocess", "tempfile", "threading")


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"{path} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"{folder} has no files"
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_is_below_it_alone(room: str) -> None:
    standard = tuple(sys.stdlib_module_names)
    others = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files(room)
        for name in imported(path)
        if not is_of(name, (*ROOMS[room], *standard))
    }
    assert not others


def test_fxcore_knows_nothing_of_models_but_at_the_command_line() -> None:
    others = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files("fxcore")
        if not path.is_relative_to(ROOT / "fxcore/cli")
        for name in imported(path)
        if is_of(name, NOT_IN_FXCORE)
    }
    assert not others


def test_steps_open_no_files_and_start_no_processes() -> None:
    others = {
        f"{path.name}: {name}"
        for path in files("fxcore/steps")
        for name in imported(path)
        if is_of(name, NOT_IN_STEPS)
    }
    assert not others


def test_of_the_command_line_only_the_other_command_lines_know() -> None:
    others = {
        str(path.relative_to(ROOT))
        for folder in ("fxcore", "fxtrain", "fxserve")
        for path in files(folder)
        if not path.is_relative_to(ROOT / "fxcore/cli") and path.name != "__main__.py"
        if any(is_of(name, ("fxcore.cli",)) for name in imported(path))
    }
    assert not others
