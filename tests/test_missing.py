"""Studies of an earlier run that the archive does not have any more: removed and said, or refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from fxcore.archive import UNLISTED, Plan
from fxcore.catalogue import PASSING_REASONS, Catalogue
from fxcore.dataset.assemble import discard_work
from fxcore.dataset.journal import read_records
from fxcore.dataset.layout import Layout
from fxcore.dataset.tables import write_atomically
from fxcore.dicom.entries import IndexEntry
from fxcore.errors import DataSetError, FxrayError
from fxcore.executor import Outcome
from fxcore.output import output_folder
from fxcore.preprocess import read_finished
from fxcore.progress import Silent
from fxcore.pseudonyms import Pseudonyms
from fxcore.run import Run, Summary
from fxcore.settings import IngestConfig
from fxcore.shards import Shard
from tests.program import fxray, summary, tree
from tests.test_catalogue import Here, Said
from tests.test_dataset_studies import write
from tests.test_program_images import draw

_STUDIES = [f"{number:024x}" for number in range(24)]
_CANNOT_READ = """
import dataclasses
import fxcore.work

_look_into = fxcore.work.look_into

def look_into(archive, source, limits):
    gone = source.startswith("study1_")
    return dataclasses.replace(_look_into(archive, source + ".gone" * gone, limits), source=source)

