"""How people write "broken" and "not broken": in rows of a table, headings, names of folders."""

from __future__ import annotations

import functools
import itertools
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from fxcore.body_parts.recognise import mentioned_parts
from fxcore.labels.words import ANSWERS, CLASSES, FINDINGS, phrase, plain, respelled, tokens
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

_MURA = re.compile(r"study\d+(positive|negative)")
_NUMBERED = re.compile(r"\d{1,2}(?=\D)|class(?=\w)")
# Common in tables, where ``o.B.`` is without findings; folders of that name are of obstetrics.
_NO_FINDINGS = "ob"
# Signs that turn or leave open what a text means; those between two words only part them.
_UNSURE, _SIGN = re.compile(r"[?!¿¬~≠<>]"), re.compile("[-+−–—‐]")
# What is understood: a plus or minus apart, behind a word.
_WITH_SIGN = re.compile(r"(?P<word>.*\w)(\s+(?P<bare>[-+−–])|\s*\(\s*(?P<bracketed>[-+−–])\s*\))")
_LONGEST = 120  # characters of a label; longer texts are reports
_NUMBER = re.compile(r"[\s\"'(\[=]*[01][\s\"')\].,;:]*")
# In a heading: "1 = fracture" or "fracture=1"; and the two numbers, which only say what the rows hold.
_MEANING = r"([^\W\d_][^,;/|()\[\]=:0-9]*)"
_CODE = re.compile(rf"(?<![\w.])(\d)\s*[=:–-]\s*{_MEANING}|{_MEANING}=\s*(\d)(?!\w)")
_NUMBERS = re.compile(r"(?<![\w.])(0\s*[/|,-]\s*1|1\s*[/|,-]\s*0)(?![\w.])")
# "Nº", "№" and "No.", whose letters alone are those of a word that denies.
_NUMBER_SIGN = re.compile(r"\bn[º°]|№|\bno\.", re.IGNORECASE)
_PLACES = frozenset(["distal", "distale", "distaler", "distalis", "proximal", "proximale", "proximaler"])
_LABEL_NAMES = """
    label labels class classlabel target groundtruth gt truth outcome y diagnosis result finding findings
    abnormality status category
"""


@functools.lru_cache(maxsize=4096)
def label_from_text(text: str) -> str | None:
    """Return the label `text` stands for, or None where it is not a spelling of one.

    ``1``, ``1.0``, ``yes``, ``TRUE``, ``fractured``, ``positive``, ``fx (+)``, ``ja`` are broken; ``0``,
    ``no``, ``not_fractured``, ``Normal``, ``negative``, ``fx (-)``, ``nein`` are not; ``fracture?`` is
    neither. Case, accents and separators do not matter.
    """
    if len(text) > _LONGEST:
        return None
    if (number := number_from_text(text)) is not None:
        return {0.0: LABEL_NOT_BROKEN, 1.0: LABEL_BROKEN}.get(number)
    key = plain(text)
    if key in ("0", "1") and not _NUMBER.fullmatch(text.strip()):
        return None
    if key in ANSWERS:
        return _meant(text.strip(), ANSWERS[key])
    return LABEL_NOT_BROKEN if key == _NO_FINDINGS else _class_from_text(text)


def number_from_text(text: str) -> float | None:
    """Return the finite number that `text` is, with a point or a comma, or None."""
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _class_from_text(text: str) -> str | None:
    key = plain(text)
    label = CLASSES.get(key) or CLASSES.get(respelled(key))
    if not label and not any(character.isdigit() for character in text):
        said = phrase(tokens(text))
        # That there are findings is not that there is a fracture; that there are none is.
        if said.known and "on top" not in said.senses and (said.fracture or said.label == LABEL_NOT_BROKEN):
            label = said.label
    return _meant(text.strip(), label or None)


def _meant(text: str, label: str | None) -> str | None:
    """Return what `label`, which the words of `text` stand for, becomes by the signs around them."""
    text = unicodedata.normalize("NFKC", text)
    if label is None or _UNSURE.search(text):
        return None
    if signed := _WITH_SIGN.fullmatch(text):
        sign = signed["bare"] or signed["bracketed"]
        meant = LABEL_BROKEN if sign == "+" else LABEL_NOT_BROKEN
        return meant if meant == label or plain(signed["word"]) in FINDINGS else None
    for sign in _SIGN.finditer(text):
        before, after = text[: sign.start()].rstrip(), text[sign.end() :].lstrip()
        if not (before[-1:].isalnum() and after[:1].isalnum()):
            return None
    return label


def label_family(text: str) -> str:
    """Return how `text` writes a label: ``"number"``, ``"class"``, ``"answer"``, or ``""`` if it does not."""
    if label_from_text(text) is None:
        return ""
    if text.strip()[-1].isdigit() or plain(text) in ("0", "1"):
        return "number"
    return "answer" if plain(text) in ANSWERS else "class"


