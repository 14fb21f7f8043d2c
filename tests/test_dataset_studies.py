"""Studies on disk: whole or not at all, however the run that wrote them ended."""

from __future__ import annotations

import errno
import json
import math
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fxcore.attempt import attempt
from fxcore.dataset.assemble import assemble, read_provenance
from fxcore.dataset.in_place import finish_renames
from fxcore.dataset.journal import StudyRecord, from_line, read_records, to_line, write_record
from fxcore.dataset.layout import Layout, image_name
from fxcore.dataset.studies import StudyWriter, read_study
from fxcore.dataset.tables import read_csv
from fxcore.errors import DataSetError, LostPlaceError
from fxcore.merge import merge
from fxcore.shards import Account, Shard, drop_accounts, write_account
from fxcore.study import Radiograph, Reject


def radiograph(name: str, seed: int = 0, **columns: str) -> Radiograph:
    image = np.random.default_rng(seed).integers(0, 256, (12, 9), np.uint8)
    return Radiograph(image, {"radiograph_id": name, "study_id": "s1", "label": "broken", **columns})


def write(
    layout: Layout, study_id: str = "s1", label: str = "broken", seeds: tuple[int, ...] = (1, 2)
) -> None:
    with StudyWriter(layout, study_id, label, f"fingerprint of {study_id}") as writer:
        for seed in seeds:
            writer.add(radiograph(f"r{study_id}{seed}", seed, study_id=study_id, label=label))
        writer.commit()


def test_workers_that_record_one_study_at_a_time_do_each_other_no_harm(tmp_path):
    layout = Layout(tmp_path)
    records = [StudyRecord("s1", "broken", "f" * 20_000, converted=number) for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(partial(write_record, layout), records))
    (found,) = read_records(layout)
    assert found in records
    assert [path.name for path in layout.record("s1").parent.iterdir()] == ["s1.json"]


def test_a_study_is_read_back_as_it_was_written(tmp_path):
    layout = Layout(tmp_path)
    write(layout)
    for read, seed in zip(read_study(layout, "broken", "s1"), (1, 2), strict=True):
        np.testing.assert_array_equal(read.image, radiograph("", seed).image)
        assert (read.metadata["image_rows"], read.metadata["image_columns"]) == ("12", "9")


