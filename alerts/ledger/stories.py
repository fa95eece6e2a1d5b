"""Queries of stories: which articles have none yet, which belong together, what a story consists of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import item, story, story_article
from crawler.archive.schema import article


@dataclass(frozen=True, slots=True)
class Candidate:
    """What grouping needs to know of an article.

    Attributes:
        text_hash: of the text without the title; empty without text.
        duplicate_of: the article its canonical link names, or None.
        seen_at: when the archive first stored it, aware UTC.
        story: the story it is in; None while it is in none.
    """

    id: int
    source: str
    title: str
    text_hash: str
    duplicate_of: int | None
    published: datetime | None
    seen_at: datetime
    story: int | None = None


@dataclass(frozen=True, slots=True)
class StoryArticle:
    """An article as part of a story, without its text. Datetimes are aware UTC.

    Attributes:
        relation: first, copy or related.
        copies: the copy group: the article that first had this text, maybe itself.
        origin: key of whose text it is (alerts/origins/names.py); None before it was assessed.
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


_CANDIDATE = (
    article.c.id,
    article.c.source,
    article.c.title,
    article.c.text_hash,
    article.c.duplicate_of,
    article.c.published,
    article.c.seen_at,
    story_article.c.story,
)
_WITH_STORY = article.outerjoin(story_article, story_article.c.article == article.c.id)


def ungrouped(connection: sa.Connection, after: int, limit: int) -> list[Candidate]:
    """The oldest articles with ids above `after` that belong to no story yet.

    `after` only pages through one job's work; a job begins at 0, because ids can become visible out of order.
    """
    rows = connection.execute(
        sa.select(*_CANDIDATE)
        .select_from(_WITH_STORY)
        .where(article.c.id > after, story_article.c.article.is_(None))
        .order_by(article.c.id)
        .limit(limit)
    )
    return [Candidate(*row) for row in rows]


def candidates(connection: sa.Connection, articles: Collection[int]) -> dict[int, Candidate]:
    """The named articles by id; those that are not there are left out."""
    rows = connection.execute(sa.select(*_CANDIDATE).select_from(_WITH_STORY).where(article.c.id.in_(articles)))
    return {row.id: Candidate(*row) for row in rows}


def grouped_with_text(
    connection: sa.Connection, hashes: Collection[str], since: datetime, limit: int
) -> dict[str, list[Candidate]]:
    """By text hash: articles of any story, seen since then, with a text of that hash, the `limit` oldest first."""
    if not hashes:
        return {}
    place = sa.func.row_number().over(partition_by=article.c.text_hash, order_by=article.c.id).label("place")
    equal = (
        sa.select(*_CANDIDATE, place)
        .select_from(_WITH_STORY)
        .where(article.c.text_hash.in_(hashes), article.c.seen_at > since, story_article.c.story.is_not(None))
        .subquery()
    )
    rows = connection.execute(
        sa.select(*[equal.c[column.name] for column in _CANDIDATE]).where(equal.c.place <= limit).order_by(equal.c.id)
    )
    found: dict[str, list[Candidate]] = {}
    for row in rows:
        found.setdefault(row.text_hash, []).append(Candidate(*row))
    return found


def late_links(connection: sa.Connection) -> list[tuple[int, int]]:
    """(article, article it duplicates) where both are in stories, but not in the same one.

    A canonical link is only known once the page was fetched, and that may be after the article was grouped.
    """
    mine, theirs = story_article.alias("mine"), story_article.alias("theirs")
    rows = connection.execute(
        sa.select(article.c.id, article.c.duplicate_of)
        .join(mine, mine.c.article == article.c.id)
        .join(theirs, theirs.c.article == article.c.duplicate_of)
        .where(article.c.duplicate_of.is_not(None), mine.c.story != theirs.c.story)
        .order_by(article.c.id)
    )
    return [(row.id, row.duplicate_of) for row in rows]


def late_texts(connection: sa.Connection, since: datetime) -> list[str]:
    """Text hashes that articles seen since then have in more than one story: a text may come after the grouping."""
    rows = connection.execute(
        sa.select(article.c.text_hash)
        .join(story_article, story_article.c.article == article.c.id)
        .where(article.c.seen_at > since, article.c.text_hash != "")
        .group_by(article.c.text_hash)
        .having(sa.func.count(story_article.c.story.distinct()) > 1)
        .order_by(article.c.text_hash)
    )
    return list(rows.scalars())


def create_stories(connection: sa.Connection, founders: Sequence[Candidate], now: datetime) -> dict[int, int]:
    """Make a story for each founding article; returns founder -> story. `join_stories` puts the articles in."""
    if not founders:
        return {}
    rows = [
        {"revision": 1, "created_at": now, "changed_at": now, "text_hash": founder.text_hash, "change": ""}
        for founder in founders
    ]
    made = connection.execute(sa.insert(story).returning(story.c.id, sort_by_parameter_order=True), rows).scalars()
    return {founder.id: key for founder, key in zip(founders, made, strict=True)}


def join_stories(connection: sa.Connection, rows: Sequence[tuple[int, int, str, str]], now: datetime) -> None:
    """Put articles that are in no story into one: (article, story, relation, reason)."""
    if rows:
        names = ("article", "story", "relation", "reason")
        values = [{**dict(zip(names, row, strict=True)), "copies": row[0], "version": 1, "at": now} for row in rows]
        connection.execute(sa.insert(story_article), values)


def move_articles(connection: sa.Connection, story_id: int, into: int, reason: str, now: datetime) -> None:
    """Move every article of a story into another one as copies. The emptied story keeps its row and its items."""
    connection.execute(
        sa.update(story_article)
        .where(story_article.c.story == story_id)
        .values(story=into, relation="copy", reason=reason, at=now)
    )


def with_merged(connection: sa.Connection, stories: Collection[int]) -> list[int]:
    """These stories and those that were merged into them, in ascending order."""
    merged = connection.execute(sa.select(story.c.id).where(story.c.merged_into.in_(stories))).scalars()
    return sorted({*stories, *merged})


def mark_merged(connection: sa.Connection, leave: int, keep: int) -> None:
    """Note that a story, and every one merged into it before, was merged into another."""
    gone = sa.or_(story.c.id == leave, story.c.merged_into == leave)
    connection.execute(sa.update(story).where(gone, story.c.id != keep).values(merged_into=keep))
    connection.execute(sa.update(story).where(story.c.id == keep).values(merged_into=None))


def told_stories(connection: sa.Connection, stories: Collection[int]) -> set[int]:
    """Those of the stories that any desk has an item of."""
    return set(connection.execute(sa.select(item.c.story).where(item.c.story.in_(stories)).distinct()).scalars())


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
        )
        .join(article, article.c.id == story_article.c.article)
        .where(story_article.c.story.in_(stories))
        .order_by(story_article.c.story, sa.case((story_article.c.relation == "first", 0), else_=1), article.c.id)
    )
    found: dict[int, list[StoryArticle]] = {key: [] for key in stories}
    for row in rows:
        found[row.story].append(StoryArticle(*row))
    return found
