"""Looking at pages and feeds that lie in files: thousands in one call, none of which can stop it.

Each file is read by a worker that is killed at its time limit; whatever happens to it, there is an answer for it, in
the order of the files. Nothing is fetched and nothing is stored.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from crawler.articles import Entry, FeedDocument
from crawler.errors import CeasewireError, ExtractError
from crawler.extraction import Extractors, feed_in_time
from crawler.parse.feeds import parse_feed
from crawler.parse.pages import PageRequest, extract_page
from crawler.parse.sitemaps import parse_sitemap, unpack

MOST_BYTES = 64 * 2**20
"""Of a file, unpacked."""
_WAITING = 4
"""Files handed to workers ahead of the answer that is given next, for each worker."""
_ROUNDS = 10
_SITEMAP = (b"<urlset", b"<sitemapindex")

Answer = dict[str, Any]


class ManifestError(CeasewireError):
    """A line of a manifest that names no file."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One file to look at.

    Attributes:
        name: how it was named; stands in its answer.
        path: where it lies.
        url: where it came from, or empty.
        headers: of the response it came with, names in lower case.
        body: its bytes, where it is no file.
    """

    name: str
    path: Path
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def origin(self) -> str:
        """Its URL: as stated, else as its response's header says."""
        return self.url or self.headers.get("content-location", "")


def read_manifest(lines: Iterable[str], folder: Path) -> Iterator[Thing | ManifestError]:
    """The files that a manifest names.

    Args:
        lines: of JSON, each with `file` and perhaps `url` and `http_headers`; empty ones are left out.
        folder: of the manifest; files are looked for in it first, then in the current folder.

    Yields:
        A thing for each line, or what is wrong with it.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict) or not isinstance(row.get("file"), str) or not row["file"]:
                raise TypeError("no object with a `file`")
            headers, url = row.get("http_headers") or {}, row.get("url") or ""
            if not isinstance(headers, dict) or not isinstance(url, str):
                raise TypeError("`http_headers` is no object, or `url` no text")
        except (ValueError, TypeError, RecursionError) as error:
            yield ManifestError(f'{number}: {error}; expected {{"file": .., "url": .., "http_headers": {{..}}}}')
            continue
        there = folder / row["file"]
        path = there if there.exists() else Path(row["file"])
        yield Thing(row["file"], path, url, {str(name).lower(): str(value) for name, value in headers.items()})


def look(
    things: Iterable[Thing],
    how: Callable[[Thing, datetime], Answer],
    *,
    now: datetime,
    workers: int,
    seconds: float,
) -> Iterator[Answer]:
    """Look at files with several workers; one answer each, in their order.

    Args:
        things: may be any number; few are held at a time.
        how: `page_answer` or `feed_answer`.
        now: dates in the future become it.
        workers: how many to start.
        seconds: for one file; one that takes longer is answered with a `problem`.
    """
    extractors = Extractors(workers, seconds, feed_workers=workers)
    feeds = how is feed_answer
    waiting: deque[tuple[Thing, Any]] = deque()
    try:
        for thing in things:
            waiting.append((thing, extractors.schedule(how, thing, now, feeds=feeds)))
            if len(waiting) >= _WAITING * workers:
                yield _answer(extractors, *waiting.popleft(), feeds=feeds)
        while waiting:
            yield _answer(extractors, *waiting.popleft(), feeds=feeds)
    finally:
        extractors.close()


def _answer(extractors: Extractors, thing: Thing, future: Any, *, feeds: bool) -> Answer:
    try:
        found: Answer = extractors.outcome(thing.name, future)
    except ExtractError as error:
        return empty_feed(thing, error.reason) if feeds else empty_page(thing, error.reason)
    return found


def page_answer(thing: Thing, now: datetime) -> Answer:
    """In a worker: what a page says of its article.

    Raises:
        ExtractError: the file cannot be read.
    """
    request = PageRequest(thing.origin, thing.headers.get("content-type", ""), (), "", now)
    try:
        found = extract_page(_body(thing), request)
    except ExtractError as error:
        return empty_page(thing, error.reason)
    return empty_page(thing, found.problem) | {
        "title": found.title,
        "text": found.text,
        "published": _iso(found.published),
        "authors": list(found.authors),
        "language": found.language,
        "canonical": found.canonical,
    }


def feed_answer(thing: Thing, now: datetime) -> Answer:
    """In a worker: what a feed or a sitemap says of its articles.

    Raises:
        ExtractError: the file cannot be read.
    """
    body = _body(thing)
    if any(mark in body[:4096] for mark in _SITEMAP):
        document = parse_sitemap(body, url=thing.origin, now=now, max_bytes=MOST_BYTES)
        if document.children:
            document = replace(
                document, problem=f"an index of {len(document.children)} sitemaps, which hold the entries"
            )
    else:
        document = _whole_feed(body, thing, now)
    return empty_feed(thing, document.problem) | {
        "format": document.format,
        "title": document.title,
        "entries": [_entry(entry) for entry in document.entries],
    }


def _whole_feed(body: bytes, thing: Thing, now: datetime) -> FeedDocument:
    """A feed as a channel would read it, with what a channel would leave for its next polls."""
    content_type = thing.headers.get("content-type", "")
    parse = partial(parse_feed, url=thing.origin, now=now, content_type=content_type)
    document = feed_in_time(parse, body)
    entries, known = list(document.entries), document.marks
    for _ in range(_ROUNDS):
        if not document.left:
            break
        document = feed_in_time(partial(parse, known=known), body)
        entries += document.entries
        known = document.marks
    return replace(document, entries=tuple(entries))


def empty_page(thing: Thing, problem: str) -> Answer:
    """The answer for a page that gave nothing, and the keys of every other one."""
    return {
        "file": thing.name,
        "title": "",
        "text": "",
        "published": None,
        "authors": [],
        "language": "",
        "canonical": "",
        "problem": problem,
    }


def empty_feed(thing: Thing, problem: str) -> Answer:
    """The answer for a document that gave nothing, and the keys of every other one."""
    return {"file": thing.name, "format": "", "title": "", "entries": [], "problem": problem}


def _entry(entry: Entry) -> Answer:
    return {
        "id": entry.guid,
        "link": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "content": entry.content,
        "published": _iso(entry.published),
        "updated": _iso(entry.updated),
        "raw_date": entry.raw_date,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _body(thing: Thing) -> bytes:
    if thing.body is not None:
        packed = thing.body
    else:
        try:
            with thing.path.open("rb") as stream:
                packed = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise ExtractError(thing.name, f"it cannot be opened: {error.strerror or error}") from None
    try:
        body = unpack(packed, MOST_BYTES)
    except ValueError as error:
        raise ExtractError(thing.name, str(error)) from None
    if len(body) > MOST_BYTES:
        raise ExtractError(thing.name, f"it is larger than {MOST_BYTES // 2**20} MB")
    return body
