"""Whether a model learns what it should from the phantom, and nothing else.

A small network is trained by a fixed recipe on one phantom archive and judged on another one, of other
patients. Beside it: what can be told without looking for fractures (logistic regression on mean, deviation,
size and metadata), and what the same recipe makes of labels that were shuffled.

Whether an aggregator of the views of a study is better than their mean is asked of two more archives,
whose fractures show in one view only. It begins with the small network and learns from the first of them;
the network itself is trained there for as many epochs more, each view by the label of its study, so that
what more training and more patients alone would have brought is not taken for the aggregator's merit.

Where FracAtlas is at hand, the same recipe goes through it from files to an exported model. It is far too
small to learn much from: what comes of it shows that the way is open, and how little its intervals say.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.accuracy_cases import FRACATLAS, NO_FRACATLAS
from bench.harness import torch_threads
from bench.options import Options
from bench.results import Findings, Table
from fxcore.build import build
from fxcore.cores import default_workers
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import read_radiograph
from fxcore.dataset.tables import read_csv
from fxcore.extras import TRAINING
from fxcore.letterbox import Frame
from fxcore.phantom import synthesise
from fxcore.settings import Settings
from fxcore.steps import Pipeline
from fxcore.steps.config import PartFilterConfig
from fxcore.study import LABEL_BROKEN, LABELS

if TYPE_CHECKING:
    from fxtrain.config import TrainConfig

LEAST_AUC, MOST_WITHOUT, MOST_FROM_HALF, MOST_MINUTES, MOST_BY_INT8 = 0.95, 0.60, 0.1, 15.0, 0.005
"""AUC by study of the model; of the regression; that of shuffled labels from one half; time to train; what
int8 may change of the AUC by radiograph."""

SCALE, DISPLACEMENT = 0.25, 6.0
ARCHIVES = {"learn": (2000, 0.0), "judge": (800, 0.0), "learn_one": (1500, 1.0), "judge_one": (1200, 1.0)}
"""Studies, and the share of broken ones whose fracture shows in one view only; the place is the seed."""

MORE_EPOCHS = 8
"""Of the aggregator, and of its views alone."""

QUICK_STUDIES, QUICK_SCALE = 60, 0.1
CALIBRATED_BY, QUICK_CALIBRATED_BY = 400, 48

_SHOWN = ("auc", "accuracy", "sensitivity", "specificity")
_HOW = {"mean": "mean", "alo": "largest"}
_FOLDS = 5
_NUMBERS = (
    "image_rows", "image_columns", "Rows", "Columns", "KVP", "Exposure", "WindowCenter", "WindowWidth",
    "RescaleSlope", "RescaleIntercept",
)  # fmt: skip
_WORDS = (
    "Modality", "BodyPartExamined", "Laterality", "ImageLaterality", "ViewPosition",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "PixelRepresentation", "TransferSyntaxUID",
    "PresentationIntentType", "LossyImageCompression",
)  # fmt: skip


def recipe(model: str = "rx-lite", epochs: int = 12) -> TrainConfig:
    """Return the settings that all of this is trained with, but for the model."""
    from fxtrain.config import DataConfig, ModelConfig, OptimConfig, TrainConfig

    return TrainConfig(
        data=DataConfig(frame=Frame(128, 192)),
        model=ModelConfig(name=model),
        optim=OptimConfig(optimiser="adamw", learning_rate=1e-3),
        epochs=epochs,
        batch=16,
        device="cpu",
    )


@dataclass(frozen=True)
class _Archives:
    """Data sets built from phantom archives to learn from and to be judged on; `learn` again with shuffled
    labels; and two with fractures in one view only."""

    learn: Path
    judge: Path
    learn_shuffled: Path
    learn_one: Path
    judge_one: Path


def run(options: Options) -> Findings:
    """Train and judge on the CPU; see `bench.options.Options`."""
    findings = Findings("learning")
    with (
        TRAINING.needed(),
        torch_threads(options.threads),
        tempfile.TemporaryDirectory(prefix="fxray-bench-learning-") as name,
    ):
        folder = Path(name)
        made = _archives(folder, options)
        rows = [
            *_learned(folder, made, options),
            _quantised(folder, made, options),
            _without_looking(made.learn, options),
            _from_shuffled(folder, made, options),
        ]
        tables = [_aggregated(folder, made, options), *_real(folder, options, findings)]
    if options.quick:
        findings.skipped.append("marks: with --quick there is too little to learn from")
        rows = [(what, figure, "", "") for what, figure, *_ in rows]
    columns = ("what", "figure", "mark", "met")
    findings.tables += [Table("Learning from the phantom", columns, tuple(rows)), *tables]
    return findings


def _archives(folder: Path, options: Options) -> _Archives:
    made = {}
    for seed, (name, (count, one_view)) in enumerate(ARCHIVES.items()):
        options.say(f"making archive {seed + 1} of {len(ARCHIVES)}")
        archive, index = folder / f"{name}-archive", folder / f"{name}-index"
        studies, scale = (QUICK_STUDIES, QUICK_SCALE) if options.quick else (count, SCALE)
        synthesise(
            archive,
            studies=studies,
            seed=seed,
            scale=scale,
            displacement=DISPLACEMENT,
            one_view=one_view,
            workers=default_workers(),
        )
        labels = {name: archive / "labels.csv"}
        if name == "learn":
            labels["learn_shuffled"] = folder / "shuffled.csv"
            _shuffle(labels[name], labels["learn_shuffled"], seed)
        for built, chosen in labels.items():
            made[built] = folder / built
            if built != name:
                # Studies whose label came out as it was need not be made again.
                shutil.copytree(made[name], made[built])
            build(archive, made[built], labels=chosen, key_file=folder / "key", index_file=index)
        shutil.rmtree(archive)
    return _Archives(**made)


def _shuffle(labels: Path, out: Path, seed: int) -> None:
    """Give the labels of the studies to other studies."""
    header, *rows = csv.reader(labels.read_text(encoding="utf-8").splitlines())
    order = np.random.default_rng(seed).permutation(len(rows))
    with out.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [header, *([*rows[k][:1], *rows[other][1:]] for k, other in enumerate(order))]
        )


def _judged(run: Path, learned: Path, other: Path) -> dict[str, Any]:
    """Choose how to judge by the studies kept aside of `learned`, then judge all of `other`."""
    from fxtrain.evaluate import evaluate

    evaluate(run, learned, device="cpu")
    return evaluate(run, other, part="all", device="cpu")


def _learned(folder: Path, made: _Archives, options: Options) -> list[tuple[str, ...]]:
    from fxtrain.trainer import train

    options.say("training")
    config = recipe(epochs=1) if options.quick else recipe()
    begin = time.perf_counter()
    train(made.learn, folder / "run", config)
    minutes = (time.perf_counter() - begin) / 60
    auc = _judged(folder / "run", made.learn, made.judge)["measures"]["mean"]["auc"]
    return [
        _row(
            f"{config.model.name}: AUC by study on another archive",
            _interval(auc),
            f"≥ {LEAST_AUC}",
            auc["value"] >= LEAST_AUC,
        ),
        _row("time to train it", f"{minutes:.1f} min", f"≤ {MOST_MINUTES:g} min", minutes <= MOST_MINUTES),
    ]


def _quantised(folder: Path, made: _Archives, options: Options) -> tuple[str, ...]:
    from fxserve.quantize import quantize
    from fxtrain.export import export

    options.say("quantising the model")
    export(folder / "run", folder / "model.onnx")
    count = QUICK_CALIBRATED_BY if options.quick else CALIBRATED_BY
    found = quantize(folder / "model.onnx", made.judge, folder / "int8.onnx", count=count)
    change = found["auc_int8"] - found["auc_float"]
    what = f"its AUC by radiograph, on {found['compared_on']} of them, as int8"
    figure = f"{found['auc_int8']:.4f}, float {found['auc_float']:.4f}"
    return _row(what, figure, f"± {MOST_BY_INT8}", abs(change) <= MOST_BY_INT8)


def _without_looking(dataset: Path, options: Options) -> tuple[str, ...]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    options.say("what can be told without looking")
    features, broken, patients, studies = _features(dataset)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    guessed = cross_val_predict(
        model, features, broken, groups=patients, cv=GroupKFold(_FOLDS), method="predict_proba"
    )[:, 1]
    names, index = np.unique(studies, return_inverse=True)
    by_study = np.bincount(index, guessed) / np.bincount(index)
    truth = np.zeros(len(names), dtype=bool)
    truth[index] = broken
    auc = float(roc_auc_score(truth, by_study))
    what = f"logistic regression on {features.shape[1]} figures of image and metadata: AUC by study"
    return _row(what, f"{auc:.3f}", f"< {MOST_WITHOUT}", auc < MOST_WITHOUT)


def _features(dataset: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str], list[str]]:
    """Return of each radiograph mean, deviation, size, views, metadata; its truth, patient and study."""
    layout = Layout(dataset)
    rows = [row for row in read_csv(layout.metadata) if row["label"] in LABELS[:2]]
    views = Counter(row["study_id"] for row in rows)
    words = sorted({(name, row[name]) for row in rows for name in _WORDS})
    features = []
    for row in rows:
        image = read_radiograph(layout, row["label"], row).image
        figures = [
            image.mean(),
            image.std(),
            views[row["study_id"]],
            *(_number(row[name]) for name in _NUMBERS),
        ]
        features.append(figures + [row[name] == word for name, word in words])
    broken = np.array([row["label"] == LABEL_BROKEN for row in rows])
    patients = [row["patient_id"] or row["study_id"] for row in rows]
    return np.array(features, dtype=np.float64), broken, patients, [row["study_id"] for row in rows]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _from_shuffled(folder: Path, made: _Archives, options: Options) -> tuple[str, ...]:
    from fxtrain.trainer import train

    options.say("training on shuffled labels")
    train(made.learn_shuffled, folder / "shuffled", recipe(epochs=1) if options.quick else recipe())
    auc = _judged(folder / "shuffled", made.learn_shuffled, made.judge)["measures"]["mean"]["auc"]
    met = abs(auc["value"] - 0.5) <= MOST_FROM_HALF
    return _row("the same with shuffled labels", _interval(auc), f"0.5 ± {MOST_FROM_HALF}", met)


def aggregator_recipe(views: Path, epochs: int = MORE_EPOCHS) -> TrainConfig:
    """Return the settings of an aggregator that begins with the views of another run."""
    config = recipe("aggregator", epochs)
    # Studies of two views or so: about as many radiographs as in a batch of the views' own.
    return replace(config, model=replace(config.model, init=str(views), pool="logsumexp"), batch=8)


def _aggregated(folder: Path, made: _Archives, options: Options) -> Table:
    from fxtrain.metrics import differences
    from fxtrain.predict import read_scores
    from fxtrain.run_directory import RunDirectory
    from fxtrain.trainer import train

    views, epochs = folder / "run", 1 if options.quick else MORE_EPOCHS
    more = recipe(epochs=epochs)
    more = replace(more, model=replace(more.model, pretrained=str(RunDirectory(views).best)))
    found = {"run": _judged(views, made.learn, made.judge_one)}
    for name, config in (("more", more), ("aggregator", aggregator_recipe(views, epochs))):
        options.say(f"fractures in one view only: training {name}")
        train(made.learn_one, folder / name, config)
        found[name] = _judged(folder / name, made.learn_one, made.judge_one)
    predictions = {name: folder / name / found[name]["files"]["predictions"] for name in found}
    _, broken, ours = read_scores(predictions["aggregator"])
    what = f"aggregator, on {len(broken)} studies"
    rows = [(what, _interval(found["aggregator"]["measures"]["model"]["auc"]), "", "", "")]
    for name, what in (("run", "rx-lite, as it began"), ("more", "rx-lite, trained for as long")):
        for how in _HOW:
            theirs = read_scores(predictions[name], how)[2]
            above = differences(broken, ours, theirs)["auc"]
            row = (
                f"{what}: {_HOW[how]} of its views",
                _interval(found[name]["measures"][how]["auc"]),
                _interval(above, "+"),
            )
            met = "" if how != "mean" else "yes" if above["low"] > 0 else "no"
            rows.append((*row, "> 0" if met else "", met))
    if options.quick:
        rows = [(*row[:3], "", "") for row in rows]
    columns = ("what", "AUC by study", "the aggregator's above it", "mark", "met")
    return Table("Fractures that show in one view only", columns, tuple(rows))


def _real(folder: Path, options: Options, findings: Findings) -> list[Table]:
    """Take the real radiographs there are through everything, from files to an exported model."""
    from fxtrain.evaluate import evaluate
    from fxtrain.export import export
    from fxtrain.trainer import train

    if not FRACATLAS.is_dir():
        findings.skipped.append(NO_FRACATLAS)
        return []
    options.say("real radiographs")
    dataset, run = folder / "real", folder / "real-run"
    settings = Settings(steps=Pipeline(part_filter=PartFilterConfig(parts=("any",))))
    built = build(FRACATLAS, dataset, settings=settings, key_file=folder / "key")
    train(dataset, run, recipe(epochs=1) if options.quick else recipe())
    found = evaluate(run, dataset, device="cpu")
    export(run, folder / "real.onnx")
    rows = tuple((name, _interval(found["measures"]["mean"][name])) for name in _SHOWN)
    title = (
        f"FracAtlas: {built.radiographs_done} radiographs, judged by {found['studies']} studies kept aside"
    )
    return [Table(title, ("what", "figure"), rows)]


def _row(what: str, figure: str, mark: str, met: bool) -> tuple[str, ...]:
    return what, figure, mark, "yes" if met else "no"


def _interval(found: dict[str, float], sign: str = "") -> str:
    return f"{found['value']:{sign}.3f} ({found['low']:{sign}.3f} to {found['high']:{sign}.3f})"
