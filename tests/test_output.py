"""Runs that begin in one folder: those of one data set go on together, another is refused."""

from __future__ import annotations

import json
import os
import threading

import pytest

from fxcore import output
from fxcore.errors import DataSetError, FxrayError
from fxcore.merge import merge
from fxcore.output import output_folder
from fxcore.progress import Silent
from fxcore.shards import Shard
from tests.test_dataset_studies import write


def begin_together(out, monkeypatch, keys):
    """Begin a shard for each of the keys, all of which find no settings; return what each was told."""
    together, told = threading.Barrier(len(keys), timeout=60), {}
    write = output.write_atomically

    def write_together(*arguments):
        # Whoever writes its settings has found none.
        write(*arguments)
        together.wait()

    monkeypatch.setattr(output, "write_atomically", write_together)

    def begin(number, key):
        try:
            with output_folder(out, {"key_check": key}, Silent(), Shard(number, len(keys))):
                told[number] = key
        except FxrayError as error:
            told[number] = str(error)

    threads = [threading.Thread(target=begin, args=pair) for pair in enumerate(keys, start=1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [told[number] for number in sorted(told)]


def test_of_shards_begun_together_with_different_keys_one_goes_on(tmp_path, monkeypatch):
    told = begin_together(tmp_path, monkeypatch, ["one", "two"])
    (begun,) = [text for text in told if text in ("one", "two")]
    (refused,) = [text for text in told if text != begun]
    assert "was made with another key check" in refused
    assert json.loads((tmp_path / ".fxray" / "settings.json").read_text()) == {"key_check": begun}
    assert not list(tmp_path.rglob("staging*/*"))


def test_shards_begun_together_with_the_same_settings_all_go_on(tmp_path, monkeypatch):
    assert begin_together(tmp_path, monkeypatch, ["one"] * 4) == ["one"] * 4
    assert not list(tmp_path.rglob("staging*/*"))


def test_where_there_are_no_links_runs_begin_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for number in (1, 2):
        with output_folder(tmp_path, {"key_check": "one"}, Silent(), Shard(number, 2)):
            pass
    with (
        pytest.raises(FxrayError, match="another key check"),
        output_folder(tmp_path, {"key_check": "two"}, Silent()),
    ):
        pass


def test_a_merge_of_what_has_no_settings_yet_does_not_say_what_it_is_begun_with(tmp_path):
    with output_folder(tmp_path, {}, Silent(), Shard(1, 2)) as layout:
        write(layout)
    with pytest.raises(DataSetError, match="no shard"):
        merge(tmp_path)
    assert not (layout.work / "settings.json").exists()
