"""The behaviour of a good feed reader, row by row, against a server that logs every request: being refused."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from crawler.archive.channels import ChannelRow, channel_events, host_holds, list_channels
from crawler.archive.engine import Archive
from crawler.sources import Source
from tests.collect.conftest import (
    NOW,
    Clock,
    Collect,
    Reply,
    Web,
    channel,
    item,
    make_options,
    make_source,
    page,
    poll_when_due,
    rss,
)
from tests.collect.test_listings import index

FEED = {"Content-Type": "application/rss+xml"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def source(web: Web) -> Source:
    return make_source(("feed", f"{web.url}/rss"))


@pytest.mark.parametrize(
    ("status", "retry_after", "pause"),
    [
        pytest.param(429, "7200", 2 * HOUR, id="seconds"),
        pytest.param(503, "Sun, 22 Nov 2026 15:00:00 GMT", 3 * HOUR, id="a date"),
        pytest.param(429, "9999999", DAY, id="at most a day"),
        pytest.param(503, "10", timedelta(minutes=15), id="not sooner than our own interval"),
        pytest.param(429, None, timedelta(minutes=15), id="without"),
    ],
)
def test_a_server_that_has_enough_is_left_alone_with_all_its_host(
    status: int, retry_after: str | None, pause: timedelta, web: Web, run_collect: Collect, clock: Clock,
    sqlite_archive: Archive,
) -> None:  # fmt: skip
    asks = {"Retry-After": retry_after} if retry_after else {}
    web.replies["/rss"] = web.replies["/other"] = Reply(status=status, headers=asks)
    web.replies["/map.xml"] = Reply(status=404)
    source = make_source(("feed", f"{web.url}/rss"), ("feed", f"{web.url}/other"), ("sitemap", f"{web.url}/map.xml"))
    run_collect(source)
    [first] = web.seen
    row = next(row for row in _rows(sqlite_archive) if row.url.endswith(first.path))
    assert (row.state, row.next_poll) == ("throttled", NOW + pause)
    held = pause if retry_after != "10" else timedelta(minutes=1)
    with sqlite_archive.read() as connection:
        assert host_holds(connection, NOW)[web.url.removeprefix("http://")] == NOW + held
    clock.now = NOW + held - timedelta(seconds=1)
    run_collect(source, everything=True)
    assert len(web.seen) == 1
    clock.forward(seconds=1)
    run_collect(source, everything=True)
    assert len(web.seen) == 2


def _rows(archive: Archive) -> list[ChannelRow]:
    with archive.read() as connection:
        return list_channels(connection)


def test_a_document_of_an_index_holds_its_host_too(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/index.xml"] = Reply(index(web, "/a.xml"), headers={"Content-Type": "application/xml"})
    web.replies["/a.xml"] = Reply(status=429, headers={"Retry-After": "3600"})
    source = make_source(("sitemap", f"{web.url}/index.xml"))
    run_collect(source)
    before = len(web.seen)
    clock.forward(minutes=59)
    run_collect(source, everything=True)
    assert len(web.seen) == before


def silent(port: int) -> str:
    return f"http://127.0.0.1:{port}/rss"


@pytest.fixture
def rude() -> Iterator[int]:
    """A server that takes connections and resets them."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.05)
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    ending.set()
    thread.join()
    server.close()


