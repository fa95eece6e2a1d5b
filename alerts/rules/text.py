"""Letters and words: how a text is cut into words, and which words count as one.

Offsets are code points of the original text, always. Words are cut out of the original and folded one by one, so no
folded copy of the text exists whose offsets could differ.

A *word* is a run of letters, digits and marks, with apostrophes inside it (``перемир'я``) and, between Hebrew letters,
a double quote (``כטב"ם``). A hyphen ends a word, but the words on its two sides also read as one (``cease-fire``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_LONG_RUN = 100
"""Longer runs are no words of news; they are not remembered."""

MAX_JOINED = 5
"""Longest hyphenated compound that is read as one word, in parts: `post-cease-fire` has three."""

APOSTROPHES = "'\u2019\u02bc\u2018\u02bb\u2032\uff07"
HYPHENS = "-\u2010\u2011\u2012\u2013\u2212\u05be\ufe63\uff0d"
GERSHAYIM = '"\u05f4\u201d\u201c'
# Invisible and without meaning inside a word: soft hyphen, joiners, direction marks, byte order mark.
IGNORED = "\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"

_IGNORED = re.compile(f"[{IGNORED}]+")
_HEBREW_BY_FREQUENCY = "יוהלאמרבתשנכעדקפחסטצגזםןךףץ"

# What certainly stands between words. Anything rarer stays in the run and is told apart in `split_run`, once per
# distinct run, so this class may be small; it must be a plain set of characters, which `re` tests fastest.
_BREAKS = (
    "\x00-&(-,./:-@\\[-`{-\u00a9\u00ab\u00ac\u00ae-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u060c\u061b\u061f"
    "\u06d4\u1680\u2000-\u200a\u2014-\u2017\u201a-\u201f\u2020-\u2029\u202f-\u2031\u2033-\u205f\u3000-\u3003\u3008-\u3011"
    "\uff0c\uff0e\uff1a\uff1b\uff1f\uff01"
)
RUN = re.compile(f"[^{_BREAKS}]+")
_RUN_WITH_QUOTES = re.compile(
    "[^" + _BREAKS.replace("-&(-", "-!#-&(-").replace("\u201a-\u201f", "\u201a\u201b\u201e\u201f") + "]+"
)
PARAGRAPH_BREAK = re.compile("[\n\r\x0b\x0c\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One word inside a run of text: offsets in the run; `joined` = a hyphen ties it to the word before."""

    start: int
    end: int
    joined: bool


def run_pattern(text: str) -> re.Pattern[str]:
    """The pattern of runs for this text: a double quote may stand inside Hebrew words and nowhere else."""
    if text.isascii() or not any(quote in text for quote in GERSHAYIM):
        return RUN
    return _RUN_WITH_QUOTES if any(letter in text for letter in _HEBREW_BY_FREQUENCY) else RUN


def _is_letter(char: str) -> bool:
    # Two of the apostrophes are letters to Unicode; at the edge of a word they are quotes to us.
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and char not in APOSTROPHES


def _is_hebrew(char: str) -> bool:
    return "\u05d0" <= char <= "\u05ea"


def split_run(run: str) -> tuple[Part, ...]:
    """The words of a run, in order. Most runs are one word; `'quoted'`, `cease-fire` and `--` are not."""
    parts: list[Part] = []
    at, size, last_end = 0, len(run), -1
    while at < size:
        if not run[at].isalnum() or run[at] in APOSTROPHES:
            at += 1
            continue
        start = at
        at = _word_end(run, at)
        joined = last_end >= 0 and start - last_end == 1 and run[last_end] in HYPHENS
        parts.append(Part(start, at, joined))
        last_end = at
    return tuple(parts)


def _word_end(run: str, at: int) -> int:
    """Where the word that starts at `at` ends; trailing invisible characters do not belong to it."""
    end = at + 1
    at = end
    while at < len(run):
        char = run[at]
        if _is_letter(char):
            end = at + 1
        elif not (_IGNORED.match(char) or _inside_word(run, at, end)):
            break
        at += 1
    return end


def _inside_word(run: str, at: int, end: int) -> bool:
    """Whether an apostrophe, or a quote between Hebrew letters, continues the word that reaches to `end`."""
    char, after = run[at], run[at + 1 : at + 2]
    if at != end or not after:
        return False
    if char in APOSTROPHES:
        return _is_letter(after)
    return char in GERSHAYIM and _is_hebrew(run[at - 1]) and _is_hebrew(after)


_LETTER_APOSTROPHES = frozenset("\u02bc\u02bb")
"""Apostrophes that are letters to Unicode."""
_split_known = lru_cache(maxsize=1 << 16)(split_run)


def words(text: str) -> list[tuple[int, int, bool]]:
    """Every word of a text as (start, end, joined to the one before by a hyphen)."""
    found: list[tuple[int, int, bool]] = []
    for match in run_pattern(text).finditer(text):
        run = match[0]
        start, end = match.span()
        if run.isalnum() and _LETTER_APOSTROPHES.isdisjoint(run):
            found.append((start, end, False))
        else:
            found += [(start + part.start, start + part.end, part.joined) for part in _parts(run)]
    return found


def _parts(run: str) -> tuple[Part, ...]:
    return _split_known(run) if len(run) < _LONG_RUN else split_run(run)


