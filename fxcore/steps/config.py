"""The settings of the steps; nothing of what they do is loaded with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from fxcore.body_parts import PARTS, Recognition, covers, recognise
from fxcore.errors import ParameterError
from fxcore.json_text import json_text

ANY = "any"
"""Among the wanted parts, or modalities: all."""
RADIOGRAPHY = ("CR", "DX", "RG", "RF", "XA", "MG", "IO", "PX", "OT", "SC", "HC")
"""Modalities of projection radiography, and of what was digitised or copied (DICOM PS3.3 C.7.3.1.1.1)."""
INVERSION_METHODS = ("texture", "corners")
SPLITTER_METHODS = ("likeness", "otsu")
ALIGNMENT_METHODS = ("medial", "pca")
_NO_LIMBS = ("skull", "face", "jaw", "neck", "spine", "chest", "breast", "abdomen", "pelvis")


def _check_method(step: str, method: str, methods: tuple[str, ...]) -> None:
    if method not in methods:
        raise ParameterError(f"{step}.method {method!r} is not known; choose from: {', '.join(methods)}")


def _known(
    parts: Iterable[str], terms: Iterable[str], where: str = "", also: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return parts by the names they are known by, in any case; `terms` has the user's own."""
    names = {name.casefold(): name for name in (*PARTS, *also, *terms)}
    for part in parts:
        if part.casefold() not in names:
            raise ParameterError(
                f"{where}unknown body part {part!r}; known: {', '.join(sorted(names.values()))}. "
                f"Another part is named by its terms, in the file given to --config under "
                f'[steps.part_filter.terms]: {json_text(part).strip()} = ["what your hospital calls it"]'
            )
    return tuple(names[part.casefold()] for part in parts)


@dataclass(frozen=True)
class PartFilterConfig:
    """Which anatomic parts stay in the data set.

    Attributes
    ----------
    enabled : bool
        Whether the step runs.
    parts : tuple of str
        Canonical parts to keep, in any order; ``("any",)`` keeps all. A region (``"upper limb"``,
        ``"spine"``) keeps the parts in it.
    terms : dict of str to tuple of str
        Further terms, per part: what your hospital calls it. They win over the built-in ones, and may
        name a part of your own.
    unlabelled : str
        What happens to a radiograph without a usable label: ``"keep"`` or ``"drop"``. A label is of no
        use if it is empty, names no part, or names a region that holds a wanted part (``EXTREMITY``).
    modalities : tuple of str
        Terms of Modality (0008,0060) to keep, whatever the part; ``("any",)`` keeps CT, MR, ultrasound and
        all else as well. A radiograph that names none is kept.
    min_similarity : float
        Similarity in [0.5, 1] from which a misspelt term counts; 1 takes correct spelling only, 0.8
        allows one slip in five letters.
    """

    enabled: bool = True
    parts: tuple[str, ...] = ("wrist",)
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unlabelled: str = "keep"
    modalities: tuple[str, ...] = RADIOGRAPHY
    min_similarity: float = 0.8

    def __post_init__(self) -> None:
        if not self.parts:
            raise ParameterError(f"parts is empty; name at least one part, or {ANY!r} to keep all")
        # As they are known, in one order, each once: the settings are compared with those of an earlier run.
        known = _known(self.parts, self.terms, also=(ANY,))
        object.__setattr__(self, "parts", tuple(sorted(set(known))))
        for part, terms in self.terms.items():
            for term in (part, *terms):
                if not any(c.isalpha() for c in term):
                    raise ParameterError(f"a term of the part {part!r} has no letters: {term!r}")
        if not self.modalities:
            raise ParameterError(f"modalities is empty; name at least one, or {ANY!r} to keep all")
        modalities = {ANY if term.casefold() == ANY else term.upper() for term in self.modalities}
        object.__setattr__(self, "modalities", tuple(sorted(modalities)))
        if self.unlabelled not in ("keep", "drop"):
            raise ParameterError(f"unlabelled must be 'keep' or 'drop', not {self.unlabelled!r}")
        if not 0.5 <= self.min_similarity <= 1.0:
            raise ParameterError(f"min_similarity must be between 0.5 and 1, not {self.min_similarity}")

    def recognise(self, label: str) -> Recognition:
        """Recognise `label` with the terms of this configuration."""
        return recognise(label, tuple((p, tuple(t)) for p, t in self.terms.items()), self.min_similarity)

    def takes(self, modality: str) -> bool:
        """Tell whether images of `modality` are kept."""
        return ANY in self.modalities or modality in self.modalities

    def wants(self, part: str) -> bool:
        """Tell whether radiographs of `part` are kept."""
        return any(wanted == ANY or covers(wanted, part) for wanted in self.parts)


