"""``fxray train``, ``evaluate``, ``export``: what the command line adds to `fxtrain`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fxcore.cli.options import Json, Quiet, value_of
from fxcore.cli.score import print_scored, print_studies
from fxcore.cli.show import errors_for_people, number, print_json, print_pairs, print_table, progress
from fxcore.errors import FxrayError
from fxcore.extras import TRAINING

if TYPE_CHECKING:
    from fxcore.progress import Progress
    from fxtrain.config import TrainConfig
    from fxtrain.progress import Status

Device = Annotated[str, typer.Option(help="auto: a GPU if there is one; or cpu, cuda, cuda:1...")]
Run = Annotated[Path, typer.Argument(help="Folder of a training run.")]
DataSet = Annotated[Path, typer.Argument(help="A finished data set with labels.")]

# Of the demonstration's scores.
_STUDIES_SHOWN = 12

# What a model's logits become decisions by.
_CHOSEN = ("aggregate", "threshold", "sensitivity", "temperature")

_AT_BOUND = (
    " (where its fit was ended by its range: the logits tell validation studies apart no better than by "
    "chance, or are far too small or large; probabilities are not calibrated)"
)

_GO_ON = "Finished epochs are kept: run the same command with --resume to go on."


def train(
    dataset: DataSet,
    run: Annotated[Path, typer.Argument(help="Folder to make, or with --resume to go on with.")],
    model: Annotated[
        str, typer.Option(help="rx-lite, rx-large, aggregator, or a torchvision classifier.")
    ] = "",
    config: Annotated[Path | None, typer.Option(help="Settings as TOML; see `fxray train-config`.")] = None,
    epochs: Annotated[int, typer.Option(min=0, help="Epochs; 0: as the settings say.")] = 0,
    seed: Annotated[int | None, typer.Option(min=0, help="Same seed, same run.")] = None,
    patience: Annotated[
        int | None, typer.Option(min=0, help="End after so many epochs without a better one; 0: never.")
    ] = None,
    device: Device = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Train a fracture classifier on a data set."""
    with errors_for_people(_GO_ON), TRAINING.needed():
        from fxtrain.processes import is_first
        from fxtrain.trainer import best_epoch
        from fxtrain.trainer import train as job

        wanted = _settings(config, model, epochs, seed, patience, device, run if resume else None)
        with progress(quiet) as display:
            history = job(dataset, run, wanted, resume=resume, progress=Display(display))
        if not is_first():
            # Of several processes, the first alone has validated.
            return
        if json:
            print_json(history)
        elif not quiet:
            best = history[best_epoch(history, wanted.metric)]
            title = f"Trained: the best of {len(history)} epochs by {wanted.metric}"
            print_pairs(title, [(name.replace("_", " "), f"{value:.4g}") for name, value in best.items()])


def train_config() -> None:
    """Print all settings of training with their defaults as TOML, to edit and give to `--config`."""
    from fxcore.cli.show import print_plain
    from fxcore.config import to_toml

    with errors_for_people():
        from fxtrain.config import TrainConfig

        print_plain(to_toml(TrainConfig()))


def evaluate(
    run: Run,
    dataset: DataSet,
    split: Annotated[
        Literal["val", "train", "all"], typer.Option(help="Which studies; all: of any data set.")
    ] = "val",
    aggregate: Annotated[
        str, typer.Option(help="Ways to judge a study by its radiographs.")
    ] = "alo,majority,mean",
    sensitivity: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Choose the threshold that reaches it on val, now and until another is given; 0: Youden's.",
        ),
    ] = None,
    device: Device = "auto",
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Judge by a data set though it was made with other settings.")
    ] = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Evaluate the best model of a run, by radiograph and by study, with 95% intervals."""
    with errors_for_people(), TRAINING.needed():
        from fxcore.aggregate import check_aggregate
        from fxtrain.evaluate import evaluate as job
        from fxtrain.processes import check_device

        ways = [way.strip() for way in aggregate.split(",") if way.strip()]
        with value_of("--aggregate"):
            for way in ways:
                check_aggregate(way)
        with value_of("--device"):
            check_device(device)
        with progress(quiet) as display:
            result = job(
                run,
                dataset,
                part=split,
                aggregates=ways,
                sensitivity=sensitivity,
                device=device,
                as_is=as_is,
                progress=Display(display),
            )
        if json:
            print_json(result)
        elif not quiet:
            print_evaluation(result)


def export(
    run: Run,
    out: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Radiographs for the check; the run's own data set if not given.")
    ] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the best model of a run as ONNX, with all that scoring needs, checked against torch."""
    with errors_for_people(), TRAINING.needed():
        from fxtrain.export import export as job

        result = job(run, out, dataset=dataset)
        if json:
            print_json(result)
        elif not quiet:
            print_exported(result)


def print_exported(result: dict[str, Any]) -> None:
    """Print what scoring will be done with."""
    shown = ("file", "model", *_CHOSEN, "largest_difference")
    print_pairs("Exported", [_shown(name, result) for name in shown])


def _shown(name: str, result: dict[str, Any]) -> tuple[str, str]:
    """Return a row of a table; a threshold as it is stored: with fewer digits it may decide otherwise."""
    if name == "sensitivity":
        asked = result[name]
        return "threshold is", f"that of a sensitivity of {asked:g} at least" if asked else "Youden's"
    if name == "temperature":
        from fxtrain.metrics import is_at_bound

        return name, number(result[name]) + (_AT_BOUND if is_at_bound(result[name]) else "")
    return name.replace("_", " "), str(result[name]) if name == "threshold" else number(result[name])


