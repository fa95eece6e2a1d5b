"""Feeds so long that one poll does not read them: a part each time, to the end, whatever the machine."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial

import pytest

from crawler import extraction
from crawler.archive.articles import iter_articles
from crawler.archive.engine import Archive
from crawler.articles import FeedDocument
from crawler.extraction import Extractors, feed_in_time
from crawler.parse import feeds
from crawler.parse.feedentries import make_entry
from crawler.parse.feeds import parse_feed
from crawler.pipelines import FIRST_READING
from tests.collect.conftest import NOW, Clock, Collect, Reply, Web, channel, item, make_source, rss

FEED = {"Content-Type": "application/rss+xml"}
URL = "https://a.example/rss"
LONG_AGO = "Sun, 01 Nov 2026 10:00:00 GMT"


def read_slowly(monkeypatch: pytest.MonkeyPatch, item_seconds: float) -> None:
    """Have every item cost so much CPU time."""

    def slow(*arguments: object, **named: object) -> object:
        until = time.process_time() + item_seconds
        while time.process_time() < until:
            pass
        return make_entry(*arguments, **named)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(feeds, "make_entry", slow)


def read(body: bytes, known: bytes = b"") -> FeedDocument:
    return feed_in_time(partial(parse_feed, url=URL, now=NOW, known=known), body)


def test_what_was_read_when_time_was_up_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine so slow that the limit strikes in the middle of a batch, at every visit."""
    read_slowly(monkeypatch, 0.02)
    monkeypatch.setattr(extraction, "FEED_CPU_SECONDS", 0.2)
    body = rss(*(item(number) for number in range(30)))
    found: list[str] = []
    known, visits = b"", 0
    while len(found) < 30:
        document = read(body, known)
        assert document.known == len(found)
        assert (document.left > 0) == ("left for the next time" in document.problem)
        assert len(document.entries) > 0
        found += [entry.guid for entry in document.entries]
        known, visits = document.marks, visits + 1
    assert found == [f"id-{number}" for number in range(30)]
    assert visits > 2


def test_what_stands_above_an_item_that_takes_for_ever_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(raw: dict[str, str], **named: object) -> object:
        while raw["id"] == "id-2":
            pass
        return make_entry(raw, **named)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(feeds, "make_entry", stuck)
    monkeypatch.setattr(extraction, "FEED_CPU_SECONDS", 0.1)
    document = read(rss(*(item(number) for number in range(9))))
    assert [entry.guid for entry in document.entries] == ["id-0"]
    assert document.left == 8


def slow_channel(web: Web, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    """A feed that is read in parts, 8 items a visit, here instead of in a worker."""

    async def feed(_: Extractors, body: bytes, parse: partial[FeedDocument], url: str) -> FeedDocument:
        assert url == f"{web.url}/rss"
        return parse(body, seconds=0.0)

    monkeypatch.setattr(feeds, "INLINE_BYTES", 0)
    monkeypatch.setattr(feeds, "FIRST_BATCH", 8)
    monkeypatch.setattr(Extractors, "feed", feed)
    web.replies["/rss"] = Reply(body, headers=FEED | {"ETag": '"same"'})


def test_a_long_feed_is_read_to_its_end_soon_and_nothing_of_it_is_news(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item(number, web.url, date=LONG_AGO) for number in range(20)]
    slow_channel(web, monkeypatch, rss(*items))
    source = make_source(("feed", f"{web.url}/rss"))
    for unread in (12, 4, 0):
        report = run_collect(source)
        row = channel(sqlite_archive)
        assert (report.failed, row.state, row.unread) == (0, "ok", unread)
        assert bool(unread) == (row.etag is None)
        if unread:
            assert row.next_poll - clock.now == timedelta(minutes=15)
        clock.now = row.next_poll
    with sqlite_archive.read() as connection:
        articles = list(iter_articles(connection))
    assert len(articles) == 20
    # They are from before the channel was known, in whichever visit they were read.
    assert all(article.backfill for article in articles)


def test_later_an_old_item_is_news_though_the_feed_is_read_in_parts(
    web: Web, run_collect: Collect, sqlite_archive: Archive, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_source(("feed", f"{web.url}/rss"))
    slow_channel(web, monkeypatch, rss(*(item(number, web.url, date=LONG_AGO) for number in range(20))))
    run_collect(source)
    clock.now += FIRST_READING
    run_collect(source)
    with sqlite_archive.read() as connection:
        assert [article.backfill for article in iter_articles(connection)] == [True] * 8 + [False] * 8
