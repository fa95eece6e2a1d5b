"""Gaps over real HTTP: found, filled from the sitemap or the section, or given up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.channels import channel_events, list_channels
from crawler.archive.engine import Archive
from crawler.archive.gaps import GapRow, gaps_of
from crawler.sources import Channel, ChannelKind, Source, channel_id
from tests.collect.conftest import Clock, Collect, Reply, Web, item, make_source, rss
from tests.collect.test_listings import index, urlset

FEED = {"Content-Type": "application/rss+xml"}
XML = {"Content-Type": "application/xml"}


def feed(web: Web, *numbers: int) -> None:
    """The feed lists these now."""
    web.replies["/rss"] = Reply(rss(*(item(number, web.url) for number in numbers)), headers=FEED | {"ETag": '"f"'})


def section_of(web: Web) -> Channel:
    kind, url = ChannelKind.SECTION, f"{web.url}/world"
    return Channel(channel_id("lanter", kind, url), "lanter", kind, url, links="a.t", next_page="a.next")


def gaps(archive: Archive) -> list[GapRow]:
    with archive.read() as connection:
        return gaps_of(connection)


def titles(archive: Archive) -> list[str]:
    with archive.read() as connection:
        return sorted(article.url.rpartition("/")[2] for article in iter_articles(connection))


def asked(web: Web) -> list[str]:
    paths = [path for path in web.paths() if path != "/robots.txt"]
    web.seen.clear()
    return paths


@pytest.fixture
def source(web: Web) -> Source:
    return make_source(("feed", f"{web.url}/rss"), ("sitemap", f"{web.url}/map.xml"))


def test_a_gap_is_filled_from_the_sitemap_in_the_same_run(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    feed(web, 1, 2)
    web.replies["/map.xml"] = Reply(urlset(web, 1, 2, 3, 4, 5, 6), headers=XML)
    run_collect(source)
    clock.forward(hours=4)
    feed(web, 5, 6)
    report = run_collect(source)
    assert asked(web) == ["/rss", "/rss", "/map.xml"]
    assert (report.gaps, report.new_articles) == (1, 4)
    assert titles(sqlite_archive) == ["1", "2", "3", "4", "5", "6"]
    [gap] = gaps(sqlite_archive)
    assert (gap.state, gap.found, gap.settled_at) == ("filled", 2, clock.now)
    with sqlite_archive.read() as connection:
        notes = [event for event in channel_events(connection) if event.kind == "gap"]
        rows = {row.kind: row for row in list_channels(connection)}
    assert notes[0].reason == f"filled from the sitemap {web.url}/map.xml: 2 articles"
    # The feed is asked again soon, and the sitemap goes on standing by.
    assert (rows["feed"].state, rows["feed"].interval_seconds, rows["sitemap"].standby) == ("gap", 900, True)
    clock.forward(minutes=15)
    run_collect(source)
    assert asked(web) == ["/rss"]


def test_a_sitemap_that_does_not_reach_back_is_asked_until_the_gap_is_given_up(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    feed(web, 1, 2)
    run_collect(source)
    clock.forward(hours=4)
    feed(web, 5, 6)
    web.replies["/map.xml"] = later_map(web, 4, 5, 6)
    run_collect(source)
    assert [gap.state for gap in gaps(sqlite_archive)] == ["open"]
    assert titles(sqlite_archive) == ["1", "2", "4", "5", "6"]
    web.replies["/rss"] = Reply(status=304)
    asked(web)
    for _ in range(5):
        clock.forward(hours=1)
        run_collect(source)
    assert asked(web).count("/map.xml") >= 3
    assert [gap.state for gap in gaps(sqlite_archive)] == ["open"]
    clock.forward(hours=1)
    run_collect(source)
    [gap] = gaps(sqlite_archive)
    assert (gap.state, gap.found, gap.settled_at) == ("unfilled", 1, clock.now)
    assert gap.reason == "no other channel of the source reached back so far"
    asked(web)
    clock.forward(hours=6)
    run_collect(source)
    assert asked(web) == ["/rss"]


def later_map(web: Web, *numbers: int) -> Reply:
    """A sitemap with nothing from before the gap."""
    body = urlset(web, *numbers).replace(b"2026-11-22T10:0", b"2026-11-22T14:0")
    return Reply(body, headers=XML)


def test_a_gap_that_nothing_can_fill_is_given_up_at_once(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    source = make_source(("feed", f"{web.url}/rss"), ("feed", f"{web.url}/other"))
    web.replies["/other"] = Reply(status=304)
    feed(web, 1, 2)
    run_collect(source)
    before = clock.now
    clock.forward(hours=4)
    feed(web, 5, 6)
    run_collect(source)
    [gap] = gaps(sqlite_archive)
    assert (gap.state, gap.since, gap.at, gap.settled_at) == ("unfilled", before, clock.now, clock.now)
    assert gap.reason == "the source has no sitemap or section to fill it from"


def pages(web: Web, *listed: tuple[int, ...]) -> None:
    """A section in several pages, undated."""
    for number, entries in enumerate(listed, 1):
        path = "/world" if number == 1 else f"/world?page={number}"
        links = "".join(f'<a class="t" href="/news/{entry}">Report {entry}</a>' for entry in entries)
        more = f'<a class="next" href="/world?page={number + 1}">More</a>' if number < len(listed) else ""
        web.replies[path] = Reply(f"<!doctype html><html><body>{links}{more}</body></html>".encode())


def test_a_gap_is_filled_from_as_many_pages_of_the_section_as_it_takes(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    source = make_source(("feed", f"{web.url}/rss"), section_of(web))
    feed(web, 1, 2)
    run_collect(source)
    clock.forward(hours=4)
    feed(web, 8, 9)
    # The first page lists what the feed brought a moment ago; an ordinary poll would stop there.
    pages(web, (9, 8), (7, 6), (5, 4), (3, 2), (1, 0))
    run_collect(source)
    assert asked(web)[2:] == ["/world", "/world?page=2", "/world?page=3", "/world?page=4"]
    assert titles(sqlite_archive) == [str(number) for number in range(1, 10)]
    [gap] = gaps(sqlite_archive)
    assert (gap.state, gap.found) == ("filled", 5)


def test_an_index_fills_a_gap_and_opens_none_while_parts_of_it_are_as_before(
    web: Web, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    source = make_source(("sitemap", f"{web.url}/index.xml"))
    web.replies["/index.xml"] = Reply(index(web, "/a.xml", "/b.xml"), headers=XML)
    web.replies["/a.xml"] = Reply(urlset(web, 1, 2), headers=XML)
    web.replies["/b.xml"] = Reply(urlset(web, 3, 4), headers=XML)
    run_collect(source)
    clock.forward(hours=4)
    web.replies["/b.xml"] = Reply(urlset(web, 5, 6), headers=XML)
    assert (run_collect(source).gaps, gaps(sqlite_archive)) == (0, [])
    clock.forward(hours=4)
    web.replies["/a.xml"] = Reply(urlset(web, 7, 8), headers=XML)
    web.replies["/b.xml"] = Reply(urlset(web, 9, 0), headers=XML)
    assert (run_collect(source).gaps, len(gaps(sqlite_archive))) == (1, 1)


def test_a_feed_filled_anew_after_it_was_emptied_has_no_gap(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    feed(web, *range(1, 10))
    run_collect(source)
    clock.forward(hours=4)
    feed(web, 11, 12)
    assert (run_collect(source).gaps, gaps(sqlite_archive)) == (0, [])


def test_gaps_are_found_by_source_and_time(archive: Archive, clock: Clock) -> None:
    import sqlalchemy as sa

    from crawler.archive.schema import gap as table

    row: dict[str, Any] = {"channel": "c", "since": clock.now, "at": clock.now, "state": "open"}
    with archive.write() as connection:
        connection.execute(sa.insert(table), [row | {"source": "a"}, row | {"source": "b"}])
        connection.execute(sa.update(table).where(table.c.source == "b").values(state="filled", settled_at=clock.now))
    with archive.read() as connection:
        assert [gap.source for gap in gaps_of(connection)] == ["a", "b"]
        [one] = gaps_of(connection, "a")
        assert gaps_of(connection, settled_after=clock.now) == []
    assert replace(one, id=0) == GapRow(0, "a", "c", clock.now, clock.now, "open", None, None, 0, "")
