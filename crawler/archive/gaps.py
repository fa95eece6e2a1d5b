"""Gaps as they are stored: opened by a window without a known entry, filled from the source's other channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from crawler.archive.identity import article_key
from crawler.archive.rows import ChannelEvent, ChannelRow, add_event, get_channel
from crawler.archive.schema import article, article_url, channel, gap
from crawler.articles import Entry
from crawler.polling.gaps import GapState, is_given_up, reaches_back
from crawler.polling.values import Health, NoteKind

FILLERS = ("sitemap", "section")
"""Kinds of channels that list all of a source. Another feed may be about something else."""

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class GapRow:
    """One row of `schema.gap`; times are aware UTC."""

    id: int
    source: str
    channel: str
    since: datetime
    at: datetime
    state: str
    settled_at: datetime | None
    filled_by: str | None
    found: int
    reason: str


_FIELDS = tuple(column.name for column in fields(GapRow))


def open_gap(connection: sa.Connection, row: ChannelRow, now: datetime) -> None:
    """Record that items may have been missed at a channel; given up at once where nothing can fill it.

    Args:
        connection: in a write transaction.
        row: the channel as it was before the poll that found the gap.
        now: of that poll, aware UTC.
    """
    values: dict[str, Any] = {
        "source": row.source,
        "channel": row.id,
        "since": row.last_success or row.first_polled or now,
        "at": now,
        "state": GapState.OPEN.value,
    }
    if not _has_filler(connection, row):
        values |= {
            "state": GapState.UNFILLED.value,
            "settled_at": now,
            "reason": "the source has no sitemap or section to fill it from",
        }
    connection.execute(sa.insert(gap).values(values))


def fill_gaps(
    connection: sa.Connection, row: ChannelRow, entries: Sequence[Entry], new: int, now: datetime
) -> list[GapRow]:
    """Settle the open gaps of a source that a document of another channel reaches behind.

    Args:
        connection: in a write transaction; the document's entries are stored already.
        row: the channel that brought it.
        entries: of the document.
        new: how many of them the archive did not know.
        now: aware UTC.

    Returns:
        The gaps that are filled now, as they were.
    """
    if row.kind not in FILLERS:
        return []
    filled = []
    for one in gaps_of(connection, row.source, state=GapState.OPEN):
        if one.channel == row.id or one.at > now:
            continue
        found = one.found + new
        values: dict[str, Any] = {"found": found}
        if reaches_back(older_entries(connection, entries, one.since)):
            reason = f"filled from the {row.kind} {row.url}: {found} articles"
            values |= {"state": GapState.FILLED.value, "settled_at": now, "filled_by": row.id, "reason": reason}
            _note(connection, one, reason, now)
            filled.append(one)
        connection.execute(sa.update(gap).where(gap.c.id == one.id).values(values))
    return filled


def give_up_gaps(connection: sa.Connection, now: datetime) -> None:
    """Settle as unfilled what no other channel has filled in time, so that the desks are told.

    Args:
        connection: in a write transaction.
        now: aware UTC.
    """
    for one in gaps_of(connection, state=GapState.OPEN):
        if is_given_up(one.at, now):
            reason = "no other channel of the source reached back so far"
            values = {"state": GapState.UNFILLED.value, "settled_at": now, "reason": reason}
            connection.execute(sa.update(gap).where(gap.c.id == one.id).values(values))
            _note(connection, one, f"not filled: {reason}", now)


def open_gap_since(connection: sa.Connection, source: str) -> datetime | None:
    """From when on something may be missing from a source; None where no gap is open."""
    return connection.execute(
        sa.select(sa.func.min(gap.c.since).label("since")).where(
            gap.c.source == source, gap.c.state == GapState.OPEN.value
        )
    ).scalar()


def gaps_of(
    connection: sa.Connection,
    source: str | None = None,
    *,
    state: GapState | None = None,
    settled_after: datetime | None = None,
) -> list[GapRow]:
    """Gaps in the order in which they were found.

    Args:
        connection: may be read-only.
        source: of one source only.
        state: in this state only.
        settled_after: only those filled or given up after this time.
    """
    query = sa.select(gap).order_by(gap.c.id)
    if source is not None:
        query = query.where(gap.c.source == source)
    if state is not None:
        query = query.where(gap.c.state == state.value)
    if settled_after is not None:
        query = query.where(gap.c.settled_at > settled_after)
    return [GapRow(**{name: getattr(row, name) for name in _FIELDS}) for row in connection.execute(query)]


def _has_filler(connection: sa.Connection, row: ChannelRow) -> bool:
    query = (
        sa.select(channel.c.id)
        .where(
            channel.c.source == row.source,
            channel.c.id != row.id,
            channel.c.kind.in_(FILLERS),
            channel.c.state != Health.PAUSED.value,
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def older_entries(connection: sa.Connection, entries: Sequence[Entry], since: datetime) -> list[bool]:
    """Of each entry, whether it says that it is older than the gap, or the archive had it before."""
    keys = [article_key(entry.link) for entry in entries]
    known: set[str] = set()
    for start in range(0, len(keys), _CHUNK):
        query = (
            sa.select(article_url.c.key)
            .join_from(article_url, article, article.c.id == article_url.c.article)
            .where(article_url.c.key.in_(keys[start : start + _CHUNK]), article.c.seen_at <= since)
        )
        known.update(connection.execute(query).scalars())
    return [
        key in known or (entry.published is not None and entry.published <= since)
        for key, entry in zip(keys, entries, strict=True)
    ]


def _note(connection: sa.Connection, one: GapRow, reason: str, now: datetime) -> None:
    row = get_channel(connection, one.channel)
    state = Health.GAP.value if row is None else row.state
    evidence = {"since": one.since.isoformat(), "at": one.at.isoformat()}
    add_event(connection, ChannelEvent(0, one.channel, now, state, reason, evidence, NoteKind.GAP.value))
