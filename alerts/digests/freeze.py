"""Due slots -> frozen digests. One transaction makes the digest, claims the items and moves the desk on.

Whatever happens afterwards, the digest is there with everything it will ever hold; whatever happens before the commit,
nothing was claimed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from alerts.digests import choose as choosing
from alerts.digests.compose import Occasion, Told, compose
from alerts.digests.coverage import Reach, cover
from alerts.digests.looks import show_digest
from alerts.items import start_desks
from alerts.ledger import digests as queries
from alerts.ledger import flags as flag_queries
from alerts.ledger import items as item_queries
from alerts.ledger import origins as origin_queries
from alerts.ledger import stories as story_queries
from alerts.matching import Chooser
from alerts.origins.names import Names
from alerts.revisions.facts import notices_of
from alerts.schedule import missed_slots, next_slots, prev_slot
from crawler.archive.articles import get_article

if TYPE_CHECKING:
    from alerts.configuration import Configuration
    from alerts.desks import Desk
    from alerts.digests.render import Rendered
    from alerts.ledger.items import Item
    from crawler.archive import Archive
    from crawler.sources import Source

_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Making:
    """What every desk's digest of one job is made from."""

    connection: sa.Connection
    configuration: Configuration
    now: datetime


def make_digests(archive: Archive, configuration: Configuration, now: datetime) -> list[int]:
    """Freeze a digest for every desk whose newest slot has not been answered.

    Several unanswered slots give one digest, for the newest. A clock set back or a changed schedule cannot repeat a
    slot, because only slots after the last answered one count.

    Args:
        archive: the database; each desk is one transaction.
        configuration: desks, sources, byte budget, and the problems that were skipped.
        now: aware UTC.

    Returns:
        Ids of the digests made, in the order of the desks.
    """
    start_desks(archive, configuration.desks, now)
    made = []
    for desk in configuration.desks:
        with archive.write() as connection:
            digest = _make_digest(_Making(connection, configuration, now), desk)
        if digest is not None:
            made.append(digest)
    return made


def preview(archive: Archive, configuration: Configuration, desk: Desk, now: datetime) -> Rendered:
    """Render what the desk's next digest would hold now, in its look. Claims, numbers and stores nothing."""
    return show_digest(configuration, desk, preview_snapshot(archive, configuration, desk, now))


def preview_snapshot(archive: Archive, configuration: Configuration, desk: Desk, now: datetime) -> dict[str, Any]:
    """What the desk's next digest would hold now. Claims, numbers and stores nothing."""
    with archive.read() as connection:
        making = _Making(connection, configuration, now)
        place = queries.desk_place(connection, desk.id)
        current = prev_slot(desk.schedule, desk.zone, now)
        due = place is not None and current > place.last_slot
        slot = current if due else next_slots(desk.schedule, desk.zone, now, 1)[0]
        last = queries.last_edition(connection, desk.id)
        number = place.next_number if place else 1
        occasion = _occasion(making, desk, slot, last, number, missed=1, preview=True)
        items = item_queries.open_items(connection, desk.id)
        since = last.created_at if last else place.last_slot if place else current
        return _snapshot(making, occasion, items, since)


def empty_is_due(desk: Desk, slot: datetime, last: datetime | None) -> bool:
    """Whether a slot without any story gets a digest: always, never, or once on each local day.

    Args:
        desk: with `send_empty`.
        slot: aware UTC.
        last: slot of the desk's digest before, empty or not.
    """
    if desk.send_empty != "daily" or last is None:
        return desk.send_empty != "never"
    zone = ZoneInfo(desk.zone)
    return slot.astimezone(zone).date() > last.astimezone(zone).date()


def _make_digest(making: _Making, desk: Desk) -> int | None:
    connection, now = making.connection, making.now
    place = queries.lock_desk(connection, desk.id)
    slot = prev_slot(desk.schedule, desk.zone, now)
    if place is None or slot <= place.last_slot:
        return None
    last = queries.last_edition(connection, desk.id)
    covers_from = last.slot if last else place.last_slot
    digest = queries.create_digest(connection, desk.id, place.next_number, slot, covers_from, now)
    items = item_queries.claim_items(connection, desk.id, digest)
    if not items and not empty_is_due(desk, slot, last.slot if last else None):
        queries.drop_digest(connection, digest)  # numbers have no gaps: the next digest takes this one
        queries.move_desk(connection, desk.id, slot, place.next_number)
        return None
    missed = missed_slots(desk.schedule, desk.zone, place.last_slot, now)
    occasion = _occasion(making, desk, slot, last, place.next_number, missed=missed, preview=False)
    since = last.created_at if last else place.last_slot
    queries.store_snapshot(connection, digest, _snapshot(making, occasion, items, since))
    queries.move_desk(connection, desk.id, slot, place.next_number + 1)
    return digest


