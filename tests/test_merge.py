"""A merge that is killed at any moment: the next one leaves what an undisturbed one leaves, no more."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError
from fxcore.merge import merge
from fxcore.output import output_folder
from fxcore.progress import Silent
from fxcore.shards import Account, Shard, write_account
from fxcore.study import Reject
from tests.program import tree
from tests.test_dataset_studies import write

_STUDIES = ("0a", "0b", "1c")
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "open"}
_PROVENANCE = {"tool": "fxray", "commands": ["build"], "config": {}, "version": "1"}


def made_in_shards(out: Path) -> Path:
    """Make a data set in two shards that wait for their merge."""
    for number in (1, 2):
        with output_folder(out, {"version": "1"}, Silent(), Shard(number, 2)) as layout:
            mine = _STUDIES[number - 1 :: 2]
            for study_id in mine:
                write(layout, study_id, label="not_broken" if number == 2 else "broken", seeds=(1,))
            account = Account(number, 2, "digest", len(mine), _PROVENANCE)
            write_account(
                layout, account, mine, lambda: [Reject("index", "", "", "no", "not_dicom", "it is none")]
            )
    return out


def dying_at(step: int, root: Path) -> bool:
    """Merge in a process of its own that is killed right before a change; tell whether it came to it."""
    child = os.fork()
    if child == 0:
        seen = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in _CHANGES and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)):
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            merge(root)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def test_a_merge_killed_before_any_change_to_the_disk_is_finished_by_the_next(tmp_path):
    waiting, out = made_in_shards(tmp_path / "waiting"), tmp_path / "out"
    shutil.copytree(waiting, out)
    whole = merge(out)
    expected = tree(out)
    step = 0
    while True:
        step += 1
        shutil.rmtree(out)
        shutil.copytree(waiting, out)
        if not dying_at(step, out):
            break
        again = merge(out)
        assert again.content == whole.content, step
        assert tree(out) == expected, step
        assert not list(out.glob(".fxray*")), step
    assert step > 30


def test_a_finished_data_set_has_nothing_to_merge(tmp_path):
    merge(made_in_shards(tmp_path))
    with pytest.raises(DataSetError, match="nothing to merge"):
        merge(tmp_path)
    assert not Layout(tmp_path).work.exists()
