"""An int8 model: what of it is rounded, what it is compared on, and that it can be scored with."""

from __future__ import annotations

import re

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("onnxruntime", reason="scoring needs onnxruntime: pip install '.[serve]'")

import onnx
from onnx import helper, numpy_helper

from fxcore.cli.app import app
from fxcore.config import to_dict
from fxcore.dataset.layout import Layout
from fxcore.dataset.png import decode_png
from fxcore.errors import FxrayError
from fxcore.letterbox import fit_image
from fxserve.model import Model
from fxserve.settings import ModelSettings
from tests.program import remount, small_disk
from tests.serve_models import FRAME, IMAGES, mean_model, settings_for
from tests.train.data import make


def test_an_auc_that_cannot_be_had_says_why(tmp_path):
    model = mean_model(tmp_path / "m.onnx", own=True)
    dataset = make(tmp_path / "dataset", studies=4, share=1.0)
    shown = (
        CliRunner().invoke(app, ["quantize", str(model), str(dataset), str(tmp_path / "int8.onnx")]).stdout
    )
    assert len(re.findall(r"auc (?:float|int8) +│ needs radiographs of both labels", shown)) == 2
    assert "None" not in shown


def test_an_int8_model_keeps_its_metadata_and_nearly_its_scores(tmp_path):
    pytest.importorskip("torch", reason="the model to quantise is made here")
    from fxcore.steps import Pipeline
    from fxserve.quantize import quantize
    from fxtrain.config import ModelConfig
    from fxtrain.export import Deployed, write_onnx
    from fxtrain.models import create_model

    network = create_model(ModelConfig(name="rx-lite"), FRAME)
    judging = {"threshold": 0.5, "aggregate": "alo", "classes": ["not_broken", "broken"]}
    metadata = {"frame": to_dict(FRAME), "steps": to_dict(Pipeline()), "pixels": None, **judging}
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


def test_the_layers_at_both_ends_of_a_model_of_others_stay_though_they_have_no_names(tmp_path):
    from fxserve.quantize import quantize

    path = settings_for(mean_model(tmp_path / "m.onnx"))
    model = onnx.load(str(path))
    weights = np.random.default_rng(0).normal(size=(4, 1, 1, 3, 3)).astype(np.float32)
    layers, last = [], "grey"
    for k in range(4):
        model.graph.initializer.append(numpy_helper.from_array(weights[k], f"weights{k}"))
        layers.append(helper.make_node("Conv", [last, f"weights{k}"], [f"layer{k}"]))
        last = f"layer{k}"
    cast, mean, *others = model.graph.node
    mean.input[0] = last
    del model.graph.node[:]
    # What is left is no layer: the matrix product would be the last of them.
    others[1].CopyFrom(helper.make_node("Identity", ["mean"], ["plain"]))
    model.graph.node.extend([cast, *layers, mean, *others])
    onnx.save(model, str(path))
    quantize(path, make(tmp_path / "dataset", studies=4), tmp_path / "int8.onnx", count=4)
    nodes = onnx.load(str(tmp_path / "int8.onnx")).graph.node
    made_by = {name: node.op_type for node in nodes for name in node.output}
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    quantised = [made_by.get(node.input[1]) == "DequantizeLinear" for node in convolutions]
    assert quantised == [False, True, True, False]


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


@pytest.mark.parametrize("kind", [{"opset": 11}, {"batch": 3}], ids=str)
def test_older_opsets_and_batches_of_a_fixed_number_are_calibrated(tmp_path, kind, monkeypatch):
    from fxserve.quantize import quantize

    path = settings_for(mean_model(tmp_path / "m.onnx", **kind))
    weights = tmp_path / "m.data"
    onnx.save(onnx.load(path), path, save_as_external_data=True, location=weights.name, size_threshold=0)
    given: list[np.ndarray] = []
    plain = Model.inputs
    monkeypatch.setattr(
        Model, "inputs", lambda self, images, total=0: given.append(images) or plain(self, images, total)
    )
    found = quantize(path, make(tmp_path / "dataset", studies=8, views=1), tmp_path / "int8.onnx", count=4)
    assert found["calibrated_by"] == 4
    assert found["bytes_float"] == path.stat().st_size + weights.stat().st_size
    assert Model(tmp_path / "int8.onnx", device="cpu").batch == kind.get("batch", 2)
    # Real images fill the last batch.
    assert [len(images) for images in given[:2]] == [3, 3] if "batch" in kind else [2, 2]


def test_a_data_set_of_other_settings_calibrates_only_if_asked_for(tmp_path):
    from fxserve.quantize import quantize

    path = settings_for(mean_model(tmp_path / "m.onnx"), run_steps=False)
    dataset = make(tmp_path / "dataset", studies=4)
    with pytest.raises(FxrayError, match=r"is preprocessed.*give --as-is"):
        quantize(path, dataset, tmp_path / "int8.onnx")
    assert quantize(path, dataset, tmp_path / "int8.onnx", as_is=True)["calibrated_by"] > 1


