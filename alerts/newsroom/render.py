"""From a path to the document an outlet serves there, and from a document to the answer to one request. Pure."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qs

from alerts.newsroom import feeds, pages
from alerts.newsroom.editions import Dated, Edition
from alerts.newsroom.outlets import ChannelPlan, Format, Outlet
from alerts.newsroom.words import bulletin

MOVED = "/moved"
"""Every document is also served below this prefix: where redirects lead unless told otherwise."""
FEED_AGE = 300
PAGE_AGE = 3600
"""Cache-Control max-age in seconds."""
_BULLETIN = re.compile(r"/news/bulletin-(\d{3})")


@dataclass(frozen=True, slots=True)
class Document:
    """What is served at a path before anybody asked for it.

    Attributes:
        status: 200 or 404.
        type: media type without parameters.
        charset: of `body`; empty when it is no text.
        body: uncompressed bytes.
        changed: aware UTC, for Last-Modified; None for documents without validators.
        max_age: seconds a cache may keep it.
    """

    status: int
    type: str
    charset: str
    body: bytes
    changed: datetime | None = None
    max_age: int = PAGE_AGE


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came: header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, and what goes wrong while it is sent.

    Attributes:
        status: of HTTP.
        headers: without Date, Server and Content-Length.
        body: what is sent, unless the request was a HEAD or the status has no body.
        delay: seconds to wait before the first byte.
        keep: only so many bytes of the body are sent before the connection is closed; None = all.
        trickle: seconds between pieces of the body; 0 = all at once.
        reset: no answer at all, the connection is torn down.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    delay: float = 0.0
    keep: int | None = None
    trickle: float = 0.0
    reset: bool = False


def document(edition: Edition, target: str) -> Document:
    """What the outlet serves at a request target (path and query); its own 404 page where there is nothing."""
    path, _, query = target.removeprefix(MOVED).partition("?")
    channel = channel_at(edition.outlet, path)
    if channel is not None:
        return _channel_document(edition, channel, path, query)
    if path == "/robots.txt":
        return Document(200, "text/plain", "utf-8", pages.robots(edition).encode())
    if path in {"/", edition.outlet.homepage}:
        return _page(edition, 200, pages.home_page(edition))
    dated = edition.find(path) or _bulletin_at(edition, path)
    if dated is not None:
        return _page(edition, 200, pages.article_page(edition, dated))
    return _page(edition, 404, pages.missing_page(edition))


def channel_at(outlet: Outlet, path: str) -> ChannelPlan | None:
    """The channel whose document (or sitemap child) is at `path`."""
    for channel in outlet.channels:
        if path == channel.path or (path == feeds.CHILD and channel.format is Format.NEWS_SITEMAP):
            return channel
    return None


def kind_at(outlet: Outlet, path: str) -> str:
    """``feed``, ``sitemap``, ``section``, ``page``, ``robots`` or ``other``: what a fault may be switched on for."""
    path = path.removeprefix(MOVED).partition("?")[0]
    channel = channel_at(outlet, path)
    if channel is not None:
        return channel.kind
    if path == "/robots.txt":
        return "robots"
    return "page" if path.startswith("/news/") else "other"


def _channel_document(edition: Edition, channel: ChannelPlan, path: str, query: str) -> Document:
    if channel.format is Format.SECTION:
        number = parse_qs(query).get("page", ["1"])[0]
        page = int(number) if number.isascii() and number.isdigit() and 0 < len(number) < 5 else 1
        return replace(_page(edition, 200, pages.section_page(edition, channel, max(page, 1))), max_age=FEED_AGE)
    if path == feeds.CHILD:
        # A fixed time inside the archive: the same articles are the same bytes.
        packed = gzip.compress(feeds.sitemap(edition, channel).encode(), mtime=0)
        return Document(200, "application/gzip", "", packed, edition.touched, FEED_AGE)
    kind = pages.FEED_TYPES.get(channel.format, "application/xml")
    # JSON is UTF-8 by its standard, and so are sitemaps.
    is_utf8 = channel.format in {Format.JSON, Format.NEWS_SITEMAP}
    charset = "utf-8" if is_utf8 else edition.outlet.site.charset
    body = feeds.feed(edition, channel).encode(charset, "xmlcharrefreplace")
    return Document(200, kind, charset, body, edition.touched, FEED_AGE)


def _page(edition: Edition, status: int, text: str) -> Document:
    charset = edition.outlet.site.charset
    changed = edition.touched if status == 200 else None
    return Document(status, "text/html", charset, text.encode(charset, "xmlcharrefreplace"), changed)


def overflowing(edition: Edition, window: int) -> Edition:
    """The outlet after a burst: `window` new articles in front, so that nothing known is left in a document."""
    language = edition.outlet.languages[0]
    new = [
        Dated(bulletin(number, language), edition.touched + timedelta(seconds=number))
        for number in range(window, 0, -1)
    ]
    touched = edition.touched + timedelta(seconds=window)
    return replace(edition, articles=(*new, *edition.articles), touched=touched)


def _bulletin_at(edition: Edition, path: str) -> Dated | None:
    found = _BULLETIN.fullmatch(path)
    if found is None:
        return None
    return Dated(bulletin(int(found[1]), edition.outlet.languages[0]), edition.touched)


def answer(edition: Edition, found: Document, request: Request) -> Reply:
    """The honest answer to a request: 304 when the visitor has it already, compressed where both sides agree."""
    site = edition.outlet.site
    parameter = f"; charset={found.charset}" if found.charset and site.charset_in_header else ""
    headers = [("Content-Type", f"{found.type}{parameter}"), ("Cache-Control", f"max-age={found.max_age}")]
    if found.changed is not None:
        etag = _etag(found.body, weak=site.validators == "weak-etag")
        if site.validators != "last-modified":
            headers.append(("ETag", etag))
        if site.validators in {"both", "last-modified"}:
            headers.append(("Last-Modified", format_datetime(found.changed, usegmt=True)))
        if _has_it(request.headers, dict(headers), found.changed):
            return Reply(304, tuple(headers[1:]))
    body = found.body
    if site.gzip and found.charset and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, mtime=0)
        headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return Reply(found.status, tuple(headers), body)


def _etag(body: bytes, *, weak: bool) -> str:
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    return f"W/{tag}" if weak else tag


def _has_it(asked: Mapping[str, str], sent: Mapping[str, str], changed: datetime) -> bool:
    """RFC 9110: If-None-Match decides alone when it is there and the server has entity tags."""
    tags = asked.get("if-none-match")
    if tags is not None and "ETag" in sent:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return "*" in known or sent["ETag"].removeprefix("W/") in known
    since = asked.get("if-modified-since")
    if since is None or "Last-Modified" not in sent:
        return False
    try:
        when = parsedate_to_datetime(since)
    except ValueError:
        return False
    return changed <= (when if when.tzinfo else when.replace(tzinfo=UTC))
