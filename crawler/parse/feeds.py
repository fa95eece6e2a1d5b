"""RSS, RDF, Atom and JSON Feed documents -> `FeedDocument`. Pure."""

from __future__ import annotations

import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import feedparser
import lxml.etree

from crawler.articles import Entry, FeedDocument
from crawler.parse.dates import DateReader, from_struct, settle
from crawler.parse.language import primary
from crawler.parse.text import html_to_line, html_to_text, one_line, paragraphs
from crawler.urls import clean_link

MAX_ITEMS = 2000
"""Most items read of one document; of longer ones the newest are read."""

INLINE_BYTES = 256 * 1024
INLINE_DAMAGED_BYTES = 32 * 1024
"""Longer documents are read in a process of their own, that can be killed."""

NOT_A_FEED = "not a feed"
REFUSED = "refused"

_DECLARATION_PARTS = re.compile(rb"""[>\[]|"[^"]*"|'[^']*'""")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_ROOT = re.compile(rb"<[A-Za-z_]")
_ITEM = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]")
_ITEM_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>")
_ITEM_DATE = re.compile(rb"<(?:pubDate|published|updated|dc:date|date|modified)[^>]*>([^<]{6,60})<")
_XML_ENCODING = re.compile(r"""(<\?xml[^>]*?)\s+encoding=["'][^"']*["']""")
_FEED_START = re.compile(rb"<(?:\w+:)?(rss|feed|rdf|channel)[\s>]", re.IGNORECASE)
_HTML_START = re.compile(rb"<(!doctype\s+html|html)[\s>]", re.IGNORECASE)
# A wrong media type or a wrong encoding in the head, which the parser found out by itself.
_HARMLESS = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10080, "monthly": 43200, "yearly": 525600}


def parse_feed(
    body: bytes, *, url: str, now: datetime, content_type: str = "", max_items: int = MAX_ITEMS
) -> FeedDocument:
    """Read a feed in any of its formats.

    Args:
        body: the document, decompressed.
        url: where it came from after redirects; relative links count from it.
        now: the moment of the fetch; dates in the future become it.
        content_type: the response's header, for the encoding.
        max_items: cap on items; the newest are kept.

    Returns:
        The document. `format` is empty when it is no feed at all; `problem` then starts with `NOT_A_FEED` or
        `REFUSED` (entity declarations). Damaged documents give the entries that could be read, and a `problem`.
    """
    if not body.strip():
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: the document is empty")
    body = _as_ascii_superset(body)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _parse_json(body, url=url, now=now, max_items=max_items)
    problem = _refusal(body)
    if problem:
        return FeedDocument(format="", problem=problem)
    trimmed, cut = _cap(body, max_items)
    # No base URL: it would be joined to guids too, and a feed that moves would bring every item again.
    headers = {"content-type": content_type or "application/xml"}
    result = feedparser.parse(
        io.BytesIO(trimmed), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )
    return _document(result, url=url, now=now, cut=cut, max_items=max_items)


def _as_ascii_superset(body: bytes) -> bytes:
    """UTF-16 and UTF-32 documents as UTF-8, so that the checks below see what the parser will see."""
    head = body[:4]
    if b"\0" not in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or head.count(0) == 3:
        codec = "utf-32" if b"\xff" in head else ("utf-32-le" if head[0] else "utf-32-be")
    else:
        codec = "utf-16" if b"\xff" in head else ("utf-16-le" if head[0] else "utf-16-be")
    text = body.decode(codec, "replace")
    return _XML_ENCODING.sub(r"\1", text, count=1).encode("utf-8", "replace")


def is_cheap(body: bytes) -> bool:
    """Whether reading a document here and now is safe: not long, and when it is damaged, short.

    Damaged documents go through a lenient parser whose time grows with the square of what is wrong.
    """
    if len(body) > INLINE_BYTES:
        return False
    if len(body) <= INLINE_DAMAGED_BYTES or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return True
    return _syntax_error(body) is None


def _syntax_error(body: bytes) -> lxml.etree.XMLSyntaxError | None:
    parser = lxml.etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        lxml.etree.fromstring(body, parser)
    except lxml.etree.XMLSyntaxError as error:
        return error
    except ValueError:
        return None
    return None


