"""From a word of a query to what is looked up: one pattern per word of the text it must meet."""

from __future__ import annotations

import re
from functools import lru_cache

from alerts.rules.text import MAX_JOINED, exact, fold, words

# While a query word is cut and folded like text, its wildcards stand as letters that no news writes.
_ANY, _ONE = "\U00013000", "\U00013001"
_TO_LETTERS = str.maketrans({"*": _ANY, "?": _ONE})
_TO_SIGNS = str.maketrans({_ANY: "*", _ONE: "?"})
MIN_STEM = 3
"""Fewest letters before a `*`."""


@lru_cache(maxsize=1 << 16)
def patterns(word: str, *, as_written: bool = False) -> tuple[str, ...]:
    """The patterns a query word stands for, wildcards included; several when the text cuts it (`reuters.com`).

    A hyphenated word is one pattern: joined when folded (`ceasefire`), with the hyphen when `as_written`. An empty
    tuple means that the word holds no letter or digit.
    """
    stem = word[:-1] if word[-1:] == "*" else word
    if stem.isascii() and stem.isalnum():
        return (word if as_written else word.lower(),)
    text = word.translate(_TO_LETTERS)
    groups: list[list[str]] = []
    for start, end, joined in words(text):
        piece = text[start:end]
        if joined and groups:
            groups[-1].append(piece)
        else:
            groups.append([piece])
    found: list[str] = []
    for group in groups:
        pieces = [exact(piece) if as_written else fold(piece) for piece in group]
        found += [("-" if as_written else "").join(pieces)] if len(group) <= MAX_JOINED else pieces
    return tuple(one.translate(_TO_SIGNS) for one in found if one)


def stem_too_short(pattern: str) -> bool:
    """Whether a wildcard has too little before it: under 3 letters before `*`, or no two letters beside `?`."""
    if "*" in pattern:
        return sum(char.isalnum() for char in pattern[: pattern.index("*")]) < MIN_STEM
    return "?" in pattern and sum(char.isalnum() for char in pattern) < MIN_STEM - 1


def is_wild(pattern: str) -> bool:
    """Whether the pattern has a wildcard."""
    return "*" in pattern or "?" in pattern


def expression(pattern: str) -> str:
    """The pattern as a regular expression for `fullmatch`: `*` any number of characters, `?` exactly one."""
    return "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in pattern)
