"""The clock of the system jumps, and files carry times of the past and the future."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.faults.scenario import JOBS, Finding, Place

_JUMPS = {"ten years ahead": 3.2e8, "an hour back": -3600.0, "to before 1970": -3e9}


def clock_jumps(root: Path, short: bool) -> Iterator[Finding]:
    """The clock of all processes jumps while a run goes on; the data set is the same."""
    place = Place(root)
    for job in ("build",) if short else JOBS:
        for name, seconds in list(_JUMPS.items())[: 1 if short else None]:
            place.undisturbed(job)
            run = place.start(
                job, environment={"FXRAY_TEST_CLOCK": str(seconds), "FXRAY_TEST_SLOW": "study:0.05"}
            )
            ended = run.wait()
            assert ended.code == 0, ended.errors
            place.check(job, place.out)
            shutil.rmtree(place.out)
            yield Finding(f"`{job}`: the clock jumps {name} and back", 1, "nothing: the same data set")


def times_of_files(root: Path, short: bool) -> Iterator[Finding]:
    """Sources and a half-done output carry times of the far past and future."""
    place = Place(root)
    place.undisturbed("build")
    for name, seconds in (("1970", 1.0), ("2100", 4.1e9))[: 1 if short else None]:
        killed = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert killed.wait_until(lambda: (place.out / "broken").exists())
        killed.signal_group(9)
        killed.wait()
        for path in (*place.archive.rglob("*"), *place.out.rglob("*")):
            os.utime(path, (seconds, seconds))
        place.finish("build")
        yield Finding(
            f"`build`: all files, read and written, date from {name}", 1, "nothing: the same data set"
        )
