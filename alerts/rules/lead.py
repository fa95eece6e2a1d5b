"""Where an article's lead ends.

The archive decides the same way when it hands articles out (crawler/articles.py). Rules may not import the crawler's
values, and a desk must never see a lead that differs from the one its rules read, so a test holds the two together.
"""

from __future__ import annotations

import re
from itertools import islice

LEAD_LIMIT = 400
"""Longest lead in characters (docs/glossary.md)."""

_FIRST_BREAK = re.compile(r"\s*\n")
_STOP = re.compile(r"[.!?…。！？؟۔][\"'”’»)\]]*(?=\s+\S)")
_NOT_SPACE = re.compile(r"\S")
_WORD_BEFORE = re.compile(r"[^\s.(\"“«]+$")
_SHORT = frozenset(
    word
    for line in (
        "mr mrs ms dr prof gen lt col sgt capt maj cmdr adm gov sen rep st no vs jan feb mar apr jun jul aug sep sept",
        "oct nov dec inc ltd co corp m mm mme sr sra d p ст г ул им т н р",
    )
    for word in line.split()
)


def lead_end(body: str) -> int:
    """Where the lead ends in the body: the first paragraph if it is short, else its first two sentences.

    At most 400 characters; a longer sentence is cut between words. The lead is a prefix of the body.
    """
    line_break = _FIRST_BREAK.search(body)
    end = len(body) if line_break is None else line_break.start()
    if end <= LEAD_LIMIT:
        return end
    stops = (stop.end() for stop in _STOP.finditer(body, 0, LEAD_LIMIT + 1) if _is_end(body, stop))
    ends = [one for one in islice(stops, 2) if one <= LEAD_LIMIT]
    if ends:
        return ends[-1]
    space = max(body.rfind(" ", 0, LEAD_LIMIT + 1), body.rfind("\n", 0, LEAD_LIMIT + 1))
    return space if space > 0 else LEAD_LIMIT


def _is_end(body: str, stop: re.Match[str]) -> bool:
    following = _NOT_SPACE.search(body, stop.end())
    if following is not None and following[0].islower():
        return False
    if body[stop.start()] != ".":
        return True
    # No short form is that long; a window keeps the search from starting at every character of the lead.
    before = _WORD_BEFORE.search(body[max(0, stop.start() - 40) : stop.start()])
    return before is None or (len(before[0]) > 1 and before[0].casefold() not in _SHORT)
