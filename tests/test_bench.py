"""The benchmarks: honest arithmetic, tables that refresh themselves, and peers that do the same job."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import bench.kernels
from bench import decode, memory, pipeline, size
from bench.archives import LABELS, SHARES, archive
from bench.harness import Effort, Spread, interleave
from bench.inputs import SIZES, STANDARD, phantom, phantom_plan
from bench.options import Options
from bench.peers import expert
from bench.peers.table import TABLE
from bench.published import PUBLISHED
from bench.results import Findings, Result, compare
from fxcore.build import build
from fxcore.cli.app import app
from fxcore.errors import ParameterError
from fxcore.extras import BENCHMARKS
from fxcore.phantom.encode import encode
from fxcore.phantom.plan import TRANSFER_SYNTAXES
from fxcore.phantom.render import render

JSON_KEYS = {
    "name", "peer", "input", "threads", "ours_s", "peer_s", "ratio", "ours_quartiles_s", "peer_quartiles_s",
    "ratio_quartiles", "rounds", "floor_s",
}  # fmt: skip


class Clock:
    """Time that passes only when told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, *seconds: float) -> None:
        """Take so long; the last time is for all further calls."""
        self.now += seconds[min(self.order.count(name), len(seconds) - 1)]
        self.order.append(name)


def test_contestants_take_turns_and_only_their_work_is_timed() -> None:
    clock = Clock()

    def before(name: str) -> None:
        clock.now += 1000.0

    seconds = interleave(
        {"a": partial(clock.work, "a", 9.0, 1.0, 2.0), "b": partial(clock.work, "b", 9.0, 3.0, 4.0)},
        Effort(seconds=0.0, least=3, most=3, warm_up=1),
        clock,
        before,
    )
    assert clock.order == ["a", "b"] * 4
    assert seconds == {"a": [1.0, 2.0, 2.0], "b": [3.0, 4.0, 4.0]}


@pytest.mark.parametrize(
    ("seconds", "rounds"), [(0.0, 5), (30.0, 10), (1e9, 20)], ids=["at least", "fits", "at most"]
)
def test_rounds_fill_the_time(seconds: float, rounds: int) -> None:
    clock = Clock()
    contestants = {"a": partial(clock.work, "a", 1.0), "b": partial(clock.work, "b", 2.0)}
    timed = interleave(contestants, Effort(seconds=seconds, least=5, most=20, warm_up=2), clock)
    assert len(timed["a"]) == len(timed["b"]) == rounds


def test_without_warm_up_there_are_as_few_rounds_as_allowed() -> None:
    clock = Clock()
    timed = interleave({"a": partial(clock.work, "a", 1.0)}, Effort(least=2, warm_up=0), clock)
    assert timed == {"a": [1.0, 1.0]}


def test_ratio_is_the_median_of_the_rounds_ratios() -> None:
    result = _result(ours=[1.0, 2.0, 4.0, 8.0, 10.0], peer=[4.0, 4.0, 4.0, 40.0, 20.0])
    # 4, 2, 1, 5, 2: not the 4 over 4 of the medians.
    assert (result.ratio, result.ratio_quartiles) == (2.0, (2.0, 4.0))
    assert (result.ours_s, result.ours_quartiles_s) == (4.0, (2.0, 8.0))
    assert (result.peer_s, result.rounds) == (4.0, 5)
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("mark", "also", "met"),
    [(None, True, None), (2.0, True, True), (2.1, True, False), (2.0, False, False)],
)
def test_mark_is_met_by_the_ratio_and_what_it_asks_for_besides(
    mark: float | None, also: bool, met: bool | None
) -> None:
    assert _result(mark=mark, also=also).met is met


def _result(ours: list[float] | None = None, peer: list[float] | None = None, **further: object) -> Result:
    seconds = {"ours": ours or [1.0, 1.0], "peer": peer or [2.0, 2.0]}
    options = {"floor_s": 0.5, **further}
    return compare("kernel", "OpenCV", STANDARD, seconds, **options)  # type: ignore[arg-type]


