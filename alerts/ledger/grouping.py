"""Queries of grouping: which articles wait, what is known of those before, and where they were put."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from alerts.ledger.schema import (
    item,
    story,
    story_article,
    story_core,
    story_move,
    story_term,
    story_word,
    text_sketch,
)
from crawler.archive.engine import insert_for, insert_new, upsert
from crawler.archive.schema import article, article_text
from crawler.archive.texts import unpack

ALL = 0
"""The word that counts the articles."""
TIDIED = -1
"""Not a word: the day on which the index was last tidied."""
_CHUNK = 500
_Key = TypeVar("_Key")


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
class StoredCore:
    """The core of a story as it is stored; `features` is zstd of JSON (alerts/stories/related.py)."""

    story: int
    since: datetime
    until: datetime
    features: bytes


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
    for chunk in _chunks(sorted(articles)):
        for row in connection.execute(_TEXTS, {"keys": chunk}):
            key, version, source, title, codec, body, *rest = row
            found.append(ToGroup(key, version, source, title, unpack(codec, body), *rest))
    return found


def members(connection: sa.Connection, articles: Collection[int]) -> dict[int, Member]:
    """Where these articles are; those in no story are left out."""
    return {
        row.article: Member(*row)
        for chunk in _chunks(articles)
        for row in connection.execute(_MEMBERS_AMONG, {"keys": chunk})
    }


def members_of(connection: sa.Connection, story_id: int) -> list[Member]:
    """The articles of a story, the one that founded it first."""
    first = sa.case((story_article.c.relation == "first", 0), else_=1)
    query = _MEMBERS.where(story_article.c.story == story_id).order_by(first, story_article.c.article)
    return [Member(*row) for row in connection.execute(query)]


def texts_with(connection: sa.Connection, runs: Collection[int]) -> dict[int, list[int]]:
    """Run -> articles that have it, in the order in which they came."""
    found: dict[int, list[int]] = {}
    for chunk in _chunks(runs):
        for run, key in connection.execute(_WITH_RUN, {"keys": chunk}):
            found.setdefault(run, []).append(key)
    return found


def stories_with(connection: sa.Connection, terms: Collection[int]) -> dict[int, list[int]]:
    """Term -> stories that have it, the latest last; a story that became part of another is that one."""
    found: dict[int, list[int]] = {}
    for chunk in _chunks(terms):
        for term, key in connection.execute(_WITH_TERM, {"keys": chunk}):
            found.setdefault(term, []).append(key)
    return found


def latest_with(connection: sa.Connection, term: int, limit: int) -> list[int]:
    """The latest stories that have a term which many have, the latest last."""
    latest = (
        sa.select(story_term.c.term, story_term.c.story)
        .where(story_term.c.term == term)
        .order_by(story_term.c.story.desc())
        .limit(limit)
        .subquery()
    )
    now = sa.func.coalesce(story.c.merged_into, story.c.id).label("now")
    rows = connection.execute(
        sa.select(now).select_from(latest).join(story, story.c.id == latest.c.story).order_by(latest.c.story)
    )
    return list(rows.scalars())


def word_counts(connection: sa.Connection, words: Collection[int]) -> dict[int, int]:
    """Word -> articles that had it; words nobody had are left out."""
    return {
        word: articles for chunk in _chunks(words) for word, articles in connection.execute(_COUNTS, {"keys": chunk})
    }


def cores(connection: sa.Connection, stories: Collection[int]) -> dict[int, StoredCore]:
    """The cores of these stories; those without one are left out."""
    return {
        row.story: StoredCore(*row) for chunk in _chunks(stories) for row in connection.execute(_CORES, {"keys": chunk})
    }


def create_stories(connection: sa.Connection, founders: Sequence[int], now: datetime) -> dict[int, int]:
    """Make a story for each article that founds one; returns article -> story. `add_members` puts the articles in."""
    if not founders:
        return {}
    row = {"revision": 1, "created_at": now, "changed_at": now, "text_hash": "", "change": ""}
    made = connection.execute(
        sa.insert(story).returning(story.c.id, sort_by_parameter_order=True), [row] * len(founders)
    ).scalars()
    return dict(zip(founders, made, strict=True))


def add_members(connection: sa.Connection, rows: Iterable[NewMember], now: datetime) -> None:
    """Put articles that are in no story into one."""
    values = [{**_values(row), "at": now} for row in rows]
    if values:
        connection.execute(sa.insert(story_article), values)


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


def add_runs(connection: sa.Connection, rows: Iterable[tuple[int, int]]) -> None:
    """Index (run, article)."""
    insert_new(connection, text_sketch, [{"run": run, "article": key} for run, key in rows])


def add_terms(connection: sa.Connection, rows: Iterable[tuple[int, int]]) -> None:
    """Index (term, story)."""
    insert_new(connection, story_term, [{"term": term, "story": key} for term, key in rows])


def add_words(connection: sa.Connection, counts: Mapping[int, int]) -> None:
    """Count further articles that had these words."""
    if not counts:
        return
    statement = insert_for(connection, story_word)
    statement = statement.on_conflict_do_update(
        index_elements=[story_word.c.word],
        set_={"articles": story_word.c.articles + statement.excluded.articles},
    )
    # In one order everywhere, or two writers could wait for each other.
    connection.execute(statement, [{"word": word, "articles": counts[word]} for word in sorted(counts)])


def put_cores(connection: sa.Connection, rows: Iterable[StoredCore]) -> None:
    """Store the cores of stories, new and changed ones."""
    values = [{"story": row.story, "since": row.since, "until": row.until, "features": row.features} for row in rows]
    upsert(connection, story_core, values, ["since", "until", "features"])


def tidied_on(connection: sa.Connection) -> int:
    """The day, as a proleptic ordinal, on which the index was last tidied; 0 for never."""
    row = connection.execute(sa.select(story_word.c.articles).where(story_word.c.word == TIDIED)).scalar()
    return row or 0


def drop_cores(connection: sa.Connection, before: datetime) -> int:
    """Forget the cores of stories whose latest article is older."""
    return connection.execute(sa.delete(story_core).where(story_core.c.until < before)).rowcount


def oldest_kept(connection: sa.Connection, before: datetime) -> tuple[int, int]:
    """(article, story): the index of what has smaller ids is to go."""
    latest = sa.select(article.c.id).where(article.c.seen_at < before).order_by(article.c.seen_at.desc()).limit(1)
    oldest = sa.select(sa.func.min(story_core.c.story))
    return (connection.execute(latest).scalar() or 0) + 1, connection.execute(oldest).scalar() or 0


def drop_index(connection: sa.Connection, keys: tuple[int, int], article_id: int, story_id: int) -> int:
    """Forget runs of articles and terms of stories with smaller ids, for keys in a half-open range."""
    gone = 0
    for key, what, least in (
        (text_sketch.c.run, text_sketch.c.article, article_id),
        (story_term.c.term, story_term.c.story, story_id),
    ):
        old = sa.delete(key.table).where(key >= keys[0], key < keys[1], what < least)
        gone += connection.execute(old).rowcount
    return gone


def mark_tidied(connection: sa.Connection, day: int, *, halve: bool) -> None:
    """Note the day of tidying; and halve what was counted so far, if it is time for that."""
    if halve:
        counted = story_word.c.word != TIDIED
        connection.execute(sa.update(story_word).where(counted).values(articles=story_word.c.articles // 2))
        connection.execute(sa.delete(story_word).where(counted, story_word.c.articles == 0))
    upsert(connection, story_word, [{"word": TIDIED, "articles": day}], ["articles"])


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


def _chunks(keys: Collection[_Key]) -> Iterator[list[_Key]]:
    ordered = list(keys)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]


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
# Built once: building a query costs more than asking it. `keys` becomes as many parameters as it has values.
_KEYS: sa.BindParameter[Any] = sa.bindparam("keys", expanding=True)
_MEMBERS_AMONG = _MEMBERS.where(story_article.c.article.in_(_KEYS))
_WITH_RUN = (
    sa.select(text_sketch.c.run, text_sketch.c.article)
    .where(text_sketch.c.run.in_(_KEYS))
    .order_by(text_sketch.c.run, text_sketch.c.article)
)
_WITH_TERM = (
    sa.select(story_term.c.term, sa.func.coalesce(story.c.merged_into, story.c.id))
    .join(story, story.c.id == story_term.c.story)
    .where(story_term.c.term.in_(_KEYS))
    .order_by(story_term.c.term, story_term.c.story)
)
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
    .where(article.c.id.in_(_KEYS))
    .order_by(article.c.id)
)
_COUNTS = sa.select(story_word.c.word, story_word.c.articles).where(story_word.c.word.in_(_KEYS))
_CORES = sa.select(story_core.c.story, story_core.c.since, story_core.c.until, story_core.c.features).where(
    story_core.c.story.in_(_KEYS)
)
