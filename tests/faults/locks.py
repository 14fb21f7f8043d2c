"""Two runs over one output, and the lock that a killed run leaves."""

from __future__ import annotations

import platform
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.faults.scenario import JOBS, Finding, Place, finished


def two_at_once(root: Path, short: bool) -> Iterator[Finding]:
    """A second run is refused, names the first, and does not disturb it; a dead run's lock does not count."""
    place = Place(root)
    for job in ("build",) if short else JOBS:
        place.undisturbed(job)
        first = place.start(job, environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert first.wait_until(lambda: bool(finished(place.out)))
        # Held, so that it cannot end before the second has come to ask.
        first.signal_group(signal.SIGSTOP)
        refused = place.run(job)
        first.signal_group(signal.SIGCONT)
        assert refused.code == 1, refused.errors
        assert f"(process {first.pid} on {platform.node()})" in refused.last_words, refused.errors
        assert first.wait().code == 0
        place.check(job, place.out)
        shutil.rmtree(place.out)
        said = place.plain(refused.last_words).replace(f"{first.pid} on {platform.node()}", "PID on HOST")
        yield Finding(f"`{job}`: a second run on the same output", 1, f"exit code 1; {said}")
        killed = place.start(job, environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert killed.wait_until(lambda: bool(finished(place.out)))
        killed.signal_group(signal.SIGKILL)
        killed.wait()
        assert (place.out / ".fxray" / "lock").read_text().startswith(f"{killed.pid} ")
        place.finish(job)
        yield Finding(f"`{job}`: the lock of a killed run", 1, "nothing: the lock is known to be stale")


def started_together(root: Path, short: bool) -> Iterator[Finding]:
    """Two runs start at the same moment: one wins, the other is refused or finds all done."""
    place = Place(root)
    place.undisturbed("build")
    tries = 1 if short else 5
    for _ in range(tries):
        runs = [place.start("build") for _ in range(2)]
        ended = [run.wait() for run in runs]
        codes = sorted(end.code for end in ended)
        assert codes in ([0, 0], [0, 1]), [end.errors for end in ended]
        place.check("build", place.out)
        shutil.rmtree(place.out)
    yield Finding(
        "`build`: two runs started at the same moment", tries, "one of them refused, or nothing to do"
    )