def test_scaling_counts_the_start_once() -> None:
    (scaled,) = pipeline.scale_up([12.0], [2.0], pipeline.THESIS_RADIOGRAPHS // 4)
    assert scaled == 2.0 + 10.0 * 4


def _findings() -> Findings:
    machine = dict.fromkeys(("processor", "cores", "memory", "system", "python"), "some")
    return Findings("png", machine, [_result(mark=3.0, note="a | b")], ["this: why"], ["So it is."], 1.0)


def test_json_rows_have_the_promised_keys() -> None:
    figures = json.loads(json.dumps(_findings().figures()))
    (row,) = figures["rows"]
    assert row.keys() >= JSON_KEYS
    assert (row["ratio"], row["mark"], row["met"], row["times_floor"]) == (2.0, 3.0, False, 2.0)


def test_dropped_marks_leave_the_figures_and_a_reason() -> None:
    findings = _findings()
    (before,) = findings.results
    findings.drop_marks("too little was measured")
    assert findings.results == [replace(before, mark=None, met=None)]
    assert findings.skipped == ["this: why", "marks: too little was measured"]
    assert not findings.marks


@pytest.mark.parametrize("module", ["cv2", "skimage"])
def test_missing_peer_is_named_with_what_installs_it(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = CliRunner().invoke(app, ["bench", "png", "--quick"])
    assert result.exit_code == 1
    assert BENCHMARKS.install in result.stderr
    assert "Traceback" not in result.output


def test_unknown_family_bad_thread_count_and_options_of_another_family(tmp_path: Path) -> None:
    from bench.run import run

    with pytest.raises(ParameterError, match="kernels, decode, png, pipeline, startup"):
        run("speed")
    with pytest.raises(ParameterError, match="-1"):
        run("png", threads=-1)
    for other in ({"seeds": (3,)}, {"sheet": tmp_path}):
        with pytest.raises(ParameterError, match="accuracy alone, not for png"):
            run("png", **other)


def test_kernels_family_measures_every_row_and_every_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, STANDARD, (100, 130))
    monkeypatch.setattr(bench.kernels, "ADVERSARIAL", ())
    monkeypatch.setattr("bench.options.QUICK", Effort(least=2, warm_up=0))
    monkeypatch.setattr(bench.kernels, "peaks", lambda jobs: [7] * len(jobs))
    threads = cv2.getNumThreads()
    findings = bench.kernels.run(Options(quick=True, threads=2))
    assert cv2.getNumThreads() == threads
    measured = {(r.name, r.peer) for r in findings.results if r.input == STANDARD}
    assert measured >= {(row.name, peer) for row in TABLE for peer in row.peers | row.rough}
    marked = {(r.name, r.peer, r.input): r.mark for r in findings.marks if r.threads == 1}
    assert marked == {key: mark for key, mark in bench.kernels.MARKS.items() if key[2] == STANDARD}
    assert all(r.floor_s is not None and r.ours_peak_bytes == 7 for r in findings.marks if r.threads == 1)
    (rotation,) = (r for r in findings.marks if r.name == "rotate")
    assert rotation.figures["ours_mean_error"] < 0.5


def test_pipeline_family_runs_both_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "archive", partial(archive, scale=0.1, folder=tmp_path))
    monkeypatch.setattr(pipeline, "SHARES", {"mixed": SHARES["mixed"]})
    monkeypatch.setattr(pipeline, "QUICK_STUDIES", 3)

    def once(work: dict[str, Callable[[], None]], *_: object, before: Callable[[str], None]) -> dict:
        for name in ("ours", "peer"):
            before(name)
            work[name]()
        return {name: [1.0] for name in work}

    monkeypatch.setattr(pipeline, "interleave", once)
    findings = pipeline.run(Options(quick=True))
    first = findings.results[0]
    assert (first.peer, first.threads, first.peer_threads) == ("expert's script", 2, 2)
    assert first.figures["ours_images"] == first.figures["peer_images"] > 0
    assert len(findings.results) == 6
    assert "21,372" in findings.said[0]
    # So small an archive proves nothing.
    assert not findings.marks


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are watched by way of /proc")
def test_size_family_watches_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "QUICK_STUDIES", 5)
    monkeypatch.setattr(size, "QUICK_INDEXED", 20)
    findings = size.run(Options(True, 1, print))
    rows = {result.name: result for result in findings.results}
    assert rows["ingest: CPU time a study"].ours_s > 0
    assert rows["ingest: memory of the parent"].ours_s > 20e6
    assert rows["index: the second time"].ours_s > 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are watched by way of /proc")
def test_all_processes_of_a_run_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = tmp_path / "worker.py"
    # Works for half a second of CPU time, however long that takes; then stays until it has been looked at.
    worker.write_text(
        "import time\n"
        "held = b'x' * 50_000_000\n"
        "while time.process_time() < 0.5: pass\n"
        f"time.sleep({4 * size._SECONDS_BETWEEN_LOOKS})\n"
    )
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{sys.executable} {worker}\nexit 0\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    watched = size.watch([])
    # User and system time are each cut to whole ticks.
    assert watched.cpu_seconds > 0.5 - 2 / os.sysconf("SC_CLK_TCK")
    assert watched.parent_peak < 50e6 < max(watched.resident.popitem()[1])


def test_size_family_says_why_a_run_failed(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        size.watch(["build", str(tmp_path / "nothing"), str(tmp_path / "out")])
    assert b"is not a folder" in caught.value.stderr


def test_a_run_that_says_very_much_is_watched_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nhead -c 300000 /dev/zero >&2\nexit 3\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    # A hang ends in an error.
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("the run did not end"))
    signal.alarm(20)
    try:
        with pytest.raises(subprocess.CalledProcessError) as caught:
            size.watch([])
    finally:
        signal.alarm(0)
    assert len(caught.value.stderr) == 300_000


