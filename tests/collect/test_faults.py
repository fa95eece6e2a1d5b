"""One row a fault: what the server does, what becomes of the channel and what the archive holds."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.channels import channel_events, host_holds, list_channels
from crawler.archive.engine import Archive
from crawler.items import CollectReport
from tests.collect.conftest import NOW, Collect, Reply, Web, item, make_options, make_source, page, rss

FEED = {"Content-Type": "application/rss+xml"}
GOOD = rss(item(1), item(2))
RUSSIAN = rss("<item><title>Обстрел рынка в Вельде</title><link>http://127.0.0.1/news/9</link></item>").decode()


def redirect(status: int) -> Callable[[Web], None]:
    def make(web: Web) -> None:
        web.replies["/rss"] = Reply(status=status, headers={"Location": "/new"})
        web.replies["/new"] = Reply(GOOD, headers=FEED)

    return make


def loop(web: Web) -> None:
    web.replies["/rss"] = Reply(status=302, headers={"Location": "/rss"})


def inward(web: Web) -> None:
    # The settings allow this server's address and port, and no other.
    web.replies["/rss"] = Reply(status=302, headers={"Location": "http://127.0.0.2:9/inside"})


def by_file(web: Web) -> None:
    web.replies["/rss"] = Reply(status=302, headers={"Location": "file:///etc/passwd"})


@dataclass
class Fault:
    """What the server answers at /rss, or a function that arranges more; then what must come of it."""

    answer: Reply | Callable[[Web], None]
    state: str
    reason: str = ""
    articles: int = 0
    next_poll: timedelta | None = None
    options: dict[str, Any] = field(default_factory=dict)
    held: bool = False


def text(length: int) -> bytes:
    return b"x" * length


BOMB = b"""<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>
<rss version="2.0"><channel><item><title>&b;</title><link>http://127.0.0.1/1</link></item></channel></rss>"""

