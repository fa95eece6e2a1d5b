"""Queries of grouping: which articles wait, what is known of those before, and where they were put."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import (
    item,
    story,
    story_article,
    story_core,
    story_move,
)
from crawler.archive.lists import among
from crawler.archive.schema import article, article_text
from crawler.archive.texts import unpack


@dataclass(frozen=True, slots=True)
class ToGroup:
    """What grouping needs of an article; the whole of it takes three times as long to read. Aware UTC."""

    id: int
    version: int
    source: str
    title: str
    body: str
    language: str
    published: datetime | None
    seen_at: datetime
    duplicate_of: int | None


@dataclass(frozen=True, slots=True)
class Member:
    """An article that is in a story. Datetimes are aware UTC."""

    article: int
    story: int
    relation: str
    copies: int
    pinned: bool
    source: str
    published: datetime | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class NewMember:
    """An article to be put into a story, or to be put there anew."""

    article: int
    story: int
    relation: str
    reason: str
    copies: int
    matched: int | None
    score: float | None
    version: int


def ungrouped(connection: sa.Connection, after: int, limit: int, since: datetime | None = None) -> list[int]:
    """The oldest articles with ids above `after` that belong to no story yet.

    `after` only pages through one job's work; a job begins at 0, because ids can become visible out of order.

    Args:
        connection: a reading or a writing one.
        after: an id.
        limit: how many at most.
        since: look only among articles seen since then, which spares a walk through the whole archive.
    """
    there = sa.exists().where(story_article.c.article == article.c.id)
    query = sa.select(article.c.id).where(article.c.id > after, ~there).order_by(article.c.id).limit(limit)
    if since is not None:
        query = query.where(article.c.seen_at > since)
    return list(connection.execute(query).scalars())


def count_ungrouped(connection: sa.Connection) -> int:
    """How many articles belong to no story yet; more only if articles that were in stories are gone."""
    counts = [
        connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in (article, story_article)
    ]
    return counts[0] - counts[1]


def changed(connection: sa.Connection, since: datetime, limit: int) -> list[int]:
    """Articles seen since then whose text is another than the one they were grouped by, the oldest first."""
    rows = connection.execute(
        sa.select(article.c.id)
        .join(story_article, story_article.c.article == article.c.id)
        .where(article.c.seen_at > since, article.c.version > story_article.c.version)
        .order_by(article.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


def late_links(connection: sa.Connection, since: datetime) -> list[tuple[int, int]]:
    """(article seen since then, article it duplicates) where both are in stories, but not in the same one.

    A canonical link is only known once the page was fetched, and that may be after the article was grouped.
    """
    mine, theirs = story_article.alias("mine"), story_article.alias("theirs")
    rows = connection.execute(
        sa.select(article.c.id, article.c.duplicate_of)
        .join(mine, mine.c.article == article.c.id)
        .join(theirs, theirs.c.article == article.c.duplicate_of)
        .where(
            article.c.seen_at > since,
            article.c.duplicate_of.is_not(None),
            mine.c.story != theirs.c.story,
            mine.c.pinned.is_(False),
        )
        .order_by(article.c.id)
    )
    return [(row.id, row.duplicate_of) for row in rows]


def texts_of(connection: sa.Connection, articles: Collection[int]) -> list[ToGroup]:
    """These articles with their texts, in ascending order of id; those that are not there are left out."""
    found = []
    for row in connection.execute(_TEXTS, {"keys": articles}):
        key, version, source, title, codec, body, *rest = row
        found.append(ToGroup(key, version, source, title, unpack(codec, body), *rest))
    return found


def members(connection: sa.Connection, articles: Collection[int]) -> dict[int, Member]:
    """Where these articles are; those in no story are left out."""
    return {row.article: Member(*row) for row in connection.execute(_MEMBERS_AMONG, {"keys": articles})}


def members_of(connection: sa.Connection, story_id: int) -> list[Member]:
    """The articles of a story, the one that founded it first."""
    first = sa.case((story_article.c.relation == "first", 0), else_=1)
    query = _MEMBERS.where(story_article.c.story == story_id).order_by(first, story_article.c.article)
    return [Member(*row) for row in connection.execute(query)]


def create_stories(connection: sa.Connection, founders: Sequence[int], now: datetime) -> dict[int, int]:
    """Make a story for each article that founds one; returns article -> story. `add_members` puts the articles in."""
    if not founders:
        return {}
    row = {"revision": 1, "created_at": now, "changed_at": now, "text_hash": "", "change": ""}
    made = connection.execute(_NEW_STORIES, [row] * len(founders)).scalars()
    return dict(zip(founders, made, strict=True))


def add_members(connection: sa.Connection, rows: Iterable[NewMember], now: datetime) -> None:
    """Put articles that are in no story into one."""
    values = [{**_values(row), "at": now} for row in rows]
    if values:
        connection.execute(_NEW_MEMBERS, values)


def replace_member(connection: sa.Connection, row: NewMember, now: datetime) -> None:
    """Put an article into a story anew: another one, or the same for another reason. Its origin is to be assessed."""
    was = connection.execute(
        sa.select(story_article.c.story).where(story_article.c.article == row.article)
    ).scalar_one()
    connection.execute(
        sa.update(story_article)
        .where(story_article.c.article == row.article)
        .values({**_values(row), "at": now, "origin": None})
    )
    if was != row.story:
        _note_moves(connection, [(row.article, was)], (row.story, row.relation, row.reason), "", now)


def set_version(connection: sa.Connection, article_id: int, version: int) -> None:
    """Note that an article was grouped by this version of its text."""
    connection.execute(sa.update(story_article).where(story_article.c.article == article_id).values(version=version))


def move_articles(
    connection: sa.Connection,
    articles: Sequence[int],
    into: int,
    *,
    reason: str,
    now: datetime,
    by: str = "",
    pin: bool = False,
) -> None:
    """Move articles into another story, where they are copies or related as before; every move is kept.

    Args:
        connection: a writing one.
        articles: that are in other stories; one that founded its story is related to the new one.
        into: the story.
        reason: in words.
        now: aware UTC.
        by: the person; empty when grouping does it.
        pin: grouping is to leave them there.
    """
    moving = story_article.c.article.in_(articles)
    was = connection.execute(sa.select(story_article.c.article, story_article.c.story).where(moving)).all()
    relation = sa.case((story_article.c.relation == "first", "related"), else_=story_article.c.relation)
    values: dict[str, Any] = {"story": into, "relation": relation, "reason": reason, "at": now, "origin": None}
    connection.execute(sa.update(story_article).where(moving).values({**values, **({"pinned": True} if pin else {})}))
    _note_moves(connection, [(row.article, row.story) for row in was], (into, "moved", reason), by, now)


def stories_told(connection: sa.Connection, stories: Collection[int]) -> set[int]:
    """Those of the stories that any desk has an item of."""
    return set(connection.execute(sa.select(item.c.story).where(item.c.story.in_(stories)).distinct()).scalars())


def stories_pinned(connection: sa.Connection, stories: Collection[int]) -> set[int]:
    """Those of the stories into which a person put an article."""
    query = sa.select(story_article.c.story).where(story_article.c.story.in_(stories), story_article.c.pinned)
    return set(connection.execute(query.distinct()).scalars())


def mark_merged(connection: sa.Connection, leave: int, keep: int) -> None:
    """Note that a story, and every one merged into it before, was merged into another; drop its core."""
    gone = sa.or_(story.c.id == leave, story.c.merged_into == leave)
    connection.execute(sa.update(story).where(gone, story.c.id != keep).values(merged_into=keep))
    connection.execute(sa.delete(story_core).where(story_core.c.story == leave))


def _values(row: NewMember) -> dict[str, Any]:
    return {
        "article": row.article, "story": row.story, "relation": row.relation, "reason": row.reason,
        "copies": row.copies, "matched": row.matched, "score": row.score, "version": row.version,
    }  # fmt: skip


def _note_moves(
    connection: sa.Connection, was: Sequence[tuple[int, int]], to: tuple[int, str, str], by: str, now: datetime
) -> None:
    names = ("story", "relation", "reason")
    rows = [{"article": key, "was": old, **dict(zip(names, to, strict=True)), "by": by, "at": now} for key, old in was]
    if rows:
        connection.execute(sa.insert(story_move), rows)


_MEMBERS = sa.select(
    story_article.c.article,
    story_article.c.story,
    story_article.c.relation,
    story_article.c.copies,
    story_article.c.pinned,
    article.c.source,
    article.c.published,
    article.c.seen_at,
).join(article, article.c.id == story_article.c.article)
# Built once: building a query costs more than asking it.
_MEMBERS_AMONG = _MEMBERS.where(among(story_article.c.article))
_TEXTS = (
    sa.select(
        article.c.id,
        article.c.version,
        article.c.source,
        article.c.title,
        article_text.c.codec,
        article_text.c.body,
        article.c.language,
        article.c.published,
        article.c.seen_at,
        article.c.duplicate_of,
    )
    .join(article_text, article_text.c.article == article.c.id)
    .where(among(article.c.id))
    .order_by(article.c.id)
)
_NEW_STORIES = sa.insert(story).returning(story.c.id, sort_by_parameter_order=True)
_NEW_MEMBERS = sa.insert(story_article)