@pytest.mark.parametrize("trouble", ["5xx", "time-out", "DNS", "TLS", "reset", "refused"])
def test_the_next_poll_is_the_retry(
    trouble: str, web: Web, rude: int, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(b"oops", 502) if trouble == "5xx" else Reply(wait=20)
    url = {
        "DNS": "http://nowhere.invalid/rss",
        "TLS": f"{web.url.replace('http', 'https')}/rss",
        "reset": silent(rude),
        "refused": silent(9),
    }.get(trouble, f"{web.url}/rss")
    source = make_source(("feed", url))
    options = make_options(feed_timeout_seconds=0.3 if trouble == "time-out" else 5.0)
    report = run_collect(source, options)
    row = channel(sqlite_archive)
    assert (report.failed, row.state, row.failures) == (1, "flaky", 1)
    assert row.state_reason
    # Fifteen minutes and one failure: twice as long.
    assert row.next_poll == NOW + timedelta(minutes=30)
    clock.forward(minutes=29)
    run_collect(source, options)
    assert channel(sqlite_archive).failures == 1
    assert len(web.asked("/rss")) == (1 if trouble in ("5xx", "time-out") else 0)


def test_a_dead_server_is_asked_ever_less_and_never_given_up(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"'})
    run_collect(source)
    web.replies["/rss"] = Reply(b"oops", 500)
    begun = clock.now
    pauses = poll_when_due(sqlite_archive, run_collect, source, clock, 30 * DAY)
    told = _health(sqlite_archive)
    assert [state for state, _ in told] == ["ok", "flaky", "failing", "dead"]
    assert timedelta(days=14) <= told[-1][1] - begun <= timedelta(days=15)
    ends = list(itertools.accumulate(pauses))
    early = [pause for pause, end in zip(pauses, ends, strict=True) if end <= 3 * DAY]
    assert max(early) == 6 * HOUR
    assert pauses[-14:] == [DAY] * 14
    # Back it comes, and all is as before.
    web.replies["/rss"] = Reply(rss(item(2), item(1)), headers=FEED | {"ETag": '"b"'})
    clock.now = channel(sqlite_archive).next_poll
    assert run_collect(source).new_articles == 1
    assert (channel(sqlite_archive).state, channel(sqlite_archive).failures) == ("ok", 0)


def _health(archive: Archive) -> list[tuple[str, Any]]:
    with archive.read() as connection:
        return [(event.state, event.at) for event in reversed(channel_events(connection)) if event.kind == "health"]


def test_not_found_is_asked_daily(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    run_collect(source)
    assert poll_when_due(sqlite_archive, run_collect, source, clock, 5 * DAY) == [DAY] * 5
    assert channel(sqlite_archive).state == "failing"


def test_gone_is_believed_the_second_time_and_told(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(status=410)
    assert (run_collect(source).refused, channel(sqlite_archive).state) == (0, "flaky")
    clock.forward(hours=24)
    assert (run_collect(source).refused, channel(sqlite_archive).state) == (1, "gone")
    assert poll_when_due(sqlite_archive, run_collect, source, clock, 15 * DAY) == [7 * DAY] * 2


CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title><script>window._cf_chl_opt={};</script></head>"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(Reply(status=401), "HTTP 401", id="401"),
        pytest.param(Reply(b"no", 403), "HTTP 403", id="403"),
        pytest.param(Reply(CHALLENGE, 403), "HTTP 403: a challenge page", id="challenge 403"),
        pytest.param(Reply(CHALLENGE, 503), "HTTP 503: a challenge page", id="challenge 503"),
        pytest.param(Reply(CHALLENGE), "a challenge page (_cf_chl_opt)", id="challenge 200"),
        pytest.param(Reply(b"x", 403, {"cf-mitigated": "challenge"}), "cf-mitigated", id="challenge by header"),
    ],
)
def test_who_does_not_want_us_is_not_tricked(
    reply: Reply, reason: str, web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = reply
    run_collect(source)
    row = channel(sqlite_archive)
    assert (row.state, row.next_poll) == ("blocked", NOW + DAY)
    assert reason in row.state_reason
    clock.forward(hours=24)
    run_collect(source)
    # The same honest request, a day later, and no other.
    assert len(web.seen) == 2
    assert web.seen[0].headers == web.seen[1].headers


def test_a_page_instead_of_a_feed_changes_nothing_and_names_feeds(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(rss(item(1)), headers=FEED | {"ETag": '"a"', "Last-Modified": "then"})
    run_collect(source)
    before = channel(sqlite_archive)
    link = '<link rel="alternate" type="application/rss+xml" href="/feed/" title="News">'
    web.replies["/rss"] = Reply(page(head=link), headers={"ETag": '"page"'})
    clock.forward(hours=4)
    run_collect(source)
    row = channel(sqlite_archive)
    assert row.state == "not_a_feed"
    assert row.state_reason == f"not a feed: an HTML page; it names {web.url}/feed/"
    with sqlite_archive.read() as connection:
        [told, *_] = channel_events(connection)
    assert told.evidence["proposed"] == [f"{web.url}/feed/"]
    assert (row.url, row.etag, row.last_modified, row.body_hash) == (
        before.url, before.etag, before.last_modified, before.body_hash,
    )  # fmt: skip
    clock.forward(hours=10)
    run_collect(source)
    assert web.seen[-1].header("If-None-Match") == '"a"'
