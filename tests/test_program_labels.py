"""``fxray labels`` says of an archive, and of a data set, what a build does with it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from tests.dicom_files import image_dataset, write
from tests.program import fxray, rows, summary

_TAG = Tag("BodyPartExamined")
# Label, description, and what becomes of it.
_FILES = [
    ("WRIST", "", "keep"),
    ("стопа", "", "drop"),
    ("запястье", "Foot", "keep"),
    ("", "Foot 3 views", "drop"),
    ("", "Handgelenk li", "keep"),
    ("", "", "keep"),
    ("HAND\\WRIST", "", "keep"),
    ("HAND\\FINGER", "", "drop"),
]


def test_what_is_said_of_labels_is_what_is_done(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    for number, (label, description, _) in enumerate(_FILES):
        ds = image_dataset(np.arange(400, dtype=np.uint16).reshape(20, 20), 12)
        ds.SpecificCharacterSet, ds.StudyDescription = "ISO_IR 192", description
        raw = label.encode()
        ds._dict[_TAG] = RawDataElement(_TAG, "CS", len(raw), raw, 0, False, True)
        write(ds, archive / f"{number}.dcm")
    expected = Counter((label, decision) for label, _, decision in _FILES)
    options = ("--key", tmp_path / "key", "--workers", 1)
    private = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    def said(of: Path) -> Counter[tuple[str, str]]:
        counts: Counter[tuple[str, str]] = Counter()
        for row in summary("labels", of, "--workers", 1, environment=private):
            counts[row["label"], row["decision"]] += row["count"]
        return counts

    built = tmp_path / "built"
    summary("build", archive, built, *options, environment=private)
    kept = Counter(row["BodyPartExamined"] for row in rows(built / "metadata.csv"))
    assert kept == Counter(label for label, _, decision in _FILES if decision == "keep")
    assert said(archive) == expected
    assert said(built) == expected

    # What labels learned of the files, a build need not learn again; and the index takes no file's place.
    index = tmp_path / "index"
    summary("labels", archive, "--index", index, "--workers", 1, environment=private)
    looked = fxray("build", archive, tmp_path / "again", *options, "--index", index, environment=private)
    assert "Looking into files: 0," in looked.stderr
    for place in (archive / "index", built / "metadata.csv"):
        refused = fxray("labels", archive, "--index", place, code=1, environment=private)
        assert "name another place with --index" in refused.stderr

    # An earlier version kept no descriptions with the labels.
    provenance = json.loads((built / "dataset.json").read_text())
    provenance["body_part_labels"] = {"WRIST": 3, "": 2}
    (built / "dataset.json").write_text(json.dumps(provenance))
    assert said(built) == {("WRIST", "keep"): 3, ("", "keep"): 2}
