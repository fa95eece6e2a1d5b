"""RSS, RDF, Atom and JSON Feed documents -> `FeedDocument`. Pure.

feedparser takes about a millisecond an item. Items that stood in the channel's last document byte for byte as they
stand now are therefore cut out before it reads the rest (`known`); entries that are left come out as they would have
without the cut. See docs/decisions/0010-cheap-feeds.md.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import feedparser
import lxml.etree

from crawler.articles import FeedDocument
from crawler.parse.dates import DateReader
from crawler.parse.feedentries import get, make_entry, newest, without_repeated_guids
from crawler.parse.jsonfeed import parse_json_feed
from crawler.parse.language import primary
from crawler.parse.prologue import as_ascii_superset, find_root, without_plain_entities
from crawler.parse.scanning import Scan, scan, unchanged, without
from crawler.parse.text import html_to_line, one_line
from crawler.urls import clean_link

__all__ = [
    "INLINE_BYTES",
    "MAX_ITEMS",
    "NOT_A_FEED",
    "REFUSED",
    "CpuSpentError",
    "newest",
    "parse_feed",
    "parse_if_cheap",
]

MAX_ITEMS = 2000
"""Most items read of one document; of longer ones the newest are read."""

INLINE_BYTES = 256 * 1024
INLINE_DAMAGED_BYTES = 32 * 1024
"""More to read than this is read in a process of its own, that can be killed."""
SCANNED_BYTES = 2**20
SCANNED_ELEMENTS = 20_000
"""Longer documents are not even looked through here."""
MOST_ELEMENTS = 500_000
FIRST_BATCH, BATCH = 1, 100
"""Items that are read at a time when time is limited. One at first, then twice as many each time: so a slow machine
gets somewhere too, and what stands above an item that takes for ever is read."""

NOT_A_FEED = "not a feed"
REFUSED = "refused"

_SPACE = b"\xef\xbb\xbf \t\r\n"
_ITEM = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]")
_ITEM_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>")
_ITEM_DATE = re.compile(rb"<(?:pubDate|published|updated|dc:date|date|modified)[^>]*>([^<]{6,60})<")
_FEED_START = re.compile(rb"<(?:\w+:)?(rss|feed|rdf|channel)[\s>]", re.IGNORECASE)
_HTML_START = re.compile(rb"<(!doctype\s+html|html)[\s>]", re.IGNORECASE)
# A wrong media type or a wrong encoding in the head, which the parser found out by itself.
_HARMLESS = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
# The parser would look for a module of this list anew at each document, and there is none.
feedparser.api.PREFERRED_XML_PARSERS = []
_PERIODS = {"hourly": 60, "daily": 1440, "weekly": 10080, "monthly": 43200, "yearly": 525600}


class CpuSpentError(BaseException):
    """A caller's limit on CPU time. No `Exception`, for parsers swallow those. What was read before it stays read."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `parse_feed` was asked beside the body."""

    url: str
    now: datetime
    content_type: str
    max_items: int
    known: bytes
    seconds: float | None
    repair: bool
    begun: float = field(default_factory=time.process_time)

    @property
    def is_spent(self) -> bool:
        """Whether the time is up."""
        return self.seconds is not None and time.process_time() - self.begun > self.seconds


def parse_feed(  # noqa: PLR0913 - a body and all that is known of it
    body: bytes,
    *,
    url: str,
    now: datetime,
    content_type: str = "",
    max_items: int = MAX_ITEMS,
    known: bytes = b"",
    seconds: float | None = None,
    repair: bool = False,
) -> FeedDocument:
    """Read a feed in any of its formats.

    Args:
        body: the document, decompressed.
        url: where it came from after redirects; relative links count from it. Empty: from the feed's own link.
        now: the moment of the fetch; dates in the future become it.
        content_type: the response's header, for the encoding.
        max_items: cap on items; the newest are kept.
        known: `marks` of the channel's last document; what stood there as it stands here is not read again.
        seconds: of CPU time, after which items of a long document are left for the next time (`left`); None: no limit.
        repair: make a damaged document whole before it is read, for the parser of damaged ones may take for ever.

    Returns:
        The document. `format` is empty when it is no feed at all; `problem` then starts with `NOT_A_FEED` or
        `REFUSED` (entity declarations). Damaged documents give the entries that could be read, and a `problem`.
    """
    asked = _Asked(url, now, content_type, max_items, known, seconds, repair)
    prepared = _prepare(body, asked, most=MOST_ELEMENTS)
    return prepared if isinstance(prepared, FeedDocument) else _read(prepared, asked)


