"""What is dropped for its part or modality is not read first, and comes out the same as if it had been."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.dicom_files import image_dataset, write
from tests.program import rows, summary, tree

_STORED = (np.add.outer(np.arange(60) ** 2, np.arange(50)) % 4096).astype(np.uint16)


def _write(archive: Path, name: str, part: str, *, whole: bool = True, frames: int = 1, **more: Any) -> None:
    stored = _STORED if frames == 1 else np.stack([_STORED] * frames)
    write(image_dataset(stored, 12, BodyPartExamined=part, **more), archive / name)
    if not whole:
        (archive / name).write_bytes((archive / name).read_bytes()[:-500])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("parts")
    archive = place / "archive"
    archive.mkdir()
    _write(archive, "wrist", "WRIST")
    _write(archive, "wrist cut", "WRIST", whole=False)
    _write(archive, "hand", "HAND")
    _write(archive, "hand cut", "HAND", whole=False)
    _write(archive, "hands", "HAND", frames=3)
    _write(archive, "hands cut", "HAND", frames=3, whole=False)
    _write(archive, "slice", "WRIST", Modality="MR")
    _write(archive, "slice cut", "", Modality="MR", whole=False)
    _write(archive, "unknown", "WRIST", Modality="")
    # Which of two copies counts, only reading tells.
    _write(archive, "twin a cut", "HAND", whole=False, SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    _write(archive, "twin b", "HAND", SOPInstanceUID="1.2.3", StudyInstanceUID="1.2")
    _write(archive, "mixed wrist", "WRIST", StudyInstanceUID="1.3")
    _write(archive, "mixed hand cut", "HAND", whole=False, StudyInstanceUID="1.3")
    return place


def test_what_is_dropped_is_the_same_read_or_not(place: Path) -> None:
    key = ("--key", place / "key", "--index", place / "index")
    at_once = summary("build", place / "archive", place / "built", *key, "--link", place / "link.csv")
    summary("ingest", place / "archive", place / "ingested", *key)
    in_two = summary("preprocess", place / "ingested", place / "preprocessed")
    assert tree(place / "preprocessed") == tree(place / "built")
    summary("preprocess", place / "built", place / "again")
    assert tree(place / "again") == tree(place / "built")

    names = {row["source_id"]: Path(row["source"]).name for row in rows(place / "link.csv")}
    found = sorted((names[row["source_id"]], row["reason"]) for row in rows(place / "built/rejects.csv"))
    assert found == [
        ("hand", "other_body_part"),
        ("hand cut", "other_body_part"),
        *3 * [("hands", "other_body_part")],
        *3 * [("hands cut", "other_body_part")],
        ("mixed hand cut", "other_body_part"),
        ("slice", "other_modality"),
        ("slice cut", "other_modality"),
        ("twin a cut", "truncated_pixel_data"),
        ("twin b", "other_body_part"),
        ("wrist cut", "truncated_pixel_data"),
    ]
    kept = sorted(names[row["source_id"]] for row in rows(place / "built/metadata.csv"))
    assert kept == ["mixed wrist", "unknown", "wrist"]
    for figures in (at_once, in_two):
        assert figures["found"] == figures["converted"] + figures["rejected"] + figures["passed_over"] == 13


def test_all_is_read_and_kept_where_that_is_wanted(place: Path, tmp_path: Path) -> None:
    (tmp_path / "all.toml").write_text('[steps.part_filter]\nparts = ["any"]\nmodalities = ["any"]\n')
    key = ("--key", place / "key", "--index", place / "index")
    out = tmp_path / "out"
    summary("build", place / "archive", out, *key, "--config", tmp_path / "all.toml")
    assert {row["reason"] for row in rows(out / "rejects.csv")} == {"truncated_pixel_data"}
    assert {row["Modality"] for row in rows(out / "metadata.csv")} == {"", "DX", "MR"}
