"""What is known of each channel: when to ask it next, its validators, its health, and holds on whole hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crawler.archive.engine import insert_for, insert_new
from crawler.archive.schema import channel, channel_event, host_hold
from crawler.archive.texts import storable
from crawler.urls import host_slot

if TYPE_CHECKING:
    from crawler.sources import Source

PAUSED = "paused"
NEW = "new"
OK = "ok"

_IN_CONFIGURATION = "paused in the configuration"
_NOT_IN_CONFIGURATION = "no longer in the configuration"


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


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """One change of a channel's health, with its evidence."""

    id: int
    channel: str
    at: datetime
    state: str
    reason: str
    evidence: Mapping[str, Any]


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


@dataclass(frozen=True, slots=True)
class PollRecord:
    """What came of asking a channel, as it is stored.

    Attributes:
        at: when, aware UTC.
        state: health after it.
        reason: why that health, in words.
        next_poll: when to ask again, aware UTC.
        interval_seconds: the interval in force.
        success: the server gave a usable answer (304 included); else it counts as one more failure in a row.
        new: new entries.
        arrival_rate: new entries an hour, decayed; None keeps the stored one.
        validators: for the next request; None keeps the stored ones, `Validators()` forgets them.
        url: replaces the stored URL, for a channel that moved; None keeps it.
        evidence: status, headers that matter, error, body hash.
        event: write a `channel_event` row although the state is the same.
    """

    at: datetime
    state: str
    reason: str
    next_poll: datetime
    interval_seconds: int
    success: bool
    new: int = 0
    arrival_rate: float | None = None
    validators: Validators | None = None
    url: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    event: bool = False


def sync_channels(
    connection: sa.Connection, sources: Iterable[Source], now: datetime, *, interval_seconds: int = 900
) -> None:
    """Make the table follow the configuration: new channels are due at once, others paused or taken up again.

    Rows of channels that left the configuration stay, paused: their history explains what the archive holds. Writes
    nothing when nothing changed.

    Args:
        connection: in a write transaction.
        sources: the configuration's.
        now: aware UTC.
        interval_seconds: first interval of a new channel.
    """
    paused: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    for source in sources:
        for configured in source.channels:
            paused[configured.id] = _IN_CONFIGURATION if source.paused or configured.paused else ""
            rows[configured.id] = {
                "id": configured.id,
                "source": source.id,
                "kind": str(configured.kind),
                "url": configured.url,
                "state_since": now,
                "next_poll": now,
                "interval_seconds": interval_seconds,
            }
    known = {row.id: row for row in list_channels(connection)}
    insert_new(connection, channel, [row for name, row in rows.items() if name not in known])
    states = dict.fromkeys(rows, (NEW, "", None)) | {
        row.id: (row.state, row.state_reason, row.first_polled) for row in known.values()
    }
    for name, (state, reason, first_polled) in sorted(states.items()):
        why = paused.get(name, _NOT_IN_CONFIGURATION)
        if why and (state, reason) != (PAUSED, why):
            _set_state(connection, name, PAUSED, why, now)
        elif not why and state == PAUSED:
            _set_state(connection, name, OK if first_polled else NEW, "taken up again", now)


def list_channels(connection: sa.Connection) -> list[ChannelRow]:
    """Every channel the archive knows, by id."""
    return [_channel_row(row) for row in connection.execute(sa.select(channel).order_by(channel.c.id))]


def get_channel(connection: sa.Connection, channel_id: str) -> ChannelRow | None:
    """One channel by its id."""
    row = connection.execute(sa.select(channel).where(channel.c.id == channel_id)).first()
    return None if row is None else _channel_row(row)


def due_channels(connection: sa.Connection, now: datetime, *, everything: bool = False) -> list[ChannelRow]:
    """Channels to ask now, the longest due first. Never paused ones, nor those of a held host.

    Args:
        connection: may be read-only.
        now: aware UTC.
        everything: whether due or not.
    """
    query = sa.select(channel).where(channel.c.state != PAUSED).order_by(channel.c.next_poll, channel.c.id)
    if not everything:
        query = query.where(channel.c.next_poll <= now)
    held = host_holds(connection, now)
    return [row for row in map(_channel_row, connection.execute(query)) if host_slot(row.url) not in held]


