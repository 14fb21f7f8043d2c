"""How a run begins or is gone on with: what may be refused, then what is written and packed."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np
import torch
from torch import nn

from fxcore.errors import ParameterError
from fxcore.made_alike import made_otherwise
from fxtrain.config import TrainConfig
from fxtrain.copies import said_of_copies, studies_with_copies
from fxtrain.loader import samples, smallest_batch
from fxtrain.models import Aggregator
from fxtrain.models.create import check_single_image
from fxtrain.origin import bringing_split, new_model, origin_of, origins, split_for
from fxtrain.packing import Packed, pack_for
from fxtrain.processes import Processes
from fxtrain.progress import Progress
from fxtrain.run_directory import RunDirectory
from fxtrain.sampler import epoch_order
from fxtrain.split import Split, read_split, write_split
from fxtrain.table import Table


def begin(
    place: RunDirectory,
    table: Table,
    config: TrainConfig,
    team: Processes,
    held: ExitStack,
    progress: Progress,
    *,
    resume: bool,
) -> tuple[nn.Module, Packed]:
    """Make the model, the folder with all that belongs in it, and pack the data set: for the first process.

    Parameters
    ----------
    place : RunDirectory
    table : Table
    config : TrainConfig
    team : Processes
    held : contextlib.ExitStack
        Where the folder's lock is kept.
    progress : Progress
    resume : bool

    Raises
    ------
    FxrayError
        For all that cannot be; before the folder is made and the data set packed.
    """
    if not resume:
        place.check_new()
    model = new_model(config, weights=not place.last.exists())
    trained: dict[str, str] = {}
    copies: list[list[int]] = []
    if place.split.exists():
        split = read_split(place.split, table)
    else:
        copies = studies_with_copies(table)
        split, trained = split_for(config, table, copies)
    _check_batches(model, config, table, split, team)
    origin = {} if resume else origin_of(config, table)
    held.enter_context(place.alone(progress.say))
    if resume:
        _check_epochs_left(place, config)
        if said := _other_schedule(place, config):
            progress.say(said)
        place.write_config(config)
        if said := _other_threads(place):
            progress.say(said)
    else:
        place.begin(config, table, origin)
        for weights in origins(config.model):
            learned = weights.read_provenance().get("dataset_config") or {}
            if otherwise := made_otherwise(table.root, table.config, learned):
                progress.say(f"The weights of {weights.root} have learned from others: {otherwise}.")
    if config.optim.warmup_epochs >= config.epochs:
        progress.say(
            "The learning rate never gets to optim.learning_rate: optim.warmup_epochs = "
            f"{config.optim.warmup_epochs:g}, and epochs = {config.epochs}."
        )
    if table.unlabelled:
        progress.say(f"{table.unlabelled} radiographs of {table.root} have no label: they are left out.")
    sampled = samples(table, split.train, isinstance(model, Aggregator))[1]
    shown = len(epoch_order(sampled, config.data.sampler, config.seed, 0))
    if 2 * shown < len(sampled):
        progress.say(
            f"Of {len(sampled)} {'studies' if isinstance(model, Aggregator) else 'radiographs'} to train on, "
            f"each epoch shows {shown}, as many of either class (data.sampler = {config.data.sampler!r})."
        )
    if not place.split.exists():
        if unknown := table.patients.count(""):
            progress.say(
                f"Of {unknown} of {len(table.studies)} studies the patient is not known: each is split as "
                "one of its own, so that a patient of several of them may be both trained and validated on."
            )
        if said := said_of_copies(table, copies):
            progress.say(said)
        if bringing := bringing_split(config, table):
            progress.say(
                f"Kept aside are the {len(split.val)} of {len(table.studies)} studies that {bringing.root} "
                "kept aside, where the weights come from: data.val_fraction, data.val_balanced and seed do "
                "not count for that."
            )
        write_split(place.split, table, split, trained)
    return model, pack_for(table, config, progress)


def _check_batches(
    model: nn.Module, config: TrainConfig, table: Table, split: Split, team: Processes
) -> None:
    whole_studies = isinstance(model, Aggregator)
    smallest = smallest_batch(samples(table, split.train, whole_studies)[1], config, team.world)
    # On GPUs batch normalisation is over all processes.
    apart = 1 if team.device.type == "cuda" else team.world
    # A study of several views is several images.
    views = np.bincount(table.study[table.of_studies(split.train)])
    if smallest // apart <= 1 and (not whole_studies or 1 in views):
        check_single_image(model, config)


def _check_epochs_left(place: RunDirectory, config: TrainConfig) -> None:
    done = len(place.load(place.last)["history"]) if place.last.exists() else 0
    if config.epochs < done:
        raise ParameterError(
            f"{place.root} has {done} epochs behind it, more than epochs = {config.epochs}; name {done} or "
            "more by --epochs"
        )


def _other_schedule(place: RunDirectory, config: TrainConfig) -> str:
    """Say where epochs that are behind had the learning rates of a run of another length."""
    before = place.read_config().epochs
    if config.optim.schedule == "constant" or config.epochs == before or not place.last.exists():
        return ""
    return (
        f"The learning rate goes on as in a run of {config.epochs} epochs, no more as in one of {before}: "
        "weights will not be those of a run that was begun with as many."
    )


def _other_threads(place: RunDirectory) -> str:
    """Say where a run is gone on with in another number of threads, which add up in another order."""
    began, threads = place.read_provenance()["machine"].get("threads"), torch.get_num_threads()
    if began in (None, threads):
        return ""
    return (
        f"The number of threads was {began} when the run began and is {threads} now: weights will be like "
        "those of an undisturbed run, not the same bit for bit. On the CPU they would be with "
        f"OMP_NUM_THREADS={began}."
    )
