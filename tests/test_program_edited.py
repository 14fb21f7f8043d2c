"""Data sets that people have edited, damaged or mended, and what later runs over them make of that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import pytest

from fxcore.contact_sheet import contact_sheet
from fxcore.errors import DataSetError
from tests.program import fxray_here, rows, summary, tree
from tests.test_program_images import draw


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    place = tmp_path_factory.mktemp("edited")
    for study in range(3):
        for image in range(2):
            draw(place / "archive" / f"study{study}_positive" / f"{image}.png", 10 * study + image)
    summary("ingest", place / "archive", place / "before", "--key", place / "key", "-j", 1)
    return place


@pytest.fixture
def before(ingested, tmp_path):
    # With its times: what is copied without them is newer than what was made of it.
    shutil.copytree(ingested / "before", tmp_path / "before")
    return tmp_path / "before"


def preprocess(before: Path, name: str = "after", code: int = 0) -> dict:
    return summary("preprocess", before, before.with_name(name), "-j", 1, code=code)


def tables(root: Path) -> list[Path]:
    return sorted(root.glob("broken/*/metadata.csv"))


def why(before: Path) -> str:
    """Return why the one study that was lost by preprocessing was."""
    figures = preprocess(before)
    assert figures["dropped"] == {"unreadable_metadata": 1}
    assert figures["studies"]["broken"] == 2
    (row,) = rows(before.with_name("after") / "rejects.csv")
    assert str(before) not in row["message"]
    return row["message"]


def test_a_table_from_excel_is_the_same_table(before):
    for path in (*tables(before), before / "metadata.csv"):
        text = path.read_text()
        path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    assert preprocess(before)["radiographs"]["broken"] == 6


@pytest.mark.parametrize(
    ("change", "encoding", "said"),
    [
        (
            lambda text: text.replace(",", ";"),
            "utf-8",
            "metadata.csv: the columns are not separated by commas",
        ),
        (lambda text: text.replace("\n", "\n\xfc", 1), "latin-1", "metadata.csv: 'utf-8' codec can't decode"),
        (lambda text: text + text.splitlines()[-1] + "\n", "utf-8", "metadata.csv, line 4: radiograph_id '"),
        (lambda text: text.replace(",label,", ",class,"), "utf-8", "metadata.csv has no column 'label'"),
        (
            lambda text: text.replace(",broken,", ",not_broken,"),
            "utf-8",
            "line 2: label is 'not_broken', and",
        ),
        (
            lambda text: text.replace(text.splitlines()[1].split(",")[1], "1.9E+23"),
            "utf-8",
            "study_id is '1.9E+23'",
        ),
    ],
)
def test_a_table_that_was_spoilt_costs_its_study_and_says_why(before, change, encoding, said):
    path = tables(before)[0]
    path.write_bytes(change(path.read_text()).encode(encoding))
    assert said in why(before)


def test_a_study_moved_to_the_other_class_is_told_from_a_damaged_one(before):
    folder = tables(before)[0].parent
    (before / "not_broken").mkdir()
    folder.rename(before / "not_broken" / folder.name)
    assert "moved or renamed must go back" in why(before)


def resaved(path: Path, how: int) -> None:
    image = cv2.imread(str(path), how)
    assert cv2.imwrite(str(path), image)


def test_a_study_that_was_mended_is_done_again(before):
    sound = preprocess(before, "sound")
    table = tables(before)[-1]
    png = next(tables(before)[0].parent.glob("*.png"))
    text = table.read_text()
    resaved(png, cv2.IMREAD_COLOR)
    table.write_text("spoilt")
    dropped = preprocess(before)["dropped"]
    assert dropped == {"unreadable_png": 1, "unreadable_metadata": 1}
    resaved(png, cv2.IMREAD_GRAYSCALE)
    table.write_text(text)
    # As from a backup: its time says nothing.
    for path in (png, table):
        os.utime(path, (1, 1))
        os.utime(path.parent, (1, 1))
    again = preprocess(before)
    assert (again["studies_done_now"], again["radiographs"]) == (2, sound["radiographs"])
    assert tree(before.with_name("after")) == tree(before.with_name("sound"))


def turned(before: Path) -> None:
    path = next(before.glob("broken/*/*.png"))
    assert cv2.imwrite(str(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[::-1])


def with_another_text(before: Path) -> None:
    path = tables(before)[0]
    path.write_text(path.read_text().replace("imagecodecs", "another"))


def without_a_row(before: Path) -> None:
    path = tables(before)[0]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def without_a_png(before: Path) -> None:
    next(before.glob("broken/*/*.png")).unlink()


@pytest.mark.parametrize("change", [turned, with_another_text, without_a_row, without_a_png])
def test_a_study_that_was_changed_is_done_again(before, change):
    preprocess(before)
    assert preprocess(before)["studies_done_now"] == 0
    change(before)
    assert preprocess(before)["studies_done_now"] == 1
    assert preprocess(before, "fresh")
    assert tree(before.with_name("after")) == tree(before.with_name("fresh"))


@pytest.mark.parametrize("loss", [Path.unlink, Path.touch])
def test_lost_and_empty_images_are_made_again(ingested, before, loss):
    preprocess(before)
    after = before.with_name("after")
    was = tree(before), tree(after)
    for root in (before, after):
        path = next(root.glob("broken/*/*.png"))
        path.unlink()
        if loss is Path.touch:
            path.touch()
    again = summary("ingest", ingested / "archive", before, "--key", ingested / "key", "-j", 1)
    assert again["studies_done_now"] == 1
    preprocess(before)
    assert (tree(before), tree(after)) == was


def test_rows_left_out_at_the_root_are_not_silently_brought_back(before):
    table = before / "metadata.csv"
    lines = table.read_text().splitlines(keepends=True)
    # A row that a spreadsheet left empty is none.
    table.write_text("".join([*lines, "," * lines[0].count(",") + "\n"]))
    preprocess(before)
    table.write_text("".join(lines[:-1]))
    refused = fxray_here("preprocess", before, before.with_name("after"), code=1).stderr
    assert str(table) in refused
    assert "1 fewer of study" in " ".join(refused.split())
    table.write_text("".join([*lines[:-1], lines[-1].replace(",broken,", ",not_broken,")]))
    refused = fxray_here("preprocess", before, before.with_name("after"), code=1).stderr
    assert "2 such differences" in " ".join(refused.split())


def test_a_contact_sheet_names_the_file_that_it_cannot_draw(before, tmp_path):
    after = before.with_name("after")
    preprocess(before)
    png = next(before.glob("broken/*/*.png"))
    png.write_bytes(b"")
    with pytest.raises(DataSetError, match=f"{png.parent}, radiograph {png.stem}: not a PNG"):
        contact_sheet(before, after, tmp_path / "sheet.png")
    png.unlink()
    with pytest.raises(DataSetError, match=f"radiograph {png.stem}: the PNG cannot be read"):
        contact_sheet(before, after, tmp_path / "sheet.png")
