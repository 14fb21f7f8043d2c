"""One data set made in shards, side by side and one after another, is the one that a single run makes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.program import finished_studies, fxray, fxray_here, summary, tree

SHARDS = 3


class Jobs:
    """The commands, each with its source and options, and what one undisturbed run of each leaves."""

    def __init__(self, folder):
        self.folder = folder
        self.archive = folder / "archive"
        fxray("synth", self.archive, "--studies", 12, "--seed", 4, "--scale", 0.1, "--quiet")
        self.trees = {}
        for name in ("ingest", "preprocess", "build"):
            fxray(*self.command(name, folder / name), "--quiet")
            self.trees[name] = tree(folder / name)

    def command(self, name, out, *more):
        if name == "preprocess":
            return [name, self.folder / "ingest", out, *more]
        return [
            name,
            self.archive,
            out,
            "--labels",
            self.archive / "labels.csv",
            "--key",
            self.folder / "key",
            *more,
        ]

    def start(self, name, out, shard):
        command = self.command(name, out, "--shard", shard, "--workers", 1)
        return subprocess.Popen(
            [sys.executable, "-m", "fxcore", *map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    return Jobs(tmp_path_factory.mktemp("shards"))


# Not `ingest`, which is `build` without the steps.
@pytest.mark.parametrize("name", ["preprocess", "build"])
def test_shards_and_a_merge_leave_what_one_run_leaves(tmp_path, jobs, name):
    out = tmp_path / "out"
    for run in [jobs.start(name, out, f"{number}/{SHARDS}") for number in (1, 3)]:
        said, errors = run.communicate(timeout=300)
        assert run.returncode == 0, errors
        assert "fxray merge" in said
    side_by_side = finished_studies(out)
    assert "2/3 are missing" in fxray_here("merge", out, code=1).stderr
    figures = summary(*jobs.command(name, out, "--shard", "2/3"))
    assert 0 < side_by_side < finished_studies(out)
    assert figures["studies_done_now"] > 0
    merged = summary("merge", out)
    assert tree(out) == jobs.trees[name]
    assert sum(merged["studies"].values()) == finished_studies(out)
    assert "nothing to merge" in fxray_here("merge", out, code=1).stderr


def test_a_killed_shard_goes_on_where_it_was(tmp_path, jobs):
    out = tmp_path / "out"
    run = jobs.start("build", out, "1/2")
    deadline = time.monotonic() + 60
    while finished_studies(out) < 2:
        assert time.monotonic() < deadline, "no study appeared"
        time.sleep(0.02)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    fxray(*jobs.command("build", out, "--shard", "2/2"))
    assert "1/2 are missing" in fxray_here("merge", out, code=1).stderr
    assert summary(*jobs.command("build", out, "--shard", "1/2"))["studies_done_before"] >= 2
    fxray_here("merge", out)
    assert tree(out) == jobs.trees["build"]


def test_a_whole_run_takes_over_from_shards_and_has_nothing_left_to_merge(tmp_path, jobs):
    out = tmp_path / "out"
    fxray(*jobs.command("build", out, "--shard", "1/2"))
    assert summary(*jobs.command("build", out))["studies_done_before"] > 0
    assert tree(out) == jobs.trees["build"]


def test_shards_go_on_from_a_finished_data_set_with_rejects_and_may_change_their_number(tmp_path, jobs):
    archive, out = tmp_path / "archive", tmp_path / "out"
    shutil.copytree(jobs.archive, archive)
    (archive / "empty.dcm").touch()
    command = ["build", archive, out, "--key", jobs.folder / "key", "--part", "any"]
    fxray(*command)
    whole = tree(out)
    fxray(*command, "--shard", "1/2")
    assert "1 finished shards of another number" in fxray(*command, "--shard", "1/3").stderr
    assert "2/3, 3/3 are missing" in fxray_here("merge", out, code=1).stderr
    for number in (2, 3):
        assert "of another number" not in fxray(*command, "--shard", f"{number}/3").stderr
    fxray_here("merge", out)
    assert tree(out) == whole


def test_shards_of_different_archives_are_not_merged(tmp_path, jobs):
    archive, out = tmp_path / "archive", tmp_path / "out"
    shutil.copytree(jobs.archive, archive)
    command = ["build", archive, out, "--key", jobs.folder / "key", "--part", "any"]
    fxray(*command, "--shard", "1/2")
    next(
        path for path in sorted(archive.rglob("*")) if path.is_file() and path.stat().st_size > 10_000
    ).unlink()
    fxray(*command, "--shard", "2/2")
    assert "the archive changed in between" in fxray_here("merge", out, code=1).stderr
    # What is rejected counts as well.
    (archive / "zero.dcm").touch()
    fxray(*command, "--shard", "1/2")
    assert "the archive changed in between" in fxray_here("merge", out, code=1).stderr
    fxray(*command, "--shard", "2/2")
    fxray_here("merge", out)
    fxray("build", archive, tmp_path / "one", *command[3:])
    assert tree(out) == tree(tmp_path / "one")


def test_shards_are_in_each_others_way_only_if_they_are_the_same(tmp_path, jobs):
    out = tmp_path / "out"
    run = jobs.start("build", out, "1/2")
    try:
        while not (out / ".fxray" / "settings.json").exists():
            assert run.poll() is None
            time.sleep(0.005)
        # Held as it is, with its locks.
        os.killpg(run.pid, signal.SIGSTOP)
        for more in (["--shard", "1/2"], []):
            refused = fxray(*jobs.command("build", out, *more), code=1)
            assert f"another run is writing to {out} (process {run.pid} on" in refused.stderr
        assert "another run is writing" in fxray_here("merge", out, code=1).stderr
        fxray(*jobs.command("build", out, "--shard", "2/2"))
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", "1/10000"])
def test_what_is_no_shard_is_refused(tmp_path, text):
    assert "shard" in fxray_here("build", tmp_path, tmp_path / "out", "--shard", text, code=2).stderr
    assert not (tmp_path / "out").exists()


def test_there_must_be_shards_to_merge(tmp_path, jobs):
    assert "there is no folder" in fxray_here("merge", tmp_path / "nothing", code=1).stderr
    run = jobs.start("build", tmp_path / "out", "1/2")
    while not (tmp_path / "out" / ".fxray" / "settings.json").exists():
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert "no shard" in fxray_here("merge", tmp_path / "out", code=1).stderr
