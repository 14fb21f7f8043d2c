"""The process that hands out work loads nothing that reads or computes pixels: workers do that."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fxcore.phantom import synthesise


@pytest.mark.parametrize(
    ("modules", "needs"),
    [
        ("fxcore.cli.app, fxcore.build, fxcore.preprocess, fxcore.merge, fxcore.report", []),
        ("fxcore.label_histogram", []),
        ("fxserve.score", ["numpy"]),
        ("fxcore.phantom", ["numpy", "pydicom"]),
    ],
)
def test_the_parent_starts_without_what_workers_load(modules: str, needs: list[str]) -> None:
    code = f"import sys, {modules}; print(*{{'numpy', 'numba', 'pydicom', 'cv2'}} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert sorted(done.stdout.split()) == needs


def test_a_radiograph_that_is_only_made_smaller_needs_no_opencv() -> None:
    code = (
        "import sys, numpy as np\nfrom fxcore.letterbox import Frame, fit_image\n"
        "for rows in (300, 30):\n    fit_image(np.ones((rows, 200), np.uint8), Frame(64, 64, 'resize'))\n"
        "    print('cv2' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


_RUN = """
import sys
from pathlib import Path
from fxcore.build import build
if __name__ == "__main__":
    archive, folder = map(Path, sys.argv[1:])
    summary = build(archive, folder / "out", key_file=folder / "key", index_file=folder / "index", workers=1)
    print(summary.radiographs_done, *{"numba", "pydicom", "cv2"} & set(sys.modules))
"""


def test_a_whole_run_leaves_it_that_way(tmp_path: Path) -> None:
    synthesise(tmp_path / "archive", studies=3, seed=1, scale=0.1)
    program = tmp_path / "program.py"
    program.write_text(_RUN)
    done = subprocess.run(
        [sys.executable, program, tmp_path / "archive", tmp_path],
        check=True,
        capture_output=True,
        text=True,
        timeout=280,
    )
    count, *loaded = done.stdout.split()
    assert int(count) > 0
    assert not loaded
