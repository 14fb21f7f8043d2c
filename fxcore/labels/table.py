"""Read a table of labels as hospitals export it: any delimiter, encoding, heading and spelling."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fxcore.errors import ParameterError
from fxcore.labels.columns import Columns, choose, labels_under
from fxcore.labels.headings import Headings, headings_of
from fxcore.labels.keys import clean_keys, comparable, composed
from fxcore.labels.rows import READ_AS_WINDOWS, SAMPLE, read_rows
from fxcore.labels.spelling import heading
from fxcore.labels.words import is_empty, plain
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

# Where all labels are of one class, as many other rows, for each labelled one, may be the other class.
_OTHER_CLASS = 0.01
_NO_LABEL = "none"


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
    conflicting : dict of str to int
        Keys that have no label because the rows with them differ, and the line of the first that does.
    unlabelled : dict of str to int
        Keys that have no label because none was understood or written, and the line of the first such row.
    problems : tuple of LabelProblem
        Rows that gave no label, in file order.
    said : str
        One sentence on how the table was understood, for the user.
    key_guessed : bool
        Whether the column of the keys was guessed.
    root : str
        Name of the archive's folder, which tells keys apart that have the same ending.
    """

    key_kind: str
    labels: dict[str, str]
    conflicting: dict[str, int]
    unlabelled: dict[str, int]
    problems: tuple[LabelProblem, ...]
    said: str
    key_guessed: bool
    root: str

    def keys_of(
        self, source: str, study_uid: str = "", accession: str = "", sop_uid: str = "", patient_id: str = ""
    ) -> tuple[str, ...]:
        """Return the keys of the table that stand for a file of the archive.

        None or one; several where the table does not say which of them: all end in the path of the file.

        Parameters
        ----------
        source : str
            Path of the file below the archive's root, with ``/``.
        study_uid, accession, sop_uid, patient_id : str
            What the file says of itself, empty where it says nothing.
        """
        if self.key_kind == "folder":
            folders = [str(folder) for folder in PurePosixPath(source).parents if folder.name]
            return next((keys for folder in folders if (keys := self._path_keys(folder))), ())
        if self.key_kind == "file":
            stem = source.removesuffix(PurePosixPath(source).suffix)
            return self._path_keys(source) or self._path_keys(stem)
        said = {"StudyInstanceUID": study_uid, "AccessionNumber": accession, "SOPInstanceUID": sop_uid}
        found = comparable(said.get(self.key_kind, patient_id))
        return (found,) if found and self._has(found) else ()

    def place_of(self, source: str) -> str:
        """Return the folder or file, below the archive's root, that a key by path stands for.

        One key must not stand for two places: the table then does not say which it means. Empty where
        keys are no paths, or none stands for `source`.
        """
        if self.key_kind == "folder":
            folders = (str(folder) for folder in PurePosixPath(source).parents if folder.name)
            return next((folder for folder in folders if self._path_keys(folder)), "")
        stem = source.removesuffix(PurePosixPath(source).suffix)
        return stem if self.key_kind == "file" and self.keys_of(source) else ""

    def _path_keys(self, path: str) -> tuple[str, ...]:
        """Find `path`, or its end, among the keys; or the keys that end with `path`.

        The table may have been written above the archive's root, or may name folders only.
        """
        path = composed(path)
        parts = path.split("/")
        for start in range(len(parts)):
            if self._has(end := "/".join(parts[start:])):
                return (end,)
        keys = self._keys_by_ending.get(path, [])
        below_root = [key for key in keys if f"/{key}".endswith(f"/{self.root}/{path}")]
        return tuple(below_root or keys)

    def _has(self, key: str) -> bool:
        return key in self.labels or key in self.conflicting or key in self.unlabelled

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, with a label or not."""
        return (*self.labels, *self.conflicting, *self.unlabelled)

    @functools.cached_property
    def _keys_by_ending(self) -> dict[str, list[str]]:
        """Keys by every path they end with."""
        endings: dict[str, list[str]] = {}
        for key in self.keys:
            parts = key.split("/")
            for start in range(1, len(parts)):
                endings.setdefault("/".join(parts[start:]), []).append(key)
        return endings


def read_labels(
    path: Path, key_column: str = "", label_column: str = "", empty_label: str = "", root: str = ""
) -> LabelTable:
    """Read a table of labels.

    Parameters
    ----------
    path : Path
        Delimited text: ``,`` ``;`` tab or ``|``; UTF-8, UTF-16 or Windows-1252; with or without headings.
    key_column, label_column : str
        Names of the columns, case and separators ignored, or their numbers from 1. Empty: guessed from the
        names and from what is in the columns.
    empty_label : str
        What an empty cell of the label column stands for: ``"broken"``, ``"not_broken"``, or ``"none"``, no
        label. Empty: none, but where all labels are of one class it has to be said.
    root : str
        Name of the archive's folder: keys written above it may be told apart by it.

    Returns
    -------
    LabelTable

    Raises
    ------
    ParameterError
        If the file cannot be read, a column cannot be found or guessed, no row has a known label, or all
        have the same and other rows may be of the other class.
    """
    where = f"the label table {path}"
    if empty_label not in ("", LABEL_BROKEN, LABEL_NOT_BROKEN, _NO_LABEL):
        raise ParameterError(
            f"empty_label (--empty-label) is {LABEL_NOT_BROKEN}, {LABEL_BROKEN} or {_NO_LABEL}, "
            f"not {empty_label!r}"
        )
    rows, lines, is_unicode = read_rows(path, where)
    where += "" if is_unicode else READ_AS_WINDOWS
    headings = headings_of(rows[:SAMPLE])
    title = f"{where}: line {lines[0]} has one cell, and the rows below it have more" * _is_title(rows)
    rows, lines = rows[headings.found :], lines[headings.found :]
    if not rows:
        raise ParameterError(f"{where} has headings and no rows; {headings.all()}")
    try:
        columns = choose(headings, rows, key_column, label_column, where)
    except ParameterError as error:
        if not title:
            raise
        raise ParameterError(
            f"{title}; if it is a title, take it out, so that the file begins with its headings"
        ) from error
    keys = clean_keys([row[columns.key] if columns.key < len(row) else "" for row in rows])
    texts = [row[columns.label].strip() if columns.label < len(row) else "" for row in rows]
    given = labels_under(texts, columns.negated)
    if empty_label in (LABEL_BROKEN, LABEL_NOT_BROKEN):
        given = [empty_label if is_empty(text) else label for text, label in zip(texts, given, strict=True)]
    column = f"{where}, column {headings.one(columns.label)}"
    with_key = [row for row, key in zip(zip(texts, given, lines, strict=True), keys, strict=True) if key]
    _refuse_other_class(with_key, column, empty_label)
    labels, conflicting, unlabelled, problems = _by_key(keys, texts, given, lines)
    counts = Counter(problem.reason for problem in problems)
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    if not labels and not conflicting:
        # A wrongly chosen column may hold names or dates: no value of it is repeated.
        raise ParameterError(
            f"{where}: no row has a key and a known label in the columns {headings.one(columns.key)} and "
            f"{headings.one(columns.label)} ({told}); labels are 0/1, yes/no, fractured/normal, "
            f"positive/negative and the like; {headings.all()}; choose with --key-column and --label-column"
        )
    said = _understood(headings, columns)
    if empty_label:
        meant = "no label" if empty_label == _NO_LABEL else empty_label
        said += f" The empty cells ({sum(map(is_empty, texts))}) stand for {meant}."
    if problems:
        said += f" {len(problems)} of {len(rows)} rows give no label ({told})."
    if len(classes := set(labels.values())) == 1:
        said += f" All labels are {classes.pop()}."
    guessed = columns.key_guessed
    return LabelTable(columns.key_kind, labels, conflicting, unlabelled, tuple(problems), said, guessed, root)


def _by_key(
    keys: Sequence[str], texts: Sequence[str], given: Sequence[str | None], lines: Sequence[int]
) -> tuple[dict[str, str], dict[str, int], dict[str, int], list[LabelProblem]]:
    """Return the labels, what is conflicting and unlabelled, and the problems, as `LabelTable` has them.

    Given are key, text, label and line of each row.
    """
    labels: dict[str, str] = {}
    conflicting: dict[str, int] = {}
    unlabelled: dict[str, int] = {}
    problems: list[LabelProblem] = []
    for key, text, label, line in zip(keys, texts, given, lines, strict=True):
        if not key or label is None:
            reason = "missing_key" if not key else "missing_label" if is_empty(text) else "unknown_label"
            problems.append(LabelProblem(line, reason))
            if key:
                unlabelled.setdefault(key, line)
        elif key in conflicting or labels.setdefault(key, label) != label:
            conflicting.setdefault(key, line)
            labels.pop(key, None)
            problems.append(LabelProblem(line, "conflicting_label"))
    unlabelled = {k: at for k, at in unlabelled.items() if k not in labels and k not in conflicting}
    return labels, conflicting, unlabelled, problems


def _is_title(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the first row has one cell, where most have more."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows[:SAMPLE]]
    return filled[0] == 1 and 2 * sum(count > 1 for count in filled) > len(filled)


def _refuse_other_class(cells: Sequence[tuple[str, str | None, int]], where: str, empty_label: str) -> None:
    """Refuse labels of one class beside as many cells without one as may be the other class.

    Parameters
    ----------
    cells : sequence of (str, str or None, int)
        Text, label and line of each cell that has a key.
    where, empty_label : str
        The column, for a message; and what the user said of its empty cells.
    """
    classes = Counter(label for _, label, _ in cells if label)
    if len(classes) != 1:
        return
    ((only, known),) = classes.items()
    few = max(1.0, _OTHER_CLASS * known)
    unknown = [(plain(text), line) for text, label, line in cells if not (label or is_empty(text))]
    if len(unknown) > few:
        most = Counter(text for text, _ in unknown).most_common(1)[0][0]
        raise ParameterError(
            f"{where}: all labels that were understood are {only}, and {len(unknown)} rows have another text "
            f"(the most frequent is on line {dict(unknown)[most]}); write it as 0 or 1, yes or no, fractured "
            "or normal; if it is neither, leave the cell empty"
        )
    empty = len(cells) - known - len(unknown)
    if empty > few and not empty_label:
        raise ParameterError(
            f"{where}: all labels are {only}, and {empty} cells are empty; say what these stand for with "
            f"empty_label (--empty-label): {LABEL_NOT_BROKEN}, {LABEL_BROKEN}, or {_NO_LABEL} to leave out "
            "their studies"
        )


def _understood(headings: Headings, columns: Columns) -> str:
    found = "There are no headings"
    if headings.found:
        found = "Headings were found" if headings.known else "The first row was taken for headings"
    key, label = (" (guessed)" if guessed else "" for guessed in (columns.key_guessed, columns.label_guessed))
    said = (
        f"{found}; studies are known by column {headings.one(columns.key)} as {columns.key_kind}{key}, "
        f"labels come from column {headings.one(columns.label)}{label}."
    )
    if columns.negated:
        return f"{said} By its heading, 1 and yes are not broken there."
    if not (columns.label_guessed or heading(headings.names[columns.label]).known):
        return f"{said} Its heading is not known: 1 and yes are broken there."
    return said
