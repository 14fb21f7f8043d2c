"""Part splitter: one radiograph for each anatomic part that a radiograph holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fxcore.kernels import Runs, components, crop_without, keep_components
from fxcore.steps.config import SplitterConfig
from fxcore.steps.field import Box, Mask, box_of
from fxcore.steps.limbs import find_limbs
from fxcore.steps.overview import Overview, Overviews
from fxcore.study import Radiograph, Study


def split_parts(study: Study, config: SplitterConfig, seen: Overviews | None = None) -> Study:
    """Cut each radiograph that holds several parts into one radiograph a part.

    Where two or more parts are found, each becomes a radiograph of its own, in reading order from left
    to right, with ``_p1``, ``_p2``… behind its identifier, and the other parts in it black. A radiograph
    with one part is left as it is. See `fxcore.steps.limbs.find_limbs` for what a part is; the method
    ``"otsu"`` takes 8-connected components above the Otsu threshold, the small ones dropped. Steps that
    share `seen` look at an image once between them.

    Writes ``split_method``, ``part_margin`` (above zero: parts found; below: one part; the nearer to
    zero, the less sure; empty with ``"otsu"``), ``otsu_threshold`` (with ``"otsu"`` only),
    ``part_count``, ``part_index`` (from 1) and ``part_box`` (``row0 col0 row1 col1`` in the undivided
    radiograph, ends exclusive); a radiograph that has them is left alone.
    """
    seen = seen or Overviews()
    parts = [part for radiograph in study.radiographs for part in _split(radiograph, config, seen)]
    return Study(study.study_id, study.label, parts)


def _split(radiograph: Radiograph, config: SplitterConfig, seen: Overviews) -> list[Radiograph]:
    if radiograph.metadata.get("part_count"):
        return [radiograph]
    image = radiograph.image
    margin, otsu = "", ""
    if config.method == "otsu":
        threshold, runs = seen.above_otsu(image)
        otsu, parts = str(threshold), _by_components(image, runs, config)
    else:
        margin, parts = _by_likeness(image, config, seen.of(image))
    marks = {
        "split_method": config.method,
        "part_margin": margin,
        "otsu_threshold": otsu,
        "part_count": str(max(1, len(parts))),
    }
    if len(parts) < 2:
        box = (0, 0, *image.shape)
        return [Radiograph(image, radiograph.metadata | marks | {"part_index": "1", "part_box": _text(box)})]
    result = []
    for index, (part, box) in enumerate(parts, start=1):
        row = radiograph.metadata | marks | {"part_index": str(index), "part_box": _text(box)}
        row["radiograph_id"] += f"_p{index}"
        result.append(Radiograph(part, row))
    return result


def _by_components(
    image: NDArray[np.uint8], runs: Runs, config: SplitterConfig
) -> list[tuple[NDArray[np.uint8], Box]]:
    found = components(runs)
    large = found.area >= config.min_area_fraction * image.size
    runs, parts = keep_components(runs, found, large), found.kept(large)
    if parts.count < 2:
        return []
    result = []
    for label in _reading_order(parts.box):
        box = _with_margin(parts.box[label], image.shape, config.margin_fraction)
        result.append((crop_without(image, runs, parts, label, box), box))
    return result


def _by_likeness(
    image: NDArray[np.uint8], config: SplitterConfig, seen: Overview
) -> tuple[str, list[tuple[NDArray[np.uint8], Box]]]:
    step = seen.step
    limbs = find_limbs(seen)
    margin = f"{limbs.margin:z.3f}"
    if len(limbs.parts) < 2:
        return margin, []
    shape = image.shape
    boxes = np.array([box_of(mask) for mask in limbs.parts]) * step
    result = []
    for k in _reading_order(boxes):
        row0, col0, row1, col1 = _with_margin(
            boxes[k] + (-step, -step, step, step), shape, config.margin_fraction / 4
        )
        top, left, bottom, right = (edge * step for edge in limbs.panels[k])
        box = (max(row0, top), max(col0, left), min(row1, bottom, shape[0]), min(col1, right, shape[1]))
        part = image[box[0] : box[2], box[1] : box[3]].copy()
        for other, mask in enumerate(limbs.parts):
            if other != k:
                part *= ~_enlarged(mask, box, step)
        result.append((part, box))
    return margin, result


def _enlarged(mask: Mask, box: Box, step: int) -> Mask:
    """Return what a reduced mask covers of a box of the image."""
    top, left = box[0] // step, box[1] // step
    small = mask[top : -(-box[2] // step), left : -(-box[3] // step)]
    wide = small.repeat(step, axis=1)[:, box[1] - left * step : box[3] - left * step]
    return wide.repeat(step, axis=0)[box[0] - top * step : box[2] - top * step]


def _reading_order(boxes: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the order of boxes by their horizontal middle, from left to right; ties from top to bottom."""
    return np.lexsort((boxes[:, 0], boxes[:, 1] + boxes[:, 3]))


def _with_margin(box: NDArray[np.integer], shape: tuple[int, ...], fraction: float) -> Box:
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
