"""What is decided of a study before it is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fxcore.dicom.entries import IndexEntry
from fxcore.labels import LabelTable, read_labels
from fxcore.settings import IngestConfig
from fxcore.verdicts import Verdict, Verdicts, fitting


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
        (
            "Accession,label\n0018,1\n2.02E+11,0\n",
            "AccessionNumber",
            "1 keys are numbers of which a spreadsheet",
        ),
        (
            "Accession;label\n2,02301E+11;1\n18,0;0\n",
            "AccessionNumber",
            "WARNING.*1 keys are numbers of which",
        ),
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


def judged(
    folder: Path, text: str, files: list[IndexEntry], **options: str
) -> tuple[LabelTable, list[Verdict]]:
    (folder / "labels.csv").write_text(text)
    fitted = fitting(read_labels(folder / "labels.csv", **options), lambda: iter(files))
    verdicts = Verdicts(fitted, IngestConfig())
    for file in files:
        verdicts.see(file)
    return fitted, [verdicts.of([file]) for file in files]


def test_a_patient_of_several_studies_is_asked_about(tmp_path):
    files = [
        IndexEntry(f"{i}.dcm", kind="dicom", study_uid=f"1.2.{i}", patient_id=f"P{i // 2}") for i in range(3)
    ]
    text = "PatientID,StudyDate,fracture\nP0,20200101,1\nP1,20200101,0\n"
    _, verdicts = judged(tmp_path, text, files)
    assert [v.reason or v.label for v in verdicts] == ["ambiguous_label", "ambiguous_label", "not_broken"]
    assert "--key-column" in verdicts[0].message
    _, verdicts = judged(tmp_path, text, files, key_column="PatientID")
    assert [v.label for v in verdicts] == ["broken", "broken", "not_broken"]


def test_running_numbers_are_not_taken_for_folders(tmp_path):
    files = [IndexEntry(f"{i}/a.dcm", kind="dicom", accession=f"U{i}") for i in range(2)]
    text = "id,fracture\n0,1\n1,0\n"
    fitted, verdicts = judged(tmp_path, text, files)
    assert {v.reason for v in verdicts} == {"study_without_label"}
    assert re.search("WARNING.*--key-column", fitted.said)
    assert [v.label for v in judged(tmp_path, text, files, key_column="id")[1]] == ["broken", "not_broken"]


@pytest.mark.parametrize(
    ("key", "name", "said"),
    [
        ("18", "0018", "zeros at the beginning, 1 keys would fit"),
        ("a18", "A18", "upper and lower case, 1 keys would fit"),
        ("A18.jpg", "A18", "the ending of file names, 1 keys would fit"),
    ],
)
def test_what_comes_near_is_said_beside_keys_that_fit(tmp_path, key, name, said):
    files = [IndexEntry(f"{a}/1.dcm", kind="dicom", accession=a) for a in ("X1", name)]
    for known in ("X1", "X2"):
        assert said in judged(tmp_path, f"Accession,fracture\n{known},1\n{key},0\n", files)[0].said
    assert "would fit" not in judged(tmp_path, f"Accession,fracture\nX1,1\n{name},0\nX3,1\n", files)[0].said


def test_a_label_that_is_not_understood_is_not_said_to_be_missing(tmp_path):
    _, verdicts = judged(tmp_path, "Accession,fracture\n0017,1\n0018,maybe\n0019,0\n", FILES)
    assert verdicts[1].reason == "study_without_label"
    assert "understood (see its line 3)" in verdicts[1].message


def test_keys_with_the_same_ending_are_told_apart_by_the_archive(tmp_path):
    files = [IndexEntry(f"p{i}/study1_positive/1.png", kind="image") for i in range(2)]
    rows = "".join(
        f"M/{key}/,{label}\n"
        for key, label in (("WRIST/p0/study1_positive", 1), ("HAND/p0/study1_positive", 0))
    )
    text = f"path,label\n{rows}M/WRIST/p1/study1_positive/,1\n"
    _, verdicts = judged(tmp_path, text, files)
    assert [v.reason or v.label for v in verdicts] == ["ambiguous_label", "broken"]
    assert "give the folder above" in verdicts[0].message
    assert [v.label for v in judged(tmp_path, text, files, root="WRIST")[1]] == ["broken", "broken"]


def test_a_key_with_two_labels_is_said_to_have_them(tmp_path):
    verdicts = Verdicts(table(tmp_path, "Accession,label\n0017,1\n0018,0\n0017,0\n"), IngestConfig())
    for file in FILES:
        verdicts.see(file)
    verdict = verdicts.of(FILES[:1])
    assert (verdict.stage, verdict.reason) == ("labels", "conflicting_labels")
    assert "line 4" in verdict.message
    assert verdicts.of(FILES[1:]).label == "not_broken"
    assert verdicts.used == {"0017", "0018"}
