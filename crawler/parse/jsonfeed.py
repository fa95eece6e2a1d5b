"""JSON Feed documents -> `FeedDocument`. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from crawler.articles import Entry, FeedDocument
from crawler.parse.dates import DateReader, settle
from crawler.parse.feedentries import without_repeated_guids
from crawler.parse.language import primary
from crawler.parse.scanning import MARK_BYTES, marks_in
from crawler.parse.text import html_to_text, one_line, paragraphs
from crawler.urls import clean_link, url_key

_NAMING = ("id", "url", "external_url")


def parse_json_feed(body: bytes, *, url: str, now: datetime, max_items: int, known: bytes = b"") -> FeedDocument:
    """Read a JSON Feed; arguments and result as those of `parse_feed`.

    `format` is empty, and `problem` says why, when it is none.
    """
    try:
        data = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        return FeedDocument(format="", problem=f"damaged JSON: {one_line(str(error))[:200]}")
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        return FeedDocument(format="", problem="JSON without a list of items")
    language = primary(_text(data.get("language")))
    reader = DateReader([language])
    every = [item for item in data["items"] if isinstance(item, dict)]
    items = every[-max_items:] if len(every) > max_items and _oldest_first(every, reader) else every[:max_items]
    cut = len(every) - len(items)
    marks = [_mark(item, url) for item in items]
    left = list(_left(items, marks, known, url))
    entries = [_json_entry(item, url=url, now=now, language=language, reader=reader) for item in left]
    return FeedDocument(
        format="json",
        title=one_line(_text(data.get("title"))),
        entries=tuple(without_repeated_guids(entries)),
        problem=f"{cut} items beyond the limit of {max_items} were not read" if cut > 0 else "",
        known=len(items) - len(left),
        marks=b"".join(marks),
    )


def _oldest_first(items: Sequence[dict[str, Any]], reader: DateReader) -> bool:
    first, last = (reader.any_date(_text(item.get("date_published"))) for item in (items[0], items[-1]))
    return first is not None and last is not None and first < last


def _mark(item: dict[str, Any], url: str) -> bytes:
    said = json.dumps(item, sort_keys=True).encode()
    return blake2b(url.encode("utf-8", "replace") + b"\0" + said, digest_size=MARK_BYTES).digest()


def _left(items: Sequence[dict[str, Any]], marks: Sequence[bytes], known: bytes, url: str) -> Iterator[dict[str, Any]]:
    """The items that must be read: new and changed ones, and those that share a name with such a one."""
    before = marks_in(known)
    if not before:
        yield from items
        return
    names = [_names(item, url) for item in items]
    new = {name for mark, own in zip(marks, names, strict=True) if mark not in before for name in own}
    twice = Counter(marks)
    for item, mark, own in zip(items, marks, names, strict=True):
        if mark not in before or own & new or twice[mark] > 1:
            yield item


def _names(item: dict[str, Any], url: str) -> frozenset[str]:
    said = [_text(item.get(key)) for key in _NAMING]
    links = [url_key(clean_link(name, url)) for name in said[1:] if name]
    title = _text(item.get("title"))
    return frozenset([*said, *links, f"{title} {_text(item.get('date_published'))}" if title else ""]) - {""}


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _json_entry(item: dict[str, Any], *, url: str, now: datetime, language: str, reader: DateReader) -> Entry:
    raw_date = one_line(_text(item.get("date_published")) or _text(item.get("date_modified")))
    html, text = _text(item.get("content_html")), _text(item.get("content_text"))
    content = html_to_text(html) if html else paragraphs(text)
    people = item.get("authors") if isinstance(item.get("authors"), list) else [item.get("author")]
    names = [one_line(_text(person.get("name"))) for person in people or () if isinstance(person, dict)]
    tags = item.get("tags") if isinstance(item.get("tags"), list) else []
    return Entry(
        guid=one_line(_text(item.get("id"))),
        link=clean_link(_text(item.get("url")) or _text(item.get("external_url")), url),
        title=one_line(_text(item.get("title"))),
        summary=html_to_text(_text(item.get("summary"))),
        content=content,
        published=settle(reader.any_date(raw_date), now),
        updated=settle(reader.any_date(_text(item.get("date_modified"))), now),
        raw_date=raw_date,
        authors=tuple(name for name in names if name),
        labels=tuple(dict.fromkeys(label for tag in tags or () if (label := one_line(_text(tag))))),
        language=primary(_text(item.get("language"))) or language,
    )
