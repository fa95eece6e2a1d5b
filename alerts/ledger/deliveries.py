"""Queries of the outbox: deliveries, the recipients that refuse them and the mail servers that are held.

Every change of a delivery is one conditional UPDATE that names the row exactly as it was read (`move_delivery`), so
that of two processes only one can make it. Decisions about states are made in alerts/delivery/states.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import alert, delivery, digest, recipient, relay
from crawler.archive.schema import UTCDateTime
from crawler.archive.texts import pack_bytes, unpack_bytes


class State(StrEnum):
    """What has become of a delivery. The last four are final, unless a person decides otherwise."""

    READY = "ready"  # to be tried at `next_try`
    SENDING = "sending"  # claimed; no final dot was sent
    DOUBT = "doubt"  # the final dot is being sent, or was, and no answer is known
    SENT = "sent"
    FAILED = "failed"  # refused for good
    HELD = "held"  # waits for a person
    CANCELLED = "cancelled"


FINAL = (State.SENT, State.FAILED, State.HELD, State.CANCELLED)

LONGEST_WAIT = timedelta(hours=3)
"""No wait is longer than this, so a later `next_try` was written under a wrong clock and counts as due."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One outbox row without its bytes. Datetimes are aware UTC.

    Attributes:
        route: ``mail`` or ``folder``.
        target: an address or a folder.
        attempts: claims since it was made ready, without those that failed because of the mail server as a whole.
        doubts: how often it was unknown whether it had been accepted; above zero the target may have copies.
        next_try: when to try next (ready), when to settle it (doubt).
        reply: what the target's side said last, or why it is where it is.
        changed_at: when the row last changed; part of what a change is conditional on.
    """

    id: int
    digest: int | None
    alert: int | None
    route: str
    target: str
    message_id: str
    state: State
    attempts: int
    doubts: int
    next_try: datetime
    reply: str
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What enqueue inserts. `data` are the final bytes, or None when they could not be composed (`reply` says why)."""

    digest: int | None
    route: str
    target: str
    message_id: str
    data: bytes | None
    reply: str = ""
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class FrozenDigest:
    """A digest whose deliveries are still to be made."""

    id: int
    desk: str
    number: int
    slot: datetime
    snapshot: bytes


@dataclass(frozen=True, slots=True)
class RelayHold:
    """A mail server that could not be used."""

    name: str
    failures: int
    next_try: datetime
    reply: str


_COLUMNS = (
    delivery.c.id,
    delivery.c.digest,
    delivery.c.alert,
    delivery.c.route,
    delivery.c.target,
    delivery.c.message_id,
    delivery.c.state,
    delivery.c.attempts,
    delivery.c.doubts,
    delivery.c.next_try,
    delivery.c.reply,
    delivery.c.created_at,
    delivery.c.changed_at,
    delivery.c.sent_at,
)


def _delivery_of(row: sa.RowMapping) -> Delivery:
    values = {column.name: row[column.name] for column in _COLUMNS}
    values["state"] = State(values["state"])
    return Delivery(**values)


def frozen_digests(connection: sa.Connection) -> list[FrozenDigest]:
    """Digests without deliveries, oldest first."""
    rows = connection.execute(
        sa.select(digest.c.id, digest.c.desk, digest.c.number, digest.c.slot, digest.c.snapshot)
        .where(digest.c.state == "frozen")
        .order_by(digest.c.id)
    )
    return [FrozenDigest(row.id, row.desk, row.number, row.slot, row.snapshot) for row in rows]


def mark_enqueued(connection: sa.Connection, digest_id: int) -> bool:
    """Take a frozen digest for the caller's transaction; False when another one already has."""
    # Comes before the inserts: on PostgreSQL the row lock of this UPDATE makes a second process wait, and then see
    # that nothing is left to do.
    result = connection.execute(
        sa.update(digest).where(digest.c.id == digest_id, digest.c.state == "frozen").values(state="enqueued")
    )
    return result.rowcount == 1


def insert_delivery(connection: sa.Connection, new: NewDelivery, now: datetime) -> None:
    """Put one delivery into the outbox: ready, or failed when it has no bytes."""
    connection.execute(
        sa.insert(delivery).values(
            digest=new.digest,
            alert=new.alert,
            route=new.route,
            target=new.target,
            message_id=new.message_id,
            body=None if new.data is None else pack_bytes(new.data),
            state=(State.FAILED if new.data is None else State.READY).value,
            next_try=now,
            reply=new.reply,
            created_at=now,
            changed_at=now,
        )
    )