FAULTS = {
    "not modified, though nothing was ever had": Fault(Reply(status=304), "flaky", "304 although nothing"),
    "too many requests, seconds": Fault(
        Reply(status=429, headers={"Retry-After": "7200"}), "throttled", "HTTP 429", 0, timedelta(hours=2), held=True
    ),
    "too many requests, a date": Fault(
        Reply(status=429, headers={"Retry-After": "Sun, 22 Nov 2026 15:00:00 GMT"}),
        "throttled", "HTTP 429", 0, timedelta(hours=3), held=True,
    ),
    "unavailable, a week": Fault(
        Reply(status=503, headers={"Retry-After": "604800"}), "throttled", "HTTP 503", 0, timedelta(hours=24), held=True
    ),
    "not found": Fault(Reply(b"gone fishing", 404), "flaky", "HTTP 404", 0, timedelta(hours=24)),
    "gone": Fault(Reply(status=410), "flaky", "410 since 2026-11-22T12:00:00", 0, timedelta(hours=24)),
    "unauthorised": Fault(Reply(status=401), "blocked", "HTTP 401", 0, timedelta(hours=24)),
    "forbidden": Fault(Reply(b"<html>Are you human?</html>", 403), "blocked", "HTTP 403", 0, timedelta(hours=24)),
    "server error": Fault(Reply(b"oops", 500), "flaky", "HTTP 500", 0, timedelta(minutes=30)),
    "bad request": Fault(Reply(status=400), "flaky", "HTTP 400"),
    "slow": Fault(Reply(GOOD, headers=FEED, wait=20), "flaky", "in time", options={"feed_timeout_seconds": 0.3}),
    "cut off": Fault(Reply(GOOD, headers=FEED, cut=len(GOOD) - 30), "ok", "cut off", 2),
    "cut off at once": Fault(Reply(GOOD, headers=FEED, cut=20), "not_a_feed", "not a feed"),
    "wrong encoding": Fault(
        Reply(RUSSIAN.replace('"1.0"', '"1.0" encoding="utf-8"').encode("cp1251"), headers=FEED), "ok", "", 1
    ),
    "moved for good": Fault(redirect(301), "moved", "/new", 2),
    "moved for good too": Fault(redirect(308), "moved", "/new", 2),
    "moved for now": Fault(redirect(302), "ok", "", 2),
    "compressed": Fault(Reply(gzip.compress(GOOD), headers=FEED | {"Content-Encoding": "gzip"}), "ok", "", 2),
    "compressed, cut off": Fault(
        Reply(gzip.compress(GOOD + text(50_000))[:-20], headers=FEED | {"Content-Encoding": "gzip"}), "ok", "", 2
    ),
    "said to be compressed": Fault(Reply(GOOD, headers=FEED | {"Content-Encoding": "gzip"}), "flaky", "gzip"),
    "huge": Fault(Reply(text(50_000), headers=FEED), "flaky", "too large", options={"max_bytes": 10_000}),
    "huge when unpacked": Fault(
        Reply(gzip.compress(text(5_000_000)), headers=FEED | {"Content-Encoding": "gzip"}),
        "flaky", "too large when it is unpacked", options={"max_bytes": 10_000},
    ),
    "HTML instead of a feed": Fault(Reply(page()), "not_a_feed", "an HTML page"),
    "empty": Fault(Reply(b"", headers=FEED), "not_a_feed", "empty"),
    "entities": Fault(Reply(BOMB, headers=FEED), "not_a_feed", "declares entities"),
    "redirects for ever": Fault(loop, "flaky", "max redirections"),
    "redirect to this machine": Fault(inward, "blocked", "127.0.0.2 is not on the public internet (loopback)"),
    "redirect to a file": Fault(by_file, "flaky", "HTTP 302"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str, web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    fault = FAULTS[name]
    if isinstance(fault.answer, Reply):
        web.replies["/rss"] = fault.answer
    else:
        fault.answer(web)
    host = web.url.removeprefix("http://")
    report = run_collect(
        make_source(("feed", f"{web.url}/rss")), make_options(allow_addresses=(host,), **fault.options)
    )
    with sqlite_archive.read() as connection:
        [channel] = list_channels(connection)
        articles = list(iter_articles(connection))
        events = channel_events(connection)
        holds = host_holds(connection, NOW)
    assert (channel.state, len(articles)) == (fault.state, fault.articles), channel.state_reason
    assert fault.reason in channel.state_reason
    assert channel.next_poll > NOW
    if fault.next_poll is not None:
        assert channel.next_poll == NOW + fault.next_poll
    assert (host in holds) is fault.held
    assert events[0].state == fault.state
    good = fault.state in ("ok", "moved")
    assert (report.polled, report.failed) == (1, 0 if good else 1)
    assert channel.failures == (0 if good else 1)
    assert report.refused == (fault.state == "blocked")
    assert (channel.body_hash is not None) == (good and "cut off" not in channel.state_reason)


def test_wrong_encoding_is_read_rightly(web: Web, run_collect: Collect, sqlite_archive: Archive) -> None:
    answer = FAULTS["wrong encoding"].answer
    assert isinstance(answer, Reply)
    web.replies["/rss"] = Reply(answer.body, headers={"Content-Type": "text/xml; charset=windows-1251"})
    run_collect(make_source(("feed", f"{web.url}/rss")))
    with sqlite_archive.read() as connection:
        assert [article.title for article in iter_articles(connection)] == ["Обстрел рынка в Вельде"]


def test_a_held_host_is_left_alone_even_by_hand(web: Web, run_collect: Collect) -> None:
    web.replies["/rss"] = web.replies["/other"] = Reply(status=429, headers={"Retry-After": "600"})
    source = make_source(("feed", f"{web.url}/rss"), ("feed", f"{web.url}/other"))
    first: CollectReport = run_collect(source)
    assert (first.polled, len(web.seen)) == (1, 1)
    assert run_collect(source, everything=True).polled == 0
    assert len(web.seen) == 1
