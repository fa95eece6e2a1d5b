"""Merging and splitting stories by hand. Every decision is recorded, respected by grouping, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import decisions, grouping
from alerts.ledger import storybook as queries
from alerts.ledger.stories import articles_of
from alerts.revisions.carrying import carry_apart, carry_over
from alerts.stories import recore
from alerts.storybook.errors import StoryError

if TYPE_CHECKING:
    from crawler.archive import Archive


def merge(archive: Archive, keep: int, leave: int, who: tuple[str, str], now: datetime) -> int:
    """Make one story of two: the articles of `leave` go to `keep`.

    Args:
        archive: the database; all of it is one transaction.
        keep: the story that stays.
        leave: the one whose articles it takes. What desks were told of it counts as told of `keep`.
        who: (by, note), for the record.
        now: aware UTC.

    Returns:
        The number of the decision, for `undo`.

    Raises:
        StoryError: one of them is not there, was merged before, or they are one story.
    """
    if keep == leave:
        raise StoryError(f"story {keep} cannot be merged with itself")
    with archive.write() as connection:
        for key in (keep, leave):
            _standing(connection, key)
        articles = [article.id for article in articles_of(connection, [leave])[leave]]
        decision = decisions.add_decision(connection, "merge", (keep, leave), articles, who, now)
        for apart in decisions.decisions_of(connection, [keep, leave]):
            # Who merges what was split takes the split back.
            if apart.kind == "split" and apart.undone_at is None and {apart.story, apart.other} == {keep, leave}:
                decisions.mark_undone(connection, apart.id, who[0], now)
        _join(connection, keep, leave, articles, _words(f"merged by {who[0]}", who[1]), who[0], now)
    return decision


def split(
    archive: Archive, story: int, articles: Sequence[int], who: tuple[str, str], now: datetime
) -> tuple[int, int]:
    """Take articles out of a story into a new one. Grouping will not unite the two again.

    Args:
        archive: the database; all of it is one transaction.
        story: that they are in.
        articles: some of its articles, not all.
        who: (by, note), for the record.
        now: aware UTC.

    Returns:
        The number of the decision, for `undo`, and that of the new story.

    Raises:
        StoryError: the story is not there, an article is not in it, or none would be left.
    """
    with archive.write() as connection:
        _standing(connection, story)
        here = [article.id for article in articles_of(connection, [story])[story]]
        wanted = sorted(set(articles))
        if strangers := [key for key in wanted if key not in here]:
            raise StoryError(f"{_articles(strangers)} not in story {story}, which has {_listed(here)}")
        if len(wanted) == len(here):
            raise StoryError(f"these are all articles of story {story}: one of them has to stay")
        if not wanted:
            raise StoryError("name the articles that are to leave the story")
        new = grouping.create_stories(connection, wanted[:1], now)[wanted[0]]
        decision = decisions.add_decision(connection, "split", (story, new), wanted, who, now)
        _part(connection, story, new, wanted, _words(f"split off by {who[0]}", who[1]), who[0], now)
    return decision, new


def undo(archive: Archive, number: int, by: str, now: datetime) -> str:
    """Take a decision back: what was merged is parted again, what was split is one story again.

    Args:
        archive: the database; all of it is one transaction.
        number: of the decision.
        by: who takes it back.
        now: aware UTC.

    Returns:
        What was done, in words.

    Raises:
        StoryError: there is no such decision, it was undone before, or its articles have moved on since.
    """
    with archive.write() as connection:
        made = decisions.get_decision(connection, number)
        if made is None:
            raise StoryError(f"there is no decision {number}; `ceasewire stories show N` lists those about story N")
        if made.undone_at is not None:
            raise StoryError(f"decision {number} was undone before, by {made.undone_by}")
        there = queries.placed(connection, made.articles)
        source = made.story if made.kind == "merge" else made.other
        moved_on = [key for key in made.articles if key not in there or there[key].story != source]
        if moved_on:
            raise StoryError(f"decision {number} cannot be undone: {_articles(moved_on)} no longer in story {source}")
        decisions.mark_undone(connection, number, by, now)
        reason = f"decision {number} undone by {by}"
        if made.kind == "merge":
            queries.unmark_merged(connection, made.other)
            _part(connection, made.story, made.other, made.articles, reason, by, now)
            queries.unpin(connection, made.articles)
            return f"story {made.other} has its {len(made.articles)} articles back from story {made.story}"
        _standing(connection, made.story)
        everything = [article.id for article in articles_of(connection, [made.other])[made.other]]
        _join(connection, made.story, made.other, everything, reason, by, now)
        queries.unpin(connection, everything)
        return f"story {made.story} has the {len(everything)} articles of story {made.other} again"


def _join(
    connection: sa.Connection, keep: int, leave: int, articles: Sequence[int], reason: str, by: str, now: datetime
) -> None:
    carry_over(connection, leave, keep, now)
    grouping.move_articles(connection, articles, keep, reason=reason, now=now, by=by, pin=True)
    grouping.mark_merged(connection, leave, keep)
    queries.tidy_story(connection, keep, now)
    recore(connection, [keep], now)


def _part(
    connection: sa.Connection, story: int, new: int, articles: Sequence[int], reason: str, by: str, now: datetime
) -> None:
    grouping.move_articles(connection, articles, new, reason=reason, now=now, by=by, pin=True)
    for key in (story, new):
        queries.tidy_story(connection, key, now)
    carry_apart(connection, story, new, now)
    recore(connection, [story, new], now)


def _standing(connection: sa.Connection, key: int) -> None:
    found = queries.find_story(connection, key)
    if found is None:
        raise StoryError(f"there is no story {key}")
    if found.merged_into is not None:
        raise StoryError(f"story {key} was merged into story {found.merged_into}")


def _words(what: str, note: str) -> str:
    return f"{what}: {note}" if note else what


def _articles(keys: Sequence[int]) -> str:
    return f"article {keys[0]} is" if len(keys) == 1 else f"articles {_listed(keys)} are"


def _listed(keys: Sequence[int]) -> str:
    shown = ", ".join(str(key) for key in keys[:8])
    return shown + (" and more" if len(keys) > 8 else "")
