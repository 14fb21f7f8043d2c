"""The whole program on real files: every one accounted for, none twice, no traceback."""

from __future__ import annotations

import shutil

import pytest

from tests.program import fxray, rows, summary
from tests.shared_data import DICOM, FRACATLAS, requires_dicom, requires_fracatlas


@requires_dicom
def test_real_dicom_files_are_each_a_radiograph_or_a_reject(tmp_path):
    link = tmp_path / "link.csv"
    figures = summary("ingest", DICOM, tmp_path / "out", "--key", tmp_path / "key", "--link", link)
    source_of = {row["source_id"]: row["source"] for row in rows(link)}
    files = sorted(str(path.relative_to(DICOM)) for path in DICOM.rglob("*") if path.is_file())
    assert sorted(source_of.values()) == files
    assert figures["found"] == len(files)

    kept = {row["source_id"] for row in rows(tmp_path / "out" / "metadata.csv")}
    rejects = [row["source_id"] for row in rows(tmp_path / "out" / "rejects.csv")]
    assert len(rejects) == len(set(rejects))
    assert not kept & set(rejects)
    passed_over = {source_of[s] for s in source_of.keys() - kept - set(rejects)}
    assert figures["passed_over"] == len(passed_over)
    known = {row["path"]: row for row in rows(DICOM / "INVENTORY.csv")}
    for file in passed_over:
        assert file not in known or "DICOMDIR" in file or known[file]["parse"].startswith("FAIL"), file
    images = {path for path, row in known.items() if row["pixel_decode"] == "ok"}
    lost = images - {source_of[s] for s in kept} - {source_of[s] for s in rejects}
    assert not lost


@requires_dicom
@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_names_in_real_files_do_not_reach_the_output(tmp_path):
    import pydicom

    shown = fxray("ingest", DICOM, tmp_path / "out", "--key", tmp_path / "key")
    written = [
        p.read_text() for p in (tmp_path / "out").rglob("*") if p.suffix in (".csv", ".json", ".jsonl")
    ]
    text = "\n".join([shown.stdout, shown.stderr, *written])
    tested = 0
    for path in DICOM.rglob("*"):
        if not path.is_file():
            continue
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:
            continue
        for keyword in ("PatientName", "PatientID", "SOPInstanceUID", "StudyInstanceUID", "InstitutionName"):
            value = str(header.get(keyword, ""))
            if len(value) > 6:
                tested += 1
                assert value not in text, f"{keyword} of {path}"
    assert tested > 500


@requires_dicom
def test_real_mammographs_are_not_turned(tmp_path):
    folder = DICOM / "fo-dicom" / "Tests" / "FO-DICOM.Tests" / "Test Data"
    archive = tmp_path / "archive"
    archive.mkdir()
    for name in ("GH133.dcm", "OutOfBoundsOverlay.dcm"):
        shutil.copy(folder / name, archive)
    summary("build", archive, tmp_path / "out", "--part", "any", "--key", tmp_path / "key")
    made = [
        (row["body_part"], row["alignment"], row["rotation_degrees"], row["inverted"] != "")
        for row in rows(tmp_path / "out" / "metadata.csv")
    ]
    assert made == [("breast", "as_stored", "0", True)] * 2


@requires_fracatlas
def test_fracatlas_is_accounted_for_and_in_its_classes(tmp_path):
    out = tmp_path / "out"
    figures = summary(
        "build", FRACATLAS, out, "--part", "any", "--key", tmp_path / "key", "--link", tmp_path / "link.csv"
    )
    index = {row["file"]: row for row in rows(FRACATLAS / "INDEX.csv")}
    source_of = {row["source_id"]: row["source"] for row in rows(tmp_path / "link.csv")}
    classes = {"fractured": "broken", "not_fractured": "not_broken"}
    kept = set()
    for row in rows(out / "metadata.csv"):
        source = source_of[row["source_id"]]
        assert row["label"] == classes[index[source]["label"]]
        assert (out / row["label"] / row["study_id"] / f"{row['radiograph_id']}.png").exists()
        kept.add(source)
    rejected = {source_of[row["source_id"]]: row["reason"] for row in rows(out / "rejects.csv")}
    assert kept | rejected.keys() == index.keys()
    assert not kept & rejected.keys()
    assert rejected == {
        file: "truncated_image" for file, row in index.items() if row["truncated_jpeg"] == "1"
    }
    assert figures["found"] == len(index) + 1


@requires_fracatlas
@pytest.mark.slow
def test_fracatlas_in_two_steps_gives_the_same_tree(tmp_path):
    from tests.program import tree

    key = ["--key", tmp_path / "key"]
    summary("build", FRACATLAS, tmp_path / "one", "--part", "any", *key)
    summary("ingest", FRACATLAS, tmp_path / "a", *key)
    summary("preprocess", tmp_path / "a", tmp_path / "b", "--part", "any")
    summary("preprocess", tmp_path / "b", tmp_path / "c", "--part", "any")
    assert tree(tmp_path / "one") == tree(tmp_path / "b") == tree(tmp_path / "c")


@requires_fracatlas
def test_fracatlas_from_files_to_an_exported_model_and_its_scores(tmp_path):
    dataset, run, model, key = (tmp_path / name for name in ("dataset", "run", "model.onnx", "key"))
    summary("build", FRACATLAS, dataset, "--part", "any", "--key", key)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'epochs = 1\nbatch = 16\ndevice = "cpu"\n[data]\nframe = { width = 64, height = 96 }\n'
        '[model]\nname = "rx-lite"\n'
    )
    fxray("train", dataset, run, "--config", recipe)
    measures = summary("evaluate", run, dataset)["measures"]["mean"]
    # Some eighteen studies say little: the intervals must show it.
    for name in ("auc", "accuracy"):
        assert measures[name]["low"] <= measures[name]["value"] <= measures[name]["high"]
        assert measures[name]["high"] - measures[name]["low"] > 0.2
    fxray("export", run, model)
    fxray("score", model, FRACATLAS, tmp_path / "scores", "--key", key, "--device", "cpu")
    scored = {row["radiograph_id"]: row for row in rows(tmp_path / "scores" / "predictions.csv")}
    assert len(scored) == len(list(dataset.rglob("*.png")))
    judged = rows(run / "predictions.csv")
    assert len(judged) >= 15
    for row in judged:
        probability = float(scored[row["radiograph_id"]]["probability"])
        assert probability == pytest.approx(float(row["probability"]), abs=1e-4)
