"""Training: what the way of the data costs, and what is gained over a script as most write it.

Our step is taken on batches that come in three ways: ours (packed bytes, augmented in batches where the
model is), ready tensors (no way at all), and those of the usual `Dataset` that decodes full-size PNGs,
`torchvision.transforms.v2` and `DataLoader` with a worker for each core, kept from epoch to epoch. The
usual script trains the same network on the same batches by PyTorch's own defaults, in a process of its own.
Packing, which is done once for all runs, is told apart.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.archives import LABELS, archive
from bench.harness import Effort, interleave, torch_threads
from bench.options import Options
from bench.results import Findings, compare, within
from fxcore.allocator import kept_memory
from fxcore.extras import TRAINING

if TYPE_CHECKING:
    from bench.peers.training import Data
    from fxtrain.loader import Batch
    from fxtrain.packing import Packed
    from fxtrain.table import Table
    from fxtrain.trainer import Trainer

READY, PEER, WAITING = 0.95, 3.0, 0.05
"""Steps a second over those on ready tensors; over the usual script's; share of the time without data."""

STUDIES, QUICK_STUDIES, QUICK_SCALE = 60, 8, 0.25
# An epoch of the usual script begins with nothing decoded, which no longer counts for much in ten steps.
STEPS, QUICK_STEPS, GPU_STEPS = 10, 2, 40
# A step takes seconds: rather more rounds than more steps in one, as the pace of a machine changes.
RESNET_STEPS = 2
BATCH, QUICK_BATCH, GPU_BATCH = 16, 4, 64
_FULL, _QUICK = Effort(seconds=240, least=9, most=15, warm_up=1), Effort(least=2, most=2, warm_up=1)


def run(options: Options) -> Findings:
    """Measure on the CPU, and on a GPU where there is one; see `bench.options.Options`."""
    findings = Findings("train")
    with (
        TRAINING.needed(),
        torch_threads(options.threads),
        kept_memory(),
        tempfile.TemporaryDirectory(prefix="fxray-bench-train-") as folder,
    ):
        _measure(_dataset(Path(folder), options), options, findings)
    if options.quick:
        findings.drop_marks("with --quick radiographs are small and batches few")
    return findings


def _dataset(folder: Path, options: Options) -> Path:
    from fxcore.build import build

    options.say("making an archive (kept for the next time), building a data set")
    studies, scale = (QUICK_STUDIES, QUICK_SCALE) if options.quick else (STUDIES, 1.0)
    source, _ = archive("uncompressed", studies, scale=scale)
    build(
        source, folder / "dataset", labels=source / LABELS, key_file=folder / "key", workers=options.threads
    )
    return folder / "dataset"


def _measure(dataset: Path, options: Options, findings: Findings) -> None:
    import torch
    import torchvision

    from bench.peers.training import Data, script
    from fxtrain.config import TrainConfig
    from fxtrain.packing import pack
    from fxtrain.table import read_table

    table = read_table(dataset)
    frame = TrainConfig().data.frame
    options.say("packing")
    begin = time.perf_counter()
    packed = pack(table, frame, 1 / TrainConfig().augment.crop_least)
    each = (time.perf_counter() - begin) / len(table)
    size = f"{frame.width}×{frame.height}"
    steps, batch = (QUICK_STEPS, QUICK_BATCH) if options.quick else (STEPS, BATCH)
    on_cpu = f"batches of {batch}, {size}, CPU"
    effort = _QUICK if options.quick else _FULL
    options.say("ResNet18 on the CPU")
    trainer = _trainer("resnet18", table, packed, "cpu", batch, RESNET_STEPS)
    seconds = interleave({"ours": _ours(trainer), "peer": _ready(trainer)}, effort)
    shared = {"threads": options.threads, "peer_threads": options.threads}
    findings.results.append(
        compare("train resnet18", "ready tensors", on_cpu, seconds, mark=READY, **shared)  # type: ignore[arg-type]
    )
    options.say("rx-lite on the CPU, against the usual script")
    trainer = _trainer("rx-lite", table, packed, "cpu", batch, steps)
    rows = np.arange(steps * batch) % len(table)
    data = Data(
        [table.path(int(k)) for k in rows],
        trainer.table.broken.tolist(),
        table.mean,
        table.deviation,
        trainer.config,
        options.threads,
    )
    with script(data) as usual:
        work = {
            "ours": _ours(trainer),
            "usual": usual,
            "loaded": _loaded(trainer, data),
            "ready": _ready(trainer),
        }
        seconds = interleave(work, effort)
    for peer, name, mark in (
        ("usual", "the usual script", PEER),
        ("loaded", "our step, fed by its DataLoader", None),
        ("ready", "ready tensors", None),
    ):
        rounds = {"ours": seconds["ours"], "peer": seconds[peer]}
        findings.results.append(compare("train rx-lite", name, on_cpu, rounds, mark=mark, **shared))  # type: ignore[arg-type]
    findings.said.append(
        f"Packing, once for all runs, took {1e3 * each:.0f} ms a radiograph on {options.threads} threads; "
        f"torch {torch.__version__}, torchvision {torchvision.__version__}."
    )
    if torch.cuda.is_available():
        _on_gpu(table, packed, size, options, findings)
    else:
        findings.skipped.append("the GPU: torch finds none here")