def due_deliveries(connection: sa.Connection, now: datetime) -> list[tuple[int, str]]:
    """Ids and routes of ready deliveries whose time has come.

    Those tried least come first, so that one that kills its sender each time cannot keep the others waiting.
    """
    rows = connection.execute(
        sa.select(delivery.c.id, delivery.c.route)
        .where(
            delivery.c.state == State.READY.value,
            delivery.c.body.is_not(None),
            sa.or_(delivery.c.next_try <= now, delivery.c.next_try > now + LONGEST_WAIT),
        )
        .order_by(delivery.c.attempts, delivery.c.id)
    )
    return [(row.id, row.route) for row in rows]


def unsettled_deliveries(connection: sa.Connection) -> list[Delivery]:
    """Rows that a sender left in the middle: those in sending and in doubt."""
    states = (State.SENDING.value, State.DOUBT.value)
    rows = connection.execute(sa.select(*_COLUMNS).where(delivery.c.state.in_(states)).order_by(delivery.c.id))
    return [_delivery_of(row) for row in rows.mappings()]


def get_delivery(connection: sa.Connection, delivery_id: int) -> Delivery | None:
    """One delivery, or None."""
    row = connection.execute(sa.select(*_COLUMNS).where(delivery.c.id == delivery_id)).mappings().one_or_none()
    return None if row is None else _delivery_of(row)


def deliveries_of(connection: sa.Connection, desk: str, number: int) -> list[Delivery]:
    """Every delivery of a digest, in the order in which they were made."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .join(digest, digest.c.id == delivery.c.digest)
        .where(digest.c.desk == desk, digest.c.number == number)
        .order_by(delivery.c.id)
    )
    return [_delivery_of(row) for row in rows.mappings()]


def delivery_bytes(connection: sa.Connection, delivery_id: int) -> bytes | None:
    """The final bytes as they were composed; None when they were dropped or never made.

    Raises:
        ArchiveError: they are damaged.
    """
    packed = connection.execute(sa.select(delivery.c.body).where(delivery.c.id == delivery_id)).scalar_one_or_none()
    return None if packed is None else unpack_bytes(packed)


def has_bytes(connection: sa.Connection, delivery_id: int) -> bool:
    """Whether the final bytes are still there."""
    query = sa.select(delivery.c.body.is_not(None)).where(delivery.c.id == delivery_id)
    return bool(connection.execute(query).scalar_one_or_none())


def edition_of(connection: sa.Connection, one: Delivery) -> tuple[str, str, datetime]:
    """Desk, name and time of a delivery's content: number and slot of a digest, ``alert-7`` and when it was decided."""
    if one.alert is not None:
        found = connection.execute(sa.select(alert.c.desk, alert.c.at).where(alert.c.id == one.alert)).one()
        return found.desk, f"alert-{one.alert}", found.at
    row = connection.execute(sa.select(digest.c.desk, digest.c.number, digest.c.slot).where(digest.c.id == one.digest))
    desk, number, slot = row.one()
    return desk, str(number), slot


def move_delivery(connection: sa.Connection, before: Delivery, after: Delivery) -> bool:
    """Change a delivery from `before` to `after`, if it is still exactly as it was read.

    State alone would not do: a sender that was frozen for an hour may wake and find its row in the same state, but
    claimed by another; attempts and the time of the last change tell the two claims apart.

    Returns:
        False when the row has changed meanwhile; then nothing is done.
    """
    names = [field.name for field in fields(after) if getattr(after, field.name) != getattr(before, field.name)]
    result = connection.execute(
        sa.update(delivery)
        .where(
            delivery.c.id == before.id,
            delivery.c.state == before.state.value,
            delivery.c.attempts == before.attempts,
            delivery.c.changed_at == before.changed_at,
        )
        .values({name: getattr(after, name) for name in names})
    )
    return result.rowcount == 1


