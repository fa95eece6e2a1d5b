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
from alerts.origins.names import Names
from alerts.origins.reach import Share, reach_of
from crawler.sources import Source

if TYPE_CHECKING:
    from alerts.desks import Desk
    from alerts.digests.choose import Choice

FORMAT = 2
"""Version of the snapshot; renderers of later versions know what to expect of an old one."""
TITLE_LIMIT = 300
NAME_LIMIT = 80
CHANGE_LIMIT = 500
MOST_ORIGINS = 4
MOST_CARRIERS = 3
MOST_OTHERS = 4
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
        articles: of the story, the founding one first; of a correction those that tell what it is about.
        flags: live ones that the desk asked for.
        lead: beginning of the leading article's text, for stories whose proof is the headline alone.
        notes: corrections that the story's outlets have made so far.
        mailed: headline and link under which a correction's story was mailed; empty if it never was by itself.
    """

    item: Item
    articles: Sequence[StoryArticle]
    flags: Sequence[Flag]
    lead: str = ""
    notes: Sequence[str] = ()
    mailed: tuple[str, str] = ("", "")


def compose(
    occasion: Occasion, told: Iterable[Told], sources: Mapping[str, Source], coverage: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the snapshot of a digest.

    Args:
        occasion: the edition.
        told: what it claimed; a story may occur once only, but for corrections.
        sources: by id, for names and parties.
        coverage: what `coverage.cover` made.

    Returns:
        JSON values; see the templates for their use. Items without a flag left stand under `corrections`.
    """
    names = Names(sources.values())
    told = list(told)
    corrected = {one.item.story for one in told if one.item.kind == "correction"}
    entries: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    corrections = []
    for one in told:
        choice = None if one.item.kind == "correction" else choosing.choose(one.articles, one.flags)
        if choice is not None:
            entries.append((_rank(choice, one), _story(occasion, one, choice, names)))
        elif one.item.kind == "correction" or one.item.story not in corrected:
            corrections.extend(_corrections(one))
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
            "corrected": len(corrections),
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


def _story(occasion: Occasion, told: Told, choice: Choice, names: Names) -> dict[str, Any]:
    lead = choice.lead
    evidence = [{"segments": _pairs(choosing.quote(flag, told.flags)), "rule": flag.rule} for flag in choice.quoted]
    if not evidence and told.lead:
        evidence.append({"segments": _pairs([(False, clean(told.lead, choosing.EVIDENCE_LIMIT))]), "rule": ""})
    title = clean(lead.title, TITLE_LIMIT)
    fits = title == clean(lead.title) and bool(title)
    change = clean(told.item.change, CHANGE_LIMIT)
    return {
        "story": told.item.story,
        "revision": told.item.revision,
        "kind": told.item.kind,
        "change": change,
        "notes": [note for note in (clean(note, CHANGE_LIMIT) for note in told.notes) if note not in change],
        "article": lead.id,
        "title": title or "Untitled",
        "headline": _pairs(choosing.headline(lead, choice.marked)) if fits else [[False, title or "Untitled"]],
        "url": lead.url,
        "language": lead.language if lead.language.isalnum() else "",
        "source": _name(f"source:{lead.source}", names),
        "party": clean(names.party(f"source:{lead.source}"), NAME_LIMIT),
        "when": _when(lead, occasion),
        "severity": choice.severity,
        "class": choice.class_,
        "mentions": [{"topic": mention.topic, "stages": list(mention.stages)} for mention in choice.mentions],
        "evidence": evidence,
        **_reach(lead, told.articles, names),
    }


def _when(article: StoryArticle, occasion: Occasion) -> str:
    said = clock(choosing.when(article), occasion.desk.zone, occasion.slot)
    return said if article.published is not None else f"undated, seen {said}"


def _name(key: str, names: Names) -> str:
    return clean(names.shown(key), NAME_LIMIT) or "unknown source"


def _reach(lead: StoryArticle, articles: Sequence[StoryArticle], names: Names) -> dict[str, Any]:
    """Who carries a story and whose texts they are, as far as that is known."""
    ordered = sorted(articles, key=lambda article: (choosing.when(article), article.id))
    reach = reach_of(ordered, names)
    links: dict[tuple[str, str], str] = {}
    for article in ordered:
        links.setdefault((article.source, article.origin or ""), article.url)
        links.setdefault((article.source, ""), article.url)
    # The most carried one first; of equal ones whoever came first.
    independent = sorted((share for share in reach.origins if not share.party), key=lambda one: -len(one.carriers))
    parties = [share for share in reach.origins if share.party]
    known = {share.key for share in reach.origins}
    others = [name for name in reach.unknown if name != lead.source and f"source:{name}" not in known]
    return {
        "outlets": reach.outlets,
        # Nothing is claimed of stories of which no text could be read.
        "independent": reach.independent if reach.origins else None,
        "origins": [_origin(share, links, names) for share in independent[:MOST_ORIGINS]],
        "more_origins": max(0, len(independent) - MOST_ORIGINS),
        "parties": [_origin(share, links, names) for share in parties[:MOST_ORIGINS]],
        "text_of": _text_of(lead, reach.outlets, names),
        "others": [_linked(name, links, names) for name in others[:MOST_OTHERS]],
        "more_others": max(0, len(others) - MOST_OTHERS),
    }


def _text_of(lead: StoryArticle, outlets: int, names: Names) -> str:
    """Whose text a story's only outlet prints, if it is not its own."""
    key = lead.origin or "unknown:"
    own = key.startswith("unknown:") or names.is_own(key, lead.source)
    return "" if outlets > 1 or own else _name(key, names)


def _origin(share: Share, links: Mapping[tuple[str, str], str], names: Names) -> dict[str, Any]:
    name = _name(share.key, names)
    wire = names.is_agency(share.key) and not name.casefold().endswith(("wire", "agency"))
    return {
        "name": f"{name} wire" if wire and share.carriers else name,
        "party": clean(share.party, NAME_LIMIT),
        "url": links.get((share.key.removeprefix("source:"), share.key), "") if share.itself else "",
        "carriers": [_linked(source, links, names, share.key) for source in share.carriers[:MOST_CARRIERS]],
        "in": len(share.carriers),
        "more": max(0, len(share.carriers) - MOST_CARRIERS),
    }


def _linked(source: str, links: Mapping[tuple[str, str], str], names: Names, origin: str = "") -> dict[str, str]:
    return {"source": _name(f"source:{source}", names), "url": links.get((source, origin), "")}


def _pairs(segments: choosing.Segments) -> list[list[Any]]:
    """As JSON has them, so that a fresh snapshot equals a stored one."""
    return [[hit, text] for hit, text in segments]


def _corrections(told: Told) -> list[dict[str, str]]:
    """What became of a story that was mailed, or of an item that has nothing left to prove it."""
    title, url = told.mailed
    if told.articles and not title:
        title, url = told.articles[0].title, told.articles[0].url
    if told.item.kind == "correction":
        reason = clean(told.item.change, CHANGE_LIMIT)
        reason = reason[:1].upper() + reason[1:] + ("" if reason.endswith((".", "…")) else ".")
    elif told.articles:
        reason = "Flagged, then withdrawn before this digest: its text or the desk's choice has changed."
    else:
        return []  # joined to another story, which is told in its own right
    return [{"title": clean(title, TITLE_LIMIT) or "Untitled", "url": url, "reason": reason}]


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
