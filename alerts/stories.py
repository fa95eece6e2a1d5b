"""Grouping: articles without a story -> stories. For now one story per canonical article and per identical text.

Equal text is no proof by itself: a consent page or "subscribe to read on" is equal for every article of an outlet, and
joining those would hide stories. So equal texts are joined only under the same title, or when another outlet prints
them and they are long enough to be an article.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


def group_articles(archive: Archive, now: datetime) -> int:
    """Put every article that has no story into one, and join stories that turned out to be the same.

    Args:
        archive: the database; each batch is one transaction, so the job may be killed at any moment.
        now: aware UTC.

    Returns:
        How many articles found their story, plus how many stories were joined to another.
    """
    done = 0
    while True:
        with archive.write() as connection:
            batch = queries.ungrouped(connection, BATCH)
            for article in batch:
                _place(connection, article, now)
        done += len(batch)
        if len(batch) < BATCH:
            break
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


def _when(article: Candidate) -> datetime:
    """When an article came out, as far as it can be believed: never later than it was seen."""
    return min(article.published or article.seen_at, article.seen_at)


def _place(connection: sa.Connection, article: Candidate, now: datetime) -> None:
    """Put one article into a story; the article it duplicates goes first, so that the story is founded by that one."""
    known = queries.candidates(connection, [article.duplicate_of] if article.duplicate_of is not None else [])
    canonical = known.get(article.duplicate_of) if article.duplicate_of is not None else None
    # A loop of two pages that name each other ends here: the second of them is looked at without its link.
    if canonical is not None and canonical.story is None and canonical.duplicate_of is None:
        _place(connection, canonical, now)
        canonical = queries.candidates(connection, [canonical.id])[canonical.id]
    current = queries.candidates(connection, [article.id])[article.id]
    if current.story is not None:
        return
    equals = _equals(connection, article.text_hash, now) if article.text_hash else []
    join = decide(article, canonical, equals, partial(_length, connection, article.id))
    if join is None:
        queries.create_story(connection, article, "first to tell it", now)
        return
    story = queries.candidates(connection, [join.other])[join.other].story
    assert story is not None
    queries.join_story(connection, article.id, story, "copy", join.reason, now)


def _equals(connection: sa.Connection, text_hash: str, now: datetime) -> list[Candidate]:
    return queries.grouped_with_text(connection, text_hash, now - 2 * WINDOW, MOST_EQUALS)


def _length(connection: sa.Connection, article_id: int) -> int:
    article = get_article(connection, article_id)
    return len(article.body) if article else 0


def _join_late(connection: sa.Connection, now: datetime) -> int:
    """Join stories whose articles' pages came after the grouping and showed that they are the same."""
    joined = 0
    for article_id, target in queries.late_links(connection):
        joined += _unite(connection, article_id, target, f"canonical link names article {target}", now)
    for text_hash in queries.late_texts(connection, now - 2 * WINDOW):
        equals = _equals(connection, text_hash, now)
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
