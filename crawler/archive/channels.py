"""What is known of each channel: when to ask it next, its validators, its health, and holds on whole hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from crawler.archive import gaps, switching
from crawler.archive.engine import insert_for, insert_new
from crawler.archive.rows import (
    ChannelEvent,
    ChannelRow,
    Validators,
    add_event,
    channel_events,
    channel_row,
    get_channel,
    list_channels,
    set_state,
)
from crawler.archive.schema import channel, gap, host_hold, pause
from crawler.archive.texts import storable
from crawler.polling.failover import works
from crawler.polling.gaps import GapState
from crawler.polling.trust import is_distrusted, is_probe_due
from crawler.polling.values import Decision, Health
from crawler.urls import host_slot

if TYPE_CHECKING:
    from crawler.sources import Source

__all__ = [
    "ChannelEvent",
    "ChannelRow",
    "PollRecord",
    "Validators",
    "asks_conditionally",
    "channel_events",
    "due_channels",
    "get_channel",
    "hold_host",
    "host_holds",
    "is_plain",
    "is_probe",
    "list_channels",
    "poll_values",
    "record_poll",
    "request_validators",
    "sync_channels",
]

PAUSED = Health.PAUSED.value
OWN_SPIDER = "spider"
"""Kind of the rows in which runs of a desk's own spiders are kept; nobody asks them."""

_IN_CONFIGURATION = "paused in the configuration"
_NOT_IN_CONFIGURATION = "no longer in the configuration"


@dataclass(frozen=True, slots=True)
class PollRecord:
    """What came of asking a channel, as it is stored.

    Attributes:
        at: when, aware UTC.
        decision: health, next poll and what else was decided.
        good: the server gave a usable answer (304 included).
        new: new entries.
        validators: for the next request; None keeps the stored ones, `Validators()` forgets them.
        body: the server sent a whole document.
        items: marks of the document's items; None keeps the stored ones.
        unread: items of the document that wait for the next poll; None keeps the stored figure.
        evidence: status, headers that matter, error, body hash.
    """

    at: datetime
    decision: Decision
    good: bool
    new: int = 0
    validators: Validators | None = None
    body: bool = False
    items: bytes | None = None
    unread: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


def sync_channels(
    connection: sa.Connection, sources: Iterable[Source], now: datetime, *, interval_seconds: int = 900
) -> None:
    """Make the table follow the configuration: new channels are due at once, others paused or taken up again.

    Rows of channels that left the configuration stay, paused: their history explains what the archive holds. Gaps that
    nothing filled in time are given up. Writes nothing when nothing changed.

    Args:
        connection: in a write transaction.
        sources: the configuration's.
        now: aware UTC.
        interval_seconds: first interval of a new channel.
    """
    sources = list(sources)
    by_hand = _pauses(connection, now)
    paused: dict[str, str] = {}
    rows: dict[str, dict[str, Any]] = {}
    for source in sources:
        for configured in source.channels:
            in_file = _IN_CONFIGURATION if source.paused or configured.paused else ""
            paused[configured.id] = in_file or by_hand.get(configured.id, "")
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
    spiders = _own_spiders(sources, known.values())
    touched = {row["source"] for name, row in rows.items() if name not in known}
    insert_new(connection, channel, [row for name, row in rows.items() if name not in known])
    states = dict.fromkeys(rows, (Health.NEW.value, "", None)) | {
        row.id: (row.state, row.state_reason, row.first_polled) for row in known.values()
    }
    for name, (state, reason, first_polled) in sorted(states.items()):
        why = paused.get(name, "" if name in spiders else _NOT_IN_CONFIGURATION)
        if why and (state, reason) != (PAUSED, why):
            set_state(connection, name, PAUSED, why, now)
        elif not why and state == PAUSED:
            set_state(connection, name, (Health.OK if first_polled else Health.NEW).value, "taken up again", now)
        else:
            continue
        touched.add(known[name].source if name in known else rows[name]["source"])
    if touched:
        switching.arrange(connection, [row for row in list_channels(connection) if row.source in touched])
    gaps.give_up_gaps(connection, now)


def _own_spiders(sources: Iterable[Source], known: Iterable[ChannelRow]) -> set[str]:
    """Rows of spiders whose source still has them; no file names the spider itself."""
    owners = {source.id for source in sources if source.own_spider and not source.paused}
    return {row.id for row in known if row.kind == OWN_SPIDER and row.source in owners}


def _pauses(connection: sa.Connection, now: datetime) -> dict[str, str]:
    """Channels that a person paused, each with the reason it is to show."""
    query = sa.select(pause).where(sa.or_(pause.c.until.is_(None), pause.c.until > now))
    return {
        row.channel: f"paused by {row.who}"
        + (f" until {row.until:%Y-%m-%d %H:%M} UTC" if row.until else "")
        + (f": {row.why}" if row.why else "")
        for row in connection.execute(query)
    }


def due_channels(
    connection: sa.Connection, now: datetime, *, everything: bool = False, kind: str | None = None
) -> list[ChannelRow]:
    """Channels to ask now, the longest due first. Never paused ones, nor those of a held host.

    Those that stand by are left out, unless their source has a gap to be filled.

    Args:
        connection: may be read-only.
        now: aware UTC.
        everything: whether due or not.
        kind: of this kind only.
    """
    gapped = sa.select(gap.c.source).where(gap.c.state == GapState.OPEN.value)
    query = (
        sa.select(channel)
        .where(
            channel.c.state != PAUSED,
            channel.c.kind != OWN_SPIDER,
            sa.or_(channel.c.standby.is_(False), channel.c.source.in_(gapped)),
        )
        .order_by(channel.c.next_poll, channel.c.id)
    )
    if not everything:
        query = query.where(channel.c.next_poll <= now)
    if kind is not None:
        query = query.where(channel.c.kind == kind)
    held = host_holds(connection, now)
    return [row for row in map(channel_row, connection.execute(query)) if host_slot(row.url) not in held]


