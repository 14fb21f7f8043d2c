"""How many cores this process may use: by its affinity, and by what its control group is given of them."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_MOUNTED = Path("/sys/fs/cgroup")


def default_workers() -> int:
    """Return the number of cores that this process may use, 1 at least.

    A container that is given two of 64 cores sees all of them: with a process for each, all would wait for
    each other, and take the memory of 64.
    """
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    return max(1, math.ceil(min([cores, *_quotas()])))


def _quotas() -> Iterator[float]:
    """Yield the cores that the control groups of this process are bounded to (cgroups(7))."""
    groups: list[str] = []
    with contextlib.suppress(OSError):
        groups = _GROUPS.read_text().splitlines()
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            mounted, names = _MOUNTED, ["cpu.max"]
        elif "cpu" in controllers.split(","):
            mounted, names = _MOUNTED / "cpu", ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
        else:
            continue
        place = mounted / path.lstrip("/")
        for folder in (place, *place.parents):
            # What is unbounded says so by a word or a negative number; a group may be seen by another path.
            with contextlib.suppress(OSError, ValueError):
                quota, period = map(int, " ".join((folder / name).read_text() for name in names).split())
                if quota > 0 < period:
                    yield quota / period
            if folder == mounted:
                break
