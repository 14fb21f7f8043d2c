"""Models of all kinds: what they take and give is known, or refused with the reason."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install 'fxray[serve]'")

import onnx
from onnx import TensorProto

from fxcore.aggregate import AGGREGATES
from fxcore.config import from_dict, read_toml, to_dict, to_toml
from fxcore.dataset.assemble import REJECT_COLUMNS, source_fingerprint
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.dataset.png import decode_png, encode_png
from fxcore.dataset.tables import read_csv
from fxcore.errors import FxrayError, ParameterError
from fxcore.letterbox import Frame, fit_image
from fxcore.preprocess import preprocess
from fxcore.run import Silent
from fxserve import Scorer
from fxserve.demo import demo
from fxserve.inspect import inspect, settings_template
from fxserve.model import Model
from fxserve.prepare import PreparedStudy
from fxserve.records import StudyScore, from_line, judge, to_line
from fxserve.score import score
from fxserve.settings import ModelSettings
from fxserve.stream import Batcher
from fxserve.tables import kind_of
from tests.serve_models import FRAME, mean_model, with_properties
from tests.train.data import make

IMAGES = np.random.default_rng(0).integers(0, 256, (7, FRAME.height, FRAME.width), dtype=np.uint8)


def settings_for(path: Path, **settings: object) -> Path:
    path.with_suffix(".toml").write_text(to_toml(ModelSettings(frame=FRAME, **settings)))
    return path


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


def test_what_is_no_probability_does_not_pass_for_one(tmp_path):
    path = settings_for(
        mean_model(tmp_path / "m.onnx", dtype=TensorProto.UINT8), dtype="uint8", output="probability"
    )
    assert np.isnan(Model(path, device="cpu").run(IMAGES)[0]).all()


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


BAD = {
    "text": (text, "is not an ONNX file"),
    "truncated": (truncated, "is not an ONNX file|cannot be used as a model"),
    "weights gone": (weights_gone, "weights are in a file"),
    "missing": (lambda folder: folder / "m.onnx", "does not exist"),
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
        "are damaged.*threshold must be float",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_model_that_cannot_be_used_is_refused_with_the_reason(tmp_path, name):
    make_model, reason = BAD[name]
    with pytest.raises(FxrayError, match=reason):
        Model(make_model(tmp_path), device="cpu")


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


def test_inspection_shows_what_is_needed_to_describe_a_model(tmp_path):
    path = mean_model(tmp_path / "m.onnx", layout="NHWC", channels=3)
    found = inspect(path)
    assert found["opset"] == "ai.onnx 17"
    assert found["bytes"] == path.stat().st_size
    assert [node["shape"] for node in found["nodes"]] == ["(n, 40, 32, 3)", "(n, 1)"]
    path.with_suffix(".toml").write_text(settings_template(path))
    settings = read_toml(ModelSettings, path.with_suffix(".toml"))
    assert (settings.layout, settings.channels, settings.frame) == ("NHWC", 3, Frame(32, 40))
    assert len(Model(path, device="cpu").run(IMAGES)[0]) == len(IMAGES)
    assert from_dict(ModelSettings, to_dict(settings)) == settings


@pytest.mark.parametrize(
    "wrong",
    [{"channels": 2}, {"mean": (0.1, 0.2)}, {"deviation": (0.0,)}, {"threshold": 2.0}, {"layout": "CHW"}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        ModelSettings(**wrong)


def test_an_int8_model_keeps_its_metadata_and_nearly_its_scores(tmp_path):
    pytest.importorskip("torch", reason="the model to quantise is made here")
    from fxcore.steps import Pipeline
    from fxserve.quantize import quantize
    from fxtrain.config import ModelConfig
    from fxtrain.export import Deployed, write_onnx
    from fxtrain.models import create_model

    network = create_model(ModelConfig(name="rx-lite"), FRAME)
    judging = {"threshold": 0.5, "aggregate": "alo", "classes": ["not_broken", "broken"]}
    metadata = {"frame": to_dict(FRAME), "steps": to_dict(Pipeline()), **judging}
    path = tmp_path / "m.onnx"
    write_onnx(Deployed(network, 0.2, 0.2, 1.0).eval(), IMAGES[:, None], path, metadata)
    found = quantize(path, make(tmp_path / "dataset", studies=12), tmp_path / "int8.onnx", count=8)
    assert found["bytes_int8"] < 0.5 * found["bytes_float"]
    assert found["auc_float"] is not None
    assert 0 <= found["auc_int8"] <= 1
    float_model, int8_model = Model(path, device="cpu"), Model(tmp_path / "int8.onnx", device="cpu")
    assert int8_model.properties == float_model.properties
    change = np.abs(float_model.run(IMAGES)[0] - int8_model.run(IMAGES)[0]).max()
    assert 0 < change < 0.1

    # The layers at both ends stay as they are, and so does the normalisation between the others.
    nodes = onnx.load(str(tmp_path / "int8.onnx")).graph.node
    made_by = {name: node.op_type for node in nodes for name in node.output}
    layers = [node for node in nodes if node.op_type in ("Conv", "Gemm", "MatMul")]
    quantised = [made_by.get(layer.input[1]) == "DequantizeLinear" for layer in layers]
    assert quantised == [False, *[True] * (len(layers) - 2), False]
    rounded = {made_by[node.input[0]] for node in nodes if node.op_type == "QuantizeLinear"}
    assert "Conv" in rounded
    assert not rounded & {"InstanceNormalization", "Mul", "Add"}


def test_no_study_both_calibrates_an_int8_model_and_judges_it(tmp_path, monkeypatch):
    from fxserve.quantize import quantize

    path = settings_for(mean_model(tmp_path / "m.onnx"))
    dataset = make(tmp_path / "dataset", studies=12, views=3)
    used: dict[str, set[bytes]] = {"calibrated": set(), "compared": set()}
    plain = Model.inputs

    def inputs(self, images, total=0):
        used["compared" if total else "calibrated"].update(image.tobytes() for image in images)
        return plain(self, images, total)

    monkeypatch.setattr(Model, "inputs", inputs)
    found = quantize(path, dataset, tmp_path / "int8.onnx", count=100)
    studies = {
        name: {
            png.parent.name
            for png in dataset.rglob("*.png")
            if fit_image(decode_png(png.read_bytes()), FRAME).tobytes() in images
        }
        for name, images in used.items()
    }
    assert len(studies["calibrated"]) == len(studies["compared"]) == found["studies_compared"] == 6
    assert not studies["calibrated"] & studies["compared"]
    assert found["calibrated_by"] + found["compared_on"] == len(list(dataset.rglob("*.png")))
    # It can be scored with, as the model it was made from can.
    assert Model(tmp_path / "int8.onnx", device="cpu").settings == Model(path, device="cpu").settings
    assert found["settings"] == str(tmp_path / "int8.toml")
    settings_for(tmp_path / "int8.onnx", threshold=0.25)
    with pytest.raises(FxrayError, match="says other than"):
        quantize(path, dataset, tmp_path / "int8.onnx")
    assert Model(tmp_path / "int8.onnx", device="cpu").settings.threshold == 0.25


@pytest.mark.parametrize(("how", "expected"), [("alo", 1), ("mean", 2)])
def test_studies_that_int8_decides_otherwise_are_counted(tmp_path, how, expected):
    from fxserve.quantize import _compared
    from fxserve.sample import Sample

    (tmp_path / "m.onnx").touch()

    class Given:
        path = tmp_path / "m.onnx"
        settings = ModelSettings(threshold=0.5, aggregate=how)

        def __init__(self, *probabilities):
            self.probabilities = np.array(probabilities)

        def run(self, images):
            return self.probabilities, self.probabilities

    sample = Sample(IMAGES[:5], np.array([1, 1, 0, 0, 0], np.int8), np.array([0, 0, 1, 1, 2]))
    before = Given(0.9, 0.2, 0.4, 0.5999996, 0.1)
    found = _compared(before, Given(0.9, 0.0, 0.3, 0.4, 0.1), sample)
    assert (found["studies_compared"], found["studies_decided_otherwise"]) == (3, expected)
    with pytest.raises(FxrayError, match="int8 model gave no finite number for 1 of 5"):
        _compared(before, Given(0.9, np.nan, 0.3, 0.4, 0.1), sample)


def test_a_model_of_studies_is_given_whole_studies(tmp_path):
    pytest.importorskip("torch", reason="the model of studies is made here")
    from fxtrain.config import ModelConfig
    from fxtrain.export import DeployedAggregator, write_onnx
    from fxtrain.models import create_model

    network = create_model(ModelConfig(name="aggregator", views="rx-lite"), FRAME)
    judging = {"threshold": 0.5, "aggregate": "model", "classes": ["not_broken", "broken"]}
    path = tmp_path / "m.onnx"
    deployed = DeployedAggregator(network, 0.2, 0.2, 1.0).eval()
    write_onnx(deployed, IMAGES[:, None], path, {"frame": to_dict(FRAME), "steps": {}, **judging})
    dataset = make(tmp_path / "dataset", studies=7, views=3)
    for batch in (1, 4):
        score(path, dataset, tmp_path / f"out{batch}", device="cpu", batch=batch)
    one, four = ((tmp_path / f"out{batch}" / "studies.csv").read_text().splitlines() for batch in (1, 4))
    assert len(one) == len(four) == 8
    for a, b in zip(one[1:], four[1:], strict=True):
        assert a.split(",")[0] == b.split(",")[0]
        assert float(a.split(",")[1]) == pytest.approx(float(b.split(",")[1]), abs=2e-6)
    assert ",,," in (tmp_path / "out1" / "predictions.csv").read_text() or one[1].endswith(",")