def _occasion(
    making: _Making,
    desk: Desk,
    slot: datetime,
    last: queries.Edition | None,
    number: int,
    *,
    missed: int,
    preview: bool,
) -> Occasion:
    return Occasion(
        desk=desk,
        number=number,
        since_number=last.number if last else None,
        slot=slot,
        next_slot=next_slots(desk.schedule, desk.zone, slot, 1)[0],
        missed=missed,
        made=making.now,
        budget=desk.budget or making.configuration.settings.alerts.byte_budget,
        preview=preview,
    )


def _snapshot(making: _Making, occasion: Occasion, items: Sequence[Item], since: datetime) -> dict[str, Any]:
    connection, configuration = making.connection, making.configuration
    reach = Reach(
        sources=configuration.sources,
        channels=queries.channel_states(connection),
        gaps=queries.unfilled_gaps(connection, since),
        counts=queries.read_counts(connection, since, making.now),
        problems=configuration.problems,
        since=since,
    )
    sources = {source.id: source for source in configuration.sources}
    news = news_of(connection, configuration, occasion.desk, [item for item in items if item.kind != "correction"])
    wrong = _wrong(connection, occasion.desk, [item for item in items if item.kind == "correction"])
    return compose(occasion, [*news, *wrong], sources, cover(reach, occasion.desk.zone, making.now))


def news_of(
    connection: sa.Connection, configuration: Configuration, desk: Desk, items: Iterable[Item]
) -> Iterable[Told]:
    """Items of news with what is known of their stories now.

    Args:
        connection: to the database.
        configuration: its sources, for names and countries.
        desk: whose items these are.
        items: of several of one story one speaks for all.
    """
    chooser = Chooser(connection, configuration.sources)
    return _with_notes(connection, _told(connection, desk, items, chooser), configuration.sources)


def _told(connection: sa.Connection, desk: Desk, items: Iterable[Item], chooser: Chooser) -> Iterable[Told]:
    """The items with what is known of their stories now; of several items of one story one speaks for all."""
    latest: dict[int, Item] = {}
    for item in sorted(items, key=lambda item: (item.kind == "new", item.revision)):
        latest[item.story] = item  # a story that is new to the desk is no update
    stories = sorted(latest)
    for start in range(0, len(stories), _BATCH):
        batch = stories[start : start + _BATCH]
        articles = story_queries.articles_of(connection, batch)
        flags = flag_queries.live_flags(connection, batch)
        chosen = chooser.choose(desk, articles, flags)
        known = item_queries.weighed_before(connection, desk.id, batch) if desk.match is not None else {}
        for story in batch:
            wanted = chosen[story].promised(known[story].reach if story in known else {})
            choice = choosing.choose(articles[story], wanted)
            lead = "" if choice is None or choice.quoted else _beginning(connection, choice.lead.id)
            yield Told(latest[story], articles[story], wanted, lead)


def _with_notes(connection: sa.Connection, told: Iterable[Told], sources: Iterable[Source]) -> Iterable[Told]:
    """Stories with the corrections that their outlets have made."""
    names = Names(sources)
    for one in told:
        said = origin_queries.credits_of(connection, [article.id for article in one.articles])
        notes = [words for _, words in notices_of(one.articles, said, names).values()]
        yield replace(one, notes=tuple(notes)) if notes else one


def _wrong(connection: sa.Connection, desk: Desk, items: Sequence[Item]) -> Iterable[Told]:
    """Stories mailed earlier that were merged, split, withdrawn or judged wrong, as the desk has read them."""
    stories = sorted({item.story for item in items})
    told = item_queries.told(connection, desk.id, stories, merged=False)
    roots = story_queries.merged_into(connection, stories)
    articles = story_queries.articles_of(connection, sorted({*stories, *roots.values()}))
    for item in items:
        number = told[item.story].number
        snapshot = queries.find_snapshot(connection, desk.id, number) if number else None
        mailed = next((one for one in (snapshot or {}).get("stories", ()) if one["story"] == item.story), None)
        here = articles[item.story] or articles[roots.get(item.story, item.story)]
        yield Told(item, here, (), mailed=(mailed["title"], mailed["url"]) if mailed else ("", ""))


def _beginning(connection: sa.Connection, article_id: int) -> str:
    article = get_article(connection, article_id)
    return choosing.excerpt(article.body) if article else ""
