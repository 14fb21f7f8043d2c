"""A run on what an earlier one left: whatever changed in between, the tree is that of a fresh run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from fxcore.contact_sheet import contact_sheet
from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import run_lock
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.index_file import default_index_file
from fxcore.ingest import check_places
from fxcore.ingest import ingest as ingest_here
from fxcore.label_histogram import label_histogram
from fxcore.preprocess import read_finished
from fxcore.pseudonyms import default_key_file
from fxcore.shards import Shard
from fxtrain.table import read_table
from tests.program import fxray, fxray_here, rows, start, summary, tree
from tests.test_program_images import draw, uncompressed

_SLOW_CODEC = """
import os, time
import fxcore.work

_load = fxcore.work.load_image

def load_image(path, config):
    if path.name in os.environ.get("FXRAY_TEST_SLOW", "").split(","): time.sleep(3)
    return _load(path, config)

fxcore.work.load_image = load_image
"""


@pytest.fixture
def slow(tmp_path):
    """Return an environment in which reading the named images takes seconds."""
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "sitecustomize.py").write_text(_SLOW_CODEC)
    return lambda *names: {"PYTHONPATH": str(tmp_path / "faults"), "FXRAY_TEST_SLOW": ",".join(names)}


def draw_archive(folder: Path) -> Path:
    for study in range(3):
        for image in range(3):
            draw(folder / f"study{study}_positive" / f"{image}.png", 10 * study + image)
    return folder


@pytest.fixture
def archive(tmp_path):
    return draw_archive(tmp_path / "archive")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("made")
    archive = draw_archive(place / "archive")
    summary("ingest", archive, place / "out", "--key", place / "key", "-j", 2)
    return place


@pytest.fixture
def ingested(tmp_path, made):
    """Return a data set, beside its archive and its key."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


@pytest.fixture
def ingest(tmp_path, archive):
    def run(out: str = "out", *options: object, code: int = 0) -> dict:
        return summary(
            "ingest", archive, tmp_path / out, "--key", tmp_path / "key", "-j", 2, *options, code=code
        )

    return run


def assert_like_fresh(tmp_path: Path, ingest, *options: object) -> None:
    ingest("out", *options)
    ingest("fresh", *options)
    assert tree(tmp_path / "out") == tree(tmp_path / "fresh")
    assert folders(tmp_path / "out") == folders(tmp_path / "fresh")


