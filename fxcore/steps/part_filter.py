"""Keep the radiographs of one anatomic part, whatever its label is called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from fxcore.body_parts import covers
from fxcore.steps.config import ANY, PartFilterConfig
from fxcore.study import Radiograph, Reject, Study

STAGE = "part_filter"

LABEL_COLUMN = "BodyPartExamined"
"""The raw label, Body Part Examined (0018,0015)."""

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


def filter_parts(study: Study, config: PartFilterConfig) -> tuple[Study, list[Reject]]:
    """Keep the radiographs whose label names a wanted part.

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
        Reason ``"other_body_part"``, or ``"no_body_part"`` where there was no usable label.
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
        part, match, reason = _decide(row.get(LABEL_COLUMN, ""), row.get(DESCRIBED_COLUMN, ""), config)
        if reason:
            message = _message(reason, part, config)
            source, name = row.get("source_id", ""), row.get("radiograph_id", "")
            rejects.append(Reject(STAGE, study.study_id, source, name, reason, message))
        else:
            kept.append(replace(radiograph, metadata={**row, PART_COLUMN: part, MATCH_COLUMN: match}))
    return replace(study, radiographs=kept), rejects


def histogram(labels: Mapping[tuple[str, str], int], config: PartFilterConfig) -> list[HistogramRow]:
    """Say what becomes of raw labels, the most frequent first.

    Parameters
    ----------
    labels : mapping of (str, str) to int
        How often each label was found together with what `DESCRIBED_COLUMN` holds.
    config : PartFilterConfig
    """
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    for (label, described), count in labels.items():
        found = config.recognise(label)
        part, match, reason = _decide(label, described, config)
        decision = "drop" if reason else "keep"
        if part and match == "described":
            counts[label, part, match, "", decision] += count
        else:
            counts[label, part or found.part, found.how, found.term, decision] += count
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [HistogramRow(label, count, *outcome) for (label, *outcome), count in ranked]


def _decide(label: str, described: str, config: PartFilterConfig) -> tuple[str, str, str]:
    """Return part, match and the reason to drop, which is empty for a radiograph that stays."""
    found = config.recognise(label)
    candidates = [(found.parts, found.how), (tuple(p for p in described.split(";") if p), "described")]
    for parts, match in candidates:
        wanted = next((p for p in parts if config.wants(p)), "")
        if wanted:
            return wanted, match, ""
        others = [p for p in parts if not _holds_wanted(p, config)]
        if others:
            return others[0], match, "other_body_part"
    if config.unlabelled == "drop" and ANY not in config.parts:
        return "", "none", "no_body_part"
    return "", "none", ""


def _holds_wanted(part: str, config: PartFilterConfig) -> bool:
    return any(covers(part, wanted) for wanted in config.parts)


def _message(reason: str, part: str, config: PartFilterConfig) -> str:
    wanted = " or ".join(config.parts)
    if reason == "no_body_part":
        return f"No body part is named; unlabelled radiographs are dropped when keeping {wanted}."
    return f"The label names another body part ({part}); kept are: {wanted}."
