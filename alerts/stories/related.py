"""Related articles: whether two articles tell the same event in words of their own. Pure; the reasons are kept.

What an article is about are its terms, each weighed by how rare it is among all articles read so far. A story has a
core, made of its first few articles; a new article is compared with the core, and must have something in common with
its first article too, so that a story cannot wander from one event to the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alerts.stories.words import Text, headline_names, headline_window

GAP = timedelta(hours=48)
"""An article this much later than a story's core, or earlier, tells something else, or tells it again."""
SPAN = timedelta(days=5)
"""No story's core reaches further than this."""
MEMBERS = 8
"""A core holds the terms of so many articles, and changes no more after that."""
LIKE = 0.57
"""Cosine from which an article tells what a core tells."""
LIKE_HEADLINE = 0.27
"""The same when one of them is a headline without a text."""
FIRST = 0.4
"""So much of that must be reached against the first article alone."""
POINTS, POINTS_HEADLINE = 5.0, 1.25
"""Common terms, counted as terms nobody has used before, that two texts must share, or a headline and a core."""
HEADLINES_NAME_OTHERS, OTHER_NAMES, OTHER_DAYS, OTHER_TOLLS, OTHER_NUMBERS = 0.5, 0.8, 0.7, 0.8, 0.9
"""What the likeness shrinks to when both give headline names, names, weekdays, tolls, numbers, and not the same."""

SAME_TOLL = 1.4
"""What it grows to when both count as many casualties and name a rare name in common."""
RARE = 0.5
"""A term this rare says something by itself."""

PRIOR = 1000
"""So many articles are thought to have been read before the first one, or all words would be rare at the beginning."""
EXPECTED = 0.002
"""The share of those in which a word stood."""


