"""The benchmark of accuracy: its arithmetic, its truth, and marks that the steps must not fall below."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench import accuracy
from bench.accuracy import ALIGNMENT, INVERSION, SPLITTER, aligned, inverted, iou, split
from bench.accuracy_cases import Case, fracatlas, negative, phantoms
from bench.accuracy_changes import CHANGES, OF_COLOUR, changed, pairs, turned
from fxcore.cli.app import app
from tests.shared_data import requires_fracatlas


@pytest.fixture(scope="module")
def drawn() -> list[Case]:
    return phantoms(12)


def test_iou_of_boxes() -> None:
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(50 / 150)
    assert iou((0, 0, 10, 10), (20, 20, 30, 30)) == 0


def test_changes_keep_the_truth_right(drawn: list[Case]) -> None:
    case = drawn[0]
    assert negative(case).inverted
    np.testing.assert_array_equal(negative(negative(case)).image, case.image)
    for name in CHANGES | OF_COLOUR:
        again = [changed([case], name)[0].image for _ in range(2)]
        np.testing.assert_array_equal(*again)
        assert not np.array_equal(again[0], case.image)
    moved = turned(case, np.random.default_rng(4))
    assert moved.tilt is not None
    assert case.tilt is not None
    before, after = aligned(case, ALIGNMENT[0]), aligned(moved, ALIGNMENT[0])
    # A truth turned the wrong way would be off by twice the angle.
    assert abs(after.residual - before.residual) < 1.5


def test_a_margin_of_the_negative_is_the_opposite(drawn: list[Case]) -> None:
    for case in drawn[:6]:
        assert inverted(case, INVERSION[0])[1] == pytest.approx(
            -inverted(negative(case), INVERSION[0])[1], abs=2e-3
        )


def test_phantoms_come_out_right(drawn: list[Case]) -> None:
    """Marks for what is drawn: no step may fall back behind them."""
    single = [case for case in drawn if case.parts == 1]
    for name in ("white frame", "marker"):
        cases = changed(single, name)
        assert sum(inverted(c, INVERSION[0])[0] for c in cases) == 0
        assert sum(not inverted(negative(c), INVERSION[0])[0] for c in cases) == 0
        assert [c.name for c in cases if split(c, SPLITTER[0])[0] > 1] == []
    found = [aligned(case, ALIGNMENT[0]) for case in single if case.tilt is not None]
    errors = np.abs([got.residual for got in found])
    assert all(got.clear for got in found)
    assert np.median(errors) < 1.3
    assert errors.max() < 6
    assert sum(not got.up for got in found) <= 0.05 * len(found)


def test_what_a_window_clips_is_not_taken_for_air(drawn: list[Case]) -> None:
    # The last is a limb clipped nearly from side to side, in noisy air, with its marker.
    hard = [case for case in phantoms(23, 71) if case.name.startswith("phantom 71-22.")]
    cases = changed([case for case in [*drawn, *hard] if case.parts == 1], "narrow window")
    assert [c.name for c in cases if inverted(c, INVERSION[0])[0]] == []
    assert [c.name for c in cases if not inverted(negative(c), INVERSION[0])[0]] == []


def test_what_a_window_clips_has_lost_its_noise(drawn: list[Case]) -> None:
    cases = changed([*drawn, *phantoms(8, 401)], "noise, narrow window")
    wrong = [c.name for c in cases for k in (c, negative(c)) if inverted(k, INVERSION[0])[0] != k.inverted]
    assert len(wrong) <= 0.05 * 2 * len(cases), wrong


@pytest.mark.parametrize("name", ["equalised", "white margins"])
def test_what_leaves_little_to_judge_by_leaves_the_colour(name: str, drawn: list[Case]) -> None:
    cases = changed(drawn, name)
    assert [c.name for c in cases if inverted(c, INVERSION[0])[0]] == []
    assert [c.name for c in cases if not inverted(negative(c), INVERSION[0])[0]] == []


def test_black_air_beside_noisy_tissue_is_air(drawn: list[Case]) -> None:
    rng = np.random.default_rng(0)
    for case in drawn:
        above = np.clip(case.image - np.quantile(case.image, 0.1) - 6, 0, None)
        grain = rng.normal(0, 16, above.shape) * np.sqrt(above / 100 + 0.1)
        image = np.where(above > 0, np.clip(above + grain, 0, 255), 0).astype(np.uint8)
        black = replace(case, image=image)
        assert not inverted(black, INVERSION[0])[0], case.name
        assert inverted(negative(black), INVERSION[0])[0], case.name


def test_two_in_one_are_found(drawn: list[Case]) -> None:
    joined = pairs(drawn, 12)
    assert sum(split(case, SPLITTER[0])[0] == 2 for case in joined) >= 10
    assert all(case.parts == 2 for case in joined)


def test_scattered_radiation_hides_hardly_an_axis(drawn: list[Case]) -> None:
    limbs = [case for case in drawn if case.tilt is not None]
    for before, after in zip(limbs, changed(limbs, "scatter"), strict=True):
        old, new = (aligned(case, ALIGNMENT[0]) for case in (before, after))
        assert new.clear, before.name
        assert abs(new.residual - old.residual) < 3, before.name


@requires_fracatlas
@pytest.mark.parametrize("name", ["round shutter", "corners off", "narrow window", "light air"])
def test_real_radiographs_come_out_right_however_they_were_exposed(name: str) -> None:
    cases = changed(fracatlas(), name)
    assert [c.name for c in cases if inverted(c, INVERSION[0])[0]] == []
    assert [c.name for c in cases if c.parts == 1 and split(c, SPLITTER[0])[0] > 1] == []
    assert [c.name for c in cases if c.tilt is not None and not aligned(c, ALIGNMENT[0]).clear] == []


@requires_fracatlas
def test_real_radiographs_have_their_colour_whatever_the_histogram() -> None:
    cases = changed(fracatlas(), "equalised")
    assert [c.name for c in cases if inverted(c, INVERSION[0])[0]] == []


@requires_fracatlas
def test_real_radiographs_come_out_right(capfd: pytest.CaptureFixture[str]) -> None:
    cases = fracatlas()
    assert len(cases) == 96
    # Some of the files end too early, of which libjpeg would tell the terminal.
    assert not capfd.readouterr().err
    assert [c.name for c in cases if inverted(c, INVERSION[0])[0]] == []
    assert [c.name for c in cases if not inverted(negative(c), INVERSION[0])[0]] == []
    assert [c.name for c in cases if c.parts == 1 and split(c, SPLITTER[0])[0] > 1] == []
    assert [c.name for c in cases if c.no_axis and aligned(c, ALIGNMENT[0]).clear] == []
    for case in cases:
        if case.tilt is not None:
            got = aligned(case, ALIGNMENT[0])
            assert abs(got.residual) < 4, case.name
            assert got.up or not case.distal, case.name


def test_other_phantoms_by_other_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "QUICK_STUDIES", 2)
    monkeypatch.setattr(accuracy, "QUICK_PAIRS", 2)
    path = tmp_path / "a.json"
    options = ["--quick", "--seed", "71", "--seed", "201", "--json", str(path)]
    result = CliRunner().invoke(app, ["bench", "accuracy", *options])
    assert result.exit_code == 0, result.output
    summary, *tables = json.loads(path.read_text(encoding="utf-8"))["tables"]
    assert summary["columns"][2:] == [
        f"phantoms of seed {seed}{how}" for seed in (71, 201) for how in ("", ", published")
    ]
    assert {row[0] for table in tables for row in table["rows"]} == {
        "phantoms of seed 71",
        "phantoms of seed 201",
    }
    assert not np.array_equal(phantoms(1, 71)[0].image, phantoms(1, 201)[0].image)


def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy, "QUICK_STUDIES", 2)
    monkeypatch.setattr(accuracy, "QUICK_PAIRS", 2)
    monkeypatch.setattr(accuracy, "fracatlas", list)
    short = tmp_path / "short.md"
    short.write_text(
        "# Ours\n\n<!-- bench:accuracy, in short --><!-- /bench:accuracy, in short -->\n\nmore\n"
    )
    options = [
        "--json",
        str(tmp_path / "a.json"),
        "--markdown",
        str(tmp_path / "a.md"),
        "--markdown",
        str(short),
        "--sheet",
        str(tmp_path / "s"),
    ]
    result = CliRunner().invoke(app, ["bench", "accuracy", "--quick", *options])
    assert result.exit_code == 0, result.output
    summary, *tables = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))["tables"]
    sums = {row[0]: row[2:] for row in summary["rows"]}

    def total(table: int, what: str, column: str) -> str:
        columns, found = tables[table]["columns"], [row for row in tables[table]["rows"] if what in row[1]]
        count = sum(int(row[columns.index(column)].split()[0]) for row in found)
        of = sum(int(row[columns.index("images")]) for row in found)
        return f"{count} of {of:,} ({100 * count / of:.1f} %)"

    assert sums[accuracy.WRONG] == [total(0, "", "wrong"), total(0, "", "wrong, corners")]
    assert sums[accuracy.CUT] == [total(1, "one limb", f"cut wrongly{how}") for how in ("", ", otsu")]
    assert sums[accuracy.MOVED][0] == total(3, "", "beyond 1.5°")
    assert sums[accuracy.MOVED][1].split()[0] == total(3, "", "beyond 1.5°, pca").split()[0]
    assert sums[accuracy.BOTH] == [total(1, "joined", f"both found{how}") for how in ("", ", otsu")]
    hands = [row for row in tables[2]["rows"] if row[1:3] == ["hand", "medial"]]
    assert sums[accuracy.UP][0].split()[0] == hands[0][7].split()[0]
    assert float(sums[accuracy.AXIS][0].split(", ")[2]) >= round(float(hands[0][6]), 1)
    assert sums[accuracy.GIVEN_UP][0].startswith("0 of")
    assert sums[accuracy.ALONE] == ["", ""]
    page = short.read_text(encoding="utf-8")
    assert page.startswith("# Ours\n\n<!-- bench:accuracy, in short -->\n\n**What it comes down to**")
    assert page.endswith("<!-- /bench:accuracy, in short -->\n\nmore\n")
    assert "Inversion:" not in page
    assert [table["title"].split(":")[0] for table in tables] == [
        "Inversion",
        "Splitting",
        "Alignment",
        "Alignment",
    ]
    assert all(len(row) == len(table["columns"]) for table in tables for row in table["rows"])
    assert "**Inversion: radiographs and their negatives**" in (tmp_path / "a.md").read_text(encoding="utf-8")
    assert {path.name for path in (tmp_path / "s").iterdir()} == {
        "inversion.png",
        "splitting.png",
        "alignment.png",
    }
    assert "FracAtlas is not beside the checkout" in result.output
