"""What feedparser makes of one item -> `Entry`: plain texts, dates in UTC, links that can be fetched. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from crawler.articles import Entry
from crawler.parse.dates import DateReader, settle
from crawler.parse.language import primary
from crawler.parse.text import html_to_line, html_to_text, one_line, paragraphs
from crawler.urls import clean_link

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def get(mapping: Mapping[str, Any], key: str) -> Any:
    """A value that feedparser really stored: its own `get` answers for other keys, with a warning."""
    value = dict.get(mapping, key) if isinstance(mapping, dict) else None
    return "" if value is None else value


def make_entry(raw: Mapping[str, Any], *, url: str, now: datetime, language: str, reader: DateReader) -> Entry:
    """One item of RSS, RDF or Atom.

    Args:
        raw: what feedparser made of it.
        url: of the document; relative links count from it.
        now: the moment of the fetch; dates in the future become it.
        language: the document's.
        reader: of the document's dates.
    """
    raw_date = one_line(str(get(raw, "published") or get(raw, "updated") or get(raw, "created")))
    parsed = get(raw, "published_parsed") or get(raw, "updated_parsed") or get(raw, "created_parsed") or None
    changed = one_line(str(get(raw, "updated")))
    updated = reader.feed_date(changed, get(raw, "updated_parsed") or None) if changed else None
    title = get(raw, "title_detail") or {}
    own_language = primary(str(get(title, "language"))) if title else ""
    return Entry(
        guid=one_line(str(get(raw, "id"))),
        link=clean_link(str(get(raw, "feedburner_origlink") or get(raw, "link")), url),
        title=_plain_title(title, str(get(raw, "title"))),
        summary=_plain(get(raw, "summary_detail"), str(get(raw, "summary"))),
        content=_content(raw),
        published=settle(reader.feed_date(raw_date, parsed), now) if raw_date else None,
        updated=settle(updated, now),
        raw_date=raw_date,
        authors=_authors(raw),
        labels=tuple(
            dict.fromkeys(one_line(str(get(tag, "term"))) for tag in get(raw, "tags") or () if get(tag, "term"))
        ),
        language=own_language or language,
    )


def _plain_title(detail: Mapping[str, Any], value: str) -> str:
    return one_line(value) if _is_text(detail, value) else html_to_line(value)


def _plain(detail: Mapping[str, Any], value: str) -> str:
    return paragraphs(value) if _is_text(detail, value) else html_to_text(value)


def _is_text(detail: Mapping[str, Any], value: str) -> bool:
    """Whether a value is what it says, plain text; tags in it are read as tags whatever it says."""
    return get(detail, "type") == "text/plain" and not _TAG.search(value)


def _content(raw: Mapping[str, Any]) -> str:
    """The longest of an entry's full texts."""
    texts = [
        _plain(part, str(get(part, "value")))
        for part in get(raw, "content") or ()
        if not str(get(part, "type")).startswith(("image/", "audio/", "video/"))
    ]
    return max(texts, key=len, default="")


def _authors(raw: Mapping[str, Any]) -> tuple[str, ...]:
    names = [one_line(str(get(person, "name") or get(person, "email"))) for person in get(raw, "authors") or ()]
    if not any(names):
        names = [one_line(str(get(raw, "author")))]
    return tuple(dict.fromkeys(name for name in names if name))


def without_repeated_guids(entries: Iterable[Entry]) -> list[Entry]:
    """A guid that one document gives to several different articles identifies none of them."""
    entries = list(entries)
    uses = Counter(guid for guid, _ in {(entry.guid, entry.link) for entry in entries} if guid)
    return [replace(entry, guid="") if uses[entry.guid] > 1 else entry for entry in entries]


def newest(entries: list[Entry], limit: int) -> list[Entry]:
    """The `limit` newest entries in their document order; undated ones count as new, for nothing may be lost."""
    dates = [entry.published or entry.updated for entry in entries]
    order = sorted(range(len(entries)), key=lambda i: -date.timestamp() if (date := dates[i]) else -math.inf)
    keep = set(order[:limit])
    return [entry for index, entry in enumerate(entries) if index in keep]
