"""The words in which people write that something is broken or not, in the languages of Europe."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

from fxcore.body_parts.normalise import fold
from fxcore.study import LABEL_BROKEN, LABEL_NOT_BROKEN

# What is found, or with a word or a minus that denies it is not:
_FINDING = """
    fracture fx frac fraktur fractura fratura frattura fractuur breuk bruch knochenbruch brud brudd złamanie
    zlomenina törés fractură κάταγμα κατάγματος перелом перелома kırık kırığı zlom prijelom prijeloma
    прелом фрактура bonefracture murtuma murtumaa
"""
# The same of several, which may be counted:
_SEVERAL = """
    fractures frakturen fracturas fraturas fratture fracturen brüche knochenbrüche złamania zlomeniny fracturi
    переломы переломов kırıklar
"""
_BROKEN = """
    broken fractured abnormal abnormals frakturiert gebrochen pathologisch pathological fracturé fracturée
    anormal anormale pathologique fracturado fracturada fraturado fraturada fratturato fratturata
    patologico rotto gebroken frakturer törött fracturat
"""
_POSITIVE = "positive pos positives positif positiv positivo positiva positief pozitiv"
# Also things without a fracture: they say what is meant only behind a word that denies them, or in a heading.
_ANY_FINDING = """
    finding findings befund abnormality abnormalities pathology pathologie injury verletzung auffälligkeit
    anomalie anomalies
"""
_NORMAL = """
    normal normals unbroken unfractured intact healthy unremarkable unauffällig normalbefund normale
    normaal normalny normální normál φυσιολογικό норма нормал sağlam sağlıklı kırıksız normalt gesund
    intakt saudável
"""
_NEGATIVE = "negative negatives neg negativ négatif negativo negativa negatief ujemny negatív negativt"
_DENIAL = """
    no not non without none free excluded exclude exclusion absent absence ruled kein keine keinen keiner
    ohne nicht frei ausgeschlossen ausgeschl ausschluss abwesenheit sans pas aucun aucune absente ausencia
    ausência ausente assenza assente sin ningún ninguna sem nenhum nenhuma senza
    nessun nessuna geen niet zonder ingen inte utan uden uten ikke ikkje brak bez nie není nema ni nincs
    nem fără nicio yok değil нет без не няма χωρίς δεν ei
"""
# Words that change nothing:
_AFFIRMATION = """
    is has are was there with present presence visible seen detected found evidence sign signs of for a an
    the any out ist hat mit eine einer eines für von der die das vorhanden nachweis nachweisbar
    nachgewiesen sichtbar présente présent avec une de d presencia presença presenza presente hay con com
    var mevcut mı есть aanwezig bone
"""
# Words that are in headings only; some are the whole heading of a label by convention.
_ON_TOP = """
    label labels class status state value flag binary final dataset ground truth gt target result outcome
    diagnosis true y
"""
# English "none" is not among the answers: Python writes it for an empty cell.
_YES = """
    yes y true t ja j oui o si sí sim s tak igen da evet ano áno kyllä jah jā taip ναι да так 1 wahr vrai
    verdadero verdadeiro vero waar prawda pravda sant sand tosi igaz doğru истина present présent présente
    presente vorhanden var mevcut aanwezig
"""
_NO = """
    absent absente ausente assente yok keine aucune ninguna nessuna nenhuma ingen geen brak
    no n false f falsch faux falso onwaar fałsz nepravda falskt falsk epätosi hamis yanlış ложь nein non
    não nee nie nem nu hayır ne ei nej nei nē όχι нет ні 0
"""
# What programs write into a cell that is empty; in a table of answers "none" may be one, and is asked about.
_EMPTY, _SHORT = frozenset({"nan", "na", "null"}), 8


def plain(text: str) -> str:
    """Return a word without case, accents, spaces and signs."""
    return re.sub(r"[\W_]+", "", fold(text))


def is_empty(text: str) -> bool:
    """Tell whether a cell is empty, or a program's word for that."""
    text = text.strip()
    return not text or (len(text) < _SHORT and plain(text) in _EMPTY)


