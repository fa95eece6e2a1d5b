"""Runs of a desk's own spiders: health like a channel's, and never asked by us."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from crawler.archive import Archive
from crawler.archive.channels import channel_events, due_channels, get_channel, sync_channels
from crawler.archive.ownspiders import SpiderRun, record_run
from crawler.archive.rows import ChannelRow
from crawler.sources import Channel, ChannelKind
from tests.archive.conftest import FEED, NOW, SOURCE

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NAME = "spider:council"
FEED_CHANNEL = Channel(FEED, SOURCE.id, ChannelKind.FEED, "https://lanter.example/rss")
OWN = replace(SOURCE, channels=(FEED_CHANNEL,), own_spider=True)


def stored(connection: sa.Connection) -> ChannelRow:
    row = get_channel(connection, NAME)
    assert row is not None
    return row


def ran(archive: Archive, after: timedelta, *, new: int = 0, fault: str = "") -> ChannelRow:
    with archive.write() as connection:
        record_run(connection, SpiderRun("council", OWN.id, NOW + after, new=new, fault=fault))
        return stored(connection)


def test_a_run_is_kept_with_health_and_habit(archive: Archive) -> None:
    row = ran(archive, 0 * DAY, new=3)
    assert (row.kind, row.source, row.state, row.first_polled, row.last_new) == ("spider", OWN.id, "ok", NOW, NOW)
    assert row.next_poll == NOW + DAY
    for hours in (6, 12, 18):
        row = ran(archive, hours * HOUR, new=1)
    assert (row.state, row.interval_seconds, row.next_poll) == ("ok", 6 * 3600, NOW + 24 * HOUR)
    assert row.usual_gap_seconds == 6 * 3600
    # It runs, and brings nothing for longer than is usual.
    row = ran(archive, 49 * HOUR)
    assert (row.state, row.state_reason) == ("slow", "nothing new since 2026-03-02 01:00 UTC")


def test_failures_are_told_with_their_reason(archive: Archive) -> None:
    ran(archive, 0 * DAY, new=1)
    states = [ran(archive, day * DAY, fault="the spider raised KeyError").state for day in (0.1, 0.2, 2)]
    assert states == ["flaky", "flaky", "failing"]
    with archive.read() as connection:
        [failing, *_] = channel_events(connection, NAME)
    assert (failing.reason, failing.evidence) == ("the spider raised KeyError", {"new": 0, "error": failing.reason})
    assert ran(archive, 3 * DAY, new=1).state == "ok"


def test_nobody_asks_it_and_it_stays_while_its_source_owns_it(archive: Archive) -> None:
    ran(archive, 0 * DAY, new=1)
    later = NOW + 30 * DAY
    with archive.write() as connection:
        sync_channels(connection, [OWN], later)
        assert [row.id for row in due_channels(connection, later, everything=True)] == [FEED]
        assert stored(connection).state == "ok"
        sync_channels(connection, [replace(OWN, own_spider=False)], later)
        gone = stored(connection)
        assert (gone.state, gone.state_reason) == ("paused", "no longer in the configuration")
        sync_channels(connection, [OWN], later)
        assert stored(connection).state == "ok"
