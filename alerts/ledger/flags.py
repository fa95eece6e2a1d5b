"""Queries of readings and flags: which articles are unread, what was found in them, what still holds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import zstandard

from alerts.ledger.schema import flag, reading, rule_set, story_article
from crawler.archive.engine import insert_for, insert_new
from crawler.archive.schema import article

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule's hit on one version of an article, as stored.

    Attributes:
        start, end: the span that proves it, in code points of `field` (lead and body offsets count in the body).
        sentence_start: where `sentence` begins in the field.
        terms: the matched words, as spans in the field.
    """

    id: int
    article: int
    version: int
    rule: str
    rule_set: str
    topic: str
    class_: str
    stage: str | None
    severity: str
    tags: tuple[str, ...]
    field: str
    start: int
    end: int
    sentence: str
    sentence_start: int
    terms: tuple[Span, ...]
    at: datetime


_COLUMNS = (
    flag.c.id,
    flag.c.article,
    flag.c.version,
    flag.c.rule,
    flag.c.rule_set,
    flag.c.topic,
    flag.c["class"],
    flag.c.stage,
    flag.c.severity,
    flag.c.tags,
    flag.c.field,
    flag.c.start,
    flag.c.end,
    flag.c.sentence,
    flag.c.sentence_start,
    flag.c.terms,
    flag.c.at,
)


def store_rule_set(connection: sa.Connection, hash_: str, rules: int, source: bytes, now: datetime) -> None:
    """Keep the files of a rule set, once, so that every flag can be read again."""
    known = connection.execute(sa.select(rule_set.c.hash).where(rule_set.c.hash == hash_)).first()
    if known is None:
        packed = zstandard.compress(source)
        insert_new(connection, rule_set, [{"hash": hash_, "first_used": now, "rules": rules, "source": packed}])