def _refusal(body: bytes) -> str:
    """Why a document must not reach the parser, or empty."""
    root, problem = _find_root(body)
    if problem:
        return problem
    if root is None:
        return f"{NOT_A_FEED}: no element in it"
    is_html = _HTML_START.match(body.lstrip(b"\xef\xbb\xbf \t\r\n")) or _HTML_START.match(body, root)
    if is_html and not _FEED_START.search(body, root, root + 4096):
        return f"{NOT_A_FEED}: an HTML page"
    error = _syntax_error(body)
    if error is not None and "depth" in str(error).lower():
        return f"{REFUSED}: its elements are nested too deep"
    return ""


def _find_root(body: bytes) -> tuple[int | None, str]:
    """Where the first element begins, and why the document is refused before it.

    One pass, for the parsers' own patterns take minutes on a document of nothing but opened comments. A bare DOCTYPE is
    harmless (RSS 0.91 asks for one); one with declarations of its own is how entity bombs are made.
    """
    position = 0
    while (start := body.find(b"<", position)) >= 0:
        kind = next((name for name in (b"<!--", b"<?", b"<!") if body.startswith(name, start)), b"")
        if kind == b"<!":
            position, subset = _skip_declaration(body, start + 2)
            if subset:
                return None, f"{REFUSED}: the document declares entities or elements of its own"
        elif kind:
            end = body.find(b"-->" if kind == b"<!--" else b"?>", start + len(kind))
            if end < 0:
                return None, f"{NOT_A_FEED}: no element in it"
            position = end + 2
        elif _ROOT.match(body, start):
            return start, ""
        else:
            position = start + 1
    return None, ""


def _skip_declaration(body: bytes, position: int) -> tuple[int, bool]:
    """The end of a ``<!`` declaration, quotes respected, and whether it has declarations inside."""
    for match in _DECLARATION_PARTS.finditer(body, position, position + 4096):
        if match[0] == b">":
            return match.end(), False
        if match[0] == b"[":
            return match.end(), True
    return min(position + 4096, len(body)), False


def _cap(body: bytes, max_items: int) -> tuple[bytes, int]:
    """Cut a document to its newest items; the second value is how many were left out.

    Works on bytes, for neither a damaged document nor one with 300,000 items may cost a parser's time first.
    """
    starts = [match.start() for match in _ITEM.finditer(body)]
    extra = len(starts) - max_items
    if extra <= 0:
        return body, 0
    end = _ITEM_END.search(body, starts[-1])
    tail = body[end.end() if end else len(body) :]
    if _oldest_first(body, starts):
        return body[: starts[0]] + body[starts[extra] :], extra
    return body[: starts[max_items]] + tail, extra


def _oldest_first(body: bytes, starts: list[int]) -> bool:
    reader = DateReader(["en"], budget=2)
    found = []
    for start in (starts[0], starts[-1]):
        match = _ITEM_DATE.search(body, start, start + 20_000)
        value = reader.any_date(match[1].decode("latin-1")) if match else None
        if value is None:
            return False
        found.append(value)
    return found[0] < found[1]


def _document(result: Any, *, url: str, now: datetime, cut: int, max_items: int) -> FeedDocument:
    feed: Mapping[str, Any] = result["feed"]
    version = str(result.get("version") or "")
    raw_entries = result["entries"][:max_items]
    if not version and not raw_entries:
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: neither RSS, Atom nor RDF")
    language = primary(str(_get(feed, "language")))
    reader = DateReader([language])
    entries = [_entry(raw, url=url, now=now, language=language, reader=reader) for raw in raw_entries]
    problems = []
    error = result.get("bozo_exception")
    if result.get("bozo") and not isinstance(error, _HARMLESS):
        problems.append(f"damaged: {one_line(str(error))[:200]}")
    if cut:
        problems.append(f"{cut} items beyond the limit of {max_items} were not read")
    return FeedDocument(
        format=version or "rss",
        title=html_to_line(str(_get(feed, "title"))),
        entries=tuple(without_repeated_guids(entries)),
        ttl_minutes=_ttl(feed),
        problem="; ".join(problems),
    )


def _get(mapping: Mapping[str, Any], key: str) -> Any:
    """A value that feedparser really stored: its own `get` answers for other keys, with a warning."""
    value = dict.get(mapping, key) if isinstance(mapping, dict) else None
    return "" if value is None else value


