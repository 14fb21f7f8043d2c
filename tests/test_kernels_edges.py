"""What the table of peers cannot say: 16 bits, all PNG filters, layouts of memory, many threads."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.filters

from bench.peers import chains
from bench.peers import functions as peer_functions
from fxcore import kernels
from tests.test_kernels_rotation import bar

_RNG = np.random.default_rng(11)
_NOISE = _RNG.integers(0, 256, (83, 140)).astype(np.uint8)


# --- thresholds and 16 bits ---


@pytest.mark.parametrize(
    "image", [_NOISE, peer_functions.hand(250, 300), bar(20)], ids=["noise", "hand", "bar"]
)
@pytest.mark.parametrize("factor", [1, 16, 257])
def test_otsu_is_that_of_opencv_and_as_good_as_that_of_scikit_image(image: np.ndarray, factor: int) -> None:
    grey = image if factor == 1 else image.astype(np.uint16) * factor
    level = kernels.otsu_threshold(grey)
    assert level == _opencv_otsu(grey)
    # scikit-image sums in float32, so that of levels that are about as good it may take another one.
    other = int(skimage.filters.threshold_otsu(grey))
    assert _between_classes(grey, level) >= _between_classes(grey, other) * (1 - 1e-6)
    assert _between_classes(grey, other) >= _between_classes(grey, level) * (1 - 1e-5)


def _opencv_otsu(image: np.ndarray) -> float:
    with peer_functions.opencv_itself():
        return peer_functions.cv_otsu(image)[0]


def _between_classes(image: np.ndarray, level: int) -> float:
    above = image[image > level].astype(float)
    below = image[image <= level].astype(float)
    return above.size * below.size * (above.mean() - below.mean()) ** 2


def test_otsu_over_many_histograms_is_that_of_opencv() -> None:
    for _ in range(300):
        levels = _RNG.integers(0, 256, _RNG.integers(2, 30))
        image = _RNG.choice(levels, (9, _RNG.integers(1, 60))).astype(np.uint8)
        if image.min() < image.max():
            level = kernels.otsu_threshold(image)
            assert level == _opencv_otsu(image)
            assert level == kernels.otsu_threshold(hist=kernels.histogram(image))


@pytest.mark.parametrize("level", [0, 1, 100, 255, 65535])
def test_one_grey_level_has_no_foreground(level: int) -> None:
    image = np.full((7, 9), level, np.uint8 if level < 256 else np.uint16)
    assert kernels.otsu_threshold(image) == level
    assert len(kernels.runs_from_image(image, level)) == 0


@pytest.mark.parametrize("shape", [(600, 500), (601, 501), (1, 300001), (1, 300007)])
def test_histogram_counted_in_pairs(shape: tuple[int, int]) -> None:
    image = _RNG.integers(0, 256, (shape[0] + 1, shape[1])).astype(np.uint8)
    image[:, : shape[1] // 3] = 0
    image[:, -shape[1] // 3 :] = 77
    for view in (image[:-1], image[1:], image[1:, ::-1]):
        np.testing.assert_array_equal(kernels.histogram(view), np.bincount(view.reshape(-1), minlength=256))


@pytest.mark.parametrize("shape", [(1, 65536), (1, 65537), (300, 700)])
def test_sums_of_the_brightest_image(shape: tuple[int, int]) -> None:
    count = shape[0] * shape[1]
    assert kernels.pixel_sums(np.full(shape, 255, np.uint8)) == (255 * count, 255 * 255 * count)


def test_sixteen_bits() -> None:
    image = _RNG.integers(0, 65536, (70, 131)).astype(np.uint16)
    np.testing.assert_array_equal(kernels.histogram(image), np.bincount(image.reshape(-1), minlength=65536))
    wide = image.astype(object)
    assert kernels.pixel_sums(image) == (wide.sum(), (wide * wide).sum())
    for threshold in (0, 255, 40000, 65535):
        runs = kernels.runs_from_image(image, threshold)
        peer_functions.same_mask(runs, (image > threshold).astype(np.uint8) * 255)


@pytest.mark.parametrize("dtype", ["u1", "i1", "<u2", ">u2", "<i2", ">i2"])
def test_table_of_any_stored_type_and_layout(dtype: str) -> None:
    kind = np.dtype(dtype)
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    values = _RNG.integers(low, high + 1, (3, 20, 31)).astype(kind)
    values.flat[:2] = low, high
    table = _RNG.integers(0, 256, 1 << (8 * kind.itemsize)).astype(np.uint8)
    for view in (values, values[::2, :, ::-3], values.T, values[:0]):
        expected = table[view.astype(np.int64) % table.size]
        np.testing.assert_array_equal(kernels.apply_table(view, table), expected)


# --- components ---


def test_keep_and_crop_follow_the_labels() -> None:
    image = np.maximum(peer_functions.hand(200, 260), 1)
    runs = peer_functions.thresholded(image)
    found = kernels.components(runs)
    assert found.count > 5
    label = peer_functions.as_partition((runs, found))[0]
    keep = np.arange(found.count) % 2 == 0
    peer_functions.same_mask(
        kernels.keep_components(runs, found, keep),
        (np.isin(label, np.flatnonzero(keep) + 1) * 255).astype(np.uint8),
    )
    largest = int(found.area.argmax())
    for box in (tuple(found.box[largest]), (0, 0, 200, 260), (50, 77, 51, 201)):
        row0, col0, row1, col1 = (int(v) for v in box)
        expected = np.where((label == 0) | (label == largest + 1), image, 0)[row0:row1, col0:col1]
        np.testing.assert_array_equal(kernels.crop_without(image, runs, found, largest, box), expected)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_kept_components_are_those_of_what_is_kept(share: float) -> None:
    runs = kernels.runs_from_mask(_NOISE > 200)
    found = kernels.components(runs)
    keep = _RNG.random(found.count) < share
    kept, expected = found.kept(keep), kernels.components(kernels.keep_components(runs, found, keep))
    assert (kept.count, kept.count < found.count) == (expected.count, share < 1)
    for name in ("label", "area", "box"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(expected, name))


def test_spiral_is_one_component() -> None:
    """The worst case of union-find: one component whose parts meet only at the centre."""
    spiral = np.zeros((129, 129), np.uint8)
    row, col, step = 64, 64, (0, 1)
    for length in range(2, 128, 2):
        for _ in range(2):
            for _ in range(length):
                spiral[row, col] = 1
                row, col = row + step[0], col + step[1]
            step = (step[1], -step[0])
    assert kernels.components(kernels.runs_from_mask(spiral)).count == 1
    assert kernels.components(kernels.runs_from_mask(1 - spiral)).count == 1


# --- PNG ---


def _filtered(image: np.ndarray, kinds: np.ndarray) -> bytes:
    """Filter each row straight from the text of the PNG specification, section 9."""
    lines = []
    padded = np.pad(image.astype(int), ((1, 0), (1, 0)))
    for r, kind in enumerate(kinds):
        x, a, b, c = padded[r + 1, 1:], padded[r + 1, :-1], padded[r, 1:], padded[r, :-1]
        p = a + b - c
        pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
        paeth = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
        prediction = (0 * a, a, b, (a + b) // 2, paeth)[kind]
        lines.append(bytes([kind]) + ((x - prediction) % 256).astype(np.uint8).tobytes())
    return b"".join(lines)


@pytest.mark.parametrize("image", [_NOISE, peer_functions.hand(90, 120), _NOISE[:, :1], _NOISE[:1]])
def test_every_png_filter_is_undone(image: np.ndarray) -> None:
    for _ in range(5):
        raw = _filtered(image, _RNG.integers(0, 5, image.shape[0]))
        for given in (raw, bytearray(raw), memoryview(raw), np.frombuffer(raw, np.uint8)):
            np.testing.assert_array_equal(kernels.png_unfilter(given, *image.shape), image)
    np.testing.assert_array_equal(kernels.png_unfilter(peer_functions.numpy_up(image), *image.shape), image)


def test_scanlines_of_another_encoder_are_read() -> None:
    image = peer_functions.hand(120, 170)
    file = cv2.imencode(".png", image)[1].tobytes()
    idat, place = b"", 8
    while place < len(file):
        size, kind = int.from_bytes(file[place : place + 4]), file[place + 4 : place + 8]
        idat += file[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += 12 + size
    np.testing.assert_array_equal(kernels.png_unfilter(zlib.decompress(idat), *image.shape), image)


# --- grey levels ---


def test_corners_in_their_order() -> None:
    means = kernels.corner_means(_NOISE, 10, 20)
    windows = [_NOISE[:10, :20], _NOISE[:10, -20:], _NOISE[-10:, :20], _NOISE[-10:, -20:]]
    np.testing.assert_allclose(means, [w.mean() for w in windows], rtol=1e-14)
    np.testing.assert_allclose(kernels.corner_means(_NOISE, 999, 999), _NOISE.mean())


def test_invert_in_place() -> None:
    image = _NOISE.copy()
    assert kernels.invert(image, out=image) is image
    np.testing.assert_array_equal(image, 255 - _NOISE)


# --- layouts, threads ---


def _layouts(image: np.ndarray) -> dict[str, np.ndarray]:
    """Return views of an image that is not C-contiguous, or not writable, or not aligned."""
    raw = np.frombuffer(b"x" + image.tobytes(), np.uint8)[1:]
    return {
        "read-only": np.frombuffer(image.tobytes(), image.dtype).reshape(image.shape),
        "not aligned": raw.view(image.dtype).reshape(image.shape),
        "upside down": image[::-1],
        "mirrored": image[:, ::-1],
        "strided": image[::2, ::3],
        "transposed": image.T,
        "Fortran order": np.asfortranarray(image),
        "part of a row": image[5:-4, 7:-9],
        "repeated": np.broadcast_to(image[:1], image.shape),
    }


@pytest.mark.parametrize("layout", _layouts(_NOISE))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_layout_of_memory_is_read(layout: str, dtype: type) -> None:
    view = _layouts(_NOISE.astype(dtype) * (1 if dtype == np.uint8 else 200))[layout]
    plain = view.copy(order="C")
    table = _RNG.integers(0, 256, np.iinfo(dtype).max + 1).astype(np.uint8)
    runs = kernels.runs_from_image(plain, 100)
    found = kernels.components(runs)
    box = (1, 2, *plain.shape)
    calls: list[Callable[[np.ndarray], object]] = [
        kernels.histogram,
        kernels.pixel_sums,
        kernels.otsu_threshold,
        kernels.invert,
        lambda image: kernels.runs_from_image(image, 100).start,
        lambda image: kernels.runs_from_mask(image > 100).stop,
        lambda image: kernels.rotate(image, 12.0),
        lambda image: kernels.rotate(image, 90.0),
        lambda image: kernels.rotate(image, 180.0),
        lambda image: kernels.corner_means(image, 4, 5),
        lambda image: kernels.shrink(image.astype(np.uint8, copy=False), 3, 4),
        lambda image: kernels.apply_table(image, table),
        lambda image: kernels.crop_without(image, runs, found, 0, box),
    ]
    for call in calls:
        np.testing.assert_array_equal(call(view), call(plain))


@pytest.mark.parametrize("layout", _layouts(_NOISE))
def test_scanlines_in_any_layout_of_memory(layout: str) -> None:
    view = _layouts(_NOISE // 64)[layout]  # so small that the first column names filters there are
    plain = view.copy(order="C")
    np.testing.assert_array_equal(kernels.png_deflate(view)[0], kernels.png_deflate(plain)[0])
    rows, cols = view.shape
    np.testing.assert_array_equal(
        kernels.png_unfilter(view, rows, cols - 1), kernels.png_unfilter(plain, rows, cols - 1)
    )


def test_inversion_of_sixteen_bits_and_into_a_strided_array() -> None:
    image = _RNG.integers(0, 65536, (30, 41)).astype(np.uint16)
    np.testing.assert_array_equal(kernels.invert(image), 65535 - image)
    out = np.zeros((60, 41), np.uint16)
    kernels.invert(image, out=out[::2])
    np.testing.assert_array_equal(out[::2], 65535 - image)
    assert not out[1::2].any()


def test_runs_made_by_hand_are_those_of_the_kernels() -> None:
    runs = kernels.runs_from_mask(_NOISE > 200)
    made = kernels.Runs.checked(runs.shape, *(a.tolist() for a in (runs.row_start, runs.start, runs.stop)))
    peer_functions.same_mask(made, (_NOISE > 200).astype(np.uint8) * 255)
    assert len(kernels.Runs.checked((3, 0), [0, 0, 0, 0], [], [])) == 0


def test_keeping_everything_keeps_the_runs() -> None:
    runs = kernels.runs_from_mask(_NOISE > 100)
    found = kernels.components(runs)
    assert kernels.keep_components(runs, found, np.ones(found.count, bool)) is runs


def test_threads_do_not_disturb_each_other() -> None:
    images = [peer_functions.hand(160, 200, seed=seed) for seed in range(8)]

    def work(image: np.ndarray) -> tuple[bytes, object]:
        return kernels.rotate(image, 9.0).tobytes(), chains.our_alignment(image)()

    alone = [work(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, images * 4)) == alone * 4
