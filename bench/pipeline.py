"""The whole job, from archive to data set: ``fxray build`` against an expert's script.

Both run as a user runs them, as a command in a fresh process with a fresh output folder; the clock runs
from its start to its end.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.archives import LABELS, SHARES, archive
from bench.harness import Effort, interleave
from bench.options import Options
from bench.results import Findings, compare

MARKS = {"mixed": 3.0, "uncompressed": 5.0}
"""Ratios to be reached, both on two workers."""

TWO_WORKERS = 1.85
"""What two workers must gain over one."""

THESIS_RADIOGRAPHS, THESIS_S = 21_372, 15 * 60.0
"""The archive of the thesis, and the time it may take on two cores."""

STUDIES, QUICK_STUDIES = 80, 10
_FULL = Effort(seconds=0.0, least=5, most=5, warm_up=1)
_QUICK = Effort(seconds=0.0, least=2, most=2, warm_up=1)


def run(options: Options) -> Findings:
    """Measure both archives; see `bench.options.Options`."""
    findings = Findings("pipeline")
    with tempfile.TemporaryDirectory(prefix="fxray-bench-out-") as folder:
        for kind in SHARES:
            _measure(kind, Path(folder), options, findings)
    return findings


class _Runs:
    """Commands that each write to a folder of their own, made anew before the clock starts."""

    def __init__(self, folder: Path, source: Path) -> None:
        self._folder, self._source = folder, source
        self._key = folder / "pseudonyms.key"

    def before(self, name: str) -> None:
        shutil.rmtree(self._folder / name, ignore_errors=True)

    def ours(self, name: str, workers: int) -> Callable[[], None]:
        options = ["--labels", str(self._source / LABELS), "--key", str(self._key), "--quiet"]
        command = ["fxcore", "build", str(self._source), str(self._folder / name), *options]
        return self._command(name, [*command, "--workers", str(workers)])

    def expert(self, name: str, workers: int) -> Callable[[], None]:
        command = ["bench.peers.expert", str(self._source), str(self._folder / name)]
        return self._command(name, [*command, str(self._source / LABELS), "--workers", str(workers)])

    def _command(self, name: str, arguments: list[str]) -> Callable[[], None]:
        def work() -> None:
            subprocess.run([sys.executable, "-m", *arguments], check=True, capture_output=True)

        return work

    def megabytes(self, name: str) -> float:
        return sum(image.stat().st_size for image in (self._folder / name).rglob("*.png")) / 1e6

    def written(self, name: str) -> int:
        """Return the number of images that the last run of this name wrote."""
        return sum(1 for _ in (self._folder / name).rglob("*.png"))


def _measure(kind: str, folder: Path, options: Options, findings: Findings) -> None:
    options.say(f"making the {kind} archive (kept for the next time)")
    source, count = archive(kind, QUICK_STUDIES if options.quick else STUDIES)
    options.say(f"building from the {kind} archive")
    runs = _Runs(folder, source)
    work = {
        "ours": runs.ours("ours", 2),
        "peer": runs.expert("peer", 2),
        "ours_1": runs.ours("ours_1", 1),
        "peer_1": runs.expert("peer_1", 1),
    }
    seconds = interleave(work, _QUICK if options.quick else _FULL, before=runs.before)
    input_name = f"archive of {count} radiographs, {kind}"
    ours, theirs = runs.written("ours"), runs.written("peer")
    pixels = [
        sum(f.stat().st_size for f in (folder / name).rglob("*.png")) / 1e6 for name in ("ours", "peer")
    ]
    note = f"{ours} images of {pixels[0]:.0f} MB against {theirs} of {pixels[1]:.0f} MB"
    findings.results += [
        compare(
            "build",
            "expert's script",
            input_name,
            {"ours": seconds["ours"], "peer": seconds["peer"]},
            threads=2,
            peer_threads=2,
            mark=MARKS[kind],
            also=ours == theirs,
            note=note,
            figures={"ours_images": ours, "peer_images": theirs, "radiographs": count},
        ),
        compare(
            "build", "expert's script", input_name, {"ours": seconds["ours_1"], "peer": seconds["peer_1"]}
        ),
        compare(
            "build",
            "fxray, 1 worker",
            input_name,
            {"ours": seconds["ours"], "peer": seconds["ours_1"]},
            threads=2,
            mark=TWO_WORKERS,
        ),
    ]
    scaled = [s * THESIS_RADIOGRAPHS / count for s in seconds["ours"]]
    findings.results.append(
        compare(
            f"build, scaled to {THESIS_RADIOGRAPHS:,} radiographs",
            "limit",
            input_name,
            {"ours": scaled, "peer": [THESIS_S] * len(scaled)},
            threads=2,
            mark=1.0,
        )
    )
    each, theirs_each = (statistics.median(seconds[name]) / count for name in ("ours", "peer"))
    minutes, theirs_minutes = (s * THESIS_RADIOGRAPHS / 60 for s in (each, theirs_each))
    findings.said.append(
        f"{kind.capitalize()} archive: {2e3 * each:.0f} ms a radiograph and core (the expert's script: "
        f"{2e3 * theirs_each:.0f} ms); the {THESIS_RADIOGRAPHS:,} radiographs of the thesis would take "
        f"{minutes:.1f} minutes on 2 cores (the expert's script: {theirs_minutes:.1f})."
    )