def _entry(raw: Mapping[str, Any], *, url: str, now: datetime, language: str, reader: DateReader) -> Entry:
    raw_date = one_line(str(_get(raw, "published") or _get(raw, "updated") or _get(raw, "created")))
    parsed = _get(raw, "published_parsed") or _get(raw, "updated_parsed") or _get(raw, "created_parsed") or None
    updated = from_struct(_get(raw, "updated_parsed") or None)
    title = _get(raw, "title_detail") or {}
    own_language = primary(str(_get(title, "language"))) if title else ""
    return Entry(
        guid=one_line(str(_get(raw, "id"))),
        link=clean_link(str(_get(raw, "feedburner_origlink") or _get(raw, "link")), url),
        title=_plain_title(title, str(_get(raw, "title"))),
        summary=_plain(_get(raw, "summary_detail"), str(_get(raw, "summary"))),
        content=_content(raw),
        published=settle(reader.feed_date(raw_date, parsed), now) if raw_date else None,
        updated=settle(updated, now),
        raw_date=raw_date,
        authors=_authors(raw),
        labels=tuple(
            dict.fromkeys(one_line(str(_get(tag, "term"))) for tag in _get(raw, "tags") or () if _get(tag, "term"))
        ),
        language=own_language or language,
    )


def _plain_title(detail: Mapping[str, Any], value: str) -> str:
    return one_line(value) if _is_text(detail, value) else html_to_line(value)


def _plain(detail: Mapping[str, Any], value: str) -> str:
    return paragraphs(value) if _is_text(detail, value) else html_to_text(value)


def _is_text(detail: Mapping[str, Any], value: str) -> bool:
    """Whether a value is what it says, plain text; tags in it are read as tags whatever it says."""
    return _get(detail, "type") == "text/plain" and not _TAG.search(value)


def _content(raw: Mapping[str, Any]) -> str:
    """The longest of an entry's full texts."""
    texts = [
        _plain(part, str(_get(part, "value")))
        for part in _get(raw, "content") or ()
        if not str(_get(part, "type")).startswith(("image/", "audio/", "video/"))
    ]
    return max(texts, key=len, default="")


def _authors(raw: Mapping[str, Any]) -> tuple[str, ...]:
    names = [one_line(str(_get(person, "name") or _get(person, "email"))) for person in _get(raw, "authors") or ()]
    if not any(names):
        names = [one_line(str(_get(raw, "author")))]
    return tuple(dict.fromkeys(name for name in names if name))


def _ttl(feed: Mapping[str, Any]) -> int | None:
    """Minutes for which the document asks not to be fetched again (`ttl` or the syndication module)."""
    ttl = str(_get(feed, "ttl")).strip()
    if ttl.isdigit() and len(ttl) < 8:
        return int(ttl) or None
    period = _PERIODS.get(str(_get(feed, "sy_updateperiod")).strip().lower())
    if period is None:
        return None
    frequency = str(_get(feed, "sy_updatefrequency")).strip()
    return max(1, period // max(1, int(frequency))) if frequency.isdigit() and len(frequency) < 8 else period


def without_repeated_guids(entries: Iterable[Entry]) -> list[Entry]:
    """A guid that one document gives to several different articles identifies none of them."""
    entries = list(entries)
    uses = Counter(guid for guid, _ in {(entry.guid, entry.link) for entry in entries} if guid)
    return [replace(entry, guid="") if uses[entry.guid] > 1 else entry for entry in entries]


def _parse_json(body: bytes, *, url: str, now: datetime, max_items: int) -> FeedDocument:
    try:
        data = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: damaged JSON: {one_line(str(error))[:200]}")
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: JSON without a list of items")
    language = primary(str(data.get("language") or ""))
    reader = DateReader([language])
    items = [item for item in data["items"] if isinstance(item, dict)]
    entries = [_json_entry(item, url=url, now=now, language=language, reader=reader) for item in items]
    cut = len(entries) - max_items
    if cut > 0:
        entries = newest(entries, max_items)
    return FeedDocument(
        format="json",
        title=one_line(_text(data.get("title"))),
        entries=tuple(without_repeated_guids(entries)),
        problem=f"{cut} items beyond the limit of {max_items} were not read" if cut > 0 else "",
    )


def newest(entries: list[Entry], limit: int) -> list[Entry]:
    """The `limit` newest entries in their document order; undated ones count as new, for nothing may be lost."""
    dates = [entry.published or entry.updated for entry in entries]
    order = sorted(range(len(entries)), key=lambda i: -date.timestamp() if (date := dates[i]) else -math.inf)
    keep = set(order[:limit])
    return [entry for index, entry in enumerate(entries) if index in keep]


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
