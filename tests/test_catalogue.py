"""The index of an archive: kept between runs, right after any change, whole or not there."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from fxcore import catalogue as module
from fxcore.archive import Plan
from fxcore.attempt import WorkerFailure
from fxcore.catalogue import Catalogue, open_catalogue
from fxcore.dicom.config import Limits
from fxcore.dicom.entries import Found, IndexEntry
from fxcore.errors import FxrayError, ParameterError
from fxcore.executor import Outcome
from fxcore.ingest import check_places
from fxcore.progress import Silent
from fxcore.pseudonyms import Pseudonyms
from fxcore.settings import IngestConfig
from tests.test_program_images import draw


class Here:
    """Runs tasks in this process and counts the files looked into; some kill it, as it were."""

    def __init__(self, deadly=()):
        self.looked, self._deadly = [], deadly

    def run(self, function, tasks, seconds):
        for task in tasks:
            if set(task.sources) & set(self._deadly):
                yield Outcome(
                    task, WorkerFailure("worker_died", "the worker process ended by signal SIGSEGV")
                )
            else:
                self.looked += task.sources
                yield Outcome(task, function(task))


class Said(Silent):
    def __init__(self):
        self.text = ""

    def say(self, text):
        self.text += text


@pytest.fixture
def archive(tmp_path, monkeypatch):
    # Files made a moment ago are settled for these tests, unless one of them says otherwise.
    monkeypatch.setattr(module, "_SETTLED_NS", -(10**12))
    for i in range(5):
        draw(tmp_path / "archive" / f"study{i}" / "a.png", i)
    return tmp_path / "archive"


def index(archive, place, executor=None, limits=None, progress=None):
    executor = executor or Here()
    with open_catalogue(archive, limits or Limits(), executor, progress or Silent(), place) as found:
        return list(found.entries()), sorted(executor.looked)


def fresh(archive, tmp_path):
    return index(archive, tmp_path / "never" / str(time.monotonic_ns()))[0]


def test_nothing_is_looked_into_twice(archive, tmp_path):
    first, looked = index(archive, tmp_path / "kept")
    assert len(looked) == 5
    again, looked = index(archive, tmp_path / "kept")
    assert again == first
    assert looked == []


def test_it_may_be_named_from_where_the_run_is_started(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    index(archive, Path("kept"))
    assert index(archive, Path("kept"))[1] == []
    assert index(archive, tmp_path / "kept")[1] == []


def test_what_changed_came_or_went_is_noticed(archive, tmp_path):
    index(archive, tmp_path / "kept")
    draw(archive / "study1" / "a.png", 99)
    draw(archive / "study1" / "new.png", 98)
    (archive / "study2" / "a.png").unlink()
    (archive / "study3" / "a.png").rename(archive / "study3" / "b.png")
    entries, looked = index(archive, tmp_path / "kept")
    assert looked == ["study1/a.png", "study1/new.png", "study3/b.png"]
    assert entries == fresh(archive, tmp_path)


def test_a_change_that_keeps_size_and_time_is_noticed(archive, tmp_path):
    path = archive / "study0" / "a.png"
    index(archive, tmp_path / "kept")
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert index(archive, tmp_path / "kept")[1] == ["study0/a.png"]
    assert index(archive, tmp_path / "kept")[0] == fresh(archive, tmp_path)


def test_a_file_just_written_or_of_the_future_is_looked_into_again(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SETTLED_NS", 10**12)
    index(archive, tmp_path / "kept")
    assert len(index(archive, tmp_path / "kept")[1]) == 5


class Interrupted(Here):
    """Stops after some files, as Ctrl-C does; `killed`: so that nobody can do anything about it."""

    def __init__(self, after, killed):
        super().__init__()
        self._after, self._killed = after, killed

    def run(self, function, tasks, seconds):
        for outcome in super().run(function, tasks, seconds):
            yield outcome
            if len(self.looked) >= self._after:
                if self._killed:
                    module.Catalogue.keep = None
                raise KeyboardInterrupt


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("changed", [False, True])
def test_what_was_found_before_an_interruption_is_not_looked_into_again(
    archive, tmp_path, monkeypatch, killed, changed
):
    monkeypatch.setattr(module, "_BATCH", 1)
    monkeypatch.setattr(module._NowAndThen, "due", lambda self: killed)
    if changed:
        index(archive, tmp_path / "kept")
        for i in range(1, 5):
            draw(archive / f"study{i}" / "a.png", 50 + i)
        (archive / "study0" / "a.png").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Catalogue, "keep", Catalogue.keep)
        interrupted = Interrupted(3, killed)
        with pytest.raises((KeyboardInterrupt, TypeError)):
            index(archive, tmp_path / "kept", interrupted)
    draw(archive / interrupted.looked[0], 99)
    entries, looked = index(archive, tmp_path / "kept")
    everything = {f"study{i}/a.png" for i in range(1 if changed else 0, 5)}
    assert set(looked) == everything - set(interrupted.looked[1:])
    assert entries == fresh(archive, tmp_path)
    assert list(tmp_path.glob("kept*")) == [tmp_path / "kept"]


def test_other_limits_make_another_index(archive, tmp_path):
    index(archive, tmp_path / "kept")
    entries, looked = index(archive, tmp_path / "kept", limits=Limits(max_file_bytes=10))
    assert len(looked) == 5
    assert {entry.reason for entry in entries} == {"too_large"}


def test_a_file_that_kills_its_worker_is_tried_again_next_time(archive, tmp_path):
    deadly = Here(deadly=["study3/a.png"])
    entries, looked = index(archive, tmp_path / "kept", deadly)
    assert len(looked) == 4
    assert [entry.reason for entry in entries] == ["", "", "", "worker_died", ""]
    entries, looked = index(archive, tmp_path / "kept")
    assert looked == ["study3/a.png"]
    assert entries == fresh(archive, tmp_path)


@pytest.mark.parametrize("damage", [b"", b"no database", None])
def test_a_damaged_index_is_made_anew_and_the_user_is_told(archive, tmp_path, damage):
    kept = tmp_path / "kept"
    first, _ = index(archive, kept)
    kept.write_bytes(kept.read_bytes()[: kept.stat().st_size // 2] if damage is None else damage)
    said = Said()
    entries, looked = index(archive, kept, progress=said)
    assert entries == first
    assert len(looked) == 5
    assert "damaged" in said.text
    assert index(archive, kept)[1] == []


def test_where_it_cannot_be_kept_the_run_goes_on_and_the_user_is_told(archive, tmp_path):
    (tmp_path / "file").touch()
    # Of the second not even whether it is there can be told, as of one in another user's folder.
    for place in (tmp_path / "file" / "kept", tmp_path / ("k" * 300)):
        said = Said()
        entries, _ = index(archive, place, progress=said)
        assert len(entries) == 5
        assert "all files again" in said.text


def test_it_is_for_its_owner_only_and_leaves_nothing_beside_it(archive, tmp_path):
    index(archive, tmp_path / "own" / "kept")
    assert (tmp_path / "own" / "kept").stat().st_mode & 0o077 == 0
    assert list((tmp_path / "own").iterdir()) == [tmp_path / "own" / "kept"]


def test_names_that_are_no_text_and_values_that_are_odd_come_back_as_they_were(tmp_path):
    entry = IndexEntry(os.fsdecode(b"a\xff\n/b"), 1, "dicom", study_uid="\udcff", message="\0'\"")
    with Catalogue() as first, Catalogue() as second:
        first.add([entry])
        first.keep(tmp_path / "kept")
        second.load(tmp_path / "kept", lambda text: None)
        assert list(second.entries()) == [entry]
        assert second.entry(os.fsencode(entry.source)) == entry


@pytest.mark.parametrize("name", ["st_mtime_ns", "st_ctime_ns", "st_ino"])
def test_times_of_other_centuries_and_inodes_of_64_bits_are_known_again(archive, tmp_path, monkeypatch, name):
    def only(value: int) -> list[Found]:
        (first, *_) = plain(archive)
        names = ("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
        status = {each: getattr(first.status, each) for each in names} | {name: value}
        return [first._replace(status=SimpleNamespace(**status))]

    plain = module.walk
    for value in (-(2**62), 2**63 - 1, 2**64 - 1, 2**63, 1):
        monkeypatch.setattr(module, "walk", lambda _, value=value: only(value))
        monkeypatch.setattr(module, "_SETTLED_NS", -(2**65))
        assert len(index(archive, tmp_path / "kept")[1]) == 1
        assert index(archive, tmp_path / "kept")[1] == []


def test_links_and_folders_that_are_gone(archive, tmp_path):
    (archive / "link").symlink_to(archive / "study0")
    entries, _ = index(archive, tmp_path / "kept")
    assert [entry.source for entry in entries if entry.kind == "link"] == ["link"]
    assert index(archive, tmp_path / "kept")[1] == []
    shutil.rmtree(archive)
    (entry,), _ = index(archive, tmp_path / "kept")
    assert entry.reason == "unreadable"


def test_a_data_set_in_the_archive_is_one_entry(archive, tmp_path):
    index(archive, tmp_path / "kept")
    for name in ("study1/made", "study1/made/within", "study1/made2", "zz/begun", "zz/strange", "zz/deep"):
        draw(archive / name / "broken" / "x" / "a.png", 7)
    (archive / "zz" / "begun" / ".fxray").mkdir()
    (archive / "zz" / "begun" / ".fxray" / "lock").touch()
    for name in ("study1/made", "study1/made/within"):
        (archive / name / "dataset.json").write_text('{"tool": "fxray"}')
    (archive / "zz" / "strange" / "dataset.json").write_text('{"tool": "another"}')
    (archive / "zz" / "deep" / "dataset.json").write_text("[" * 100_000)
    os.mkfifo(archive / "study0" / "dataset.json")
    for _ in range(2):
        entries, looked = index(archive, tmp_path / "kept")
        passed_over = [entry.source for entry in entries if entry.kind == "data_set"]
        assert passed_over == ["study1/made/", "zz/begun/"]
        images = [entry.source for entry in entries if entry.kind == "image"]
        new = [f"{name}/broken/x/a.png" for name in ("study1/made2", "zz/deep", "zz/strange")]
        assert images == sorted([*new, *(f"study{i}/a.png" for i in range(5))])
    assert looked == []
    (archive / "study1" / "made" / "dataset.json").unlink()
    (archive / "study1" / "made" / "within" / "dataset.json").unlink()
    assert "study1/made/within/broken/x/a.png" in index(archive, tmp_path / "kept")[1]
    assert index(archive, tmp_path / "kept")[0] == fresh(archive, tmp_path)


def test_a_training_run_in_the_archive_is_one_entry_and_its_plots_are_no_radiographs(archive, tmp_path):
    for name in ("run", "with its lock", "of another"):
        draw(archive / name / "curves.png", 7)
        (archive / name / "config.toml").touch()
        (archive / name / "checkpoints").mkdir()
        tool = "another" if name == "of another" else "fxray"
        (archive / name / "provenance.json").write_text(f'{{"tool": "{tool}"}}')
    (archive / "with its lock" / ".fxray").mkdir()
    (archive / "with its lock" / ".fxray" / "lock").touch()
    entries, _ = index(archive, tmp_path / "kept")
    assert [(entry.source, entry.kind) for entry in entries if entry.source.endswith("/")] == [
        ("run/", "training_run"),
        ("with its lock/", "training_run"),
    ]
    assert sum(entry.kind == "image" for entry in entries) == 6
    with Catalogue() as catalogue:
        catalogue.add(entries)
        plan = Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32)))
        assert plan.said[0] == "2 training runs of fxray were passed over: run/, with its lock/"
        assert plan.counts["files_training_run"] == 2
    with pytest.raises(ParameterError, match="is a training run of fxray; name a raw archive"):
        check_places(archive / "with its lock", tmp_path / "out", {})


@pytest.mark.parametrize("where", ["adding", "planning"])
def test_a_full_temporary_folder_is_named(where):
    entries = [IndexEntry(f"{i}.dcm", kind="dicom", study_uid="1.2." + "3" * 2000) for i in range(3000)]

    def work() -> None:
        with Catalogue() as catalogue:
            # As a full disk does it: SQLite gives up with the same error.
            if where == "adding":
                catalogue.database.execute("PRAGMA max_page_count = 100")
            catalogue.add(entries)
            catalogue.database.execute("PRAGMA temp.max_page_count = 20")
            Plan(catalogue, None, IngestConfig(), Pseudonyms(bytes(32)))

    with pytest.raises(FxrayError, match="SQLITE_TMPDIR"):
        work()
