"""Flags and revisions that no item covers -> items, one per matching desk, story and revision.

A desk is told of a story once, and again only when something it follows is new: a higher severity, another topic,
another stage of a ceasefire, more outlets by a step, an independent source, a correction. What a desk was told is kept
beside the story (`weighed`), so the decision needs nothing but what it knew and what is, and is made by pure functions.
That a story mailed earlier was wrong becomes an item too, for the digest's corrections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alerts.ledger import flags as flag_queries
from alerts.ledger import items as queries
from alerts.ledger import origins as origin_queries
from alerts.ledger import stories as story_queries
from alerts.ledger.items import Evidence, Weighed
from alerts.matching import QUERY, Chooser, Chosen
from alerts.origins.names import Names
from alerts.origins.reach import Reach, news_of_reach, reach_of, together, told
from alerts.revisions.facts import facts_of, merged, news, notices_of, objection, unheard
from alerts.schedule import prev_slot

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.ledger.flags import Flag
    from alerts.ledger.items import Told
    from alerts.ledger.stories import StoryArticle
    from crawler.archive import Archive
    from crawler.sources import Source

BATCH = 200
"""Stories a transaction: short enough that a digest never waits long for its turn."""
CORRECTED_WITHIN = timedelta(days=14)
"""A story that turns out wrong is corrected if a digest told it so lately: changed rules must not bring back years."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is known of some stories, whichever desk is weighed against them.

    Attributes:
        revisions: of each story; brought up to date for the desks that follow.
        said: what the articles say of themselves.
        against: (article, topic) -> who judged it not relevant.
    """

    connection: sa.Connection
    now: datetime
    names: Names
    chooser: Chooser
    revisions: dict[int, int]
    evidence: Mapping[int, Evidence]
    articles: Mapping[int, Sequence[StoryArticle]]
    flags: Mapping[int, Sequence[Flag]]
    said: Mapping[int, origin_queries.CreditRow]
    against: Mapping[tuple[int, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _View:
    """A story as it is for one desk."""

    story: int
    chosen: Chosen
    facts: Mapping[str, str]
    reach: Reach
    notices: Mapping[str, tuple[str, str]]

    def known(self) -> dict[str, Any]:
        """What a desk that is shown the story knows of its reach, and by which query it came to it."""
        found = told(self.reach, list(self.notices))
        return {**found, QUERY: self.chosen.query} if self.chosen.query else found


def start_desks(archive: Archive, desks: Iterable[Desk], now: datetime, since: timedelta | None = None) -> list[str]:
    """Give desks that are new their place in their schedule. Desks that have one keep it.

    A new desk begins at its last slot: what was archived after that comes with its next digest. With `since` the
    digest of the last slot is due at once and holds what was archived in that time.

    Args:
        archive: the database.
        desks: all of them.
        now: aware UTC.
        since: how far to back-fill.

    Returns:
        Ids of the desks that were started.
    """
    with archive.read() as connection:
        known = queries.started_desks(connection)
    new = [desk for desk in desks if desk.id not in known]
    if not new:
        return []
    with archive.write() as connection:
        return [desk.id for desk in new if _start_desk(connection, desk, now, since)]


def _start_desk(connection: sa.Connection, desk: Desk, now: datetime, since: timedelta | None) -> bool:
    current = prev_slot(desk.schedule, desk.zone, now)
    if since is None:
        return queries.start_desk(connection, desk.id, current, current)
    before = prev_slot(desk.schedule, desk.zone, current - timedelta(microseconds=1))
    return queries.start_desk(connection, desk.id, min(before, now - since), now - since)


def make_items(archive: Archive, desks: Sequence[Desk], now: datetime, sources: Iterable[Source] = ()) -> int:
    """Weigh every desk against the stories whose flags changed, and write the items that follow.

    Args:
        archive: the database; each batch of stories is one transaction, so the job may be killed at any moment.
        desks: all of them; new ones are started first.
        now: aware UTC.
        sources: for the names of outlets, and for what desks and their queries ask of an article's source.

    Returns:
        How many items were written or extended.
    """
    sources = list(sources)
    start_desks(archive, desks, now)
    names = Names(sources)
    with archive.read() as connection:
        wanted = {desk.id: frozenset(queries.to_weigh(connection, desk.id)) for desk in desks}
    stories = iter(sorted(frozenset().union(*wanted.values())))
    made = 0
    while ids := list(islice(stories, BATCH)):
        _ask_ahead(archive, [desk for desk in desks if desk.match is not None], ids, sources)
        with archive.write() as connection:
            batch = _load(connection, ids, names, Chooser(connection, sources), now)
            for desk in desks:
                mine = [story for story in ids if story in wanted[desk.id] and story in batch.revisions]
                made += _weigh(batch, desk, mine)
    return made


def _ask_ahead(archive: Archive, desks: Sequence[Desk], stories: Sequence[int], sources: Sequence[Source]) -> None:
    """Have desks' queries read the texts they will need: nobody is to wait for that in the transaction that follows."""
    if not desks:
        return
    with archive.read() as connection:
        articles = story_queries.articles_of(connection, stories)
        flags = flag_queries.live_flags(connection, stories, quiet=False)
        chooser = Chooser(connection, sources)
        for desk in desks:
            chooser.choose(desk, articles, flags)


