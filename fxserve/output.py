"""The folder of a scoring: taken for one run, filled by it, its tables written when all is scored."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from fxcore.aggregate import BY_MODEL, DECIMALS, rounded
from fxcore.dataset.assemble import REJECT_COLUMNS, discard_work
from fxcore.dataset.layout import Layout
from fxcore.dataset.locks import run_lock
from fxcore.dataset.tables import cell, union_of_columns, write_atomically, write_together
from fxcore.errors import DataSetError, FxrayError
from fxcore.json_text import from_json
from fxcore.output import SETTINGS_FILE, check_settings, finished_if_idle, make_folder
from fxcore.progress import Progress
from fxcore.study import Reject
from fxserve.records import StudyScore, judge, read_scores, to_line
from fxserve.settings import ModelSettings
from fxserve.tables import SUFFIXES, kind_of

SUMMARY_FILE = "scoring.json"
STUDY_COLUMNS = ("study_id", "probability", "prediction", "threshold", "views", "deciding_radiograph")
_SCORE_COLUMNS = ("study_id", "radiograph_id", "probability", "logit")

STATEMENT = (
    "Decision support, not a diagnosis: a probability that a trained reader weighs with everything else."
)


@contextmanager
def output_folder(out: Path, identity: dict[str, Any], progress: Progress) -> Iterator[Layout]:
    """Take `out` for this run: made if need be, locked, checked to be of the same model and settings.

    A run that is broken off before it did anything leaves a finished scoring finished.

    Raises
    ------
    FxrayError
        If another run is at work there, or the folder holds something else.
    """
    layout = Layout(out)
    # Through JSON, so that what is compared has the types of what was stored.
    identity = json.loads(json.dumps(identity))
    if out.exists() and not out.is_dir():
        raise FxrayError(f"{out} is a file; name a folder")
    check_settings(out, begun_scoring(out), identity)
    make_folder(layout, out / SUMMARY_FILE, "scoring")
    with run_lock(layout, progress.say) as is_held:
        begun = begun_scoring(out)
        check_settings(out, begun, identity)
        if not begun:
            shutil.rmtree(layout.records, ignore_errors=True)
        layout.records.mkdir(exist_ok=True)
        write_atomically(layout.work / SETTINGS_FILE, json.dumps(identity).encode())
        with finished_if_idle(layout, out / SUMMARY_FILE, is_held):
            yield layout


def begun_scoring(out: Path) -> dict[str, Any]:
    """Return what the scoring at `out` was begun with; empty if there is none, or nothing was scored.

    Raises
    ------
    DataSetError
        If that cannot be read, or is no scoring.
    """
    layout = Layout(out)
    begun = layout.work / SETTINGS_FILE
    for path in (begun, out / SUMMARY_FILE):
        try:
            content = from_json(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise DataSetError(f"cannot read {path}: {error.strerror}") from error
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise DataSetError(f"{path} is damaged, or not of fxray; name a new folder")
        if "model_sha256" not in content:
            what = "an unfinished data set" if path == begun else "not a scoring of fxray"
            raise DataSetError(f"{out} is {what}; name a new folder")
        return {} if _nothing_scored(layout) else content
    return {}


def _nothing_scored(layout: Layout) -> bool:
    """Tell whether the run that began here was broken off before a radiograph was scored.

    As where the settings of a model turn out to be wrong at the first one: with others it is begun anew.
    """
    finished = any(path != layout.work for path in layout.root.iterdir())
    return not finished and not any(score.rows for score in read_scores(layout))


def write_tables(
    layout: Layout,
    settings: ModelSettings,
    provenance: dict[str, Any],
    loose: Callable[[], Iterable[Reject]],
    keep: Container[str],
) -> dict[str, Any]:
    """Write journal, tables and ``scoring.json``, all of them or none; return the content of the last.

    Parameters
    ----------
    layout : Layout
        Of the output, with every study recorded.
    settings : ModelSettings
        How studies are judged.
    provenance : dict
        What ``scoring.json`` begins with.
    loose : callable
        Returns what was dropped outside any study, in order.
    keep : container of str
        The studies of this run; others are of an earlier one over a larger input.
    """

    def scores() -> Iterator[StudyScore]:
        return (score for score in read_scores(layout) if score.study_id in keep)

    counts: Counter[str] = Counter(
        dict.fromkeys(("studies_scored", "studies_not_scored", "radiographs_scored"), 0)
    )
    predicted: Counter[str] = Counter(dict.fromkeys(settings.classes, 0))
    reasons: Counter[str] = Counter(reject.reason for reject in loose())
    headers: dict[tuple[str, ...], None] = {}

    def journal() -> Iterator[bytes]:
        for score in scores():
            judged = judge(score, settings.aggregate, settings.threshold)
            counts["studies_scored" if judged else "studies_not_scored"] += 1
            counts["radiographs_scored"] += len(score.rows)
            reasons.update(reject.reason for reject in score.rejects)
            headers.update({tuple(row): None for row in score.rows})
            if judged:
                predicted[settings.classes[judged.positive]] += 1
            yield to_line(score)

    def predictions(decided: Sequence[str]) -> Iterator[Sequence[str]]:
        for score in scores():
            by_radiograph = settings.aggregate != BY_MODEL
            for k, row in enumerate(score.rows):
                found = (score.probabilities[k], score.logits[k]) if by_radiograph else ()
                numbers = [number(value) for value in found] or ["", ""]
                yield (
                    score.study_id,
                    row["radiograph_id"],
                    *numbers,
                    *(cell(row.get(name, "")) for name in decided),
                )

    def studies() -> Iterator[Sequence[str]]:
        for score in scores():
            if judged := judge(score, settings.aggregate, settings.threshold):
                prediction = settings.classes[judged.positive]
                threshold = number(float(rounded(settings.threshold)))
                figures = (number(judged.probability), prediction, threshold, str(len(score.rows)))
                yield (score.study_id, *figures, judged.deciding_radiograph)

    def rejects() -> Iterator[Sequence[str]]:
        yield from map(astuple, loose())
        for score in scores():
            yield from map(astuple, score.rejects)

    suffix, render = kind_of(layout.root)
    content = {"statement": STATEMENT} | provenance

    layout.changing.touch()

    def files() -> Iterator[tuple[Path, bytes | Iterable[bytes]]]:
        yield layout.journal, journal()
        # Known now that all rows have been seen once.
        decided = [name for name in union_of_columns(list(headers)) if name != "radiograph_id"]
        tables = {
            "predictions": ((*_SCORE_COLUMNS, *decided), predictions(decided)),
            "studies": (STUDY_COLUMNS, studies()),
            "rejects": (REJECT_COLUMNS, rejects()),
        }
        for name, table in tables.items():
            yield layout.root / f"{name}{suffix}", render(*table)
        content["counts"] = dict(counts) | {
            "predicted": dict(predicted),
            "rejects": dict(sorted(reasons.items())),
        }
        text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
        yield layout.root / SUMMARY_FILE, text.encode()

    write_together(files())
    # Where the folder has another name than in an earlier run, those of then would say what was judged then.
    for name, other in itertools.product(("predictions", "studies", "rejects"), SUFFIXES):
        if other != suffix:
            (layout.root / f"{name}{other}").unlink(missing_ok=True)
    discard_work(layout)
    return content


def number(value: float) -> str:
    """Write a probability or a logit as the tables have it."""
    return f"{value:z.{DECIMALS}f}"
