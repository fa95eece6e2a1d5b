"""A source's channels over real HTTP: the feed first, the sitemap and the section when it fails, and back again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.channels import ChannelRow, channel_events, list_channels
from crawler.archive.engine import Archive
from crawler.sources import Channel, ChannelKind, Source, channel_id
from tests.collect.conftest import Clock, Collect, Reply, Web, item, make_source, rss
from tests.collect.test_listings import listing, urlset

FEED = {"Content-Type": "application/rss+xml"}
XML = {"Content-Type": "application/xml"}


@pytest.fixture
def source(web: Web) -> Source:
    """A source with all three kinds, each listing items of its own; every answer has its validator."""
    web.replies["/rss"] = Reply(rss(item(1, web.url)), headers=FEED | {"ETag": '"f"'})
    web.replies["/map.xml"] = Reply(urlset(web, 2), headers=XML | {"ETag": '"m"'})
    web.replies["/world"] = Reply(listing(3), headers={"ETag": '"s"'})
    kind, url = ChannelKind.SECTION, f"{web.url}/world"
    section = Channel(channel_id("lanter", kind, url), "lanter", kind, url, links="a.t", date="time")
    return make_source(("feed", f"{web.url}/rss"), ("sitemap", f"{web.url}/map.xml"), section)


def channels(archive: Archive) -> dict[str, ChannelRow]:
    with archive.read() as connection:
        return {row.kind: row for row in list_channels(connection)}


def switches(archive: Archive) -> list[tuple[str, str]]:
    """Which channel switched and why, the first switch first."""
    with archive.read() as connection:
        events = [event for event in channel_events(connection) if event.kind == "switch"]
    return [(event.channel.split(":")[1], event.reason) for event in reversed(events)]


def asked(web: Web) -> list[str]:
    """What was asked for since the last call."""
    paths = [path for path in web.paths() if path != "/robots.txt"]
    web.seen.clear()
    return paths


def test_while_the_feed_works_nothing_else_is_asked(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    for _ in range(3):
        run_collect(source)
        clock.forward(hours=4)
    assert run_collect(source, everything=True).polled == 1
    assert asked(web) == ["/rss"] * 4
    assert switches(sqlite_archive) == []
    assert [row.standby for row in channels(sqlite_archive).values()] == [False, True, True]


def test_the_next_channel_carries_on_in_the_same_run_and_stands_by_again(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    run_collect(source)
    good = web.replies["/rss"]
    web.replies["/rss"] = Reply(b"oops", 500)
    clock.forward(hours=4)
    assert run_collect(source).new_articles == 1
    assert asked(web) == ["/rss", "/rss", "/map.xml"]
    clock.forward(hours=4)
    run_collect(source)
    assert asked(web) == ["/rss", "/map.xml"]
    web.replies["/rss"] = good
    clock.forward(hours=6)
    run_collect(source)
    clock.forward(hours=6)
    run_collect(source)
    assert asked(web) == ["/rss", "/rss"]
    assert switches(sqlite_archive) == [
        ("sitemap", f"carries on for the feed {web.url}/rss (flaky: HTTP 500)"),
        ("sitemap", f"stands by again: the feed {web.url}/rss works"),
    ]
    with sqlite_archive.read() as connection:
        assert len(list(iter_articles(connection))) == 2


def test_the_section_carries_on_when_the_sitemap_fails_too(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = web.replies["/map.xml"] = Reply(status=404)
    report = run_collect(source)
    assert asked(web) == ["/rss", "/map.xml", "/world"]
    assert (report.failed, report.new_articles) == (2, 1)
    web.replies["/map.xml"] = Reply(urlset(web, 2), headers=XML | {"ETag": '"m"'})
    clock.forward(hours=30)
    run_collect(source)
    assert asked(web) == ["/rss", "/map.xml"]
    assert switches(sqlite_archive) == [
        ("sitemap", f"carries on for the feed {web.url}/rss (flaky: HTTP 404)"),
        ("section", f"carries on for the sitemap {web.url}/map.xml (flaky: HTTP 404)"),
        ("section", f"stands by again: the sitemap {web.url}/map.xml works"),
    ]


def test_a_held_host_is_not_asked_by_another_channel(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(status=429, headers={"Retry-After": "3600"})
    run_collect(source)
    assert asked(web) == ["/rss"]
    # When the hold is over the sitemap carries on, for the feed is not yet known to work again.
    assert not channels(sqlite_archive)["sitemap"].standby
    web.replies["/rss"] = Reply(status=500)
    clock.forward(minutes=61)
    run_collect(source)
    assert asked(web) == ["/rss", "/map.xml"]


def test_a_feed_that_nobody_fills_any_more_does_not_silence_its_source(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    run_collect(source)
    clock.forward(days=8)
    assert run_collect(source).new_articles == 1
    assert asked(web) == ["/rss", "/rss", "/map.xml"]
    assert channels(sqlite_archive)["feed"].state == "slow"


def test_a_paused_feed_leaves_its_place_to_the_sitemap(web: Web, source: Source, run_collect: Collect) -> None:
    run_collect(source)
    first, *others = source.channels
    run_collect(replace(source, channels=(replace(first, paused=True), *others)))
    run_collect(source)
    assert asked(web) == ["/rss", "/map.xml"]


def test_only_a_sitemap_is_asked_as_any_other_channel(web: Web, source: Source, run_collect: Collect) -> None:
    assert run_collect(replace(source, channels=source.channels[1:])).new_articles == 1
    assert asked(web) == ["/map.xml"]


def test_what_carries_on_is_asked_no_more_often_than_it_asked_for(
    web: Web, source: Source, run_collect: Collect, clock: Clock
) -> None:
    """A feed that fails and recovers by turns must not have the sitemap asked each time."""
    good = web.replies["/rss"]
    for _ in range(4):
        web.replies["/rss"] = Reply(status=500)
        run_collect(source, everything=True)
        web.replies["/rss"] = good
        run_collect(source, everything=True)
        clock.forward(minutes=1)
    # `everything` asks what is not due, but nobody who stands by; four times it carried on.
    assert asked(web).count("/map.xml") == 4
    web.replies["/rss"] = Reply(status=500)
    clock.forward(hours=4)
    run_collect(source)
    web.replies["/rss"] = good
    clock.forward(minutes=30)
    run_collect(source)
    web.replies["/rss"] = Reply(status=500)
    clock.forward(minutes=30)
    run_collect(source)
    assert asked(web).count("/map.xml") == 1


def test_the_pause_of_a_failing_feed_is_its_own(web: Web, source: Source, run_collect: Collect, clock: Clock) -> None:
    web.replies["/rss"] = Reply(status=500)
    run_collect(source)
    clock.forward(minutes=29)
    run_collect(source)
    assert asked(web).count("/rss") == 1
    clock.forward(minutes=1)
    run_collect(source)
    assert asked(web).count("/rss") == 1
