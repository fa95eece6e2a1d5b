"""The index of grouping: which texts share runs of words, which stories share terms, how rare words are, and cores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from alerts.ledger.schema import story, story_core, story_term, story_word, text_sketch
from crawler.archive.engine import upsert
from crawler.archive.lists import among, put_pairs
from crawler.archive.schema import article

ALL = 0
"""The word that counts the articles."""
TIDIED = -1
"""Not a word: the day on which the index was last tidied."""

# Built once: building a query costs more than asking it.
_WITH_RUN = (
    sa.select(text_sketch.c.run, text_sketch.c.article)
    .where(among(text_sketch.c.run))
    .order_by(text_sketch.c.run, text_sketch.c.article)
)
_WITH_TERM = (
    sa.select(story_term.c.term, sa.func.coalesce(story.c.merged_into, story.c.id))
    .join(story, story.c.id == story_term.c.story)
    .where(among(story_term.c.term))
    .order_by(story_term.c.term, story_term.c.story)
)
_LATEST = (
    sa.select(story_term.c.term, story_term.c.story)
    .where(story_term.c.term == sa.bindparam("term"))
    .order_by(story_term.c.story.desc())
    .limit(sa.bindparam("most"))
    .subquery()
)
_LATEST_WITH_TERM = (
    sa.select(sa.func.coalesce(story.c.merged_into, story.c.id))
    .select_from(_LATEST)
    .join(story, story.c.id == _LATEST.c.story)
    .order_by(_LATEST.c.story)
)
_COUNTS = sa.select(story_word.c.word, story_word.c.articles).where(among(story_word.c.word))
_CORES = sa.select(story_core.c.story, story_core.c.since, story_core.c.until, story_core.c.features).where(
    among(story_core.c.story)
)


@dataclass(frozen=True, slots=True)
class StoredCore:
    """The core of a story as it is stored; `features` is zstd of JSON (alerts/stories/related.py)."""

    story: int
    since: datetime
    until: datetime
    features: bytes


def texts_with(connection: sa.Connection, runs: Collection[int]) -> dict[int, list[int]]:
    """Run -> articles that have it, in the order in which they came."""
    found: dict[int, list[int]] = {}
    for run, key in connection.execute(_WITH_RUN, {"keys": runs}).all():
        found.setdefault(run, []).append(key)
    return found


def stories_with(connection: sa.Connection, terms: Collection[int]) -> dict[int, list[int]]:
    """Term -> stories that have it, the latest last; a story that became part of another is that one."""
    found: dict[int, list[int]] = {}
    for term, key in connection.execute(_WITH_TERM, {"keys": terms}).all():
        found.setdefault(term, []).append(key)
    return found


def latest_with(connection: sa.Connection, term: int, limit: int) -> list[int]:
    """The latest stories that have a term which many have, the latest last."""
    return list(connection.execute(_LATEST_WITH_TERM, {"term": term, "most": limit}).scalars().all())


def word_counts(connection: sa.Connection, words: Collection[int]) -> dict[int, int]:
    """Word -> articles that had it; words nobody had are left out."""
    return {word: articles for word, articles in connection.execute(_COUNTS, {"keys": words}).all()}  # noqa: C416 - typed


def cores(connection: sa.Connection, stories: Collection[int]) -> dict[int, StoredCore]:
    """The cores of these stories; those without one are left out."""
    return {row.story: StoredCore(*row) for row in connection.execute(_CORES, {"keys": stories})}


def add_runs(connection: sa.Connection, rows: Iterable[tuple[int, int]]) -> None:
    """Index (run, article)."""
    put_pairs(connection, text_sketch, rows)


def add_terms(connection: sa.Connection, rows: Iterable[tuple[int, int]]) -> None:
    """Index (term, story)."""
    put_pairs(connection, story_term, rows)


def add_words(connection: sa.Connection, counts: Mapping[int, int]) -> None:
    """Count further articles that had these words."""
    put_pairs(connection, story_word, counts.items(), grows="articles")


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
