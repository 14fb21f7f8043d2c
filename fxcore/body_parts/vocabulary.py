"""The terms of all parts, looked up by their letters alone."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from fxcore.body_parts.ignored import FALSE_FRIENDS, GENERIC, PHRASES, SIDE, VIEW
from fxcore.body_parts.normalise import words
from fxcore.body_parts.terms_lower_limb import LOWER_LIMB
from fxcore.body_parts.terms_trunk import REGIONS, TRUNK
from fxcore.body_parts.terms_upper_limb import UPPER_LIMB

PARTS: tuple[str, ...] = (*UPPER_LIMB, *LOWER_LIMB, *TRUNK)
"""The canonical names of all parts and regions."""

MARKS = "=!~"
"""What may stand before a term; ``terms_upper_limb`` says what each means."""

# Scripts written without spaces between words: terms are looked for inside a run of letters.
UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_RESPELL = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Å": "Aa"}
_FUZZY_LETTERS = 5  # shorter words are one slip away from too many others


@dataclass
class Vocabulary:
    """Terms by key, a key being the folded letters of a term without spaces.

    Attributes
    ----------
    part, term : dict of str to str
        Canonical part, and the term as it was written down, for each key.
    fuzzy : dict of int to list of str
        What a misspelt word is held against, by number of letters: keys, and words that say nothing.
    prefixes : frozenset of str
        Keys that may be misspelt, or begin a longer word (German compounds, Slavic endings).
    shared : frozenset of str
        Keys of what hand and foot both have, which is the foot's where the foot or a toe is named.
    lone : frozenset of str
        Keys that count only if nothing else in the label means anything.
    ignored : frozenset of str
        Words that say nothing about the part.
    phrases : frozenset of str
        Words in a row that say nothing about it together, without the spaces.
    affixes : frozenset of str
        Those that are written onto a term without a space (``"lwrist"``, ``"wristap"``).
    unspaced : tuple of str
        Keys in scripts without spaces, longest first.
    longest : int
        Number of words of the longest term.
    nearest : dict
        Memory of the search for misspellings, which is the slow part of it all.
    """

    part: dict[str, str] = field(default_factory=dict)
    term: dict[str, str] = field(default_factory=dict)
    fuzzy: dict[int, list[str]] = field(default_factory=dict)
    prefixes: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    lone: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    phrases: frozenset[str] = frozenset()
    affixes: frozenset[str] = frozenset()
    unspaced: tuple[str, ...] = ()
    longest: int = 1
    nearest: dict[tuple[str, float], tuple[str, float]] = field(default_factory=dict)


def listed_terms() -> list[tuple[str, str, str]]:
    """Return all terms of the package as ``(part, language, term)``, marks included."""
    rows = []
    for part, lines in (*UPPER_LIMB.items(), *LOWER_LIMB.items(), *TRUNK.items()):
        for line in re.sub(r",\n\s+", ", ", lines.strip()).splitlines():
            language, _, terms = line.strip().partition(" ")
            rows += [(part, language, term.strip()) for term in terms.split(",")]
    return rows


def spellings(term: str) -> set[str]:
    """Return the keys of `term`: as written, and with umlauts as two letters (``Knoechel``)."""
    composed = unicodedata.normalize("NFC", term)
    respelt = "".join(_RESPELL.get(c, c) for c in composed)
    return {"".join(words(t)) for t in (composed, respelt)} - {""}


def build(extra: Mapping[str, tuple[str, ...]]) -> Vocabulary:
    """Build the vocabulary; where a term of `extra` is one of ours, `extra` wins."""
    result = Vocabulary()
    marks: dict[str, set[str]] = {}
    rows = [(part, term) for part, _, term in listed_terms()]
    own = {key for terms in extra.values() for term in terms for key in spellings(term)}
    for part, marked in (*rows, *((part, term) for part, terms in extra.items() for term in terms)):
        term = marked.lstrip(MARKS)
        result.longest = max(result.longest, len(words(term)))
        for key in spellings(term):
            result.part[key], result.term[key] = part, term
            marks.setdefault(key, set()).add(marked[: len(marked) - len(term)])
    result.shared = frozenset(key for key, seen in marks.items() if "~" in seen and key not in own)
    result.lone = frozenset(key for key, seen in marks.items() if seen == {"="} and key not in own)
    says_nothing = {
        k for text in (SIDE, VIEW, GENERIC, FALSE_FRIENDS) for w in text.split() for k in spellings(w)
    }
    result.ignored = frozenset(says_nothing - (set(result.part) - result.lone))
    phrases = PHRASES.split(",")
    result.longest = max(result.longest, *(len(words(phrase)) for phrase in phrases))
    result.phrases = frozenset(k for phrase in phrases for k in spellings(phrase)) - set(result.part)
    sides_and_views = {k for text in (SIDE, VIEW) for w in text.split() for k in spellings(w)}
    result.affixes = frozenset({k for k in sides_and_views if len(k) > 1} | {"l", "r"})
    spaced = [key for key in result.part if not UNSPACED.search(key)]
    result.unspaced = tuple(sorted(set(result.part) - set(spaced), key=lambda k: (-len(k), k)))
    result.prefixes = frozenset(k for k in spaced if not marks[k] & {"=", "!"} and len(k) >= _FUZZY_LETTERS)
    for key in sorted(result.prefixes | {k for k in result.ignored if len(k) >= _FUZZY_LETTERS - 1}):
        result.fuzzy.setdefault(len(key), []).append(key)
    return result


@functools.lru_cache(maxsize=16)
def vocabulary(extra: tuple[tuple[str, tuple[str, ...]], ...]) -> Vocabulary:
    """Return the vocabulary with the terms of `extra` (part, terms) added, built once."""
    return build(dict(extra))


def covers(wanted: str, part: str) -> bool:
    """Tell whether `part` is `wanted` or lies in the region `wanted`; no part lies in none."""
    return bool(part) and (part == wanted or wanted == "whole body" or part in REGIONS.get(wanted, ()))
