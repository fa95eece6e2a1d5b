"""Channels that a person paused: who, since when, until when and why. `channels.sync_channels` acts on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from crawler.archive import schema
from crawler.archive.engine import upsert
from crawler.archive.texts import storable

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Pause:
    """One channel's pause; times are aware UTC. `until` None: until somebody resumes it."""

    channel: str
    at: datetime
    until: datetime | None
    who: str
    why: str


def pause(
    connection: sa.Connection,
    channels: Iterable[str],
    *,
    now: datetime,
    who: str,
    why: str,
    until: datetime | None = None,
) -> None:
    """Note that channels are paused; a pause that is there already is replaced.

    The channels' state and events follow with `channels.sync_channels`, which belongs into the same transaction.

    Args:
        connection: in a write transaction.
        channels: ids of channels.
        now: aware UTC.
        who: the person.
        why: in their words; may be empty.
        until: when the pause ends by itself, aware UTC; None for never.

    Raises:
        ValueError: it would end before it begins.
    """
    if until is not None and until <= now:
        raise ValueError("a pause cannot end before it begins")
    rows = [
        {"channel": channel, "at": now, "until": until, "who": storable(who), "why": storable(why)}
        for channel in dict.fromkeys(channels)
    ]
    upsert(connection, schema.pause, rows, update=["at", "until", "who", "why"])


def resume(connection: sa.Connection, channels: Iterable[str]) -> int:
    """Forget pauses; `channels.sync_channels` takes the channels up again.

    Args:
        connection: in a write transaction.
        channels: ids of channels.

    Returns:
        How many were paused.
    """
    ids = list(dict.fromkeys(channels))
    count = 0
    for start in range(0, len(ids), _CHUNK):
        chosen = schema.pause.c.channel.in_(ids[start : start + _CHUNK])
        count += len(connection.execute(sa.delete(schema.pause).where(chosen).returning(schema.pause.c.channel)).all())
    return count


def pauses(connection: sa.Connection, now: datetime) -> dict[str, Pause]:
    """The pauses in force, by channel."""
    table = schema.pause
    query = sa.select(table).where(sa.or_(table.c.until.is_(None), table.c.until > now))
    return {row.channel: Pause(row.channel, row.at, row.until, row.who, row.why) for row in connection.execute(query)}