fxcore.work.look_into = look_into
"""
_PROVENANCE = {"tool": "fxray", "commands": ["build"], "config": {}}


def run(
    out: Path,
    there: list[str],
    unread: str = "",
    shard: Shard | None = None,
    labels: dict[str, str] | None = None,
) -> tuple[Summary, str]:
    said = Said()
    with output_folder(out, {"config": {}}, said, shard) as layout:
        if not layout.provenance.exists():
            for study_id in there:
                write(layout, study_id, seeds=(1,))
        job = Run(layout, Here(), said, shard, began=0)
        job.do_studies([], there=there, source=Path("archive"), unread=unread, labels=labels)
        job.studies = set(there)
        return job.finish(_PROVENANCE, list), said.text


@pytest.mark.parametrize(("before", "after"), [(24, 12), (11, 1), (2, 0)])
def test_what_is_gone_is_removed_and_said(tmp_path, before, after):
    assert run(tmp_path / "out", _STUDIES[:before])[1] == ""
    summary, said = run(tmp_path / "out", _STUDIES[:after])
    assert f"{before - after} studies of an earlier run are not in the archive or data set any more" in said
    assert summary.studies_removed == before - after
    assert len(list((tmp_path / "out").glob("broken/*"))) == after
    assert run(tmp_path / "out", _STUDIES[:after])[1] == ""


def test_that_the_tables_are_being_written_is_shown(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(
        Said, "stage", lambda _, name, total: shown.append((name, total, list(tmp_path.glob("out/*.csv"))))
    )
    run(tmp_path / "out", _STUDIES)
    assert shown == [("Completing the data set", len(_STUDIES), [])]


@pytest.mark.parametrize("shard", [None, Shard(1, 2)])
@pytest.mark.parametrize(
    ("after", "unread", "named"),
    [
        (11, "", "Is all of it connected"),
        (23, "3 folders could not be listed", "3 folders could not be listed; no"),
    ],
)
def test_what_looks_like_a_mishap_is_refused_and_the_data_set_stays(tmp_path, after, unread, named, shard):
    run(tmp_path / "out", _STUDIES)
    before = tree(tmp_path / "out")
    with pytest.raises(FxrayError, match=named) as refused:
        run(tmp_path / "out", _STUDIES[:after], unread, shard)
    assert "nothing was removed" in str(refused.value)
    assert "new output folder" in str(refused.value)
    if shard is None:
        assert tree(tmp_path / "out") == before
        assert read_finished(Layout(tmp_path / "out"))
    assert run(tmp_path / "out", _STUDIES, unread)[0].studies_removed == 0
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("count", "lost", "other", "told"),
    [
        (24, 12, 12, "12 have the other label now and 12 have none."),
        (11, 10, 0, "Of 11 studies that an earlier run labelled, 10 have none."),
        (24, 0, 24, "Of 24 studies that an earlier run labelled, 24 have the other label now."),
        (24, 0, 0, ""),
    ],
)
def test_labels_that_changed_are_said(tmp_path, count, lost, other, told):
    run(tmp_path / "out", _STUDIES[:count])
    now = ["unlabelled"] * lost + ["not_broken"] * other + ["broken"] * count
    said = run(tmp_path / "out", _STUDIES[:count], labels=dict(zip(_STUDIES, now, strict=False)))[1]
    assert said.endswith(told)
    assert bool(said) == bool(told)


def test_labels_that_are_lost_by_a_forgotten_option_are_kept(tmp_path):
    archive, out = tmp_path / "archive", tmp_path / "out"
    for i in range(12):
        draw(archive / f"case{i}" / "a.png", i)
    table = "".join(f"case{i}/a.png,{i % 2}\n" for i in range(12))
    (tmp_path / "labels.csv").write_text(f"file,fracture\n{table}")
    job = ["ingest", archive, out, "--key", tmp_path / "key", "--workers", 1]
    summary(*job, "--labels", tmp_path / "labels.csv")
    before = tree(out)
    refused = fxray(*job, code=1).stderr
    assert "12 of 12 labelled studies" in refused
    assert "forgotten (--labels)" in refused
    assert tree(out) == before


@pytest.mark.parametrize("begun", ["", "records/ab", "account-1-of-2", "changing"])
def test_a_run_broken_off_before_it_did_anything_leaves_the_data_set_finished(tmp_path, begun):
    layout = Layout(tmp_path / "out")
    run(layout.root, _STUDIES[:3])

    def break_off() -> None:
        with output_folder(layout.root, {"config": {}}, Silent()):
            (layout.work / begun).mkdir(exist_ok=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert layout.work.exists() == bool(begun)


def test_a_run_whose_last_file_cannot_be_written_leaves_the_data_set_unfinished(tmp_path, monkeypatch):
    layout = Layout(tmp_path / "out")
    run(layout.root, _STUDIES[:3])

    def full(path: Path, content: object) -> None:
        if path == layout.provenance:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, content)

    monkeypatch.setattr("fxcore.dataset.assemble.write_atomically", full)
    with pytest.raises(OSError, match="No space"):
        run(layout.root, _STUDIES[:2])
    with pytest.raises(DataSetError, match="not finished"):
        read_finished(layout)
    monkeypatch.undo()
    run(layout.root, _STUDIES[:2])
    assert read_finished(layout)["counts"]["studies"]["broken"] == 2


def test_a_run_that_is_done_leaves_alone_the_one_that_came_after_it(tmp_path):
    layout = Layout(tmp_path / "out")
    run(layout.root, _STUDIES[:3])

    one = output_folder(layout.root, {"config": {}}, Silent())
    one.__enter__()
    discard_work(layout)
    with output_folder(layout.root, {"config": {}}, Silent()):
        one.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert layout.lock.exists()


def test_folders_that_could_not_be_listed_are_counted_and_said():
    with Catalogue() as catalogue:
        catalogue.add(
            IndexEntry(f"{name}", kind="unreadable", reason="unreadable") for name in ("a/", "b/", "c")
        )
        plan = Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32)))
        assert plan.counts[UNLISTED] == 2
        assert "2 folders could not be listed (the first: a/)." in plan.said
        assert plan.unread == "2 folders could not be listed and 1 files could not be read (the first: a/)"


@pytest.mark.parametrize("reason", PASSING_REASONS)
def test_what_could_not_be_read_may_hold_what_is_missing(reason):
    with Catalogue() as catalogue:
        catalogue.add([IndexEntry("b", kind="unreadable", reason=reason)])
        plan = Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32)))
        assert plan.unread == "1 files could not be read (the first: b)"
        catalogue.add([IndexEntry("b", kind="unreadable", reason="not_dicom")])
        assert Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32))).unread == ""


@pytest.mark.parametrize("damage", [b"", bytes(300), b'{"study_id":'])
def test_a_damaged_record_means_that_its_study_is_not_done(tmp_path, damage):
    run(tmp_path / "out", _STUDIES[:3])
    before = tree(tmp_path / "out")
    layout = Layout(tmp_path / "out")
    again, gone = _STUDIES[1], "f" * 24
    for study_id in (again, gone):
        write(layout, study_id, seeds=(1,))
        layout.record(study_id).write_bytes(damage)
    (layout.staging / f"{again}-{'0' * 16}-0").mkdir()
    (layout.work / "settings.json").write_text("{}")
    asked: list[str] = []

    class Doing:
        def run(self, function, tasks, seconds):
            for task in tasks:
                asked.append(task.study_id)
                write(layout, task.study_id, seeds=(1,))
                yield Outcome(task, next(r for r in read_records(layout) if r.study_id == task.study_id))

    there = _STUDIES[:3]
    tasks = [
        SimpleNamespace(
            study_id=s,
            label="broken",
            fingerprint=f"fingerprint of {s}",
            changed_since=lambda _: False,
        )
        for s in there
    ]
    with output_folder(layout.root, {}, Silent()):
        job = Run(layout, Doing(), Silent(), None, began=0)
        job.do_studies(tasks, there=there, source=Path("archive"))
        job.finish(_PROVENANCE, list)
    assert asked == [again]
    assert tree(tmp_path / "out") == before


def test_a_finished_study_of_which_no_file_can_be_read_is_not_taken_for_gone(tmp_path):
    for study in range(3):
        draw(tmp_path / "archive" / f"study{study}_positive" / "1.png", study)
    command = ("build", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key", "-j", 1)
    summary(*command, "--part", "any")
    before = tree(tmp_path / "out")
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sitecustomize.py").write_text(_CANNOT_READ)
    path = os.pathsep.join((str(tmp_path / "faults"), os.environ.get("PYTHONPATH", "")))
    os.utime(tmp_path / "archive" / "study1_positive" / "1.png", (1, 1))
    refused = fxray(*command, "--part", "any", code=1, environment={"PYTHONPATH": path}).stderr
    assert "1 of 3 finished studies" in refused
    assert "1 files could not be read (the first: study1_positive/1.png); nothing was removed" in refused
    assert tree(tmp_path / "out") == before
    summary(*command, "--part", "any")
    assert tree(tmp_path / "out") == before
