"""Scoring: the session against torch, the whole against what its parts cost, and against the usual loop."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.archives import archive
from bench.harness import Effort, interleave, torch_threads
from bench.options import Options
from bench.results import Findings, compare, within
from bench.size import hold_growth, tiny_archive, watch
from fxcore.archive import Plan
from fxcore.catalogue import open_catalogue
from fxcore.config import to_dict
from fxcore.cores import default_workers
from fxcore.dataset.assemble import LOOSE
from fxcore.dataset.journal import read_journal
from fxcore.dataset.layout import Layout
from fxcore.executor import Executor
from fxcore.ingest import ingest, ingest_tasks
from fxcore.jobs import PreprocessTask, StudyTask
from fxcore.letterbox import Frame
from fxcore.progress import Silent
from fxcore.pseudonyms import load_key
from fxcore.settings import IngestConfig, Settings

FRAME = Frame(341, 512)
BATCH = 16
NETWORK = "resnet18"

OVER_EAGER, OVER_CHANNELS_LAST, OVER_FLOAT = 1.5, 1.2, 1.3
"""Times as fast as torch is in either way, and as the float model is on the same processor."""

OF_BOUND = {"archive": 0.85, "data set": 0.9}
"""Share of what the cores could do."""

OVER_LOOP, FIRST_S = 3.0, 2.0
"""Times as fast as the loop; seconds to a first study."""

STUDIES, QUICK_STUDIES = 240, 4
SCALE, QUICK_SCALE = 1.0, 0.3
MANY, QUICK_MANY, SMALL_FRAME = 10_000, 200, Frame(64, 64)
CALIBRATED_BY, QUICK_CALIBRATED_BY = 32, 4


def run(options: Options) -> Findings:
    """Measure session, whole scorings, the loop, and the start; see `bench.options.Options`."""
    findings = Findings("score")
    with tempfile.TemporaryDirectory(prefix="fxray-bench-score-") as name:
        folder = Path(name)
        options.say("exporting the model")
        model, network = _model(folder / "model.onnx", NETWORK, FRAME)
        _session(model, network, options, findings)
        del network
        built = _whole(folder, model, options, findings)
        _int8(folder, model, built, options, findings)
        _many(folder, options, findings)
    if options.quick:
        findings.drop_marks("with --quick there are too few studies to outweigh the start")
    return findings


def _model(path: Path, name: str, frame: Frame) -> tuple[Path, Any]:
    """Export a network with random weights, whose speed is that of any; return it for torch as well."""
    import torch

    from fxcore.dicom.config import PixelConfig
    from fxcore.steps import Pipeline
    from fxtrain.config import ModelConfig
    from fxtrain.export import CLASSES, Deployed, write_onnx
    from fxtrain.models import create_model

    torch.manual_seed(0)
    network = Deployed(create_model(ModelConfig(name=name), frame), 0.2, 0.2, 1.0).eval()
    metadata = {
        "model": name,
        "frame": to_dict(frame),
        "steps": to_dict(Pipeline()),
        "pixels": to_dict(PixelConfig()),
        "classes": CLASSES,
        "threshold": 0.5,
        "aggregate": "alo",
    }
    write_onnx(network, _images(frame)[:, None], path, metadata)
    return path, network


def _images(frame: Frame = FRAME) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (BATCH, frame.height, frame.width), dtype=np.uint8)


def _session(path: Path, network: Any, options: Options, findings: Findings) -> None:
    import torch

    from fxserve.model import Model

    threads = options.threads
    model, images = Model(path, device="cpu", threads=threads, batch=BATCH), _images()
    batch = torch.from_numpy(images[:, None])

    def eager() -> Any:
        with torch.no_grad():
            return network(batch)

    def channels_last() -> Any:
        with torch.inference_mode():
            return network(batch.contiguous(memory_format=torch.channels_last))

    # A network has one memory format at a time: each peer has rounds of its own.
    peers: dict[str, tuple[Callable[[], Any], float]] = {
        "torch, eager": (eager, OVER_EAGER),
        "torch, channels last": (channels_last, OVER_CHANNELS_LAST),
    }
    few = Effort(seconds=4.0, least=3, most=5, warm_up=1)
    with torch_threads(threads):
        for peer, (work, mark) in peers.items():
            options.say(f"the session against {peer}")
            if work is channels_last:
                network.to(memory_format=torch.channels_last)
            contestants = {"ours": lambda: model.run(images), "peer": work}
            seconds = interleave(contestants, few if options.quick else options.effort)
            rate = BATCH / float(np.median(seconds["ours"]))
            findings.results.append(
                compare(
                    f"{NETWORK}, a batch of {BATCH}",
                    peer,
                    f"{FRAME.width}×{FRAME.height}",
                    seconds,
                    threads=threads,
                    peer_threads=threads,
                    mark=mark,
                    note=f"{rate:.1f} radiographs/s",
                    figures={"radiographs_per_second": rate},
                )
            )


def _whole(folder: Path, model: Path, options: Options, findings: Findings) -> Path:
    """Score an archive and the data set made of it, which is returned."""
    from fxserve.score import score

    studies, scale = (QUICK_STUDIES, QUICK_SCALE) if options.quick else (STUDIES, SCALE)
    options.say("making the archive and the data set")
    raw, _ = archive("mixed", studies, scale=scale)
    key, index, built = folder / "key", folder / "index", folder / "built"
    ingest(raw, built, key_file=key, index_file=index, steps=True)
    cores = default_workers()
    name = f"{studies} studies, scale {scale:g}"
    rounds = itertools.count()

    def scored(source: Path) -> None:
        # Neither results nor an index of a run before must spare this one anything.
        out = folder / f"scores-{next(rounds)}"
        places = (key, out.with_suffix(".index")) if source == raw else (None, None)
        score(model, source, out, device="cpu", key_file=places[0], index_file=places[1])

    for what, source, tasks, other in (
        ("archive", raw, _archive_tasks(raw, key, index), {"peer": partial(_loop, raw, model)}),
        ("data set", built, _data_set_tasks(built), {}),
    ):
        options.say(f"the parts of scoring the {what}")
        count, core_seconds = _core_seconds(model, tasks)
        options.say(f"scoring the {what}{', and the loop of one' if other else ''}")
        effort = Effort(least=1 if options.quick else 3, warm_up=0)
        seconds = interleave({"ours": partial(scored, source), **other}, effort)
        note = f"{1e3 * core_seconds / max(1, count):.0f} core-ms a radiograph"
        bound = core_seconds / cores
        findings.results.append(
            within(
                f"score: {what}", name, seconds["ours"], bound, threads=cores, mark=OF_BOUND[what], note=note
            )
        )
        if other:
            findings.results.append(
                compare(
                    f"score: {what}",
                    "pydicom + OpenCV + session, one by one",
                    name,
                    seconds,
                    threads=cores,
                    mark=OVER_LOOP,
                )
            )
    options.say("the start")
    one, _ = archive("mixed", 1, scale=scale)
    starts = [_timed(partial(_program, model, one, folder, k)) for k in range(1 if options.quick else 5)]
    findings.results.append(
        within("score: start to the end of one study", f"scale {scale:g}", starts, FIRST_S)
    )
    return built


def _int8(folder: Path, model: Path, built: Path, options: Options, findings: Findings) -> None:
    """Hold the int8 model against the other by speed; what it costs in AUC, `fxray quantize` says."""
    from fxserve.model import Model
    from fxserve.quantize import quantize

    options.say("quantising the model")
    made = folder / "int8.onnx"
    quantize(model, built, made, count=QUICK_CALIBRATED_BY if options.quick else CALIBRATED_BY)
    images = _images()
    contestants = {
        name: partial(Model(path, device="cpu", threads=options.threads, batch=BATCH).run, images)
        for name, path in (("ours", made), ("peer", model))
    }
    findings.results.append(
        compare(
            f"{NETWORK} as int8, a batch of {BATCH}",
            "the same as float",
            f"{FRAME.width}×{FRAME.height}",
            interleave(contestants, options.effort),
            threads=options.threads,
            peer_threads=options.threads,
            mark=OVER_FLOAT,
        )
    )


def _many(folder: Path, options: Options, findings: Findings) -> None:
    """Watch the memory while very many radiographs are scored: small ones, by a small model."""
    count = QUICK_MANY if options.quick else MANY
    options.say(f"making {count:,} small radiographs")
    tiny_archive(folder / "many", count)
    model, _ = _model(folder / "small.onnx", "rx-lite", SMALL_FRAME)
    options.say("scoring them")
    places = ["--key", str(folder / "key"), "--index", str(folder / "index-many"), "--device", "cpu"]
    watched = watch(["score", str(model), str(folder / "many"), str(folder / "scored"), *places, "--quiet"])
    name = f"{count:,} radiographs"
    hold_growth(findings, "score: memory of the parent, late over early", name, watched.parent_growth)
    hold_growth(findings, "score: memory of a worker, late over early", name, watched.worker_growth)
    findings.said.append(
        f"{count:,} small radiographs took {watched.seconds:.0f} s; the parent, which holds the model, "
        f"was at most {watched.parent_peak / 1e6:.0f} MB."
    )


def _timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _archive_tasks(raw: Path, key: Path, index: Path) -> list[StudyTask]:
    settings = Settings()
    limits = settings.ingest.pixels.limits
    with Executor(1) as executor, open_catalogue(raw, limits, executor, Silent(), index) as catalogue:
        plan = Plan(catalogue, None, settings.ingest, load_key(key, may_create=False))
        return list(ingest_tasks(plan, raw, Layout(raw), settings, steps=True))


def _data_set_tasks(built: Path) -> list[StudyTask]:
    seconds = IngestConfig().seconds_per_file
    return [
        PreprocessTask(str(built), str(built), record, None, seconds)
        for record in read_journal(Layout(built))
        if record.study_id != LOOSE
    ]


def _core_seconds(path: Path, tasks: list[StudyTask]) -> tuple[int, float]:
    """Return radiographs and the seconds that one core takes for them, one study after the other."""
    from fxserve.model import Model
    from fxserve.prepare import prepare_study

    model = Model(path, device="cpu", threads=1)
    prepare_study(FRAME, tasks[0])
    model.run(_images()[: model.batch])
    prepare = infer = 0.0
    waiting: list[np.ndarray] = []
    count = 0
    for task in tasks:
        begin = time.perf_counter()
        waiting.extend(prepare_study(FRAME, task).images)
        prepare += time.perf_counter() - begin
        while len(waiting) >= model.batch:
            batch, waiting = waiting[: model.batch], waiting[model.batch :]
            infer += _timed(partial(model.run, np.stack(batch)))
            count += len(batch)
    if waiting:
        infer += _timed(partial(model.run, np.stack(waiting)))
        count += len(waiting)
    return count, prepare + infer


def _loop(raw: Path, model: Path) -> int:
    """Score as most scripts do: a file after the other, a run of the session for each radiograph."""
    import cv2
    import onnxruntime
    import pydicom

    from bench.peers import expert

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    count = 0
    for path in sorted(raw.rglob("*")):
        try:
            ds = pydicom.dcmread(path) if path.is_file() else None
            if ds is None or ds.get("BodyPartExamined", "") not in expert.WRISTS:
                continue
            image, _ = expert.inverted(expert.grey(ds))
        except Exception:
            continue
        for part, mask, _ in expert.split(image):
            upright, _ = expert.aligned(part, mask)
            small = cv2.resize(upright, (FRAME.width, FRAME.height), interpolation=cv2.INTER_AREA)
            session.run(["probability"], {"images": small[None, None]})
            count += 1
    return count


def _program(model: Path, source: Path, folder: Path, number: int) -> None:
    command = [
        sys.executable,
        "-m",
        "fxcore",
        "score",
        str(model),
        str(source),
        str(folder / f"one-{number}"),
    ]
    places = ["--key", str(folder / "key"), "--index", str(folder / f"index-{number}"), "--device", "cpu"]
    done = subprocess.run([*command, *places, "--quiet"], env=os.environ, stderr=subprocess.PIPE)
    if done.returncode not in (0, 4):
        raise subprocess.CalledProcessError(done.returncode, command, stderr=done.stderr)
