"""Queries for readers: which delivery a link belongs to, and who took themselves off a desk's mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.digests import load_snapshot
from alerts.ledger.schema import alert, delivery, digest, flag, story_article, unsubscribed
from crawler.archive.engine import insert_new
from crawler.archive.schema import article


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a link was sent to, and in which message."""

    desk: str
    address: str
    delivery: int
    digest: int | None
    alert: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An article that a reader may judge: its version and title now, and the topics it is flagged for."""

    id: int
    version: int
    title: str
    url: str
    topics: tuple[str, ...]


def reader_of(connection: sa.Connection, message_id: str) -> Reader | None:
    """The reader that got a mail; None when there is none with this Message-ID."""
    row = connection.execute(
        sa.select(
            sa.func.coalesce(digest.c.desk, alert.c.desk).label("desk"),
            delivery.c.target, delivery.c.id, delivery.c.digest, delivery.c.alert,
        )
        .outerjoin(digest, digest.c.id == delivery.c.digest)
        .outerjoin(alert, alert.c.id == delivery.c.alert)
        .where(delivery.c.message_id == message_id, delivery.c.route == "mail")
    ).one_or_none()  # fmt: skip
    return None if row is None else Reader(row.desk, row.target, row.id, row.digest, row.alert)


def asked_about(connection: sa.Connection, reader: Reader, article_id: int) -> Asked | None:
    """The article, if the reader's message told of it; None otherwise."""
    if article_id not in _told(connection, reader):
        return None
    row = connection.execute(
        sa.select(article.c.version, article.c.title, article.c.url).where(article.c.id == article_id)
    ).one_or_none()
    if row is None:
        return None
    topics = connection.execute(
        sa.select(flag.c.topic).where(flag.c.article == article_id).distinct().order_by(flag.c.topic)
    )
    return Asked(article_id, row.version, row.title, row.url, tuple(topics.scalars()))


def _told(connection: sa.Connection, reader: Reader) -> set[int]:
    """The articles that a message showed."""
    if reader.digest is not None:
        packed = connection.execute(sa.select(digest.c.snapshot).where(digest.c.id == reader.digest)).scalar_one()
        return {story["article"] for story in load_snapshot(packed)["stories"]}
    # An alert has no snapshot: it told of an article of its story, or of the stories gathered into its storm.
    stories = sa.select(alert.c.story).where(sa.or_(alert.c.id == reader.alert, alert.c.storm == reader.alert))
    rows = connection.execute(sa.select(story_article.c.article).where(story_article.c.story.in_(stories)))
    return set(rows.scalars())


def unsubscribe(connection: sa.Connection, desk: str, address: str, how: str, now: datetime) -> bool:
    """Take an address off a desk's mails; False when it was off before."""
    row = {"desk": desk, "address": address.casefold(), "at": now, "how": how}
    return insert_new(connection, unsubscribed, [row]) == 1


def subscribe_again(connection: sa.Connection, desk: str, address: str) -> bool:
    """Put an address back; False when it was not off."""
    result = connection.execute(
        sa.delete(unsubscribed).where(unsubscribed.c.desk == desk, unsubscribed.c.address == address.casefold())
    )
    return result.rowcount == 1


def unsubscribed_from(connection: sa.Connection, desk: str) -> frozenset[str]:
    """Addresses, case folded, that took themselves off a desk's mails."""
    return frozenset(connection.execute(sa.select(unsubscribed.c.address).where(unsubscribed.c.desk == desk)).scalars())


def list_unsubscribed(connection: sa.Connection) -> list[tuple[str, str, datetime, str]]:
    """(desk, address, at, how) of everybody who is off, by desk and address."""
    rows = connection.execute(sa.select(unsubscribed).order_by(unsubscribed.c.desk, unsubscribed.c.address))
    return [(row.desk, row.address, row.at, row.how) for row in rows]
