"""Redirects and wrong 304s, row by row, against a server that logs every request."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from crawler.archive.articles import iter_articles
from crawler.archive.channels import channel_events
from crawler.archive.engine import Archive
from crawler.sources import Source
from tests.collect.conftest import (
    Clock,
    Collect,
    Reply,
    Seen,
    Web,
    channel,
    item,
    make_source,
    page,
    poll_when_due,
    rss,
)

FEED = {"Content-Type": "application/rss+xml"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def source(web: Web) -> Source:
    return make_source(("feed", f"{web.url}/rss"))


@pytest.mark.parametrize("status", [301, 308])
def test_a_move_for_good_is_followed_and_then_believed(
    status: int, web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    numbers = itertools.count(2)

    def at_new(_: Seen) -> Reply:
        number = next(numbers)
        return Reply(rss(item(number), item(number + 1)), headers=FEED | {"ETag": f'"{number}"'})

    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers=FEED | {"ETag": '"a"'})
    run_collect(source)
    web.replies["/rss"] = Reply(status=status, headers={"Location": "/new"})
    web.replies["/new"] = at_new
    poll_when_due(sqlite_archive, run_collect, source, clock, timedelta(hours=24))
    row = channel(sqlite_archive)
    assert (row.state, row.url, row.old_url) == ("moved", f"{web.url}/rss", None)
    assert len(web.asked("/rss")) == len(web.asked("/new")) + 1 >= 4
    poll_when_due(sqlite_archive, run_collect, source, clock, timedelta(hours=4))
    row = channel(sqlite_archive)
    assert (row.state, row.url, row.old_url) == ("moved", f"{web.url}/new", f"{web.url}/rss")
    with sqlite_archive.read() as connection:
        [move] = [event for event in channel_events(connection) if event.kind == "move"]
    assert (move.evidence["from"], move.evidence["to"]) == (f"{web.url}/rss", f"{web.url}/new")
    last = row.etag
    web.seen.clear()
    poll_when_due(sqlite_archive, run_collect, source, clock, timedelta(hours=4))
    assert set(web.paths()) == {"/new"}
    assert web.seen[0].header("If-None-Match") == last
    assert channel(sqlite_archive).state_reason == f"is asked at {web.url}/new, was {web.url}/rss"


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_move_for_now_is_followed_and_never_kept(
    status: int, web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    web.replies["/rss"] = Reply(status=status, headers={"Location": "/now"})
    web.replies["/now"] = Reply(rss(item(1), item(2)), headers=FEED | {"ETag": '"n"'})
    run_collect(source)
    for _ in range(3):
        clock.forward(hours=20)
        run_collect(source)
    assert (channel(sqlite_archive).state, channel(sqlite_archive).url) == ("ok", f"{web.url}/rss")
    assert len(web.asked("/rss")) == len(web.asked("/now")) == 4


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(Reply(page()), id="a page"),
        pytest.param(Reply(rss(item(77), item(78)), headers=FEED), id="another feed"),
    ],
)
def test_a_move_to_something_else_is_not_believed(
    target: Reply, web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    numbers = itertools.count(100)
    web.replies["/rss"] = Reply(rss(item(1), item(2)), headers=FEED)
    run_collect(source)
    web.replies["/rss"] = Reply(status=301, headers={"Location": "/new"})
    other = lambda _: Reply(rss(item(next(numbers)), item(next(numbers))), headers=FEED)  # noqa: E731
    web.replies["/new"] = target if target.body.startswith(b"<!doctype") else other
    for _ in range(5):
        clock.forward(hours=12)
        run_collect(source)
    assert channel(sqlite_archive).url == f"{web.url}/rss"


def test_unchanged_for_too_long_is_put_to_the_test_once_a_day(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    def answer(seen: Seen) -> Reply:
        if seen.header("If-None-Match"):
            return Reply(status=304)
        return Reply(rss(item(1), item(2)), headers=FEED | {"ETag": '"a"'})

    web.replies["/rss"] = answer
    run_collect(source)
    poll_when_due(sqlite_archive, run_collect, source, clock, 4 * DAY)
    plain = [seen for seen in web.seen[1:] if seen.header("If-None-Match") is None]
    assert len(plain) == 3
    assert channel(sqlite_archive).distrusted_since is None


def test_a_server_whose_unchanged_is_wrong_is_not_believed_any_more(
    web: Web, source: Source, run_collect: Collect, clock: Clock, sqlite_archive: Archive
) -> None:
    numbers = itertools.count(3)

    def answer(seen: Seen) -> Reply:
        if seen.header("If-None-Match"):
            return Reply(status=304)
        return Reply(rss(item(next(numbers)), item(2), item(1)), headers=FEED | {"ETag": '"always"'})

    web.replies["/rss"] = answer
    run_collect(source)
    poll_when_due(sqlite_archive, run_collect, source, clock, 2 * DAY)
    with sqlite_archive.read() as connection:
        [told] = [event for event in channel_events(connection) if event.kind == "validators"]
        assert len(list(iter_articles(connection))) > 4
    assert told.reason == 'the server said "unchanged" although 1 of 3 items were new'
    after = [seen for seen in web.seen if seen.header("If-None-Match") is None]
    assert web.seen[-5:] == after[-5:]
    # Without validators it is asked hourly at most.
    assert channel(sqlite_archive).interval_seconds >= 3600
