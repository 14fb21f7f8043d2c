"""From a label as a device, a clerk or a broken export wrote it to plain lower-case words.

Mojibake is undone by ftfy. What ftfy leaves alone is a label in a national code page whose file does not
say so: DICOM readers then assume Latin-1 (the Specific Character Set, DICOM PS3.3 C.12.1.1.2, is often
missing); and UTF-8 that might be text (``"RUÄŒNI"``). ``code_page_readings`` gives what these may have meant.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterator

MAX_LETTERS = 1024
"""A label is read this far. A DICOM code string ends at 16 characters, a description at 64."""

# Letters that Unicode does not decompose, although a keyboard without them is used every day.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ə": "e"}
)
# Keyboards with two layouts give words of both: "WRIST" with a Cyrillic letter that looks the same.
_LATIN, _CYRILLIC = re.compile("[a-z]"), re.compile("[а-яіј]")
_LOOKALIKES = str.maketrans("авекмнорстухіј", "abekmhopctyxij")
_WORD = re.compile(r"[^\W\d_]+")
# Chinese and Japanese have no spaces between words, so that one within a label is for the eye.
_HAN_OR_KANA = "[\u3040-\u30ff\u3400-\u9fff]"
_SPACE_IN_HAN = re.compile(rf"(?<={_HAN_OR_KANA})\s+(?={_HAN_OR_KANA})")
_WORD_WITH_GAPS = re.compile(r"[^\W\d_]*(?:[\ufffd?]+[^\W\d_]*)+")
_CODE_PAGES = (
    *("cp1251", "koi8_r", "iso8859_5", "cp866", "cp1253", "cp1250", "cp1254", "cp852", "cp437"),
    *("cp1255", "cp1256", "gb18030", "shift_jis", "euc_kr", "big5"),
)

_NO_WRITING = re.compile("[\x80-\x9f\u2500-\u259f]")  # controls, and what frames are drawn with


def fold(text: str) -> str:
    """Return `text` in lower case without accents; Greek and Cyrillic stay what they are."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    # Composed again for the sake of Korean, whose syllables the decomposition takes apart.
    return unicodedata.normalize("NFC", bare.translate(_PLAIN))


def repair(label: str) -> str:
    """Undo UTF-8 that was read as an 8-bit code page, and cut what is longer than any label."""
    label = label[:MAX_LETTERS]
    if label.isascii():
        return label
    # Most archives hold nothing to repair, and would wait for the tables of code pages.
    import ftfy

    return str(ftfy.fix_encoding(label))


def words(text: str) -> tuple[str, ...]:
    """Return the folded words of `text`: runs of letters; digits and signs only separate them."""
    if text.isascii():
        return tuple(_WORD.findall(fold(text)))
    found = _WORD.findall(_SPACE_IN_HAN.sub("", fold(text)))
    return tuple(w.translate(_LOOKALIKES) if _LATIN.search(w) and _CYRILLIC.search(w) else w for w in found)


def words_with_gaps(text: str) -> tuple[str, ...]:
    """Return the folded words that hold characters lost to ``?`` or U+FFFD, gaps written as ``?``."""
    return tuple(word.replace("\ufffd", "?") for word in _WORD_WITH_GAPS.findall(fold(text)))


def code_page_readings(label: str) -> Iterator[str]:
    """Yield `label`, read as Latin-1 by mistake, in the code pages it may have been written in."""
    if label.isascii():
        return
    for western in ("latin-1", "cp1252"):
        try:
            raw = label[:MAX_LETTERS].encode(western)
        except UnicodeEncodeError:
            continue
        # UTF-8 first: text in another encoding is hardly ever valid in it.
        for page in ("utf-8", *_CODE_PAGES):
            with contextlib.suppress(UnicodeDecodeError):
                if not _NO_WRITING.search(text := raw.decode(page)):
                    yield text
        return