def request_validators(row: ChannelRow, now: datetime) -> Validators:
    """What a request for a channel is to echo: nothing when the server's "unchanged" is not believed, or is tried.

    The hash of the last body stays, so that an equal one is not read again.
    """
    if not asks_conditionally(row, now):
        return Validators(body_hash=row.body_hash)
    return Validators(row.etag, row.last_modified, row.validators_url, row.body_hash)


def asks_conditionally(row: ChannelRow, now: datetime) -> bool:
    """Whether the channel's validators are echoed at all."""
    return not is_probe(row, now) and not is_distrusted(row.distrusted_since, now)


def is_probe(row: ChannelRow, now: datetime) -> bool:
    """Whether the channel has validators and is to be asked without them, once a day after long silence."""
    has_any = row.etag is not None or row.last_modified is not None or bool(row.documents)
    last = row.last_new or row.first_polled
    return has_any and is_probe_due(last_body=row.last_body, last_new=last, habit=row.habit, now=now)


def record_poll(connection: sa.Connection, before: ChannelRow, record: PollRecord) -> None:
    """Store what came of asking a channel: in the same transaction as its entries, or a kill between loses one of both.

    A poll that found nothing changed costs one UPDATE.

    Args:
        connection: in a write transaction.
        before: the channel as it was when it was asked.
        record: what is to be stored.
    """
    decision = record.decision
    values = poll_values(before, record)
    news = (decision.health, decision.reason) != (before.state, before.state_reason)
    # Someone paused the channel while it was asked: that stays.
    paused = news and _is_paused(connection, before.id)
    changed = decision.health != before.state and not paused
    if news and not paused:
        values["state_reason"] = storable(decision.reason)
    if changed:
        values |= {"state": decision.health.value, "state_since": record.at}
    connection.execute(sa.update(channel).where(channel.c.id == before.id).values(values))
    if changed or decision.health is Health.GAP:
        event = ChannelEvent(0, before.id, record.at, decision.health.value, decision.reason, record.evidence)
        add_event(connection, event)
    for note in decision.notes:
        proof = {**record.evidence, **note.evidence}
        state = decision.health.value
        add_event(connection, ChannelEvent(0, before.id, record.at, state, note.reason, proof, note.kind.value))
    if changed and works(decision.health) != works(Health(before.state)):
        switching.rearrange(connection, before.source, record.at)


def is_plain(before: ChannelRow, record: PollRecord) -> bool:
    """Whether `poll_values` is all that a poll leaves behind: same health and reason, no gap, nothing to be told."""
    decision = record.decision
    same = (decision.health, decision.reason) == (before.state, before.state_reason)
    return same and decision.health is not Health.GAP and not decision.notes


def poll_values(before: ChannelRow, record: PollRecord) -> dict[str, Any]:
    """The columns of a channel that a poll changes, but for its health."""
    decision = record.decision
    values: dict[str, Any] = {
        "next_poll": decision.next_poll,
        "interval_seconds": decision.interval_seconds,
        "last_polled": record.at,
        "arrival_rate": decision.arrivals.rate,
    }
    if record.good:
        values["last_success"] = record.at
        if before.first_polled is None:
            values["first_polled"] = record.at
    if record.new:
        values["last_new"] = record.at
    if record.body:
        values["last_body"] = record.at
    if decision.distrust:
        values["distrusted_since"] = record.at
    move = decision.move
    rest: dict[str, Any] = {
        "failures": decision.failures,
        "burst": decision.arrivals.burst,
        "peak_rate": decision.arrivals.peak,
        "usual_gap_seconds": decision.habit.gap,
        "gap_weight_seconds": decision.habit.weight,
        "listed": decision.listed,
        "asks_minutes": decision.asks_minutes,
        "failing_since": decision.failing_since,
        "gone_since": decision.gone_since,
        "moved_to": move.to if move else None,
        "moved_since": move.since if move else None,
        "moved_answers": move.answers if move else 0,
        "url": decision.url or before.url,
        "old_url": decision.old_url or None,
    }
    values |= {name: value for name, value in rest.items() if value != getattr(before, name)}
    if record.items is not None:
        values["items"] = record.items
    if record.unread is not None and record.unread != before.unread:
        values["unread"] = record.unread
    if record.validators is not None:
        values |= _validator_values(before, record.validators)
    return values


def _validator_values(before: ChannelRow, validators: Validators) -> dict[str, Any]:
    values: dict[str, Any] = {
        "etag": validators.etag,
        "last_modified": validators.last_modified,
        "validators_url": validators.url,
        "body_hash": validators.body_hash,
    }
    values = {name: value for name, value in values.items() if value != getattr(before, name)}
    if validators.documents is not None or before.documents is not None:
        values["documents"] = _documents(validators)
    return values


def _documents(validators: Validators) -> dict[str, dict[str, str | None]] | sa.Null:
    """As JSON; SQL NULL, not a JSON null, where the channel is no index."""
    if validators.documents is None:
        return sa.null()
    return {
        url: {"etag": one.etag, "last_modified": one.last_modified, "url": one.url, "body_hash": one.body_hash}
        for url, one in validators.documents.items()
    }


def _is_paused(connection: sa.Connection, channel_id: str) -> bool:
    return connection.execute(sa.select(channel.c.state).where(channel.c.id == channel_id)).scalar() == PAUSED


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
