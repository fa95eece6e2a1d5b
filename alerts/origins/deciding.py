"""Who the origin of each article of a story is. Pure.

What a text says of itself comes first, then its page's canonical link, then who of the outlets with the same text had
it first. A copy's origin is that of its text, so copies never make a story look more widely reported than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.origins.credits import Credit
from alerts.origins.names import Names

_BINDING = ("whole", "part", "cited")
_SAYS = {
    "whole": "says where its text is from",
    "part": "says who contributed",
    "cited": "tells what another reported",
    "quoted": "quotes what was said to another, whose text is in this story too",
}


@dataclass(frozen=True, slots=True)
class Member:
    """An article of a story, as far as its origin depends on it.

    Attributes:
        copies: the copy group: the article that first had this text, maybe itself.
        when: when it came out, as far as that can be believed; aware UTC.
        credits: whom its text credits, the strongest first.
        duplicate_of: the article that its page names as the original.
        elsewhere: key of the site that its page names as the original's, when no article of the archive is there.
        settled: its page has come or was given up; until then nobody knows what it says.
        thin: too little text to tell own words from others'.
    """

    id: int
    source: str
    copies: int
    when: datetime
    credits: tuple[Credit, ...] = ()
    duplicate_of: int | None = None
    elsewhere: str = ""
    settled: bool = True
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose text an article is (`key`, see `names`), and why."""

    key: str
    reason: str


def decide(members: Sequence[Member], names: Names) -> dict[int, Origin]:
    """The origin of every article of one story.

    Args:
        members: all of them.
        names: to tell an outlet from the agency it credits.

    Returns:
        By article id. Keys ``unknown:SOURCE`` are of articles whose text says too little, or is still to come.
    """
    groups: dict[int, list[Member]] = {}
    for member in sorted(members, key=lambda member: (member.when, member.id)):
        groups.setdefault(member.copies, []).append(member)
    mentioned = Counter(credit.key for member in members for credit in member.credits)
    mentioned.update({f"source:{member.source}" for member in members})
    found: dict[int, Origin] = {}
    for group in groups.values():
        found.update(_of_copies(group, mentioned, names) if len(group) > 1 else _of_one(group[0], mentioned, names))
    found = _with_quoted(members, found, names)
    return _followed(members, found, names)


def _of_one(member: Member, mentioned: Mapping[str, int], names: Names) -> dict[int, Origin]:
    named = _named(member, mentioned, names)
    return {member.id: named or _own(member)}


def _named(member: Member, mentioned: Mapping[str, int], names: Names) -> Origin | None:
    """The origin that the article itself or its page names."""
    binding = [credit for credit in member.credits if credit.kind in _BINDING]
    if binding:
        first = min(
            (credit for credit in binding if credit.kind == binding[0].kind), key=lambda c: -mentioned.get(c.key, 0)
        )
        return Origin(first.key, f"{_SAYS[first.kind]}: “{first.words}”")
    if member.elsewhere and not names.is_own(member.elsewhere, member.source):
        return Origin(member.elsewhere, f"its page names {names.shown(member.elsewhere)} as the original's site")
    return None


def _own(member: Member) -> Origin:
    if not member.settled:
        return Origin(f"unknown:{member.source}", "its page has not been read yet")
    if member.thin:
        return Origin(f"unknown:{member.source}", "too little text to tell whose words they are")
    return Origin(f"source:{member.source}", "its own words")


def _of_copies(group: Sequence[Member], mentioned: Mapping[str, int], names: Names) -> dict[int, Origin]:
    """Articles with one text, the earliest first: what one of them says of it holds for all."""
    named = {member.id: origin for member in group if (origin := _named(member, mentioned, names))}
    outlets = {member.source for member in group}
    counted = Counter(origin.key for origin in named.values())
    if not named:
        return _of_the_first(group, outlets)
    # An outlet of the group that others credit has the original; else the name that most of them give.
    key = max(counted, key=lambda key: (any(names.is_own(key, source) for source in outlets), counted[key]))
    witness = next(member for member in group if member.id in named and named[member.id].key == key)
    found = {}
    for member in group:
        if names.is_own(key, member.source):
            found[member.id] = Origin(f"source:{member.source}", "its own text, which others credit to it")
        elif member.id in named and named[member.id].key == key:
            found[member.id] = named[member.id]
        else:
            found[member.id] = Origin(key, f"same text as article {witness.id}, which {named[witness.id].reason}")
    return found


def _of_the_first(group: Sequence[Member], outlets: Iterable[str]) -> dict[int, Origin]:
    ids = {member.id for member in group}
    named = Counter(member.duplicate_of for member in group if member.duplicate_of in ids)
    head = next((member for member in group if member.id in named), group[0])
    key = f"source:{head.source}"
    others = len(set(outlets)) - 1
    found = {}
    for member in group:
        if member.source == head.source:
            words = "its own text, printed first" if others else "its own words"
            found[member.id] = Origin(key, words)
        elif member.duplicate_of == head.id:
            found[member.id] = Origin(key, f"its page names article {head.id} as the original")
        else:
            words = f"same text as article {head.id}, which came first, at {head.when:%Y-%m-%d %H:%M} UTC"
            found[member.id] = Origin(key, words)
    return found


def _with_quoted(members: Sequence[Member], found: Mapping[int, Origin], names: Names) -> dict[int, Origin]:
    """A text that quotes what was told to an agency is its words where the story has the agency's own text as well."""
    elsewhere = {origin.key for origin in found.values()}
    result = dict(found)
    for member in members:
        own = found[member.id].key == f"source:{member.source}" and member.copies == member.id
        quoted = [credit for credit in member.credits if credit.kind == "quoted" and credit.key in elsewhere]
        if own and quoted and not any(names.is_own(credit.key, member.source) for credit in quoted):
            result[member.id] = Origin(quoted[0].key, f"{_SAYS['quoted']}: “{quoted[0].words}”")
    return result


def _followed(members: Sequence[Member], found: Mapping[int, Origin], names: Names) -> dict[int, Origin]:
    """Origins of origins: an outlet that is credited may itself have the text from an agency.

    Two that credit each other stay as they are, and the earlier one is the origin of both.
    """
    passed_on: dict[str, str] = {}
    for member in sorted(members, key=lambda member: (member.when, member.id)):
        own, key = f"source:{member.source}", found[member.id].key
        if key == own or passed_on.get(own) == own:
            passed_on[own] = own
        elif not key.startswith("unknown:"):
            passed_on.setdefault(own, key)
    result = {}
    for member in members:
        origin, way = found[member.id], [f"source:{member.source}"]
        key = origin.key
        while key not in way and passed_on.get(key, key) != key:
            way.append(key)
            key = passed_on[key]
        if key in way and key != origin.key:
            earliest = min(members, key=lambda m: (f"source:{m.source}" not in way, m.when, m.id))
            key = f"source:{earliest.source}"
        via = "" if key == origin.key else f"; the text of {names.shown(origin.key)} is {names.shown(key)}'s"
        result[member.id] = Origin(key, origin.reason + via)
    return result
