"""The steps: right on drawn limbs, and each of them idempotent, byte for byte, on anything."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from fxcore.errors import ParameterError
from fxcore.kernels import rotate
from fxcore.steps import Pipeline
from fxcore.steps.alignment import align_rotation
from fxcore.steps.config import AlignmentConfig, InversionConfig, PartFilterConfig, SplitterConfig
from fxcore.steps.field import bright_frame, dilated
from fxcore.steps.foreground import Foreground, foreground
from fxcore.steps.inversion import correct_inversion
from fxcore.steps.overview import Overview
from fxcore.steps.part_filter import filter_parts
from fxcore.steps.pieces import find_pieces
from fxcore.steps.pipeline import decisions, run_steps
from fxcore.steps.splitter import split_parts
from fxcore.steps.veil import without_veil
from fxcore.study import Radiograph, Study


def study(*images: np.ndarray, **columns: str) -> Study:
    row = {"study_id": "s", "source_id": "f", "label": "broken", "BodyPartExamined": "WRIST", **columns}
    return Study(
        "s",
        "broken",
        [Radiograph(image, {"radiograph_id": f"r{i}", **row}) for i, image in enumerate(images)],
    )


def hand(rows: int = 300, columns: int = 220) -> np.ndarray:
    """A drawn hand: forearm out of the lower border, palm, four fingers and a thumb."""
    image = np.zeros((rows, columns), np.uint8)
    middle = columns // 2
    cv2.rectangle(image, (middle - 25, 190), (middle + 25, rows), 150, -1)
    cv2.ellipse(image, (middle, 160), (38, 45), 0, 0, 360, 160, -1)
    for i, tip in enumerate((60, 40, 45, 65)):
        cv2.line(image, (middle - 27 + 18 * i, 140), (middle - 45 + 30 * i, tip), 170, 11)
    cv2.line(image, (middle + 30, 165), (middle + 70, 120), 170, 12)
    return image


noise = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=48))
blobs = st.builds(
    lambda boxes, level: _draw(boxes, level),
    st.lists(
        st.tuples(st.integers(0, 70), st.integers(0, 70), st.integers(2, 40), st.integers(2, 40)), max_size=5
    ),
    st.integers(0, 255),
)


def _draw(boxes: list[tuple[int, int, int, int]], level: int) -> np.ndarray:
    image = np.full((90, 80), level, np.uint8)
    for row, column, height, width in boxes:
        image[row : row + height, column : column + width] = 255 - level // 2
    return image


@given(image=st.one_of(noise, blobs))
def test_the_pipeline_is_idempotent_on_any_image(image):
    once, rejects = run_steps(study(image), Pipeline())
    assert rejects == []
    twice, rejects = run_steps(once, Pipeline())
    assert rejects == []
    assert [r.metadata for r in twice.radiographs] == [r.metadata for r in once.radiographs]
    for first, second in zip(once.radiographs, twice.radiographs, strict=True):
        assert first.image.tobytes() == second.image.tobytes()
        assert first.image.dtype == np.uint8
        assert first.image.flags.c_contiguous
    assert [list(r.metadata) for r in once.radiographs] == [list(once.radiographs[0].metadata)] * len(
        once.radiographs
    )


def test_a_bright_background_is_inverted_and_said():
    result = correct_inversion(study(255 - hand(), hand()), InversionConfig()).radiographs
    np.testing.assert_array_equal(result[0].image, hand())
    np.testing.assert_array_equal(result[1].image, hand())
    assert [r.metadata["inverted"] for r in result] == ["1", "0"]


def washed_out_arm() -> np.ndarray:
    """Draw an arm that a narrow window shows white from side to side, in air with noise."""
    rows, columns = np.mgrid[:600, :440]
    across = (columns - 220 - 20 * np.sin(rows / 200)) / 90
    tissue = np.sqrt(np.clip(1 - across**2, 0, None))
    air = np.random.default_rng(0).normal(14, 12, tissue.shape)
    return np.clip(air + 400 * tissue, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("told", [True, False])
def test_a_limb_without_structure_is_told_by_its_skin_line(told, monkeypatch):
    if not told:
        monkeypatch.setattr("fxcore.steps.inversion._clipped_limb", lambda grey: 0.0)
    pictures = washed_out_arm(), 255 - washed_out_arm()
    result = correct_inversion(study(*pictures), InversionConfig()).radiographs
    # By structure it would be the other way round: all there is of it is the air's noise.
    assert [r.metadata["inverted"] for r in result] == (["0", "1"] if told else ["1", "0"])
    margins = [float(r.metadata["inversion_margin"]) for r in result]
    assert margins[0] == -margins[1]


def test_a_chest_keeps_its_colour_where_it_is_known_to_be_one():
    for part, inverted in (("chest", "0"), ("hand", "1"), ("", "1")):
        row = (
            correct_inversion(study(255 - hand(), body_part=part), InversionConfig()).radiographs[0].metadata
        )
        assert (row["inverted"], row["inversion_method"]) == (
            inverted,
            "texture" if inverted == "1" else "as_stored",
        )


def test_parts_left_as_stored_may_be_ones_own_but_must_be_known():
    filtered = PartFilterConfig(terms={"plate": ("Platte",)})
    for step, config in (("inversion", InversionConfig), ("alignment", AlignmentConfig)):
        Pipeline(filtered, **{step: config(as_stored=("plate", "spine"))})
        with pytest.raises(ParameterError, match=rf"{step}\.as_stored: unknown body part 'chesst'; .*plate"):
            Pipeline(filtered, **{step: config(as_stored=("chesst",))})


def test_the_whole_body_left_as_stored_is_all_that_a_label_names():
    for part, stored in (("hand", True), ("", False)):
        given = study(rotate(hand(), 90), body_part=part)
        coloured = correct_inversion(given, InversionConfig(as_stored=("whole body",))).radiographs[0]
        turned = align_rotation(given, AlignmentConfig(as_stored=("whole body",))).radiographs[0]
        assert (coloured.metadata["inversion_method"] == "as_stored") == stored
        assert (turned.metadata["alignment"] == "as_stored") == stored


@pytest.mark.parametrize(
    "picture", [hand, lambda: 255 - hand(), lambda: np.hstack([hand(), 255 - hand()[:, ::-1]])]
)
def test_steps_that_run_alone_decide_as_in_the_pipeline(picture):
    """Together they look at an image once, and at its negative not at all."""
    together = run_steps(study(picture()), Pipeline())[0]
    alone = filter_parts(study(picture()), PartFilterConfig())[0]
    alone = correct_inversion(alone, InversionConfig())
    alone = align_rotation(split_parts(alone, SplitterConfig()), AlignmentConfig())
    for one, other in zip(together.radiographs, alone.radiographs, strict=True):
        assert one.metadata == other.metadata
        np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize(("corner", "inverted"), [(99, "0"), (100, "1")])
def test_the_corner_threshold_is_that_of_the_paper(corner, inverted):
    image = np.full((100, 100), corner, np.uint8)
    image[30:70, 30:70] = 200
    config = InversionConfig(method="corners")
    assert correct_inversion(study(image), config).radiographs[0].metadata["inverted"] == inverted


def test_two_hands_become_two_radiographs_from_left_to_right_without_the_marker():
    left, right = hand(), 255 - np.flipud(255 - hand())
    image = np.concatenate([left, np.zeros((300, 20), np.uint8), right], axis=1)
    image[5:17, 225:237] = 255
    parts = split_parts(study(image), SplitterConfig()).radiographs
    assert [p.metadata["radiograph_id"] for p in parts] == ["r0_p1", "r0_p2"]
    assert [(p.metadata["part_index"], p.metadata["part_count"]) for p in parts] == [("1", "2"), ("2", "2")]
    for part, whole in zip(parts, (left, right), strict=True):
        assert part.image.sum() == whole.sum()
        row0, col0, row1, col1 = map(int, part.metadata["part_box"].split())
        assert part.image.shape == (row1 - row0, col1 - col0)
    assert decisions(parts[0].metadata) == ["split"]
    assert decisions(parts[1].metadata) == []


def test_one_hand_stays_whole():
    result = split_parts(study(hand()), SplitterConfig()).radiographs
    assert len(result) == 1
    np.testing.assert_array_equal(result[0].image, hand())
    assert result[0].metadata["part_box"] == "0 0 300 220"


def behind_a_shutter(shape: str) -> np.ndarray:
    """The drawn hand on light air of one level, in a black shutter that no straight frame is."""
    light = (170 + hand() * (80 / 255)).astype(np.uint8)
    rows, columns = light.shape
    inside = np.zeros_like(light)
    if shape == "round":
        cv2.circle(inside, (columns // 2, rows // 2), 145, 1, -1)
    else:
        inside[:] = 1
        for corner in ((0, 0), (columns, 0), (0, rows), (columns, rows)):
            cv2.fillPoly(inside, [np.array([corner, (corner[0], rows // 2), (columns // 2, corner[1])])], 0)
        inside[:, columns // 4 : 3 * columns // 4] = 1
    return light * inside


@pytest.mark.parametrize("shape", ["round", "corners"])
def test_a_shutter_of_any_shape_is_neither_air_nor_limb(shape):
    image = behind_a_shutter(shape)
    for picture, inverted in ((image, "0"), (255 - image, "1")):
        row = correct_inversion(study(picture), InversionConfig()).radiographs[0].metadata
        assert row["inverted"] == inverted
    assert len(split_parts(study(image), SplitterConfig()).radiographs) == 1
    turned_by = float(
        align_rotation(study(image), AlignmentConfig()).radiographs[0].metadata["rotation_degrees"]
    )
    assert abs(turned_by) < 6


def test_a_shutter_on_a_slope_of_grey_levels_is_known_by_its_edges():
    picture = np.zeros((300, 220))
    picture[20:-20, 20:-20] = np.maximum(80, hand())[20:-20, 20:-20]
    image = (picture * 0.7 + np.linspace(0, 40, 220)).astype(np.uint8)
    row = align_rotation(study(image), AlignmentConfig()).radiographs[0].metadata
    assert row["alignment"] == "upright"


def veiled(image: np.ndarray, share: float, width: float) -> np.ndarray:
    """Lay so much of an image's own blur, with some noise, over what is left of it."""
    levels = image.astype(np.float32)
    blur = cv2.GaussianBlur(levels, (0, 0), width * max(image.shape), borderType=cv2.BORDER_REPLICATE)
    grain = np.random.default_rng(0).normal(0, 1, image.shape)
    return np.clip((1 - share) * levels + share * blur + grain + 4, 0, 255).astype(np.float32)


