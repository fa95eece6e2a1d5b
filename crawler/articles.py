"""The values that travel from the web to the archive. No I/O; every datetime is aware UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
    """

    format: str
    title: str = ""
    entries: tuple[Entry, ...] = ()
    ttl_minutes: int | None = None
    problem: str = ""
    children: tuple[str, ...] = ()


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
    """

    title: str = ""
    text: str = ""
    published: datetime | None = None
    authors: tuple[str, ...] = ()
    language: str = ""
    canonical: str = ""


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
