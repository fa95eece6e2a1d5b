"""Attacks on time and memory: answers that never end, that unpack to far more, or that make no sense at all."""

from __future__ import annotations

import gzip
import socket
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import zstandard

from crawler.archive.channels import list_channels
from crawler.archive.engine import Archive
from tests.collect.conftest import Collect, Reply, Web, make_options, make_source
from tests.collect.hostile import (
    FEED,
    FEED_HEAD,
    MEMORY,
    Answer,
    Peer,
    channel_of,
    document,
    endlessly,
    linking,
    pages_of,
    say,
    watching,
)


def gzipped() -> Any:
    """What compresses as gzip does."""
    return zlib.compressobj(wbits=31)


def bomb(size: int, packer: Any) -> bytes:
    """`size` bytes of spaces, compressed, without ever holding them."""
    block = b" " * 2**16
    parts: list[bytes] = [packer.compress(block) for _ in range(size // 2**16)]
    return b"".join([*parts, packer.flush()])


def packed(coding: bytes, make: Callable[[], bytes]) -> Answer:
    """A good answer whose body says how it is compressed; made when it is asked for."""

    def answer(connection: socket.socket) -> None:
        document(make(), b"Content-Encoding: " + coding)(connection)

    return answer


def silence(connection: socket.socket) -> None:
    """Say nothing until the visitor hangs up."""
    connection.recv(1)


PADDED = b"<rss version='2.0'><channel>"
LIMIT = 100_000
CHUNKED = FEED_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS: dict[str, tuple[Answer, str]] = {
    "a body without a length": (endlessly(FEED_HEAD + b"\r\n" + PADDED, b" " * 65_536), "too large"),
    "chunks": (endlessly(CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n"), "too large"),
    "a length that is a lie": (
        endlessly(FEED_HEAD + b"Content-Length: 99999999999999\r\n\r\n", b" " * 65_536), "too large",
    ),
    "a length of the right size": (
        endlessly(FEED_HEAD + b"Content-Length: 99999\r\n\r\n", b" ", 0.05), "in time",
    ),
    "compressed": (
        packed(b"gzip", lambda: bomb(2**25, gzipped())), "too large",
    ),
    "compressed twice": (
        packed(b"gzip, gzip", lambda: gzip.compress(bomb(2**26, gzipped()))), "",
    ),
    "deflated": (packed(b"deflate", lambda: bomb(2**25, zlib.compressobj())), "too large"),
    "with zstandard": (packed(b"zstd", lambda: bomb(2**25, zstandard.ZstdCompressor().compressobj())), ""),
    "a trickle": (endlessly(FEED_HEAD + b"\r\n", b" ", 0.05), "in time"),
    "a trickle of chunks": (endlessly(CHUNKED, b"1\r\n \r\n", 0.05), "in time"),
    "a trickle of headers": (endlessly(FEED_HEAD, b"X-A: b\r\n", 0.05), "in time"),
    "headers": (endlessly(FEED_HEAD, b"X-Padding: " + b"x" * 8000 + b"\r\n"), ""),
    "one header": (endlessly(FEED_HEAD + b"X-Padding: ", b"x" * 8000), ""),
    "continue": (endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), ""),
    "a chunk size": (endlessly(CHUNKED, b"0" * 8000), ""),
    "chunk extensions": (endlessly(CHUNKED + b"1;", b"x" * 8000), ""),
    "trailers": (endlessly(CHUNKED + b"1\r\n \r\n0\r\n", b"X-A: " + b"b" * 8000 + b"\r\n"), ""),
    "silence": (silence, "in time"),
    "hanging up": (say(b""), ""),
    "no HTTP": (say(b"220 mail.example ESMTP\r\n" * 5), ""),
    "an odd status": (say(b"HTTP/1.1 999 " + b"x" * 5000 + b"\r\nContent-Length: 0\r\n\r\n"), "HTTP 999"),
    "a status of letters": (say(b"HTTP/1.1 two OK\r\nContent-Length: 0\r\n\r\n"), ""),
    "two lengths": (say(FEED_HEAD, b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n<rss></rss>"), ""),
    "a negative length": (say(FEED_HEAD, b"Content-Length: -5\r\n\r\n<rss/>"), ""),
    "a negative chunk": (say(CHUNKED, b"-1\r\n<rss/>\r\n0\r\n\r\n"), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_answers_that_never_end_or_make_no_sense(name: str, run_collect: Collect, sqlite_archive: Archive) -> None:
    answer, words = ENDLESS[name]
    seconds = 0.7 if words == "in time" else 2.5
    with Peer(answer) as peer:
        options = make_options(allow_addresses=(peer.address,), feed_timeout_seconds=seconds, max_bytes=LIMIT)
        with watching() as most:
            report = run_collect(make_source(("feed", f"{peer.url}/rss"), ("sitemap", f"{peer.url}/map")), options)
    assert (report.polled, report.failed) == (2, 2)
    with sqlite_archive.read() as connection:
        for row in list_channels(connection):
            assert row.state in ("flaky", "not_a_feed")
            assert row.state_reason
            assert words in row.state_reason.replace("exceeded DOWNLOAD_MAXSIZE", "is too large")
    assert most() < MEMORY


def test_a_sitemap_that_is_a_gzip_bomb(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    web.replies["/map.xml.gz"] = Reply(bomb(2**26, gzipped()), headers={"Content-Type": "application/gzip"})
    with watching() as most:
        run_collect(make_source(("sitemap", f"{web.url}/map.xml.gz")), make_options(max_bytes=2**20))
    row = channel_of(sqlite_archive)
    assert (row.state, "after decompression" in row.state_reason) == ("not_a_feed", True)
    assert most() < MEMORY


def test_a_robots_file_without_end(run_collect: Collect, web: Web, sqlite_archive: Archive) -> None:
    """Rules that cannot be had are obeyed as if they forbade everything; nothing waits for their end."""
    endless = endlessly(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"Disallow: /x\n" * 5000)
    with Peer(endless) as peer:
        web.replies["/rss"] = Reply(linking(f"{peer.url}/1"), headers=FEED)
        options = make_options(max_bytes=LIMIT, page_timeout_seconds=2.5)
        with watching() as most:
            run_collect(make_source(("feed", f"{web.url}/rss"), fetch_pages=True), options)
        assert all(b"GET /robots.txt " in head for head in peer.asked)
    assert [(state, reason) for _, state, reason in pages_of(sqlite_archive)] == [
        ("wanted", f"robots.txt ({peer.url}/robots.txt): the document is too large")
    ]
    assert most() < MEMORY


def test_a_redirect_with_an_endless_body(run_collect: Collect, sqlite_archive: Archive) -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n"
    with Peer(endlessly(head, b" " * 65_536)) as peer:
        options = make_options(allow_addresses=(peer.address,), max_bytes=LIMIT)
        run_collect(make_source(("feed", f"{peer.url}/rss")), options)
    row = channel_of(sqlite_archive)
    assert (row.state, row.failures) == ("flaky", 1)


def test_one_attacker_does_not_hold_up_the_others(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    """While one server trickles, another one's feed is had."""
    web.replies["/rss"] = Reply(linking(f"{web.url}/1"), headers=FEED)
    with Peer(endlessly(FEED_HEAD, b"X-A: b\r\n", 0.05)) as peer:
        sources: Sequence[Any] = (
            make_source(("feed", f"{peer.url}/rss"), name="attacker"),
            make_source(("feed", f"{web.url}/rss"), name="paper"),
        )
        report = run_collect(sources, make_options(feed_timeout_seconds=1.0))
    assert (report.polled, report.failed, report.new_articles) == (2, 1, 1)
