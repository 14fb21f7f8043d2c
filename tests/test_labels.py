"""Tables of labels in every dress they come in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxcore.errors import ParameterError
from fxcore.labels import (
    LABEL_BROKEN,
    LABEL_NOT_BROKEN,
    LabelTable,
    class_from_folder,
    label_from_text,
    read_labels,
)

B, N = LABEL_BROKEN, LABEL_NOT_BROKEN
UIDS = ("1.2.840.1.5", "1.2.840.1.6", "1.2.840.1.7")


def _read(tmp_path: Path, text: str | bytes, **columns: str) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(path, **columns)


SPELLINGS = [
    ("1", "0"),
    ("1.0", "0.0"),
    ("1,0", "0,0"),
    ("yes", "no"),
    ("Y", "N"),
    ("TRUE", "False"),
    ("broken", "not_broken"),
    ("Fractured", "Not-Fractured"),
    ("fracture", "no fracture"),
    ("fracture", "normal"),
    ("POSITIVE", "negative"),
    ("pos", "neg"),
    ("abnormal", "normal"),
    ("ja", "nein"),
    ("oui", "non"),
    ("sí", "no"),
    ("sim", "não"),
    ("tak", "nie"),
    ("да", "нет"),
    ("Złamanie", "normalny"),
    ("fx (+)", "fx(-)"),
    ("Fracture +", "Fracture −"),
    ("positive (+)", "negative (-)"),
]


@pytest.mark.parametrize(("broken", "not_broken"), SPELLINGS)
def test_spellings(broken: str, not_broken: str) -> None:
    for variant in (broken, broken.upper(), f"  {broken} "):
        assert label_from_text(variant) == B
    for variant in (not_broken, not_broken.upper(), f"\t{not_broken}"):
        assert label_from_text(variant) == N


@given(st.text())
def test_any_text_is_a_label_or_not(text: str) -> None:
    assert label_from_text(text) in (B, N, None)
    assert class_from_folder(text) in (B, N, None)


_OTHERS = ["", "2", "-1", "nan", "inf", "maybe", "wrist", "10", "1e400", "normal " * 30]


@pytest.mark.parametrize("text", _OTHERS)
def test_other_texts_are_no_label(text: str) -> None:
    assert label_from_text(text) is None


_TURNED = """
    fracture? ?fracture !fractured ¬fx -fracture fracture- positive(-) (-)fx [-]fx fx[-] fx(-). fx(--) fx(+/-)
    (-fx) 'fx(-)' —fx fx(－)＋
