"""Queries for people who read and correct stories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import digest, flag, item, story, story_article
from crawler.archive.schema import article


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A story without its articles; `merged_into` names the one that took them. Datetimes are aware UTC."""

    id: int
    revision: int
    created_at: datetime
    changed_at: datetime
    change: str
    merged_into: int | None


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """Where an article is and why."""

    article: int
    story: int
    relation: str
    reason: str
    at: datetime
    copies: int
    pinned: bool
    origin: str | None
    origin_reason: str


@dataclass(frozen=True, slots=True)
class Telling:
    """That a digest of a desk carried a story, or will. `number` is None while the item waits."""

    desk: str
    number: int | None
    slot: datetime | None
    kind: str
    change: str


def find_story(connection: sa.Connection, key: int) -> StoryRow | None:
    """One story by its number."""
    row = connection.execute(
        sa.select(
            story.c.id, story.c.revision, story.c.created_at, story.c.changed_at, story.c.change, story.c.merged_into
        ).where(story.c.id == key)
    ).first()
    return None if row is None else StoryRow(*row)


def placed(connection: sa.Connection, articles: Collection[int]) -> dict[int, PlacedRow]:
    """Where these articles are; those in no story are left out."""
    columns = (
        story_article.c.article, story_article.c.story, story_article.c.relation, story_article.c.reason,
        story_article.c.at, story_article.c.copies, story_article.c.pinned, story_article.c.origin,
        story_article.c.origin_reason,
    )  # fmt: skip
    rows = connection.execute(sa.select(*columns).where(story_article.c.article.in_(articles)))
    return {row.article: PlacedRow(*row) for row in rows}


def newest_stories(
    connection: sa.Connection, limit: int, *, flagged: bool, topic: str | None = None, since: datetime | None = None
) -> list[int]:
    """Stories with the newest articles first.

    Args:
        connection: a reading one.
        limit: at most so many.
        flagged: only stories with a flag that holds.
        topic: only stories flagged for it.
        since: only stories with an article seen since then.
    """
    latest = sa.func.max(story_article.c.article)
    query = sa.select(story_article.c.story).group_by(story_article.c.story).order_by(latest.desc()).limit(limit)
    # Whichever of a story's articles is the newest, any of them may be the flagged or the recent one.
    if flagged or topic:
        holds = sa.and_(flag.c.article == story_article.c.article, flag.c.withdrawn_at.is_(None))
        query = query.where(_any(holds if topic is None else sa.and_(holds, flag.c.topic == topic)))
    if since is not None:
        query = query.where(_any(sa.and_(article.c.id == story_article.c.article, article.c.seen_at >= since)))
    return list(connection.execute(query).scalars())


def _any(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """That a condition holds for any article of the story."""
    return story_article.c.story.in_(sa.select(story_article.c.story).where(sa.exists().where(condition)))


def tellings(connection: sa.Connection, stories: Collection[int]) -> list[Telling]:
    """Every item of these stories with the digest that claimed it, oldest first."""
    rows = connection.execute(
        sa.select(item.c.desk, digest.c.number, digest.c.slot, item.c.kind, item.c.change)
        .outerjoin(digest, digest.c.id == item.c.digest)
        .where(item.c.story.in_(stories))
        .order_by(item.c.id)
    )
    return [Telling(*row) for row in rows]


def tidy_story(connection: sa.Connection, key: int, now: datetime) -> None:
    """Make a story consistent after articles were put into it or taken out by hand.

    It has exactly one first article, and no article is a copy of one that is in another story. Origins are to be
    decided anew.
    """
    rows = connection.execute(
        sa.select(story_article.c.article, story_article.c.relation, story_article.c.copies, article.c.seen_at)
        .join(article, article.c.id == story_article.c.article)
        .where(story_article.c.story == key)
        .order_by(article.c.seen_at, story_article.c.article)
    ).all()
    if not rows:
        return
    here = {row.article for row in rows}
    firsts = [row.article for row in rows if row.relation == "first"] or [rows[0].article]
    heads: dict[int, int] = {}
    for row in rows:
        if row.copies not in here:
            heads.setdefault(row.copies, row.article)
    values = []
    for row in rows:
        copies = heads.get(row.copies, row.copies)
        relation = "first" if row.article == firsts[0] else "related" if copies == row.article else "copy"
        values.append({"for_article": row.article, "as_relation": relation, "as_copies": copies})
    connection.execute(
        sa.update(story_article)
        .where(story_article.c.article == sa.bindparam("for_article"))
        .values(relation=sa.bindparam("as_relation"), copies=sa.bindparam("as_copies"), origin=None),
        values,
    )
    connection.execute(sa.update(story).where(story.c.id == key).values(changed_at=now))


def unmark_merged(connection: sa.Connection, key: int) -> None:
    """Make a story that was merged into another one a story of its own again."""
    connection.execute(sa.update(story).where(story.c.id == key).values(merged_into=None))


def unpin(connection: sa.Connection, articles: Sequence[int]) -> None:
    """Let grouping move these articles again."""
    connection.execute(sa.update(story_article).where(story_article.c.article.in_(articles)).values(pinned=False))
