"""Disks that are full, read-only, or taken away while a run writes to them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scenario import JOBS, Finding, Place, finished
from tests.program import remount, small_disk, tree

_FULL = "No space left on device"


def full_disk(root: Path, short: bool) -> Iterator[Finding]:
    """The disk of the output is full at one point after another, from the first folder to the last file."""
    place = Place(root)
    disk = root / "disk"
    for job in ("build",) if short else JOBS:
        undisturbed = place.undisturbed(job)
        # A page more or less where nearly all fits: staging, records and root files all get their turn.
        need = 60 if short else _space_needed(place, job)
        sizes = [20, need] if short else [2, 4, *range(8, need, max(1, need // 8)), *range(need - 5, need)]
        said: dict[str, int] = {}
        for pages in sizes:
            with small_disk(disk, f"{pages * 4}k"):
                out = disk / "out"
                ended = place.run(job, out)
                if ended.code == 0:
                    assert tree(out) == undisturbed
                    continue
                assert ended.code == 1, ended.errors
                assert _FULL in ended.last_words, ended.errors
                assert "run the same command again" in ended.last_words, ended.errors
                words = place.plain(ended.last_words.replace(str(out.resolve()), "OUT"))
                said[_without_names(words)] = said.get(_without_names(words), 0) + 1
                remount(disk, "size=64m")
                place.finish(job, out)
        for words, times in sorted(said.items(), key=lambda item: -item[1]):
            yield Finding(f"`{job}`: disk full", times, f"exit code 1; {words}")


def _space_needed(place: Place, job: str) -> int:
    """Return the pages of 4 KiB that a run takes at most, found by trying."""
    low, high = 8, 4096
    while high - low > 4:
        middle = (low + high) // 2
        with small_disk(place.root / "disk", f"{middle * 4}k"):
            fits = place.run(job, place.root / "disk" / "out").code == 0
        low, high = (low, middle) if fits else (middle, high)
    return high


def _without_names(words: str) -> str:
    """Leave out the names of single studies and radiographs, which differ from try to try."""
    parts = words.split(": ")
    return ": ".join("OUT/…" if part.startswith("OUT/") else part for part in parts)


def full_disk_elsewhere(root: Path, short: bool) -> Iterator[Finding]:
    """No room for the pseudonym key, the link file or the index, which lie outside the data set."""
    place = Place(root, studies=2, images=1)
    undisturbed = place.undisturbed("build")
    disk = root / "disk"
    with small_disk(disk, "64k"):
        (disk / "ballast").write_bytes(bytes(64 << 10)[: os.statvfs(disk).f_bavail * 4096])
        archive = [str(place.archive), str(place.out)]
        cases = {
            "key file": ["build", *archive, "--part", "any", "--key", disk / "new key"],
            "link file": [*place.arguments("build"), "--link", disk / "link.csv"],
        }
        for name, arguments in cases.items():
            ended = place.command(*arguments).wait()
            assert ended.code == 1, ended.errors
            assert _FULL in ended.last_words, ended.errors
            assert [path.name for path in disk.iterdir()] == ["ballast"], (
                "something half-written was left behind"
            )
            yield Finding(
                f"`build`: no room for the {name}", 1, f"exit code 1; {place.plain(ended.last_words)}"
            )
        ended = place.command(*place.arguments("build"), environment={"XDG_CACHE_HOME": str(disk)}).wait()
        assert ended.code == 0, ended.errors
        assert tree(place.out) == undisturbed
        words = next(line for line in ended.errors.splitlines() if "will have to look" in line)
        assert [path.name for path in disk.rglob("*") if path.is_file()] == ["ballast"]
        yield Finding(
            "`build`: no room for the index of the archive", 1, f"exit code 0; {place.plain(words)}"
        )
    shutil.rmtree(place.out, ignore_errors=True)


def read_only(root: Path, short: bool) -> Iterator[Finding]:
    """The output lies on a disk that cannot be written, from the start; half done or finished."""
    place = Place(root, studies=4, images=1)
    disk = root / "disk"
    for job in ("build",) if short else JOBS:
        place.undisturbed(job)
        with small_disk(disk, "16m"):
            out = disk / "out"
            for state in ("half done",) if short else ("empty", "half done", "finished"):
                if state == "half done":
                    run = place.start(job, out=out, environment={"FXRAY_TEST_SLOW": "study:0.3"})
                    assert run.wait_until(lambda out=out: bool(finished(out)))
                    run.signal_group(9)
                    run.wait()
                    run.assert_gone()
                elif state == "finished":
                    assert place.run(job, out).code == 0
                remount(disk, "ro")
                ended = place.run(job, out)
                assert ended.code == 1, ended.errors
                assert "Read-only file system" in ended.last_words, ended.errors
                remount(disk, "rw")
                words = place.plain(ended.last_words.replace(str(out.resolve()), "OUT"))
                yield Finding(f"`{job}`: output read-only, {state}", 1, f"exit code 1; {words}")
            place.finish(job, out)


def locked_in_mid_run(root: Path, short: bool) -> Iterator[Finding]:
    """Folders of the output can no longer be changed while the run is at work."""
    place = Place(root)
    place.undisturbed("build")
    for folder in ("broken",) if short else ("broken", ".fxray/staging", ".fxray/records", "."):
        run = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert run.wait_until(lambda: bool(list(place.out.glob("broken/*/metadata.csv"))))
        target = place.out / folder
        if subprocess.run(["chattr", "+i", str(target)], capture_output=True).returncode:
            run.signal_group(9)
            run.wait()
            pytest.skip("the file system knows no immutable folders, or this is not root")
        try:
            ended = run.wait()
        finally:
            subprocess.run(["chattr", "-i", str(target)], check=True)
        assert ended.code == 1, (ended.code, ended.errors)
        run.assert_gone()
        place.finish("build")
        words = _without_names(place.plain(ended.last_words))
        yield Finding(f"`build`: OUT/{folder} made immutable in mid-run", 1, f"exit code 1; {words}")


def output_removed(root: Path, short: bool) -> Iterator[Finding]:
    """Somebody removes the whole output, or a study that is done, while the run is at work."""
    place = Place(root)
    place.undisturbed("build")
    for what in ("the output",) if short else ("the output", "a finished study"):
        run = place.start("build", environment={"FXRAY_TEST_SLOW": "study:0.1"})
        assert run.wait_until(lambda: bool(finished(place.out)))
        victim = place.out if what == "the output" else place.out / next(iter(finished(place.out)))
        shutil.rmtree(victim, ignore_errors=True)
        shutil.rmtree(victim, ignore_errors=True)
        ended = run.wait()
        assert ended.code in (0, 1), (ended.code, ended.errors)
        run.assert_gone()
        place.finish("build")
        words = _without_names(place.plain(ended.last_words))
        yield Finding(f"`build`: {what} removed in mid-run", 1, f"exit code {ended.code}; {words}")
