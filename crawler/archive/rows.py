"""Channels as they are stored: rows, validators, events. Reading them, and noting an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crawler.archive.schema import channel, channel_event
from crawler.archive.texts import storable
from crawler.polling.values import Arrivals, Habit, Health, Move, NoteKind, State


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One row of `schema.channel`; times are aware UTC."""

    id: str
    source: str
    kind: str
    url: str
    state: str
    state_since: datetime
    state_reason: str
    next_poll: datetime
    interval_seconds: int
    failures: int
    etag: str | None
    last_modified: str | None
    validators_url: str | None
    body_hash: str | None
    documents: Mapping[str, Mapping[str, str | None]] | None
    first_polled: datetime | None
    last_polled: datetime | None
    last_success: datetime | None
    last_new: datetime | None
    arrival_rate: float
    usual_gap_seconds: float | None = None
    gap_weight_seconds: float = 0.0
    listed: int | None = None
    asks_minutes: int | None = None
    last_body: datetime | None = None
    distrusted_since: datetime | None = None
    failing_since: datetime | None = None
    gone_since: datetime | None = None
    moved_to: str | None = None
    moved_since: datetime | None = None
    moved_answers: int = 0
    old_url: str | None = None
    standby: bool = False
    burst: float = 0.0
    peak_rate: float = 0.0
    items: bytes | None = None
    unread: int = 0

    @property
    def arrivals(self) -> Arrivals:
        """How fast new items come."""
        return Arrivals(self.arrival_rate, self.burst, self.peak_rate)

    @property
    def habit(self) -> Habit:
        """How often something is new."""
        return Habit(self.usual_gap_seconds, self.gap_weight_seconds)


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One change of a channel's health, or something else that was decided about it, with its evidence.

    Attributes:
        state: health at that time.
        kind: see `polling.NoteKind`.
    """

    id: int
    channel: str
    at: datetime
    state: str
    reason: str
    evidence: Mapping[str, Any]
    kind: str = NoteKind.HEALTH.value


@dataclass(frozen=True, slots=True)
class Validators:
    """What a conditional request needs; echoed byte for byte to `url` only. All None: ask unconditionally.

    Attributes:
        documents: of an index file: the documents it names, by URL, each with what its own request needs.
    """

    etag: str | None = None
    last_modified: str | None = None
    url: str | None = None
    body_hash: str | None = None
    documents: Mapping[str, Validators] | None = None


_FIELDS = tuple(column.name for column in fields(ChannelRow))


def state_of(row: ChannelRow) -> State:
    """What is known of a channel, for the decision."""
    move = None
    if row.moved_to is not None and row.moved_since is not None:
        move = Move(row.moved_to, row.moved_since, row.moved_answers)
    return State(
        health=Health(row.state),
        since=row.state_since,
        reason=row.state_reason,
        interval_seconds=row.interval_seconds,
        failures=row.failures,
        arrivals=row.arrivals,
        first_polled=row.first_polled,
        last_polled=row.last_polled,
        last_success=row.last_success,
        last_new=row.last_new,
        name=row.id,
        url=row.url,
        old_url=row.old_url or "",
        habit=row.habit,
        listed=row.listed,
        asks_minutes=row.asks_minutes,
        failing_since=row.failing_since,
        gone_since=row.gone_since,
        move=move,
    )


def channel_row(row: sa.Row[Any]) -> ChannelRow:
    """A `ChannelRow` out of a row with every column of the table."""
    return ChannelRow(**{name: getattr(row, name) for name in _FIELDS})


def list_channels(connection: sa.Connection, source: str | None = None) -> list[ChannelRow]:
    """Every channel the archive knows, or those of one source, by id."""
    query = sa.select(channel).order_by(channel.c.id)
    if source is not None:
        query = query.where(channel.c.source == source)
    return [channel_row(row) for row in connection.execute(query)]


def get_channel(connection: sa.Connection, channel_id: str) -> ChannelRow | None:
    """One channel by its id."""
    row = connection.execute(sa.select(channel).where(channel.c.id == channel_id)).first()
    return None if row is None else channel_row(row)


def channel_events(
    connection: sa.Connection, channel_id: str | None = None, *, since: datetime | None = None, limit: int = 100
) -> list[ChannelEvent]:
    """What was noted of channels, the latest first.

    Args:
        connection: may be read-only.
        channel_id: of one channel only.
        since: not before this time.
        limit: at most so many.
    """
    query = sa.select(channel_event).order_by(channel_event.c.id.desc()).limit(limit)
    if channel_id is not None:
        query = query.where(channel_event.c.channel == channel_id)
    if since is not None:
        query = query.where(channel_event.c.at >= since)
    return [
        ChannelEvent(row.id, row.channel, row.at, row.state, row.reason, row.evidence, row.kind)
        for row in connection.execute(query)
    ]


def add_event(connection: sa.Connection, event: ChannelEvent) -> None:
    """Note an event; its `id` is given by the database."""
    connection.execute(
        sa.insert(channel_event).values(
            channel=event.channel,
            at=event.at,
            state=event.state,
            reason=storable(event.reason),
            evidence=dict(event.evidence),
            kind=event.kind,
        )
    )


def set_state(connection: sa.Connection, channel_id: str, state: str, reason: str, now: datetime) -> None:
    """Change a channel's health by decision and not by a poll, and note it."""
    connection.execute(
        sa.update(channel)
        .where(channel.c.id == channel_id)
        .values(state=state, state_since=now, state_reason=storable(reason))
    )
    add_event(connection, ChannelEvent(0, channel_id, now, state, reason, {}))