def test_what_is_not_committed_leaves_nothing(tmp_path):
    layout = Layout(tmp_path)

    def fail() -> None:
        with StudyWriter(layout, "s1", "broken", "f") as writer:
            writer.add(radiograph("r1"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert not (tmp_path / "broken").exists()
    assert list(layout.staging.iterdir()) == []
    assert list(read_records(layout)) == []


def test_a_run_killed_between_record_and_rename_is_finished_by_the_next(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    monkeypatch.setattr(
        "fxcore.dataset.studies.put_in_place", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    monkeypatch.setattr(StudyWriter, "__exit__", lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        write(layout)
    monkeypatch.undo()
    (layout.staging / "s2").mkdir()
    assert not (tmp_path / "broken").exists()
    finish_renames(layout)
    assert len(list(read_study(layout, "broken", "s1"))) == 2
    assert list(layout.staging.iterdir()) == []


def refuse(monkeypatch, name: str, number: int, part: str) -> None:
    """Let a call of the system fail for paths that have `part` in them."""
    plain = getattr(Path, name)

    def refused(path: Path, *arguments: Any, **more: Any) -> Any:
        if part in str(path):
            raise OSError(number, os.strerror(number))
        return plain(path, *arguments, **more)

    monkeypatch.setattr(Path, name, refused)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
@pytest.mark.parametrize(
    ("call", "part"),
    [
        ("open", "busy"),
        ("mkdir", "-"),
        ("write_bytes", ".png"),
        ("write_bytes", ".csv"),
        ("replace", ".json"),
    ],
)
def test_whatever_keeps_a_study_from_being_written_ends_the_run(tmp_path, monkeypatch, number, call, part):
    refuse(monkeypatch, call, number, part)
    with pytest.raises(LostPlaceError) as raised:
        attempt(write, Layout(tmp_path / "out"))
    assert raised.value.errno == number
    assert not list(tmp_path.glob("out/broken/*"))


@pytest.mark.parametrize("first", [0, 1])
def test_two_workers_at_one_study_do_each_other_no_harm(tmp_path, first):
    layout = Layout(tmp_path)
    # One was given up as lost and goes on.
    with StudyWriter(layout, "s1", "broken", "f") as one, StudyWriter(layout, "s1", "broken", "f") as two:
        for name in ("r1", "r2"):
            for writer in (one, two):
                writer.add(radiograph(name))
        for writer in (one, two) if first else (two, one):
            record = writer.commit()
            assert record.radiographs == 2
            assert {path.name for path in (tmp_path / "broken" / "s1").iterdir()} == {
                "metadata.csv",
                "r1.png",
                "r2.png",
            }
    assert list(layout.staging.iterdir()) == []


def test_what_a_lost_worker_left_beside_a_finished_study_is_dropped(tmp_path, monkeypatch):
    layout = Layout(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(StudyWriter, "__exit__", lambda *_: None)
        with StudyWriter(layout, "s1", "broken", "fingerprint of s1") as lost:
            lost.add(radiograph("rs11"))
    assert len(list(layout.staging.iterdir())) == 1
    write(layout)
    finish_renames(layout)
    assert len(list(read_study(layout, "broken", "s1"))) == 2
    assert list(layout.staging.iterdir()) == []


def test_a_study_done_again_with_another_label_stands_once(tmp_path):
    layout = Layout(tmp_path)
    write(layout)
    write(layout, label="not_broken", seeds=(3,))
    assert [p.parent.parent.name for p in tmp_path.glob("*/s1/*.png")] == ["not_broken"]


def test_the_root_files_do_not_depend_on_the_order_of_the_work(tmp_path):
    trees = []
    loose = [
        Reject("index", "", "a", "", "unreadable", "it is"),
        Reject("index", "", "x", "", "unreadable", "it is"),
    ]
    for order in (("s1", "s2", "s3"), ("s3", "s1", "s2")):
        layout = Layout(tmp_path / "".join(order))
        for study_id in order:
            write(layout, study_id, "broken" if study_id != "s2" else "unlabelled")
        content = assemble(
            layout, provenance={"tool": {}}, loose=partial(list, loose), keep={"s1", "s2", "s3"}, columns=()
        )
        assert content["counts"]["studies"] == {"broken": 2, "not_broken": 0, "unlabelled": 1}
        trees.append(
            {p.relative_to(layout.root): p.read_bytes() for p in layout.root.rglob("*") if p.is_file()}
        )
    assert trees[0] == trees[1]
    assert not any(".fxray" in str(path) for path in trees[0])


def test_mean_and_deviation_are_those_of_all_pixels(tmp_path):
    layout = Layout(tmp_path)
    write(layout)
    provenance = {"tool": "fxray", "commands": ["ingest"], "config": {}}
    assemble(layout, provenance=provenance, loose=list, keep={"s1"}, columns=())
    pixels = np.stack([radiograph("", seed).image for seed in (1, 2)]) / 255
    content = read_provenance(layout)
    assert math.isclose(content["mean"], pixels.mean(), rel_tol=1e-12)
    assert math.isclose(content["standard_deviation"], pixels.std(), rel_tol=1e-12)


def test_a_later_run_keeps_what_is_done_and_drops_what_is_gone(tmp_path):
    layout = Layout(tmp_path)
    write(layout, "s1")
    write(layout, "s2")
    assemble(layout, provenance={}, loose=list, keep={"s1", "s2"}, columns=())
    write(layout, "s3")
    assemble(layout, provenance={}, loose=list, keep={"s1", "s3"}, columns=())
    assert {p.parent.name for p in tmp_path.glob("*/*/*.png")} == {"s1", "s3"}
    assert {row["study_id"] for row in read_csv(layout.metadata)} == {"s1", "s3"}
    assert [json.loads(line)["study_id"] for line in layout.journal.open()] == ["s1", "s3"]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 65, "ä", "a.b"])
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(DataSetError):
        Layout(tmp_path).study("broken", name)
    with pytest.raises(DataSetError):
        image_name(name)


def test_a_folder_that_is_no_data_set_is_named(tmp_path):
    with pytest.raises(DataSetError, match=r"there is no folder .*befor; see that the path is right"):
        read_provenance(Layout(tmp_path / "befor"))
    with pytest.raises(DataSetError, match=r"is not a data set: .*raw archive.*fxray build"):
        read_provenance(Layout(tmp_path))
    (tmp_path / "file").touch()
    with pytest.raises(DataSetError, match="is a file"):
        read_provenance(Layout(tmp_path / "file"))
    (tmp_path / ".fxray").mkdir()
    with pytest.raises(DataSetError, match=r"is not a finished data set: .*interrupted: run the"):
        read_provenance(Layout(tmp_path))
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DataSetError, match="cannot read"):
        read_provenance(Layout(tmp_path))


def test_an_account_that_is_not_whole_is_no_account(tmp_path):
    layout = Layout(tmp_path, "1-of-1")
    for study_id in ("s1", "s2"):
        write(layout, study_id)
    provenance = {"tool": "fxray", "commands": [], "config": {}}
    (layout.work / "settings.json").write_text("{}")
    write_account(layout, Account(1, 1, "digest", 2, provenance), ["s1", "s2"], list)
    lines = layout.account.read_bytes().splitlines(keepends=True)
    layout.account.rename(layout.account.with_name(f"{layout.account.name}.partial"))
    with pytest.raises(DataSetError, match=r"no shard of .* is done"):
        merge(tmp_path)
    layout.account.write_bytes(b"".join(lines[:2]))
    with pytest.raises(DataSetError, match="run that shard again"):
        merge(tmp_path)
    assert len(list(tmp_path.glob("broken/*"))) == 2
    layout.account.write_bytes(b"".join(lines))
    assert merge(tmp_path).content["counts"]["studies"]["broken"] == 2


def test_shards_of_two_numbers_that_ran_side_by_side_are_told_apart(tmp_path):
    for number, count in ((1, 1), (1, 2)):
        layout = Layout(tmp_path, f"{number}-of-{count}")
        write(layout)
        write_account(layout, Account(number, count, "digest", 1, {}), ["s1"], list)
    (layout.work / "settings.json").write_text("{}")
    with pytest.raises(DataSetError, match="shards of 1 and of 2, which ran at the same time; choose one"):
        merge(tmp_path)
    drop_accounts(Layout(tmp_path, "2-of-2"), Shard(2, 2), print)
    with pytest.raises(DataSetError, match="2/2 are missing"):
        merge(tmp_path)


@pytest.mark.parametrize(("shard", "said"), [("", "run the same command again"), ("1-of-2", "--shard 1/n")])
def test_what_cannot_be_merged_yet_is_said_to_who_made_shards_and_who_did_not(tmp_path, shard, said):
    layout = Layout(tmp_path, shard)
    write(layout)
    (layout.work / "settings.json").write_text("{}")
    with pytest.raises(DataSetError, match=said):
        merge(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"study_id": "../../../elsewhere"}, "does not name a study"),
        ({"label": ".."}, "does not name a study"),
        ({"radiographs": "2"}, "'radiographs' is of the wrong type"),
        ({"body_parts": {"wrist": "2"}}, "'body_parts' is of the wrong type"),
    ],
)
def test_a_record_that_somebody_wrote_leads_nowhere_else(change, said):
    record = StudyRecord("a" * 24, "broken", "f" * 64, radiographs=2, body_parts={"wrist": 2})
    assert from_line(to_line(record), "here") == record
    line = json.dumps(json.loads(to_line(record)) | change)
    with pytest.raises(DataSetError, match=f"here is not a study record: .*{said}"):
        from_line(line, "here")


def test_a_study_identifier_leads_to_no_record_elsewhere(tmp_path):
    with pytest.raises(DataSetError, match="does not name a study"):
        Layout(tmp_path).record("../elsewhere")


def test_what_is_nested_too_deeply_is_no_record():
    with pytest.raises(DataSetError, match="nested too deeply"):
        from_line("[" * 100_000, "here")
