"""Fail-over as it is stored: which channels of a source stand by, and the switches between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from crawler.archive.rows import ChannelEvent, ChannelRow, add_event, list_channels
from crawler.archive.schema import channel
from crawler.polling.failover import ORDER, Way, standing_by, works
from crawler.polling.values import Health, NoteKind


def rearrange(connection: sa.Connection, source: str, now: datetime) -> None:
    """Have the channels of a source stand by or carry on as their states say, and note each switch.

    Nobody's next poll is moved: a channel that stood by is usually overdue, so it is asked at once, and one that was
    asked a moment ago, or asked to be left alone, keeps its pause.

    Args:
        connection: in a write transaction.
        source: its id.
        now: aware UTC.
    """
    for row, standby in changes(list_channels(connection, source)):
        connection.execute(sa.update(channel).where(channel.c.id == row.id).values(standby=standby))
        add_event(connection, _switch(row, list_channels(connection, source), now, standby=standby))


def arrange(connection: sa.Connection, rows: Iterable[ChannelRow]) -> None:
    """The same without a note, for what the configuration changed.

    Args:
        connection: in a write transaction.
        rows: every channel of the sources concerned, as stored.
    """
    by_source: dict[str, list[ChannelRow]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    for several in by_source.values():
        for row, standby in changes(several) if len(several) > 1 else alone(several):
            connection.execute(sa.update(channel).where(channel.c.id == row.id).values(standby=standby))


def changes(rows: Sequence[ChannelRow]) -> list[tuple[ChannelRow, bool]]:
    """The channels of one source whose `standby` is to be another, each with that other value."""
    wanted = standing_by(Way(row.id, row.kind, Health(row.state)) for row in rows)
    return [(row, wanted[row.id]) for row in rows if row.id in wanted and wanted[row.id] != row.standby]


def alone(rows: Sequence[ChannelRow]) -> list[tuple[ChannelRow, bool]]:
    """A source's only channel never stands by."""
    return [(row, False) for row in rows if row.standby]


def _switch(row: ChannelRow, rows: Sequence[ChannelRow], now: datetime, *, standby: bool) -> ChannelEvent:
    before = ORDER[: ORDER.index(row.kind)]
    better = [one for one in rows if one.kind in before and one.state != Health.PAUSED]
    broken = [one for one in better if not works(Health(one.state))]
    if standby:
        preferred = next((one for one in better if works(Health(one.state))), row)
        reason = f"stands by again: the {preferred.kind} {preferred.url} works"
        evidence = {"from": row.id, "to": preferred.id, "because": "recovered"}
    else:
        cause = broken[-1] if broken else row
        why = f"{cause.state}: {cause.state_reason}" if cause.state_reason else cause.state
        reason = f"carries on for the {cause.kind} {cause.url} ({why})" if broken else "carries on"
        evidence = {"from": cause.id, "to": row.id, "because": why}
    return ChannelEvent(0, row.id, now, row.state, reason, evidence, NoteKind.SWITCH.value)