def folders(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def change_files(archive: Path) -> None:
    """Take a study and a file away, add one, and put another one of the same size in the place of one."""
    shutil.rmtree(archive / "study1_positive")
    (archive / "study0_positive" / "0.png").unlink()
    draw(archive / "study0_positive" / "9.png", 99)
    target = archive / "study2_positive" / "0.png"
    size = target.stat().st_size
    draw(target, 77)
    data = target.read_bytes()
    target.write_bytes(data[:size] if len(data) > size else data + bytes(size - len(data)))
    assert target.stat().st_size == size


def change_class(archive: Path) -> None:
    for study in list(archive.iterdir()):
        study.rename(study.with_name(study.name.replace("positive", "negative")))


@pytest.mark.parametrize("change", [change_files, change_class])
def test_an_archive_that_changed(tmp_path, archive, ingest, change):
    ingest()
    change(archive)
    assert_like_fresh(tmp_path, ingest)


def test_a_study_of_which_a_file_was_written_since_is_made_again(tmp_path):
    file = uncompressed(tmp_path / "archive" / "1.tif")
    draw(tmp_path / "archive" / "2.png")
    given = {"workers": 1, "key_file": tmp_path / "key", "index_file": tmp_path / "index"}
    ingest_here(tmp_path / "archive", tmp_path / "out", **given)
    content = bytearray(file.read_bytes())
    content[20_000:30_000] = bytes(10_000)
    file.write_bytes(content)
    # A time to come, by which it would be made by each run anew; one of a backup; the time of writing.
    for years, done in ((50, 0), (-1, 0), (0, 1)):
        moment = time.time() + years * 365 * 86_400
        os.utime(file, (moment, moment))
        again = ingest_here(tmp_path / "archive", tmp_path / "out", **given)
        assert (again.studies_done, again.studies_kept) == (done, 2 - done)
    anew = ingest_here(tmp_path / "archive", tmp_path / "fresh", **given)
    assert again.content == anew.content


def test_a_study_folder_that_was_lost_is_made_again(tmp_path, ingest, ingested):
    shutil.rmtree(next((ingested / "broken").iterdir()))
    assert_like_fresh(tmp_path, ingest)


@pytest.mark.slow
def test_workers_that_outlive_their_killed_parent_do_no_harm(tmp_path, archive, ingest, slow):
    job = ["ingest", archive, tmp_path / "out", "--key", tmp_path / "key", "-j", 2]
    run = start(*job, environment=slow("2.png"))
    deadline = time.monotonic() + 60
    while len(list((tmp_path / "out").glob(".fxray/staging/*/*.png"))) < 4 and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    summary(*job, environment=slow("0.png"))
    assert_like_fresh(tmp_path, ingest)


def test_a_run_with_other_labels_that_was_interrupted_leaves_finished_studies_alone(
    tmp_path, archive, ingest, slow
):
    for name, label in (("right", "broken"), ("wrong", "normal")):
        lines = [f"{study.name},{label}" for study in sorted(archive.iterdir())]
        (tmp_path / f"{name}.csv").write_text("\n".join(["folder,label", *lines]))
    ingest("out", "--labels", tmp_path / "right.csv")
    wrong = [
        "ingest",
        archive,
        tmp_path / "out",
        "--key",
        tmp_path / "key",
        "--labels",
        tmp_path / "wrong.csv",
    ]
    run = start(*wrong, environment=slow("1.png"))
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out").glob(".fxray/staging/*/*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert_like_fresh(tmp_path, ingest, "--labels", tmp_path / "right.csv")


def test_a_key_that_stands_for_two_places_labels_neither(tmp_path, archive, ingest):
    for patient in ("p1", "p2"):
        draw(archive / patient / "scan.png", len(patient))
    draw(archive / "p3" / "other.png", 5)
    (tmp_path / "labels.csv").write_text("file,label\nscan.png,1\nother.png,0\n")
    figures = ingest("out", "--labels", tmp_path / "labels.csv")
    assert figures["studies"] == {"broken": 0, "not_broken": 1, "unlabelled": 0}
    assert figures["dropped"]["ambiguous_label"] == 2


def test_an_unfinished_or_damaged_source_is_not_used(tmp_path, ingested):
    (tmp_path / "out" / ".fxray").mkdir()
    refused = fxray_here("preprocess", tmp_path / "out", tmp_path / "next", code=1)
    assert "is not finished" in refused.stderr
    for use in (read_table, label_histogram, lambda out: contact_sheet(out, out, tmp_path / "sheet.png")):
        with pytest.raises(DataSetError, match="is not finished"):
            use(tmp_path / "out")
    (tmp_path / "out" / ".fxray").rmdir()
    (tmp_path / "out" / "journal.jsonl").write_bytes(b"")
    refused = fxray_here("preprocess", tmp_path / "out", tmp_path / "next", code=1)
    assert "does not belong to" in refused.stderr


def test_a_lost_table_of_one_study_costs_that_study(tmp_path, ingested):
    next((ingested / "broken").glob("*/metadata.csv")).unlink()
    figures = summary("preprocess", ingested, tmp_path / "next")
    assert figures["studies"]["broken"] == 2
    assert figures["dropped"]["unreadable_metadata"] == 1


def test_files_that_are_needed_are_not_overwritten_by_the_link_file(tmp_path, archive):
    (tmp_path / "labels.csv").write_text("folder,label\nstudy0_positive,1\n")
    for victim in (
        tmp_path / "labels.csv",
        archive / "study0_positive" / "0.png",
        tmp_path / "out" / "link.csv",
    ):
        before = victim.read_bytes() if victim.exists() else None
        options = {"labels": tmp_path / "labels.csv", "link_file": victim, "key_file": tmp_path / "key"}
        with pytest.raises(ParameterError, match="link file"):
            ingest_here(archive, tmp_path / "out", **options)
        assert (victim.read_bytes() if victim.exists() else None) == before


def test_a_share_that_is_refused_leaves_a_finished_data_set_finished(tmp_path, archive, ingested):
    (tmp_path / "empty").mkdir()
    for source, options, named in (
        (archive, {"workers": 2, "scheduler": "tcp://nowhere:1"}, "--workers is about this machine"),
        (archive, {"link_file": tmp_path / "nowhere" / "link.csv"}, "there is no folder"),
        (tmp_path / "empty", {}, "folder is empty"),
    ):
        options |= {"key_file": tmp_path / "key", "shard": Shard(1, 2)}
        with pytest.raises((FxrayError, OSError), match=named):
            ingest_here(source, tmp_path / "out", **options)
        assert read_finished(Layout(tmp_path / "out"))


def test_a_share_that_is_broken_off_leaves_a_finished_data_set_finished_unless_others_are_at_work(tmp_path):
    archive, out = tmp_path / "archive", tmp_path / "out"
    for study in range(13):
        draw(archive / f"study{study}_positive" / "0.png", study)
    job = {"key_file": tmp_path / "key", "workers": 1}
    ingest_here(archive, out, **job)
    # As a drive that is half connected: so many studies are not removed.
    for study in range(12):
        shutil.rmtree(archive / f"study{study}_positive")
    with run_lock(Layout(out, "2-of-2"), print), pytest.raises(FxrayError, match="nothing was removed"):
        ingest_here(archive, out, shard=Shard(1, 2), **job)
    assert Layout(out).work.exists()
    with pytest.raises(FxrayError, match="nothing was removed"):
        ingest_here(archive, out, shard=Shard(1, 2), **job)
    assert read_finished(Layout(out))


@pytest.mark.parametrize("victim", ["labels.csv", "key", "link.csv", "notes.txt", "archive/study0_positive"])
def test_files_that_are_needed_are_not_overwritten_by_the_index(tmp_path, archive, victim):
    for name in ("labels.csv", "notes.txt"):
        (tmp_path / name).write_text("of the user")
    places = {"labels file": "labels.csv", "pseudonym key": "key", "link file": "link.csv", "index": victim}
    with pytest.raises(ParameterError, match="name another place with --index") as refused:
        check_places(archive, tmp_path / "out", {name: tmp_path / place for name, place in places.items()})
    assert str(tmp_path / victim) in str(refused.value)


@pytest.mark.parametrize("tables", ["notes(text)", "files(source, entry, changed, inode)"])
def test_the_index_takes_the_place_of_no_other_database_but_of_every_index(tmp_path, archive, ingest, tables):
    index = tmp_path / "index"
    with contextlib.closing(sqlite3.connect(index)) as database:
        database.execute(f"CREATE TABLE {tables}")
    before = index.read_bytes()
    places = {"pseudonym key": tmp_path / "key", "index": index}
    with pytest.raises(ParameterError, match="not an index of fxray"):
        check_places(archive, tmp_path / "out", places)
    assert index.read_bytes() == before
    index.unlink()
    ingest("out", "--index", index)
    check_places(archive, tmp_path / "out", places)
    whole = index.read_bytes()
    # Damaged, and as an earlier fxray kept it.
    index.write_bytes(whole[: len(whole) // 2])
    check_places(archive, tmp_path / "out", places)
    index.write_bytes(whole[:68] + bytes(4) + whole[72:])
    check_places(archive, tmp_path / "out", places)


def test_where_a_link_leads_is_where_the_link_file_is_written(tmp_path, ingest, ingested):
    (tmp_path / "secure").mkdir()
    for place in (tmp_path / "link.csv", ingested / "link.csv"):
        secure = tmp_path / "secure" / place.parent.name
        place.symlink_to(secure)
        ingest("out", "--link", place)
        assert place.is_symlink()
        assert len(rows(secure)) == 9
        assert secure.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["pseudonym key", "link file", "index"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_neither_waited_for_nor_replaced(tmp_path, archive, name, make):
    places = {"pseudonym key": tmp_path / "key", "index": tmp_path / "kept", name: tmp_path / "odd"}
    make(tmp_path / "odd")
    with pytest.raises(ParameterError, match=f"the {name} .*, not a file; name another place with --"):
        check_places(archive, tmp_path / "out", places)


def test_labels_may_come_through_a_pipe(tmp_path, archive, ingest):
    os.mkfifo(tmp_path / "labels")
    text = "".join(f"{study.name},1\n" for study in archive.iterdir())
    writer = threading.Thread(
        target=(tmp_path / "labels").write_text, args=[f"folder,label\n{text}"], daemon=True
    )
    writer.start()
    assert ingest("out", "--labels", tmp_path / "labels")["studies"]["broken"] == 3


@pytest.mark.parametrize("name", ["ARCHIVE", "OUT", "labels file", "pseudonym key", "link file", "index"])
def test_links_in_a_circle_are_told(tmp_path, archive, name):
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    places = {"ARCHIVE": archive, "OUT": tmp_path / "out", "index": tmp_path / "kept"}
    places |= {"pseudonym key": tmp_path / "key", name: tmp_path / "circle"}
    files = {
        "labels": places.get("labels file"),
        "key_file": places["pseudonym key"],
        "link_file": places.get("link file"),
        "index_file": places["index"],
    }
    with pytest.raises(ParameterError, match="circle lead in a circle"):
        ingest_here(places["ARCHIVE"], places["OUT"], **files)
    assert not (tmp_path / "out").exists()


def test_a_damaged_index_in_the_cache_is_no_reason_to_stop(tmp_path, archive, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = default_index_file(archive)
    place.parent.mkdir(parents=True)
    place.write_bytes(bytes(100))
    check_places(archive, tmp_path / "out", {"pseudonym key": tmp_path / "key", "index": place})


def test_without_a_home_folder_the_options_are_named_and_enough(tmp_path, archive, monkeypatch):
    for name in ("FXRAY_KEY", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    # As it does where neither HOME is set nor the user known.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(ParameterError, match="--key"):
        default_key_file()
    with pytest.raises(ParameterError, match="--index"):
        default_index_file(archive)
    places = {"pseudonym key": tmp_path / "key", "index": tmp_path / "index"}
    check_places(archive, tmp_path / "out", places)


def test_links_are_counted_and_not_followed_and_an_empty_archive_is_said(tmp_path):
    draw(tmp_path / "elsewhere" / "x.png")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "link.png").symlink_to(tmp_path / "elsewhere" / "x.png")
    (tmp_path / "archive" / "folder").symlink_to(tmp_path / "elsewhere")
    shown = fxray("ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key")
    assert "2 links were not followed" in shown.stderr
    assert "No radiograph was found" in shown.stderr
    assert (tmp_path / "out" / "metadata.csv").read_text().startswith("radiograph_id,study_id,")
    assert rows(tmp_path / "out" / "metadata.csv") == []


def test_a_data_set_in_the_archive_is_passed_over_and_said(tmp_path, ingested):
    (tmp_path / "all").mkdir()
    for name in ("archive", "out"):
        (tmp_path / name).rename(tmp_path / "all" / name)
    job = ("ingest", tmp_path / "all", tmp_path / "next", "--key", tmp_path / "key")
    assert "1 data sets of fxray were passed over: out/" in fxray(*job).stderr
    again = summary(*job)
    assert again["found"] == again["converted"] + again["rejected"] + again["passed_over"]
    made = json.loads((tmp_path / "all" / "out" / "dataset.json").read_text())
    assert again["radiographs"] == made["counts"]["radiographs"]


def test_a_data_set_is_not_taken_for_an_archive(tmp_path, ingested):
    refused = fxray_here("ingest", ingested, tmp_path / "next", "--key", tmp_path / "key", code=1)
    assert "is a data set already" in refused.stderr
