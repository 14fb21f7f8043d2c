"""Which column of a label table is the key, which the label, and what kind of key it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fxcore.errors import ParameterError
from fxcore.labels.spelling import is_negation, label_family, label_from_text, plain

# Names, without case and separators, the surest first.
_LABEL_NAMES_TEXT = """
    label labels broken fractured fracture isfractured isbroken isfracture fracturelabel hasfracture
    fracturevisible fx class classlabel target groundtruth gt truth outcome y diagnosis result finding
    abnormal abnormality positive status category fraktur gebrochen fractura frattura fratura fractuur
    zlamanie zlomenina tores kirik перелом καταγμα
"""
_LABEL_NAMES = tuple(_LABEL_NAMES_TEXT.split())
_KEY_KINDS = {
    "StudyInstanceUID": "studyinstanceuid studyuid studyiuid studyinstanceid uid studyinstance",
    "AccessionNumber": """accessionnumber accession accessionno accessionnum accessionnr accno accnr acc
        accnum accessionid anforderungsnummer auftragsnummer examnumber""",
    "SOPInstanceUID": "sopinstanceuid sopuid instanceuid imageuid",
    "folder": "folder foldername dir directory studyfolder studypath studydir case caseid study studyid",
    "file": "file filename filepath image imageid imagename imagepath img dicom dicomfile dcm png filestem",
    "": "path id key name relativepath index",
    "PatientID": "patientid patient patid pid patientnumber patnr",
}
_KINDS_BY_NAME = {name: kind for kind, names in _KEY_KINDS.items() for name in names.split()}
# DICOM PS3.5 section 9.1 and annex B.2, and no version number or date.
_UID = re.compile(r"2\.25\.[0-9]+|[0-9]+(\.[0-9]+){3,}")
# What headings do not hold, but numbers, identifiers and names of patients do.
_PATIENT = re.compile(r"\d{3}|\d\.\d|\^")
_ENOUGH = 0.5  # of a named column's values must be labels for the name to be believed


@dataclass(frozen=True)
class Columns:
    """Positions of the two columns, what they hold, and whether each was asked for or guessed.

    Where the label's heading says what is not broken (``No fracture``), numbers and answers are ``negated``.
    """

    key: int
    label: int
    key_kind: str
    key_guessed: bool
    label_guessed: bool
    negated: bool


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row names the columns: it names a key, or holds neither a UID nor such a label.

    A column may be named ``fractured`` and hold 0 and 1; a column without a name starts as it goes on.
    """
    first, below = [cell.strip() for cell in rows[0]], rows[1:]
    if any(plain(cell) in _KINDS_BY_NAME for cell in first):
        return True
    if any(_UID.fullmatch(cell) for cell in first):
        return False
    for i, cell in enumerate(first):
        if family := label_family(cell):
            families = [label_family(value) for value in _values(below, i)]
            enough = _ENOUGH * len(families)
            # Of numbers and answers one is enough; a word for a class may be a heading.
            alike = enough if family == "class" else min(1, len(families))
            if families.count(family) >= alike and len(families) - families.count("") >= enough:
                return False
    return True


def choose(
    names: Sequence[str], rows: Sequence[Sequence[str]], key_column: str, label_column: str, where: str
) -> Columns:
    """Find the two columns by the options, then by name, then by what is in them.

    Raises
    ------
    ParameterError
        If an option names no column, or nothing sure can be guessed.
    """
    label = _named_column(names, label_column, "label_column", where)
    key = _named_column(names, key_column, "key_column", where)
    if label is None:
        label = _guess_label(names, rows, key, where)
    if key is None:
        key = _guess_key(names, rows, label, where)
    if key == label:
        raise ParameterError(f"{where}: key and label cannot both be the column {name_of(names, key)}")
    kind = _kind(names[key], [r[key] for r in rows if key < len(r) and r[key].strip()])
    negated = is_negation(names[label])
    return Columns(key, label, kind, not key_column, not label_column, negated)