def print_evaluation(result: dict[str, Any]) -> None:
    """Print the measures as a table: a row each, a column for each way to judge."""
    ways = list(result["measures"])
    names = list(result["measures"][ways[0]])
    rows = [
        [name.replace("_", " "), *(_interval(result["measures"][way][name]) for way in ways)]
        for name in names
    ]
    rows.append(["calibration error", *(f"{result['calibration_error'][way]:.3f}" for way in ways)])
    title = (
        f"{result['studies']} studies, {result['radiographs']} radiographs ({result['part']}); "
        "95% intervals over studies"
    )
    print_table(title, ("measure", *ways), rows)
    if over := result.get("over_views"):
        compared = [
            [name.replace("_", " "), *(_interval(over[how][name]) for how in over)]
            for name in next(iter(over.values()))
        ]
        print_table("Better than its views, judged as each column says, by", ("measure", *over), compared)
    operating = result["operating"]
    chosen = [_shown(name, operating) for name in _CHOSEN]
    if result["part"] == result["chosen_on"]:
        chosen.append(("figures above", "optimistic: these and the epoch were chosen on the same studies"))
    else:
        chosen.append(("trained on", _seen(result)))
    if result["made_otherwise"]:
        chosen.append(("taken as it is", result["made_otherwise"]))
    if result["radiographs_unlabelled"]:
        chosen.append(("left out", f"{result['radiographs_unlabelled']} radiographs without a label"))
    chosen.append(("written", ", ".join(result["files"].values())))
    print_pairs("Chosen", chosen)


def _seen(result: dict[str, Any]) -> str:
    trained, validated = result["studies_trained_on"], result["studies_validated_on"]
    if trained is None:
        return "cannot be told: the run has no split.csv, or its data set is not known to be by the same key"
    unknown = result["studies_of_unknown_patients"]
    patients = f"their patients, who are not known of {unknown}" if unknown else "their patients"
    return f"{trained} of {result['studies']} studies, or others of {patients}; {validated} validated on"


def _interval(found: dict[str, float]) -> str:
    # Short enough, where it is wrapped, for four ways to judge on a terminal of 80 columns.
    if math.isnan(found["value"]):
        return "undefined"
    interval = "no interval" if math.isnan(found["low"]) else f"{found['low']:.3f}..{found['high']:.3f}"
    return f"{found['value']:.3f} {interval}"


def train_demo(folder: Path, quiet: bool) -> None:
    """Go on from the data set of ``fxray demo``: train for a minute, evaluate, export, score its archive.

    Where the packages of training are missing, say what to install instead.
    """
    if TRAINING.lacking:
        if not quiet:
            print_pairs(
                "To go on", [("to train a model on it", TRAINING.install), ("then", f"fxray demo {folder}")]
            )
        return
    with errors_for_people(_GO_ON):
        from fxserve.demo import demo as score_demo
        from fxtrain.demo import demo

        with progress(quiet) as display:
            evaluated, exported = demo(folder, Display(display))
            scored = score_demo(folder, display)
        if not quiet:
            print_evaluation(evaluated)
            print_exported(exported)
            print_scored(scored)
            print_studies(folder / "scores", _STUDIES_SHOWN)
            print_pairs(
                "To go on", [("a model that has learned more", "more studies: docs/training.md, A recipe")]
            )


def _settings(
    path: Path | None,
    model: str,
    epochs: int,
    seed: int | None,
    patience: int | None,
    device: str,
    resumed: Path | None,
) -> TrainConfig:
    from fxcore.config import read_toml
    from fxtrain.config import TrainConfig
    from fxtrain.models.create import check_model
    from fxtrain.processes import check_device
    from fxtrain.run_directory import RunDirectory

    if resumed:
        if path or model or seed is not None:
            raise FxrayError(
                "--resume goes on with the settings of the run; only --epochs, --patience and --device may "
                "differ"
            )
        settings = RunDirectory(resumed).read_config()
    else:
        settings = read_toml(TrainConfig, path) if path else TrainConfig()
    if model:
        with value_of("--model"):
            check_model(model)
        settings = replace(settings, model=replace(settings.model, name=model))
    if device:
        with value_of("--device"):
            check_device(device)
    changed: dict[str, Any] = {
        "epochs": epochs or None,
        "seed": seed,
        "patience": patience,
        "device": device or None,
    }
    for name, value in changed.items():
        if value is not None:
            with value_of(f"--{name}"):
                settings = replace(settings, **{name: value})
    return settings


class Display:
    """Shows the trainer's progress on the display that all commands share."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._shown = -1

    def stage(self, name: str, total: int | None) -> None:
        self._display.stage(name, total)

    def advance(self, units: int) -> None:
        self._display.advance(units)

    def say(self, text: str) -> None:
        self._display.say(text)

    def status(self, status: Status) -> None:
        done = (status.epoch - 1) * status.steps + status.step
        if self._shown < 0:
            # A resumed run begins in the middle; what was done before says nothing of its pace.
            self._shown = (status.epoch - 1) * status.steps
            self._display.stage("Training", status.steps * status.epochs - self._shown)
        self._display.advance(done - self._shown)
        self._shown = done

    def epoch(self, row: dict[str, Any]) -> None:
        self._display.say(
            f"epoch {row['epoch']}: loss {row['train_loss']:.4f}, accuracy {row['train_accuracy']:.3f}; "
            f"validation loss {row['val_loss']:.4f}, AUC {row['val_auc']:.3f}; "
            f"{row['images_per_second']:.1f} images/s, {row['data_wait']:.1%} of the time waiting for data"
        )
