"""What is decided of a study before it is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fxcore.dicom.entries import IndexEntry
from fxcore.labels import LabelTable, read_labels
from fxcore.settings import IngestConfig
from fxcore.verdicts import Verdicts, fitting


def dicom(source: str, sop: str, frames: int = 1) -> IndexEntry:
    return IndexEntry(source, kind="dicom", study_uid="1.2", sop_uid=sop, number_of_frames=frames)


@pytest.mark.parametrize(
    ("files", "radiographs"),
    [
        ([dicom("a/1", "1"), dicom("a/2", "2"), dicom("b/1", "1"), dicom("b/2", "2")], 2),
        ([dicom("a/1", "1", 3), dicom("b/1", "1", 3)], 3),
        ([dicom("a/1", ""), dicom("a/2", "")], 2),
        ([dicom("a/1", "1"), dicom("a/2", "a/1"), IndexEntry("1", kind="image")], 3),
    ],
)
def test_radiographs_are_counted_once_however_often_they_are_stored(files, radiographs):
    assert Verdicts(None, IngestConfig(max_instances=radiographs)).of(files).reason == ""
    if radiographs > 1:
        verdict = Verdicts(None, IngestConfig(max_instances=radiographs - 1)).of(files)
        assert verdict.reason == "too_many_instances"
        assert f"{radiographs} radiographs" in verdict.message


FILES = [
    IndexEntry("DICOM/P0/IM0001", kind="dicom", study_uid="1.2.3.4.5", accession="0017", patient_id="P0"),
    IndexEntry("DICOM/P1/IM0001", kind="dicom", study_uid="1.2.3.4.6", accession="0018", patient_id="P1"),
]


def table(folder: Path, text: str) -> LabelTable:
    (folder / "labels.csv").write_text(text)
    return fitting(read_labels(folder / "labels.csv"), lambda: iter(FILES))


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("path,label\nDICOM/P0/IM0001,1\nDICOM/P1/IM0001,0\n", "file", "taken as file, as which 2 do"),
        ("id,label\nP0,1\nP1,0\nP2,0\n", "folder", "taken as folder, as which 2 do"),
        ("image,label\n0017,1\n9999,0\n7777,0\n0018,0\n6,0\n", "AccessionNumber", "as which 2 do"),
        ("Study,label\n1.2.3.4.5,1\n1.2.3.4.6,0\nTotal,\n", "StudyInstanceUID", "1 missing_label"),
        ("Accession,label\n0018,1\nP0,0\nP1,0\n", "AccessionNumber", "as AccessionNumber (guessed)"),
        ("Accession,label\n17,1\n18,0\n", "AccessionNumber", "WARNING.*zeros at the beginning, 2 keys"),
        ("Accession,label\nA,1\nB,0\n", "AccessionNumber", "WARNING: none of the 2 keys.*--key-column"),
    ],
)
def test_keys_are_of_the_kind_that_the_archive_has(tmp_path, text, kind, said):
    fitted = table(tmp_path, text)
    assert fitted.key_kind == kind
    assert re.search(said.replace("(", r"\(").replace(")", r"\)"), fitted.said)


def test_keys_that_fit_few_files_by_chance_keep_their_kind(tmp_path):
    text = "Accession,label\n" + "".join(f"{i},{i % 2}\n" for i in range(10)) + "P0,1\n"
    many = [IndexEntry(f"all/{i}.dcm", kind="dicom") for i in range(100, 110)]
    (tmp_path / "labels.csv").write_text(text)
    fitted = fitting(read_labels(tmp_path / "labels.csv"), lambda: iter(FILES[:1] + many))
    assert fitted.key_kind == "AccessionNumber"


def test_numbers_that_lost_their_zeros_are_not_taken_for_folders(tmp_path):
    files = [
        IndexEntry("2/1.dcm", kind="dicom", accession="0001"),
        IndexEntry("1/1.dcm", kind="dicom", accession="0002"),
    ]
    (tmp_path / "labels.csv").write_text("Accession,label\n1,1\n2,0\n")
    fitted = fitting(read_labels(tmp_path / "labels.csv"), lambda: files)
    assert fitted.key_kind == "AccessionNumber"
    assert "zeros at the beginning, 2 keys would fit" in fitted.said


def test_patients_are_said_and_not_guessed(tmp_path):
    files = [IndexEntry("1.dcm", kind="dicom", patient_id="P1")]
    (tmp_path / "labels.csv").write_text("id,label\nP1,1\n")
    fitted = fitting(read_labels(tmp_path / "labels.csv"), lambda: files)
    assert fitted.key_kind == "AccessionNumber"
    assert "1 keys are PatientIDs" in fitted.said
    assert "zeros" not in fitted.said


def test_a_key_with_two_labels_is_said_to_have_them(tmp_path):
    verdicts = Verdicts(table(tmp_path, "Accession,label\n0017,1\n0018,0\n0017,0\n"), IngestConfig())
    for file in FILES:
        verdicts.see(file)
    verdict = verdicts.of(FILES[:1])
    assert (verdict.stage, verdict.reason) == ("labels", "conflicting_labels")
    assert "line 4" in verdict.message
    assert verdicts.of(FILES[1:]).label == "not_broken"
    assert verdicts.used == {"0017", "0018"}
