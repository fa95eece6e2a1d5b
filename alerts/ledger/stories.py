"""Queries of stories: what a story consists of, and which were merged into it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import story, story_article
from crawler.archive.schema import article


@dataclass(frozen=True, slots=True)
class StoryArticle:
    """An article as part of a story, without its text. Datetimes are aware UTC.

    Attributes:
        relation: first, copy or related.
        copies: the copy group: the article that first had this text, maybe itself.
        origin: key of whose text it is (alerts/origins/names.py); None before it was assessed.
        version: of its text, as the archive counts them.
    """

    story: int
    relation: str
    id: int
    source: str
    language: str
    title: str
    url: str
    published: datetime | None
    seen_at: datetime
    backfill: bool
    duplicate_of: int | None
    copies: int = 0
    origin: str | None = None
    version: int = 1


def with_merged(connection: sa.Connection, stories: Collection[int]) -> list[int]:
    """These stories and those that were merged into them, in ascending order."""
    merged = connection.execute(sa.select(story.c.id).where(story.c.merged_into.in_(stories))).scalars()
    return sorted({*stories, *merged})


def merged_into(connection: sa.Connection, stories: Collection[int]) -> dict[int, int]:
    """Those of the stories that were merged into another one -> that one."""
    rows = connection.execute(
        sa.select(story.c.id, story.c.merged_into).where(story.c.id.in_(stories), story.c.merged_into.is_not(None))
    )
    return {row.id: row.merged_into for row in rows}


def mark_merged(connection: sa.Connection, leave: int, keep: int) -> None:
    """Note that a story, and every one merged into it before, was merged into another."""
    gone = sa.or_(story.c.id == leave, story.c.merged_into == leave)
    connection.execute(sa.update(story).where(gone, story.c.id != keep).values(merged_into=keep))
    connection.execute(sa.update(story).where(story.c.id == keep).values(merged_into=None))


def articles_of(connection: sa.Connection, stories: Sequence[int]) -> dict[int, list[StoryArticle]]:
    """The articles of each story, the one that founded it first, then in the order in which they were stored."""
    rows = connection.execute(
        sa.select(
            story_article.c.story,
            story_article.c.relation,
            article.c.id,
            article.c.source,
            article.c.language,
            article.c.title,
            article.c.url,
            article.c.published,
            article.c.seen_at,
            article.c.backfill,
            article.c.duplicate_of,
            story_article.c.copies,
            story_article.c.origin,
            article.c.version,
        )
        .join(article, article.c.id == story_article.c.article)
        .where(story_article.c.story.in_(stories))
        .order_by(story_article.c.story, sa.case((story_article.c.relation == "first", 0), else_=1), article.c.id)
    )
    found: dict[int, list[StoryArticle]] = {key: [] for key in stories}
    for row in rows:
        found[row.story].append(StoryArticle(*row))
    return found
