"""The archive as a whole: files, labels and junk, written by one process or several, the same bytes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from fxcore.arguments import check_share, check_whole
from fxcore.attempt import WorkerFailure
from fxcore.errors import FxrayError, ParameterError
from fxcore.executor import Executor, Outcome
from fxcore.phantom.identity import stream, token, uid
from fxcore.phantom.junk import corrupted, write_junk
from fxcore.phantom.output import check_folder, whole_or_not_at_all
from fxcore.phantom.plan import BLOCK, plan_study
from fxcore.phantom.truth import CLASSES, COLUMNS, truth_row

_Result = TypeVar("_Result")

CHUNK = 4
"""Studies a task."""

LABELS = "labels.csv"
"""Written last: an archive that has it is whole."""

# None takes a hundredth of that; on an empty cache, the first one compiles.
_SECONDS_A_TASK = 3600.0

SPELLINGS: tuple[tuple[str, str], ...] = (
    ("broken", "not_broken"),
    ("fracture", "no fracture"),
    ("1", "0"),
    ("positive", "negative"),
    ("Fraktur", "keine Fraktur"),
)
"""How ``labels.csv`` may spell the two classes; one spelling an archive, by the seed."""


@dataclass(frozen=True)
class PhantomSummary:
    """What was written.

    Attributes
    ----------
    studies, radiographs, files : int
        Studies; radiographs, the corrupt ones included; DICOM files, the duplicates included.
    broken : int
        Studies with a fracture.
    bytes : int
        Size of the DICOM files.
    """

    studies: int
    radiographs: int
    files: int
    broken: int
    bytes: int

    def figures(self) -> dict[str, object]:
        """The numbers by name."""
        return asdict(self)


@dataclass(frozen=True)
class _Task:
    out: str
    seed: int
    scale: float
    displacement: float
    one_view: float
    first: int
    stop: int


@dataclass(frozen=True)
class _Written:
    first: int
    rows: list[dict[str, str]]
    studies: int
    radiographs: int
    broken: int
    bytes: int


def synthesise(
    out: Path,
    *,
    studies: int,
    seed: int,
    scale: float = 1.0,
    displacement: float = 1.0,
    one_view: float = 0.0,
    truth: bool = False,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> PhantomSummary:
    """Write a raw archive of invented wrist radiographs, as a hospital would hand it over.

    The same `studies`, `seed`, `scale`, `displacement` and `one_view` give the same bytes, whatever the
    number of workers, and a larger archive begins with the studies of a smaller one.

    Parameters
    ----------
    out : pathlib.Path
        Folder to create, or an empty one.
    studies : int
        Number of studies, at least 1; about 2.2 radiographs each.
    seed : int
        At least 0.
    scale : float
        Size of the radiographs relative to real ones (250 to 4,000 pixels a side); over 0, at most 1.
    displacement : float
        How much further than usual the fragments of fractures are moved and tilted, at least 0: at 1 many
        fractures are subtle, at 3 most are plain to see.
    one_view : float
        Share of the broken studies, in 0..1, whose fracture shows in one of their radiographs only, beside
        the few where it does so anyway: at 0 it shows in all of most studies' radiographs. The number of
        radiographs does not depend on it.
    truth : bool
        Also write ``truth.csv``; see :data:`fxcore.phantom.truth.COLUMNS`.
    workers : int
        Processes to draw with.
    progress : callable, optional
        Called with the number of studies written since the last call.

    Raises
    ------
    ParameterError
        For a number out of range, or an `out` that has something in it.
    FxrayError
        If another run is writing to `out`, or a worker process cannot do its share.
    """
    out = Path(out)
    _check(studies, seed, scale, displacement, one_view, workers)
    check_folder(out)
    done: list[_Written] = []
    with whole_or_not_at_all(out, LABELS) as folder:
        tasks = [
            _Task(str(folder), seed, scale, displacement, one_view, first, min(first + CHUNK, studies))
            for first in range(0, studies, CHUNK)
        ]
        # Its workers are gone before the folder is.
        with Executor(workers) as executor:
            for written in _run(executor, tasks):
                done.append(written)
                if progress is not None:
                    progress(written.studies)
        done.sort(key=lambda written: written.first)
        rows = [row for written in done for row in written.rows]
        _write_labels(folder, seed, rows)
        write_junk(folder, seed)
        if truth:
            _write_csv(folder / "truth.csv", COLUMNS, rows)
    return PhantomSummary(
        studies,
        sum(written.radiographs for written in done),
        len(rows),
        sum(written.broken for written in done),
        sum(written.bytes for written in done),
    )


def _check(studies: int, seed: int, scale: float, displacement: float, one_view: float, workers: int) -> None:
    check_whole("studies", studies, 1)
    check_whole("seed", seed, 0)
    if not 0.0 < scale <= 1.0:
        raise ParameterError(f"scale must be over 0 and at most 1, not {scale}")
    if not 0.0 <= displacement < math.inf:
        raise ParameterError(f"displacement must be at least 0 and finite, not {displacement}")
    check_share("one_view", one_view)
    check_whole("workers", workers, 1)


def _run(executor: Executor, tasks: list[_Task]) -> Iterator[_Written]:
    """Yield what is written as it comes, in no particular order."""
    for compiled in executor.run(_compile, tasks[:1], lambda task: _SECONDS_A_TASK):
        _done(compiled)
    for written in executor.run(_write_studies, tasks, lambda task: _SECONDS_A_TASK):
        yield _done(written)


def _done(outcome: Outcome[_Task, _Result]) -> _Result:
    task, result = outcome.task, outcome.result
    if isinstance(result, WorkerFailure):
        raise FxrayError(
            f"studies {task.first} to {task.stop - 1} could not be drawn: {result.message}"
            f"{result.place and f' ({result.place})'}. Nothing was kept; where memory is short, take fewer "
            "workers or a smaller scale"
        )
    return result


def _compile(task: _Task) -> None:
    """Compile every kernel into the on-disk cache, before several processes want it at once."""
    from fxcore.phantom.render import render

    study = plan_study(task.seed, 0, 0.02)
    render(study.radiographs[0], study.patient, "wrist")


def _write_studies(task: _Task) -> _Written:
    """Write the files of a few consecutive studies; the unit of parallel work."""
    # Only here: the process that hands out the tasks has no need of compiled kernels.
    from fxcore.phantom.encode import encode
    from fxcore.phantom.render import render

    out = Path(task.out)
    rows: list[dict[str, str]] = []
    radiographs = broken = size = 0
    for index in range(task.first, task.stop):
        study = plan_study(task.seed, index, task.scale, task.one_view)
        broken += study.broken
        for plan in study.radiographs:
            picture = render(plan, study.patient, study.body_part.anatomy, task.displacement)
            code = corrupted(encode(study, plan, picture), plan)
            radiographs += 1
            for path, duplicate in ((plan.path, False), (plan.duplicate_path, True)):
                if not path:
                    continue
                target = out / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(code)
                size += len(code)
                rows.append(truth_row(study, plan, picture.boxes, duplicate=duplicate))
    return _Written(task.first, rows, task.stop - task.first, radiographs, broken, size)


def _write_labels(out: Path, seed: int, rows: list[dict[str, str]]) -> None:
    """``labels.csv``: one label a study in no particular order, some missing, some for nobody."""
    rng = stream(seed, 7)
    key = "AccessionNumber" if rng.random() < 0.5 else "StudyInstanceUID"
    spelling = dict(zip(CLASSES, SPELLINGS[int(rng.integers(0, len(SPELLINGS)))], strict=True))
    studies = {row["StudyInstanceUID"]: row for row in rows}
    lines = [
        {key: row[key], "label": spelling[row["label"]]} for row in studies.values() if row["labelled"] == "1"
    ]
    for index in range(20, len(studies), BLOCK):
        nobody = ("surplus", index)
        name = f"A{token(seed, *nobody, digits=10)}" if key == "AccessionNumber" else uid(seed, *nobody)
        lines.append({key: name, "label": spelling[CLASSES[index // BLOCK % 2]]})
    _write_csv(out / LABELS, (key, "label"), [lines[i] for i in rng.permutation(len(lines))])


def _write_csv(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(buffer.getvalue(), encoding="utf-8", newline="")
