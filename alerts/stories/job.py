"""The job `group`: articles without a story find one, and articles whose text came later are placed anew.

Each batch is one transaction, and every step is a query for rows that still lack something, so that the job may be
killed at any moment and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import grouping as queries
from alerts.ledger.decisions import kept_apart
from alerts.ledger.grouping import Member, NewMember, ToGroup
from alerts.revisions.carrying import carry_over
from alerts.stories.placing import WINDOW, Placement, place
from alerts.stories.stored import StoredIndex, subject_of
from alerts.stories.words import Text, read

if TYPE_CHECKING:
    from crawler.archive import Archive

BATCH = 100
LATE = timedelta(days=3)
"""So long after it was first seen an article's text may still change where it belongs."""
GROUPED = "articles grouped"

Progress = Callable[[int, int, str], None]


def group_articles(archive: Archive, now: datetime, progress: Progress | None = None) -> int:
    """Put every article that has no story into one, and move those of which more is known by now.

    Args:
        archive: the database; each batch is one transaction, so the job may be killed at any moment.
        now: aware UTC.
        progress: called with (done, total, what), or None.

    Returns:
        How many articles found their story, plus how many were placed anew or moved.
    """
    with archive.read() as connection:
        total = queries.count_ungrouped(connection)
    done = _group_all(archive, now, now - LATE, lambda done: progress and progress(done, max(total, done), GROUPED))
    if done != total:
        # Some are older, or articles that were in stories are gone: then the whole archive is looked through.
        done += _group_all(archive, now, None, lambda more: progress and progress(done + more, total, GROUPED))
    return done + _late(archive, now)


def _group_all(archive: Archive, now: datetime, since: datetime | None, tell: Callable[[int], object]) -> int:
    done = after = 0
    while True:
        with archive.write() as connection:
            batch = queries.ungrouped(connection, after, BATCH, since)
            group_batch(connection, batch, now)
        done += len(batch)
        tell(done)
        if len(batch) < BATCH:
            return done
        after = batch[-1]


def group_batch(connection: sa.Connection, batch: Sequence[int], now: datetime) -> None:
    """Put articles that are in no story into one.

    Args:
        connection: a writing one; the whole batch is one transaction.
        batch: ids of articles, few enough to be in memory together.
        now: aware UTC.
    """
    if not batch:
        return
    articles = queries.texts_of(connection, batch)
    # Articles that name another one come last, so that the original founds the story although its id may be higher.
    articles.sort(key=lambda article: (article.duplicate_of is not None, article.id))
    texts = {article.id: read(article.title, article.body) for article in articles}
    index = StoredIndex(connection, now)
    index.load([(subject_of(article), texts[article.id]) for article in articles])
    placed: list[tuple[ToGroup, Placement]] = []
    united: list[tuple[int, int]] = []
    for article in articles:
        placement = _decide(article, texts[article.id], index)
        # A stand-in for the story that is not there yet; its sign keeps it apart from real ones.
        story = -article.id if placement.story is None else placement.story
        index.add(subject_of(article), texts[article.id], placement, story)
        placed.append((article, placement))
        for other in placement.unites:
            united += _unite(connection, index, story, other)
    _store(connection, index, placed, now)
    for leave, keep in united:
        _move_story(connection, leave, keep, "an article tells what both told", now)


def _decide(article: ToGroup, text: Text, index: StoredIndex) -> Placement:
    target = article.duplicate_of
    there = None if target is None else index.where(target)
    if there is not None:
        reason = "canonical link names article {}"
        return Placement(article.id, there.story, "copy", reason, there.copies, target)
    return place(subject_of(article), text, index, index.sketches[article.id])


def _store(
    connection: sa.Connection, index: StoredIndex, placed: Sequence[tuple[ToGroup, Placement]], now: datetime
) -> None:
    """Write where a batch went: new stories, their articles, and what the next ones are found by."""
    stories = {article.id: index.story(-article.id if p.story is None else p.story) for article, p in placed}
    founders = [article for article, story in stories.items() if story == -article]
    made = queries.create_stories(connection, founders, now)
    founded = {-article: story for article, story in made.items()}
    rows = []
    for article, placement in placed:
        story = stories[article.id]
        # It may have founded a story that a later article of the batch has shown to be another one's.
        gone = placement.relation == "first" and story != -article.id
        there = replace(placement, relation="related", reason="an article tells what both told") if gone else placement
        rows.append(_member(article, there, founded.get(story, story)))
    queries.add_members(connection, rows, now)
    index.flush(founded)


