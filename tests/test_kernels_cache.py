"""The cache of compiled kernels on disk: raced for by processes, and never older than its sources."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless

from fxcore.dicom.entries import walk
from fxcore.kernels._blend import ask_ahead
from fxcore.phantom import synthesise
from tests.shared_data import DICOM

_ROOT = Path(__file__).parents[1]

_WORK = """
import numpy as np
from fxcore import kernels
kernels.warm()
image = np.random.default_rng(0).integers(0, 256, (200, 300)).astype(np.uint8)
print(kernels.rotate(image, 9.0).sum(), kernels.components(kernels.runs_from_image(image, 200)).count)
"""


def _start(code: str, cache: Path, *paths: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join(str(p) for p in (*paths, _ROOT))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    return out


def _copied_cache(folder: Path) -> Path:
    """Copy the filled cache to where no other test writes; return the folder with its files."""
    subprocess.run([sys.executable, "-c", "import fxcore.worker_start"], check=True, timeout=280)
    where = "from fxcore.kernels._blend import ask_ahead; print(ask_ahead.stats.cache_path)"
    cache = Path(_end(_start(where, folder)).strip())
    ignored = shutil.ignore_patterns("*.pyc")
    shutil.copytree(ask_ahead.stats.cache_path, cache, ignore=ignored, dirs_exist_ok=True)
    return cache


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_that_start_together_on_an_empty_cache(tmp_path: Path) -> None:
    together = [_end(process) for process in [_start(_WORK, tmp_path) for _ in range(2)]]
    files = sorted(tmp_path.rglob("*.nb?"))
    assert len(files) > 40
    times = [file.stat().st_mtime_ns for file in files]
    assert [_end(_start(_WORK, tmp_path))] * 2 == together
    assert [file.stat().st_mtime_ns for file in files] == times, "the cache was not used"
    assert sorted(tmp_path.rglob("*.nb?")) == files


def test_a_change_of_what_a_kernel_calls_is_noticed(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "inner.py").write_text(
        "from fxcore.kernels._jit import kernel\n@kernel\ndef value():\n    return 1\n"
    )
    (package / "outer.py").write_text(
        "from fxcore.kernels._jit import kernel\nfrom package.inner import value\n"
        "@kernel\ndef twice():\n    return 2 * value()\n"
    )
    code = "from package.outer import twice; print(twice())"
    assert _end(_start(code, tmp_path / "cache", tmp_path)) == "2\n"
    inner = package / "inner.py"
    inner.write_text(inner.read_text().replace("return 1", "return 4"))
    assert _end(_start(code, tmp_path / "cache", tmp_path)) == "8\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cache_of_other_sources_is_filled_anew(tmp_path: Path) -> None:
    """Numba keeps one version of a kernel: a mark that another was made must not outlive it."""
    code = "import fxcore.worker_start; print(len(fxcore.worker_start.__file__) > 0)"
    _copied_cache(tmp_path)
    (mark,) = tmp_path.rglob("*.filled")
    was = mark.read_text()
    indexes = {file: file.read_bytes() for file in tmp_path.rglob("*.nbi")}
    mark.write_text("of another version")
    for file in indexes:
        file.unlink()
    _end(_start(code, tmp_path))
    assert mark.read_text() == was
    assert len(list(tmp_path.rglob("*.nbi"))) == len(indexes)


_ALL_KINDS = """
import contextlib, sys
from pathlib import Path
from fxcore.build import build
from fxcore.dicom.config import PixelConfig
from fxcore.dicom.entries import walk
from fxcore.dicom.read import load_dicom
from fxcore.errors import UnreadableFileError
if __name__ == "__main__":
    folder, real = map(Path, sys.argv[1:])
    build(folder / "archive", folder / "out", key_file=folder / "key", index_file=folder / "index")
    for file in walk(real):
        with contextlib.suppress(UnreadableFileError):
            list(load_dicom(real / file.source, PixelConfig()).frames)
"""


def test_a_run_over_files_of_all_kinds_finds_every_kernel_in_the_cache(tmp_path: Path) -> None:
    """What is missing there is compiled by several workers at once, which Numba's cache is not made for."""
    archive = tmp_path / "archive"
    synthesise(archive, studies=40, seed=3, scale=0.15)
    syntaxes = set()
    for file in walk(archive):
        with contextlib.suppress(InvalidDicomError, OSError):
            header = pydicom.dcmread(archive / file.source, stop_before_pixels=True)
            syntaxes.add(header.file_meta.get("TransferSyntaxUID"))
    assert syntaxes >= {JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1}
    cache = _copied_cache(tmp_path / "cache")
    before = {file.name: file.stat().st_mtime_ns for file in cache.iterdir()}
    program = tmp_path / "program.py"
    program.write_text(_ALL_KINDS)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, program, tmp_path, DICOM], check=True, timeout=280, env=environment)
    assert any(name.endswith(".filled") for name in before)
    assert {file.name: file.stat().st_mtime_ns for file in cache.iterdir()} == before
