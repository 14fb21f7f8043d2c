"""The process that hands out work loads nothing that reads or computes pixels: workers do that."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "needs"),
    [
        ("fxcore.cli.app, fxcore.build, fxcore.preprocess, fxcore.merge, fxcore.report", []),
        ("fxcore.label_histogram", []),
        ("fxserve.score", ["numpy"]),
    ],
)
def test_the_parent_starts_without_what_workers_load(modules: str, needs: list[str]) -> None:
    code = f"import sys, {modules}; print(*{{'numpy', 'numba', 'pydicom', 'cv2'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == needs