@pytest.mark.parametrize("width", [1 / 5, 1 / 8, 1 / 12])
@pytest.mark.parametrize("shutter", [False, True])
def test_a_veil_of_scatter_is_taken_away(width, shutter):
    image = hand().astype(np.float32) + 40
    if shutter:
        image[:25] = image[-25:] = image[:, :20] = image[:, -20:] = 0
    field = np.ones(image.shape, np.bool_)
    assert without_veil(image, field) is None
    before = veiled(image, 0.5, width)
    after = without_veil(before, field)
    assert after is not None
    # Air well within the field: of one level again, but for the noise.
    air = (image == 40) & ~dilated(image != 40, 4)
    spread = [np.subtract(*np.quantile(levels[air], (0.95, 0.05))) for levels in (image, before, after)]
    assert spread[0] == 0
    assert spread[2] < 0.5 * spread[1]


@given(noise | blobs, st.floats(0, 1), st.floats(0.02, 0.3), st.integers(0, 60))
def test_no_image_is_too_odd_to_be_looked_at_for_a_veil(image, share, width, cut):
    levels = veiled(image, share, width)
    field = np.ones(image.shape, np.bool_)
    field[cut : cut + 20, cut // 2 :] = False
    found = without_veil(levels, field)
    assert found is None or (found.shape == image.shape and np.isfinite(found).all())


@pytest.mark.parametrize("shutter", ["round", "corners"])
def test_a_shutter_drawn_over_a_veil_is_no_part_of_the_field(shutter):
    levels = veiled(hand(), 0.4, 1 / 5) + 10
    within = behind_a_shutter(shutter) > 0
    image = np.where(within, levels, 0).astype(np.float32)
    seen = Overview(image)
    assert without_veil(image, foreground(image, seen.frame.mask).field) is not None
    assert np.count_nonzero(seen.ground.field & ~within) < 0.05 * np.count_nonzero(~within)


def noisy(image: np.ndarray, deviation: float) -> np.ndarray:
    return (image + np.random.default_rng(0).normal(0, deviation, image.shape)).astype(np.float32)


def test_a_shutter_behind_another_is_no_part_of_the_field():
    image = behind_a_shutter("round").astype(np.float32)
    within = image > 0
    lead = np.ones_like(within)
    lead[30:270, 30:190] = False
    image[lead & within] = 150
    ground = Overview(np.where(within, noisy(image, 0.5), 0).astype(np.float32)).ground
    assert np.count_nonzero(ground.field & lead) < 0.05 * np.count_nonzero(lead)
    assert ground.field[~lead & within].mean() > 0.9


def test_a_shutter_that_has_the_noise_of_the_air_is_no_part_of_the_field():
    image = np.full((300, 220), 40, np.float32)
    image += hand() * np.float32(0.5)
    lead = np.ones(image.shape, np.bool_)
    lead[25:, 20:200] = False
    image[lead] = 20
    ground = Overview(noisy(image, 6)).ground
    assert ground.field[lead].mean() < 0.1
    assert ground.soft[~lead & (hand() == 0)].mean() < 0.05


def test_a_limb_under_a_veil_has_its_axis():
    for degrees in (-35, 0, 20):
        image = veiled(rotate(hand(), degrees), 0.55, 1 / 8).astype(np.uint8)
        row = align_rotation(study(image), AlignmentConfig()).radiographs[0].metadata
        assert row["alignment"] != "no_clear_axis"
        assert abs(float(row["rotation_degrees"]) + degrees) < 3


def test_a_bright_border_that_a_tilted_collimator_does_not_cover_is_no_field():
    rng = np.random.default_rng(0)
    image = cv2.resize(hand(), (220, 250)).astype(np.float32) + 20
    image += rng.normal(0, 2, image.shape).astype(np.float32)
    border = 228
    image[border:] = np.clip(rng.normal(232, 6, image[border:].shape), 0, 250)
    rows, columns = np.indices(image.shape) - np.array([125, 110])[:, None, None]
    tilt = np.radians(4)
    across = columns * np.cos(tilt) + rows * np.sin(tilt)
    down = rows * np.cos(tilt) - columns * np.sin(tilt)
    image[(abs(across) > 102) | (abs(down) > 113)] = 255
    frame = bright_frame(image).mask
    assert frame[border + 3 :].all()
    assert not frame[30:200, 60:160].any()


def test_a_glow_along_a_frame_is_no_part():
    """The frame's edge is the border of what is exposed, as the image's is without a frame."""
    relief = np.zeros((120, 100), np.float32)
    relief[:, 30:50] = relief[5:115, 80:92] = 100
    field = np.ones(relief.shape, np.bool_)
    for last, count in ((100, 2), (92, 1)):
        field[:, last:] = False
        ground = Foreground(relief, field, relief > 20, relief > 50, clear=9.0)
        assert len(find_pieces(ground)) == count


@pytest.mark.parametrize("degrees", range(-175, 181, 25))
@pytest.mark.parametrize("method", ["medial", "pca"])
def test_a_hand_ends_upright_with_the_fingers_on_top_whatever_its_rotation(degrees, method):
    """The drawn thumb pulls either axis by two degrees."""
    config = AlignmentConfig(method=method)
    result = align_rotation(study(rotate(hand(), degrees)), config).radiographs[0]
    assert result.metadata["alignment_method"] == method
    left = float(result.metadata["rotation_degrees"]) + degrees
    assert abs((left + 180) % 360 - 180) < 2.5
    assert float(result.metadata["distal_margin"]) != 0
    assert int(result.image.astype(np.int64).sum()) == pytest.approx(
        int(hand().astype(np.int64).sum()), rel=0.01
    )


@pytest.mark.parametrize("degrees", [-40, 35, 50])
def test_a_limb_that_crosses_a_corner_of_the_field_has_the_axis_of_its_sides(degrees):
    rows, columns = np.mgrid[:400, :300].astype(np.float64)
    across = (columns - 130) * np.cos(np.radians(degrees)) + (rows - 215) * np.sin(np.radians(degrees))
    limb = np.where(abs(across) < 90, 150, 20).astype(np.uint8)
    row = align_rotation(study(limb), AlignmentConfig(fingers_up=False)).radiographs[0].metadata
    assert float(row["rotation_degrees"]) == pytest.approx(degrees, abs=2)


@pytest.mark.parametrize(
    ("part", "said"),
    [("breast", "as_stored"), ("lumbar spine", "as_stored"), ("hand", "aligned"), ("", "aligned")],
)
def test_a_part_that_is_no_limb_is_not_turned_where_it_is_known_to_be_one(part, said):
    lying = rotate(hand(), 90)
    result = align_rotation(study(lying, body_part=part), AlignmentConfig()).radiographs[0]
    assert result.metadata["alignment"] == said
    assert (result.metadata["rotation_degrees"] == "0") == (said == "as_stored")
    assert np.array_equal(result.image, lying) == (said == "as_stored")


@pytest.mark.parametrize(
    "image",
    [np.zeros((40, 30), np.uint8), np.pad(np.full((60, 60), 200, np.uint8), 20)],
    ids=["nothing", "square"],
)
def test_what_has_no_clear_axis_is_left_alone_and_said(image):
    result = align_rotation(study(image), AlignmentConfig()).radiographs[0]
    assert result.metadata["alignment"] == "no_clear_axis"
    assert result.metadata["rotation_degrees"] == "0"
    np.testing.assert_array_equal(result.image, image)


def test_a_step_that_is_off_leaves_no_mark():
    from dataclasses import replace

    base = Pipeline()
    off = Pipeline(
        *(
            replace(getattr(base, n), enabled=False)
            for n in ("part_filter", "inversion", "splitter", "alignment")
        )
    )
    before = study(hand())
    after, _ = run_steps(before, off)
    assert after.radiographs[0].metadata == before.radiographs[0].metadata