def record_poll(connection: sa.Connection, channel_id: str, record: PollRecord) -> None:
    """Store what came of asking a channel: in the same transaction as its entries, or a kill between loses one of both.

    Args:
        connection: in a write transaction.
        channel_id: the channel; nothing happens if it is gone.
        record: what is to be stored.
    """
    before = get_channel(connection, channel_id)
    if before is None:
        return
    values: dict[str, Any] = {
        "next_poll": record.next_poll,
        "interval_seconds": record.interval_seconds,
        "last_polled": record.at,
        "failures": 0 if record.success else before.failures + 1,
        "state_reason": storable(record.reason),
    }
    if record.success:
        values |= {"first_polled": before.first_polled or record.at, "last_success": record.at}
    if record.new:
        values["last_new"] = record.at
    if record.arrival_rate is not None:
        values["arrival_rate"] = record.arrival_rate
    if record.validators is not None:
        values |= {
            "etag": record.validators.etag,
            "last_modified": record.validators.last_modified,
            "validators_url": record.validators.url,
            "body_hash": record.validators.body_hash,
            "documents": _documents(record.validators),
        }
    if record.url is not None:
        values["url"] = record.url
    # Someone paused the channel while it was asked: that stays.
    if before.state != PAUSED and record.state != before.state:
        values |= {"state": record.state, "state_since": record.at}
    connection.execute(sa.update(channel).where(channel.c.id == channel_id).values(values))
    if "state" in values or record.event:
        _add_event(connection, channel_id, record.state, record.reason, record.at, record.evidence)


def _documents(validators: Validators) -> dict[str, dict[str, str | None]] | sa.Null:
    """As JSON; SQL NULL, not a JSON null, where the channel is no index."""
    if validators.documents is None:
        return sa.null()
    return {
        url: {"etag": one.etag, "last_modified": one.last_modified, "url": one.url, "body_hash": one.body_hash}
        for url, one in validators.documents.items()
    }


def hold_host(connection: sa.Connection, host: str, until: datetime, reason: str) -> None:
    """Leave all channels of a host alone until then; a longer hold that is there already stays.

    Args:
        connection: in a write transaction.
        host: ``host:port`` as `urls.host_slot` gives it.
        until: aware UTC.
        reason: why, in words.
    """
    statement = insert_for(connection, host_hold).values(host=host, until=until, reason=storable(reason))
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[host_hold.c.host],
            set_={"until": statement.excluded.until, "reason": statement.excluded.reason},
            where=host_hold.c.until < statement.excluded.until,
        )
    )


def host_holds(connection: sa.Connection, now: datetime) -> dict[str, datetime]:
    """Hosts (``host:port``) that are to be left alone, and until when."""
    rows = connection.execute(sa.select(host_hold.c.host, host_hold.c.until).where(host_hold.c.until > now))
    return {row.host: row.until for row in rows}


def channel_events(
    connection: sa.Connection, channel_id: str | None = None, *, since: datetime | None = None, limit: int = 100
) -> list[ChannelEvent]:
    """Changes of health, the latest first.

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
        ChannelEvent(row.id, row.channel, row.at, row.state, row.reason, row.evidence)
        for row in connection.execute(query)
    ]


def _channel_row(row: sa.Row[Any]) -> ChannelRow:
    return ChannelRow(**{column.name: getattr(row, column.name) for column in fields(ChannelRow)})


def _set_state(connection: sa.Connection, channel_id: str, state: str, reason: str, now: datetime) -> None:
    connection.execute(
        sa.update(channel).where(channel.c.id == channel_id).values(state=state, state_since=now, state_reason=reason)
    )
    _add_event(connection, channel_id, state, reason, now, {})


def _add_event(
    connection: sa.Connection,
    channel_id: str,
    state: str,
    reason: str,
    at: datetime,
    evidence: Mapping[str, Any],
) -> None:
    connection.execute(
        sa.insert(channel_event).values(
            channel=channel_id, at=at, state=state, reason=storable(reason), evidence=dict(evidence)
        )
    )