def _on_gpu(table: Table, packed: Packed, size: str, options: Options, findings: Findings) -> None:
    import torch

    options.say("ResNet18 on the GPU")
    trainer = _trainer("resnet18", table, packed, "cuda", GPU_BATCH, GPU_STEPS)
    waits: list[float] = []
    ours = _ours(trainer)

    def watched() -> None:
        trainer.batches.waited = 0.0
        begin = time.perf_counter()
        ours()
        waits.append(trainer.batches.waited / (time.perf_counter() - begin))

    seconds = interleave({"ours": watched, "peer": _ready(trainer)}, _QUICK if options.quick else _FULL)
    where = f"batches of {GPU_BATCH}, {size}, {torch.cuda.get_device_name()}, bf16"
    result = compare("train resnet18", "ready tensors", where, seconds, mark=READY)
    rate = GPU_STEPS * GPU_BATCH / result.ours_s
    findings.results += [
        replace(result, note=f"{rate:,.0f} images/s", figures={"images_per_second": rate}),
        within("train resnet18: waiting for data", where, waits[1:], WAITING, unit="×"),
    ]


def _trainer(model: str, table: Table, packed: Packed, device: str, batch: int, steps: int) -> Trainer:
    """Return a trainer whose epochs have so many steps, radiographs taken again where there are too few."""
    from fxtrain.config import DataConfig, ModelConfig, TrainConfig
    from fxtrain.models import create_model
    from fxtrain.origin import normalisation_for
    from fxtrain.packing import Packed
    from fxtrain.processes import Processes, choose_device
    from fxtrain.progress import Silent
    from fxtrain.run_directory import RunDirectory
    from fxtrain.split import Split
    from fxtrain.trainer import Trainer

    rows = np.arange(steps * batch) % len(table)
    every = np.arange(len(rows))
    many = replace(
        table,
        radiographs=[table.radiographs[k] for k in rows],
        study=every,
        studies=[f"{k}" for k in every],
        patients=[""] * len(rows),
        broken=table.broken[table.study[rows]],
    )
    config = TrainConfig(
        data=DataConfig(sampler="shuffle"), model=ModelConfig(name=model), batch=batch, device=device
    )
    team = Processes(0, 1, choose_device(device))
    images = Packed(packed.exact[rows[:1]], packed.roomy[rows])
    network = create_model(config.model, config.data.frame)
    normalisation = normalisation_for(table.mean, table.deviation, config)
    place, split = RunDirectory(table.root), Split(every, every)
    return Trainer(network, config, many, images, split, team, place, Silent(), normalisation=normalisation)


def _take(trainer: Trainer, batches: Iterable[Batch]) -> None:
    import torch

    for batch in batches:
        trainer.step(batch)
    if trainer.team.device.type == "cuda":
        torch.cuda.synchronize()


def _ours(trainer: Trainer) -> Callable[[], None]:
    epochs = itertools.count()
    return lambda: _take(trainer, trainer.batches.epoch(next(epochs)))


def _ready(trainer: Trainer) -> Callable[[], None]:
    # Two batches in turn: a GPU's memory does not hold an epoch of numbers beside the model.
    ready = list(itertools.islice(trainer.batches.epoch(0), 2))
    in_turn = list(itertools.islice(itertools.cycle(ready), trainer.batches.steps))
    return lambda: _take(trainer, in_turn)


def _loaded(trainer: Trainer, data: Data) -> Callable[[], None]:
    from fxtrain.loader import Batch

    loader = data.loader()

    def batches() -> Iterator[Batch]:
        for images, broken in loader:
            yield Batch(images, broken.float(), None)

    return lambda: _take(trainer, batches())