@dataclass(frozen=True)
class InversionConfig:
    """Settings of the colour inversion."""

    enabled: bool = True
    # "texture": anatomy has structure and background has none, so the brighter of both is told;
    # "corners" is the published heuristic: background lies in the corners, so bright corners mean inverted.
    method: str = "texture"
    # "texture": parts that fill the field, so that there is no air to judge by, and whose brightest region
    # is their smoothest; their colour is left as the file says. A region stands for the parts in it, "whole
    # body" for all that a label names. Known once the part filter has run.
    as_stored: tuple[str, ...] = ("chest",)
    # "corners": mean grey value of the four corner windows at and above which it counts as inverted.
    threshold: float = 100.0
    # "corners": side of a corner window as a fraction of the image's side.
    window_fraction: float = 0.05

    def __post_init__(self) -> None:
        _check_method("inversion", self.method, INVERSION_METHODS)
        if not 0 <= self.threshold <= 255:
            raise ParameterError(f"inversion.threshold {self.threshold} is not a grey value from 0 to 255")
        if not 0 < self.window_fraction <= 0.5:
            raise ParameterError(
                f"inversion.window_fraction {self.window_fraction} is not above 0 and at most 0.5"
            )


@dataclass(frozen=True)
class SplitterConfig:
    """Settings of the part splitter."""

    enabled: bool = True
    # "likeness": parts are alike, or meet at a seam; frames, markers and broken-off pieces are neither.
    # "otsu" is the published method: the large components above the Otsu threshold.
    method: str = "likeness"
    # "otsu": components smaller than this fraction of the image are markers, text and dirt, not parts.
    min_area_fraction: float = 0.05
    # What is kept around a part's box, as a fraction of the image's longer side: the Otsu threshold
    # lies inside the soft tissue, so the box alone would cut the skin off. "likeness", whose lower
    # threshold reaches the skin, keeps a quarter of it.
    margin_fraction: float = 0.02

    def __post_init__(self) -> None:
        _check_method("splitter", self.method, SPLITTER_METHODS)
        if not 0 < self.min_area_fraction < 1:
            raise ParameterError(
                f"splitter.min_area_fraction {self.min_area_fraction} is not between 0 and 1"
            )
        if not 0 <= self.margin_fraction <= 0.5:
            raise ParameterError(f"splitter.margin_fraction {self.margin_fraction} is not between 0 and 0.5")


@dataclass(frozen=True)
class AlignmentConfig:
    """Settings of the rotation alignment."""

    enabled: bool = True
    # "medial": the medial line of the main limb, frames and background left out, and the distal end by
    # what both ends look like.
    # "pca" is the published method: the principal axis of the closed and opened Otsu mask.
    method: str = "medial"
    # Parts that are no limbs and so have no axis to turn upright; they stay as they are, by either method. A
    # region stands for the parts in it, "whole body" for all that a label names. Known once the part filter
    # has run.
    as_stored: tuple[str, ...] = _NO_LIMBS
    # "pca": side of the square structuring element as a fraction of the longer side: 15 of 3000 pixels.
    element_fraction: float = 0.005
    # "pca": components smaller than this fraction of the largest are markers and have no say in the axis.
    min_component_fraction: float = 0.1
    # "medial": ratio of the limb's extent along the axis to that across it, below which there is no clear
    # axis. A trunk that fills a field of 4 : 3 has 1.33; limbs have 1.8 and more.
    min_elongation: float = 1.5
    # "pca": the same ratio for the published mask.
    pca_min_elongation: float = 1.25
    # A smaller rotation is not worth the blur of resampling.
    min_degrees: float = 0.5
    # Turn by 180 degrees where the fingers would end up at the bottom.
    fingers_up: bool = True

    def __post_init__(self) -> None:
        _check_method("alignment", self.method, ALIGNMENT_METHODS)
        if not 0 < self.element_fraction <= 0.1:
            raise ParameterError(
                f"alignment.element_fraction {self.element_fraction} is not between 0 and 0.1"
            )
        if not 0 <= self.min_component_fraction <= 1:
            raise ParameterError(
                f"alignment.min_component_fraction {self.min_component_fraction} is not between 0 and 1"
            )
        for name in ("min_elongation", "pca_min_elongation"):
            if getattr(self, name) < 1:
                raise ParameterError(
                    f"alignment.{name} {getattr(self, name)} is below 1, the elongation of a disc"
                )
        if not 0 <= self.min_degrees <= 90:
            raise ParameterError(f"alignment.min_degrees {self.min_degrees} is not between 0 and 90")


@dataclass(frozen=True)
class Pipeline:
    """Settings of all steps; a TOML file has a table for each."""

    part_filter: PartFilterConfig = field(default_factory=PartFilterConfig)
    inversion: InversionConfig = field(default_factory=InversionConfig)
    splitter: SplitterConfig = field(default_factory=SplitterConfig)
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)

    def __post_init__(self) -> None:
        # Here, since a part may be one of the user's own, which only the part filter knows.
        terms = self.part_filter.terms
        inverted = _known(self.inversion.as_stored, terms, "inversion.as_stored: ")
        aligned = _known(self.alignment.as_stored, terms, "alignment.as_stored: ")
        object.__setattr__(self, "inversion", replace(self.inversion, as_stored=inverted))
        object.__setattr__(self, "alignment", replace(self.alignment, as_stored=aligned))
