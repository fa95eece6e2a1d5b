"""The words a digest uses, and the cleaning of words that come from the web. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

SEVERITIES = ("critical", "high", "medium", "low")
"""Loudest first."""
CLASSES = ("event", "statement", "context")
"""What happened before what was said about it, before the background."""
CLASS_TITLES = {"statement": "Statements", "context": "Background"}
TOPIC_LABELS = {"civilian_attack": "Attack on civilians"}
STAGES = (
    "collapsed",
    "violated",
    "suspended",
    "expired",
    "rejected",
    "in_effect",
    "agreed",
    "declared",
    "extended",
    "corridor",
    "monitored",
    "proposed",
    "talks",
    "called_for",
)
"""Of a ceasefire, as a desk asks for them: what breaks, what holds, what may come."""
# Of the invisible format characters only these are part of spelling (Persian, Indic scripts, emoji). Others turn the
# direction of the text around them, and a headline could disguise a link or a source with them.
_JOINERS = frozenset("\u200c\u200d")
_RIGHT_TO_LEFT = frozenset(["ar", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "syr", "ug", "ur", "yi"])
_LEFT_TO_RIGHT = "\u200e"
_MARKS_IN_A_ROW = 4
"""Real writing stacks no more marks on one letter; hundreds of them paint over the lines around a headline."""
_LINK_LIMIT = 2000


def clean(text: str, limit: int = 0) -> str:
    """One line of plain text out of whatever a source wrote.

    Args:
        text: any text: line ends, control characters, direction controls and lone surrogates are allowed in it.
        limit: longest result in code points, cut at a word with an ellipsis; 0 for no limit.

    Returns:
        Words separated by single spaces; may be empty.
    """
    return shorten("".join(letter for _, letter in clean_letters(text)), limit)


def clean_letters(text: str) -> list[tuple[int, str]]:
    """The letters of `clean(text)`, each with its offset in `text`, so that marks set on `text` can follow them."""
    kept: list[tuple[int, str]] = []
    marks = 0
    for at, letter in enumerate(text):
        category = unicodedata.category(letter)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category in {"Cc", "Zl", "Zp", "Zs"}:
            if kept and kept[-1][1] != " ":
                kept.append((at, " "))
        elif marks <= _MARKS_IN_A_ROW and (category not in {"Cf", "Cs", "Cn", "Co"} or letter in _JOINERS):
            kept.append((at, letter))
    if kept and kept[-1][1] == " ":
        kept.pop()
    return kept


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` code points, cut at a word where one ends in its last third; 0 for no limit."""
    if not limit or len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    if space > limit * 2 // 3:
        cut = cut[:space]
    return cut.rstrip(" ,;:-–—") + "…"


def safe_link(url: str) -> str:
    """`url` if a reader may be sent there (http or https with a host, of a usable length), else an empty string."""
    if len(url) > _LINK_LIMIT or any(ord(letter) <= 32 or letter in '"<>`' for letter in url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def is_right_to_left(language: str) -> bool:
    """Whether a language (BCP 47 primary tag) is written from right to left."""
    return language in _RIGHT_TO_LEFT


def direction(text: str) -> str:
    """Which way `text` runs: ``rtl`` or ``ltr`` by its first letter; empty when nothing in it runs from right to left.

    Mail clients do not know ``dir=auto``, which says the same.
    """
    if text.isascii():
        return ""
    kinds = [kind for kind in map(unicodedata.bidirectional, text) if kind in {"L", "R", "AL", "AN"}]
    if not kinds or set(kinds) == {"L"}:
        return ""
    return "ltr" if kinds[0] == "L" else "rtl"


def apart(text: str) -> str:
    """A name or headline for the middle of a line of English: what runs from right to left takes nothing with it."""
    return f"{_LEFT_TO_RIGHT}{text}{_LEFT_TO_RIGHT}" if direction(text) else text


def label(topic: str, stages: Sequence[str] = ()) -> str:
    """``Attack on civilians``, ``Ceasefire · violated``: what a topic is called, with its stages."""
    name = TOPIC_LABELS.get(topic) or topic.replace("_", " ").capitalize()
    return f"{name} · {', '.join(stages).replace('_', ' ')}" if stages else name


def number(value: int) -> str:
    """``1,204``."""
    return f"{value:,}"


def count(value: int, one: str, many: str = "") -> str:
    """``1 story``, ``1,204 stories``; `many` defaults to `one` with an s."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int) -> str:
    """``A, B, C and 2 more``."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {number(len(names) - most)} more"


def tally(counts: Mapping[str, int], words: Iterable[str] = SEVERITIES) -> str:
    """``4 critical, 21 high``: those of `words` that are not zero, in their order."""
    return ", ".join(f"{number(counts[word])} {word}" for word in words if counts.get(word))


def totals(counts: Mapping[str, int]) -> str:
    """``4 critical, 21 high, 1 statement``: a digest's counts, events by severity and then the other classes."""
    parts = [tally(counts)]
    if counts.get("statement"):
        parts.append(count(counts["statement"], "statement"))
    if counts.get("context"):
        parts.append(f"{number(counts['context'])} background")
    return ", ".join(filter(None, parts))


def by_stage(stories: Iterable[Mapping[str, Any]]) -> str:
    """``1 collapsed, 3 violated``: a snapshot's events about ceasefires, each counted once, at its loudest stage.

    No line ends between a number and its stage.
    """
    counts: dict[str, int] = {}
    for story in stories:
        for mention in story["mentions"]:
            if story["class"] == "event" and mention["topic"] == "ceasefire" and mention["stages"]:
                counts[mention["stages"][0]] = counts.get(mention["stages"][0], 0) + 1
    order = [*STAGES, *sorted(set(counts) - set(STAGES))]
    return tally(counts, order).replace("_", " ").replace(" ", "\u00a0").replace(",\u00a0", ", ")


def clock(moment: datetime, zone: str, near: datetime) -> str:
    """A moment as a reader in `zone` names it beside `near`: ``05:12``, ``Mon 22:14`` or ``3 Mar 2025``."""
    there, day = moment.astimezone(ZoneInfo(zone)), near.astimezone(ZoneInfo(zone)).date()
    distance = abs((day - there.date()).days)
    if not distance:
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if distance < 7 else f"{there.day} {there:%b %Y}"


def long_date(moment: datetime, zone: str) -> str:
    """``Tuesday 4 March 2025`` in `zone`."""
    there = moment.astimezone(ZoneInfo(zone))
    return f"{there:%A} {there.day} {there:%B %Y}"