def _load(connection: sa.Connection, stories: Sequence[int], names: Names, chooser: Chooser, now: datetime) -> _Batch:
    revisions = queries.lock_stories(connection, stories)
    articles = story_queries.articles_of(connection, stories)
    ids = [article.id for group in articles.values() for article in group]
    return _Batch(
        connection=connection,
        now=now,
        names=names,
        chooser=chooser,
        revisions=revisions,
        evidence=queries.evidence_of(connection, stories),
        articles=articles,
        flags=flag_queries.live_flags(connection, stories, quiet=False),
        said=origin_queries.credits_of(connection, ids),
        against=queries.verdicts_against(connection, ids),
    )


def _weigh(batch: _Batch, desk: Desk, stories: Sequence[int]) -> int:
    """Weigh one desk against some stories."""
    before = queries.weighed_before(batch.connection, desk.id, stories)
    known = queries.told(batch.connection, desk.id, stories)
    chosen = batch.chooser.choose(desk, batch.articles, {story: batch.flags[story] for story in stories})
    weighing: dict[int, Weighed] = {}
    made = 0
    for story in stories:
        view = _view(batch, story, chosen[story])
        old = before.get(story)
        reach: Mapping[str, Any] = {}
        if story in known:
            items, reach = _tell_known(batch, desk.id, view, known[story], old)
            made += items
        # That only its outlets changed is no reason to bring up a story from before the desk began.
        elif view.facts and (old is None or old.evidence.flags != batch.evidence[story].flags):
            made += _add(batch, desk.id, story, "new", "")
            reach = view.known()
        facts = merged(old.facts if old and story in known else {}, view.facts)
        weighing[story] = Weighed(batch.evidence.get(story, Evidence(0, 0, 0)), batch.revisions[story], facts, reach)
    queries.store_weighed(batch.connection, desk.id, weighing)
    return made


def _view(batch: _Batch, story: int, chosen: Chosen) -> _View:
    articles = batch.articles[story]
    # What a new channel's first fetch brings was there before: it makes no story news.
    current = [article for article in articles if not article.backfill]
    notices = notices_of(current, batch.said, batch.names)
    return _View(story, chosen, facts_of(chosen.flags), reach_of(current, batch.names), notices)


def _tell_known(batch: _Batch, desk: str, view: _View, known: Told, old: Weighed | None) -> tuple[int, dict[str, Any]]:
    """Tell a desk what is new about a story it knows; returns how many items that made, and what it knows then."""
    facts, reach = (old.facts, dict(old.reach)) if old else ({}, {})
    corrected = bool(reach.get("corrected"))
    wrong = _wrong(batch, view, reach) if facts else ""
    made = 0
    changes = [] if wrong else _changes(batch, view, facts, reach)
    if changes:
        _tell_again(batch, desk, view.story, known, "; ".join(changes))
        made += 1
    lately = known.at is not None and batch.now - known.at <= CORRECTED_WITHIN
    corrections = [wrong] if wrong and lately and not corrected else []
    corrections += unheard(view.notices, reach, "retraction")
    if corrections and known.number is not None:
        words = f"told in #{known.number}; {'; '.join(corrections)}"
        made += _add(batch, desk, view.story, "correction", words, after=known.last.revision)
    query = view.chosen.query if view.chosen.flags else reach.get(QUERY, "")
    now = {**together(reach, view.known()), "corrected": wrong, QUERY: query}
    return made, now if query else {key: value for key, value in now.items() if key != QUERY}


def _wrong(batch: _Batch, view: _View, reach: Mapping[str, Any]) -> str:
    """Why a story that the desk was told of was wrong, in words. That its query has changed makes none wrong."""
    proof = view.chosen.promised(reach)
    if not proof and view.chosen.but_for_match:
        return "no longer what this desk asks for: its text or the rules have changed"
    return objection(proof, batch.articles[view.story], batch.against)


def _changes(batch: _Batch, view: _View, facts: Mapping[str, str], reach: Mapping[str, Any]) -> list[str]:
    """What is new about a story for a desk that knows some of it, in words."""
    if not view.facts:
        return []
    again = ["reported again"] if reach.get("corrected") else []
    changes = [*again, news(facts, view.facts), *news_of_reach(reach, view.reach, batch.names)]
    return [*dict.fromkeys(change for change in changes if change), *unheard(view.notices, reach, "correction")]


def _tell_again(batch: _Batch, desk: str, story: int, known: Told, change: str) -> None:
    """See that the desk's next digest has the change: in the item that still waits for it, or in one more."""
    if known.open is not None:
        words = "" if known.open.kind == "new" else f"{known.open.change}; {change}"
        if queries.extend_item(batch.connection, known.open, words):
            return
    _add(batch, desk, story, "update", change, after=known.last.revision)


def _add(batch: _Batch, desk: str, story: int, kind: str, change: str, after: int = 0) -> bool:
    """Write an item of the story, with a revision after the one that the desk knows."""
    revision = batch.revisions[story]
    if revision <= after:
        revision = batch.revisions[story] = queries.raise_revision(batch.connection, story, change, batch.now)
    return queries.add_item(batch.connection, desk, (story, revision), kind, change, batch.now)
