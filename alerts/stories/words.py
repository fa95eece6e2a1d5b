"""An article as grouping sees it: its folded words, and what its title and first words name and count. Pure.

Words are folded as they are compared; addresses, handles and leftovers of markup are no words. Terms are words without
their endings, so that "strikes" meets "strike": a few rules for each script, no dictionary.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from alerts.stories.vocabulary import CASUALTIES, FUNCTION_WORDS, SERIES, WEEKDAYS

LEAD_WORDS = 60
"""So many words of the text stand for what it tells; a headline and its first paragraph."""
TITLE_WORDS = 14
"""The first words of a text without a title stand for the title."""
LONG_TITLE = 7
"""Words that carry meaning by which a headline is known again two days later."""
LEAD_WEIGHT = 0.5
"""What a word of the first paragraph counts, when one of the title counts 1."""

_NOISE = re.compile(r"https?://\S+|www\.\S+|[@#][^\W\d]\w*|&?#\d+;|\b(?:quot|amp|lt|gt|nbsp);")
_SIGNS = ("://", "www.", "@", "#", "quot;", "amp;", "lt;", "gt;", "nbsp;")
_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?…:|«»“”\"\n—–-]\s*$")
_DATE = re.compile(r"\d{1,4}[./]\d{1,2}[./]\d{2,4}")


@dataclass(frozen=True, slots=True)
class Subject:
    """One article to group.

    Attributes:
        id: grows in the order in which articles came.
        source: who published it; empty if unknown.
        when: when it came out, aware UTC; None if nobody knows.
    """

    id: int
    source: str
    title: str
    body: str
    language: str = ""
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """What grouping reads in a subject.

    Attributes:
        words: of the body, folded; of the title when there is no body.
        title: words of the title, folded; empty without one.
        terms: what it is about: term -> weight, the words of title and lead without their endings.
        names: those of the terms that are written as names.
        numbers: numbers in title and lead, as written.
        tolls: those of them that count killed or wounded.
        days: numbers of the weekdays named in title and lead, Monday 0.
        marks: what tells one part of a series from another: ``day 12``, a date written in numbers.
        spelling: term -> the word as written, for reasons.
    """

    words: tuple[str, ...]
    title: tuple[str, ...]
    terms: Mapping[str, float]
    names: frozenset[str]
    numbers: frozenset[str]
    tolls: frozenset[str]
    days: frozenset[int]
    marks: Mapping[str, frozenset[str]]
    spelling: Mapping[str, str]
    has_body: bool


def read(title: str, body: str) -> Text:
    """What grouping reads in an article.

    Args:
        title: as published; may be empty.
        body: the stored text; may be empty.
    """
    title, body = _clean(title), _clean(body)
    words = tuple(_WORD.findall(body.casefold()))
    head = [(match, title) for match in _WORD.finditer(title)]
    lead = [(match, body) for match, _ in zip(_WORD.finditer(body), range(LEAD_WORDS + TITLE_WORDS), strict=False)]
    if not head:
        head, lead = lead[:TITLE_WORDS], lead[TITLE_WORDS:]
    lead = lead[:LEAD_WORDS]
    shouted = _title_case(match[0] for match, _ in head)
    terms, names, spelling = _terms(head, lead, shouted=shouted)
    tokens = [match[0].casefold() for match, _ in (*head, *lead)]
    title_words = tuple(_WORD.findall(title.casefold()))
    return Text(
        words=words or title_words,
        title=title_words,
        terms=terms,
        names=names,
        numbers=frozenset(token for token in tokens if token[0].isdigit()),
        tolls=_tolls(tokens),
        days=frozenset(WEEKDAYS[token] for token in tokens if token in WEEKDAYS),
        marks=_marks(tokens),
        spelling=spelling,
        has_body=bool(words),
    )


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A folded word without its ending: English and Romance plurals, Slavic cases, Arabic and Hebrew prefixes."""
    first = word[0]
    if first.isdigit() or len(word) < 4:
        return word
    if "а" <= first <= "ӿ":
        return word[: max(4, len(word) - 2)] if len(word) > 4 else word
    if "\u0600" <= first <= "\u06ff":
        return next((word[len(p) :] for p in ("وال", "بال", "لل", "ال") if word.startswith(p) and len(word) > 5), word)
    if "\u0590" <= first <= "\u05ff":
        return word[1:] if first in "הובלמשכ" and len(word) > 4 else word
    for ending in ("ings", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            word = word[: -len(ending)]
            break
    return word[:7] if len(word) > 9 else word.removesuffix("e") if len(word) > 4 else word


def number_of(text: str | bytes) -> int:
    """A number of 47 bits for a text, or for its UTF-8; the same in every process and on every machine."""
    coded = text if isinstance(text, bytes) else text.encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(coded, digest_size=6).digest(), "big") >> 1