def unread(connection: sa.Connection, after: int, limit: int) -> list[int]:
    """Ids above `after` of articles whose current version no rule set has read, oldest first.

    `after` only pages through one job's work. A job always begins at 0, so that an article whose transaction
    committed late, after one with a higher id, is found as well.
    """
    rows = connection.execute(
        sa.select(article.c.id)
        .outerjoin(reading, sa.and_(reading.c.article == article.c.id, reading.c.version == article.c.version))
        .where(article.c.id > after, reading.c.article.is_(None))
        .order_by(article.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


def count_unread(connection: sa.Connection) -> int:
    """How many articles have a current version that no rule set has read."""
    read = sa.select(reading.c.article).where(reading.c.article == article.c.id, reading.c.version == article.c.version)
    return int(connection.execute(sa.select(sa.func.count()).select_from(article).where(~read.exists())).scalar_one())


def add_reading(connection: sa.Connection, article_id: int, version: int, hash_: str, now: datetime) -> bool:
    """Record that a rule set has read a version of an article; False when another process has recorded one already."""
    row = {"article": article_id, "version": version, "rule_set": hash_, "at": now}
    statement = insert_for(connection, reading).values(row).on_conflict_do_nothing().returning(reading.c.article)
    return connection.execute(statement).first() is not None


def add_flags(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert flags (column name -> value) that are not there yet; returns how many were new."""
    if not rows:
        return 0
    statement = insert_for(connection, flag).values(list(rows)).on_conflict_do_nothing().returning(flag.c.id)
    return len(connection.execute(statement).all())


def withdraw_flags(
    connection: sa.Connection, article_id: int, version: int, still: Collection[str], now: datetime
) -> int:
    """Withdraw what older versions of an article were flagged for and `version` no longer is.

    Args:
        connection: a writing one.
        article_id: whose flags.
        version: the version just read; its own flags stay.
        still: rules that hit that version.
        now: aware UTC.

    Returns:
        How many flags were withdrawn.
    """
    return connection.execute(
        sa.update(flag)
        .where(
            flag.c.article == article_id,
            flag.c.version < version,
            flag.c.rule.not_in(still),
            flag.c.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
    ).rowcount


def live_flags(connection: sa.Connection, stories: Collection[int], *, quiet: bool = True) -> dict[int, list[Flag]]:
    """The flags that hold on each story's articles: per article and rule the one of the newest version read.

    Args:
        connection: a reading or a writing one.
        stories: whose flags.
        quiet: also those found by re-reading the past, which are no reason to tell anybody.
    """
    query = (
        sa.select(story_article.c.story, *_COLUMNS)
        .join(flag, flag.c.article == story_article.c.article)
        .where(story_article.c.story.in_(stories), flag.c.withdrawn_at.is_(None))
        .order_by(flag.c.id)
    )
    rows = connection.execute(query if quiet else query.where(flag.c.quiet.is_(False)))
    newest: dict[tuple[int, int, str], Flag] = {}
    for story, *values in rows:
        found = _flag_of(values)
        before = newest.get((story, found.article, found.rule))
        if before is None or (before.version, before.id) < (found.version, found.id):
            newest[story, found.article, found.rule] = found
    flags: dict[int, list[Flag]] = {key: [] for key in stories}
    for (story, _, _), found in newest.items():
        flags[story].append(found)
    return flags


def flags_of_article(connection: sa.Connection, article_id: int) -> list[tuple[Flag, datetime | None]]:
    """Every flag an article ever had, oldest first, each with the time of its withdrawal or None."""
    rows = connection.execute(
        sa.select(*_COLUMNS, flag.c.withdrawn_at).where(flag.c.article == article_id).order_by(flag.c.id)
    )
    return [(_flag_of(values), withdrawn) for *values, withdrawn in rows]


def live_flags_of(connection: sa.Connection, articles: Collection[int]) -> dict[int, list[Flag]]:
    """The flags that hold, by article, oldest first, whatever version they are of."""
    rows = connection.execute(
        sa.select(*_COLUMNS).where(flag.c.article.in_(articles), flag.c.withdrawn_at.is_(None)).order_by(flag.c.id)
    )
    found: dict[int, list[Flag]] = {key: [] for key in articles}
    for values in rows:
        one = _flag_of(values)
        found[one.article].append(one)
    return found


def withdraw(connection: sa.Connection, flags: Collection[int], now: datetime) -> int:
    """Withdraw flags by id; returns how many were not withdrawn before."""
    if not flags:
        return 0
    statement = sa.update(flag).where(flag.c.id.in_(flags), flag.c.withdrawn_at.is_(None)).values(withdrawn_at=now)
    return connection.execute(statement).rowcount


def readings_of(connection: sa.Connection, articles: Collection[int]) -> dict[tuple[int, int], str]:
    """(article, version) -> hash of the rule set that has read it last."""
    rows = connection.execute(sa.select(reading).where(reading.c.article.in_(articles)))
    return {(row.article, row.version): row.rule_set for row in rows}


def read_again(connection: sa.Connection, article_id: int, version: int, hash_: str, now: datetime) -> bool:
    """Record that another rule set has read a version; False when nobody or this one had read it before."""
    statement = (
        sa.update(reading)
        .where(reading.c.article == article_id, reading.c.version == version, reading.c.rule_set != hash_)
        .values(rule_set=hash_, at=now)
    )
    return connection.execute(statement).rowcount == 1


def rule_set_in_force(connection: sa.Connection) -> tuple[str, bytes] | None:
    """Hash and source of the rule set that has read the newest article; None while nothing has been read."""
    newest = sa.select(reading.c.rule_set).order_by(reading.c.article.desc(), reading.c.version.desc()).limit(1)
    row = connection.execute(sa.select(rule_set).where(rule_set.c.hash == newest.scalar_subquery())).first()
    return None if row is None else (row.hash, zstandard.decompress(row.source))


def _flag_of(values: Sequence[Any]) -> Flag:
    row = dict(zip((column.name for column in _COLUMNS), values, strict=True))
    row["class_"] = row.pop("class")
    row["tags"] = tuple(row["tags"])
    row["terms"] = tuple((int(start), int(end)) for start, end in row["terms"])
    return Flag(**row)
