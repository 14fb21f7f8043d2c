"""Models of all kinds: what they take and give is known, or refused with the reason."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import onnx
from onnx import TensorProto

from fxcore.aggregate import AGGREGATES
from fxcore.dataset.png import decode_png, encode_png
from fxcore.dataset.tables import read_csv
from fxcore.errors import FxrayError, ParameterError
from fxcore.progress import Silent
from fxserve import Scorer, device
from fxserve.demo import demo
from fxserve.inspect import settings_template
from fxserve.model import Model
from fxserve.prepare import PreparedStudy
from fxserve.records import StudyScore, from_line, judge, to_line
from fxserve.score import score
from fxserve.stream import Batcher
from tests.serve_models import FRAME, IMAGES, mean_model, settings_for, with_properties
from tests.train.data import make


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_model_of_floats_gets_normalised_images_in_its_layout(tmp_path, layout, batch):
    path = settings_for(
        mean_model(tmp_path / "m.onnx", layout=layout, channels=3),
        layout=layout,
        channels=3,
        mean=(0.1, 0.2, 0.3),
        deviation=(0.5, 0.25, 0.125),
    )
    probability, logit = Model(path, device="cpu", batch=batch).run(IMAGES)
    grey = IMAGES.mean(axis=(1, 2)) / 255
    expected = np.mean([(grey - m) / d for m, d in ((0.1, 0.5), (0.2, 0.25), (0.3, 0.125))], axis=0)
    np.testing.assert_allclose(logit, expected, rtol=1e-4)
    np.testing.assert_allclose(probability, sigmoid(expected), rtol=1e-4)


def test_classes_become_the_softmax_of_the_chosen_one(tmp_path):
    path = settings_for(mean_model(tmp_path / "m.onnx", classes=3), class_index=2)
    probability, logit = Model(path, device="cpu").run(IMAGES)
    grey = IMAGES.mean(axis=(1, 2))[:, None] / 255 * [1, 2, 3]
    expected = np.exp(grey[:, 2]) / np.exp(grey).sum(axis=1)
    np.testing.assert_allclose(probability, expected, rtol=1e-4)
    np.testing.assert_allclose(sigmoid(logit), expected, rtol=1e-4)


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_a_single_output_of_the_first_class_is_turned_into_the_second(tmp_path, output):
    found = [
        Model(
            settings_for(mean_model(tmp_path / "m.onnx"), output=output, class_index=index), device="cpu"
        ).run(IMAGES)
        for index in (0, 1)
    ]
    np.testing.assert_allclose(found[0][0], 1 - found[1][0], atol=1e-6)
    np.testing.assert_allclose(found[0][1], -found[1][1], atol=1e-5)
    with pytest.raises(ParameterError, match="class_index, 2"):
        Model(settings_for(mean_model(tmp_path / "m.onnx"), class_index=2), device="cpu")


@pytest.mark.parametrize("operator", ["Sigmoid", "Softmax"])
def test_probabilities_are_not_taken_for_logits(tmp_path, operator):
    made = mean_model(tmp_path / "m.onnx", classes=2 if operator == "Softmax" else 1, ending=operator)
    assert 'output = "probability"' in settings_template(made)
    with pytest.raises(ParameterError, match=f"that of a {operator}.*setting output"):
        Model(settings_for(made), device="cpu")
    assert Model(settings_for(made, output="probability"), device="cpu").run(IMAGES)[0].max() < 1


def test_what_is_no_probability_is_refused_and_what_rounding_leaves_is_not(tmp_path):
    light = np.full((1, FRAME.height, FRAME.width), 255, np.uint8)
    barely = settings_for(mean_model(tmp_path / "m.onnx"), output="probability", deviation=(0.9999,))
    assert Model(barely, device="cpu").run(light)[0].tolist() == [1.0]
    far = settings_for(mean_model(tmp_path / "m.onnx"), output="probability", deviation=(0.5,))
    with pytest.raises(ParameterError, match="gave 2, which is no probability; the setting output"):
        Model(far, device="cpu").run(light)


@pytest.mark.parametrize(
    ("ending", "found"),
    [
        ({"classes": 2, "ending": "Transpose"}, r"the shape \(2, n\)"),
        ({"classes": 3, "ending": "Transpose", "batch": 2}, r"\(3, 2\); it should be \(2\), \(2, 1\)"),
        ({"ending": "Flatten", "axis": 0}, r"the shape \(1, n\)"),
        ({"ending": "ReduceMean", "axes": [0]}, r"\(1, 1\); it should be \(2\), \(2, 1\) or \(2, classes\)"),
    ],
)
def test_an_output_without_a_row_for_each_image_is_refused(tmp_path, ending, found):
    path = settings_for(mean_model(tmp_path / "m.onnx", **ending))
    with pytest.raises(ParameterError, match=found):
        Model(path, device="cpu").run(IMAGES)


@pytest.mark.parametrize("kind", [{"classes": 2, "ending": "Log"}, {"nan_above": -1.0}], ids=str)
def test_what_is_not_finite_is_no_score_and_no_warning_of_numpy(tmp_path, kind, recwarn):
    path = settings_for(mean_model(tmp_path / "m.onnx", **kind))
    assert np.isnan(Model(path, device="cpu").run(np.zeros_like(IMAGES))[0]).all()
    assert not recwarn.list


@pytest.mark.parametrize("batch", [1, 2, 5, 16])
def test_a_score_depends_on_no_neighbour_and_no_order(tmp_path, batch):
    model = Model(mean_model(tmp_path / "m.onnx", own=True), device="cpu", batch=batch)
    rng = np.random.default_rng(batch)
    studies = [
        PreparedStudy(
            f"{k:024x}", "f", images, tuple({"radiograph_id": f"{k}{i}"} for i in range(len(images))), ()
        )
        for k, images in enumerate(np.split(IMAGES, [0, 1, 4]))
    ]
    found: dict[str, StudyScore] = {}
    for order in (range(4), rng.permutation(4)):
        scored: list[StudyScore] = []
        batcher = Batcher(model, scored.append)
        for k in order:
            batcher.add(studies[k])
        batcher.flush()
        assert sorted(entry.study_id for entry in scored) == [entry.study_id for entry in studies]
        assert all(found.setdefault(entry.study_id, entry) == entry for entry in scored)
    assert [len(entry.rows) for entry in found.values()] == [len(entry.images) for entry in studies]
    assert all(from_line(to_line(entry), "here") == entry for entry in found.values())
    expected = sigmoid(IMAGES[0].mean(dtype=np.float64))
    assert found[studies[1].study_id].probabilities == (round(float(expected), 6),)


def test_a_study_is_judged_as_the_name_says():
    views = tuple({"radiograph_id": name} for name in "abc")
    entry = StudyScore("s", "f", views, (0.2, 0.9, 0.5), (0.0, 0.0, 0.0))
    assert judge(entry, "alo", 0.9).deciding_radiograph == "b"
    assert judge(entry, "alo", 0.9).positive
    assert not judge(entry, "alo", 0.900001).positive
    assert judge(entry, "majority", 0.5).deciding_radiograph == "c"
    assert judge(entry, "mean", 0.5).probability == pytest.approx(0.533333)
    assert judge(entry, "mean", 0.5).deciding_radiograph == ""
    assert judge(StudyScore("s", "f"), "alo", 0.5) is None


def drawn(folder: Path, grey: int) -> Path:
    path = folder / f"{grey}.png"
    image = np.full((FRAME.height, FRAME.width), grey, np.uint8)
    image[0] = 0
    path.write_bytes(encode_png(image))
    return path


@pytest.mark.parametrize("beyond", [0.4e-6, -0.4e-6, 1.6e-6])
def test_single_files_are_decided_as_the_tables_are(tmp_path, beyond):
    (tmp_path / "archive").mkdir()
    path = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    image = drawn(tmp_path / "archive", 130)
    threshold = Scorer(path, device="cpu").score([image])[0].probability + beyond
    settings_for(path, run_steps=False, threshold=threshold)
    (found,) = Scorer(path, device="cpu").score([image])
    score(path, tmp_path / "archive", tmp_path / "out", device="cpu", key_file=tmp_path / "key", workers=1)
    assert Scorer(path, device="cpu").score(str(image)) == [found]
    assert Scorer(path, device="cpu").probability(image) == found.probability
    (row,) = read_csv(tmp_path / "out" / "studies.csv")
    assert row["probability"] == str(found.probability)
    assert found.prediction == row["prediction"] == ("broken" if beyond < 1e-6 else "not_broken")
    assert (float(row["probability"]) >= float(row["threshold"])) == (found.prediction == "broken")


@pytest.mark.parametrize("how", AGGREGATES)
def test_a_view_without_a_number_does_not_count_whoever_scores(tmp_path, how):
    path = settings_for(mean_model(tmp_path / "m.onnx", nan_above=0.5), run_steps=False, aggregate=how)
    views = [drawn(tmp_path, grey) for grey in (20, 200, 90)]
    images = np.stack([decode_png(view.read_bytes()) for view in views])
    rows = tuple({"radiograph_id": str(k)} for k in range(3))
    scored: list[StudyScore] = []
    batcher = Batcher(Model(path, device="cpu"), scored.append)
    batcher.add(PreparedStudy("s", "f", images, rows, ()))
    batcher.flush()
    scorer = Scorer(path, device="cpu")
    expected = judge(scored[0], how, 0.5).probability
    assert scorer.probability(views) == expected == scorer.probability([views[0], views[2]])
    assert np.isnan(scorer.probability(views[1:2]))


def truncated(folder: Path) -> Path:
    path = mean_model(folder / "m.onnx", own=True)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def text(folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_text("<html>Please log in to download this model.</html>")
    return path


def weights_gone(folder: Path) -> Path:
    path = mean_model(folder / "m.onnx", own=True)
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="m.data", size_threshold=0)
    (folder / "m.data").unlink()
    return path


def no_input(folder: Path) -> Path:
    path = settings_for(mean_model(folder / "m.onnx"))
    model = onnx.load(str(path))
    model.graph.node[0].CopyFrom(onnx.helper.make_node("Constant", [], ["grey"], value_floats=[1.0]))
    del model.graph.input[:], model.graph.node[1:], model.graph.output[1:], model.graph.initializer[:]
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("grey", TensorProto.FLOAT, [1]))
    onnx.save(model, str(path))
    return path


def weights_cut(folder: Path) -> Path:
    path = weights_gone(folder)
    (folder / "m.data").write_bytes(b"123")
    return path


BAD = {
    "text": (text, "is not an ONNX file"),
    "truncated": (truncated, "is not an ONNX file|cannot be used as a model"),
    "weights gone": (weights_gone, "weights are in a file"),
    "weights cut": (weights_cut, "its weights beside it is truncated.* are out of bounds"),
    "missing": (lambda folder: folder / "m.onnx", "does not exist"),
    "folder": (lambda folder: folder, "is a folder; name an ONNX file"),
    "no input": (no_input, "has no input"),
    "float16": (
        lambda folder: settings_for(mean_model(folder / "m.onnx", dtype=TensorProto.FLOAT16)),
        r"is of tensor\(float16\); fxray gives images of tensor\(uint8\) or tensor\(float\)",
    ),
    "newer opset": (lambda folder: mean_model(folder / "m.onnx", opset=99), "newer ONNX Runtime"),
    "no settings": (lambda folder: mean_model(folder / "m.onnx"), "was not exported by fxray.*m.toml"),
    "type": (
        lambda folder: settings_for(mean_model(folder / "m.onnx"), dtype="uint8"),
        r"tensor\(float\).*dtype says uint8",
    ),
    "layout": (
        lambda folder: settings_for(mean_model(folder / "m.onnx", layout="NHWC")),
        r"has the shape \(n, 40, 32, 1\).*would be \(n, 1, 40, 32\)",
    ),
    "channels": (
        lambda folder: settings_for(mean_model(folder / "m.onnx", channels=3)),
        r"\(n, 3, 40, 32\).*would be \(n, 1, 40, 32\)",
    ),
    "classes": (
        lambda folder: settings_for(mean_model(folder / "m.onnx", classes=2), class_index=2),
        "class_index, 2",
    ),
    "not a study's": (
        lambda folder: with_properties(
            mean_model(folder / "m.onnx", own=True), folder / "a.onnx", aggregate="model"
        ),
        "the study of each",
    ),
    "damaged": (
        lambda folder: with_properties(
            mean_model(folder / "m.onnx", own=True), folder / "a.onnx", threshold="x"
        ),
        "are damaged.*threshold must be a number",
    ),
    "no number": (
        lambda folder: with_properties(
            mean_model(folder / "m.onnx", own=True), folder / "a.onnx", threshold=float("nan")
        ),
        "are damaged.*threshold must be a finite number",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_cannot_be_used_is_refused_with_the_reason(tmp_path, name, capfd):
    make_model, reason = BAD[name]
    with pytest.raises(FxrayError, match=reason):
        Model(make_model(tmp_path), device="cpu")
    assert capfd.readouterr().err == ""


def test_cuda_is_never_replaced_silently(tmp_path):
    path = mean_model(tmp_path / "m.onnx", own=True)
    exact = Model(path, device="cpu").run(IMAGES)
    with contextlib.suppress(FxrayError):
        model = Model(path, device="cuda")
        assert model.provider == "CUDAExecutionProvider"
        np.testing.assert_allclose(model.run(IMAGES), exact, atol=1e-5)
        return
    with pytest.raises(FxrayError, match=r"--device cuda cannot be had: .*Use --device cpu"):
        Model(path, device="cuda")
    assert Model(path).said.startswith("Scoring on the CPU")
    with pytest.raises(ParameterError, match="auto, cpu, cuda"):
        Model(path, device="tpu")


def test_threads_that_listen_to_native_code_give_the_output_of_the_process_back(tmp_path, monkeypatch):
    def listen(_):
        with device._overheard() as said:
            time.sleep(0.002)
            os.write(2, b"\x1b[31mwhy")
        return said

    before = sys.stdout, sys.stderr, os.fstat(2)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(listen, range(20))) == [["why"]] * 20
    assert (sys.stdout, sys.stderr, os.fstat(2)) == before
    # On the CPU there is nothing to listen for.
    monkeypatch.delattr(device, "_overheard")
    assert Model(mean_model(tmp_path / "m.onnx", own=True), device="cpu").provider == device.CPU


def test_outputs_that_are_no_numbers_are_rejected_visibly(tmp_path):
    dataset = make(tmp_path / "dataset", studies=8)
    whole = mean_model(tmp_path / "whole.onnx", own=True)
    score(whole, dataset, tmp_path / "whole", device="cpu")
    lines = (tmp_path / "whole" / "predictions.csv").read_text().splitlines()[1:]
    # The logit of this model is the mean of the image.
    limit = float(np.median([float(line.split(",")[3]) for line in lines]))
    some = mean_model(tmp_path / "some.onnx", own=True, nan_above=limit)
    found = score(some, dataset, tmp_path / "a", device="cpu")
    spoilt = found.content["counts"]["rejects"]["no_finite_output"]
    assert spoilt + found.radiographs_done == 12
    assert 0 < spoilt < 12
    every = mean_model(tmp_path / "every.onnx", own=True, nan_above=-1.0)
    # A study that another run has dropped is no sign that the model works.
    shutil.rmtree(dataset / "broken" / f"{0:024x}")
    (dataset / "broken" / f"{0:024x}").mkdir()
    (dataset / "broken" / f"{0:024x}" / "metadata.csv").write_bytes(b"\xff")
    for _ in range(2):
        with pytest.raises(FxrayError, match="no finite number for any of 11"):
            score(every, dataset, tmp_path / "b", device="cpu")
    again = score(some, dataset, tmp_path / "a", device="cpu")
    assert again.studies_done > 1
    assert again.studies_kept + again.studies_done == 8
    assert again.content["counts"]["rejects"]["no_finite_output"] <= spoilt


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    ("judging", "noted"),
    [
        ({"aggregate": "mean"}, True),
        ({"aggregate": "mean", "threshold": 0.5}, False),
        ({"aggregate": "alo"}, False),
        ({}, False),
    ],
)
def test_a_threshold_that_was_chosen_for_another_aggregate_is_said(tmp_path, judging, noted):
    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=2)
    told = Told()
    found = score(model, dataset, tmp_path / "out", device="cpu", workers=1, progress=told, **judging)
    note = "The threshold 0.5 was chosen for the aggregate 'alo' and is used for 'mean'"
    assert any(note in sentence for sentence in told.said) == noted
    assert (note in found.content["threshold_note"]) == noted
    assert bool(found.content["threshold_note"]) == noted


def test_the_demonstration_removes_nothing_but_a_scoring(tmp_path):
    image = tmp_path / "archive" / "a.png"
    image.parent.mkdir()
    image.write_bytes(encode_png(IMAGES[0]))
    mine = tmp_path / "scores" / "mine.csv"
    mine.parent.mkdir()
    mine.write_text("a year of work")
    model = mean_model(tmp_path / "model.onnx", own=True)
    with pytest.raises(FxrayError, match="is not empty and not a scoring"):
        demo(tmp_path, Silent())
    assert mine.read_text() == "a year of work"
    mine.unlink()
    assert demo(tmp_path, Silent()).studies_done == 1
    mean_model(model, own=True, nan_above=255.0)
    assert demo(tmp_path, Silent()).studies_done == 1
    model.write_text("no model")
    with pytest.raises(FxrayError, match="is not an ONNX file"):
        demo(tmp_path, Silent())
    assert (tmp_path / "scores" / "studies.csv").exists()
