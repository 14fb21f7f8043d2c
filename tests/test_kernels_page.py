"""The page of the kernels says what their code says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.kernel_page import page
from fxcore import kernels

_DOCS = Path(__file__).parents[1] / "docs" / "kernels.md"


def test_the_page_is_that_of_this_code() -> None:
    assert _DOCS.read_text(encoding="utf-8") == page(), "run python -m bench.kernel_page docs"


def test_help_is_printed_and_nothing_written(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.kernel_page", "--help"]
    environment = os.environ | {"PYTHONPATH": str(_DOCS.parents[1])}
    shown = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "kernels.md" in shown.stdout
    assert not list(tmp_path.iterdir())


def test_the_page_has_every_kernel_in_a_line() -> None:
    lines = _DOCS.read_text(encoding="utf-8").splitlines()
    for name in kernels.__all__:
        assert any(line.startswith(f"| `{name}` | ") and len(line) > len(name) + 20 for line in lines), name
    assert max(map(len, lines)) <= 140