@pytest.mark.parametrize(
    ("out", "reason"), [("", "is a folder"), ("no/m.onnx", "does not exist"), ("m.toml", r"ends in \.onnx")]
)
def test_a_place_that_cannot_be_written_is_told_before_the_calibration(tmp_path, out, reason):
    from fxserve.quantize import quantize

    path = settings_for(mean_model(tmp_path / "float.onnx"))
    with pytest.raises(FxrayError, match=reason):
        quantize(path, tmp_path / "no data set", tmp_path / out)
    assert {place.name for place in tmp_path.iterdir()} == {"float.onnx", "float.toml"}


def test_a_folder_that_cannot_be_written_to_is_told_before_the_calibration(tmp_path):
    from fxserve.quantize import quantize

    path = mean_model(tmp_path / "m.onnx", own=True)
    with small_disk(tmp_path / "disk", "64k"):
        remount(tmp_path / "disk", "ro")
        with pytest.raises(FxrayError, match=r"the folder .*/disk cannot be written to"):
            quantize(path, tmp_path / "no data set", tmp_path / "disk" / "int8.onnx")


@pytest.mark.parametrize("name", ["radiograph.dcm", "m.data"])
def test_a_file_that_is_no_model_is_not_overwritten_by_one(tmp_path, name):
    from fxserve.quantize import quantize

    path, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=4)
    (tmp_path / name).write_bytes(b"of worth")
    with pytest.raises(FxrayError, match=rf"{name} exists, and is no model by its name.* ends in \.onnx"):
        quantize(path, dataset, tmp_path / name, count=2)
    assert (tmp_path / name).read_bytes() == b"of worth"


def test_a_model_that_is_quantised_is_refused_before_it_is_calibrated(tmp_path):
    from fxserve.quantize import quantize

    dataset = make(tmp_path / "dataset", studies=4)
    quantize(mean_model(tmp_path / "m.onnx", own=True), dataset, tmp_path / "int8.onnx", count=4)
    with pytest.raises(FxrayError, match=r"int8\.onnx is quantised already.*QuantizeLinear.*the float model"):
        quantize(tmp_path / "int8.onnx", tmp_path / "no data set", tmp_path / "again.onnx")


@pytest.mark.parametrize("size", ["4k", "40k"])
def test_a_full_folder_of_temporary_files_is_named(tmp_path, monkeypatch, size):
    from fxserve.quantize import quantize

    model, dataset = mean_model(tmp_path / "m.onnx", own=True), make(tmp_path / "dataset", studies=2)
    # Larger than what fits.
    loaded = onnx.load(str(model))
    loaded.graph.doc_string = "x" * 30_000
    onnx.save(loaded, str(model))
    with small_disk(tmp_path / "disk", size):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "disk"))
        with pytest.raises(FxrayError, match=rf"written to {tmp_path}/disk, where .* TMPDIR"):
            quantize(model, dataset, tmp_path / "int8.onnx", count=2)
        monkeypatch.undo()


def test_radiographs_that_are_gone_are_named(tmp_path):
    from fxserve.sample import draw_sample

    dataset = make(tmp_path / "dataset", studies=2, views=1)
    png = min(dataset.rglob("*.png"))
    png.unlink()
    with pytest.raises(FxrayError, match=f"{png.parent}, radiograph {png.stem}: the PNG cannot be read"):
        draw_sample(Layout(dataset), ModelSettings(), 2)
    for table in dataset.glob("*/*/metadata.csv"):
        table.write_text(table.read_text().splitlines(keepends=True)[0])
    with pytest.raises(FxrayError, match="has no row of a radiograph"):
        draw_sample(Layout(dataset), ModelSettings(), 2)


@pytest.mark.parametrize(
    "labels",
    [(0, 1, 1), (1, 0, 1, 1, 1), (0, 0, 1, 1, 0, 0, 1, 1), (-1, -1, 0, -1, 0, 1, 1), (1, 1)],
    ids=str,
)
def test_both_halves_of_a_sample_have_both_labels_where_there_are_studies_for_it(labels):
    from fxserve.sample import Sample

    images = np.arange(2 * len(labels), dtype=np.uint8).reshape(-1, 1, 1)
    sample = Sample(images, np.repeat(labels, 2).astype(np.int8), np.repeat(np.arange(len(labels)), 2))
    calibrates, compared = sample.halves()
    assert abs(len(calibrates.images) - len(compared.images)) <= 2
    assert sorted([*calibrates.images.ravel(), *compared.images.ravel()]) == list(range(len(images)))
    assert set(compared.broken) >= set(labels) - {-1}
    for half in (calibrates, compared):
        for study in range(half.study[-1] + 1):
            (views,) = np.nonzero(half.study == study)
            assert len(views) == 2
            assert len(set(half.images[views].ravel() // 2)) == 1
    if min(labels.count(0), labels.count(1)) > 1:
        assert set(calibrates.broken) >= {0, 1}


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
