"""Grouping: articles without a story -> stories. For now one story per canonical article and per identical text.

Equal text is no proof by itself: a consent page or "subscribe to read on" is equal for every article of an outlet, and
joining those would hide stories. So equal texts are joined only under the same title, or when another outlet prints
them and they are long enough to be an article.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import stories as queries
from crawler.archive.articles import get_article
from crawler.articles import fold

if TYPE_CHECKING:
    from alerts.ledger.stories import Candidate
    from crawler.archive import Archive

WINDOW = timedelta(days=14)
"""The same text within this time is the same story; later it is a republication."""
LONG_ENOUGH = 300
"""Characters from which two outlets do not print the same text by chance."""
MOST_EQUALS = 100
"""So many articles with one text are looked at; more of them are some outlet's boilerplate."""
BATCH = 500


@dataclass(frozen=True, slots=True)
class Join:
    """Why an article belongs to the story of `other`."""

    other: int
    reason: str


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an article goes: into `story`, or into a new one that it founds when that is None.

    Attributes:
        article: the article; its `story` is a stand-in while `story` here is None or belongs to this batch.
        story: an existing story.
        founder: article of the same batch that founds the story; None if it exists.
    """

    article: Candidate
    story: int | None
    founder: int | None
    reason: str


def group_articles(archive: Archive, now: datetime) -> int:
    """Put every article that has no story into one, and join stories that turned out to be the same.

    Args:
        archive: the database; each batch is one transaction, so the job may be killed at any moment.
        now: aware UTC.

    Returns:
        How many articles found their story, plus how many stories were joined to another.
    """
    done = after = 0
    while True:
        with archive.write() as connection:
            batch = queries.ungrouped(connection, after, BATCH)
            _place(connection, batch, now)
        done += len(batch)
        if len(batch) < BATCH:
            break
        after = batch[-1].id
    with archive.write() as connection:
        return done + _join_late(connection, now)


def same_text(one: Candidate, other: Candidate, length: Callable[[], int]) -> str:
    """Why two articles with equal text are the same story; empty when they need not be.

    Args:
        one: an article.
        other: another one with the same text hash.
        length: gives the length of that text in characters; asked only when it decides.
    """
    if not one.text_hash or one.text_hash != other.text_hash or abs(_when(one) - _when(other)) > WINDOW:
        return ""
    if fold(one.title) == fold(other.title):
        return f"same title and text as article {other.id}"
    if one.source != other.source and length() >= LONG_ENOUGH:
        return f"same text as article {other.id}"
    return ""


def decide(
    article: Candidate, canonical: Candidate | None, equals: Iterable[Candidate], length: Callable[[], int]
) -> Join | None:
    """Which article's story an article belongs to; None when it tells a story of its own.

    Args:
        article: the one to place.
        canonical: the article its canonical link names, if that one is in a story.
        equals: articles with equal text that are in stories, oldest first.
        length: gives the length of the article's text; asked only when it decides.
    """
    if canonical is not None and canonical.story is not None:
        return Join(canonical.id, f"canonical link names article {canonical.id}")
    known = [other for other in equals if other.id != article.id]
    of_its_own = is_boilerplate([article, *known])
    for other in known:
        if of_its_own and fold(article.title) != fold(other.title):
            continue
        if reason := same_text(article, other, length):
            return Join(other.id, reason)
    return None


def is_boilerplate(equals: Iterable[Candidate]) -> bool:
    """Whether one outlet has the same text under different titles: then it is the outlet's page, not an article."""
    titles: dict[str, str] = {}
    return any(titles.setdefault(article.source, fold(article.title)) != fold(article.title) for article in equals)


