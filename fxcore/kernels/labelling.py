"""Connected components of a mask, on its runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fxcore.errors import ParameterError
from fxcore.kernels._check import MOST_PIXELS, as_image, as_integer, as_plain, as_sequence
from fxcore.kernels._jit import kernel
from fxcore.kernels.runs import Runs, as_runs
from fxcore.kernels.scanning import scan


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The 8-connected components of a mask, numbered from 0 in raster order of their first pixels.

    Attributes
    ----------
    count : int
        Number of components.
    label : numpy.ndarray
        ``int32``, shape ``(runs,)``: the component of each run.
    area : numpy.ndarray
        ``int64``, shape ``(count,)``: pixels.
    box : numpy.ndarray
        ``int32``, shape ``(count, 4)``: first row, first column, row after the last, column after the
        last.
    """

    count: int
    label: NDArray[np.int32]
    area: NDArray[np.int64]
    box: NDArray[np.int32]

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other."""
        shapes = ((self.label.size,), (self.count,), (self.count, 4))
        arrays: tuple[NDArray[Any], ...] = (self.label, self.area, self.box)
        for name, array, shape in zip(("label", "area", "box"), arrays, shapes, strict=True):
            dtype = np.int64 if name == "area" else np.int32
            if array.dtype != dtype or array.shape != shape or not array.flags.c_contiguous:
                raise ParameterError(
                    f"{name} of {self.count} components must be C-contiguous {np.dtype(dtype).name} of shape "
                    f"{shape}, not {array.dtype} of shape {array.shape}"
                )

    def kept(self, keep: NDArray[np.bool_]) -> Components:
        """Return the components of `keep_components`: those that are kept, numbered anew.

        What is dropped touches nothing that stays, so that nothing has to be looked for again.

        Raises
        ------
        ParameterError
            If `keep` is not ``bool`` of shape ``(count,)``.

        Examples
        --------
        >>> from fxcore.kernels import runs_from_mask
        >>> found = components(runs_from_mask(np.array([[1, 0, 1, 1, 1]], np.uint8)))
        >>> large = found.kept(found.area > 1)
        >>> large.count, large.label.tolist(), large.area.tolist()
        (1, [0], [3])
        """
        flags = _as_flags(keep, self)
        if flags.all():
            return self
        _check_labels(self)
        area = self.area[flags]
        return Components(area.size, _renumber(self.label, flags), area, self.box[flags])


def components(runs: Runs) -> Components:
    """Find the 8-connected components of a mask: two runs of adjacent rows touch, corners included.

    Union-find over runs; the smaller run number is always the root, so that one forward pass gives
    the final labels. Cost: three passes over the runs, none over pixels.

    References
    ----------
    He, Chao, Suzuki, "A run-based two-scan labeling algorithm", IEEE Transactions on Image
    Processing 17(5), 2008.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> found = components(runs_from_mask(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]], np.uint8)))
    >>> found.area.tolist(), found.box.tolist()
    ([2, 1], [[0, 0, 2, 2], [3, 0, 4, 1]])
    """
    as_runs(runs)
    label, area, box = _label(runs.row_start, runs.start, runs.stop)
    return Components(area.size, label, area, box)


def keep_components(runs: Runs, found: Components, keep: NDArray[np.bool_]) -> Runs:
    """Return the runs of those components for which `keep` is true: `runs` itself where that is all.

    `Components.kept` numbers the components of these runs.

    Cost: two passes over the runs.

    Parameters
    ----------
    runs : Runs
    found : Components
        Of these runs.
    keep : numpy.ndarray
        ``bool``, shape ``(found.count,)``.

    Raises
    ------
    ParameterError
        If `found` or `keep` do not fit `runs`.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_mask
    >>> runs = runs_from_mask(np.array([[1, 0, 1, 1, 1]], np.uint8))
    >>> found = components(runs)
    >>> large = keep_components(runs, found, found.area > 1)
    >>> large.start.tolist(), large.stop.tolist()
    ([2], [5])
    """
    _check_fit(runs, found)
    flags = _as_flags(keep, found)
    if flags.all():
        return runs
    row_start, start, stop = _keep(runs.row_start, runs.start, runs.stop, found.label, flags)
    return Runs(runs.shape, row_start, start, stop)


def at_border(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """Return those components of a mask that reach the image's border.

    Cost: one pass over the mask, three over its runs, and the result is written.

    Parameters
    ----------
    mask : numpy.ndarray
        ``uint8`` or ``bool``, shape ``(rows, columns)``; foreground is what is not 0.

    Returns
    -------
    numpy.ndarray
        ``bool``, the same shape.

    Raises
    ------
    ParameterError
        For another shape or type.

    Examples
    --------
    >>> mask = np.zeros((3, 4), bool)
    >>> mask[1, 1] = mask[1, 3] = True
    >>> np.argwhere(at_border(mask)).tolist()
    [[1, 3]]
    """
    return _at_border(as_image(mask, np.uint8, np.bool_, name="mask").view(np.uint8))


def crop_without(
    image: NDArray[Any],
    runs: Runs,
    found: Components,
    keep_label: int,
    box: tuple[int, int, int, int] | NDArray[np.int32],
) -> NDArray[Any]:
    """Cut a box out of an image, with the pixels of every other component black.

    Cost: a copy of the box, and the runs in its rows.

    Parameters
    ----------
    image : numpy.ndarray
        ``uint8`` or ``uint16``, shape ``runs.shape``.
    runs : Runs
    found : Components
        Of these runs.
    keep_label : int
        The component that stays; the background stays too.
    box : sequence of 4 int
        First row, first column, row after the last, column after the last, within the image.

    Returns
    -------
    numpy.ndarray
        The type of `image`, the size of the box, freshly allocated.

    Raises
    ------
    ParameterError
        If the arguments do not fit each other, or the box is empty or reaches outside the image.

    Examples
    --------
    >>> from fxcore.kernels import runs_from_image
    >>> image = np.array([[9, 1, 8, 8], [9, 1, 1, 8]], np.uint8)
    >>> runs = runs_from_image(image, threshold=5)
    >>> crop_without(image, runs, components(runs), keep_label=1, box=(0, 0, 2, 4))
    array([[0, 1, 8, 8],
           [0, 1, 1, 8]], dtype=uint8)
    """
    pixels = as_image(image, np.uint8, np.uint16)
    _check_fit(runs, found)
    if pixels.shape != runs.shape:
        raise ParameterError(f"image has shape {pixels.shape}, its runs {runs.shape}")
    label = as_integer(keep_label, 0, found.count - 1, "keep_label")
    sides = as_sequence(box, 4, "box")
    row0, col0, row1, col1 = (as_integer(v, -MOST_PIXELS, MOST_PIXELS, "each value of box") for v in sides)
    rows, cols = runs.shape
    if not (0 <= row0 < row1 <= rows and 0 <= col0 < col1 <= cols):
        raise ParameterError(
            f"box {(row0, col0, row1, col1)} is empty or outside an image of {rows} × {cols}"
        )
    part = pixels[row0:row1, col0:col1].copy()
    _blacken(part, runs.row_start, runs.start, runs.stop, found.label, label, row0, col0)
    return part


def _as_flags(keep: NDArray[np.bool_], found: Components) -> NDArray[np.bool_]:
    flags = np.require(as_plain(np.asanyarray(keep), "keep"), requirements=("C", "A", "W"))
    if flags.dtype != np.bool_ or flags.shape != (found.count,):
        raise ParameterError(
            f"keep must be bool of shape ({found.count},), not {flags.dtype} of shape {flags.shape}"
        )
    return flags


def _check_fit(runs: Runs, found: Components) -> None:
    if found.label.size != len(as_runs(runs)):
        raise ParameterError(f"the components are of {found.label.size} runs, the mask has {len(runs)}")
    _check_labels(found)


def _check_labels(found: Components) -> None:
    # Unsigned, a label below 0 is a large one: one look tells both.
    if found.label.size and int(found.label.view(np.uint32).max()) >= found.count:
        raise ParameterError(f"a label is not in 0..{found.count - 1}: these are no components of the mask")


@kernel
def _root(parent, i):
    """Find the root of run `i`, halving the path to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def _label(row_start, start, stop):
    """Return label (runs,), area (count,) and box (count, 4)."""
    n = start.size
    rows = row_start.size - 1
    parent = np.empty(n, np.int32)
    for r in range(rows):
        above = row_start[max(r - 1, 0)]
        above_end = row_start[r]
        for here in range(row_start[r], row_start[r + 1]):
            root = here
            while above < above_end and stop[above] < start[here]:
                above += 1
            while above < above_end and start[above] <= stop[here]:
                other = _root(parent, above)
                if other < root:
                    if root != here:
                        parent[root] = other
                    root = other
                elif other > root:
                    parent[other] = root
                if stop[above] > stop[here]:
                    break  # it may touch the next run of this row as well
                above += 1
            parent[here] = root
    count = 0
    for i in range(n):
        count += parent[i] == i
    area = np.zeros(count, np.int64)
    box = np.empty((count, 4), np.int32)
    # A root comes before all runs below it: going forward, what a run's parent holds is a label already.
    label = parent
    k = -1
    for r in range(rows):
        for i in range(row_start[r], row_start[r + 1]):
            if parent[i] == i:
                k += 1
                label[i] = k
                area[k] = stop[i] - start[i]
                box[k, 0] = r
                box[k, 1] = start[i]
                box[k, 2] = r + 1
                box[k, 3] = stop[i]
            else:
                own = label[parent[i]]
                label[i] = own
                area[own] += stop[i] - start[i]
                box[own, 1] = min(box[own, 1], start[i])
                box[own, 2] = r + 1
                box[own, 3] = max(box[own, 3], stop[i])
    return label, area, box


