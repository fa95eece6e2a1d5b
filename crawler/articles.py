"""The values that travel from the web to the archive. No I/O; every datetime is aware UTC."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice

LEAD_LIMIT = 400
"""Longest lead in characters (docs/glossary.md)."""


class PageState(StrEnum):
    """What became of an article's page."""

    WANTED = "wanted"  # to be fetched, or fetched again at `page_next_try`
    FETCHED = "fetched"  # text comes from the page
    FAILED = "failed"  # given up; the article keeps the entry's own text
    NONE = "none"  # there is no page to fetch (imported, or an entry without a usable link)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a channel says about one article.

    Attributes:
        guid: the document's own id for it, as written; empty if none.
        link: absolute http(s) URL of the article; empty if none.
        title: plain text.
        summary: plain text (paragraphs separated by a blank line).
        content: plain text of a full-content element; empty if none.
        published: aware UTC, or None when there is none or it cannot be read.
        updated: aware UTC or None.
        raw_date: the published date exactly as written.
        authors: names as written.
        labels: categories as written.
        language: what the document says, as a BCP 47 primary tag; empty if it says nothing.
    """

    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    raw_date: str = ""
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    language: str = ""


MOST_TITLE, MOST_LINK, MOST_NAME, MOST_NAMES, MOST_TEXT = 500, 8000, 200, 50, 1_000_000
"""Longest title, link, and name (of an author, a label; a date as written), most names of a kind, longest text."""


def within_limits(entry: Entry) -> Entry:
    """The entry with every field cut to a length that people can read and mails can carry.

    Nothing that rules may read is lost by it: of a title that is cut the whole stands before the text. A link that is
    too long to be fetched is left out; the item is kept.
    """
    if not is_over(entry):
        return entry
    whole = f"{entry.title}\n\n" if len(entry.title) > MOST_TITLE else ""
    first = entry.content if entry.content.strip() else entry.summary
    kept = (whole + first)[:MOST_TEXT]
    return replace(
        entry,
        title=cut_line(entry.title, MOST_TITLE),
        link=entry.link if len(entry.link) <= MOST_LINK else "",
        content=kept if entry.content.strip() else "",
        summary=entry.summary[:MOST_TEXT] if entry.content.strip() else kept,
        raw_date=entry.raw_date[:MOST_NAME],
        authors=tuple(cut_line(name, MOST_NAME) for name in entry.authors[:MOST_NAMES]),
        labels=tuple(cut_line(label, MOST_NAME) for label in entry.labels[:MOST_NAMES]),
        language=entry.language[:MOST_NAME],
    )


def is_over(entry: Entry) -> bool:
    """Whether a field of an entry is longer than it is kept."""
    names = (*entry.authors, *entry.labels, entry.raw_date, entry.language)
    return (
        len(entry.title) > MOST_TITLE
        or len(entry.link) > MOST_LINK
        or len(entry.summary) > MOST_TEXT
        or len(entry.content) > MOST_TEXT
        or max(len(entry.authors), len(entry.labels)) > MOST_NAMES
        or max(map(len, names)) > MOST_NAME
    )


def cut_line(line: str, most: int) -> str:
    """A line of at most `most` characters; one that is cut, between words where there are any, ends in an ellipsis."""
    if len(line) <= most:
        return line
    space = line.rfind(" ", most // 2, most)
    return line[: space if space > 0 else most - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A parsed channel document: its entries in document order and what the poller needs to know.

    Attributes:
        format: ``rss20``, ``rss10``, ``atom10``, ``json``, ``news-sitemap``, ``sitemap-index``, ``section`` or empty.
        title: the document's own title.
        entries: newest first is not assumed.
        ttl_minutes: lower bound for the poll interval that the document asks for, or None.
        problem: empty when fine, else what was wrong although entries may have been had.
        children: for index files: the URLs of further documents.
        known: how many items were left out of `entries` because they stood in the channel's last document as they are.
        left: how many more there are, left for the next time; the document must be had again, changed or not.
        marks: what to keep of this document, so that the next one's items are known; empty = none of them.
    """

    format: str
    title: str = ""
    entries: tuple[Entry, ...] = ()
    ttl_minutes: int | None = None
    problem: str = ""
    children: tuple[str, ...] = ()
    known: int = 0
    left: int = 0
    marks: bytes = b""


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched for an entry."""

    url: str
    final_url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a page says of its article. Empty strings and None where it says nothing.

    Attributes:
        title: plain text.
        text: paragraphs separated by a newline.
        published: aware UTC or None.
        authors: names.
        language: language of the text, BCP 47 primary tag; empty if unsure.
        canonical: absolute URL of the page's canonical link; empty if none.
        problem: why the text is not the whole article (a paywall, a consent wall, a page filled by a script); empty
            when it is.
    """

    title: str = ""
    text: str = ""
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    language: str = ""
    canonical: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Article:
    """One published document in the archive, as it is read by rules.

    `body` is the stored text; the lead is its beginning (`lead_end`), so that every offset counts in code points of
    `title` or of `body` and of nothing else.

    Attributes:
        id: archive key; grows in the order in which articles were stored.
        version: grows by one each time title or body change; a reading is of one version.
        url: the URL as first given.
        key: canonical URL key, unique in the archive.
        source: id of the source.
        published: aware UTC; None when nobody said.
        seen_at: when the archive first stored it, aware UTC.
        backfill: came with a channel's first fetch and is older than 48 h or undated: read, but makes no item.
        duplicate_of: id of the article that this one's canonical link names; None for an original.
    """

    id: int
    version: int
    url: str
    key: str
    source: str
    title: str
    body: str
    language: str
    published: datetime | None
    seen_at: datetime
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    page_state: PageState = PageState.NONE
    backfill: bool = False
    duplicate_of: int | None = None
    lead_end: int = field(default=0)


