"""Ctrl-C and the signals of a cluster, in each phase of a run: it stops soon and says how to go on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.processes import Run
from tests.faults.scenario import Finding, Place, finished, seeded

_SECONDS_TO_STOP = 3.0
_TRIES = 3


class TooSlowError(AssertionError):
    """A run that was told to stop did, but not in time."""


# Signal, what it is called, and the exit code that a shell knows for it.
_SIGNALS = (
    (signal.SIGINT, "Ctrl-C", 130),
    (signal.SIGTERM, "SIGTERM", 143),
    (signal.SIGHUP, "terminal closed (SIGHUP)", 129),
)

_SHORT = (
    (signal.SIGINT, "start-up"),
    (signal.SIGINT, "studies"),
    (signal.SIGINT, "assembly"),
    (signal.SIGTERM, "studies"),
)

_SLOW = {
    "start-up": "index:0",
    "looking into files": "index:0.2",
    "studies": "study:0.2",
    "assembly": "assembly:30",
}


def interrupted(root: Path, short: bool) -> Iterator[Finding]:
    """Each signal to the whole process group, as a terminal and a cluster send it, in each phase."""
    place = Place(root)
    place.undisturbed("build")
    for number, name, code in _SIGNALS:
        for phase, slow in _SLOW.items():
            if short and (number, phase) not in _SHORT:
                continue
            tries = 1 if short else 10 if phase == "start-up" else 3
            said = {_interrupt(place, number, code, phase, slow, attempt) for attempt in range(tries)}
            yield Finding(f"{name} during {phase}", tries, f"exit code {code}; " + " / ".join(sorted(said)))


def interrupted_in_native_code(root: Path, short: bool) -> Iterator[Finding]:
    """Ctrl-C while all workers are in native calls that look at no signal."""
    place = Place(root, studies=2, images=1)
    for study in range(2):
        (place.study_folder(study) / "0.png").rename(place.study_folder(study) / "spin.png")
    for left in reversed(range(_TRIES)):
        run = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0"})
        run.wait_until(lambda: len(list(place.out.glob(".fxray/staging/*"))) == 2)
        try:
            said = _stop(place, run, signal.SIGINT, 130)
            break
        except TooSlowError:
            # With all cores at work in native code, a machine that has others to serve may stand still.
            if not left:
                raise
    yield Finding("Ctrl-C while all workers are in native code", 1, said)


def interrupted_twice(root: Path, short: bool) -> Iterator[Finding]:
    """Ctrl-C again and again while the first one is being served."""
    place = Place(root)
    rng = seeded("interrupted twice")
    tries = 1 if short else 10
    for _ in range(tries):
        run = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0.2"})
        run.wait_until(lambda: bool(finished(place.out)))
        run.signal_group(signal.SIGINT)
        for _ in range(3):
            time.sleep(rng.uniform(0, 0.15))
            if run.is_running():
                run.signal_group(signal.SIGINT)
        said = _stop(place, run, 0, 130)
        place.finish("build")
    yield Finding("Ctrl-C, and again while stopping", tries, f"exit code 130; {said}")


def _interrupt(place: Place, number: int, code: int, phase: str, slow: str, attempt: int) -> str:
    if phase == "start-up":
        # Once the interpreter itself has started (it has read the hook), up to when the workers have.
        place.started.unlink(missing_ok=True)
        run = place.start("build", environment={"FXRAY_TEST_STARTED": str(place.started)})
        assert run.wait_until(place.started.exists)
        time.sleep(0.03 + 0.04 * attempt)
    else:
        run = place.start(
            "build", environment={"FXRAY_TEST_SLOW": slow, "XDG_CACHE_HOME": str(place.root / str(attempt))}
        )
        assert run.wait_until(_reached(place, phase)), f"the run ended before {phase}"
    said = _stop(place, run, number, code)
    place.finish("build") if place.out.exists() else None
    return said


def _reached(place: Place, phase: str) -> Callable[[], bool]:
    if phase == "looking into files":
        return lambda: (place.out / ".fxray" / "settings.json").exists()
    if phase == "studies":
        return lambda: bool(finished(place.out))
    return lambda: (place.out / ".fxray" / "journal.jsonl").exists()


def _stop(place: Place, run: Run, number: int, code: int) -> str:
    began = time.monotonic()
    if number:
        run.signal_group(number)
    ended = run.wait(30)
    took = time.monotonic() - began
    assert ended.code == code, f"exit code {ended.code} instead of {code}: {ended.errors}"
    assert "run the same command again" in ended.last_words, ended.errors
    run.assert_gone(5)
    if took >= _SECONDS_TO_STOP:
        raise TooSlowError(f"it took {took:.1f} seconds to stop")
    return place.plain(ended.last_words)