@kernel
def _at_border(mask):
    rows, cols = mask.shape
    row_start, start, stop = scan(mask, np.uint8(0))
    label, _, box = _label(row_start, start, stop)
    out = np.zeros((rows, cols), np.bool_)
    for r in range(rows):
        row = out[r]
        for i in range(row_start[r], row_start[r + 1]):
            top, left, bottom, right = box[label[i]]
            if top == 0 or left == 0 or bottom == rows or right == cols:
                for c in range(start[i], stop[i]):
                    row[c] = True
    return out


@kernel
def _keep(row_start, start, stop, label, keep):
    """Return row_start, start and stop of the runs whose component is kept."""
    rows = row_start.size - 1
    new_row_start = np.empty(rows + 1, np.int32)
    new_start = np.empty_like(start)
    new_stop = np.empty_like(stop)
    n = 0
    for r in range(rows):
        new_row_start[r] = n
        for i in range(row_start[r], row_start[r + 1]):
            # What is not kept is written over by the next: cheaper than a branch nobody can foresee.
            new_start[n] = start[i]
            new_stop[n] = stop[i]
            n += keep[label[i]]
    new_row_start[rows] = n
    return new_row_start, new_start[:n].copy(), new_stop[:n].copy()


@kernel
def _renumber(label, keep):
    """Return the labels of the runs whose component is kept, numbered without gaps."""
    number = np.empty(keep.size, np.int32)
    kept = 0
    for k in range(keep.size):
        number[k] = kept
        kept += keep[k]
    renumbered = np.empty_like(label)
    n = 0
    for i in range(label.size):
        renumbered[n] = number[label[i]]
        n += keep[label[i]]
    return renumbered[:n].copy()


@kernel
def _blacken(part, row_start, start, stop, label, keep_label, row0, col0):
    """Set to 0 what other components cover of `part`, which begins at (row0, col0) of the mask."""
    rows, cols = part.shape
    for r in range(rows):
        row = part[r]
        for i in range(row_start[row0 + r], row_start[row0 + r + 1]):
            if label[i] != keep_label:
                for c in range(max(start[i] - col0, 0), min(stop[i] - col0, cols)):
                    row[c] = 0
