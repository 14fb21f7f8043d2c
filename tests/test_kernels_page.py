"""The page of the kernels says what their code says."""

from __future__ import annotations

from pathlib import Path

from bench.kernel_page import page
from fxcore import kernels

_DOCS = Path(__file__).parents[1] / "docs" / "kernels.md"


def test_the_page_is_that_of_this_code() -> None:
    assert _DOCS.read_text(encoding="utf-8") == page(), "run python -m bench.kernel_page docs"


def test_the_page_has_every_kernel_in_a_line() -> None:
    lines = _DOCS.read_text(encoding="utf-8").splitlines()
    for name in kernels.__all__:
        assert any(line.startswith(f"| `{name}` | ") and len(line) > len(name) + 20 for line in lines), name
    assert max(map(len, lines)) <= 140
