"""Channels: what is due, what a poll leaves behind, holds on hosts."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crawler.archive import Archive
from crawler.archive.channels import (
    ChannelRow,
    PollRecord,
    Validators,
    channel_events,
    due_channels,
    get_channel,
    hold_host,
    host_holds,
    list_channels,
    record_poll,
    sync_channels,
)
from crawler.archive.schema import pause
from crawler.polling import Arrivals, Decision, Habit, Health, Move, Note, NoteKind
from crawler.sources import Channel, ChannelKind, Source
from tests.archive.conftest import NOW

FEED = Channel("s:feed:1", "s", ChannelKind.FEED, "https://lanter.example/rss")
SECOND = Channel("s:feed:2", "s", ChannelKind.FEED, "https://lanter.example:8443/rss")
SOURCE = Source(id="s", name="S", channels=(FEED, SECOND))
HOUR = timedelta(hours=1)


def _sync(archive: Archive, *sources: Source, now: Any = NOW) -> None:
    with archive.write() as connection:
        sync_channels(connection, sources, now)


def _due(archive: Archive, now: Any = NOW, *, everything: bool = False) -> list[str]:
    with archive.read() as connection:
        return [row.id for row in due_channels(connection, now, everything=everything)]


def _get(archive: Archive, channel: str = FEED.id) -> ChannelRow:
    with archive.read() as connection:
        row = get_channel(connection, channel)
    assert row is not None
    return row


def _poll(archive: Archive, health: Health = Health.OK, *, before: ChannelRow | None = None, **changes: Any) -> None:
    row = before or _get(archive)
    good = changes.pop("good", True)
    decision = Decision(
        next_poll=changes.pop("next_poll", NOW + HOUR),
        interval_seconds=3600,
        health=health,
        reason=changes.pop("reason", ""),
        failures=0 if good else row.failures + 1,
        arrivals=Arrivals(2.5, 3.0, 4.0),
        **changes.pop("decided", {}),
    )
    record = PollRecord(at=NOW, decision=decision, good=good, new=3 if good else 0)
    with archive.write() as connection:
        record_poll(connection, row, replace(record, **changes))


def _events(archive: Archive) -> list[tuple[str, str]]:
    with archive.read() as connection:
        return [(event.state, event.reason) for event in channel_events(connection)]


def test_new_channels_are_due_at_once_and_syncing_again_changes_nothing(archive: Archive) -> None:
    _sync(archive, SOURCE)
    assert _due(archive) == [FEED.id, SECOND.id]
    with archive.read() as connection:
        before = list_channels(connection)
    _sync(archive, SOURCE, now=NOW + HOUR)
    with archive.read() as connection:
        assert list_channels(connection) == before
    assert (before[0].state, before[0].url, before[0].kind, before[0].interval_seconds) == (
        "new",
        FEED.url,
        "feed",
        900,
    )
    assert _events(archive) == []


@pytest.mark.parametrize(
    ("configured", "reason"),
    [
        (replace(SOURCE, channels=(replace(FEED, paused=True), SECOND)), "paused in the configuration"),
        (replace(SOURCE, channels=(SECOND,)), "no longer in the configuration"),
    ],
)
def test_what_the_configuration_drops_is_paused_and_can_come_back(
    archive: Archive, configured: Source, reason: str
) -> None:
    _sync(archive, SOURCE)
    _poll(archive, next_poll=NOW)
    _sync(archive, configured, now=NOW + HOUR)
    assert _due(archive, NOW + HOUR, everything=True) == [SECOND.id]
    assert (_get(archive).state, _get(archive).state_reason, _get(archive).state_since) == (
        "paused",
        reason,
        NOW + HOUR,
    )
    _sync(archive, SOURCE, now=NOW + 2 * HOUR)
    assert _get(archive).state == "ok"
    assert FEED.id in _due(archive, NOW + 2 * HOUR)
    assert _events(archive) == [("ok", "taken up again"), ("paused", reason), ("ok", "")]


def test_a_paused_source_pauses_its_channels_from_the_start(archive: Archive) -> None:
    _sync(archive, replace(SOURCE, paused=True))
    assert _due(archive, everything=True) == []
    _sync(archive, SOURCE)
    assert _get(archive).state == "new"


def test_a_poll_leaves_everything_behind(archive: Archive) -> None:
    _sync(archive, SOURCE)
    etag = 'W/"é\xff"'
    move = Move("https://newer.example/", NOW, 2)
    _poll(
        archive, validators=Validators(etag, "Sun, 01 Mar", "https://final.example/", "hash"), body=True,
        items=b"8bytes!!", decided={
            "url": "https://new.example/rss", "old_url": FEED.url, "habit": Habit(60.0, 600.0), "listed": 30,
            "asks_minutes": 5, "move": move, "distrust": True,
        },
    )  # fmt: skip
    row = _get(archive)
    assert (row.first_polled, row.last_polled, row.last_success, row.last_new) == (NOW,) * 4
    assert (row.etag, row.last_modified, row.validators_url, row.body_hash) == (
        etag, "Sun, 01 Mar", "https://final.example/", "hash",
    )  # fmt: skip
    assert (row.next_poll, row.interval_seconds, row.failures) == (NOW + HOUR, 3600, 0)
    assert row.arrivals == Arrivals(2.5, 3.0, 4.0)
    assert (row.state, row.state_since, row.url) == ("ok", NOW, "https://new.example/rss")
    assert (row.old_url, row.habit, row.listed, row.asks_minutes) == (FEED.url, Habit(60.0, 600.0), 30, 5)
    assert (row.moved_to, row.moved_since, row.moved_answers) == (move.to, NOW, 2)
    assert (row.last_body, row.distrusted_since, row.items) == (NOW, NOW, b"8bytes!!")
    assert _due(archive) == [SECOND.id]
    assert _due(archive, NOW + HOUR) == [SECOND.id, FEED.id]
    assert _due(archive, everything=True) == [SECOND.id, FEED.id]
    # The configured URL does not come back by itself.
    _sync(archive, SOURCE)
    assert _get(archive).url == "https://new.example/rss"


def test_failures_are_counted_until_the_next_success(archive: Archive) -> None:
    _sync(archive, SOURCE)
    _poll(archive, validators=Validators("e"))
    for minutes in (1, 2):
        at = NOW + timedelta(minutes=minutes)
        _poll(archive, Health.FLAKY, at=at, reason="HTTP 500", good=False, evidence={"status": 500})
    row = _get(archive)
    assert (row.failures, row.state, row.state_since) == (2, "flaky", NOW + timedelta(minutes=1))
    assert (row.last_success, row.last_new, row.etag) == (NOW, NOW, "e")
    _poll(archive, at=NOW + HOUR, validators=Validators())
    assert (_get(archive).failures, _get(archive).etag, _get(archive).first_polled) == (0, None, NOW)


def test_a_change_of_health_is_a_row_with_its_evidence(archive: Archive) -> None:
    _sync(archive, SOURCE)
    _poll(archive)
    _poll(archive, at=NOW + HOUR)
    _poll(archive, Health.GAP, at=NOW + HOUR, reason="window rolled over", evidence={"window": 30})
    _poll(archive, Health.GAP, at=NOW + 2 * HOUR, reason="again")
    assert _events(archive) == [("gap", "again"), ("gap", "window rolled over"), ("ok", "")]
    with archive.read() as connection:
        latest = channel_events(connection, FEED.id, since=NOW + HOUR, limit=5)
        assert [event.evidence for event in latest] == [{}, {"window": 30}]
        assert channel_events(connection, SECOND.id) == []


def test_what_else_was_decided_is_a_row_of_its_own(archive: Archive) -> None:
    _sync(archive, SOURCE)
    note = Note(NoteKind.MOVE, "moved for good", {"from": "a", "to": "b"})
    _poll(archive, evidence={"status": 200}, decided={"notes": (note,)})
    with archive.read() as connection:
        found = [(event.kind, event.reason, event.evidence) for event in channel_events(connection)]
    assert found == [
        ("move", "moved for good", {"status": 200, "from": "a", "to": "b"}),
        ("health", "", {"status": 200}),
    ]


def test_a_poll_that_ends_after_its_channel_was_paused_leaves_it_paused(archive: Archive) -> None:
    _sync(archive, SOURCE)
    before = _get(archive)
    _sync(archive, replace(SOURCE, paused=True))
    _poll(archive, before=before)
    assert (_get(archive).state, _get(archive).state_reason) == ("paused", "paused in the configuration")
    assert _get(archive).last_success == NOW


def test_a_pause_by_hand_lasts_as_long_as_it_says(archive: Archive) -> None:
    _sync(archive, SOURCE)
    with archive.write() as connection:
        values = {"channel": FEED.id, "at": NOW, "until": NOW + HOUR, "who": "mara", "why": "asked us to"}
        connection.execute(sa.insert(pause).values(values))
    _sync(archive, SOURCE)
    assert _due(archive, everything=True) == [SECOND.id]
    assert _get(archive).state_reason == "paused by mara until 2026-03-01 08:00 UTC: asked us to"
    _sync(archive, SOURCE, now=NOW + HOUR)
    assert _due(archive, everything=True) == [FEED.id, SECOND.id]
    assert _get(archive).state == "new"


def test_an_unchanged_poll_is_one_update(archive: Archive) -> None:
    """Hundreds of channels a minute are unchanged; each must cost as little as can be."""
    _sync(archive, SOURCE)
    _poll(archive)
    row, said = _get(archive), []
    with archive.write() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda *call: said.append(str(call[2])))
        decision = Decision(NOW + HOUR, 3600, Health.OK, "", 0, row.arrivals)
        record_poll(connection, row, PollRecord(at=NOW + HOUR, decision=decision, good=True))
    assert [statement.split()[0] for statement in said] == ["UPDATE"]
    assert not {"state", "etag", "url", "first_polled"} & set(re.findall(r"(\w+)=", said[0]))


def test_a_held_host_is_left_alone_with_all_its_channels(archive: Archive) -> None:
    _sync(archive, SOURCE)
    with archive.write() as connection:
        hold_host(connection, "lanter.example:443", NOW + HOUR, "HTTP 429")
        # A shorter hold does not end a longer one.
        hold_host(connection, "lanter.example:443", NOW + HOUR / 2, "HTTP 503")
    assert _due(archive, everything=True) == [SECOND.id]
    with archive.read() as connection:
        assert host_holds(connection, NOW) == {"lanter.example:443": NOW + HOUR}
        assert host_holds(connection, NOW + HOUR) == {}
    assert _due(archive, NOW + HOUR) == [FEED.id, SECOND.id]


def test_thousands_of_channels_are_synced(archive: Archive) -> None:
    many = tuple(replace(FEED, id=f"s:feed:{number:05}") for number in range(6_000))
    _sync(archive, replace(SOURCE, channels=many))
    assert len(_due(archive)) == 6_000