HASHED_FROM = 200
"""Shorter texts are not compared by hash: "Read more on our site" would make copies of everything."""

_NOT_LETTERS = re.compile(r"[\W_]+")
_PARAGRAPH_END = re.compile(r"\s*\n")
_SENTENCE_END = re.compile(r"[.!?…。！？؟۔][\"'”’»)\]]*(?=\s+\S)")
_NOT_SPACE = re.compile(r"\S")
_WORD_BEFORE = re.compile(r"[^\s.(\"“«]+$")
_SHORT_FORMS_TEXT = """
mr mrs ms dr prof gen lt col sgt capt maj cmdr adm gov sen rep st no vs jan feb mar apr jun jul aug sep sept oct nov dec
inc ltd co corp mm mme sr sra ст ул им
"""
_SHORT_FORMS = frozenset(_SHORT_FORMS_TEXT.split())


def lead_end(body: str) -> int:
    """Where the lead ends: the first paragraph, else the first two sentences, at most `LEAD_LIMIT` characters.

    The lead is a prefix of the body, so that offsets in it are offsets in the body.
    """
    paragraph = _PARAGRAPH_END.search(body)
    end = paragraph.start() if paragraph else len(body)
    if end <= LEAD_LIMIT:
        return end
    stops = (match for match in _SENTENCE_END.finditer(body, 0, LEAD_LIMIT + 1) if _ends_sentence(body, match))
    within = [match.end() for match in islice(stops, 2) if match.end() <= LEAD_LIMIT]
    if within:
        return within[-1]
    # One endless sentence: cut between words.
    cut = max(body.rfind(" ", 0, LEAD_LIMIT + 1), body.rfind("\n", 0, LEAD_LIMIT + 1))
    return cut if cut > 0 else LEAD_LIMIT


def fold(text: str) -> str:
    """The text as it is compared: case folded, every run of spaces and punctuation one space."""
    return _NOT_LETTERS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def text_hash(body: str) -> str:
    """SHA-256 (hex) of the folded body: equal for copies that differ in case, spaces or punctuation only.

    Empty for bodies too short to be told apart by.
    """
    folded = fold(body)
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest() if len(folded) >= HASHED_FROM else ""


def entry_body(entry: Entry) -> str:
    """The entry's own text, used until there is a page's: its full content if it has any, else its summary."""
    return (entry.content.strip() or entry.summary.strip()).replace("\r\n", "\n")


def _ends_sentence(body: str, stop: re.Match[str]) -> bool:
    following = _NOT_SPACE.search(body, stop.end())
    if following is not None and following[0].islower():
        return False
    if body[stop.start()] != ".":
        return True
    # No short form is that long; a window keeps the search from starting at every character of the lead.
    before = _WORD_BEFORE.search(body[max(0, stop.start() - 40) : stop.start()])
    # An initial ("J. Smith", "U.S. troops") or a short form ends nothing.
    return before is None or (len(before[0]) > 1 and before[0].casefold() not in _SHORT_FORMS)
