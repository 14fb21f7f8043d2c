"""Files that several runs may write at once: whole, and with nothing of killed runs beside them."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import time
from pathlib import Path

import pytest

from fxcore.catalogue import Catalogue
from fxcore.dataset import replacing as module
from fxcore.dataset.replacing import replacing


def killed_while(write) -> None:
    """Write in a process of its own that is killed by what it writes."""
    if (child := os.fork()) == 0:
        try:
            write()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def killed_over(place) -> None:
    def write() -> None:
        with replacing(place) as beside:
            beside.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)

    killed_while(write)


def test_the_last_to_end_wins_and_the_file_is_for_whom_it_is_said_to_be(tmp_path):
    place = tmp_path / "link.csv"
    with replacing(place, 0o600) as outer:
        outer.write_bytes(b"outer")
        with replacing(place, 0o600) as inner:
            inner.write_bytes(b"inner")
        assert place.read_bytes() == b"inner"
    assert place.read_bytes() == b"outer"
    assert place.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_broken_off_leaves_what_was_there(tmp_path):
    place = tmp_path / "link.csv"
    place.write_bytes(b"before")
    with pytest.raises(KeyboardInterrupt), replacing(place):
        raise KeyboardInterrupt
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_what_a_killed_run_left_is_removed_and_what_is_being_written_is_not(tmp_path):
    place, other = tmp_path / "[a]*.csv", tmp_path / "a.csv"
    with replacing(place) as live:
        killed_over(place)
        killed_over(other)
        assert len(list(tmp_path.iterdir())) == 3
        with replacing(place) as beside:
            beside.write_bytes(b"whole")
        assert sorted(path.name.startswith("[a]*.csv") for path in tmp_path.iterdir()) == [False, True, True]
        assert live.exists()


def test_what_another_machine_left_is_removed_when_nobody_can_be_writing_it_any_more(tmp_path, monkeypatch):
    # Where a lock holds on one machine alone, that of another is not seen.
    with monkeypatch.context() as patch:
        patch.setattr(platform, "node", lambda: "elsewhere")
        for name in ("now", "then"):
            killed_over(tmp_path / name)
    (then,) = tmp_path.glob("then.elsewhere-*")
    os.utime(then, (time.time() - 100_000,) * 2)
    for name in ("now", "then"):
        with replacing(tmp_path / name):
            pass
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {"now", "then", "now.elsewhere"}


def test_a_file_taken_for_abandoned_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    flock, times = fcntl.flock, []

    def late(file, how):
        if not times:
            for path in tmp_path.iterdir():
                path.unlink()
        times.append(how)
        flock(file, how)

    monkeypatch.setattr(module.fcntl, "flock", late)
    with replacing(tmp_path / "link.csv") as beside:
        beside.write_bytes(b"whole")
    assert len(times) == 2
    assert (tmp_path / "link.csv").read_bytes() == b"whole"


def test_a_file_system_without_locks_is_written_to_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "Operation not supported")

    killed_over(tmp_path / "link.csv")
    monkeypatch.setattr(module.fcntl, "flock", refuse)
    with replacing(tmp_path / "link.csv") as beside:
        beside.write_bytes(b"whole")
    assert (tmp_path / "link.csv").read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_index_that_was_being_kept_by_a_killed_run_is_removed_by_the_next(tmp_path):
    place = tmp_path / "archive.index"

    def keep() -> None:
        # Of the process to be killed alone.
        Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        with Catalogue() as catalogue:
            catalogue.keep(place)

    killed_while(keep)
    assert len(list(tmp_path.iterdir())) == 1
    with Catalogue() as catalogue:
        catalogue.keep(place)
    assert list(tmp_path.iterdir()) == [place]
