"""How the wire is doing, read from the database in one view: what status, metrics and health are told from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import deliveries, flags, runs
from alerts.ledger import schema as ledger
from alerts.ledger.deliveries import State
from alerts.ledger.template_failures import template_failures
from crawler.archive import schema as archive_schema
from crawler.articles import PageState
from crawler.polling import Health

if TYPE_CHECKING:
    from alerts.ledger.runs import Run
    from alerts.ledger.template_failures import TemplateFailure
    from crawler.archive import Archive

RECENT = timedelta(hours=24)
"""Status counts what was read and flagged in this time."""
WORKING = frozenset({Health.NEW, Health.OK, Health.SLOW, Health.FLAKY, Health.MOVED, Health.GAP, Health.PAUSED})
"""States of a channel that need nobody's hand."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The newest digest of a desk."""

    number: int
    slot: datetime
    made: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """One view of the database. Times are aware UTC; what was never is None or missing.

    Attributes:
        last: the latest run of each job, ended or not.
        good: the latest run of each job that went well.
        channels: channels by health state.
        last_answer: when a channel was last read.
        articles: archived in the last 24 hours.
        pages_wanted: articles whose page is still to be fetched.
        unread: articles that the rules in force have not read.
        flagged: articles flagged in the last 24 hours, by topic, class context left out.
        items: items that no digest has claimed, by desk.
        slots: newest slot that was answered, by desk.
        editions: newest digest, by desk.
        frozen: digests whose deliveries could not be made yet.
        deliveries: outbox rows by state.
        oldest_ready: since when the oldest ready delivery waits.
        oldest_doubt: since when the oldest delivery is in doubt.
        relays: mail servers that are held, each with the reply.
        template_failures: messages that had to be shown in the built-in look.
    """

    at: datetime
    last: Mapping[str, Run]
    good: Mapping[str, Run]
    channels: Mapping[str, int]
    last_answer: datetime | None
    articles: int
    pages_wanted: int
    unread: int
    flagged: Mapping[str, int]
    items: Mapping[str, int]
    slots: Mapping[str, datetime]
    editions: Mapping[str, Edition]
    frozen: int
    deliveries: Mapping[State, int]
    oldest_ready: datetime | None
    oldest_doubt: datetime | None
    relays: Sequence[tuple[str, str]]
    template_failures: Sequence[TemplateFailure] = ()


def gather(archive: Archive, now: datetime) -> Facts:
    """Read everything at one instant.

    Args:
        archive: the database; never written.
        now: aware UTC.
    """
    with archive.read() as connection:
        return Facts(
            at=now,
            last=runs.last_runs(connection),
            good=runs.last_successes(connection),
            channels=_counts(connection, archive_schema.channel.c.state),
            last_answer=connection.execute(sa.select(sa.func.max(archive_schema.channel.c.last_success))).scalar(),
            articles=_count(connection, archive_schema.article.c.seen_at > now - RECENT),
            pages_wanted=_count(connection, archive_schema.article.c.page_state == PageState.WANTED),
            unread=flags.count_unread(connection),
            flagged=_flagged(connection, now - RECENT),
            items=_counts(connection, ledger.item.c.desk, ledger.item.c.digest.is_(None)),
            slots={row.desk: row.last_slot for row in connection.execute(sa.select(ledger.desk_state))},
            editions=_editions(connection),
            frozen=deliveries.count_frozen(connection),
            deliveries=deliveries.count_by_state(connection),
            oldest_ready=deliveries.oldest_ready(connection),
            oldest_doubt=_oldest_doubt(connection),
            relays=[(row.name, row.reply) for row in connection.execute(sa.select(ledger.relay))],
            template_failures=template_failures(connection),
        )


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count()).select_from(archive_schema.article).where(condition)
    return int(connection.execute(query).scalar_one())


def _counts(connection: sa.Connection, column: sa.Column[str], *conditions: sa.ColumnElement[bool]) -> dict[str, int]:
    query = sa.select(column, sa.func.count()).where(*conditions).group_by(column).order_by(column)
    return {str(name): int(number) for name, number in connection.execute(query)}


def _flagged(connection: sa.Connection, after: datetime) -> dict[str, int]:
    flag = ledger.flag
    # flagged_lately: articles by topic with a live flag that is a mention of the topic.
    query = (
        sa.select(flag.c.topic, sa.func.count(sa.distinct(flag.c.article)))
        .where(flag.c.at > after, flag.c.withdrawn_at.is_(None), flag.c["class"] != "context")
        .group_by(flag.c.topic)
        .order_by(flag.c.topic)
    )
    return {str(topic): int(number) for topic, number in connection.execute(query)}


def _editions(connection: sa.Connection) -> dict[str, Edition]:
    digest = ledger.digest
    # newest_editions: the digest with the highest number of each desk.
    newest = sa.select(digest.c.desk, sa.func.max(digest.c.number)).group_by(digest.c.desk)
    query = sa.select(digest).where(sa.tuple_(digest.c.desk, digest.c.number).in_(newest)).order_by(digest.c.desk)
    return {row.desk: Edition(row.number, row.slot, row.created_at) for row in connection.execute(query)}


def _oldest_doubt(connection: sa.Connection) -> datetime | None:
    delivery = ledger.delivery
    query = sa.select(sa.func.min(delivery.c.changed_at)).where(delivery.c.state == State.DOUBT)
    found: datetime | None = connection.execute(query).scalar()
    return found