class Heading(NamedTuple):
    """What the heading of a column says of labels below it.

    Attributes
    ----------
    one : str
        The label that 1 and yes stand for: not broken under ``is_normal``, ``No fracture``,
        ``Frakturausschluss``, ``Normal (1=yes)``; broken where the heading says nothing of it; empty where it
        contradicts itself, or denies what is not known.
    known : bool
        Whether it is a heading of labels: a name by convention, or words all of which are known.
    likely : bool
        Whether it is one where no other column has such a heading: names by convention put together
        (``final_label``), or the fracture of a part (``wrist fracture``, ``Radiusfraktur``).
    fracture : bool
        Whether a fracture is among its words, known or not.
    """

    one: str
    known: bool
    likely: bool
    fracture: bool


@functools.lru_cache(maxsize=4096)
def heading(text: str) -> Heading:
    """Tell what the heading of a column says of labels below it."""
    ones: set[str] = set()
    text = _NUMBERS.sub(" ", _NUMBER_SIGN.sub(" number ", text))
    for number, meaning in codes(text).items():
        if number not in "01":
            continue  # 9 = unclear
        answer, expected = _answer(meaning), LABEL_BROKEN if number == "1" else LABEL_NOT_BROKEN
        label = answer or label_from_text(meaning)
        if answer:
            ones |= set() if label == expected else {""}  # 1 = no: of what?
        else:
            ones.add("" if label is None else LABEL_BROKEN if label == expected else LABEL_NOT_BROKEN)
    words = _without_answers(tokens(_CODE.sub(" ", text)))
    if "".join(words) == _NO_FINDINGS:
        words = ["normal"]
    counting = [_is_number(words, i) for i in range(len(words))]
    meant = ["" if counts else word for word, counts in zip(words, counting, strict=True)]
    said = phrase(meant)
    coded = bool(ones)
    if coded:
        one = ones.pop() if len(ones) == 1 else ""
    else:
        one = said.label or ("" if said.tells or said.denies else LABEL_BROKEN)
        if counting[-1:] == [True] or (one == LABEL_NOT_BROKEN and not said.known):
            one = ""  # "fracture no", "fracture, not displaced"
    known = "".join(words) in _LABEL_NAMES.split() or (said.tells and said.known) or (coded and bool(one))
    if not (known or said.denies or coded):
        anywhere = phrase(_without_parts(meant))
        likely = anywhere.known and (anywhere.fracture or _names_labels(meant))
        return Heading(one, known, likely, said.fracture or anywhere.fracture)
    return Heading(one, known, False, said.fracture)


def codes(text: str) -> dict[str, str]:
    """Return what a heading says that numbers stand for."""
    return {one or other: meaning or before for one, meaning, before, other in _CODE.findall(text)}


def _answer(meaning: str) -> str:
    """Return what the yes or no of a code stands for, empty where it is neither: ``present``, ``none``."""
    only = {frozenset(["denial"]): LABEL_NOT_BROKEN, frozenset(["affirmation"]): LABEL_BROKEN}
    return ANSWERS.get(plain(meaning)) or only.get(phrase(tokens(meaning)).senses, "")


def _names_labels(words: Sequence[str]) -> bool:
    """Tell whether names by convention are among words, all of which are known to be in headings."""
    return not phrase(words).tells and any(word in _LABEL_NAMES.split() for word in words)


def _without_parts(words: Sequence[str]) -> list[str]:
    """Leave out where a fracture is, of ``distal radius fracture`` and ``Radiusfraktur``."""
    left = []
    for word in words:
        finding = max((f for f in FINDINGS if word.endswith(f)), key=len, default="")
        if finding and mentioned_parts(word.removesuffix(finding)):
            left.append(finding)
        elif phrase([word]).known or not (word in _PLACES or mentioned_parts(word)):
            left.append(word)
    return left


def _without_answers(words: list[str]) -> list[str]:
    """Leave out ``yes/no`` of ``Fracture (yes/no)``, which asks; ``y: no fracture`` denies."""
    for i, (one, other) in enumerate(itertools.pairwise(words)):
        alike = (len(one) == 1) == (len(other) == 1)
        if alike and {ANSWERS.get(one), ANSWERS.get(other)} == {LABEL_BROKEN, LABEL_NOT_BROKEN}:
            return words[:i] + words[i + 2 :]
    return words


def _is_number(words: Sequence[str], i: int) -> bool:
    """Tell whether a word may be the number of ``No. of fractures`` and ``Fracture no``."""
    if words[i] == "number":
        return True
    return words[i] == "no" and len(words) > 1 and words[i + 1 : i + 2] in ([], ["of"], ["de"])


def class_from_folder(name: str) -> str | None:
    """Return the label a class folder stands for, or None for any other folder.

    ``fractured``, ``Non_fractured``, ``1_broken``, ``normal`` and the study folders of the MURA data set
    (``study1_positive``). Bare numbers and answers (``1``, ``yes``) are names of other folders too often.

    Parameters
    ----------
    name : str
        Name of the folder, without the path to it.
    """
    if mura := _MURA.fullmatch(plain(name)):
        return _meant(name.strip(), CLASSES[mura[1]])
    return _class_from_text(name) or _class_from_text(_NUMBERED.sub("", name.strip(), count=1))
