"""Contact sheets: radiographs before the steps, and beside each what became of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fxcore.arguments import check_whole
from fxcore.dataset.assemble import read_finished_provenance
from fxcore.dataset.layout import Layout
from fxcore.dataset.png import SIGNATURE, encode_png
from fxcore.dataset.studies import read_named
from fxcore.dataset.tables import read_csv, write_atomically
from fxcore.errors import DataSetError, ParameterError
from fxcore.places import resolved

_TILE = 160
_GAP = 6
_PAPER = 96
_PAIRS_A_ROW = 5


def contact_sheet(before: Path, after: Path, out: Path, *, count: int = 20) -> None:
    """Draw `count` radiographs of `before`, spread evenly over the data set, each followed by its results.

    Parameters
    ----------
    before, after : Path
        A data set, and the same after preprocessing. Radiographs that the part filter dropped are not drawn.
    out : Path
        PNG file to write, outside both; one that is there is replaced, no other file is.
    count : int
        How many radiographs of `before`.

    Raises
    ------
    DataSetError
        If either is not a data set or they have no radiograph in common.
    ParameterError
        If `out` cannot be written there, is not called PNG, or would take the place of another file; or if
        `after` is `before`, or was not preprocessed.
    """
    check_whole("count", count, 1)
    before, after, out = Path(before), Path(after), Path(out)
    first, second = Layout(before), Layout(after)
    _, of_second = (read_finished_provenance(layout) for layout in (first, second))
    if resolved(before) == resolved(after):
        raise ParameterError(f"{before} is named twice; name the data set before the steps, then after them")
    if "steps" not in of_second["config"]:
        raise ParameterError(
            f"{after} was not preprocessed; name the data set before the steps first, then the one after them"
        )
    _check_place(out, before, after)
    results: dict[str, list[dict[str, str]]] = {}
    for row in read_csv(second.metadata):
        part = f"_p{row.get('part_index')}" if row.get("part_count", "1") not in ("", "1") else ""
        results.setdefault(row.get("radiograph_id", "").removesuffix(part), []).append(row)
    rows = [row for row in read_csv(first.metadata) if row.get("radiograph_id") in results]
    if not rows:
        raise DataSetError(f"{after} holds nothing that was made from a radiograph of {before}")
    chosen = [
        rows[i] for i in np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    ]
    groups = []
    for row in chosen:
        tiles = [_tile(read_named(first, row.get("label", ""), row).image)]
        made = sorted(results[row["radiograph_id"]], key=lambda result: result["radiograph_id"])[:3]
        tiles.extend(_tile(read_named(second, result.get("label", ""), result).image) for result in made)
        groups.append(np.concatenate(tiles, axis=1))
    write_atomically(out, encode_png(_page(groups)))


def _check_place(out: Path, *datasets: Path) -> None:
    place = resolved(out)
    if place.suffix.lower() != ".png":
        raise ParameterError(f"the contact sheet {out} is a PNG file; give it a name that ends in .png")
    if not place.parent.is_dir():
        raise ParameterError(f"there is no folder {place.parent} for the contact sheet; make it first")
    for root in datasets:
        if place.is_relative_to(resolved(root)):
            raise ParameterError(f"the contact sheet {out} must lie outside the data set {root}")
    if place.exists():
        with place.open("rb") as file:
            head = file.read(len(SIGNATURE))
        if head not in (b"", SIGNATURE):
            raise ParameterError(
                f"{out} exists and is not a PNG file, so it is not overwritten; name another"
            )


def _page(groups: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Lay groups of tiles out in lines of the width of `_PAIRS_A_ROW` pairs."""
    width = _PAIRS_A_ROW * (2 * _TILE + _GAP) + _GAP
    lines: list[list[NDArray[np.uint8]]] = [[]]
    used = _GAP
    for group in groups:
        if lines[-1] and used + group.shape[1] + _GAP > width:
            lines.append([])
            used = _GAP
        lines[-1].append(group)
        used += group.shape[1] + _GAP
    page = np.full((len(lines) * (_TILE + _GAP) + _GAP, width), _PAPER, np.uint8)
    for number, line in enumerate(lines):
        row, column = number * (_TILE + _GAP) + _GAP, _GAP
        for group in line:
            page[row : row + _TILE, column : column + group.shape[1]] = group[:, : width - column]
            column += group.shape[1] + _GAP
    return page


def _tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fit an image into a square tile by averaging blocks, on a dark ground that shows its frame."""
    step = max(1, -(-max(image.shape) // (_TILE - 2)))
    rows, columns = (max(1, side // step) for side in image.shape)
    padded = image[: rows * step, : columns * step] if min(image.shape) >= step else image[:rows, :columns]
    blocks = padded.reshape(rows, padded.shape[0] // rows, columns, padded.shape[1] // columns)
    small = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
    tile = np.full((_TILE, _TILE), 48, np.uint8)
    top, left = (_TILE - rows) // 2, (_TILE - columns) // 2
    tile[top : top + rows, left : left + columns] = small
    return tile
