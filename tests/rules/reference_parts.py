"""Words and spans of the plain reference: a text cut letter by letter, spans compared pair by pair."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

Span = tuple[int, int]
Words = tuple[Span, ...]
Found = dict[Span, Words]

HYPHENS = "-‐‑‒–−־﹣－"
APOSTROPHES = "'’ʼ‘ʻ′＇"


@dataclass
class Token:
    start: int
    end: int
    text: str
    hyphen: bool  # tied to the one before
    unit: int  # paragraph; the title is 0
    sentence: tuple[int, int] = (0, 0)
    number: int = 0


def is_letter(char: str) -> bool:
    return (char.isalnum() or unicodedata.category(char).startswith("M")) and char not in APOSTROPHES


def is_ignored(char: str) -> bool:
    return (
        char in "\u00ad\u061c\ufeff"
        or re.match("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069]", char) is not None
    )


def is_hebrew(char: str) -> bool:
    return "א" <= char <= "ת"


def cut(text: str) -> list[tuple[int, int, bool]]:
    """Words of one paragraph, letter by letter."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    while at < len(text):
        if not text[at].isalnum() or text[at] in APOSTROPHES:
            at += 1
            continue
        start, end = at, at + 1
        at += 1
        while at < len(text):
            after = text[at + 1] if at + 1 < len(text) else " "
            if is_letter(text[at]):
                end = at + 1
            elif (
                is_ignored(text[at])
                or (end == at and text[at] in APOSTROPHES and is_letter(after))
                or (end == at and text[at] in '"״”“' and is_hebrew(text[at - 1]) and is_hebrew(after))
            ):
                pass
            else:
                break
            at += 1
        tied = bool(found) and start - found[-1][1] == 1 and text[start - 1] in HYPHENS
        found.append((start, end, tied))
        at = end
    return found


def near_enough(one: Span, other: Span, limit: int, ordered: bool, overlap: bool) -> bool:
    if one[1] < other[0]:
        return other[0] - one[1] - 1 <= limit
    if other[1] < one[0]:
        return not ordered and one[0] - other[1] - 1 <= limit
    return overlap and not {*one} & {*other}


def merged(many: Any) -> Found:
    every: Found = {}
    for found in many:
        for span, words in found.items():
            if span not in every or (len(words), words) < (len(every[span]), every[span]):
                every[span] = words
    return every


def least(spans: list[Span]) -> list[Span]:
    return [s for s in spans if not any(o != s and s[0] <= o[0] and o[1] <= s[1] for o in spans)]


def most_apart(spans: list[Span]) -> int:
    """The largest number of spans that do not overlap, found by trying from the right."""
    best = {0: 0}
    for start in sorted({s[0] for s in spans}, reverse=True):
        after = [b for a, b in spans if a == start]
        here = max(1 + max((best[k] for k in best if k > end), default=0) for end in after)
        best[start] = max([here, *(best[k] for k in best if k > start)])
    return max(best.values())
