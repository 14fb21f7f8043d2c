"""The journal of a scoring: a record a study, written when all of its radiographs are scored.

While a run goes on, records are single files; at its end they become the lines of ``journal.jsonl``, from
which a later run goes on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fxcore.aggregate import BY_MODEL, decide, judged
from fxcore.dataset.journal import merged, write_line
from fxcore.dataset.layout import Layout
from fxcore.errors import DataSetError
from fxcore.json_text import from_json
from fxcore.study import Reject

# What stands before the checksum of a record, which is of all before it. It is in no text of a record, where
# quotes have a backslash in front.
_CHECKSUM = b',"crc32":"'

NOT_FINITE = "no_finite_output"
"""Reason of what a model gave no number for."""
NOT_FINITE_MESSAGE = "the model gave no finite number"


@dataclass(frozen=True)
class StudyScore:
    """What is kept of a scored study.

    Attributes
    ----------
    study_id, fingerprint : str
        A study whose files changed is scored again; so is one without a fingerprint.
    rows : tuple of dict
        Of each radiograph: ``radiograph_id`` and what the steps decided, as text.
    probabilities, logits : tuple of float
        Of each radiograph; or one, of the study, if the model judges studies itself.
    rejects : tuple of Reject
    """

    study_id: str
    fingerprint: str
    rows: tuple[dict[str, str], ...] = ()
    probabilities: tuple[float, ...] = ()
    logits: tuple[float, ...] = ()
    rejects: tuple[Reject, ...] = ()


_NO_STUDY = StudyScore("", "")


@dataclass(frozen=True)
class Judgement:
    """The score of a study: its probability, and the radiograph that it is of, where it is of one."""

    probability: float
    positive: bool
    deciding_radiograph: str


def judge(score: StudyScore, how: str, threshold: float) -> Judgement | None:
    """Judge a study by its radiographs; None where none of them could be scored."""
    if not score.probabilities:
        return None
    deciding = ""
    if how == BY_MODEL:
        (probability,) = score.probabilities
    else:
        probability = of_views(score.probabilities, how)
        if how != "mean":
            deciding = score.rows[score.probabilities.index(probability)]["radiograph_id"]
    return Judgement(probability, bool(decide(probability, threshold)), deciding)


def of_views(probabilities: ArrayLike, how: str) -> float:
    """Return the probability of a study by those of its views, as it is stored.

    Views without a finite one do not count; NaN where there are no others.
    """
    return float(judged(probabilities, np.zeros(np.size(probabilities), np.int64), 1, how)[0])


def to_line(score: StudyScore) -> bytes:
    """Return the record as one line of JSON, with its CRC-32; the same record gives the same bytes."""
    values = vars(score) | {"rejects": [asdict(reject) for reject in score.rejects]}
    begin = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode().removesuffix(b"}")
    return begin + _CHECKSUM + b'%08x"}\n' % zlib.crc32(begin)


def from_line(line: bytes, where: str) -> StudyScore:
    """Read one line of the journal.

    Raises
    ------
    DataSetError
        If the line is not a record, or not as it was written; `where` says which one in the message.
    """
    begin, checksum, end = line.rpartition(_CHECKSUM)
    # Records of earlier versions have none.
    if checksum and end.rstrip() != b'%08x"}' % zlib.crc32(begin):
        raise DataSetError(f"{where} is not as it was written: its checksum does not match")
    try:
        values: dict[str, Any] = from_json(line)
        values.pop("crc32", None)
        values["rejects"] = tuple(Reject(**reject) for reject in values["rejects"])
        for name in ("rows", "probabilities", "logits"):
            values[name] = tuple(values[name])
        return StudyScore(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise DataSetError(f"{where} is not the record of a scored study: {error}") from error


def write_score(layout: Layout, score: StudyScore) -> None:
    """Mark a study as scored."""
    write_line(layout, score.study_id, to_line(score))


def read_scores(
    layout: Layout, damaged: Callable[[DataSetError], None] = lambda _: None
) -> Iterator[StudyScore]:
    """Yield the records of all studies scored, in order of study; a newer record replaces the journal's.

    One that is damaged is passed over, as if its study had not been scored; `damaged` is told of it.
    """

    def parse(line: bytes, where: str) -> StudyScore:
        try:
            return from_line(line, where)
        except DataSetError as error:
            damaged(error)
            return _NO_STUDY

    return (score for score in merged(layout, parse) if score.study_id)