def list_deliveries(
    connection: sa.Connection, states: Collection[str] = (), limit: int = 50, desk: str = ""
) -> list[dict[str, Any]]:
    """Deliveries for people to read, newest first.

    Args:
        connection: to the ledger's database.
        states: only these; all when empty.
        limit: at most so many.
        desk: only of this desk; of all when empty.

    Returns:
        Rows with id, state, route, target, desk, message_id, attempts, doubts, next_try, reply, sent_at, and what is
        carried: number and slot of a digest, or alert (its id) and number None.
    """
    columns = [delivery.c[name] for name in ("id", "state", "route", "target", "message_id", "attempts", "doubts",
                                             "next_try", "reply", "sent_at")]  # fmt: skip
    desk_of = sa.func.coalesce(digest.c.desk, alert.c.desk)
    query = (
        sa.select(
            *columns,
            desk_of.label("desk"),
            digest.c.number,
            sa.func.coalesce(digest.c.slot, alert.c.at, type_=UTCDateTime).label("slot"),
            delivery.c.alert,
        )
        .outerjoin(digest, digest.c.id == delivery.c.digest)
        .outerjoin(alert, alert.c.id == delivery.c.alert)
        .order_by(delivery.c.id.desc())
        .limit(limit)
    )
    if states:
        query = query.where(delivery.c.state.in_(list(states)))
    if desk:
        query = query.where(desk_of == desk)
    return [dict(row) for row in connection.execute(query).mappings()]


def count_frozen(connection: sa.Connection) -> int:
    """How many digests still have no deliveries."""
    return connection.execute(sa.select(sa.func.count()).where(digest.c.state == "frozen")).scalar_one()


def count_by_state(connection: sa.Connection) -> dict[State, int]:
    """How many deliveries are in each state; states without any are absent."""
    rows = connection.execute(sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state))
    return {State(state): count for state, count in rows}


def oldest_ready(connection: sa.Connection) -> datetime | None:
    """When the delivery that has waited longest was enqueued; None when none waits."""
    return connection.execute(
        sa.select(delivery.c.created_at)
        .where(delivery.c.state == State.READY.value)
        .order_by(delivery.c.created_at)
        .limit(1)
    ).scalar_one_or_none()


def drop_bodies(connection: sa.Connection, before: datetime) -> int:
    """Drop the bytes of deliveries that reached their final state before this time. Returns how many."""
    result = connection.execute(
        sa.update(delivery)
        .where(
            delivery.c.state.in_([state.value for state in FINAL]),
            delivery.c.changed_at < before,
            delivery.c.body.is_not(None),
        )
        .values(body=None)
    )
    return result.rowcount


def suspended_deliveries(connection: sa.Connection) -> list[tuple[Delivery, str]]:
    """Ready mails to suspended addresses, each with the reply that suspended its address."""
    rows = connection.execute(
        sa.select(*_COLUMNS, recipient.c.reply.label("refusal"))
        .join(recipient, recipient.c.address == delivery.c.target)
        .where(
            delivery.c.route == "mail",
            delivery.c.state == State.READY.value,
            recipient.c.state == "suspended",
        )
    )
    return [(_delivery_of(row), row["refusal"]) for row in rows.mappings()]


def refusals_of(connection: sa.Connection, address: str) -> int:
    """How often an address was refused in a row."""
    query = sa.select(recipient.c.refusals).where(recipient.c.address == address)
    return connection.execute(query).scalar_one_or_none() or 0


def store_recipient(
    connection: sa.Connection, address: str, *, refusals: int, suspended: bool, reply: str = ""
) -> None:
    """Keep what is known of an address."""
    values = {"state": "suspended" if suspended else "ok", "refusals": refusals, "reply": reply}
    changed = connection.execute(sa.update(recipient).where(recipient.c.address == address).values(**values))
    if changed.rowcount == 0:
        connection.execute(sa.insert(recipient).values(address=address, **values))


def get_relay_hold(connection: sa.Connection, name: str) -> RelayHold | None:
    """The hold of a mail server (``host:port``), or None when it worked last time."""
    row = connection.execute(sa.select(relay).where(relay.c.name == name)).mappings().one_or_none()
    return None if row is None else RelayHold(**row)


def store_relay_hold(connection: sa.Connection, hold: RelayHold) -> None:
    """Keep the hold of a mail server."""
    values = {"failures": hold.failures, "next_try": hold.next_try, "reply": hold.reply}
    changed = connection.execute(sa.update(relay).where(relay.c.name == hold.name).values(**values))
    if changed.rowcount == 0:
        connection.execute(sa.insert(relay).values(name=hold.name, **values))


def clear_relay_holds(connection: sa.Connection, name: str = "") -> None:
    """Forget the hold of one mail server, or of all."""
    query = sa.delete(relay)
    connection.execute(query.where(relay.c.name == name) if name else query)
