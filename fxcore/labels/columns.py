"""Which column of a label table is the key, which the label, and what kind of key it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fxcore.errors import ParameterError
from fxcore.labels.headings import ENOUGH, Headings, Rows, values_of
from fxcore.labels.keys import KINDS_BY_NAME, kind_of_column, kind_of_values
from fxcore.labels.spelling import codes, heading, label_family, label_from_text, number_from_text
from fxcore.labels.words import SEVERAL, is_empty, plain, tokens
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

_NAME_IT = "Name the right one with label_column (--label-column)"
# What people tick a cell with; beside other values it may stand for anything.
_TICKS = frozenset("xX✓✔☑☒")
# Identifiers of DICOM that a column may hold for some of its rows only; one this full is as good as another.
_IDENTIFIERS, _FULL = ("StudyInstanceUID", "AccessionNumber"), 0.9
_VAGUE = ("case", "study")  # names of columns that may also number the rows
_WRITE = "write 0 and 1, yes and no, or fractured and normal instead"


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


def choose(headings: Headings, rows: Rows, key_column: str, label_column: str, where: str) -> Columns:
    """Find the two columns by the options, then by name, then by what is in them.

    Raises
    ------
    ParameterError
        If an option names no column, nothing sure can be guessed, or the labels do not say which of two
        values is which.
    """
    label = headings.position(label_column, "label_column", where) if label_column else None
    key = headings.position(key_column, "key_column", where) if key_column else None
    if label is None:
        label = _guess_label(headings, rows, key, where)
    if key is None:
        key = _guess_key(headings, rows, label, where)
    if key == label:
        raise ParameterError(f"{where}: key and label cannot both be the column {headings.one(key)}")
    _refuse_unclear(headings, label, values_of(rows, label), where)
    kind = kind_of_column(headings.names[key], values_of(rows, key))
    negated = heading(headings.names[label]).one == LABEL_NOT_BROKEN
    return Columns(key, label, kind, not key_column, not label_column, negated)


def labels_under(texts: Sequence[str], negated: bool) -> list[str | None]:
    """Return the labels of a column, whose heading may say that 1, yes and ticks are not broken."""
    filled = {text.strip() for text in texts if not is_empty(text)}
    if filled and filled <= _TICKS:
        texts = ["" if is_empty(text) else "1" for text in texts]
    return [_label_under(text, negated) for text in texts]


def _label_under(text: str, negated: bool) -> str | None:
    label = label_from_text(text)
    if label is None or not negated or label_family(text) == "class":
        return label
    return LABEL_BROKEN if label == LABEL_NOT_BROKEN else LABEL_NOT_BROKEN


def _refuse_unclear(headings: Headings, column: int, values: Sequence[str], where: str) -> None:
    """Refuse a column whose numbers or answers do not say which of them is broken."""
    what = f"{where}: the column {headings.one(column)}"
    numbers = {number for value in values if (number := number_from_text(value)) is not None}
    if len(numbers & {0.0, 1.0}) == 1 and numbers - {0.0, 1.0}:
        raise ParameterError(
            f"{what} holds {'0' if 0.0 in numbers else '1'} and other numbers, but not both 0 and 1: they do "
            f"not say which is broken; {_WRITE}"
        )
    name = headings.names[column]
    counts = 3.0 in numbers or not SEVERAL.isdisjoint(tokens(name))
    if 2.0 in numbers and counts and "2" not in codes(name):
        raise ParameterError(
            f"{what} holds numbers above 1, which may count fractures or grade them; {_WRITE}, and leave "
            "empty what is neither"
        )
    letters = {plain(value) for value in values}
    if "f" in letters and not letters & {"t", "true"}:
        raise ParameterError(
            f"{what} holds F and no T: it may stand for false, fracture or female; {_WRITE}, or name another "
            "column with label_column (--label-column)"
        )
    if not heading(headings.names[column]).one and {label_family(v) for v in values} & {"number", "answer"}:
        raise ParameterError(
            f"{what} has a heading that does not say what 1 and yes stand for; make it `fracture` or "
            "`no fracture`, write fractured and normal below it, or name another column with label_column "
            "(--label-column)"
        )


def _share(labels: Sequence[str | None], texts: Sequence[str]) -> float:
    """Return how many of the cells that are not empty hold labels, in [0, 1]."""
    return (len(labels) - labels.count(None)) / max(1, sum(not is_empty(text) for text in texts))


def _believed(columns: Sequence[int], values: Mapping[int, Sequence[str]]) -> list[int]:
    """Return which of some columns, named so, hold labels enough."""
    return [i for i in columns if _share(labels_under(values[i], negated=False), values[i]) >= ENOUGH]


def _guess_label(headings: Headings, rows: Rows, key: int | None, where: str) -> int:
    values = {i: found for i in range(len(headings.names)) if i != key and (found := values_of(rows, i))}
    said = {i: heading(headings.names[i]) for i in values if headings.found}
    named = [i for i in said if said[i].known]
    believed = _believed(named, values)
    if not believed and not any(said[i].fracture for i in named):
        likely = [i for i in said if said[i].likely]
        if likely and all(one.likely for one in said.values() if one.fracture):
            named, believed = likely, _believed(likely, values)
    if named:
        return _agreeing(believed, named, headings, rows, where)
    return _guess_by_values(values, headings, where)


def _guess_by_values(values: Mapping[int, Sequence[str]], headings: Headings, where: str) -> int:
    """Return the one column that holds nothing but words for classes, where no heading tells."""
    shares = {i: _share([label_from_text(text) for text in found], found) for i, found in values.items()}
    full_enough = [i for i, share in shares.items() if share >= ENOUGH]
    if headings.found:
        full_enough = [i for i in full_enough if plain(headings.names[i]) not in KINDS_BY_NAME] or full_enough
    if not full_enough:
        raise ParameterError(
            f"{where}: no column holds labels such as 0/1, yes/no or fractured/normal; {headings.all()}. "
            f"{_NAME_IT}"
        )
    others = [i for i in values if headings.found and heading(headings.names[i]).fracture]
    candidates = sorted({*full_enough, *others})
    if len(candidates) > 1:
        raise ParameterError(_ambiguous(candidates, headings, where))
    only = candidates[0]
    if shares[only] < 1 or (headings.found and any(label_family(v) != "class" for v in values[only])):
        # Words such as fractured and normal say what they mean under any heading, 1 and yes do not.
        _refuse_unclear(headings, only, values[only], where)
        raise ParameterError(
            f"{where}: the column {headings.one(only)} may hold the labels, or something else; "
            f"{headings.all()}. {_NAME_IT}; 1 and yes are then broken"
        )
    return only


def _agreeing(
    believed: Sequence[int], named: Sequence[int], headings: Headings, rows: Rows, where: str
) -> int:
    """Return the column that holds labels, best of a fracture, of those named so, if the others agree."""
    if not believed:
        raise ParameterError(
            f"{where}: by its heading {headings.some(named)} holds the labels, but fewer than half of the "
            f"values are labels such as 0/1, yes/no or fractured/normal; {headings.all()}. {_NAME_IT}, or "
            "write such labels"
        )
    if len(believed) == 1:
        return believed[0]
    cells = {i: [row[i] if i < len(row) else "" for row in rows] for i in believed}
    said = {i: heading(headings.names[i]) for i in believed}
    labels = {i: labels_under(cells[i], said[i].one == LABEL_NOT_BROKEN) for i in believed}
    best = max(believed, key=lambda i: (said[i].fracture, len(rows) - labels[i].count(None)))
    for i in believed:
        both = zip(labels[i], cells[i], labels[best], cells[best], strict=True)
        # A text that is not understood contradicts nothing: a report often stands beside the label.
        if any(x != y and (x or is_empty(a)) and (y or is_empty(b)) for x, a, y, b in both):
            raise ParameterError(_ambiguous(believed, headings, where))
    return best


def _ambiguous(candidates: Sequence[int], headings: Headings, where: str) -> str:
    return (
        f"{where}: several columns could hold the labels ({headings.some(candidates)}) and they differ; "
        f"{headings.all()}. {_NAME_IT}"
    )


def _guess_key(headings: Headings, rows: Rows, label: int, where: str) -> int:
    others = [i for i in range(len(headings.names)) if i != label]
    names = [plain(name) for name in headings.names]
    filled = {i: found for i in others if (found := values_of(rows, i))}
    named = [i for i in filled if names[i] in KINDS_BY_NAME]
    if named:
        sure = [i for i in named if KINDS_BY_NAME[names[i]] in _IDENTIFIERS]
        fullest = max((len(filled[i]) for i in sure), default=0)
        best = min(
            [i for i in sure if len(filled[i]) > _FULL * fullest] or named,
            key=lambda i: list(KINDS_BY_NAME).index(names[i]),
        )
        finer = [i for i in filled if i not in named and len(set(filled[i])) == len(rows)]
        kind, doubt = KINDS_BY_NAME[names[best]], ""
        if kind == "PatientID":
            doubt = "names patients, who may have several studies"
        elif (not kind or names[best] in _VAGUE) and not kind_of_values(filled[best]):
            doubt = "may be a running number"
            # Reports all differ as well.
            finer = [i for i in finer if not any(" " in value.strip() for value in filled[i])]
        if not (doubt and finer):
            return best
        raise ParameterError(
            f"{where}: the column {headings.one(best)} {doubt}, and {headings.some(finer)} may name the "
            f"study; {headings.all()}. Name the right one with key_column (--key-column)"
        )
    telling = [i for i in others if kind_of_values(values_of(rows, i))]
    if len(others) == 1 or len(telling) == 1:
        return telling[0] if telling else others[0]
    raise ParameterError(
        f"{where}: cannot tell which column names the study; {headings.all()}. "
        f"Name it with key_column (--key-column)"
    )
