"""What is refused rather than guessed in a table of labels, and what headings and phrases say."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from fxcore.errors import ParameterError
from fxcore.labels import (
    LABEL_BROKEN,
    LABEL_NOT_BROKEN,
    LabelTable,
    class_from_folder,
    label_from_text,
    read_labels,
)
from fxcore.labels.spelling import heading as heading_of

B, N = LABEL_BROKEN, LABEL_NOT_BROKEN


def _read(tmp_path: Path, text: str | bytes, **columns: str) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_labels(path, **columns)


@pytest.mark.parametrize(
    "heading",
    [
        "is_normal",
        "isNormal",
        "Normal (1=yes)",
        "fracture_free",
        "fracture_excluded",
        "kein Bruch",
        "unauffaellig",
        "Fraktur ausgeschlossen",
        "Frakturausschluss",
        "nofracture_label",
        "No Finding",
        "isNotBroken",
        "нет перелома",
        "label (0 = fracture, 1 = normal)",
        "Fraktur ausgeschl.",
        "fracture ruled out",
        "absence de fracture",
        "kırıksız",
        "gesund",
        "o.B.",
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_one_is_not_broken_under_a_heading_that_denies(tmp_path: Path, heading: str, named: bool) -> None:
    columns = {"label_column": heading} if named else {}
    table = _read(tmp_path, f"Accession;{heading}\n00012340;1\n00012341;0\n00012342;1\n", **columns)
    assert table.labels == {"00012340": N, "00012341": B, "00012342": N}


@pytest.mark.parametrize(
    "heading",
    [
        "hasFracture",
        "fracture_status",
        "Fraktur ja/nein",
        "Fracture (Y/N)",
        "Fraktur (0/1)",
        "Fracture (0=no, 1=yes)",
        "Fracture (no=0, yes=1)",
        "Fracture (0 = none, 1 = present)",
        "Fracture (0=absence,1=presence)",
        "Fracture (0-no; 1-yes)",
        "Normal=0 Fracture=1",
        "Normal (1=fracture)",
        "abnormal",
        "fracture visible",
        "перелом",
        "fracture positive",
        "Fraktur (0=nein, 1=ja, 9=unklar)",
        "Is there a fracture?",
        "Présence d'une fracture",
        "Kırık var mı?",
        "fracture_absent_present",
        "final_label",
        "y_true",
        "wrist_fracture",
        "distal radius fracture",
        "Distale Radiusfraktur",
        "Handgelenksfraktur",
    ],
)
def test_one_is_broken_under_other_headings(tmp_path: Path, heading: str) -> None:
    table = _read(tmp_path, f"Accession;{heading}\nA1;1\nA2;0\nA3;0\n")
    assert table.labels == {"A1": B, "A2": N, "A3": N}


@pytest.mark.parametrize(
    "heading",
    [
        "fracture/no fracture",
        "Fraktur nicht ausgeschlossen",
        "fx (1=left)",
        "fx (1=no)",
        "positive/negative",
        "Result (pos/neg)",
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_heading_that_contradicts_itself_is_refused_over_numbers(
    tmp_path: Path, heading: str, named: bool
) -> None:
    columns = {"label_column": heading} if named else {}
    with pytest.raises(ParameterError, match="does not say what 1 and yes stand for"):
        _read(tmp_path, f"Accession;{heading}\nA1;1\nA2;0\n", **columns)
    words = _read(tmp_path, f"Accession;{heading}\nA1;fractured\nA2;normal\n", **columns)
    assert words.labels == {"A1": B, "A2": N}


@pytest.mark.parametrize(
    "heading",
    [
        "fracture, not displaced",
        "normal_bone_density",
        "no_old_fx",
        "non_displaced",
        "excluded",
        "Fracture No.",
    ],
)
def test_a_heading_that_denies_something_unknown_is_refused_over_numbers(
    tmp_path: Path, heading: str
) -> None:
    text = f"Accession;{heading}\nA1;1\nA2;0\n"
    for columns in ({}, {"label_column": heading}):
        with pytest.raises(ParameterError, match=r"--label-column|make it `fracture`"):
            _read(tmp_path, text, **columns)


@pytest.mark.parametrize(
    "values", ["var yok", "present absent", "Presente ausente", "vorhanden keine", "présente absente"]
)
def test_answers_of_one_word(tmp_path: Path, values: str) -> None:
    yes, no = values.split()
    assert _read(tmp_path, f"Accession;kırık\nA1;{yes}\nA2;{no}\n").labels == {"A1": B, "A2": N}
    assert _read(tmp_path, f"Accession;normal\nA1;{yes}\nA2;{no}\n").labels == {"A1": N, "A2": B}


@pytest.mark.parametrize(
    "heading",
    [
        "No. of fractures",
        "no_of_fractures",
        "Nº de fracturas",
        "Nº fraturas",
        "No. Fx",
        "No. bone fractures",
        "№ перелома",
        "No de fractures",
    ],
)
def test_what_counts_fractures_denies_none(tmp_path: Path, heading: str) -> None:
    expected = {"A1": B, "A2": N}
    assert _read(tmp_path, f"Accession;{heading}\nA1;1\nA2;0\n", label_column=heading).labels == expected
    with pytest.raises(ParameterError, match="--label-column"):
        _read(tmp_path, f"Accession;{heading}\nA1;1\nA2;0\n")
    text = f"Accession;{heading};fracture\nA1;3;1\nA2;0;0\nA3;1;1\n"
    assert _read(tmp_path, text).labels == expected | {"A3": B}


@pytest.mark.parametrize(("heading", "values"), [("fractures", "0 1 2"), ("label", "0 1 2 3")])
@pytest.mark.parametrize("named", [True, False])
def test_counts_are_asked_about(tmp_path: Path, heading: str, values: str, named: bool) -> None:
    rows = "".join(f"A{value};{value}\n" for value in values.split())
    columns = {"label_column": heading} if named else {}
    with pytest.raises(ParameterError, match=r"numbers above 1.*write 0 and 1"):
        _read(tmp_path, f"Accession;{heading}\n{rows}", **columns)
    coded = f"{heading} (0=no, 1=yes, 2=unclear, 3=old)"
    assert _read(tmp_path, f"Accession;{coded}\n{rows}").labels == {"A0": N, "A1": B}


def test_a_letter_and_a_word_are_no_pair_of_answers() -> None:
    assert heading_of("y_no_fracture").one == N
    assert heading_of("fracture_y_n").one == B


@pytest.mark.parametrize("values", ["F N F N", "F F F F", "f m f m"])
def test_f_alone_may_be_a_fracture(tmp_path: Path, values: str) -> None:
    rows = "".join(f"A{i},{value}\n" for i, value in enumerate(values.split()))
    with pytest.raises(ParameterError, match="holds F and no T"):
        _read(tmp_path, f"Accession,label\n{rows}")


def test_f_beside_t_is_false(tmp_path: Path) -> None:
    assert _read(tmp_path, "Accession,label\nA1,T\nA2,F\n").labels == {"A1": B, "A2": N}


@pytest.mark.parametrize("values", ["1 1 1 2", "1 -1 1 -1", "0 2 0 2", "1 2 2 1"])
@pytest.mark.parametrize("columns", [{}, {"label_column": "fracture"}])
def test_numbers_of_which_one_is_known_are_refused(
    tmp_path: Path, values: str, columns: dict[str, str]
) -> None:
    rows = "".join(f"A{i};{value}\n" for i, value in enumerate(values.split()))
    with pytest.raises(ParameterError, match=r"not both 0 and 1.*write 0 and 1"):
        _read(tmp_path, f"Accession;fracture\n{rows}", **columns)
    assert len(_read(tmp_path, f"Accession;fracture\n{rows}B1;0\nB2;1\n", **columns).problems) in (1, 2)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("aucune fracture", N),
        ("ingen fraktur", N),
        ("brak złamania", N),
        ("nessuna frattura", N),
        ("o.B.", N),
        ("kırık var", B),
        ("kırık yok", N),
        ("WAHR", B),
        ("FALSCH", N),
        ("VRAI", B),
        ("FAUX", N),
        ("no evidence of fracture", N),
        ("kein Befund", N),
        ("keine Brueche", N),
        ("unauffaellig", N),
        ("normal, no fracture", N),
        ("Fraktur nicht ausgeschlossen", None),
        ("fracture healed", None),
        ("no fracture, fracture", None),
        ("fracture status", None),
        ("Befund", None),
        ("not normal", None),
        ("no fracture?", None),
        ("fracture 2", None),
        ("positive/negative", None),
        ("not positive", N),
        ("fracture ruled out", N),
        ("absence de fracture", N),
    ],
)
def test_phrases(text: str, label: str | None) -> None:
    assert label_from_text(text) == label
    assert label_from_text(text.upper()) == label


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("unauffaellig", N),
        ("Normals", N),
        ("aucune fracture", N),
        ("0_no_fracture", N),
        ("fracture_present", B),
        ("fracture status", None),
        ("OB", None),
        ("findings", None),
    ],
)
def test_class_folders_of_other_spellings(name: str, label: str | None) -> None:
    assert class_from_folder(name) == label


def test_a_patient_is_no_key_beside_something_finer(tmp_path: Path) -> None:
    assert _read(tmp_path, "PatientID;Acc Number;Fraktur\nP1;A1;ja\n").key_kind == "AccessionNumber"
    with pytest.raises(ParameterError, match=r"'Untersuchung' may name the study.*--key-column"):
        _read(tmp_path, "PatientID;Untersuchung;Fraktur\nP1;A1;ja\nP1;A2;nein\n")
    assert _read(tmp_path, "MRN;Fraktur\nP1;ja\nP2;nein\n").key_kind == "PatientID"
    assert _read(tmp_path, "PatientID;Seite;Fraktur\nP1;re;ja\nP2;re;nein\n").key_kind == "PatientID"


def test_what_spreadsheets_put_around_keys_is_taken_off(tmp_path: Path) -> None:
    table = _read(tmp_path, 'acc;label\n="00012345";1\n\'00012346;0\n"=""00012347""";1\n')
    assert list(table.labels) == ["00012345", "00012346", "00012347"]
    assert list(_read(tmp_path, "acc;label\n12345.0;1\n12346.0;0\n").labels) == ["12345", "12346"]
    assert list(_read(tmp_path, "acc;label\n12345.0;1\nA1;0\n").labels) == ["12345.0", "A1"]


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_are_one_letter_or_two(tmp_path: Path, forms: tuple[str, str]) -> None:
    key, folder = (unicodedata.normalize(form, "Müller") for form in forms)
    table = _read(tmp_path, f"folder;label\n{key};1\n")
    assert table.keys_of(f"{folder}/1.dcm") == ("Müller",)
    assert table.place_of(f"{folder}/1.dcm") == folder