def places(text: str) -> list[tuple[int, int]]:
    """(start, end) of every word, as `words` gives them, at less cost: runs that are one word are not looked at."""
    pattern = run_pattern(text)
    spans = [match.span() for match in pattern.finditer(text)]
    if text.isascii() or not ("\u02bc" in text or "\u02bb" in text):
        odd = [index for index, run in enumerate(pattern.findall(text)) if not run.isalnum()]
    else:
        odd = list(range(len(spans)))
    found: list[tuple[int, int]] = []
    done = 0
    for index in odd:
        found += spans[done:index]
        start, end = spans[index]
        found += [(start + part.start, start + part.end) for part in _parts(text[start:end])]
        done = index + 1
    return found + spans[done:]


# --- folding -------------------------------------------------------------------------------------------------------

_ARABIC_MARKS = "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u08d3-\u08ff\u0640"
_HEBREW_MARKS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
_DROPPED = re.compile(f"[\u0300-\u036f{_ARABIC_MARKS}{_HEBREW_MARKS}{IGNORED}]+")
_ONE_LETTER = str.maketrans(
    dict.fromkeys(APOSTROPHES, "'")
    | dict.fromkeys(GERSHAYIM + "\u05f3", '"')
    | {"\u05f3": "'"}
    | dict.fromkeys("آأإٱ", "ا")
    | {"ى": "ي", "ی": "ي", "ة": "ه", "ک": "ك"}
    | {"ё": "е", "ѐ": "е", "ѝ": "и"}
    | {"ł": "l", "ø": "o", "đ": "d", "ı": "i", "œ": "oe", "æ": "ae"}
)
_EXACT_LETTER = str.maketrans(dict.fromkeys(APOSTROPHES, "'") | dict.fromkeys(GERSHAYIM, '"'))


def _without_accent(char: str) -> str:
    """A Latin or Greek letter without its accents. ñ is a letter of its own, as are й and ї, which never come here."""
    if char == "ñ" or not ("\u00c0" <= char < "\u0400" or "\u1e00" <= char <= "\u1fff"):
        return char
    return unicodedata.normalize("NFD", char)[0]


@lru_cache(maxsize=1 << 16)
def fold(word: str) -> str:
    """The form under which a word is compared: case, width, accents, apostrophes, Arabic and Hebrew marks, ё."""
    if word.isascii():
        return word.lower()
    word = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _IGNORED.sub("", word)).casefold())
    word = word.translate(_ONE_LETTER)
    word = _DROPPED.sub("", "".join(map(_without_accent, word)))
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in word)


@lru_cache(maxsize=1 << 14)
def exact(word: str) -> str:
    """The form under which `=Word` compares: as written, but composed, with one apostrophe and nothing invisible."""
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", _IGNORED.sub("", word)).translate(_EXACT_LETTER)


# --- further readings of one word ----------------------------------------------------------------------------------

_ELISION = re.compile("(?:[ldjmnstc]|qu|jusqu|lorsqu|puisqu|quoiqu)'(?=..)", re.IGNORECASE)
_POSSESSIVE = re.compile("'s$", re.IGNORECASE)
_HEBREW_CLITICS = frozenset("והבכלמש")
MIN_REMAINDER = 2
"""Fewest letters that must remain when a clitic is stripped."""


def bare_readings(word: str) -> tuple[str, ...]:
    """A word and its forms without a French elided article or an English possessive: `l'école`, `Russia's`."""
    if "'" not in word:
        return (word,)
    found = [word]
    for pattern in (_ELISION, _POSSESSIVE):
        for one in tuple(found):
            match = pattern.search(one) if pattern is _POSSESSIVE else pattern.match(one)
            if match:
                found.append(one[: match.start()] + one[match.end() :])
    return tuple(dict.fromkeys(found))


def _arabic(word: str) -> Iterator[str]:
    """wa/fa, then bi/li/ka, then al-, each or none; li + al- is written lil-."""
    for conjunction in ("", "و", "ف"):
        if not word.startswith(conjunction):
            continue
        rest = word[len(conjunction) :]
        for preposition in ("", "ب", "ل", "ك"):
            if not rest.startswith(preposition):
                continue
            stem = rest[len(preposition) :]
            yield stem
            if stem.startswith("ال"):
                yield stem[2:]
            if preposition == "ل" and stem.startswith("ل"):
                yield stem[1:]
                yield "ا" + stem


def _hebrew(word: str) -> Iterator[str]:
    """One to three one-letter prefixes."""
    for size in (1, 2, 3):
        if len(word) <= size or word[size - 1] not in _HEBREW_CLITICS:
            return
        yield word[size:]


def readings(folded: str) -> tuple[str, ...]:
    """Every form under which a folded word may be found: itself, without elision or possessive, without clitics.

    A clitic is only ever stripped towards a word that some rule looks for, because only such readings are looked up.
    """
    first = folded[:1]
    if "\u0620" <= first <= "\u06ff":
        more = _arabic(folded)
    elif _is_hebrew(first):
        more = _hebrew(folded)
    else:
        return bare_readings(folded)
    return tuple(dict.fromkeys([folded, *(form for form in more if len(form) >= MIN_REMAINDER)]))


# --- paragraphs ----------------------------------------------------------------------------------------------------


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """(start, text) of each paragraph: what stands between line breaks. Empty ones are left out."""
    start = 0
    for match in PARAGRAPH_BREAK.finditer(text):
        if match.start() > start:
            yield start, text[start : match.start()]
        start = match.end()
    if start < len(text):
        yield start, text[start:]