"""


@pytest.mark.parametrize("text", [*_TURNED.split(), "positive (-)", "no fx +", "fx (-) .", "fx —"])
def test_signs_are_not_passed_over(text: str) -> None:
    assert label_from_text(text) is None
    assert class_from_folder(text) is None


@pytest.mark.parametrize("text", ["1-", ">0", "1%", "#1"])
def test_numbers_in_other_signs_are_no_label(text: str) -> None:
    assert label_from_text(text) is None


_ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


@pytest.mark.parametrize(("delimiter", "encoding"), list(itertools.product(",;\t|", _ENCODINGS)))
@pytest.mark.parametrize("header", [("StudyInstanceUID", "Fractured"), ("Größe uid", "Auffälligkeit"), None])
def test_delimiters_encodings_and_headings(
    tmp_path: Path, delimiter: str, encoding: str, header: tuple[str, str] | None
) -> None:
    for broken, not_broken in (("1", "0"), ("ja", "nein"), ("not_fractured", "x")):
        values = (broken, not_broken, broken) if not_broken != "x" else (broken, "fractured", broken)
        rows = [*([header] if header else []), *zip(UIDS, values, strict=True)]
        text = "\r\n\r\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
        table = _read(tmp_path, text.encode(encoding))
        expected = (B, N, B) if not_broken != "x" else (N, B, N)
        assert table.labels == dict(zip(UIDS, expected, strict=True))
        assert table.key_kind == "StudyInstanceUID"
        assert table.problems == ()


@pytest.mark.parametrize(
    ("text", "kind", "keys"),
    [
        ("study_uid,label\n1.2.3.4.5,1\n", "StudyInstanceUID", ["1.2.3.4.5"]),
        ("id,label\n1.2.840.5.6,1\n", "StudyInstanceUID", ["1.2.840.5.6"]),
        ("Accession No.;Fracture\nA17;yes\n", "AccessionNumber", ["A17"]),
        ("SOPInstanceUID,broken\n1.2.3.4.5,1\n", "SOPInstanceUID", ["1.2.3.4.5"]),
        ("PatientID,AccessionNumber,label\nP1,A1,0\n", "AccessionNumber", ["A1"]),
        ("folder,label\n.\\a\\b\\,1\n", "folder", ["a/b"]),
        ("study,label\ncase7,1\n", "folder", ["case7"]),
        ("path,label\nx/a.png,1\nx/b.png,0\n", "file", ["x/a.png", "x/b.png"]),
        (
            "image_id,hand,fractured,fracture_count\nI1.jpg,0,1,3\nI2.jpg,1,0,0\n",
            "file",
            ["I1.jpg", "I2.jpg"],
        ),
        ("M/valid/XR_WRIST/p1/study1_positive/,1\n", "folder", ["M/valid/XR_WRIST/p1/study1_positive"]),
        ("0,A1\n1,A2\n", "AccessionNumber", ["A1", "A2"]),
        ("ACC1,yes\nACC2,no\nACC3,normal\n", "AccessionNumber", ["ACC1", "ACC2", "ACC3"]),
        ("2.25.41,1\n2.25.42,0\n", "StudyInstanceUID", ["2.25.41", "2.25.42"]),
        ("study,label\n2.25.41,1\n", "StudyInstanceUID", ["2.25.41"]),
        ("sep=;\r\nfolder;label\r\nx,y;1\r\n", "folder", ["x,y"]),
    ],
)
def test_columns_are_guessed_and_said(tmp_path: Path, text: str, kind: str, keys: list[str]) -> None:
    table = _read(tmp_path, text)
    assert (table.key_kind, list(table.labels)) == (kind, keys)
    assert kind in table.said
    assert "guessed" in table.said


def test_columns_are_named_by_option(tmp_path: Path) -> None:
    text = "a,b,c\nx,1,0\ny,0,1\n"
    assert _read(tmp_path, text, key_column="A", label_column="c").labels == {"x": N, "y": B}
    assert _read(tmp_path, "x,1\ny,0\n", key_column="1", label_column="2").labels == {"x": B, "y": N}
    assert "guessed" not in _read(tmp_path, text, key_column="a", label_column="c").said


def test_columns_are_named_by_number(tmp_path: Path) -> None:
    text = "Hand,No Fracture\nA1,1\nA2,0\n"
    for columns in ({"label_column": "2"}, {"key_column": "1", "label_column": "no fracture"}):
        assert _read(tmp_path, text, **columns).labels == {"A1": N, "A2": B}
    with pytest.raises(ParameterError, match="no single column '3'"):
        _read(tmp_path, text, label_column="3")


def test_a_heading_may_be_among_its_values(tmp_path: Path) -> None:
    table = _read(tmp_path, "Untersuchung,normal\nA1,1\nA2,0\nA3,normal\n")
    assert table.labels == {"A1": N, "A2": B, "A3": N}


@pytest.mark.parametrize("heading", ["No Fracture", "normal", "NEGATIVE"])
@pytest.mark.parametrize("columns", [{}, {"key_column": "accession", "label_column": "{heading}"}])
def test_a_heading_may_say_what_is_not_broken(tmp_path: Path, heading: str, columns: dict[str, str]) -> None:
    named = {name: value.format(heading=heading) for name, value in columns.items()}
    table = _read(tmp_path, f"accession,{heading}\nA1,1\nA2,0\nA3,yes\nA4,fractured\n", **named)
    assert table.labels == {"A1": N, "A2": B, "A3": N, "A4": B}
    assert "1 and yes are not broken" in table.said


def test_a_patient_above_the_table_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="2 columns and no heading") as caught:
        _read(tmp_path, "Doe^John,maybe\n")
    assert "Doe" not in str(caught.value)
    assert "A17" not in _read(tmp_path, "A1700,x,label\nA2,y,1\n", key_column="A1700").said


def test_problems_are_counted_without_values(tmp_path: Path) -> None:
    text = "accession,label\nA1,1\nA2,perhaps\n,1\nA4,\n\nA5,1\nA5,0\nA5,1\nA6\nA1,yes\n"
    table = _read(tmp_path, text)
    assert table.labels == {"A1": B}
    assert [(p.line, p.reason) for p in table.problems] == [
        (3, "unknown_label"),
        (4, "missing_key"),
        (5, "missing_label"),
        (8, "conflicting_label"),
        (9, "conflicting_label"),
        (10, "missing_label"),
    ]
    assert "6 of 9 rows" in table.said


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("", {}, "is empty"),
        ("\n \n", {}, "is empty"),
        ("only\nones\n", {}, "one column"),
        ("accession,label\n", {}, "no rows"),
        ("accession,label\nA1,maybe\nA2,perhaps\n", {}, "fewer than half.*accession, label.*--label-column"),
        ("a,b,id\nq,r,u\n", {}, "a, b, id.*--label-column"),
        ("a,b,label\nx,v,1\nq,z,0\n", {}, "a, b, label.*--key-column"),
        ("id,x1,x2\nA,1,0\nB,0,1\n", {}, "x1, x2.*--label-column"),
        ("id,label,fractured\nA,1,0\nB,0,1\n", {}, "label, fractured.*--label-column"),
        ("id,label\nA,1\n", {"label_column": "diagnosis"}, "'diagnosis'.*id, label"),
        ("id,label\nA,1\n", {"key_column": "label", "label_column": "label"}, "both"),
    ],
)
def test_what_cannot_be_guessed_is_asked_for(
    tmp_path: Path, text: str, columns: dict[str, str], said: str
) -> None:
    with pytest.raises(ParameterError, match=said) as caught:
        _read(tmp_path, text, **columns)
    assert "labels.csv" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"gone\.csv"):
        read_labels(tmp_path / "gone.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    try:
        table = _read(tmp_path_factory.getbasetemp(), raw)
    except ParameterError:
        return
    assert set(table.labels.values()) <= {B, N}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("fractured", B),
        ("not_fractured", N),
        ("Non_fractured", N),
        ("Not Fractured", N),
        ("positive", B),
        ("Normal", N),
        ("study1_positive", B),
        ("study12_negative", N),
        ("1_broken", B),
        ("0_normal", N),
        ("Fraktur", B),
        ("1", None),
        ("yes", None),
        ("study1", None),
        ("wrist", None),
        ("", None),
        ("not_broken", N),
    ],
)
def test_class_folders(name: str, label: str | None) -> None:
    assert class_from_folder(name) == label


def test_files_find_their_keys(tmp_path: Path) -> None:
    uids = _read(tmp_path, "StudyInstanceUID,label\n1.2.3.4.5,1\n")
    assert uids.keys_of("a/b.dcm", study_uid="1.2.3.4.5\0") == ("1.2.3.4.5",)
    assert uids.keys_of("a/b.dcm", study_uid="1.2.3.4.6", accession="1.2.3.4.5") == ()

    folders = _read(tmp_path, "folder,label\nM/valid/p1/study1,1\nM/valid/p2/study1,0\ncase7,0\n")
    assert folders.keys_of("M/valid/p1/study1/i.png") == ("M/valid/p1/study1",)
    assert folders.keys_of("p2/study1/i.png") == ("M/valid/p2/study1",)
    assert folders.keys_of("deep/case7/series/i.dcm") == ("case7",)
    assert folders.keys_of("study1/i.png") == ("M/valid/p1/study1", "M/valid/p2/study1")
    assert replace(folders, root="p2").keys_of("study1/i.png") == ("M/valid/p2/study1",)
    assert folders.keys_of("p3/study1/i.png") == ()
    assert folders.place_of("deep/case7/series/i.dcm") == "deep/case7"
    assert folders.place_of("p3/study1/i.png") == ""
    assert folders.keys_of("elsewhere/i.png") == ()

    files = _read(tmp_path, "image,label\nx/a.png,1\nb,0\n")
    assert files.keys_of("x/a.png") == ("x/a.png",)
    assert files.keys_of("y/b.dcm") == ("b",)
    assert files.keys_of("c.dcm") == ()


@pytest.mark.parametrize("more", [1, 20_000])
def test_a_quotation_mark_that_would_swallow_rows_is_told(tmp_path: Path, more: int) -> None:
    rows = "".join(f"A{i},{i % 2},said\n" for i in range(more))
    for rest in (rows, rows + 'B,0,"x" y\n'):
        with pytest.raises(ParameterError, match="on line 2 goes on to line"):
            _read(tmp_path, f'accession,fracture,report\nA,1,"inch\n{rest}')


def test_a_quotation_mark_that_swallows_nothing_does_no_harm(tmp_path: Path) -> None:
    table = _read(tmp_path, 'accession,fracture,report\nA1,1,"3 cm" cast\nA2,0,5" plate\nA3,1,"so"\n')
    assert len(table.labels) == 3


@pytest.mark.parametrize("title", ["Export of May;;", "Fractures, all clinics"])
def test_a_title_above_the_table_is_told(tmp_path: Path, title: str) -> None:
    text = f"{title}\n\naccession;fracture\nA1;1\nA2;0\n"
    with pytest.raises(ParameterError, match=r"line 1 has one cell, .* if it is a title, take it out"):
        _read(tmp_path, text)
    assert _read(tmp_path, "clinics;\nA1;fractured\nA2;normal\n").labels == {"A1": B, "A2": N}


def test_marks_that_cannot_be_seen_are_no_part_of_a_key(tmp_path: Path) -> None:
    text = "accession,fracture\n\u200bA1,1\n\xa0A2\u200e ,0\n"
    assert _read(tmp_path, text).labels == {"A1": B, "A2": N}


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    text = 'accession,fracture,report\r\nA1,1,"one\r\n\r\n""two"", three"\r\nA2,0,"so\nand so"\r\n'
    assert _read(tmp_path, text).labels == {"A1": B, "A2": N}
