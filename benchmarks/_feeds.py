"""Feeds on loopback for the benchmarks of collecting: one 127.a.b.c address each, served by a process of its own.

What a feed does is the first part of its path: `same` (304), `new` (one item of 30 is new at each request), `slow` (a
304 after two seconds), `error` (500), `hang` (never answers). Nothing listens behind `refused`. A `sitemap` and a
`section` name one more `page` each time they are asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

ITEMS = 30
SLOW_SECONDS = 2.0
HEADERS = {
    "User-Agent": "ceasewire/0.1 (+https://desk.example/bot)",
    "Accept": "application/rss+xml, application/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
}
MODIFIED = "Sun, 22 Nov 2026 10:00:00 GMT"


def feeds(default: int) -> int:
    """How many feeds to measure: CEASEWIRE_BENCH_FEEDS, or the default."""
    return int(os.environ.get("CEASEWIRE_BENCH_FEEDS", default))


@dataclass(frozen=True)
class Ports:
    """Where the server listens, on every address of loopback, and where nothing does."""

    open: int
    closed: int

    def url(self, what: str, number: int) -> str:
        """The address of one feed."""
        address = f"127.{1 + number // 62_500}.{1 + number // 250 % 250}.{1 + number % 250}"
        return f"http://{address}:{self.closed if what == 'refused' else self.open}/{what}/{number}"


@contextlib.contextmanager
def server() -> Iterator[Ports]:
    """Run the server while the block runs."""
    process = subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        try:
            yield Ports(int(process.stdout.readline()), taken.getsockname()[1])
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def in_a_process(module: str, *arguments: Any) -> dict[str, Any]:
    """Run a module with arguments in a fresh process; what it prints as JSON."""
    command = [sys.executable, "-m", module, *(json.dumps(one) for one in arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def usage() -> tuple[float, float]:
    """CPU seconds of this process so far, and its peak memory in MB."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, with its seconds, its CPU seconds, and peak memory before and after in MB."""
    cpu, before = usage()
    begun = time.monotonic()
    figures = work()
    seconds = time.monotonic() - begun
    after, peak = usage()
    return figures | {"cpu": after - cpu, "seconds": seconds, "peak": peak, "before": before}


def make_sources(urls: Sequence[str]) -> list[Any]:
    """A source with one feed for each address."""
    from crawler.sources import Channel, ChannelKind, Source, channel_id

    def source(name: str, url: str) -> Source:
        channel = Channel(channel_id(name, ChannelKind.FEED, url), name, ChannelKind.FEED, url)
        return Source(id=name, name=name, languages=("en",), fetch_pages=False, channels=(channel,))

    return [source(f"s{number}", url) for number, url in enumerate(urls)]


def remember(database: str, sources: Sequence[Any]) -> None:
    """Have the archive know feeds as if they had been asked an hour ago: with validators, and due."""
    import sqlalchemy as sa

    from crawler.archive import open_archive
    from crawler.archive.channels import sync_channels
    from crawler.archive.schema import channel

    now = datetime.now(UTC)
    ago = now - timedelta(hours=1)
    archive = open_archive(database)
    with archive.write() as connection:
        sync_channels(connection, sources, ago)
        known = sa.update(channel).where(channel.c.state == "new")
        tag = sa.literal('"') + sa.func.replace(channel.c.source, "s", "") + sa.literal('"')
        values = {"etag": tag, "last_modified": MODIFIED, "validators_url": channel.c.url, "body_hash": "0" * 64}
        times = dict.fromkeys(("first_polled", "last_polled", "last_success", "last_body", "last_new"), ago)
        connection.execute(known.values(state="ok", next_poll=now, **values, **times))
    archive.close()


def document(number: int, version: int) -> bytes:
    """A feed of 30 items, one more of which is new in each version."""
    items = "".join(
        f"<item><title>Report {item} of outlet {number}: convoy hit near the bridge</title>"
        f"<link>https://outlet{number}.example/news/{item}</link><guid>{number}-{item}</guid>"
        f"<pubDate>Sun, 22 Nov 2026 {item // 60 % 24:02d}:{item % 60:02d}:00 GMT</pubDate>"
        f"<description>{'A few words about what happened there and who said so. ' * 4}</description></item>"
        for item in range(version + ITEMS, version, -1)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{number}</title>{items}</channel></rss>'.encode()


def listing(what: str, base: str, newest: int) -> bytes:
    """A news sitemap or a section page with three links, the first of them to the newest page."""
    numbers = range(newest, newest - 3, -1)
    if what == "section":
        links = "".join(
            f'<li><a href="{base}/page/1{number}">Report {number} from the bridge</a></li>' for number in numbers
        )
        return f"<!doctype html><html><body><ul>{links}</ul></body></html>".encode()
    news = "http://www.google.com/schemas/sitemap-news/0.9"
    urls = "".join(
        f"<url><loc>{base}/page/2{number}</loc><news:news><news:title>Report {number}</news:title>"
        "<news:publication_date>2026-11-22T10:00:00Z</news:publication_date></news:news></url>"
        for number in numbers
    )
    head = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="{news}">'
    return f'<?xml version="1.0"?>{head}{urls}</urlset>'.encode()


def page(number: int) -> bytes:
    """An article's page."""
    text = "".join(f"<p>{'A few words about what happened there and who said so. ' * 4}</p>" for _ in range(5))
    return f"<!doctype html><html><body><article><h1>Report {number}</h1>{text}</article></body></html>".encode()


class _Talk(asyncio.Protocol):
    """As little of HTTP/1.1 as two clients need, so that the server is not what takes the time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, _, self._head = self._head.partition(b"\r\n\r\n")
            what, _, number = head.split(b" ", 2)[1].decode().strip("/").partition("/")
            if what == "slow":
                asyncio.get_running_loop().call_later(SLOW_SECONDS, self._answer, what, int(number), head)
            elif what != "hang":
                self._answer(what, int(number or 0), head)

    def _answer(self, what: str, number: int, head: bytes) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        tag = head.partition(b"If-None-Match: ")[2].partition(b"\r\n")[0].decode()
        conditional = f"Last-Modified: {MODIFIED}\r\nETag: "
        if what in ("sitemap", "section", "page", "robots.txt"):
            said = _other(what, number, head)
        elif what == "error":
            said = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
        elif tag and what != "new":
            said = f"HTTP/1.1 304 Not Modified\r\n{conditional}{tag}\r\n\r\n".encode()
        else:
            version = int(tag.strip('"')) + 1 if tag else 0
            body = document(number, version)
            kind = f"Content-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n"
            tag = f'"{version if what == "new" else number}"'
            said = f"HTTP/1.1 200 OK\r\n{conditional}{tag}\r\n{kind}\r\n".encode() + body
        self._transport.write(said)
        if b"Connection: close" in head:
            self._transport.close()


def _other(what: str, number: int, head: bytes) -> bytes:
    if what == "robots.txt":
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    host = head.partition(b"Host: ")[2].partition(b"\r\n")[0].decode()
    body = page(number) if what == "page" else listing(what, f"http://{host}", next(_newest))
    kind = "application/xml" if what == "sitemap" else "text/html"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


_newest = itertools.count(10)


async def _serve() -> None:
    listening = await asyncio.get_running_loop().create_server(_Talk, "0.0.0.0", 0, backlog=1000)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())
