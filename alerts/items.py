"""Flags and revisions that no item covers -> items, one per matching desk, story and revision.

A desk is told of a story once, and again only when something it follows is new: a higher severity, another topic,
another stage of a ceasefire. What a desk was told is kept beside the story (`weighed.facts`), so the decision needs
nothing but two sets of facts and is made by pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alerts.ledger import flags as flag_queries
from alerts.ledger import items as queries
from alerts.ledger import stories as story_queries
from alerts.schedule import prev_slot

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.ledger.flags import Flag
    from alerts.ledger.items import Facts, Item
    from alerts.ledger.stories import StoryArticle
    from crawler.archive import Archive
    from crawler.sources import Source

SEVERITIES = ("low", "medium", "high", "critical")
BATCH = 200
"""Stories a transaction: short enough that a digest never waits long for its turn."""


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
        sources: for the countries of desks that choose by `source_countries`.

    Returns:
        How many items were written or extended.
    """
    start_desks(archive, desks, now)
    countries = {source.id: source.country for source in sources}
    with archive.read() as connection:
        wanted = {desk.id: frozenset(queries.to_weigh(connection, desk.id)) for desk in desks}
    stories = iter(sorted(frozenset().union(*wanted.values())))
    made = 0
    while batch := list(islice(stories, BATCH)):
        with archive.write() as connection:
            revisions = queries.lock_stories(connection, batch)
            for desk in desks:
                mine = [story for story in batch if story in wanted[desk.id] and story in revisions]
                made += _weigh(connection, desk, mine, revisions, countries, now)
    return made


def _weigh(
    connection: sa.Connection,
    desk: Desk,
    stories: Sequence[int],
    revisions: dict[int, int],
    countries: Mapping[str, str],
    now: datetime,
) -> int:
    """Weigh one desk against some stories; `revisions` is brought up to date for the desks that follow."""
    ever = queries.count_flags(connection, stories)
    articles = story_queries.articles_of(connection, stories)
    flags = flag_queries.live_flags(connection, stories, quiet=False)
    told = queries.facts_told(connection, desk.id, stories)
    latest = queries.latest_items(connection, desk.id, stories)
    weighing: dict[int, tuple[int, int, Facts]] = {}
    made = 0
    for story in stories:
        before = told.get(story, {}) if story in latest else {}
        facts = facts_of(matching_flags(desk, articles[story], flags[story], countries))
        if story not in latest:
            made += bool(facts) and queries.add_item(connection, desk.id, (story, revisions[story]), "new", "", now)
        elif change := news(before, facts):
            revisions[story] = _tell_again(connection, desk.id, latest[story], revisions[story], change, now)
            made += 1
        weighing[story] = (ever.get(story, 0), revisions[story], merged(before, facts))
    queries.store_weighed(connection, desk.id, weighing)
    return made


def _tell_again(connection: sa.Connection, desk: str, latest: Item, revision: int, change: str, now: datetime) -> int:
    """See that the desk's next digest has the change: in the item that still waits for it, or in one more."""
    if latest.digest is None:
        words = "" if latest.kind == "new" else f"{latest.change}; {change}"
        if queries.extend_item(connection, latest, words):
            return revision
    if revision <= latest.revision:
        revision = queries.raise_revision(connection, latest.story, change, now)
    queries.add_item(connection, desk, (latest.story, revision), "update", change, now)
    return revision


def matching_flags(
    desk: Desk, articles: Iterable[StoryArticle], flags: Iterable[Flag], countries: Mapping[str, str]
) -> list[Flag]:
    """The flags a desk is to be told of: what it chose, on articles that are not from a channel's first fetch."""
    by_id = {article.id: article for article in articles if not article.backfill}
    return [
        flag
        for flag in flags
        if flag.article in by_id and matches(desk, flag, by_id[flag.article], countries.get(by_id[flag.article].source))
    ]


def matches(desk: Desk, flag: Flag, article: StoryArticle, country: str | None) -> bool:
    """Whether a desk's choices cover a flag. An empty choice takes all; an article of unknown language passes."""
    choices = (
        (desk.topics, flag.topic),
        (desk.classes, flag.class_),
        (desk.rules, flag.rule),
        (desk.severities, flag.severity),
        (desk.sources, article.source),
        (desk.source_countries, country),
    )
    if desk.tags and not set(desk.tags).intersection(flag.tags):
        return False
    if desk.languages and article.language and article.language not in desk.languages:
        return False
    return all(not chosen or value in chosen for chosen, value in choices)


def facts_of(flags: Iterable[Flag]) -> dict[str, str]:
    """``class topic stage`` -> highest severity."""
    facts: dict[str, str] = {}
    for flag in flags:
        key = f"{flag.class_} {flag.topic} {flag.stage or ''}".strip()
        facts[key] = max(flag.severity, facts.get(key, flag.severity), key=SEVERITIES.index)
    return facts


def merged(before: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Everything a desk has been told, so that a fact that comes, goes and comes again is told once."""
    keys = sorted({*before, *facts})
    return {key: max((f[key] for f in (before, facts) if key in f), key=SEVERITIES.index) for key in keys}


def news(before: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """What is new for a desk that was told `before`, in words; empty when nothing is.

    A higher severity than any told, a topic or a stage not told. That a second rule says the same is no news.
    """
    if not before or not facts:
        return "reported again" if facts else ""
    changes = []
    loudest = [max(known.values(), key=SEVERITIES.index) for known in (before, facts)]
    if SEVERITIES.index(loudest[1]) > SEVERITIES.index(loudest[0]):
        changes.append(f"now {loudest[1]}, was {loudest[0]}")
    told = {tuple(key.split(" ")[1:]) for key in before}
    topics = {subject[0] for subject in told}
    more = sorted({tuple(key.split(" ")[1:]) for key in facts} - told)
    changes.extend(
        f"also {' · '.join(subject).replace('_', ' ')}"
        for subject in more
        if subject[0] not in topics or len(subject) > 1
    )
    return "; ".join(changes)
