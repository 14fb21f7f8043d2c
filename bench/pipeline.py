"""The whole job, from archive to data set: ``fxray build`` against an expert's script.

Both run as a user runs them, as a command in a fresh process with a fresh output folder; the clock runs
from its start to its end. Ours is told to use the published methods, which are those of the script; our own
are measured beside them.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.archives import LABELS, SHARES, archive
from bench.harness import Effort, interleave
from bench.options import Options
from bench.published import PUBLISHED
from bench.results import Findings, compare
from fxcore.config import to_toml

MARKS = {"mixed": 3.0, "uncompressed": 5.0}
"""Ratios to be reached, both on two workers."""

TWO_WORKERS = 1.85
"""What two workers must gain over one."""

THESIS_RADIOGRAPHS, THESIS_S = 21_372, 15 * 60.0
"""The archive of the thesis, and the time it may take on two cores."""

STUDIES, QUICK_STUDIES = 230, 10
# No warm-up: each run is a process of its own, and the files are read once beforehand.
_FULL = Effort(least=3, warm_up=0)
_QUICK = Effort(least=2, warm_up=0)


def run(options: Options) -> Findings:
    """Measure both archives; see `bench.options.Options`."""
    findings = Findings("pipeline")
    with tempfile.TemporaryDirectory(prefix="fxray-bench-out-") as folder:
        for kind in SHARES:
            _measure(kind, Path(folder), options, findings)
    return findings


class _Runs:
    """Commands that each write to a folder of their own, made anew before the clock starts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "published.toml"
        self._config.write_text(to_toml(PUBLISHED), encoding="utf-8")

    def before(self, name: str) -> None:
        """Make way for a run, which must not pay for that.

        The files of the one before are emptied now and removed at the end: for minutes after thousands have
        been removed, ext4 looks at each of them whenever a file is created (`recently_deleted`).
        """
        written = self._folder / name
        if written.exists():
            aside = Path(tempfile.mkdtemp(prefix="aside-", dir=self._folder))
            for file in written.rename(aside / name).rglob("*"):
                if file.is_file():
                    os.truncate(file, 0)
        # What a run before found in the archive must not spare this one looking.
        self._index(name).unlink(missing_ok=True)

    def _index(self, name: str) -> Path:
        return self._folder / f"{name}.index"

    def ours(self, name: str, source: Path, workers: int, *, published: bool = True) -> Callable[[], None]:
        key = str(self._folder / "pseudonyms.key")
        options = ["--labels", str(source / LABELS), "--key", key, "--workers", str(workers), "--quiet"]
        options += ["--index", str(self._index(name))]
        options += ["--config", str(self._config)] if published else []
        return _command("fxcore", "build", str(source), str(self._folder / name), *options)

    def expert(self, name: str, source: Path, workers: int) -> Callable[[], None]:
        places = (str(source), str(self._folder / name), str(source / LABELS))
        return _command("bench.peers.expert", *places, "--workers", str(workers))

    def written(self, name: str) -> tuple[int, float]:
        """Return number and megabytes of the images that the last run of this name wrote."""
        sizes = [image.stat().st_size for image in (self._folder / name).rglob("*.png")]
        return len(sizes), sum(sizes) / 1e6


def _command(*arguments: str) -> Callable[[], None]:
    def work() -> None:
        subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True)

    return work


def _measure(kind: str, folder: Path, options: Options, findings: Findings) -> None:
    options.say(f"making the {kind} archive (kept for the next time)")
    source, count = archive(kind, QUICK_STUDIES if options.quick else STUDIES)
    single, _ = archive(kind, 1)
    options.say(f"building from the {kind} archive")
    for path in source.rglob("*"):
        if path.is_file():
            path.read_bytes()
    runs = _Runs(folder)
    work = {
        "ours": runs.ours("ours", source, 2),
        "peer": runs.expert("peer", source, 2),
        "ours, 1 worker": runs.ours("ours, 1 worker", source, 1),
        "ours, default methods": runs.ours("ours, default methods", source, 2, published=False),
        "start of ours": runs.ours("start of ours", single, 2),
        "start of ours, 1 worker": runs.ours("start of ours, 1 worker", single, 1),
        "start of peer": runs.expert("start of peer", single, 2),
    }
    seconds = interleave(work, _QUICK if options.quick else _FULL, before=runs.before)
    input_name = f"archive of {count} radiographs, {kind}"
    (ours, our_size), (theirs, their_size) = runs.written("ours"), runs.written("peer")
    marked = not options.quick
    findings.results += [
        compare(
            "build",
            "expert's script",
            input_name,
            seconds,
            threads=2,
            peer_threads=2,
            mark=MARKS[kind] if marked else None,
            also=ours == theirs,
            note=f"{ours} images of {our_size:.0f} MB against {theirs} of {their_size:.0f} MB",
            figures={"ours_images": ours, "peer_images": theirs, "radiographs": count},
        ),
        compare(
            "build",
            "fxray, 1 worker",
            input_name,
            {"ours": seconds["ours"], "peer": seconds["ours, 1 worker"]},
            threads=2,
            mark=TWO_WORKERS if marked else None,
        ),
        compare(
            "build, default methods",
            "expert's script",
            input_name,
            {"ours": seconds["ours, default methods"], "peer": seconds["peer"]},
            threads=2,
            peer_threads=2,
        ),
    ]
    scaled = {
        name: scale_up(seconds[name], seconds[f"start of {name}"], count)
        for name in ("ours", "peer", "ours, 1 worker")
    }
    name = f"build, scaled to {THESIS_RADIOGRAPHS:,} radiographs"
    limit = {"ours": scaled["ours"], "peer": [THESIS_S] * len(scaled["ours"])}
    alone = {"ours": scaled["ours"], "peer": scaled["ours, 1 worker"]}
    findings.results += [
        compare(name, "expert's script", input_name, scaled, threads=2, peer_threads=2),
        compare(name, "fxray, 1 worker", input_name, alone, threads=2),
        compare(name, "limit", input_name, limit, threads=2, mark=1.0 if marked else None),
    ]
    findings.said.append(_meaning(kind, scaled))
    if options.quick:
        findings.skipped.append(
            f"marks of the {kind} archive: with --quick it is so small that starting the workers dominates"
        )


def scale_up(seconds: list[float], start: list[float], count: int) -> list[float]:
    """Return the seconds of the thesis' archive: the start once, the rest in proportion."""
    return [b + max(0.0, a - b) * THESIS_RADIOGRAPHS / count for a, b in zip(seconds, start, strict=True)]


def _meaning(kind: str, scaled: dict[str, list[float]]) -> str:
    ours, theirs = (statistics.median(scaled[name]) for name in ("ours", "peer"))
    each, theirs_each = (2e3 * total / THESIS_RADIOGRAPHS for total in (ours, theirs))
    return (
        f"{kind.capitalize()} archive: {each:.0f} ms a radiograph and core (the expert's script: "
        f"{theirs_each:.0f} ms). The {THESIS_RADIOGRAPHS:,} radiographs of the thesis would take "
        f"{ours / 60:.1f} minutes on 2 cores (the expert's script: {theirs / 60:.1f})."
    )
