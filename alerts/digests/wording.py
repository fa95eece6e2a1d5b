"""The words a digest uses, and the cleaning of words that come from the web. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

SEVERITIES = ("critical", "high", "medium", "low")
"""Loudest first."""
CLASSES = ("event", "statement", "context")
"""What happened before what was said about it, before the background."""
CLASS_TITLES = {"statement": "Statements", "context": "Background"}
TOPIC_LABELS = {"civilian_attack": "Attack on civilians"}
# Of the invisible format characters only these are part of spelling (Persian, Indic scripts, emoji). Others turn the
# direction of the text around them, and a headline could disguise a link or a source with them.
_JOINERS = frozenset("\u200c\u200d")
_RIGHT_TO_LEFT = frozenset(["ar", "ckb", "dv", "fa", "he", "ku", "ps", "sd", "syr", "ug", "ur", "yi"])
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