def parse_if_cheap(
    body: bytes, *, url: str, now: datetime, content_type: str = "", max_items: int = MAX_ITEMS, known: bytes = b""
) -> FeedDocument | None:
    """`parse_feed`, if reading the document here and now is safe; None if it belongs into a process of its own.

    Safe is what has little that must be read, and if it is damaged, is short: damaged documents go through a lenient
    parser whose time grows with the square of what is wrong.
    """
    asked = _Asked(url, now, content_type, max_items, known, None, repair=False)
    prepared = _prepare_cheap(body, asked)
    return _read(prepared, asked) if isinstance(prepared, _Prepared) else prepared


def _prepare_cheap(body: bytes, asked: _Asked) -> FeedDocument | _Prepared | None:
    if len(body) > SCANNED_BYTES or (len(body) > INLINE_BYTES and _is_json(body)):
        return None
    prepared = _prepare(body, asked, most=SCANNED_ELEMENTS)
    if isinstance(prepared, FeedDocument):
        return prepared
    if prepared.found.unfinished or len(prepared.text(prepared.cut)) > INLINE_BYTES:
        return None
    damaged = bool(prepared.found.fault)
    return None if damaged and len(prepared.body) > INLINE_DAMAGED_BYTES else prepared


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document that may be read.

    Attributes:
        body: trimmed to the newest items.
        found: where its items stand.
        cut: which of them are known.
        over: how many were beyond the limit.
        problem: of the document, if it had to be repaired.
    """

    body: bytes
    found: Scan
    cut: set[int]
    over: int
    problem: str = ""

    def text(self, gone: set[int]) -> bytes:
        """The document without some of its items."""
        return without(self.body, self.found.items, gone) if gone else self.body


def _is_json(body: bytes) -> bool:
    return body[:100].lstrip(_SPACE)[:1] == b"{"


def _prepare(body: bytes, asked: _Asked, *, most: int) -> FeedDocument | _Prepared:
    """Everything before the real parser; a document that never reaches it is answered."""
    if not body.strip():
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: the document is empty")
    body = as_ascii_superset(body)
    if _is_json(body):
        read = parse_json_feed(body, url=asked.url, now=asked.now, max_items=asked.max_items, known=asked.known)
        return read if read.format else replace(read, problem=f"{NOT_A_FEED}: {read.problem}")
    body, problem = _refusal(body)
    if problem:
        return FeedDocument(format="", problem=problem)
    body, over = _cap(body, asked.max_items)
    context = f"{asked.url}\0{asked.content_type}\0".encode("utf-8", "replace")
    found = scan(body, context, most=most)
    damage = ""
    if found.fault and asked.repair:
        damage = f"damaged: {one_line(found.fault)[:200]}"
        body = _repaired(body)
        found = scan(body, context, most=most)
    if found.too_deep:
        return FeedDocument(format="", problem=f"{REFUSED}: its elements are nested too deep")
    if found.unfinished and most >= MOST_ELEMENTS:
        return FeedDocument(format="", problem=f"{REFUSED}: it has more than {MOST_ELEMENTS} elements")
    cut = set() if found.fault else unchanged(body, found.items, asked.known, asked.url)
    return _Prepared(body, found, cut, over, damage)


def _refusal(body: bytes) -> tuple[bytes, str]:
    """The document as it may reach the parser, and why it must not, or empty."""
    root, problem = find_root(body)
    if problem == "entities":
        body = without_plain_entities(body) or body
        root, problem = find_root(body)
    if problem == "entities":
        return body, f"{REFUSED}: the document declares entities or elements of its own"
    if root is None:
        return body, f"{NOT_A_FEED}: no element in it"
    is_html = _HTML_START.match(body[:200].lstrip(_SPACE)) or _HTML_START.match(body, root)
    if is_html and not _FEED_START.search(body, root, root + 4096):
        return body, f"{NOT_A_FEED}: an HTML page"
    return body, ""


def _repaired(body: bytes) -> bytes:
    parser = lxml.etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root: Any = lxml.etree.fromstring(body.lstrip(_SPACE), parser)  # None if nothing could be saved
    except (lxml.etree.XMLSyntaxError, ValueError):
        return body
    return lxml.etree.tostring(root, encoding="utf-8") if root is not None else body


def _cap(body: bytes, max_items: int) -> tuple[bytes, int]:
    """Cut a document to its newest items; the second value is how many were left out.

    Works on bytes, for neither a damaged document nor one with 300,000 items may cost a parser's time first.
    """
    if body.count(b"item") + body.count(b"entry") <= max_items:
        return body, 0  # twenty times as fast as the pattern, and true of nearly all
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


def _read(prepared: _Prepared, asked: _Asked) -> FeedDocument:
    """Hand what is left of a document to the real parser, a batch of items at a time if time is limited."""
    items = prepared.found.items
    left = [index for index in range(len(items)) if index not in prepared.cut]
    parts: list[FeedDocument] = []
    reader: DateReader | None = None  # one for all batches: it gives up on odd dates after some
    unread: Sequence[int] = left
    try:
        for batch, rest in _batches(left, asked, whole=bool(prepared.found.fault)):
            gone = set(range(len(items))) - set(batch) if rest or parts else prepared.cut
            result = _parsed(prepared.text(gone), asked)
            reader = reader or DateReader([_language(result)])
            parts.append(_document(result, asked, reader))
            unread = rest
            if asked.is_spent:
                break
    except CpuSpentError:
        # To begin again another time, with as much to read, would come to the same end: what was read is kept.
        if not parts:
            raise
    return _whole(parts, prepared, set(unread), asked)


def _batches(left: list[int], asked: _Asked, *, whole: bool) -> Iterator[tuple[list[int], list[int]]]:
    """Batches of items, each with those behind it; one batch if there are none."""
    size = max(1, len(left)) if whole or asked.seconds is None else FIRST_BATCH
    at = 0
    while at == 0 or at < len(left):
        yield left[at : at + size], left[at + size :]
        at += size
        size = min(2 * size, BATCH)


def _parsed(body: bytes, asked: _Asked) -> Any:
    # No base URL: it would be joined to guids too, and a feed that moves would bring every item again.
    headers = {"content-type": asked.content_type or "application/xml"}
    return feedparser.parse(
        io.BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
    )


def _language(result: Any) -> str:
    return primary(str(get(result["feed"], "language")))


def _document(result: Any, asked: _Asked, reader: DateReader) -> FeedDocument:
    feed: Mapping[str, Any] = result["feed"]
    language = _language(result)
    url = asked.url or clean_link(str(get(feed, "link")))
    raw_entries = result["entries"][: asked.max_items]
    error = result.get("bozo_exception")
    damaged = result.get("bozo") and not isinstance(error, _HARMLESS)
    return FeedDocument(
        format=str(result.get("version") or ""),
        title=html_to_line(str(get(feed, "title"))),
        entries=tuple(make_entry(raw, url=url, now=asked.now, language=language, reader=reader) for raw in raw_entries),
        ttl_minutes=_ttl(feed),
        problem=f"damaged: {one_line(str(error))[:200]}" if damaged else "",
    )


def _whole(parts: Sequence[FeedDocument], prepared: _Prepared, unread: set[int], asked: _Asked) -> FeedDocument:
    """One document out of its batches."""
    document, entries = parts[0], [entry for part in parts for entry in part.entries]
    if not document.format and not entries and not prepared.cut:
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: neither RSS, Atom nor RDF")
    problems = [prepared.problem or document.problem]
    if prepared.over:
        problems.append(f"{prepared.over} items beyond the limit of {asked.max_items} were not read")
    if unread:
        problems.append(f"{len(unread)} items are left for the next time: reading them would take too long")
    seen = (item.mark for index, item in enumerate(prepared.found.items) if index not in unread)
    return replace(
        document,
        format=document.format or "rss",
        entries=tuple(without_repeated_guids(entries)),
        problem="; ".join(filter(None, problems)),
        known=len(prepared.cut),
        left=len(unread),
        marks=b"" if prepared.found.fault else b"".join(seen),
    )


def _ttl(feed: Mapping[str, Any]) -> int | None:
    """Minutes for which the document asks not to be fetched again (`ttl` or the syndication module)."""
    ttl = str(get(feed, "ttl")).strip()
    if ttl.isdigit() and len(ttl) < 8:
        return int(ttl) or None
    period = _PERIODS.get(str(get(feed, "sy_updateperiod")).strip().lower())
    if period is None:
        return None
    frequency = str(get(feed, "sy_updatefrequency")).strip()
    return max(1, period // max(1, int(frequency))) if frequency.isdigit() and len(frequency) < 8 else period