def test_memory_of_a_process_that_lived_too_short_is_not_called_flat() -> None:
    assert math.isnan(size._growth([1.0] * 19))
    assert size._growth([1.0] * 10 + [2.0] * 10) == 2.0
    findings = Findings("size")
    for growth in (math.nan, 1.0, 2.0):
        size.hold_growth(findings, "memory", "a run", growth)
    assert [result.met for result in findings.results] == [True, False]
    assert len(findings.skipped) == 1


@pytest.mark.skipif(not memory.available(), reason="this system cannot reset a process's high-water mark")
def test_peak_memory_counts_what_a_call_takes() -> None:
    found = memory.peaks([(partial, (np.ones, size)) for size in (1 << 22, 1 << 10, 1 << 23)])
    for peak, expected in zip(found, (32 << 20, 0, 64 << 20), strict=True):
        assert peak is not None
        assert abs(peak - expected) < 2 << 20


@pytest.mark.parametrize("syntax", [syntax for _, syntax, _ in decode.SYNTAXES])
def test_every_decoder_gives_the_same_frame(syntax: str) -> None:
    study, plan = phantom_plan(90, 70)
    plan = replace(plan, transfer_syntax=syntax, bits_stored=12)
    file = encode(study, plan, render(plan, study.patient, study.body_part.anatomy))
    plugins = decode.peer_plugins(TRANSFER_SYNTAXES[syntax][0])
    assert plugins
    assert not {"fxray", "imagecodecs"} & set(plugins)
    for plugin in plugins:
        np.testing.assert_array_equal(decode.pydicom_frame(file, plugin), decode.our_frame(file))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system cannot tell a thread its cores")
def test_decoders_are_held_to_one_core() -> None:
    cores = os.sched_getaffinity(0)
    with decode.one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == cores


def test_the_standard_phantom_is_one_limb_that_leans() -> None:
    image = phantom(250, 300)
    assert image.shape == (250, 300)
    assert 5 < abs(bench.kernels.chains.our_alignment(image)()[2]) < 40


@pytest.mark.parametrize("kind", SHARES)
def test_expert_does_the_same_job(kind: str, tmp_path: Path) -> None:
    """Same radiographs in each study and class; grey levels within 1, where OpenCV rounds otherwise.

    OpenCV's interpolation and ours each round once to a grey level, and both angles are rounded to
    a hundredth of a degree from moments that agree to about ten digits.
    """
    source, count = archive(kind, 16, scale=0.2, folder=tmp_path)
    link = tmp_path / "link.csv"
    options = {"labels": source / LABELS, "key_file": tmp_path / "key", "link_file": link, "workers": 1}
    build(source, tmp_path / "ours", settings=PUBLISHED, **options)
    rows = expert.build(source, tmp_path / "theirs", source / LABELS)
    files = {row["radiograph_id"]: row["source"] for row in _read(link)}
    ours = {
        (files[row["radiograph_id"].split("_p")[0]], row["part_index"]): row
        for row in _read(tmp_path / "ours" / "metadata.csv")
    }
    theirs = {(str(Path(row["source"]).relative_to(source)), str(row["part_index"])): row for row in rows}
    assert len(rows) == len(theirs) == len(_read(tmp_path / "theirs" / "metadata.csv"))
    assert 0.7 * count < len(theirs)
    assert ours.keys() == theirs.keys()
    assert {key: row["label"] for key, row in ours.items()} == {k: row["label"] for k, row in theirs.items()}
    assert _studies(ours) == _studies(theirs)
    for key, row in ours.items():
        mine, other = (
            cv2.imread(str(_image(tmp_path / name, found)), cv2.IMREAD_UNCHANGED)
            for name, found in (("ours", row), ("theirs", theirs[key]))
        )
        assert mine.shape == other.shape
        assert cv2.norm(mine, other, cv2.NORM_INF) <= 1
    pixels = json.loads((tmp_path / "ours" / "dataset.json").read_text(encoding="utf-8"))
    summary = json.loads((tmp_path / "theirs" / "dataset.json").read_text(encoding="utf-8"))
    assert summary["mean"] == pytest.approx(pixels["mean"], abs=2e-4)
    assert summary["standard_deviation"] == pytest.approx(pixels["standard_deviation"], abs=2e-4)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _studies(rows: dict[tuple[str, str], dict[str, str]]) -> set[frozenset[tuple[str, str]]]:
    """Return the sets of radiographs that are together in a study, whatever its name."""
    names = {row["study_id"] for row in rows.values()}
    return {frozenset(key for key, row in rows.items() if row["study_id"] == name) for name in names}


def _image(dataset: Path, row: dict[str, str]) -> Path:
    return dataset / row["label"] / row["study_id"] / f"{row['radiograph_id']}.png"
