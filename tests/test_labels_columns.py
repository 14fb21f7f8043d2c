"""Which column of a table of labels is taken, and what its empty cells are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fxcore.errors import ParameterError
from fxcore.labels import LABEL_BROKEN, LABEL_NOT_BROKEN, LabelTable, read_labels

B, N = LABEL_BROKEN, LABEL_NOT_BROKEN


def _read(tmp_path: Path, text: str, **options: str) -> LabelTable:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return read_labels(path, **options)


@pytest.mark.parametrize("beside", ["reader2_fracture", "ulna_fracture", "old fracture"])
def test_the_fracture_of_a_part_is_not_guessed_beside_another(tmp_path: Path, beside: str) -> None:
    text = f"Accession;radius_fracture;{beside}\nA1;1;0\nA2;0;1\n"
    with pytest.raises(ParameterError, match=rf"radius_fracture.*{beside}.*--label-column"):
        _read(tmp_path, text)
    text = f"Accession;{beside};fracture;wrist_fracture\nA1;1;1;0\nA2;0;0;1\n"
    assert _read(tmp_path, text).labels == {"A1": B, "A2": N}


def test_no_fracture_of_one_part_is_no_heading_to_guess(tmp_path: Path) -> None:
    for columns in ({}, {"label_column": "no wrist fracture"}):
        with pytest.raises(ParameterError, match=r"make it `fracture`.*--label-column"):
            _read(tmp_path, "Accession;no wrist fracture\nA1;1\nA2;0\n", **columns)


@pytest.mark.parametrize("report", ["Befund", "diagnosis"])
@pytest.mark.parametrize("label", ["Fraktur", "label", "Radiusfraktur"])
def test_a_report_beside_the_label_is_passed_over(tmp_path: Path, report: str, label: str) -> None:
    for texts in (("Fraktur", "Prellung", "unauffällig"), ("loco typico", "Prellung", "unauffällig")):
        rows = "".join(f"A{i};{t};{v}\n" for i, (t, v) in enumerate(zip(texts, "100", strict=True)))
        if label == "Radiusfraktur" and texts[0] == "Fraktur":
            continue  # the report is then as good a column
        assert _read(tmp_path, f"Accession;{report};{label}\n{rows}").labels == {"A0": B, "A1": N, "A2": N}
    with pytest.raises(ParameterError, match="several columns"):
        _read(tmp_path, f"Accession;{report};fracture\nA0;Fraktur;0\nA1;normal;0\n")


def test_empty_cells_are_no_text_that_contradicts_nothing(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="several columns"):
        _read(tmp_path, "Accession;abnormal;fracture\nA0;1;1\nA1;1;\nA2;0;0\n")


def test_it_is_said_what_one_is_under_a_heading_that_is_not_known(tmp_path: Path) -> None:
    text = "Accession;control\nA1;1\nA2;0\n"
    assert "1 and yes are broken there" in _read(tmp_path, text, label_column="control").said


@pytest.mark.parametrize("values", [("1", "0"), ("yes", "no")])
def test_numbers_and_answers_under_an_unknown_heading_are_not_guessed(
    tmp_path: Path, values: tuple[str, str]
) -> None:
    text = f"Accession;cast\nA1;{values[0]}\nA2;{values[1]}\n"
    with pytest.raises(ParameterError, match=r"'cast'.*--label-column"):
        _read(tmp_path, text)
    assert _read(tmp_path, text, label_column="cast").labels == {"A1": B, "A2": N}


def test_words_for_classes_are_guessed_under_any_heading(tmp_path: Path) -> None:
    assert _read(tmp_path, "Accession;cast\nA1;broken\nA2;normal\n").labels == {"A1": B, "A2": N}


def test_a_labelled_column_with_an_odd_value_is_not_passed_over(tmp_path: Path) -> None:
    table = _read(
        tmp_path, "Accession;cast;fracture_status\nA1;yes;no\nA2;no;yes\nA3;no;no\nA4;yes;unclear\n"
    )
    assert table.labels == {"A1": N, "A2": B, "A3": N}


@pytest.mark.parametrize("other", ["cast", "Geschlecht", "Untersuchung"])
@pytest.mark.parametrize("values", ["yes no no yes", "F F F F", "normal broken normal broken"])
@pytest.mark.parametrize("name", ["fracture", "fracture_code"])
def test_no_other_column_takes_the_place_of_one_named_so(
    tmp_path: Path, other: str, values: str, name: str
) -> None:
    codes = zip(values.split(), ["S52.5", "", "S52.6", ""], strict=True)
    rows = "".join(f"A{i};{value};{code}\n" for i, (value, code) in enumerate(codes))
    with pytest.raises(ParameterError, match=f"'{name}'.*--label-column"):
        _read(tmp_path, f"Accession;{other};{name}\n{rows}")


def test_one_of_two_columns_of_classes_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="several columns"):
        _read(tmp_path, "Accession;rest;x1\nA1;normal;normal\nA2;broken;broken\nA3;normal;unclear\n")


def test_a_text_as_frequent_as_a_class_is_not_dropped(tmp_path: Path) -> None:
    rows = "".join(f"A{i};{value}\n" for i, value in enumerate(["ja"] * 9 + ["weiss nicht"] * 2 + ["hm"]))
    with pytest.raises(ParameterError, match=r"understood are broken, and 3 rows.*line 12") as caught:
        _read(tmp_path, f"Accession;Fraktur\n{rows}")
    assert "weiss" not in str(caught.value)
    assert len(_read(tmp_path, f"Accession;Fraktur\n{rows}B;nein\n").problems) == 3


def test_an_empty_cell_may_be_written_nan(tmp_path: Path) -> None:
    text = "acc;fracture\nA1;1\nA2;NaN\nA3;0\nA4;#N/A\nA5;nan\nA6;NULL\nA7;\n"
    table = _read(tmp_path, text)
    assert table.labels == {"A1": B, "A3": N}
    assert {problem.reason for problem in table.problems} == {"missing_label"}
    assert _read(tmp_path, text, empty_label=N).labels == {f"A{i}": B if i == 1 else N for i in range(1, 8)}


@pytest.mark.parametrize("value", ["1", "1.0", "ja", "x", "✓", "fracture"])
@pytest.mark.parametrize("empty", ["", "nan"])
def test_empty_cells_beside_one_class_are_asked_about(tmp_path: Path, value: str, empty: str) -> None:
    text = f"filestem;cast;fracture_visible\nA1;;{value}\nA2;1;{empty}\nA3;;{value}\nA4;;{empty}\n;;\n"
    with pytest.raises(ParameterError, match=r"all labels are broken, and 2 cells are empty.*--empty-label"):
        _read(tmp_path, text)
    ones = {"A1": B, "A3": B}
    table = _read(tmp_path, text, empty_label="not_broken")
    assert table.labels == ones | {"A2": N, "A4": N}
    assert "empty cells (2) stand for not_broken" in table.said
    table = _read(tmp_path, text, empty_label="none")
    assert (table.labels, len(table.problems)) == (ones, 2)
    with pytest.raises(ParameterError, match="none, not 'no'"):
        _read(tmp_path, text, empty_label="no")


def test_a_tick_beside_other_values_is_no_label(tmp_path: Path) -> None:
    assert _read(tmp_path, "acc;fracture\nA1;1\nA2;x\nA3;0\n").labels == {"A1": B, "A3": N}
    assert _read(tmp_path, "acc;normal;y\nA1;x;\nA2;;x\n", empty_label=N, label_column="y").labels["A2"] == B


def test_texts_that_are_all_different_may_be_a_class(tmp_path: Path) -> None:
    rows = "".join(f"A{i};no\n" for i in range(60)) + "B1;hairline, distal\nB2;Colles\n"
    with pytest.raises(ParameterError, match="understood are not_broken, and 2 rows"):
        _read(tmp_path, f"acc;fracture\n{rows}")


def test_labels_of_one_class_are_said(tmp_path: Path) -> None:
    assert "All labels are broken." in _read(tmp_path, "acc;fracture\nA1;1\nA2;\nA3;1\n").said


def test_a_table_of_fractures_is_read_with_one_option(tmp_path: Path) -> None:
    heads = "filestem,patient_id,study_number,timehash,gender,age,laterality,projection,initial_exam"
    heads += ",ao_classification,cast,diagnosis_uncertain,osteopenia,fracture_visible,metal"
    rows = [f"000{i}_WRI-L{i},{i},1,129,M,14,L,{i},1,,1,,,{1 if i < 4 else ''}," for i in range(1, 7)]
    table = _read(tmp_path, "\n".join([heads, *rows]), empty_label="not_broken")
    assert (table.key_kind, list(table.labels.values())) == ("file", [B] * 3 + [N] * 3)


@pytest.mark.parametrize("vague", ["id", "index", "key", "name", "case", "study", "path"])
def test_a_running_number_is_no_key_beside_another(tmp_path: Path, vague: str) -> None:
    text = f"{vague};Untersuchungsnr;Report;Fraktur\n1;U17;a b;1\n2;U16;b c;0\n3;U15;c d;0\n"
    with pytest.raises(
        ParameterError, match=rf"'{vague}' may be a running.*'Untersuchungsnr' may.*--key-col"
    ):
        _read(tmp_path, text)
    assert list(_read(tmp_path, text, key_column=vague).labels) == ["1", "2", "3"]
    assert list(_read(tmp_path, text.replace("U15", "U16")).labels) == ["1", "2", "3"]
    paths = text.replace("\n1;", "\na/1;").replace("\n2;", "\na/2;")
    assert list(_read(tmp_path, paths).labels) == ["a/1", "a/2", "3"]


def test_of_two_identifiers_one_that_is_there_is_the_key(tmp_path: Path) -> None:
    text = "StudyInstanceUID;AccessionNumber;PatientID;fracture\n1.2.3.4;A1;P1;1\n;A2;P2;0\n"
    assert list(_read(tmp_path, text).labels) == ["A1", "A2"]
    assert "1.2.3.4" in _read(tmp_path, text.replace("\n;A2", "\n1.2.3.5;")).labels


def test_a_table_that_is_not_in_unicode_says_so(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes("Accession;перелом\nA1;да\nA2;нет\n".encode("cp1251"))
    with pytest.raises(ParameterError, match=r"read as Windows-1252.*save it as CSV UTF-8"):
        read_labels(tmp_path / "labels.csv")
