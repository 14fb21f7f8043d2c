"""How people write "broken" and "not broken"."""

from __future__ import annotations

import re
import unicodedata

from fxcore.body_parts.normalise import fold
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

# Compared without case, accents, spaces and signs. What is found, or with a minus behind it is not:
_FINDING = """
    fracture fractures fx frac fraktur fractura fratura frattura fractuur brud brudd złamanie zlomenina
    törés fractură κάταγμα перелом kırık zlom prijelom прелом фрактура bone_fracture
"""
# Words for a class, which may name a folder:
_BROKEN_CLASS = """
    broken fractured positive pos abnormal withfracture hasfracture
    frakturiert gebrochen positiv pathologisch pathological fracturé fracturée anormal anormale
    pathologique fracturado fracturada positivo positiva fraturado fraturada
    fratturato fratturata anormale patologico rotto gebroken positief frakturer
    törött fracturat pozitiv есть_перелом fracture_present fracture_positive
"""
_NOT_BROKEN_CLASS = """
    notbroken unbroken nonbroken nofracture nofractures notfractured nonfractured unfractured nonfracture
    notfracture withoutfracture nofx nonfx negative neg normal nonfrac nofrac intact healthy unremarkable
    keinefraktur nichtgebrochen negativ unauffällig ohnefraktur sansfracture pasdefracture nonfracturé
    négatif normale sinfractura nofracturado negativo negativa semfratura senzafrattura nonfratturato
    negatief geenfractuur nietgebroken normaal normalny bezzłamania ujemny normální bezzlomeniny negatív
    normál fărăfractură φυσιολογικό норма безперелома нетперелома нормал sağlam kırıkyok negativt
    normalt sans_fracture fracture_absent fracture_negative
"""
# Answers to "broken?", too common a name to give a folder a meaning:
_YES = "yes y true t ja j oui o si sí sim s tak igen da evet ano áno kyllä jah jā taip ναι да так 1"
_NO = "no n false f nein non não nee nie nem nu hayır ne ei nej nei nē όχι нет ні 0"


def plain(text: str) -> str:
    """Return a word without case, accents, spaces and signs."""
    return re.sub(r"[\W_]+", "", fold(text))


_FINDINGS = frozenset(plain(word) for word in _FINDING.split())
_CLASSES = {plain(word): LABEL_BROKEN for word in (_FINDING + _BROKEN_CLASS).split()}
_CLASSES |= {plain(word): LABEL_NOT_BROKEN for word in _NOT_BROKEN_CLASS.split()}
_ANSWERS = {plain(word): LABEL_BROKEN for word in _YES.split()}
_ANSWERS |= {plain(word): LABEL_NOT_BROKEN for word in _NO.split()}
_SPELLINGS = {**_CLASSES, **_ANSWERS}
_MURA = re.compile(r"study\d+(positive|negative)")
_NUMBERED = re.compile(r"\d{1,2}(?=\D)|class(?=\w)")
# Signs that turn or leave open what a text means; those between two words only part them.
_UNSURE, _SIGN = re.compile(r"[?!¿¬~≠<>]"), re.compile("[-+−–—‐]")
# What is understood: a plus or minus apart, behind a word.
_WITH_SIGN = re.compile(r"(?P<word>.*\w)(\s+(?P<bare>[-+−–])|\s*\(\s*(?P<bracketed>[-+−–])\s*\))")
_NUMBER = re.compile(r"[\s\"'(\[=]*[01][\s\"')\].,;:]*")


def label_from_text(text: str) -> str | None:
    """Return the label `text` stands for, or None where it is not a spelling of one.

    ``1``, ``1.0``, ``yes``, ``TRUE``, ``fractured``, ``positive``, ``fx (+)``, ``ja`` are broken; ``0``,
    ``no``, ``not_fractured``, ``Normal``, ``negative``, ``fx (-)``, ``nein`` are not; ``fracture?`` is
    neither. Case, accents and separators do not matter.
    """
    stripped = text.strip().replace(",", ".")
    try:
        number = float(stripped)
    except ValueError:
        return _label_of_word(stripped)
    return {0.0: LABEL_NOT_BROKEN, 1.0: LABEL_BROKEN}.get(number)


def _label_of_word(text: str) -> str | None:
    key = plain(text)
    if key in ("0", "1") and not _NUMBER.fullmatch(text):
        return None
    return _meant(text, _SPELLINGS.get(key))


def _meant(text: str, label: str | None) -> str | None:
    """Return what `label`, which the words of `text` stand for, becomes by the signs around them."""
    text = unicodedata.normalize("NFKC", text)
    if label is None or _UNSURE.search(text):
        return None
    if signed := _WITH_SIGN.fullmatch(text):
        sign = signed["bare"] or signed["bracketed"]
        meant = LABEL_BROKEN if sign == "+" else LABEL_NOT_BROKEN
        return meant if meant == label or plain(signed["word"]) in _FINDINGS else None
    for sign in _SIGN.finditer(text):
        before, after = text[: sign.start()].rstrip(), text[sign.end() :].lstrip()
        if not (before[-1:].isalnum() and after[:1].isalnum()):
            return None
    return label


def is_negation(heading: str) -> bool:
    """Tell whether a column's heading says what is not broken: ``No fracture``, ``normal``."""
    return _CLASSES.get(plain(heading)) == LABEL_NOT_BROKEN


def label_family(text: str) -> str:
    """Return how `text` writes a label: ``"number"``, ``"class"``, ``"answer"``, or ``""`` if it does not."""
    if label_from_text(text) is None:
        return ""
    if plain(text) in _CLASSES:
        return "class"
    return "number" if text.strip()[-1].isdigit() or text.strip()[-1] == "." else "answer"


def class_from_folder(name: str) -> str | None:
    """Return the label a class folder stands for, or None for any other folder.

    ``fractured``, ``Non_fractured``, ``1_broken``, ``normal`` and the study folders of the MURA data set
    (``study1_positive``). Bare numbers and answers (``1``, ``yes``) are names of other folders too often.

    Parameters
    ----------
    name : str
        Name of the folder, without the path to it.
    """
    key = plain(name)
    mura = _MURA.fullmatch(key)
    found = _CLASSES[mura[1]] if mura else _CLASSES.get(key) or _CLASSES.get(_NUMBERED.sub("", key, count=1))
    return _meant(name.strip(), found)
