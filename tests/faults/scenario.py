"""What a scenario is, and the place it happens in: an archive, jobs over it, their undisturbed results."""

from __future__ import annotations

import os
import random
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fxcore.dataset.png import encode_png
from fxcore.study import LABELS
from tests.faults.processes import Ended, Run
from tests.program import tree

_HOOK, _CHECKOUT = Path(__file__).parent / "hook", Path(__file__).parents[2]

NOTHING = "nothing"
JOBS = ("ingest", "preprocess", "build")


# Trees of undisturbed runs, by job and archive.
_UNDISTURBED: dict[tuple[str, int, int], dict[str, str]] = {}


@dataclass(frozen=True)
class Finding:
    """One row of the table.

    Attributes
    ----------
    fault : str
        What was done to the run.
    tried : int
        How often.
    seen : str
        What the user saw, with the paths of this machine replaced.
    lost : str
        What was lost; anything but ``"nothing"`` is a defect.
    """

    fault: str
    tried: int
    seen: str
    lost: str = NOTHING


class Place:
    """A folder with an archive in it, where jobs run and their results are compared.

    Parameters
    ----------
    root : Path
        A folder for this place alone.
    studies, images : int
        Studies of the archive, and images of each.
    """

    def __init__(self, root: Path, studies: int = 24, images: int = 2) -> None:
        self.root, self.archive, self.out = root, root / "archive", root / "out"
        self.started = root / "started"
        root.mkdir(parents=True, exist_ok=True)
        for study in range(studies):
            for image in range(images):
                draw(self.study_folder(study) / f"{image}.png", images * study + image)
        # The same everywhere, so that the same archive gives the same tree.
        (root / "key").write_bytes(bytes(range(32)))
        self._kind = (studies, images)

    def study_folder(self, number: int) -> Path:
        return self.archive / f"study{number}_{'positive' if number % 2 else 'negative'}"

    def arguments(self, job: str, out: Path | None = None) -> list[object]:
        """Return the command line of a job."""
        if job == "preprocess":
            return [job, self.ingested, out or self.out, "--part", "any", "-j", 2]
        parts = ["--part", "any"] if job == "build" else []
        return [job, self.archive, out or self.out, "--key", self.root / "key", "-j", 2, *parts]

    @property
    def ingested(self) -> Path:
        """An undisturbed data set for `preprocess` to read; made on first use."""
        path = self.root / "ingested"
        if not (path / "dataset.json").exists():
            assert self.run("ingest", path).code == 0
        return path

    def start(
        self,
        job: str,
        *options: object,
        out: Path | None = None,
        environment: dict[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> Run:
        """Start a job; `environment` may ask the hook for faults."""
        arguments = (*self.arguments(job, out), *options)
        return self.command(*arguments, environment=environment, before=before)

    def command(
        self,
        *arguments: object,
        environment: dict[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> Run:
        """Start ``fxray`` with its caches in this place."""
        caches = {"XDG_CACHE_HOME": str(self.root / "cache")}
        hook = {"PYTHONPATH": f"{_HOOK}{os.pathsep}{_CHECKOUT}"} if environment else {}
        environment = caches | hook | (environment or {})
        return Run(*arguments, environment=environment, before=before)

    def run(self, job: str, out: Path | None = None) -> Ended:
        """Run a job to its end, undisturbed."""
        return self.start(job, out=out).wait()

    def lifetime(self, job: str, tries: int = 3) -> float:
        """Return the seconds that a job takes when it is left alone."""
        taken = []
        for _ in range(tries):
            began = time.monotonic()
            assert self.run(job, self.root / "timed").code == 0
            taken.append(time.monotonic() - began)
            shutil.rmtree(self.root / "timed")
        return statistics.median(taken)

    def undisturbed(self, job: str) -> dict[str, str]:
        """Return the tree that a job leaves when it is left alone."""
        kind = (job, *self._kind)
        if kind not in _UNDISTURBED:
            _UNDISTURBED[kind] = self.fresh(job)
        return _UNDISTURBED[kind]

    def fresh(self, job: str) -> dict[str, str]:
        """Return the tree of a run over what is there now, in a new folder."""
        out = self.root / "fresh"
        ended = self.run(job, out)
        assert ended.code in (0, 3), ended.errors
        found = tree(out)
        shutil.rmtree(out)
        return found

    def finish(self, job: str, out: Path | None = None, expected: dict[str, str] | None = None) -> None:
        """Run a job to its end on what a broken run left, check that nothing is lost, and clear up."""
        out = out or self.out
        before = finished(out)
        ended = self.run(job, out)
        assert ended.code in (0, 3), f"the next run ended with exit code {ended.code}: {ended.errors}"
        # Where sources changed, studies have to be made again.
        self.check(job, out, before if expected is None else None, expected)
        shutil.rmtree(out)

    def check(
        self,
        job: str,
        out: Path,
        before: dict[str, tuple[tuple[int, int], ...]] | None = None,
        expected: dict[str, str] | None = None,
    ) -> None:
        """Check a finished data set against an undisturbed one.

        `before` are the studies that an earlier run had finished: none may have been made again.
        """
        expected = self.undisturbed(job) if expected is None else expected
        found = tree(out)
        missing, added = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
        assert found == expected, (
            f"the tree is not that of an undisturbed run: missing {missing[:3]}, too many {added[:3]}, "
            f"different {[name for name in expected if found.get(name, '') != expected[name]][:3]}"
        )
        after = finished(out)
        again = [name for name, stamps in (before or {}).items() if after.get(name) != stamps]
        assert not again, f"made again although complete: {again[:3]}"
        self.assert_no_temporaries()

    def assert_no_temporaries(self) -> None:
        left = [
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if path.name.startswith(".fxray")
            or path.name.endswith(".partial")
            or path.name.startswith("key.")
        ]
        assert not left, f"temporaries left behind: {left[:5]}"

    def plain(self, text: str) -> str:
        """Return a message as it may stand in a page: without the paths of this machine."""
        for path, name in ((self.out, "OUT"), (self.archive, "ARCHIVE"), (self.root, "DIR")):
            text = text.replace(str(path.resolve()), name).replace(str(path), name)
        return text


def finished(out: Path) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the studies in place, each with inode and time of change of its folder and files."""
    found = {}
    for label in LABELS:
        for study in (out / label).glob("*"):
            if (study / "metadata.csv").exists():
                paths = [study, *sorted(study.iterdir())]
                stamps = tuple((path.stat().st_ino, path.stat().st_mtime_ns) for path in paths)
                found[f"{label}/{study.name}"] = stamps
    return found


def draw(path: Path, seed: int = 0) -> None:
    """Write a PNG with a bright bar on dark, noisy ground."""
    image = np.random.default_rng(seed).integers(0, 20, (120, 100), np.uint8)
    image[20:100, 40:64] = 180
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(image))


Scenario = Callable[[Path, bool], Iterator[Finding]]


def seeded(name: str) -> random.Random:
    """Return random numbers that are the same at every run of a scenario."""
    return random.Random(name)