def _named_column(names: Sequence[str], wanted: str, option: str, where: str) -> int | None:
    if not wanted:
        return None
    for matches in (
        [i for i, name in enumerate(names) if name == wanted],
        [i for i, name in enumerate(names) if plain(name) == plain(wanted)],
    ):
        if len(matches) == 1:
            return matches[0]
    if wanted.isdigit() and 1 <= int(wanted) <= len(names):
        return int(wanted) - 1
    raise ParameterError(f"{where} has no single column {wanted!r} ({option}); {present(names)}")


def present(names: Sequence[str]) -> str:
    """Name the columns for a message; where a name has digits or signs as patients have, none of them."""
    if any(_PATIENT.search(name) for name in names):
        return f"it has {len(names)} columns and no heading"
    return f"its columns are: {', '.join(names)}"


def name_of(names: Sequence[str], column: int) -> str:
    """Name one column for a message, as `present` does all."""
    return f"number {column + 1}" if _PATIENT.search(names[column]) else repr(names[column])


def _values(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    return [r[column] for r in rows if column < len(r) and r[column].strip()]


def _share_of_labels(rows: Sequence[Sequence[str]], column: int) -> float:
    values = _values(rows, column)
    return sum(label_from_text(v) is not None for v in values) / len(values) if values else 0.0


def _guess_label(names: Sequence[str], rows: Sequence[Sequence[str]], key: int | None, where: str) -> int:
    others = [i for i in range(len(names)) if i != key]
    named = sorted(
        (i for i in others if plain(names[i]) in _LABEL_NAMES),
        key=lambda i: _LABEL_NAMES.index(plain(names[i])),
    )
    believed = [i for i in named if _share_of_labels(rows, i) >= _ENOUGH]
    if not believed:
        full = [i for i in others if _share_of_labels(rows, i) == 1.0]
        believed = [i for i in full if plain(names[i]) not in _KINDS_BY_NAME] or full
        if len(believed) > 1:
            raise ParameterError(_ambiguous([names[i] for i in believed], names, where))
    if not believed and len(named) == 1:
        return named[0]  # none of its values is a label: the reader says so, and shows one
    if not believed:
        raise ParameterError(
            f"{where}: no column holds labels such as 0/1, yes/no or fractured/normal; {present(names)}. "
            f"Name it with label_column (--label-column)"
        )
    for other in believed[1:]:
        if any(
            label_from_text(r[other]) != label_from_text(r[believed[0]])
            for r in rows
            if max(other, believed[0]) < len(r)
        ):
            raise ParameterError(_ambiguous([names[i] for i in believed], names, where))
    return believed[0]


def _ambiguous(candidates: Sequence[str], names: Sequence[str], where: str) -> str:
    return (
        f"{where}: several columns could hold the labels ({', '.join(candidates)}) and they differ; "
        f"{present(names)}. Name the right one with label_column (--label-column)"
    )


def _guess_key(names: Sequence[str], rows: Sequence[Sequence[str]], label: int, where: str) -> int:
    others = [i for i in range(len(names)) if i != label]
    named = [i for i in others if plain(names[i]) in _KINDS_BY_NAME and _values(rows, i)]
    if named:
        return min(named, key=lambda i: list(_KINDS_BY_NAME).index(plain(names[i])))
    telling = [i for i in others if _kind_of_values(_values(rows, i))]
    if len(others) == 1 or len(telling) == 1:
        return telling[0] if telling else others[0]
    raise ParameterError(
        f"{where}: cannot tell which column names the study; {present(names)}. "
        f"Name it with key_column (--key-column)"
    )


def _kind(name: str, values: Sequence[str]) -> str:
    by_name = _KINDS_BY_NAME.get(plain(name), "")
    by_values = _kind_of_values(values)
    if by_name == "folder":
        return by_values or by_name  # "study" over UIDs or files
    return by_name or by_values or "AccessionNumber"


def _kind_of_values(values: Sequence[str]) -> str:
    if not values:
        return ""
    if all(_UID.fullmatch(v.strip()) for v in values):
        return "StudyInstanceUID"
    paths = [PurePosixPath(v.strip().replace("\\", "/")) for v in values]
    if sum(bool(re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{1,4}", p.suffix)) for p in paths) > len(paths) / 2:
        return "file"
    if sum("/" in v or "\\" in v for v in values) > len(values) / 2:
        return "folder"
    return ""
