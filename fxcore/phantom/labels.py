"""Free-text body-part labels as radiographers type them, with Zipf frequencies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


def _mojibake(text: str, written: str = "utf-8") -> str:
    """The text after one system wrote it in one encoding and the next read it as ISO 8859-1."""
    return text.encode(written).decode("latin-1")


WRIST_LABELS: tuple[str, ...] = (
    "WRIST", "Handgelenk", "HANDGELENK", "wrist", "ranne", "Poignet", "WRIST LEFT", "Wrist", "poignet",
    "RANNE", "polso", "WRIST RIGHT", "handgelenk", "Handgelenk re", "muñeca", "Handgelenk li.",
    "POIGNET", "wirst", "POLSO", "L WRIST", "R WRIST", "WRIST 2V", _mojibake("zápěstí"), "WRST",
    "MUÑECA", _mojibake("muñeca"), "Hand gelenk", "wrist ap/lat", "pols", "handled", "nadgarstek",
    "zapesti", "håndled", "håndledd", "pulso", "HANDGEL.", "WRIST_LT", "csukló", _mojibake("håndled"),
    "Polso sx", "Polso dx", "WRITS", "poingnet", "bilek", _mojibake("zápěstí", "cp1250"), "hangelenk",
    "Ranne oik.", "Ranne vas.", "XR WRIST", "Wrist - both",
)  # fmt: skip
"""From the commonest to the rarest; as read from a file whose bytes are taken for ISO 8859-1."""

OTHER_LABELS: tuple[str, ...] = (
    "HAND", "ANKLE", "ELBOW", "Hand", "Sprunggelenk", "FOREARM", "CHEST", "Ellenbogen", "KNEE",
    "cheville", "main", "nilkka", "mano", "FOOT", "coude", "Unterarm", "codo", "THORAX", "käsi",
    "caviglia", "tobillo", "kyynärpää", "FINGER", "gomito", "ANKEL", _mojibake("käsi"), "OSG rechts",
    "avant-bras", "SHOULDER", "Thumb",
)  # fmt: skip

SIDED_WRISTS: tuple[tuple[str, str], ...] = (
    ("WRIST LEFT", "WRIST RIGHT"), ("L WRIST", "R WRIST"), ("WRIST_LT", "WRIST_RT"),
    ("Handgelenk li.", "Handgelenk re"), ("Polso sx", "Polso dx"), ("Ranne vas.", "Ranne oik."),
)  # fmt: skip
SIDED_LABELS = (*SIDED_WRISTS, ("OSG links", "OSG rechts"))
"""Those of the above that name a side, with their twins: left, right."""

OTHER_FRACTION = 0.12
"""Fraction of studies that are not of a wrist."""

EMPTY_FRACTION = 0.03
"""Fraction of studies, all of wrists, whose label is empty."""

_HANDS = {"HAND", "Hand", "main", "mano", "käsi", _mojibake("käsi"), "FINGER", "Thumb"}


@dataclass(frozen=True)
class BodyPart:
    """A study's label and the anatomy it is drawn with: ``wrist``, ``hand`` or ``joint``."""

    label: str
    anatomy: str


def draw_body_part(rng: np.random.Generator) -> BodyPart:
    """Draw one study's body-part label: rank-frequency law ``1 / rank`` within wrists and within others."""
    kind, rank = rng.random(2)
    if kind < OTHER_FRACTION:
        label = _zipf(OTHER_LABELS, rank)
        return BodyPart(label, "hand" if label in _HANDS else "joint")
    if kind > 1 - EMPTY_FRACTION:
        return BodyPart("", "wrist")
    return BodyPart(_zipf(WRIST_LABELS, rank), "wrist")


def on_side(part: BodyPart, side: str) -> BodyPart:
    """Return the body part with a label that, if it names a side, names this one: ``L`` or ``R``."""
    for left, right in SIDED_LABELS:
        if part.label in (left, right):
            return replace(part, label=left if side == "L" else right)
    return part


def _zipf(labels: tuple[str, ...], quantile: float) -> str:
    cumulative = np.cumsum(1.0 / np.arange(1, len(labels) + 1))
    return labels[int(np.searchsorted(cumulative, quantile * cumulative[-1]))]
