"""What all tests share: property tests without deadlines, as the first call of a kernel compiles it, and
a cache folder of their own, for them and the programs they start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bench.run import compile_packages

settings.register_profile("fxray", deadline=None, derandomize=True)
settings.load_profile("fxray")


@pytest.fixture(autouse=True, scope="session")
def _bytecode() -> None:
    """Spare the hundreds of programs that tests start what Python may have been told not to keep."""
    compile_packages()


@pytest.fixture(autouse=True, scope="session")
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    # Processes that share the tests share what they compile.
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before
