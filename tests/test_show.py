"""What is printed at the end of a run, whatever its paths are called."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from fxcore.cli.app import app
from fxcore.cli.score import print_scored
from fxcore.cli.show import errors_for_people, print_json, print_pairs, print_table, progress
from fxcore.cli.train import print_evaluation, print_exported
from fxcore.errors import FxrayError

_PATH = "/data/\udcff\x1b[31m[bold]ü"


def printed(monkeypatch: pytest.MonkeyPatch, encoding: str, show: Callable[[], None]) -> str:
    """Return what a terminal of this encoding, which takes nothing else, is given."""
    raw = io.BytesIO()
    with monkeypatch.context() as patch, io.TextIOWrapper(raw, encoding=encoding, errors="strict") as stdout:
        patch.setattr(sys, "stdout", stdout)
        show()
        stdout.flush()
        return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_json_comes_back_as_it_was(monkeypatch, encoding):
    text = printed(monkeypatch, encoding, lambda: print_json({"out": _PATH}))
    assert json.loads(text) == {"out": _PATH}


def test_a_broken_pipe_is_passed_over_where_it_is_that_of_the_output_only(monkeypatch, capsys):
    def broken(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(typer.Exit), errors_for_people():
        broken()
    assert "Broken pipe" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdout, "write", broken)
    with pytest.raises(typer.Exit), errors_for_people():
        print_json({"out": _PATH})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_a_run_goes_on_where_its_log_cannot_be_written(monkeypatch, capsys, number):
    def fails(_: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sys.stderr, "write", fails)
    with progress(quiet=False) as display:
        display.stage("Building studies", 2)
        display.advance(2)
        display.say("One was dropped.")
    with pytest.raises(typer.Exit) as left, errors_for_people():
        raise FxrayError("the disk is full")
    assert left.value.exit_code == 1
    print_json({"out": "here"})
    assert json.loads(capsys.readouterr().out) == {"out": "here"}


def test_an_output_without_room_for_the_table_is_named(monkeypatch, capsys):
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys.stdout, "write", full)
    for show in (partial(print_json, {}), partial(print_pairs, "Done", [("data set", "out")])):
        with pytest.raises(typer.Exit), errors_for_people():
            show()
        assert "fxray: standard output: No space left on device. Make room." in capsys.readouterr().err


def test_tables_show_paths_that_are_no_text(monkeypatch):
    def show() -> None:
        print_pairs(f"Made {_PATH}", [("data set", _PATH), ("  of these", "3")])
        print_table(f"Labels of {_PATH}", ["label"], [[_PATH]])

    text = printed(monkeypatch, "utf-8", show)
    assert " ".join(text.split()).count("/data/? [31m[bold]ü") == 4
    assert "   of these" in text


def test_tables_are_whole_in_a_pipe_and_folded_on_a_narrow_terminal(monkeypatch):
    label = "Handgelenk_links_ap_seitlich_" * 5

    def show() -> None:
        print_table("Labels", ["label", "count"], [[label, "3"]])

    assert f" {label} " in printed(monkeypatch, "utf-8", show)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    folded = re.findall("│ ([A-Za-z_]+) ", printed(monkeypatch, "utf-8", show))
    assert "".join(folded) == label
    assert len(folded) > 1


def test_measures_of_four_ways_to_judge_fit_a_terminal_of_80_columns(monkeypatch):
    names = ("auc", "average_precision", "sensitivity", "specificity")
    measures = {key: {"value": 0.8333, "low": 0.7, "high": 0.95} for key in names}
    better = {key: {"value": 0.0211, "low": -0.7, "high": 0.95} for key in names}
    ways = dict.fromkeys(("radiograph", "alo", "majority", "mean"), measures)
    result = {
        "measures": ways,
        "over_views": dict.fromkeys(("alo", "majority", "mean"), better),
        "calibration_error": dict.fromkeys(ways, 0.1),
        "operating": {"aggregate": "mean", "threshold": 0.5, "temperature": 1.0, "sensitivity": 0.0},
        "studies": 40,
        "radiographs": 90,
        "part": "val",
        "chosen_on": "val",
        "made_otherwise": None,
        "radiographs_unlabelled": 0,
        "files": {"evaluation": "evaluation.json"},
    }
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    lines = printed(monkeypatch, "utf-8", lambda: print_evaluation(result)).splitlines()
    for text, count in (("0.833", 16), ("0.700..0.950", 16), ("0.021", 12), ("-0.700..0.950", 12)):
        assert sum(line.count(f" {text} ") for line in lines) == count, text


def test_studies_of_an_earlier_run_are_those_of_all_that_was_done(monkeypatch):
    counts = {"studies_scored": 3, "radiographs_scored": 5, "studies_not_scored": 2}
    content = {"counts": counts | {"predicted": {}, "rejects": {}}, "provider": "CPU", "statement": ""}
    summary = SimpleNamespace(out="out", content=content, studies_kept=4, studies_removed=0, seconds=1.0)
    shown = printed(monkeypatch, "utf-8", lambda: print_scored(summary))
    rows = [[cell.strip() for cell in line.split("│")[1:3]] for line in shown.splitlines() if "│" in line]
    at = rows.index(["of these studies done by an earlier run", "4"])
    assert rows[at - 2 : at] == [["studies scored", "3"], ["studies not scored", "2"]]


def test_a_threshold_is_shown_so_that_it_decides_the_same(monkeypatch):
    names = ("file", "model", "aggregate", "temperature", "largest_difference")
    result = dict.fromkeys(names, 1.2345678) | {"threshold": 0.8765435, "sensitivity": 0.95}
    shown = printed(monkeypatch, "utf-8", lambda: print_exported(result))
    assert " 0.8765435 " in shown
    assert " 1.235 " in shown
    assert " that of a sensitivity of 0.95 at least " in shown


def test_json_of_figures_that_are_no_numbers_is_valid(monkeypatch):
    figures = {"auc": float("nan"), "rows": [{"loss": float("inf")}, (1.5, -float("inf"))], "on": True}
    text = printed(monkeypatch, "utf-8", lambda: print_json(figures))
    assert json.loads(text, parse_constant=str) == {
        "auc": None,
        "rows": [{"loss": None}, [1.5, None]],
        "on": True,
    }


@pytest.mark.parametrize(
    "command",
    [
        "synth OUT --scale 2",
        "build ARCHIVE OUT --shard x",
        "build ARCHIVE OUT --part Foo",
        "preprocess ARCHIVE OUT --part Foo",
        "labels ARCHIVE --part Foo",
        "ingest ARCHIVE OUT --labels labels.csv --empty-label foo",
        "evaluate ARCHIVE OUT --split foo",
        "synth OUT --scale 0",
        "synth OUT --scale -1",
        "synth OUT --scale nan",
        "synth OUT --displacement inf",
        "synth OUT --displacement nan",
        "synth OUT --one-view nan",
        "score MODEL ARCHIVE OUT --aggregate vote",
        "score MODEL ARCHIVE OUT --threshold 1.5",
        "score MODEL ARCHIVE OUT --threshold nan",
        "score MODEL ARCHIVE OUT --batch 5000",
        "score MODEL ARCHIVE OUT --device gpu",
    ],
)
def test_a_value_that_an_option_cannot_have_is_wrong_usage(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ARCHIVE").mkdir()
    (tmp_path / "ARCHIVE" / "file").write_text("x")
    done = CliRunner().invoke(app, command.split())
    assert done.exit_code == 2, done.stderr
    assert command.split()[-2] in done.stderr
    assert not (tmp_path / "OUT").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:9"], "--workers is about this machine"),
        (["--key-column", "study"], "give it with --labels"),
        (["--empty-label", "none"], "give it with --labels"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(tmp_path, monkeypatch, options, said):
    monkeypatch.setenv("COLUMNS", "400")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "one.png").touch()
    places = [tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    done = CliRunner().invoke(app, ["build", *map(str, places), *options])
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EAGAIN, "ulimit -u"),
        (errno.EMFILE, "ulimit -n"),
        (errno.ENOMEM, "no memory"),
        (errno.EXDEV, "lies on one drive"),
    ],
)
def test_what_the_system_has_no_more_of_is_said(number, said, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "400")
    with pytest.raises(typer.Exit), errors_for_people():
        raise OSError(number, "In short")
    assert said in capsys.readouterr().err
