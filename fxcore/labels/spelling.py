"""How people write "broken" and "not broken"."""

from __future__ import annotations

import re

from fxcore.body_parts.normalise import fold
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

# Compared without case, accents, spaces and signs. Words for a class, which may name a folder:
_BROKEN_CLASS = """
    broken fracture fractures fractured fx positive pos abnormal frac withfracture hasfracture
    fraktur frakturiert gebrochen positiv pathologisch pathological fracturé fracturée anormal anormale
    pathologique fractura fracturado fracturada positivo positiva fratura fraturado fraturada frattura
    fratturato fratturata anormale patologico rotto gebroken fractuur positief brud brudd frakturer
    złamanie zlomenina törés törött fractură fracturat pozitiv κάταγμα перелом есть_перелом kırık
    zlom prijelom прелом фрактура bone_fracture fracture_present fracture_positive
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


_CLASSES = {plain(word): LABEL_BROKEN for word in _BROKEN_CLASS.split()}
_CLASSES |= {plain(word): LABEL_NOT_BROKEN for word in _NOT_BROKEN_CLASS.split()}
_ANSWERS = {plain(word): LABEL_BROKEN for word in _YES.split()}
_ANSWERS |= {plain(word): LABEL_NOT_BROKEN for word in _NO.split()}
_SPELLINGS = {**_CLASSES, **_ANSWERS}
_MURA = re.compile(r"study\d+(positive|negative)")
_NUMBERED = re.compile(r"\d{1,2}(?=\D)|class(?=\w)")


def label_from_text(text: str) -> str | None:
    """Return the label `text` stands for, or None where it is not a spelling of one.

    ``1``, ``1.0``, ``yes``, ``TRUE``, ``fractured``, ``positive``, ``ja`` are broken; ``0``, ``no``,
    ``not_fractured``, ``Normal``, ``negative``, ``nein`` are not. Case, accents and separators do not
    matter.
    """
    stripped = text.strip().replace(",", ".")
    try:
        number = float(stripped)
    except ValueError:
        return _SPELLINGS.get(plain(stripped))
    return {0.0: LABEL_NOT_BROKEN, 1.0: LABEL_BROKEN}.get(number)


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
    if mura:
        return _CLASSES[mura[1]]
    return _CLASSES.get(key) or _CLASSES.get(_NUMBERED.sub("", key, count=1))
