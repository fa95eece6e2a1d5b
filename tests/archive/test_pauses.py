"""Pauses by hand, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crawler.archive.channels import due_channels, get_channel, sync_channels
from crawler.archive.engine import Archive
from crawler.archive.pauses import Pause, pause, pauses, resume
from tests.collect.conftest import make_source

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_pause_begins_ends_and_is_replaced(archive: Archive) -> None:
    source = make_source(("feed", "https://a.example/1"), ("feed", "https://a.example/2"))
    first, second = (channel.id for channel in source.channels)
    with archive.write() as connection:
        sync_channels(connection, [source], NOW)
        pause(connection, [first, first], now=NOW, who="Ines", why="a\x00b", until=NOW + DAY)
        pause(connection, [second], now=NOW, who="Ines", why="")
        sync_channels(connection, [source], NOW)
        assert pauses(connection, NOW) == {
            first: Pause(first, NOW, NOW + DAY, "Ines", "ab"),
            second: Pause(second, NOW, None, "Ines", ""),
        }
        assert due_channels(connection, NOW, everything=True) == []
        sync_channels(connection, [source], NOW + DAY)
        assert [row.id for row in due_channels(connection, NOW + DAY)] == [first]
        pause(connection, [first], now=NOW + DAY, who="Ota", why="again")
        assert pauses(connection, NOW + DAY)[first].who == "Ota"
        assert resume(connection, [first, second, "unknown"]) == 2
        sync_channels(connection, [source], NOW + DAY)
        row = get_channel(connection, second)
        assert row is not None
        assert row.state == "new"


def test_a_pause_cannot_end_before_it_begins(archive: Archive) -> None:
    with archive.write() as connection, pytest.raises(ValueError, match="before it begins"):
        pause(connection, ["a"], now=NOW, who="Ines", why="", until=NOW)