class Rarity:
    """How rare terms are.

    Args:
        articles: read so far.
        counts: term -> articles that had it in title or lead.
    """

    def __init__(self, articles: int, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._top = math.log(articles + PRIOR)
        self._scale = self._top - math.log(PRIOR * EXPECTED)

    def of(self, term: str) -> float:
        """1 for a term never met, less the more articles have it, never below 0."""
        found = (self._top - math.log(self._counts.get(term, 0) + PRIOR * EXPECTED)) / self._scale
        return found if found > 0 else 0.0


@dataclass(slots=True)
class Core:
    """What an article must match to be related to a story.

    Attributes:
        first: terms of the article that founded it.
        terms: sum of the terms of its articles; divide by `members`.
        headline_names: of the first article's title.
        names, numbers, tolls, days: of its articles together.
        marks: as in `Text`, of the first article.
        spelling: term -> as written.
        articles: those it is made of, by id.
        since, until: when they came out; None while nobody knows.
    """

    first: dict[str, float]
    terms: dict[str, float]
    names: set[str]
    headline_names: set[str]
    numbers: set[str]
    tolls: set[str]
    days: set[int]
    marks: dict[str, frozenset[str]]
    spelling: dict[str, str]
    articles: list[int]
    has_body: bool
    since: datetime | None = None
    until: datetime | None = None

    @property
    def members(self) -> int:
        """How many articles it is made of."""
        return len(self.articles)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much an article tells what a core tells.

    Attributes:
        score: cosine of the weighed terms after what speaks against it; -1 when something rules it out.
        points: common terms, each counted by its rarity.
        reasons: in words, the strongest first.
        against: in words.
    """

    score: float
    points: float
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    same: bool = False


def found_core(article: int, text: Text, when: datetime | None) -> Core:
    """The core of a story that an article founds."""
    return Core(
        first=dict(text.terms),
        terms=dict(text.terms),
        names=set(text.names),
        headline_names=headline_names(text),
        numbers=set(text.numbers),
        tolls=set(text.tolls),
        days=set(text.days),
        marks=dict(text.marks),
        spelling=dict(text.spelling),
        articles=[article],
        has_body=text.has_body,
        since=when,
        until=when,
    )


def grow_core(core: Core, article: int, text: Text, when: datetime | None) -> bool:
    """Let a related article into the core, while there is room; whether the core has changed."""
    if core.members >= MEMBERS or article in core.articles:
        return False
    core.articles.append(article)
    for term, weight in text.terms.items():
        core.terms[term] = core.terms.get(term, 0.0) + weight
    core.names |= text.names
    core.numbers |= text.numbers
    core.tolls |= text.tolls
    core.days |= text.days
    for term, word in text.spelling.items():
        core.spelling.setdefault(term, word)
    core.has_body = core.has_body or text.has_body
    if when is not None:
        core.since = min(core.since or when, when)
        core.until = max(core.until or when, when)
    return True


def merge_cores(core: Core, other: Core) -> None:
    """Let the core of a story take in that of a story which turned out to tell the same."""
    for term, weight in other.terms.items():
        core.terms[term] = core.terms.get(term, 0.0) + weight
    core.names |= other.names
    core.numbers |= other.numbers
    core.tolls |= other.tolls
    core.days |= other.days
    core.spelling = {**other.spelling, **core.spelling}
    core.articles += [article for article in other.articles if article not in core.articles]
    core.has_body = core.has_body or other.has_body
    core.since = min(filter(None, (core.since, other.since)), default=None)
    core.until = max(filter(None, (core.until, other.until)), default=None)


def cores_alike(core: Core, other: Core, rarity: Rarity) -> bool:
    """Whether two stories tell the same event, so that they are one: an article was found that belongs to both."""
    if not (in_time(core, other.since) and in_time(core, other.until)) or _other_part(core.marks, other.marks):
        return False
    like = LIKE if core.has_body and other.has_body else LIKE_HEADLINE
    return _cosine(core.terms, other.terms, _rare((core.terms, other.terms), rarity)) >= like


def in_time(core: Core, when: datetime | None, gap: timedelta = GAP) -> bool:
    """Whether an article of that time can belong to the story."""
    if when is None or core.since is None or core.until is None:
        return True
    span = max(core.until, when) - min(core.since, when)
    return core.since - gap <= when <= core.until + gap and span <= SPAN


def compare(text: Text, when: datetime | None, core: Core, rarity: Rarity) -> Likeness:
    """How much an article tells what a story's core tells.

    Args:
        text: what the article says.
        when: aware UTC or None.
        core: of the story.
        rarity: of the terms of both.
    """
    gap = GAP if text.has_body else headline_window(text)
    if not in_time(core, when, gap):
        return Likeness(-1, 0, against=(f"not within {gap.total_seconds() / 3600:.0f} h of each other",))
    if other_part := _other_part(text.marks, core.marks):
        return Likeness(-1, 0, against=tuple(f"another {kind}" for kind in other_part))
    rare = _rare((text.terms, core.terms), rarity)
    shared = sorted(text.terms.keys() & core.terms.keys(), key=lambda term: (-rare[term], term))
    points = sum(min(text.terms[term], core.terms[term]) * rare[term] for term in shared)
    score = _cosine(text.terms, core.terms, rare)
    first = _cosine(text.terms, core.first, rare)
    factor, against = _differences(text, core)
    if not against and text.tolls & core.tolls and any(rare[name] >= RARE for name in text.names & core.names):
        factor = SAME_TOLL
    needed = POINTS if text.has_body and core.has_body else POINTS_HEADLINE
    like = LIKE if text.has_body and core.has_body else LIKE_HEADLINE
    score, first = min(1.0, score * factor), first * factor
    same = score >= like and first >= FIRST * like and points >= needed
    return Likeness(score, points, _reasons(text, when, core, shared, rare), against, same)


def _other_part(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> list[str]:
    return sorted(kind for kind in one.keys() & other.keys() if one[kind] - other[kind] and other[kind] - one[kind])


def _rare(both: Iterable[Mapping[str, float]], rarity: Rarity) -> dict[str, float]:
    return {term: rarity.of(term) for term in frozenset().union(*both)}


def _cosine(one: Mapping[str, float], other: Mapping[str, float], rare: Mapping[str, float]) -> float:
    product = sum(weight * other[term] * rare[term] ** 2 for term, weight in one.items() if term in other)
    lengths = [math.sqrt(sum((weight * rare[term]) ** 2 for term, weight in terms.items())) for terms in (one, other)]
    return product / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def _differences(text: Text, core: Core) -> tuple[float, tuple[str, ...]]:
    factor, against = 1.0, []
    own, theirs_own = headline_names(text) - core.terms.keys(), core.headline_names - text.terms.keys()
    if own and theirs_own:
        factor *= HEADLINES_NAME_OTHERS
        against.append("other names in the headline")
    for mine, theirs, cost, words in (
        (text.tolls, core.tolls, OTHER_TOLLS, "other numbers of casualties"),
        (text.numbers, core.numbers, OTHER_NUMBERS, "other numbers"),
        (text.names, core.names, OTHER_NAMES, "other names"),
        (text.days, core.days, OTHER_DAYS, "another day of the week"),
    ):
        if mine and theirs and not mine & theirs:
            factor *= cost
            against.append(words)
    return factor, tuple(against)


def _reasons(
    text: Text, when: datetime | None, core: Core, shared: Iterable[str], rare: Mapping[str, float]
) -> tuple[str, ...]:
    names, numbers, words = [], [], []
    for term in shared:
        spelled = core.spelling.get(term, term)
        if term in text.names and term in core.names:
            names.append(spelled)
        elif term in text.tolls and term in core.tolls:
            numbers.append(f"same toll {spelled}")
        elif term[0].isdigit():
            numbers.append(f"same number {spelled}")
        elif rare[term] >= RARE:
            words.append(spelled)
    found = [f"same names {', '.join(names[:4])}"] if names else []
    found += numbers[:2]
    if words:
        found.append(f"same words {', '.join(words[:5])}")
    if when is not None and core.since is not None and core.until is not None:
        apart = max(core.since - when, when - core.until, timedelta())
        found.append(
            "at the same time" if apart < timedelta(hours=1) else f"{apart.total_seconds() / 3600:.0f} h apart"
        )
    return tuple(found)


def to_json(core: Core) -> dict[str, Any]:
    """A core as it is stored, without its times."""
    return {
        "first": core.first, "terms": core.terms, "names": sorted(core.names),
        "title": sorted(core.headline_names), "numbers": sorted(core.numbers),
        "tolls": sorted(core.tolls), "days": sorted(core.days), "spelling": core.spelling, "articles": core.articles,
        "marks": {kind: sorted(values) for kind, values in core.marks.items()}, "body": core.has_body,
    }  # fmt: skip


def from_json(stored: Mapping[str, Any], since: datetime | None, until: datetime | None) -> Core:
    """A stored core."""
    return Core(
        first=dict(stored["first"]),
        terms=dict(stored["terms"]),
        names=set(stored["names"]),
        headline_names=set(stored["title"]),
        numbers=set(stored["numbers"]),
        tolls=set(stored["tolls"]),
        days=set(stored["days"]),
        marks={kind: frozenset(values) for kind, values in stored["marks"].items()},
        spelling=dict(stored["spelling"]),
        articles=list(stored["articles"]),
        has_body=stored["body"],
        since=since,
        until=until,
    )
