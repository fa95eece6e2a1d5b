"""What is the same item, and when it was published, over real HTTP."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import sqlalchemy as sa

from crawler.archive.articles import find_by_url, iter_articles
from crawler.archive.engine import Archive
from crawler.archive.schema import article
from crawler.articles import Article
from crawler.sources import Source
from tests.collect.conftest import NOW, STORY, Clock, Collect, Reply, Seen, Web, item, make_source, rss

FEED = {"Content-Type": "application/rss+xml"}
GUID, LINK, DATE = "id-1", "http://127.0.0.1/news/1", "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.fixture
def source(web: Web) -> Source:
    return make_source(("feed", f"{web.url}/rss"))


def entry(guid: str = GUID, link: str = LINK, title: str = "Shelling in Veld", date: str = DATE) -> str:
    return (
        f"<item><title>{title}</title><link>{link}</link><guid isPermaLink='false'>{guid}</guid>"
        f"<pubDate>{date}</pubDate><description>{STORY}</description></item>"
    )


def articles(archive: Archive) -> list[Article]:
    with archive.read() as connection:
        return list(iter_articles(connection))


def feed(web: Web, *entries: str) -> None:
    web.replies["/rss"] = Reply(rss(*entries), headers=FEED)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(entry(link="http://127.0.0.1/moved/1", title="Another", date=""), id="guid"),
        pytest.param(entry(guid="new", title="Another", date=""), id="link"),
        pytest.param(entry(guid="new", link=f"{LINK}?utm_source=rss#top", title="Another"), id="canonical link"),
        pytest.param(entry(guid="new", link="http://127.0.0.1/moved/1"), id="title and date"),
    ],
)
def test_any_match_is_the_same_item(
    again: str, web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    feed(web, entry(), item(7))
    run_collect(source)
    feed(web, again, item(7))
    report = run_collect(source, everything=True)
    assert (report.new_articles, len(articles(sqlite_archive))) == (0, 2)
    with sqlite_archive.read() as connection:
        assert find_by_url(connection, LINK) is not None


def test_nothing_in_common_is_another_item(
    web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    feed(web, entry(), item(7))
    run_collect(source)
    feed(web, entry("id-2", "http://127.0.0.1/news/2", date="Sun, 22 Nov 2026 11:00:00 GMT"), item(7))
    assert run_collect(source, everything=True).new_articles == 1


def test_a_guid_that_is_repeated_in_a_document_identifies_nothing(
    web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    three = [entry("same", f"http://127.0.0.1/news/{number}", f"Report {number}") for number in range(3)]
    feed(web, *three)
    assert run_collect(source).new_articles == 3
    feed(web, entry("same", "http://127.0.0.1/news/9", "Report 9"), *three)
    assert run_collect(source, everything=True).new_articles == 1


def test_an_item_that_changes_at_every_fetch_is_followed_for_24_changes(
    web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    numbers = itertools.count(1)
    web.replies["/rss"] = lambda _: Reply(rss(entry(title=f"Seen {next(numbers)} times")), headers=FEED)
    for _ in range(27):
        assert run_collect(source, everything=True).failed == 0
    [found] = articles(sqlite_archive)
    assert (found.version, found.title) == (25, "Seen 25 times")


@pytest.mark.parametrize(
    ("written", "published"),
    [
        pytest.param("Sun, 22 Nov 2026 10:00:00 GMT", NOW - timedelta(hours=2), id="GMT"),
        pytest.param("Sun, 22 Nov 2026 10:00:00 +0200", NOW - timedelta(hours=4), id="offset"),
        pytest.param("Sun, 22 Nov 2026 10:00:00 EST", NOW + timedelta(hours=3), id="EST, in the future"),
        pytest.param("Sun, 22 Nov 2026 10:00:00 CET", NOW - timedelta(hours=3), id="CET, which is no UTC"),
        pytest.param("Sun, 22 Nov 2026 12:09:00 GMT", NOW + timedelta(minutes=9), id="a clock that is a little fast"),
        pytest.param("Sun, 22 Nov 2026 12:11:00 GMT", NOW, id="more than ten minutes ahead: first seen"),
        pytest.param("Wed, 22 Nov 2045 10:00:00 GMT", NOW, id="far ahead: first seen"),
        pytest.param("some day", None, id="no date"),
    ],
)
def test_dates(
    written: str, published: object, web: Web, source: Source, run_collect: Collect, sqlite_archive: Archive
) -> None:
    feed(web, entry(date=written))
    run_collect(source)
    [found] = articles(sqlite_archive)
    # What lies in the future by more than ten minutes is taken for the moment of the fetch.
    assert found.published == (NOW if published == NOW + timedelta(hours=3) else published)
    with sqlite_archive.read() as connection:
        assert connection.scalar(sa.select(article.c.raw_date)) == written


def test_undated_items_are_ordinary_once_a_channel_is_known(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    def answer(seen: Seen) -> Reply:
        return Reply(
            rss(*(entry(f"i{n}", f"http://127.0.0.1/n/{n}", f"T {n}", "") for n in range(shown))), headers=FEED
        )

    shown = 2
    web.replies["/rss"] = answer
    run_collect(source)
    shown = 3
    clock.forward(hours=4)
    run_collect(source)
    assert [(one.published, one.backfill) for one in articles(sqlite_archive)] == [
        (None, True),
        (None, True),
        (None, False),
    ]
