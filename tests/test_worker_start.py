"""What a process is made ready with before workers are forked from it."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Each radiograph takes and gives back a few arrays of some megabytes.
_WORK = """
import resource
import fxcore.worker_start
import numpy as np

def radiograph():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(megabytes << 20, np.uint8) for megabytes in (16, 8, 24, 8)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(radiograph(), radiograph())
"""


def _run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=200
    ).stdout


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to")
def test_what_a_radiograph_took_is_kept_for_the_next() -> None:
    first, second = map(int, _run(_WORK).split())
    assert first > 500
    assert second < 50


def test_what_loading_the_kernels_does_without_is_there_afterwards() -> None:
    pytest.importorskip("scipy")
    code = "import fxcore.worker_start, scipy.linalg; print(scipy.linalg.norm([3.0, 4.0]))"
    assert float(_run(code)) == 5.0
