"""The cache of compiled kernels on disk: raced for by processes, and never older than its sources."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
