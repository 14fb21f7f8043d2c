"""Read a table of labels as hospitals export it: any delimiter, encoding, heading and spelling."""

from __future__ import annotations

import csv
import functools
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fxcore.errors import ParameterError
from fxcore.labels.columns import choose, has_header, name_of, present
from fxcore.labels.spelling import label_family, label_from_text
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

_DELIMITERS = ",;\t|"
_SAMPLE = 200  # rows that decide on the delimiter, and on headings


@dataclass(frozen=True)
class LabelProblem:
    """A row that gave no label.

    Attributes
    ----------
    line : int
        Line of the file, from 1.
    reason : str
        ``"missing_key"``, ``"missing_label"``, ``"unknown_label"`` or ``"conflicting_label"``.
    """

    line: int
    reason: str


@dataclass(frozen=True)
class LabelTable:
    """Labels by key.

    Attributes
    ----------
    key_kind : str
        What the keys are: ``"StudyInstanceUID"``, ``"AccessionNumber"``, ``"SOPInstanceUID"``,
        ``"PatientID"``, ``"folder"`` or ``"file"``. Folders and files are written with ``/``, without
        ``./`` before and ``/`` behind.
    labels : dict of str to str
        Key to ``"broken"`` or ``"not_broken"``.
    problems : tuple of LabelProblem
        Rows that gave no label, in file order.
    said : str
        One sentence on how the table was understood, for the user.
    """

    key_kind: str
    labels: dict[str, str]
    problems: tuple[LabelProblem, ...]
    said: str

    def keys_of(
        self, source: str, study_uid: str = "", accession: str = "", sop_uid: str = "", patient_id: str = ""
    ) -> tuple[str, ...]:
        """Return the keys in `labels` that stand for a file of the archive: none or one.

        Parameters
        ----------
        source : str
            Path of the file below the archive's root, with ``/``.
        study_uid, accession, sop_uid, patient_id : str
            What the file says of itself, empty where it says nothing.
        """
        if self.key_kind == "folder":
            folders = [str(folder) for folder in PurePosixPath(source).parents if folder.name]
            found = next((key for folder in folders if (key := self.folder_key(folder))), None)
        elif self.key_kind == "file":
            stem = source.removesuffix(PurePosixPath(source).suffix)
            found = self._path_key(source) or self._path_key(stem)
        else:
            said = {"StudyInstanceUID": study_uid, "AccessionNumber": accession, "SOPInstanceUID": sop_uid}
            found = said.get(self.key_kind, patient_id).strip(" \0")
        return (found,) if found and found in self.labels else ()

    def place_of(self, source: str) -> str:
        """Return the folder or file, below the archive's root, that a key by path stands for.

        One key must not stand for two places: the table then does not say which it means. Empty where
        keys are no paths, or none stands for `source`.
        """
        if self.key_kind == "folder":
            folders = (str(folder) for folder in PurePosixPath(source).parents if folder.name)
            return next((folder for folder in folders if self.folder_key(folder)), "")
        stem = source.removesuffix(PurePosixPath(source).suffix)
        return stem if self.key_kind == "file" and self.keys_of(source) else ""

    def folder_key(self, folder: str) -> str | None:
        """Return the key in `labels` that stands for a folder of the archive, None if there is none."""
        return self._path_key(folder)

    def _path_key(self, path: str) -> str | None:
        """Find `path`, or its end, among the keys; or the one key that ends with `path`.

        The table may have been written above the archive's root, or may name folders only.
        """
        parts = path.split("/")
        for start in range(len(parts)):
            if (end := "/".join(parts[start:])) in self.labels:
                return end
        return self._keys_by_ending.get(path)

    @functools.cached_property
    def _keys_by_ending(self) -> dict[str, str | None]:
        """Keys by every path they end with; None where two keys have the same ending."""
        endings: dict[str, str | None] = {}
        for key in self.labels:
            parts = key.split("/")
            for start in range(1, len(parts)):
                end = "/".join(parts[start:])
                endings[end] = None if end in endings else key
        return endings


