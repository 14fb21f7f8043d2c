"""Killed at any moment, by time and by every single change to the disk; then gone on with."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.faults.scenario import JOBS, Finding, Place, finished, seeded

_NO_WORD = "no word (it was killed); the next run goes on"


def group_killed(root: Path, short: bool) -> Iterator[Finding]:
    """Every process of a run is killed at a random moment (kill -9, power button of the container)."""
    return _killed_at_random(root, short, whole_group=True)


def parent_killed(root: Path, short: bool) -> Iterator[Finding]:
    """Only the parent is killed; its workers must end by themselves and do no harm to the next run."""
    return _killed_at_random(root, short, whole_group=False)


def _killed_at_random(root: Path, short: bool, *, whole_group: bool) -> Iterator[Finding]:
    place = Place(root)
    whom = "whole process group" if whole_group else "parent alone"
    for job in JOBS[2:] if short else JOBS:
        rng = seeded(f"{whom} {job}")
        lifetime = place.lifetime(job, 1 if short else 3)
        deaths, completed, wanted = 0, 0, 3 if short else 50
        while deaths < wanted:
            run = place.start(job)
            time.sleep(rng.uniform(0, lifetime))
            if run.is_running():
                (run.signal_group if whole_group else run.signal_parent)(signal.SIGKILL)
            ended = run.wait()
            if ended.code == 0:
                # It was faster than the signal.
                place.check(job, place.out)
                shutil.rmtree(place.out)
                continue
            assert ended.code == -signal.SIGKILL, ended.errors
            deaths += 1
            if whole_group:
                run.assert_gone(1)
            # More than one death in the life of most outputs.
            if rng.random() < 0.4 or deaths == wanted:
                place.finish(job)
                completed += 1
                run.assert_gone()
            elif not whole_group and rng.random() < 0.5:
                run.assert_gone(10)
        yield Finding(f"`{job}`: kill -9 of the {whom} at random moments", deaths, _NO_WORD)


def killed_at_each_step(root: Path, short: bool) -> Iterator[Finding]:
    """Killed right before each single change to the disk: from the first folder to the last removal."""
    place = Place(root, studies=3, images=1)
    for job in ("build",) if short else reversed(JOBS):
        place.undisturbed(job)
        # Files that changed a moment ago are looked into by each run; from then on the first run keeps an
        # index of the archive, which the runs after it find there.
        time.sleep(2.5)
        steps = min(_count_steps(place, job) for _ in range(2))
        rng = seeded(job)
        # `build` stands for all three, which share what writes to the disk.
        every = range(1, steps + 1, 4 if job == "build" else 8)
        chosen = sorted(rng.sample(every, 3)) if short else every
        deaths = 0
        for step in chosen:
            run = place.start(job, environment=_dying_at(place, step))
            ended = run.wait()
            if ended.code == -signal.SIGKILL:
                deaths += 1
                run.assert_gone(1)
            else:
                assert ended.code == 0, ended.errors
            before = finished(place.out)
            assert place.run(job).code == 0
            place.check(job, place.out, before)
            shutil.rmtree(place.out)
        assert deaths >= len(chosen) * 0.8, "the run did not die where it should have"
        yield Finding(
            f"`{job}`: kill -9 right before a change to the disk, one of {steps} after another",
            deaths,
            _NO_WORD,
        )


def _count_steps(place: Place, job: str) -> int:
    assert place.start(job, environment=_dying_at(place, 0)).wait().code == 0
    shutil.rmtree(place.out)
    return (place.root / "counter").stat().st_size


def _dying_at(place: Place, step: int) -> dict[str, str]:
    counter = place.root / "counter"
    counter.unlink(missing_ok=True)
    return {
        "FXRAY_TEST_DIE_AT": str(step),
        "FXRAY_TEST_COUNTER": str(counter),
        "FXRAY_TEST_PLACES": os.pathsep.join([str(place.out), str(place.root / "cache")]),
    }


def worker_killed(root: Path, short: bool) -> Iterator[Finding]:
    """A worker is killed from outside, as the system does when memory is short."""
    place = Place(root)
    place.undisturbed("build")
    # At a file most of the time, or between two as often as not: then the pool itself may be hurt.
    for what, slow in {"at work on a file": "study:0.1", "at any moment": "study:0"}.items():
        if short and slow == "study:0":
            continue
        rng, seen = seeded(what), Counter[str]()
        while seen.total() < (2 if short else 5):
            run = place.start("build", environment={"FXRAY_TEST_SLOW": slow})
            run.wait_until(lambda run=run: len(_workers(run.pid)) == 2 and bool(finished(place.out)))
            time.sleep(rng.uniform(0, 0.3))
            if not (workers := _workers(run.pid)):
                # It was faster than the signal.
                assert run.wait().code == 0
                shutil.rmtree(place.out)
                continue
            with suppress(ProcessLookupError):
                os.kill(rng.choice(workers), signal.SIGKILL)
            ended = run.wait(150)
            assert ended.code == 0, ended.errors
            seen[f"exit code {ended.code}"] += 1
            run.assert_gone()
            place.finish("build")
        for said, times in seen.items():
            yield Finding(f"`build`: a worker killed {what}", times, said)


def _workers(parent: int) -> list[int]:
    """Return the processes forked by the server process of a run."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, above, *_ = stat.read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        children.setdefault(int(above), []).append(int(stat.parent.name))
    return [worker for child in children.get(parent, []) for worker in children.get(child, [])]
