"""Which anatomic part a label names: whole terms first, the longest first, misspellings last.

The terms of all parts compete. A word that belongs to a longer term of another part is spent on that one
(``"ayak bileği"`` is an ankle although ``"bilek"`` is a wrist), and a misspelling counts only if no other
part, and no word that is no part at all, is spelt as nearly.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from fxcore.body_parts.normalise import code_page_readings, repair, words, words_with_gaps
from fxcore.body_parts.vocabulary import UNSPACED, Vocabulary, vocabulary

_RUNS = re.compile(r"\?+|[^?]+")
Terms = tuple[tuple[str, tuple[str, ...]], ...]
Hit = tuple[int, int, str, float]  # first word, number of words, key of the term, similarity

_MISSPELT_LETTERS = 5  # a shorter word is not searched for misspellings
_MISSPELT_PHRASE_LETTERS = 8  # nor are several words that are shorter than this together
_MISSPELT_WORDS = 12  # of a label that is a story, this many words are searched
_SURE_LETTERS = 6  # a term with fewer must begin and end as the word does, or have the same letters
_PREFIX_LETTERS = 6  # "Handgelenksaufnahme" starts with a term of that length or longer
_TERMS_IN_UNSPACED = 3  # of so many characters one must belong to a term, in a guessed code page
_PIECE_LETTERS = 4  # "handwrist", "lwrist": each piece that names a part is at least that long


@dataclass(frozen=True)
class Recognition:
    """What a label was recognised as.

    Attributes
    ----------
    part : str
        Canonical part, empty where none was recognised. Of several, the first that was spelt right.
    how : str
        ``"exact"``: the label is a term. ``"word"``: it holds a term. ``"fuzzy"``: it holds a misspelt
        or damaged term. ``"none"``.
    term : str
        The term of the vocabulary that matched.
    score : float
        Similarity of the match: 1 where spelt right, else the normalised optimal string alignment
        similarity.
    parts : tuple of str
        All parts the label names, `part` first.
    """

    part: str = ""
    how: str = "none"
    term: str = ""
    score: float = 0.0
    parts: tuple[str, ...] = ()


@functools.lru_cache(maxsize=65536)
def recognise(label: str, terms: Terms = (), min_similarity: float = 0.8) -> Recognition:
    """Recognise the anatomic part a free-text label names.

    Parameters
    ----------
    label : str
        As found: any language, case and accents, mojibake, misspellings.
    terms : tuple of (str, tuple of str)
        Further terms, per part; they win over the package's own.
    min_similarity : float
        Similarity in [0, 1] from which a misspelling counts: 0.8 allows one slip in five letters.

    Returns
    -------
    Recognition
    """
    book = vocabulary(terms)
    text = readable(label, terms)
    found = words(text)
    hits, unknown = _named(found, book)
    if hits:
        exact = len(hits) == 1 and hits[0][2] == "".join(found)
        hits = _misspelt(found, unknown, hits, book, min_similarity)
        how = "exact" if exact else "word" if any(score == 1 for *_, score in hits) else "fuzzy"
        return _recognition(hits, how, book)
    hits = _with_gaps(words_with_gaps(text), book)
    hits = hits or _misspelt(found, unknown, [], book, min_similarity)
    return _recognition(hits, "fuzzy", book)


@functools.lru_cache(maxsize=65536)
def readable(label: str, terms: Terms = ()) -> str:
    """Return `label` as its writer meant it, where it was read in another code page than it was written in.

    Mojibake is undone wherever it shows. A label of a national code page looks like any text, so that it is
    read anew only if it names no part as it stands, and does then; or if a word of it is not known, and all
    are then. Words that say nothing of a part are known as well.
    """
    text = repair(label)
    if text.isascii():
        return text
    book = vocabulary(terms)
    found = words(text)
    hits, unknown = _named(found, book)
    if not unknown and (hits or any(key in book.phrases for _, _, key in _words_in_a_row(found, book))):
        return text
    some = ""
    for reading in code_page_readings(label):
        found = words(reading)
        named, left = _named(found, book)
        if reading == text or not _believable(reading, named):
            continue
        if not left and (named or max(map(len, found), default=0) >= _PIECE_LETTERS):
            return reading
        some = some or (reading if named else "")
    return text if hits else some or text


def _believable(reading: str, hits: list[Hit]) -> bool:
    """Tell whether enough of a reading is terms: any two bytes are a character in Chinese, and may be one."""
    return _TERMS_IN_UNSPACED * sum(len(key) for *_, key, _ in hits) >= len(UNSPACED.findall(reading))


@functools.lru_cache(maxsize=65536)
def mentioned_parts(text: str) -> tuple[str, ...]:
    """Return the canonical parts that `text` names in correctly spelt words, in order.

    Only names from our own list leave this function, so its result is free of whatever else a study
    description holds (names, dates, numbers).
    """
    book = vocabulary(())
    hits, _ = _named(words(repair(text)), book)
    return tuple(dict.fromkeys(book.part[key] for _, _, key, _ in sorted(_settled(hits, book))))


def _settled(hits: list[Hit], book: Vocabulary) -> list[Hit]:
    """Return `hits` without what hand and foot both have, where the foot or a toe is named."""
    foot = any(book.part[key] in ("foot", "toe") for _, _, key, _ in hits)
    return [hit for hit in hits if not (foot and hit[2] in book.shared)]


def _recognition(hits: list[Hit], how: str, book: Vocabulary) -> Recognition:
    hits = _settled(hits, book)
    if not hits:
        return Recognition()
    ranked = sorted(hits, key=lambda hit: (hit[3] < 1, hit[0]))
    _, _, key, score = ranked[0]
    parts = tuple(dict.fromkeys(book.part[k] for _, _, k, _ in ranked))
    return Recognition(parts[0], how, book.term[key], score, parts)


def _named(found: tuple[str, ...], book: Vocabulary) -> tuple[list[Hit], set[int]]:
    """Return the terms `found` holds, and which of its words are unknown: no term, nor meaningless."""
    hits, taken = _spans(found, book, lone=False)
    for i, word in enumerate(found):
        if i not in taken:
            keys = _pieces(word, book)
            hits += [(i, 1, key, 1.0) for key in keys]
            taken.update([i] if keys else [])
    unknown = {i for i, word in enumerate(found) if i not in taken and word not in book.ignored}
    alone, spent = _spans(found, book, lone=True)
    if hits:
        # An abbreviation (HG) also counts beside other parts; a word with a second meaning does not.
        alone = [h for h in alone if book.term[h[2]].isupper() and taken.isdisjoint(range(h[0], h[0] + h[1]))]
    return (hits + alone, set()) if alone and unknown <= spent else (hits, unknown)


def _spans(found: tuple[str, ...], book: Vocabulary, lone: bool) -> tuple[list[Hit], set[int]]:
    """Match runs of words against whole terms, longest runs first, each word once; phrases use words up.

    Words are joined without spaces, so ``"hand gelenk"`` and ``"wristjoint"`` are found as well.
    """
    hits: list[Hit] = []
    taken: set[int] = set()
    for i, size, key in _words_in_a_row(found, book):
        if key not in book.phrases:
            if key not in book.part or (key in book.lone) != lone:
                continue
            if size > 1 and len(key) < _MISSPELT_LETTERS and len(words(book.term[key])) == 1:
                continue  # "h and" is no hand
        if taken.isdisjoint(range(i, i + size)):
            taken.update(range(i, i + size))
            if key in book.part:
                hits.append((i, size, key, 1.0))
    return hits, taken


def _words_in_a_row(found: tuple[str, ...], book: Vocabulary) -> Iterator[tuple[int, int, str]]:
    """Yield first word, number of words and letters of all that may be a term, the longest first."""
    for size in range(min(book.longest, len(found)), 0, -1):
        for i in range(len(found) - size + 1):
            yield i, size, "".join(found[i : i + size])


def _pieces(word: str, book: Vocabulary) -> list[str]:
    """Return the terms inside one unknown word: scripts without spaces, glued words, compounds."""
    if UNSPACED.search(word):
        return _unspaced_terms(word, book)
    if word in book.ignored:
        return []
    for cut in range(1, len(word)):
        pieces = (word[:cut], word[cut:])
        terms = [p for p in pieces if len(p) >= _PIECE_LETTERS and p in book.part and p not in book.lone]
        if terms and all(p in terms or p in book.affixes for p in pieces):
            return terms
    for end in range(len(word) - 1, _PREFIX_LETTERS - 1, -1):
        if word[:end] in book.prefixes:
            return [word[:end]]
    return []


def _unspaced_terms(word: str, book: Vocabulary) -> list[str]:
    terms = []
    for key in book.unspaced:
        if key in word:
            terms.append(key)
            word = word.replace(key, " ")
    return terms


def _misspelt(
    found: tuple[str, ...], unknown: set[int], named: list[Hit], book: Vocabulary, min_similarity: float
) -> list[Hit]:
    """Return `named` and the misspelt terms of the words left unknown, each word used once.

    A misspelt term of several words takes the place of the shorter terms in it: ``"ayak bileik"`` is an
    ankle, not a foot.
    """
    hits = list(named)
    unknown = set(unknown)
    last = min(len(found), _MISSPELT_WORDS)
    for size in (3, 2, 1):
        least = _MISSPELT_LETTERS if size == 1 else _MISSPELT_PHRASE_LETTERS
        for start in range(last - size + 1):
            span = range(start, start + size)
            text = "".join(found[start : start + size])
            if unknown.isdisjoint(span) or len(text) < least:
                continue
            key, score = _nearest(text, book, min_similarity)
            inside = [h for h in hits if h[0] in span or start in range(h[0], h[0] + h[1])]
            if key and all(len(h[2]) <= len(key) for h in inside):
                unknown.difference_update(span)
                if book.part[key] not in {book.part[h[2]] for h in inside}:
                    hits = [h for h in hits if h not in inside] + [(start, size, key, score)]
    return hits


def _nearest(text: str, book: Vocabulary, min_similarity: float) -> tuple[str, float]:
    """Return the one term nearest to `text`, or ``""`` where two parts, or no part, are as near."""
    known = book.nearest.get((text, min_similarity))
    if known is not None:
        return known
    matches: list[tuple[str, float]] = []
    for letters, keys in book.fuzzy.items():
        longer = max(letters, len(text))
        slips = int((1 - min_similarity) * longer + 1e-9)
        if abs(letters - len(text)) <= slips:
            scored = process.extract(text, keys, scorer=OSA.distance, score_cutoff=slips, limit=None)
            matches += [(key, 1 - distance / longer) for key, distance, _ in scored if _alike(key, text)]
    best = max((score for _, score in matches), default=0.0)
    nearest = sorted(key for key, score in matches if score == best)
    parts = {book.part.get(key, "") for key in nearest}
    result = (nearest[0], best) if len(parts) == 1 and "" not in parts else ("", 0.0)
    if len(book.nearest) < 65536:
        book.nearest[text, min_similarity] = result
    return result


def _alike(key: str, text: str) -> bool:
    if len(key) >= _SURE_LETTERS:
        return True
    return (key[0] == text[0] and key[-1] == text[-1]) or sorted(key) == sorted(text)


def _with_gaps(found: tuple[str, ...], book: Vocabulary) -> list[Hit]:
    """Return the terms that words with lost letters (``mu?eca``) can stand for, if all are of one part."""
    hits: list[Hit] = []
    for i, word in enumerate(found):
        known = len(word.replace("?", ""))
        if known < 3 or 2 * known < len(word):
            continue
        # A lost letter leaves one mark for each of its bytes; a mark at the end may be a question's.
        gap = ".{0,%d}" if word.endswith("?") else ".{1,%d}"
        pattern = re.compile("".join(gap % len(p) if p[0] == "?" else p for p in _RUNS.findall(word)))
        keys = sorted(key for key in book.prefixes if pattern.fullmatch(key))
        if keys and len({book.part[key] for key in keys}) == 1:
            hits.append((i, 1, keys[0], OSA.normalized_similarity(word, keys[0])))
    return hits
