"""Claimed items with their articles and flags -> the snapshot that templates see. Pure: JSON values come out.

Times and names are written out here, so that a frozen digest reads the same wherever and whenever it is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from alerts.digests import choose as choosing
from alerts.digests.wording import CLASSES, SEVERITIES, clean, clock, long_date
from alerts.ledger.flags import Flag
from alerts.ledger.items import Item
from alerts.ledger.stories import StoryArticle
from crawler.sources import Source

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.digests.choose import Choice

FORMAT = 1
"""Version of the snapshot; renderers of later versions know what to expect of an old one."""
TITLE_LIMIT = 300
NAME_LIMIT = 80
MOST_COPIES = 4
LATE_AFTER = timedelta(minutes=30)
"""A digest sent within this time of its slot is on time: cron may come by every quarter of an hour only."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which edition is made, for whom and when. Datetimes are aware UTC.

    Attributes:
        number: of this edition; `since_number` of the one before, None for a first one.
        slot: the due time that is answered; `next_slot` the one after it.
        missed: slots since the one last answered, this one included.
        preview: nothing is claimed.
    """

    desk: Desk
    number: int
    since_number: int | None
    slot: datetime
    next_slot: datetime
    missed: int
    made: datetime
    budget: int
    preview: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A claimed item with what is known of its story.

    Attributes:
        articles: of the story, the founding one first.
        flags: live ones that the desk asked for.
        lead: beginning of the leading article's text, for stories whose proof is the headline alone.
    """

    item: Item
    articles: Sequence[StoryArticle]
    flags: Sequence[Flag]
    lead: str = ""


def compose(
    occasion: Occasion, told: Iterable[Told], sources: Mapping[str, Source], coverage: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the snapshot of a digest.

    Args:
        occasion: the edition.
        told: what it claimed; a story may occur once only.
        sources: by id, for names and parties.
        coverage: what `coverage.cover` made.

    Returns:
        JSON values; see the templates for their use. Items without a flag left stand under `corrections`.
    """
    entries: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    corrections = []
    for one in told:
        choice = choosing.choose(one.articles, one.flags)
        if choice is None:
            corrections.extend(_corrections(one))
        else:
            entries.append((_rank(choice, one), _story(occasion, one, choice, sources)))
    stories = [{**entry, "rank": rank} for rank, (_, entry) in enumerate(sorted(entries, key=lambda pair: pair[0]))]
    desk = occasion.desk
    return {
        "format": FORMAT,
        "desk": desk.id,
        "title": clean(desk.title, NAME_LIMIT) or desk.id,
        "preview": occasion.preview,
        "number": occasion.number,
        "since_number": occasion.since_number,
        "slot": _slot(occasion),
        "made": occasion.made.isoformat(),
        "late": _late(occasion),
        "schedule": desk.schedule,
        "budget": occasion.budget,
        "counts": _counts(stories),
        "told": {
            "new": sum(story["kind"] == "new" for story in stories),
            "updated": sum(story["kind"] == "update" for story in stories),
        },
        "stories": stories,
        "corrections": corrections,
        "coverage": dict(coverage),
    }


def _slot(occasion: Occasion) -> dict[str, str]:
    slot, zone = occasion.slot, occasion.desk.zone
    return {
        "utc": slot.isoformat(),
        "date": long_date(slot, zone),
        "time": clock(slot, zone, slot),
        "zone": zone,
        "next": clock(occasion.next_slot, zone, slot),
    }


def _rank(choice: Choice, told: Told) -> tuple[Any, ...]:
    """Order inside a section: more outlets first, then the latest."""
    return (
        CLASSES.index(choice.class_),
        SEVERITIES.index(choice.severity),
        -choosing.outlets(told.articles),
        -choosing.when(choice.lead).timestamp(),
        told.item.story,
    )


def _story(occasion: Occasion, told: Told, choice: Choice, sources: Mapping[str, Source]) -> dict[str, Any]:
    lead = choice.lead
    evidence = [{"segments": _pairs(choosing.quote(flag, told.flags)), "rule": flag.rule} for flag in choice.quoted]
    if not evidence and told.lead:
        evidence.append({"segments": _pairs([(False, clean(told.lead, choosing.EVIDENCE_LIMIT))]), "rule": ""})
    copies = _copies(lead, told.articles, sources)
    title = clean(lead.title, TITLE_LIMIT)
    fits = title == clean(lead.title) and bool(title)
    return {
        "story": told.item.story,
        "revision": told.item.revision,
        "kind": told.item.kind,
        "change": clean(told.item.change, TITLE_LIMIT),
        "article": lead.id,
        "title": title or "Untitled",
        "headline": _pairs(choosing.headline(lead, choice.marked)) if fits else [[False, title or "Untitled"]],
        "url": lead.url,
        "language": lead.language if lead.language.isalnum() else "",
        "source": _name(lead.source, sources),
        "party": clean(sources[lead.source].party or "", NAME_LIMIT) if lead.source in sources else "",
        "when": _when(lead, occasion),
        "severity": choice.severity,
        "class": choice.class_,
        "mentions": [{"topic": mention.topic, "stages": list(mention.stages)} for mention in choice.mentions],
        "evidence": evidence,
        "outlets": choosing.outlets(told.articles),
        "copies": copies[:MOST_COPIES],
        "more_copies": max(0, len(copies) - MOST_COPIES),
    }


def _when(article: StoryArticle, occasion: Occasion) -> str:
    said = clock(choosing.when(article), occasion.desk.zone, occasion.slot)
    return said if article.published is not None else f"undated, seen {said}"


def _name(source: str, sources: Mapping[str, Source]) -> str:
    return clean(sources[source].name if source in sources else source, NAME_LIMIT) or "unknown source"


def _copies(
    lead: StoryArticle, articles: Iterable[StoryArticle], sources: Mapping[str, Source]
) -> list[dict[str, str]]:
    """One article of every other outlet, in the order in which they came."""
    others: dict[str, StoryArticle] = {}
    for article in sorted(articles, key=lambda article: article.id):
        if article.source != lead.source:
            others.setdefault(article.source, article)
    return [{"source": _name(source, sources), "url": article.url} for source, article in others.items()]


def _pairs(segments: choosing.Segments) -> list[list[Any]]:
    """As JSON has them, so that a fresh snapshot equals a stored one."""
    return [[hit, text] for hit, text in segments]


def _corrections(told: Told) -> list[dict[str, str]]:
    """What became of an item that has nothing left to prove it."""
    if not told.articles:
        return []  # joined to another story, which is told in its own right
    first = told.articles[0]
    return [
        {
            "title": clean(first.title, TITLE_LIMIT) or "Untitled",
            "url": first.url,
            "reason": "Flagged, then withdrawn before this digest: its text or the desk's choice has changed.",
        }
    ]


def _late(occasion: Occasion) -> dict[str, Any] | None:
    """What to say when slots passed unanswered. A first digest has none to miss, a preview is not sent."""
    if occasion.preview or occasion.since_number is None:
        return None
    if occasion.missed <= 1 and occasion.made - occasion.slot <= LATE_AFTER:
        return None
    zone = occasion.desk.zone
    return {
        "due": clock(occasion.slot, zone, occasion.slot),
        "made": clock(occasion.made, zone, occasion.slot),
        "missed": occasion.missed,
    }


def _counts(stories: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Events by severity; statements and background stories by class."""
    counts = dict.fromkeys((*SEVERITIES, *CLASSES[1:]), 0)
    for story in stories:
        counts[story["severity"] if story["class"] == "event" else story["class"]] += 1
    return counts