def plan(
    batch: Iterable[Candidate],
    known: Mapping[int, Candidate],
    equals: Mapping[str, Sequence[Candidate]],
    length: Callable[[int], int],
) -> list[Placement]:
    """Decide where each article of a batch goes.

    Args:
        batch: articles without a story.
        known: articles in stories, by id: those that canonical links of the batch name.
        equals: articles in stories by text hash, oldest first.
        length: gives the length of an article's text by its id; asked only when it decides.

    Returns:
        One placement an article, founders before those who join them.
    """
    placed: dict[int, Placement] = {}
    seen = {text_hash: list(others) for text_hash, others in equals.items()}
    stories = dict(known)
    # Articles that name another one come last, so that the original founds the story although its id may be higher.
    for article in sorted(batch, key=lambda article: (article.duplicate_of is not None, article.id)):
        canonical = stories.get(article.duplicate_of) if article.duplicate_of is not None else None
        others = seen.setdefault(article.text_hash, []) if article.text_hash else []
        join = decide(article, canonical, others, partial(length, article.id))
        if join is None:
            placement = Placement(article, None, article.id, "first to tell it")
        elif join.other in placed:
            first = placed[join.other]
            placement = Placement(article, first.story, first.founder, join.reason)
        else:
            other = stories[join.other] if join.other in stories else next(o for o in others if o.id == join.other)
            placement = Placement(article, other.story, None, join.reason)
        placed[article.id] = placement
        # A stand-in for the story that is not there yet; its sign keeps it apart from real ones.
        story = placement.story if placement.founder is None else -placement.founder
        stories[article.id] = replace(article, story=story)
        others.append(stories[article.id])
    return list(placed.values())


def _when(article: Candidate) -> datetime:
    """When an article came out, as far as it can be believed: never later than it was seen."""
    return min(article.published or article.seen_at, article.seen_at)


def _place(connection: sa.Connection, batch: Sequence[Candidate], now: datetime) -> None:
    """Put a batch of articles into stories."""
    known = queries.candidates(connection, {a.duplicate_of for a in batch if a.duplicate_of is not None})
    grouped = {key: article for key, article in known.items() if article.story is not None}
    equals = _equals(connection, {article.text_hash for article in batch if article.text_hash}, now)
    placements = plan(batch, grouped, equals, partial(_length, connection))
    founders = [placement.article for placement in placements if placement.founder == placement.article.id]
    founded = queries.create_stories(connection, founders, now)
    rows = []
    for placement in placements:
        story = placement.story if placement.founder is None else founded[placement.founder]
        assert story is not None
        relation = "first" if placement.founder == placement.article.id else "copy"
        rows.append((placement.article.id, story, relation, placement.reason))
    queries.join_stories(connection, rows, now)


def _equals(connection: sa.Connection, hashes: Collection[str], now: datetime) -> dict[str, list[Candidate]]:
    return queries.grouped_with_text(connection, hashes, now - 2 * WINDOW, MOST_EQUALS)


def _length(connection: sa.Connection, article_id: int) -> int:
    article = get_article(connection, article_id)
    return len(article.body) if article else 0


def _join_late(connection: sa.Connection, now: datetime) -> int:
    """Join stories whose articles' pages came after the grouping and showed that they are the same."""
    joined = 0
    for article_id, target in queries.late_links(connection):
        joined += _unite(connection, article_id, target, f"canonical link names article {target}", now)
    for text_hash in queries.late_texts(connection, now - 2 * WINDOW):
        equals = _equals(connection, [text_hash], now).get(text_hash, [])
        for place, article in enumerate(equals[1:], start=1):
            join = decide(article, None, equals[:place], partial(_length, connection, article.id))
            if join is not None:
                joined += _unite(connection, article.id, join.other, join.reason, now)
    return joined


def _unite(connection: sa.Connection, article_id: int, other_id: int, reason: str, now: datetime) -> bool:
    """Make one story of two articles' stories. The one a desk already has an item of stays, else the older one."""
    found = queries.candidates(connection, [article_id, other_id])
    stories = sorted({key for key in (found[article_id].story, found[other_id].story) if key is not None})
    if len(stories) < 2:
        return False
    told = queries.told_stories(connection, stories)
    keep, leave = sorted(stories, key=lambda key: (key not in told, key))
    queries.move_articles(connection, leave, keep, reason, now)
    return True