SEVERAL = frozenset(plain(word) for word in _SEVERAL.split())
FINDINGS = frozenset(plain(word) for word in _FINDING.split()) | SEVERAL
ANSWERS = {plain(word): LABEL_BROKEN for word in _YES.split()}
ANSWERS |= {plain(word): LABEL_NOT_BROKEN for word in _NO.split()}
CLASSES = {plain(word): LABEL_BROKEN for word in (_FINDING + _SEVERAL + _BROKEN + _POSITIVE).split()}
CLASSES |= {plain(word): LABEL_NOT_BROKEN for word in (_NORMAL + _NEGATIVE).split()}
# By increasing right: a word in two lists is what the last of them says.
_SENSES = {
    plain(word): sense
    for sense, listed in (
        ("on top", _ON_TOP),
        ("affirmation", _AFFIRMATION),
        ("denial", _DENIAL),
        ("any finding", _ANY_FINDING),
        ("finding", _FINDING + _SEVERAL + _BROKEN),
        ("positive", _POSITIVE),
        ("normal", _NORMAL),
        ("negative", _NEGATIVE),
    )
    for word in listed.split()
}
_WORD = re.compile(r"[^\W_]+")
_MOST_PARTS = 3  # of a compound: "pas" + "de" + "fracture"


class Phrase(NamedTuple):
    """What some words say together.

    Attributes
    ----------
    label : str
        ``"broken"``, ``"not_broken"``, or empty where they contradict each other or say nothing.
    senses : frozenset of str
        What kinds of words they are, with an empty one where any is not known.
    """

    label: str
    senses: frozenset[str]

    @property
    def known(self) -> bool:
        """Whether all of the words are."""
        return "" not in self.senses

    @property
    def fracture(self) -> bool:
        """Whether a fracture is among the words, or that it is positive, and not any finding."""
        return bool(self.senses & {"finding", "positive"})

    @property
    def tells(self) -> bool:
        """Whether a finding is, or that all is normal."""
        return bool(self.senses & {"finding", "any finding", "positive", "normal", "negative"})

    @property
    def denies(self) -> bool:
        """Whether a word denies something, known or not."""
        return "denial" in self.senses


def respelled(key: str) -> str:
    """Return a plain word with the umlauts, which a keyboard without them writes in two letters, in one."""
    return key.replace("ae", "a").replace("oe", "o").replace("ue", "u")


def tokens(text: str) -> list[str]:
    """Return the plain words of a text or heading: ``isNormal`` and ``no_fracture`` have two."""
    humps = (i for i in range(1, len(text)) if text[i - 1].islower() and text[i].isupper())
    parts = [text[start:stop] for start, stop in itertools.pairwise((0, *humps, len(text)))]
    return _WORD.findall(fold(" ".join(parts)))


def phrase(words: Sequence[str]) -> Phrase:
    """Tell what plain words say together: ``no`` and ``fracture``, ``frakturausschluss``, ``kırık yok``."""
    senses = [sense for word in words for sense in _senses_of(word, _MOST_PARTS)]
    found, positive = senses.count("finding") + senses.count("any finding"), senses.count("positive")
    normal, negative = senses.count("normal"), senses.count("negative")
    denials = senses.count("denial") + (negative if found else 0)
    label = ""
    if positive and (negative or (found and denials)):
        return Phrase(label, frozenset(senses))  # "positive/negative"
    found = found or positive
    if not denials and bool(found) != bool(normal + negative):
        label = LABEL_BROKEN if found else LABEL_NOT_BROKEN
    elif denials == 1 and found == 1:
        label = LABEL_NOT_BROKEN
    return Phrase(label, frozenset(senses))


@functools.lru_cache(maxsize=4096)
def _senses_of(word: str, parts: int) -> tuple[str, ...]:
    """Return what a word means, or the words it is put together from: ``("",)`` where that is not known."""
    if sense := _SENSES.get(word) or _SENSES.get(respelled(word)):
        return (sense,)
    if parts > 1:
        for cut in range(len(word) - 2, 1, -1):
            if head := _SENSES.get(word[:cut]):
                rest = _senses_of(word[cut:], parts - 1)
                if "" not in rest:
                    return (head, *rest)
    return ("",)
