"""Queries of origins: what articles say of where they come from, and whose text they were found to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.ledger.schema import credit, story, story_article
from crawler.archive.engine import upsert
from crawler.archive.schema import article, article_url
from crawler.articles import PageState

_AWAITED = PageState.WANTED.value


@dataclass(frozen=True, slots=True)
class CreditRow:
    """What one version of an article says of itself; see the table `credit`."""

    article: int
    version: int
    settled: bool
    title: str
    figures: tuple[int, ...]
    credits: tuple[tuple[str, str, str], ...]
    notices: tuple[tuple[str, str], ...]
    changes: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """An article of a story with what decides on its origin. Datetimes are aware UTC.

    Attributes:
        thin: it has too little text to be compared.
        canonical: the URL keys that its page names as canonical.
    """

    story: int
    article: int
    source: str
    url: str
    copies: int
    published: datetime | None
    seen_at: datetime
    duplicate_of: int | None
    thin: bool
    settled: bool
    credits: tuple[tuple[str, str, str], ...]
    canonical: tuple[str, ...]
    origin: str | None
    origin_reason: str


def to_read(connection: sa.Connection, after: int, limit: int) -> list[tuple[int, bool]]:
    """(article, settled) of grouped articles that were not read for credits as they are now, ids above `after` first.

    An article is read again when its text changed, and when its page came or was given up.
    """
    settled = article.c.page_state != _AWAITED
    rows = connection.execute(
        sa.select(article.c.id, settled.label("settled"))
        .join(story_article, story_article.c.article == article.c.id)
        .outerjoin(credit, credit.c.article == article.c.id)
        .where(
            article.c.id > after,
            sa.or_(
                credit.c.article.is_(None),
                credit.c.version != article.c.version,
                sa.and_(credit.c.settled.is_(False), settled),
            ),
        )
        .order_by(article.c.id)
        .limit(limit)
    )
    return [(row.id, bool(row.settled)) for row in rows]


def credits_of(connection: sa.Connection, articles: Collection[int]) -> dict[int, CreditRow]:
    """What the named articles say of themselves; those that were not read are left out."""
    rows = connection.execute(sa.select(credit).where(credit.c.article.in_(articles)))
    return {
        row.article: CreditRow(
            row.article,
            row.version,
            row.settled,
            row.title,
            tuple(row.figures),
            tuple((key, kind, words) for key, kind, words in row.credits),
            tuple((kind, words) for kind, words in row.notices),
            tuple((version, words) for version, words in row.changes),
        )
        for row in rows
    }


def store_credits(connection: sa.Connection, rows: Sequence[CreditRow]) -> None:
    """Store what articles say of themselves; their stories are to be assessed."""
    values = [
        {
            "article": row.article,
            "version": row.version,
            "settled": row.settled,
            "title": row.title,
            "figures": list(row.figures),
            "credits": [list(one) for one in row.credits],
            "notices": [list(one) for one in row.notices],
            "changes": [list(one) for one in row.changes],
        }
        for row in rows
    ]
    upsert(connection, credit, values, [column.name for column in credit.c if not column.primary_key])
    forget_origins(connection, [row.article for row in rows])


def forget_origins(connection: sa.Connection, articles: Collection[int]) -> None:
    """Have the stories of these articles assessed again."""
    connection.execute(sa.update(story_article).where(story_article.c.article.in_(articles)).values(origin=None))


def to_assess(connection: sa.Connection, after: int, limit: int) -> list[int]:
    """Stories above `after` with an article whose origin is not known, oldest first."""
    rows = connection.execute(
        sa.select(story_article.c.story)
        .where(story_article.c.origin.is_(None), story_article.c.story > after)
        .distinct()
        .order_by(story_article.c.story)
        .limit(limit)
    )
    return list(rows.scalars())


def members(connection: sa.Connection, stories: Collection[int]) -> dict[int, list[MemberRow]]:
    """The articles of each story, by story and article."""
    rows = connection.execute(
        sa.select(
            story_article.c.story, story_article.c.copies, story_article.c.origin, story_article.c.origin_reason,
            article.c.id, article.c.source, article.c.url, article.c.published, article.c.seen_at,
            article.c.duplicate_of, article.c.text_hash, article.c.page_state, credit.c.credits,
        )
        .join(article, article.c.id == story_article.c.article)
        .outerjoin(credit, credit.c.article == article.c.id)
        .where(story_article.c.story.in_(stories))
        .order_by(story_article.c.story, article.c.id)
    ).all()  # fmt: skip
    canonical = _canonical(connection, [row.id for row in rows if row.duplicate_of is None])
    found: dict[int, list[MemberRow]] = {key: [] for key in stories}
    for row in rows:
        found[row.story].append(_member(row, canonical))
    return found


def _member(row: Any, canonical: Mapping[int, tuple[str, ...]]) -> MemberRow:
    return MemberRow(
        story=row.story,
        article=row.id,
        source=row.source,
        url=row.url,
        copies=row.copies,
        published=row.published,
        seen_at=row.seen_at,
        duplicate_of=row.duplicate_of,
        thin=not row.text_hash,
        settled=row.page_state != _AWAITED,
        credits=tuple((key, kind, words) for key, kind, words in row.credits or ()),
        canonical=canonical.get(row.id, ()),
        origin=row.origin,
        origin_reason=row.origin_reason,
    )


def _canonical(connection: sa.Connection, articles: Collection[int]) -> dict[int, tuple[str, ...]]:
    rows = connection.execute(
        sa.select(article_url.c.article, article_url.c.key)
        .where(article_url.c.article.in_(articles), article_url.c.how == "canonical")
        .order_by(article_url.c.key)
    )
    found: dict[int, tuple[str, ...]] = {}
    for row in rows:
        found[row.article] = (*found.get(row.article, ()), row.key)
    return found


def store_origins(connection: sa.Connection, origins: Mapping[int, tuple[str, str]]) -> None:
    """Store article -> (key, reason)."""
    if origins:
        statement = (
            sa.update(story_article)
            .where(story_article.c.article == sa.bindparam("for_article"))
            .values(origin=sa.bindparam("key"), origin_reason=sa.bindparam("why"))
        )
        rows = [{"for_article": key, "key": origin, "why": reason} for key, (origin, reason) in origins.items()]
        connection.execute(statement, rows)


def assessed(connection: sa.Connection, stories: Collection[int]) -> None:
    """Have desks weighed against these stories again."""
    connection.execute(sa.update(story).where(story.c.id.in_(stories)).values(assessment=story.c.assessment + 1))
