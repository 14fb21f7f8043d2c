"""Each kernel against its peers, on the images that break kernels."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.peers import functions as peer_functions
from bench.peers import table as peers
from fxcore import kernels
from tests.shared_data import FRACATLAS, requires_fracatlas

_RNG = np.random.default_rng(7)


def _checkerboard(rows: int, cols: int) -> np.ndarray:
    return (np.indices((rows, cols)).sum(axis=0) % 2 * 255).astype(np.uint8)


IMAGES: dict[str, np.ndarray] = {
    "no rows": np.zeros((0, 5), np.uint8),
    "no columns": np.zeros((5, 0), np.uint8),
    "one black pixel": np.zeros((1, 1), np.uint8),
    "one white pixel": np.full((1, 1), 255, np.uint8),
    "one row": _RNG.integers(0, 256, (1, 200)).astype(np.uint8),
    "one column": _RNG.integers(0, 256, (200, 1)).astype(np.uint8),
    "all black": np.zeros((33, 70), np.uint8),
    "all white": np.full((65, 64), 255, np.uint8),
    "noise": _RNG.integers(0, 256, (97, 131)).astype(np.uint8),
    "much noise": _RNG.integers(0, 256, (300, 257)).astype(np.uint8),
    "checkerboard": _checkerboard(64, 129),
    "frame": np.pad(np.zeros((60, 100), np.uint8), 3, constant_values=200),
    "half": np.repeat(np.array([[10, 240]], np.uint8), 64, axis=1).repeat(40, axis=0),
    "not contiguous": peer_functions.hand(150, 200)[::-2, 1::3],
    "transposed": peer_functions.hand(90, 210).T,
    "hand": peer_functions.hand(250, 300),
    "tall hand": peer_functions.hand(401, 195, seed=3),
}

CASES = [
    pytest.param(row, peer, image, id=f"{row.name}-{peer}-{name}")
    for row in peers.TABLE
    for peer in row.peers
    for name, image in IMAGES.items()
    if row.needs(image)
]


def _compare(row: peers.Row, peer: str, image: np.ndarray) -> None:
    ours = row.ours(image)
    theirs = row.peers[peer](np.ascontiguousarray(image))
    with peer_functions.opencv_itself():
        row.same(ours(), theirs())


@pytest.mark.parametrize(("row", "peer", "image"), CASES)
def test_parity(row: peers.Row, peer: str, image: np.ndarray) -> None:
    _compare(row, peer, image)


@st.composite
def _images(draw: st.DrawFn) -> np.ndarray:
    rows, cols = draw(st.integers(1, 40)), draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    level = draw(st.sampled_from([0.02, 0.3, 0.7, 0.98]))
    kind = draw(st.sampled_from(["grey", "sparse", "blobs"]))
    if kind == "grey":
        return rng.integers(0, 256, (rows, cols)).astype(np.uint8)
    image = (rng.random((rows, cols)) < level).astype(np.uint8)
    if kind == "blobs":
        image = np.kron(image, np.ones((5, 7), np.uint8))
    return image * 200 + rng.integers(0, 3, image.shape).astype(np.uint8)


@settings(max_examples=40, deadline=None)
@given(image=_images())
def test_parity_on_drawn_images(image: np.ndarray) -> None:
    for row in peers.TABLE:
        if row.needs(image):
            for peer in row.peers:
                _compare(row, peer, image)


@pytest.mark.parametrize("row", [row for row in peers.TABLE if row.rough], ids=lambda row: row.name)
def test_rough_peers_do_the_same_work(row: peers.Row) -> None:
    image = peer_functions.hand(250, 300)
    for set_up in row.rough.values():
        ours, theirs = row.ours(image)(), set_up(image)()
        if isinstance(ours, kernels.Runs):
            assert ((kernels.runs_to_mask(ours) > 0) != theirs).mean() < 0.01
        elif isinstance(ours, int):
            assert abs(ours - theirs) <= 1
        elif isinstance(ours, np.ndarray):
            assert ours.shape == theirs.shape
            assert np.abs(ours.astype(int) - theirs.astype(int)).mean() < 0.5
        else:
            # An axis: the same limb, the same direction to a tenth of a degree.
            np.testing.assert_allclose(ours[:2], theirs[:2], atol=0.5)
            assert abs((ours[2] - theirs[2] + 90) % 180 - 90) < 0.1


def test_the_table_covers_every_kernel_that_has_a_peer() -> None:
    without_peer = {
        "AcrossAxis", "Components", "Moments", "PrincipalAxis", "Runs", "crop_without", "keep_components",
        "warm",
        # Held against plain NumPy and geometry in test_kernels_decisions.py.
        "above_plane", "across_axis", "across_line", "at_border", "block_means", "correlation",
        "local_structure", "masked_levels", "medial_slope", "moments", "short_strokes", "straight_edges",
        "weighted_median",
        # Held against other decoders in test_dicom_codecs.py.
        "decode_code_blocks", "jpeg_ls_scan", "lossless_jpeg_scan", "unpack_planes",
    }  # fmt: skip
    named = {row.name.split()[0] for row in peers.TABLE}
    assert set(kernels.__all__) - without_peer <= named


def test_docstring_examples() -> None:
    examples = 0
    for module in pkgutil.iter_modules(kernels.__path__):
        found = doctest.testmod(importlib.import_module(f"fxcore.kernels.{module.name}"))
        assert found.failed == 0
        examples += found.attempted
    assert examples > 15


@requires_fracatlas
def test_parity_on_real_radiographs() -> None:
    files = sorted(FRACATLAS.rglob("*.jpg"))
    compared = 0
    for file in files[:: max(1, len(files) // 6)]:
        image = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_GRAYSCALE)
        if image is None:
            continue  # a few files of that collection are cut short; reading them is not tested here
        compared += 1
        for row in peers.TABLE:
            for peer in (name for name in row.peers if name.startswith("OpenCV")):
                _compare(row, peer, image[:1500, :1500])
    assert compared >= 3