def _unite(connection: sa.Connection, index: StoredIndex, one: int, other: int) -> list[tuple[int, int]]:
    """Let the index join two stories, unless a person has put them apart.

    Returns:
        (the story that goes, the one that stays) if both are stored already and their articles are to be moved.
    """
    one, other = index.story(one), index.story(other)
    if one == other:
        return []
    keep, leave = _which_stays(connection, one, other)
    if keep is None or leave is None:
        return []
    index.unite(keep, leave)
    return [(leave, keep)] if leave > 0 else []


def _which_stays(connection: sa.Connection, one: int, other: int) -> tuple[int | None, int | None]:
    """(the story that stays, the one that goes): told ones stay, and of two the older; None if both must."""
    stored = [story for story in (one, other) if story > 0]
    pinned = queries.stories_pinned(connection, stored)
    if len(pinned) == 2 or (len(stored) == 2 and frozenset(stored) in kept_apart(connection, stored)):
        return None, None
    told = queries.stories_told(connection, stored)
    keep, leave = sorted((one, other), key=lambda key: (key not in pinned, key not in told, key < 0, abs(key)))
    return keep, leave


def _move_story(connection: sa.Connection, leave: int, keep: int, reason: str, now: datetime) -> None:
    articles = [member.article for member in queries.members_of(connection, leave)]
    queries.move_articles(connection, articles, keep, reason=reason, now=now)
    carry_over(connection, leave, keep, now)
    queries.mark_merged(connection, leave, keep)


def _late(archive: Archive, now: datetime) -> int:
    """Join stories and move articles whose pages came after the grouping."""
    moved = 0
    with archive.write() as connection:
        for article_id, target in queries.late_links(connection, now - WINDOW):
            there = queries.members(connection, [article_id, target])
            reason = f"canonical link names article {target}"
            moved += join_stories(connection, there[article_id].story, there[target].story, reason, now)
    while True:
        with archive.write() as connection:
            batch = queries.changed(connection, now - LATE, BATCH)
            for article in queries.texts_of(connection, batch):
                moved += place_again(connection, article, now)
        if len(batch) < BATCH:
            return moved


def join_stories(connection: sa.Connection, one: int, other: int, reason: str, now: datetime) -> bool:
    """Make one story of two, unless a person has put them apart; whether it was done."""
    if one == other:
        return False
    keep, leave = _which_stays(connection, one, other)
    if keep is None or leave is None:
        return False
    _move_story(connection, leave, keep, reason, now)
    recore(connection, [keep], now)
    return True


def recore(connection: sa.Connection, stories: Iterable[int], now: datetime) -> None:
    """Make the cores of stories anew, after articles were moved by hand or by a late page.

    Args:
        connection: a writing one.
        stories: that have articles; others lose their cores.
        now: aware UTC.
    """
    index = StoredIndex(connection, now)
    index.load([])
    for story in stories:
        index.rebuild(story)
    index.flush({})


def place_again(connection: sa.Connection, article: ToGroup, now: datetime) -> bool:
    """Place an article whose text has changed since it was grouped; whether it went to another story."""
    here = queries.members(connection, [article.id])[article.id]
    text = read(article.title, article.body)
    index = StoredIndex(connection, now)
    index.load([(subject_of(article), text)])
    others = len(queries.members_of(connection, here.story)) - 1
    founder = here.relation == "first"
    if founder or not others:
        # Of course it is like its own story.
        index.hide(here.story)
    placement = place(subject_of(article), text, index)
    index.note_runs(article.id, placement.runs)
    queries.set_version(connection, article.id, article.version)
    linked = article.duplicate_of is not None and index.where(article.duplicate_of) is not None
    moved = False
    if not (here.pinned or linked):
        moved = _move_again(connection, article, placement, here, alone=not others, now=now)
    there = queries.members(connection, [article.id])[article.id].story
    for story in {here.story, there}:
        index.rebuild(story)
    index.flush({})
    return moved


def _move_again(
    connection: sa.Connection, article: ToGroup, placement: Placement, here: Member, *, alone: bool, now: datetime
) -> bool:
    if here.relation == "first":
        if placement.story is None or not (placement.relation == "copy" or alone):
            return False
        keep, leave = _which_stays(connection, here.story, placement.story)
        if keep is None or leave is None:
            return False
        reason = placement.reason_with(placement.matched)
        _move_story(connection, leave, keep, reason, now)
        if leave == here.story:
            queries.replace_member(connection, _member(article, placement, keep), now)
        return True
    story = placement.story
    if story is None:
        story = queries.create_stories(connection, [article.id], now)[article.id]
    queries.replace_member(connection, _member(article, placement, story), now)
    return story != here.story


def _member(article: ToGroup, placement: Placement, story: int) -> NewMember:
    return NewMember(
        article=article.id,
        story=story,
        relation=placement.relation,
        reason=placement.reason_with(placement.matched),
        copies=placement.copies,
        matched=placement.matched,
        score=placement.score,
        version=article.version,
    )
