"""Keep the radiographs of one anatomic part, whatever its label is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from fxcore.body_parts import covers
from fxcore.steps.config import ANY, PartFilterConfig
from fxcore.study import Radiograph, Reject, Study, UnreadFile, frame_ids

STAGE = "part_filter"

LABEL_COLUMN = "BodyPartExamined"
"""The raw label, Body Part Examined (0018,0015)."""

MODALITY_COLUMN = "Modality"
"""What the image was taken by, Modality (0008,0060): a term of the standard, or nothing."""

DESCRIBED_COLUMN = "body_parts_described"
"""Canonical parts named by the study's descriptions, joined by ``;``: consulted where the label is no use."""

PART_COLUMN = "body_part"
MATCH_COLUMN = "body_part_match"
"""The step's mark: ``exact``, ``word``, ``fuzzy``, ``described`` or ``none``."""


@dataclass(frozen=True)
class HistogramRow:
    """One row of the histogram of raw labels: a label has several where its radiographs fare differently.

    Attributes
    ----------
    label : str
        The raw label.
    count : int
        How often it was found, with this outcome.
    part, how, term : str
        What it was recognised as, see `fxcore.body_parts.Recognition`; `how` is ``"described"``, and there is
        no term, where the label is no use and the study's descriptions decide.
    decision : str
        ``"keep"`` or ``"drop"``.
    """

    label: str
    count: int
    part: str
    how: str
    term: str
    decision: str

    def figures(self) -> dict[str, str | int]:
        """Return the row as plain values, for JSON."""
        return asdict(self)

    def texts(self) -> tuple[str, str, str, str, str]:
        """Return label, count, part, how and decision as text, for a table."""
        return self.label, str(self.count), self.part, self.how, self.decision


class Named(NamedTuple):
    """What a radiograph is said to be of.

    Attributes
    ----------
    label, described, modality : str
        As `LABEL_COLUMN`, `DESCRIBED_COLUMN` and `MODALITY_COLUMN` hold them.
    """

    label: str
    described: str = ""
    modality: str = ""

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Named:
        """Read it from a metadata row."""
        return cls(*(row.get(column, "") for column in (LABEL_COLUMN, DESCRIBED_COLUMN, MODALITY_COLUMN)))


class _Decision(NamedTuple):
    """Part and match; and why a radiograph is dropped, which is empty for one that stays."""

    part: str = ""
    match: str = "none"
    reason: str = ""
    message: str = ""


def filter_parts(study: Study, config: PartFilterConfig) -> tuple[Study, list[Reject]]:
    """Keep the radiographs, and nothing else, whose label names a wanted part.

    The columns ``body_part`` and ``body_part_match`` are written for every radiograph that stays. One
    that has them, and whose part is wanted, is left as it is.

    Parameters
    ----------
    study : Study
        Not changed.
    config : PartFilterConfig

    Returns
    -------
    study : Study
        With the radiographs that stay, possibly none.
    rejects : list of Reject
        Reason ``"other_modality"`` for what is no radiograph, ``"other_body_part"``, or ``"no_body_part"``
        where there was no usable label.
    """
    if not config.enabled:
        return study, []
    kept: list[Radiograph] = []
    rejects: list[Reject] = []
    for radiograph in study.radiographs:
        row = radiograph.metadata
        if row.get(MATCH_COLUMN) and row.get(PART_COLUMN) and config.wants(row[PART_COLUMN]):
            kept.append(radiograph)
            continue
        found = _decide(Named.of(row), config)
        if found.reason:
            where = (study.study_id, row.get("source_id", ""), row.get("radiograph_id", ""))
            rejects.append(Reject(STAGE, *where, found.reason, found.message))
        else:
            columns = {PART_COLUMN: found.part, MATCH_COLUMN: found.match}
            kept.append(replace(radiograph, metadata=row | columns))
    return replace(study, radiographs=kept), rejects


def dropped_unread(study_id: str, file: UnreadFile, config: PartFilterConfig) -> list[Reject]:
    """Return what `filter_parts` says of each radiograph of a file, where it drops them: without a pixel."""
    if not config.enabled:
        return []
    found = _decide(Named.of(file.row), config)
    if not found.reason:
        return []
    return [
        Reject(STAGE, study_id, file.source_id, radiograph_id, found.reason, found.message)
        for radiograph_id in frame_ids(file.radiograph_id, file.frames)
    ]


def histogram(labels: Mapping[tuple[str, ...], int], config: PartFilterConfig) -> list[HistogramRow]:
    """Say what becomes of raw labels, the most frequent first.

    Parameters
    ----------
    labels : mapping of tuple of str to int
        How often each was found, in the order of `Named`.
    config : PartFilterConfig
    """
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for texts, count in labels.items():
        named = Named(*texts)
        label, recognised = named.label, config.recognise(named.label)
        found = _decide(named, config)
        decision = "drop" if found.reason else "keep"
        if found.part and found.match == "described":
            counts[label, found.part, found.match, "", decision] += count
        else:
            part = found.part or recognised.part
            counts[label, part, recognised.how, recognised.term, decision] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [HistogramRow(label, count, *outcome) for (label, *outcome), count in ranked]


def _decide(named: Named, config: PartFilterConfig) -> _Decision:
    if named.modality and not config.takes(named.modality):
        known = ", ".join(config.modalities)
        return _Decision(
            reason="other_modality",
            message=f"Its modality is {named.modality}; kept are radiographs ({known}), and what names none.",
        )
    found = config.recognise(named.label)
    described = tuple(part for part in named.described.split(";") if part)
    wanted = " or ".join(config.parts)
    for parts, match in ((found.parts, found.how), (described, "described")):
        if part := next(filter(config.wants, parts), ""):
            return _Decision(part, match)
        if part := next((part for part in parts if not _holds_wanted(part, config)), ""):
            message = f"The label names another body part ({part}); kept are: {wanted}."
            return _Decision(part, match, "other_body_part", message)
    if config.unlabelled == "drop" and ANY not in config.parts:
        message = f"No body part is named; unlabelled radiographs are dropped when keeping {wanted}."
        return _Decision(reason="no_body_part", message=message)
    return _Decision()


def _holds_wanted(part: str, config: PartFilterConfig) -> bool:
    return any(covers(part, wanted) for wanted in config.parts)