def read_labels(path: Path, key_column: str = "", label_column: str = "") -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path : Path
        Delimited text: ``,`` ``;`` tab or ``|``; UTF-8, UTF-16 or Windows-1252; with or without headings.
    key_column, label_column : str
        Names of the columns, case and separators ignored, or their numbers from 1. Empty: guessed from the
        names and from what is in the columns.

    Returns
    -------
    LabelTable

    Raises
    ------
    ParameterError
        If the file cannot be read, a column cannot be found or guessed, or no row has a known label.
    """
    where = f"the label table {path}"
    rows, lines = _read_rows(path, where)
    header = has_header(rows[:_SAMPLE])
    width = max(len(r) for r in rows[:_SAMPLE])
    names = [c.strip() for c in rows[0]] if header else [str(i + 1) for i in range(width)]
    rows, lines = rows[header:], lines[header:]
    if not rows:
        raise ParameterError(f"{where} has headings and no rows; {present(names)}")
    columns = choose(names, rows, key_column, label_column, where)

    labels: dict[str, str] = {}
    problems: list[LabelProblem] = []
    conflicting: set[str] = set()
    unknown = ""
    for row, line in zip(rows, lines, strict=True):
        key = _key(row[columns.key] if columns.key < len(row) else "", columns.key_kind)
        text = row[columns.label].strip() if columns.label < len(row) else ""
        label = _label(text, columns.negated)
        if not key or label is None:
            reason = "missing_key" if not key else "unknown_label" if text else "missing_label"
            unknown = unknown or (text if reason == "unknown_label" else "")
            problems.append(LabelProblem(line, reason))
        elif key in conflicting or labels.setdefault(key, label) != label:
            conflicting.add(key)
            labels.pop(key, None)
            problems.append(LabelProblem(line, "conflicting_label"))
    if not labels and not conflicting:
        # A wrongly chosen column may hold names or dates: only what looks like a label is repeated.
        shown = f" (the first value is {unknown!r})" if re.fullmatch(r"[\w-]{1,12}", unknown) else ""
        raise ParameterError(
            f"{where}: no row has a key and a known label in the columns {name_of(names, columns.key)} and "
            f"{name_of(names, columns.label)}{shown}; labels are 0/1, yes/no, fractured/normal, "
            f"positive/negative and the like; {present(names)}; choose with --key-column and --label-column"
        )
    said = (
        f"{'Headings were found' if header else 'There are no headings'}; studies are known by column "
        f"{name_of(names, columns.key)} as {columns.key_kind}{' (guessed)' if columns.key_guessed else ''}, "
        f"labels come from column {name_of(names, columns.label)}"
        f"{' (guessed)' if columns.label_guessed else ''}."
    )
    if columns.negated:
        said += " By its heading, 1 and yes are not broken there."
    if problems:
        counts = Counter(problem.reason for problem in problems)
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        said += f" {len(problems)} of {len(rows)} rows give no label ({told})."
    return LabelTable(columns.key_kind, labels, tuple(problems), said)


def _label(text: str, negated: bool) -> str | None:
    label = label_from_text(text)
    if label is None or not negated or label_family(text) == "class":
        return label
    return LABEL_BROKEN if label == LABEL_NOT_BROKEN else LABEL_NOT_BROKEN


def _key(text: str, kind: str) -> str:
    # DICOM pads UIDs with NUL and text with spaces (PS3.5 section 6.2).
    text = text.strip(" \t\r\n\0")
    if kind in ("folder", "file"):
        text = text.replace("\\", "/").rstrip("/")
        while text.startswith("./"):
            text = text[2:].lstrip("/")
    return text


def _read_rows(path: Path, where: str) -> tuple[list[list[str]], list[int]]:
    """Return the rows that are not blank, and the line each one ends on."""
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        raise ParameterError(f"cannot read {where}: {error.strerror or error}") from error
    delimiter = ""
    if hint := re.match(r"sep=(.)(?=\r?\n)", text):
        # Excel's: the line stays, empty, so that the others keep their numbers.
        delimiter, text = hint[1], text[hint.end() :]
    delimiter = delimiter or _delimiter(text)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ParameterError(f"{where} is not a delimited table: {error} (line {reader.line_num})") from error
    if not rows:
        raise ParameterError(f"{where} is empty")
    if all(len(row) < 2 for row in rows):
        raise ParameterError(
            f"{where} has one column; a key and a label are needed, separated by , ; tab or |"
        )
    return rows, lines


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace").replace("\0", "")
    # Text of the Latin alphabet in UTF-16 without a mark: every other byte is zero.
    head = raw[:512]
    if len(head) > 3 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) // 4:
        order = "utf-16-be" if head[0::2].count(0) > head[1::2].count(0) else "utf-16-le"
        return raw.decode(order, errors="replace")
    try:
        return raw.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace").replace("\0", "")


def _delimiter(text: str) -> str:
    """Return the delimiter that gives most rows the same number of columns, two or more."""
    sample = [line for line in text[:65536].splitlines() if line.strip()][:_SAMPLE]
    best, best_score = ",", (0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(sample, delimiter=delimiter))
        except csv.Error:
            continue
        width, rows = widths.most_common(1)[0] if widths else (1, 0)
        score = (rows, width) if width > 1 else (0, 0)
        if score > best_score:
            best, best_score = delimiter, score
    return best
