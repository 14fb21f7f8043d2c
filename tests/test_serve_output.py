"""Where a scoring may be written: what lies there already is named for what it is, and left alone."""

from __future__ import annotations

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from fxcore.aggregate import decide
from fxcore.dataset.tables import read_csv
from fxcore.errors import FxrayError
from fxcore.ingest import ingest
from fxserve.score import score
from tests.program import fxray, tree
from tests.serve_models import mean_model, settings_for
from tests.test_program_images import draw


@pytest.fixture
def given(tmp_path):
    """A model and an archive, and where the key and the index of it are."""
    draw(tmp_path / "archive" / "1.png", seed=1)
    model = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    places = {"key_file": tmp_path / "key", "index_file": tmp_path / "index"}
    return model, tmp_path / "archive", places


def test_a_file_in_the_place_of_the_output_is_left_alone(tmp_path, given):
    model, archive, places = given
    (tmp_path / "notes.csv").write_text("mine")
    with pytest.raises(FxrayError, match=r"notes\.csv is a file; name a folder"):
        score(model, archive, tmp_path / "notes.csv", device="cpu", **places)
    assert (tmp_path / "notes.csv").read_text() == "mine"


def test_an_output_in_which_nothing_was_scored_is_taken_with_other_settings(tmp_path, given):
    model, archive, places = given
    # A study that is left out is recorded, but not scored.
    (archive / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    settings_for(model, run_steps=False, output="probability", deviation=(0.01,))
    with pytest.raises(FxrayError, match="which is no probability"):
        score(model, archive, tmp_path / "out", device="cpu", workers=1, **places)
    settings_for(model, run_steps=False)
    found = score(model, archive, tmp_path / "out", device="cpu", workers=1, **places)
    assert (found.scored, found.studies_kept, found.studies_done) == (1, 0, 2)
    settings_for(model, run_steps=False, deviation=(0.5,))
    with pytest.raises(FxrayError, match="was made with another settings"):
        score(model, archive, tmp_path / "out", device="cpu", workers=1, **places)


@pytest.mark.parametrize("text", ["[]", "{", "{}"])
def test_a_file_that_is_no_summary_of_a_scoring_is_not_to_be_removed(tmp_path, given, text):
    model, archive, places = given
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scoring.json").write_text(text)
    with pytest.raises(FxrayError, match=r"not (a scoring )?of fxray; name a new folder"):
        score(model, archive, tmp_path / "out", device="cpu", **places)
    assert (tmp_path / "out" / "scoring.json").read_text() == text


@pytest.mark.parametrize(("threshold", "decided_by"), [(2.95e-05, "0.000030"), (0.0001065, "0.000106")])
def test_the_threshold_in_the_table_is_the_one_that_decided(tmp_path, given, threshold, decided_by):
    model, archive, places = given
    score(model, archive, tmp_path / "out", device="cpu", workers=1, threshold=threshold, **places)
    (row,) = read_csv(tmp_path / "out" / "studies.csv")
    assert row["threshold"] == decided_by
    assert decide(float(decided_by), threshold)
    assert not decide(float(decided_by) - 1e-6, threshold)


def test_unfinished_outputs_of_another_kind_are_named(tmp_path, given, monkeypatch):
    model, archive, places = given

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fxcore.run.Run.finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ingest(archive, tmp_path / "dataset", workers=1, **places)
    monkeypatch.setattr("fxserve.score.write_tables", interrupted)
    with pytest.raises(KeyboardInterrupt):
        score(model, archive, tmp_path / "scores", device="cpu", workers=1, **places)
    monkeypatch.undo()
    before = tree(tmp_path)
    with pytest.raises(FxrayError, match="dataset is an unfinished data set; name a new folder"):
        score(model, archive, tmp_path / "dataset", device="cpu", workers=1, **places)
    with pytest.raises(FxrayError, match="scores is an unfinished scoring; go on with it by fxray score"):
        ingest(archive, tmp_path / "scores", workers=1, **places)
    assert tree(tmp_path) == before
    assert ingest(archive, tmp_path / "dataset", workers=1, **places).studies_kept == 1
    assert score(model, archive, tmp_path / "scores", device="cpu", workers=1, **places).studies_kept == 1


@pytest.mark.parametrize("command", ["score", "build"])
def test_a_folder_of_a_data_set_is_not_taken_for_an_archive(tmp_path, given, command):
    model, archive, places = given
    ingest(archive, tmp_path / "dataset", workers=1, **places)
    before = tree(tmp_path / "dataset")
    source = [model] if command == "score" else []
    source += [tmp_path / "dataset" / "unlabelled"]
    refused = fxray(command, *source, tmp_path / "out", "--key", tmp_path / "key", code=1).stderr
    assert f"unlabelled lies within the data set {tmp_path}/dataset" in refused
    assert tree(tmp_path / "dataset") == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["score", "build"])
def test_an_empty_archive_is_said_before_anything_is_written(tmp_path, given, command):
    (tmp_path / "empty").mkdir()
    model = [given[0]] if command == "score" else []
    options = ["--key", tmp_path / "key"]
    refused = fxray(command, *model, tmp_path / "empty", tmp_path / "out", *options, code=1).stderr
    assert "the folder is empty; name another, or connect the drive" in refused
    assert "to go on" not in refused
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("first", "then"), [("out", "out.parquet"), ("out.parquet", "out")])
def test_a_folder_that_is_renamed_keeps_no_tables_of_the_other_kind(tmp_path, given, first, then):
    pytest.importorskip("pyarrow", reason="pip install '.[parquet]'")
    model, archive, places = given
    for name in (first, then):
        score(model, archive, tmp_path / name, device="cpu", workers=1, **places)
        found = {path.name for path in (tmp_path / name).iterdir()}
        tables = {
            f"{table}{(tmp_path / name).suffix or '.csv'}" for table in ("predictions", "rejects", "studies")
        }
        assert found == {"journal.jsonl", "scoring.json"} | tables
        if name == first:
            (tmp_path / first).rename(tmp_path / then)
