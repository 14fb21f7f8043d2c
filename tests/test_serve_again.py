"""A data set that is scored again: what has changed is done anew, and nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

from fxcore.dataset.assemble import REJECT_COLUMNS, source_fingerprint
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.dataset.png import decode_png, encode_png
from fxcore.dataset.tables import read_csv
from fxcore.errors import FxrayError
from fxcore.preprocess import preprocess
from fxserve.score import score
from fxserve.tables import kind_of
from tests.program import tree
from tests.serve_models import mean_model, settings_for
from tests.test_catalogue import Said
from tests.test_program_images import draw, uncompressed
from tests.train.data import make


def without_fingerprints(dataset: Path) -> None:
    """Have the journal of a data set say of no study what files it came from."""
    layout = Layout(dataset)
    lines = [json.loads(line) | {"fingerprint": ""} for line in layout.journal.read_text().splitlines()]
    layout.journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = json.loads(layout.provenance.read_text())
    content["source_fingerprint"] = source_fingerprint(read_journal(layout))
    layout.provenance.write_text(json.dumps(content))


@pytest.mark.parametrize("harm", ["truncated", "missing"])
@pytest.mark.parametrize("told", [True, False])
def test_a_radiograph_that_is_repaired_is_scored_in_the_next_run(tmp_path, harm, told):
    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=4)
    if not told:
        without_fingerprints(dataset)
    png = min(dataset.glob("broken/*/*.png"))
    whole = png.read_bytes()
    png.write_bytes(whole[:60])
    if harm == "missing":
        png.unlink()
    first = score(model, dataset, tmp_path / "out", device="cpu", workers=1)
    assert first.content["counts"]["rejects"] == {"unreadable_png": 1}
    png.write_bytes(whole)
    second = score(model, dataset, tmp_path / "out", device="cpu", workers=1)
    assert (second.studies_done, second.studies_kept) == (1, 3)
    assert second.content["counts"]["rejects"] == {}
    third = score(model, dataset, tmp_path / "out", device="cpu", workers=1)
    assert (third.studies_done, third.studies_kept) == (0, 4)


@pytest.mark.parametrize("change", ["pixels", "settings"])
def test_a_data_set_that_was_made_otherwise_is_scored_anew(tmp_path, change):
    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=4)
    score(model, dataset, tmp_path / "out", device="cpu", workers=1, as_is=True)
    before = (tmp_path / "out" / "predictions.csv").read_bytes()
    if change == "pixels":
        for png in dataset.rglob("*.png"):
            png.write_bytes(encode_png(255 - decode_png(png.read_bytes())))
    else:
        place = Layout(dataset).provenance
        content = json.loads(place.read_text()) | {"config": {"steps": {}, "ingest": {"pixels": {}}}}
        place.write_text(json.dumps(content))
    again = score(model, dataset, tmp_path / "out", device="cpu", workers=1, as_is=True)
    assert (again.studies_done, again.studies_kept) == (4, 0)
    assert (before == (tmp_path / "out" / "predictions.csv").read_bytes()) == (change == "settings")


def test_scores_of_studies_that_are_gone_are_removed_and_said_or_the_run_is_refused(tmp_path):
    model, out = mean_model(tmp_path / "m.onnx", own=True), tmp_path / "out"
    whole, half, less = (make(tmp_path / f"{n}", studies=n, views=1) for n in (24, 12, 11))
    score(model, whole, out, device="cpu", workers=1)
    before = tree(out)
    with pytest.raises(FxrayError, match=r"13 of 24 finished studies .* nothing was removed"):
        score(model, less, out, device="cpu", workers=1)
    assert tree(out) == before
    said = Said()
    assert score(model, half, out, device="cpu", workers=1, progress=said).studies_removed == 12
    assert "12 studies of an earlier run are not in the archive or data set any more" in said.text
    assert sum(1 for _ in read_csv(out / "studies.csv")) == 12


def test_no_scores_are_removed_where_a_folder_cannot_be_listed(tmp_path, monkeypatch):
    model, out = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False), tmp_path / "out"
    for name in "ab":
        draw(tmp_path / "archive" / name / "1.png", seed=ord(name))
    given = {"device": "cpu", "workers": 1, "key_file": tmp_path / "key", "index_file": tmp_path / "index"}
    score(model, tmp_path / "archive", out, **given)
    before, scandir = tree(out), os.scandir

    def refused(path):
        if str(path).endswith("archive/b/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(
        FxrayError, match=r"1 folders could not be listed \(the first: b/\); nothing was removed"
    ):
        score(model, tmp_path / "archive", out, **given)
    monkeypatch.undo()
    assert tree(out) == before


def test_a_file_that_was_being_copied_is_scored_anew_once_it_is_whole(tmp_path):
    model = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    file = uncompressed(tmp_path / "archive" / "1.tif")
    whole = file.read_bytes()
    given = {"device": "cpu", "workers": 1, "key_file": tmp_path / "key", "index_file": tmp_path / "index"}
    # A drive that is copied to has the size of a file before its content.
    for end in (len(whole) // 2, len(whole) - 3):
        file.write_bytes(whole[:end] + bytes(len(whole) - end))
        score(model, tmp_path / "archive", tmp_path / "out", **given)
        file.write_bytes(whole)
        again = score(model, tmp_path / "archive", tmp_path / "out", **given)
        assert (again.studies_done, again.scored) == (1, 1)
    assert score(model, tmp_path / "archive", tmp_path / "out", **given).studies_kept == 1


def test_a_file_of_which_the_middle_alone_changed_is_scored_anew(tmp_path):
    model = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    file = uncompressed(tmp_path / "archive" / "1.tif")
    draw(tmp_path / "archive" / "2.png")
    given = {"device": "cpu", "workers": 1, "key_file": tmp_path / "key", "index_file": tmp_path / "index"}
    score(model, tmp_path / "archive", tmp_path / "out", **given)
    content = bytearray(file.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 2 - len(content) // 4)
    file.write_bytes(content)
    again = score(model, tmp_path / "archive", tmp_path / "out", **given)
    assert (again.studies_done, again.studies_kept) == (1, 1)
    anew = score(model, tmp_path / "archive", tmp_path / "anew", **given)
    assert anew.studies_done == 2
    for name in ("predictions.csv", "studies.csv", "journal.jsonl"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "anew" / name).read_bytes()


@pytest.mark.parametrize("damage", ["a digit", "cut", "zeros"])
def test_a_damaged_record_of_an_earlier_run_is_told_and_its_study_scored_again(tmp_path, damage):
    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=4)
    out, said = tmp_path / "out", Said()
    score(model, dataset, out, device="cpu", workers=1)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.name != "scoring.json"}
    journal = out / "journal.jsonl"
    *others, last = journal.read_bytes().splitlines(keepends=True)
    at = last.index(b'"probabilities":[') + 20
    changed = {
        "a digit": last[:at] + bytes([last[at] ^ 1]) + last[at + 1 :],
        "cut": last[:-50],
        "zeros": bytes(len(last)),
    }
    journal.write_bytes(b"".join(others) + changed[damage])
    again = score(model, dataset, out, device="cpu", workers=1, progress=said)
    assert (again.studies_done, again.studies_kept) == (1, 3)
    assert f"1 records of an earlier run in {out} are damaged; their studies are scored again." in said.text
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.name != "scoring.json"}


def test_a_study_without_a_fingerprint_is_never_taken_for_done(tmp_path):
    dataset = make(tmp_path / "dataset", studies=3)
    without_fingerprints(dataset)
    for _ in range(2):
        found = preprocess(dataset, tmp_path / "out", workers=1)
        assert (found.studies_done, found.studies_kept) == (3, 0)


def test_tables_are_replaced_together_or_not_at_all(tmp_path, monkeypatch):
    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=4)
    out = tmp_path / "out"
    score(model, dataset, out, device="cpu", workers=1, threshold=0.25)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    _, render = kind_of(out)

    def interrupted(columns, rows):
        yield b"".join(render(columns, rows))
        if columns == REJECT_COLUMNS:
            raise KeyboardInterrupt

    monkeypatch.setattr("fxserve.output.kind_of", lambda root: (".csv", interrupted))
    with pytest.raises(KeyboardInterrupt):
        score(model, dataset, out, device="cpu", workers=1, threshold=0.75)
    assert before == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    monkeypatch.undo()
    score(model, dataset, out, device="cpu", workers=1, threshold=0.75)
    assert {row["threshold"] for row in read_csv(out / "studies.csv")} == {"0.750000"}
    assert before.keys() == {path.name for path in out.iterdir()}
