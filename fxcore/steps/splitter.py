"""Part splitter: one radiograph for each anatomic part that a radiograph holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels import (
    Components,
    components,
    crop_without,
    histogram,
    keep_components,
    otsu_threshold,
    runs_from_image,
)
from fxcore.study import Radiograph, Study


@dataclass(frozen=True)
class SplitterConfig:
    """Settings of the part splitter."""

    enabled: bool = True
    # Components smaller than this fraction of the image are markers, text and dirt, not parts.
    min_area_fraction: float = 0.05
    # What is kept around a part's box, as a fraction of the image's longer side: the Otsu threshold
    # lies inside the soft tissue, so the box alone would cut the skin off.
    margin_fraction: float = 0.02

    def __post_init__(self) -> None:
        if not 0 < self.min_area_fraction < 1:
            raise ParameterError(
                f"splitter.min_area_fraction {self.min_area_fraction} is not between 0 and 1"
            )
        if not 0 <= self.margin_fraction <= 0.5:
            raise ParameterError(f"splitter.margin_fraction {self.margin_fraction} is not between 0 and 0.5")


def split_parts(study: Study, config: SplitterConfig) -> Study:
    """Cut each radiograph that holds several parts into one radiograph a part.

    Otsu threshold, 8-connected components, the small ones dropped, components again: where two or
    more are left, each becomes a radiograph of its own, in reading order from left to right, with
    ``_p1``, ``_p2``… behind its identifier. A radiograph with one part is left as it is.

    Writes ``otsu_threshold``, ``part_count``, ``part_index`` (from 1) and ``part_box`` (``row0 col0
    row1 col1`` in the undivided radiograph, ends exclusive); a radiograph that has them is left alone.
    """
    parts = [part for radiograph in study.radiographs for part in _split(radiograph, config)]
    return Study(study.study_id, study.label, parts)


def _split(radiograph: Radiograph, config: SplitterConfig) -> list[Radiograph]:
    if radiograph.metadata.get("part_count"):
        return [radiograph]
    image = radiograph.image
    threshold = otsu_threshold(hist=histogram(image))
    runs = runs_from_image(image, threshold)
    found = components(runs)
    runs = keep_components(runs, found, found.area >= config.min_area_fraction * image.size)
    parts = components(runs)
    marks = {"otsu_threshold": str(threshold), "part_count": str(max(1, parts.count))}
    if parts.count < 2:
        box = (0, 0, *image.shape)
        return [Radiograph(image, radiograph.metadata | marks | {"part_index": "1", "part_box": _text(box)})]
    result = []
    for index, label in enumerate(_reading_order(parts), start=1):
        box = _with_margin(parts.box[label], image.shape, config.margin_fraction)
        row = radiograph.metadata | marks | {"part_index": str(index), "part_box": _text(box)}
        row["radiograph_id"] += f"_p{index}"
        result.append(Radiograph(crop_without(image, runs, parts, label, box), row))
    return result


def _reading_order(parts: Components) -> NDArray[np.intp]:
    """Labels by the horizontal middle of their boxes, from left to right; ties from top to bottom."""
    middle = parts.box[:, 1] + parts.box[:, 3]
    return np.lexsort((parts.box[:, 0], middle))


def _with_margin(
    box: NDArray[np.int32], shape: tuple[int, ...], fraction: float
) -> tuple[int, int, int, int]:
    margin = round(fraction * max(shape))
    row0, col0, row1, col1 = (int(value) for value in box)
    return (
        max(0, row0 - margin),
        max(0, col0 - margin),
        min(shape[0], row1 + margin),
        min(shape[1], col1 + margin),
    )


def _text(box: tuple[int, ...]) -> str:
    return " ".join(str(value) for value in box)
