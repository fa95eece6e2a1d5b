"""Queries of digests: a desk's place in its schedule, editions with their snapshots, figures of their coverage."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import delivery, desk_state, digest, reading
from crawler.archive.gaps import GapRow, gaps_of
from crawler.archive.schema import article, channel
from crawler.archive.texts import pack_bytes, unpack_bytes
from crawler.polling.gaps import GapState


@dataclass(frozen=True, slots=True)
class DeskState:
    """A desk's place in its schedule: the last slot it answered (aware UTC) and the number of its next digest."""

    last_slot: datetime
    next_number: int


@dataclass(frozen=True, slots=True)
class Edition:
    """A digest without its snapshot. Datetimes are aware UTC."""

    id: int
    desk: str
    number: int
    slot: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """Articles read in a span of time, and those of them that make no item or carry no date."""

    read: int
    backfill: int
    undated: int


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What coverage needs to know of a channel. Datetimes are aware UTC or None."""

    id: str
    source: str
    state: str
    state_since: datetime
    reason: str
    interval_seconds: int
    last_success: datetime | None
    last_new: datetime | None


def lock_desk(connection: sa.Connection, desk: str) -> DeskState | None:
    """The desk's state, held until the transaction ends; None for a desk that was never started."""
    row = connection.execute(
        sa.select(desk_state.c.last_slot, desk_state.c.next_number).where(desk_state.c.desk == desk).with_for_update()
    ).first()
    return None if row is None else DeskState(*row)


def desk_place(connection: sa.Connection, desk: str) -> DeskState | None:
    """The desk's state as it is, for looking only."""
    row = connection.execute(
        sa.select(desk_state.c.last_slot, desk_state.c.next_number).where(desk_state.c.desk == desk)
    ).first()
    return None if row is None else DeskState(*row)


def last_slots(connection: sa.Connection) -> dict[str, datetime]:
    """Desk -> the last slot it answered, of every desk that has a place in its schedule."""
    rows = connection.execute(sa.select(desk_state.c.desk, desk_state.c.last_slot))
    return {row.desk: row.last_slot for row in rows}


def move_desk(connection: sa.Connection, desk: str, last_slot: datetime, next_number: int) -> None:
    """Set the desk's place after a slot was answered."""
    connection.execute(
        sa.update(desk_state).where(desk_state.c.desk == desk).values(last_slot=last_slot, next_number=next_number)
    )


def create_digest(
    connection: sa.Connection, desk: str, number: int, slot: datetime, covers_from: datetime, now: datetime
) -> int:
    """Make the row of an edition in state frozen; its snapshot follows in the same transaction (`store_snapshot`)."""
    row = connection.execute(
        sa.insert(digest)
        .values(
            desk=desk,
            number=number,
            slot=slot,
            state="frozen",
            covers_from=covers_from,
            created_at=now,
            snapshot=b"",
        )
        .returning(digest.c.id)
    )
    return int(row.scalar_one())


def drop_digest(connection: sa.Connection, digest_id: int) -> None:
    """Take back a digest that the same transaction made and that has claimed nothing."""
    connection.execute(sa.delete(digest).where(digest.c.id == digest_id))


def store_snapshot(connection: sa.Connection, digest_id: int, snapshot: Mapping[str, Any]) -> None:
    """Keep what the edition's templates will see."""
    data = json.dumps(snapshot, ensure_ascii=False, sort_keys=True, allow_nan=False).encode()
    connection.execute(sa.update(digest).where(digest.c.id == digest_id).values(snapshot=pack_bytes(data)))


def load_snapshot(data: bytes) -> dict[str, Any]:
    """The snapshot out of the column's bytes."""
    snapshot: dict[str, Any] = json.loads(unpack_bytes(data))
    return snapshot


def find_snapshot(connection: sa.Connection, desk: str, number: int) -> dict[str, Any] | None:
    """The snapshot of one edition; None when there is no such edition."""
    data = connection.execute(
        sa.select(digest.c.snapshot).where(digest.c.desk == desk, digest.c.number == number)
    ).scalar()
    return None if data is None else load_snapshot(data)


def last_edition(connection: sa.Connection, desk: str) -> Edition | None:
    """The desk's digest with the highest number."""
    row = connection.execute(
        sa.select(digest.c.id, digest.c.desk, digest.c.number, digest.c.slot, digest.c.created_at)
        .where(digest.c.desk == desk)
        .order_by(digest.c.number.desc())
        .limit(1)
    ).first()
    return None if row is None else Edition(*row)


def list_digests(connection: sa.Connection, desk: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """Editions, newest first: desk, number, slot, state, created_at and deliveries (state -> how many)."""
    query = (
        sa.select(digest.c.id, digest.c.desk, digest.c.number, digest.c.slot, digest.c.state, digest.c.created_at)
        .order_by(digest.c.id.desc())
        .limit(limit)
    )
    rows = connection.execute(query if desk is None else query.where(digest.c.desk == desk)).mappings().all()
    states = _delivery_states(connection, [row["id"] for row in rows])
    return [
        {**{name: row[name] for name in row if name != "id"}, "deliveries": states.get(row["id"], {})} for row in rows
    ]


def _delivery_states(connection: sa.Connection, digests: Collection[int]) -> dict[int, dict[str, int]]:
    rows = connection.execute(
        sa.select(delivery.c.digest, delivery.c.state, sa.func.count())
        .where(delivery.c.digest.in_(digests))
        .group_by(delivery.c.digest, delivery.c.state)
        .order_by(delivery.c.state)
    )
    states: dict[int, dict[str, int]] = {}
    for key, state, count in rows:
        states.setdefault(key, {})[state] = count
    return states


def read_counts(connection: sa.Connection, after: datetime, until: datetime) -> ReadCounts:
    """Articles that were read after `after` and up to `until`; one read twice in it counts once."""
    read = sa.select(reading.c.article).where(reading.c.at > after, reading.c.at <= until).distinct().subquery()
    row = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.count(sa.case((article.c.backfill, 1))),
            sa.func.count(sa.case((article.c.published.is_(None), 1))),
        ).select_from(read.join(article, article.c.id == read.c.article))
    ).one()
    return ReadCounts(*row)


def channel_states(connection: sa.Connection) -> list[ChannelState]:
    """Every channel known to the archive, by id; those no longer configured are among them."""
    rows = connection.execute(
        sa.select(
            channel.c.id,
            channel.c.source,
            channel.c.state,
            channel.c.state_since,
            channel.c.state_reason,
            channel.c.interval_seconds,
            channel.c.last_success,
            channel.c.last_new,
        ).order_by(channel.c.id)
    )
    return [ChannelState(*row) for row in rows]


def unfilled_gaps(connection: sa.Connection, after: datetime) -> list[GapRow]:
    """Possible losses that were given up since then: whole windows of unknown entries that nothing could fill."""
    return [one for one in gaps_of(connection, settled_after=after) if one.state == GapState.UNFILLED]