def test_most_keys_tell_their_kind(tmp_path: Path) -> None:
    assert _read(tmp_path, "Study,label\n1.2.3.4.5,1\n1.2.3.4.6,0\nTotal,\n").key_kind == "StudyInstanceUID"


@pytest.mark.parametrize("column", ["Name", "DOB", "PatID"])
def test_no_value_is_in_a_message(tmp_path: Path, column: str) -> None:
    text = "Name;DOB;PatID;Accession;label\nMueller;1959-12-31;4711-0815;A1;1\n"
    with pytest.raises(ParameterError, match="1 unknown_label") as caught:
        _read(tmp_path, text, label_column=column)
    assert not any(value in str(caught.value) for value in ("Mueller", "1959", "4711"))


@pytest.mark.parametrize("label", ["unklar", "normal"])
def test_a_first_row_that_may_be_a_patient_is_not_in_a_message(tmp_path: Path, label: str) -> None:
    with pytest.raises(ParameterError, match="no headings that are known") as caught:
        _read(tmp_path, f"Meier Hans;{label};x\nHuber Franz;vielleicht;y\n")
    assert "Meier" not in str(caught.value)
    table = _read(tmp_path, "Meier Hans;unklar\nHuber Franz;broken\n")
    assert "The first row was taken for headings" in table.said
    assert "Meier" not in table.said


@pytest.mark.parametrize("raw", [b"PK\x03\x04\x14\0,a\nb,c\n", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1,a\nb,c\n"])
def test_a_workbook_is_told_from_text(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(ParameterError, match=r"labels\.csv is a workbook.*save it as CSV"):
        _read(tmp_path, raw)
