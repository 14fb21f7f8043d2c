"""What a process keeps of the memory that it gives back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Batch after batch takes two arrays that are larger than glibc would keep by itself.
_WORK = """
import resource
from pathlib import Path
import numpy as np
from fxcore.allocator import kept_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(megabytes << 20, np.uint8) for megabytes in (200, 100)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() >> 20

start = resident()
with kept_memory():
    print(faults(), faults(), resident() - start, end=" ")
print(resident() - start)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told to")
def test_memory_is_kept_from_batch_to_batch_and_handed_back_at_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WORK], check=True, capture_output=True, text=True, timeout=60
    )
    first, second, kept, left = map(int, done.stdout.split())
    assert first > 150  # of 2 MiB, where the system gives NumPy large pages
    assert second < 20
    assert kept > 250
    assert left < 50
