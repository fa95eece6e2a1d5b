"""Sitemaps -> `FeedDocument`: the `news:` block, plain sitemaps, index files, gzip. Pure."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import lxml.etree

from crawler.articles import Entry, FeedDocument
from crawler.parse.dates import DateReader, settle
from crawler.parse.feeds import MAX_ITEMS, NOT_A_FEED, REFUSED
from crawler.parse.language import primary
from crawler.parse.text import one_line
from crawler.urls import clean_link

MAX_CHILDREN = 10
"""Most documents of an index file that are read at one poll: those changed last."""

_GZIP = b"\x1f\x8b"


def unpack(body: bytes, max_bytes: int) -> bytes:
    """A gzip file's content, or the body as it is. A cut-off file gives what can be had.

    Raises:
        ValueError: it grows beyond `max_bytes`, or is no gzip although it begins like one.
    """
    if not body.startswith(_GZIP):
        return body
    out = bytearray()
    rest = body
    while rest.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            out += stream.decompress(rest, max_bytes - len(out) + 1)
        except zlib.error as error:
            if not out:
                raise ValueError(f"damaged gzip: {error}") from error
            break
        if len(out) > max_bytes:
            raise ValueError(f"more than {max_bytes} bytes after decompression")
        rest = stream.unused_data
    return bytes(out)


def parse_sitemap(
    body: bytes, *, url: str, now: datetime, max_items: int = MAX_ITEMS, max_bytes: int = 10 * 2**20
) -> FeedDocument:
    """Read a sitemap or an index of sitemaps.

    Args:
        body: the document, perhaps gzip.
        url: where it came from; relative links count from it.
        now: the moment of the fetch; dates in the future become it.
        max_items: cap on URLs; the newest are kept.
        max_bytes: cap on the size after decompression.

    Returns:
        `format` is ``news-sitemap`` (with news blocks), ``sitemap``, ``sitemap-index`` (its `children`, newest first)
        or empty with a `problem`.
    """
    try:
        body = unpack(body, max_bytes)
    except ValueError as error:
        return FeedDocument(format="", problem=f"{REFUSED}: {error}")
    root, damage = _tree(body)
    if root is None:
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: {damage}")
    if _declares_entities(root):
        return FeedDocument(format="", problem=f"{REFUSED}: the document declares entities")
    name = _local(root)
    if name == "sitemapindex":
        return _index(root, url, now, damage)
    if name != "urlset":
        return FeedDocument(format="", problem=f"{NOT_A_FEED}: the root element is {name[:40]}, not urlset")
    reader = DateReader(["en"])
    elements = list(_children(root, "url"))
    over = max(0, len(elements) - max_items)
    if over:
        elements = _newest(elements, max_items, reader, now)
    read = [_entry(element, url, now, reader) for element in elements]
    entries = [one.entry for one in read if one.entry.link]
    problems = [damage] if damage else []
    if over:
        problems.append(f"{over} items beyond the limit of {max_items} were not read")
    kind = "news-sitemap" if any(one.news for one in read) else "sitemap"
    return FeedDocument(format=kind, entries=tuple(entries), problem="; ".join(problems))


@dataclass(frozen=True, slots=True)
class _Read:
    entry: Entry
    news: bool


def _tree(body: bytes) -> tuple[lxml.etree._Element | None, str]:
    """The tree and what was wrong with the document; what could be read of a damaged one."""
    damage = ""
    for recover in (False, True):
        parser = lxml.etree.XMLParser(
            resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, recover=recover
        )
        try:
            return lxml.etree.fromstring(body.strip(), parser), damage
        except (lxml.etree.XMLSyntaxError, ValueError) as error:
            damage = damage or f"damaged: {one_line(str(error))[:200]}"
    return None, damage


def _declares_entities(root: lxml.etree._Element) -> bool:
    """Whether the document has entities of its own: asked of what was read, for bytes hide them in other encodings.

    They were not expanded (the parser leaves references as they are), so nothing has grown by then.
    """
    table = root.getroottree().docinfo.internalDTD
    return table is not None and any(True for _ in table.iterentities())


def _local(element: lxml.etree._Element) -> str:
    return lxml.etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _children(element: lxml.etree._Element, name: str) -> Iterator[lxml.etree._Element]:
    return (child for child in element if _local(child) == name)


def _child_text(element: lxml.etree._Element, name: str) -> str:
    child = next(_children(element, name), None)
    return one_line("".join(child.itertext())) if child is not None else ""


def _index(root: lxml.etree._Element, url: str, now: datetime, damage: str) -> FeedDocument:
    reader = DateReader(["en"])
    found: list[tuple[float, str]] = []
    for element in _children(root, "sitemap"):
        link = clean_link(_child_text(element, "loc"), url)
        changed = reader.any_date(_child_text(element, "lastmod"))
        if link and link != url:
            # Files without a date may have changed at any time; they come with those changed just now.
            found.append((-(changed or now).timestamp(), link))
    links = list(dict.fromkeys(link for _, link in sorted(found, key=lambda pair: pair[0])))
    problems = [damage] if damage else []
    if len(links) > MAX_CHILDREN:
        problems.append(f"{len(links) - MAX_CHILDREN} of its {len(links)} documents were not read")
    return FeedDocument(format="sitemap-index", children=tuple(links[:MAX_CHILDREN]), problem="; ".join(problems))


def _newest(
    elements: Sequence[lxml.etree._Element], limit: int, reader: DateReader, now: datetime
) -> list[lxml.etree._Element]:
    """The newest elements by their dates alone, in document order: most of a sitemap of 50,000 is never looked at."""
    dates = []
    for element in elements:
        news = next(_children(element, "news"), None)
        raw = (_child_text(news, "publication_date") if news is not None else "") or _child_text(element, "lastmod")
        dates.append(settle(reader.any_date(raw), now))
    # Undated ones count as new, for nothing may be lost.
    order = sorted(range(len(elements)), key=lambda i: -date.timestamp() if (date := dates[i]) else -math.inf)
    return [elements[index] for index in sorted(order[:limit])]


def _entry(element: lxml.etree._Element, url: str, now: datetime, reader: DateReader) -> _Read:
    news = next(_children(element, "news"), None)
    publication = next(_children(news, "publication"), None) if news is not None else None
    raw_date = _child_text(news, "publication_date") if news is not None else ""
    changed = _child_text(element, "lastmod")
    keywords = _child_text(news, "keywords") if news is not None else ""
    published = reader.any_date(raw_date)
    entry = Entry(
        link=clean_link(_child_text(element, "loc"), url),
        title=_child_text(news, "title") if news is not None else "",
        published=settle(published, now),
        updated=settle(reader.any_date(changed), now),
        raw_date=raw_date or changed,
        labels=tuple(dict.fromkeys(label for word in keywords.split(",") if (label := word.strip()))),
        language=primary(_child_text(publication, "language")) if publication is not None else "",
    )
    return _Read(entry, news is not None)
