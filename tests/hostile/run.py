"""Runs the program over an archive that means harm, watches its processes, and checks what it left."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fxcore.attempt import QUARANTINE_REASONS
from tests.program import TRACEBACK, rows


@dataclass
class Outcome:
    """What a run did.

    Attributes
    ----------
    figures : dict
        What ``--json`` printed.
    reasons : collections.Counter
        Rejected files by reason.
    given_up : list of (str, str)
        Files that killed or hung their worker, and the message of each.
    peak_kib : dict of str to int
        Largest resident memory of any process: ``"parent"``, ``"worker"``.
    problems : list of str
        What should not be; empty if all is well.
    """

    code: int = 0
    seconds: float = 0.0
    figures: dict = field(default_factory=dict)
    reasons: Counter = field(default_factory=Counter)
    given_up: list[tuple[str, str]] = field(default_factory=list)
    peak_kib: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def run_hostile(archive: Path, work: Path, *, workers: int = 2) -> Outcome:
    """Ingest `archive` by the command line into ``work/out`` and check that every file is accounted for."""
    work.mkdir(parents=True, exist_ok=True)
    (work / "settings.toml").write_text("[ingest]\nseconds_per_file = 20\n")
    command = [sys.executable, "-m", "fxcore", "ingest", str(archive), str(work / "out"), "--json"]
    command += ["--key", str(work / "key"), "--link", str(work / "link.csv")]
    command += ["--config", str(work / "settings.toml"), "--workers", str(workers)]
    began = time.monotonic()
    with (work / "stdout").open("wb") as stdout, (work / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)
        sampler = MemorySampler(process.pid)
        code = process.wait()
        peaks = sampler.stop()
    outcome = Outcome(code, time.monotonic() - began, peak_kib=peaks)
    _check(outcome, archive, work)
    return outcome


def _check(outcome: Outcome, archive: Path, work: Path) -> None:
    said = (work / "stdout").read_text(errors="replace"), (work / "stderr").read_text(errors="replace")
    if outcome.code not in (0, 3):
        outcome.problems.append(f"exit code {outcome.code}: {said[1][-2000:]}")
        return
    outcome.figures = json.loads(said[0])
    if TRACEBACK in said[0] + said[1]:
        outcome.problems.append(f"a traceback: {said[1][-2000:]}")
    link = rows(work / "link.csv")
    source_of = {row["source_id"]: row["source"] for row in link}
    rejected = {row["source_id"]: row for row in rows(work / "out" / "rejects.csv") if row["source_id"]}
    kept = {row["source_id"] for row in rows(work / "out" / "metadata.csv")}
    outcome.reasons.update(row["reason"] for row in rejected.values())
    outcome.given_up = [
        (source_of[source], row["message"])
        for source, row in rejected.items()
        if row["reason"] in QUARANTINE_REASONS
    ]
    found = sum(not path.is_dir() for path in archive.rglob("*"))
    converted, passed_over = outcome.figures["converted"], outcome.figures["passed_over"]
    if not len(source_of) == outcome.figures["found"] == found:
        outcome.problems.append(f"{found} files, {len(source_of)} linked, {outcome.figures['found']} found")
    if len(kept) + len(rejected) + passed_over != found or len(kept) != converted:
        outcome.problems.append(
            f"{found} files: {len(kept)} kept, {converted} converted, {len(rejected)} rejected, "
            f"{passed_over} passed over"
        )
    if kept & rejected.keys():
        outcome.problems.append(f"{len(kept & rejected.keys())} files are both kept and rejected")
    if (outcome.code == 3) != bool(outcome.given_up):
        outcome.problems.append(f"exit code {outcome.code} with {len(outcome.given_up)} files given up")
    if outcome.reasons["time_out"]:
        outcome.problems.append("files took longer than the time-out: " + str(outcome.given_up))


class MemorySampler(threading.Thread):
    """Follows the peak resident memory of a process and of all its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._peaks: dict[str, int] = {}
        self.start()

    def stop(self) -> dict[str, int]:
        self._over.set()
        self.join()
        return self._peaks

    def run(self) -> None:
        while not self._over.wait(0.02):
            for pid in (family := _descendants(self._pid)):
                name = "parent" if pid == self._pid else "worker"
                self._peaks[name] = max(self._peaks.get(name, 0), peak_kib(pid))
            if not family:
                return


def _descendants(ancestor: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name of the program, in brackets, may hold anything.
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    family = {ancestor} & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def peak_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
