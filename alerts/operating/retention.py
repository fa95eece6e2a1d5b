"""Clearing out: what may be forgotten after its time, in small steps so that nobody waits for it.

An article's row, its URLs and its identities stay for good: they are what keeps it from being collected twice. Its
text may go, if nothing was ever built on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import deliveries, runs
from alerts.ledger import schema as ledger
from crawler.archive import schema as archive_schema
from crawler.archive.texts import pack

if TYPE_CHECKING:
    from crawler.archive import Archive

KEEP_BODIES = timedelta(days=30)
"""The final bytes of a delivery stay this long after its final state."""
KEEP_RUNS = timedelta(days=90)
KEEP_EVENTS = timedelta(days=365)
CHUNK = 1_000
"""Rows a transaction, so that other writers wait for milliseconds."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many were cleared out: bytes of deliveries, run rows, channel events, texts of articles."""

    bodies: int
    runs: int
    events: int
    texts: int


def clear_out(
    archive: Archive, now: datetime, *, keep_texts: timedelta | None, stopping: Callable[[], bool] = lambda: False
) -> Cleared:
    """Drop what has had its time.

    Args:
        archive: the database.
        now: aware UTC.
        keep_texts: texts of articles seen longer ago go, unless a flag, a verdict or a sample names the article; None
            keeps all.
        stopping: asked between two steps; true leaves the rest to the next time.
    """
    with archive.write() as connection:
        bodies = deliveries.drop_bodies(connection, now - KEEP_BODIES)
        ended = runs.forget_runs(connection, now - KEEP_RUNS)
    events = _in_chunks(archive, lambda connection: _drop_events(connection, now - KEEP_EVENTS), stopping)
    texts = 0
    if keep_texts is not None:
        before = now - keep_texts
        texts = _in_chunks(archive, lambda connection: _drop_texts(connection, before), stopping)
    return Cleared(bodies, ended, events, texts)


def _in_chunks(archive: Archive, drop: Callable[[sa.Connection], int], stopping: Callable[[], bool]) -> int:
    total = 0
    while not stopping():
        with archive.write() as connection:
            dropped = drop(connection)
        total += dropped
        if dropped < CHUNK:
            break
    return total


def _drop_events(connection: sa.Connection, before: datetime) -> int:
    event = archive_schema.channel_event
    # old_events: all but the newest of each channel, which tells its present state.
    newest = sa.select(sa.func.max(event.c.id)).group_by(event.c.channel)
    old = sa.select(event.c.id).where(event.c.at < before, event.c.id.not_in(newest)).limit(CHUNK)
    return connection.execute(sa.delete(event).where(event.c.id.in_(old))).rowcount


def _drop_texts(connection: sa.Connection, before: datetime) -> int:
    article, text = archive_schema.article, archive_schema.article_text
    codec, empty = pack("")
    # old_texts: of articles on which nothing was built, oldest first. Emptied texts are told by their length.
    old = (
        sa.select(text.c.article)
        .join(article, article.c.id == text.c.article)
        .where(article.c.seen_at < before, sa.func.length(text.c.body) > len(empty))
        .where(*(~sa.exists().where(table.c.article == article.c.id) for table in _BUILT_ON))
        .order_by(article.c.id)
        .limit(CHUNK)
    )
    # The row stays: readers of an article always find one.
    emptied = sa.update(text).where(text.c.article.in_(old)).values(codec=codec, body=empty)
    return connection.execute(emptied).rowcount


_BUILT_ON = (ledger.flag, ledger.verdict, ledger.sample_article)