def headline_names(text: Text) -> set[str]:
    """Names that the title gives."""
    return {name for name in text.names if text.terms[name] == 1.0}


def headline_window(text: Text) -> timedelta:
    """How far apart two headlines without texts may be that say the same: short ones come again every day."""
    return timedelta(hours=48) if len(content(text.title)) >= LONG_TITLE else timedelta(hours=20)


def likeness(one: Iterable[str], other: Iterable[str]) -> float:
    """Share of the words of the shorter title that the other has too, function words left out; 0 without words."""
    mine, theirs = content(one), content(other)
    return len(mine & theirs) / min(len(mine), len(theirs)) if mine and theirs else 0.0


def content(words: Iterable[str]) -> set[str]:
    """The stems of the words that carry meaning."""
    return {stem(word) for word in words if word not in FUNCTION_WORDS}


def _clean(text: str) -> str:
    text = html.unescape(text) if "&" in text else text
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _NOISE.sub(" ", text) if any(sign in text for sign in _SIGNS) else text


def _title_case(words: Iterable[str]) -> bool:
    """Whether a headline Writes Most Words Like This, so that capitals say nothing about names."""
    long = [word for word in words if len(word) > 3 and word[0].isalpha()]
    return len(long) > 2 and sum(word[0].isupper() for word in long) > 0.6 * len(long)


def _terms(
    head: list[tuple[re.Match[str], str]], lead: list[tuple[re.Match[str], str]], *, shouted: bool
) -> tuple[dict[str, float], frozenset[str], dict[str, str]]:
    terms: dict[str, float] = {}
    names: set[str] = set()
    small: set[str] = set()
    spelling: dict[str, str] = {}
    for place, (match, text) in enumerate((*head, *lead)):
        word = match[0]
        folded = word.casefold()
        if folded in FUNCTION_WORDS or (len(folded) < 2 and not folded.isdigit()):
            continue
        key = stem(folded)
        terms.setdefault(key, 1.0 if place < len(head) else LEAD_WEIGHT)
        spelling.setdefault(key, word)
        if not word[0].isupper():
            small.add(key)
        elif not (shouted and place < len(head)) and folded not in WEEKDAYS and not _starts_sentence(match, text):
            names.add(key)
            spelling[key] = word
    return terms, frozenset(names - small), spelling


def _starts_sentence(match: re.Match[str], text: str) -> bool:
    start = match.start()
    return start == 0 or bool(_SENTENCE_END.search(text, max(0, start - 4), start))


def _tolls(tokens: list[str]) -> frozenset[str]:
    found = set()
    for place, token in enumerate(tokens):
        if token[0].isdigit() and len(token) < 7:
            near = tokens[max(0, place - 3) : place] + tokens[place + 1 : place + 4]
            if any(word.startswith(CASUALTIES) for word in near):
                found.add(token)
    return frozenset(found)


def _marks(tokens: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for place, token in enumerate(tokens):
        if token in SERIES:
            near = tokens[max(0, place - 1) : place] + tokens[place + 1 : place + 2]
            numbers = [word for word in near if word.isdigit()]
            if numbers:
                found.setdefault("part", set()).add(numbers[-1])
        elif _DATE.fullmatch(token):
            found.setdefault("date", set()).add(token)
    return {kind: frozenset(values) for kind, values in found.items()}
