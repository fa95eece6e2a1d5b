"""Where an article goes: into the story of a copy, into the story of the same event, or into a new one. Pure.

`place` decides for one article against an `Index` of those before it; the same code serves the archive and a file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from alerts.stories.related import GAP, RARE, Core, Rarity, compare, cores_alike
from alerts.stories.sketch import DULL, SameText, common, runs, same_text
from alerts.stories.words import Subject, Text, headline_window

WINDOW = timedelta(days=14)
"""The same text within this time is the same story; later it is a republication."""
TEXTS_READ = 5
"""So many texts that share runs are compared word by word."""
STORIES_READ = 5
LEAST = 0.8
"""Points in common by the rarest terms below which a story is not looked at."""
TERMS_ASKED = 8
"""An article's rarest terms find the stories it is compared with; commoner ones only count in the comparison."""
TERMS_KEPT = 10
STORIES_PER_TERM = 200
KIN_NAMES, KIN_POINTS = 2, 4.0
"""Names, or points if there are none, that a copy of a later text of a group must share with the group's first."""
LONGER = 1.3
"""A copy this much longer than what it was found by is indexed too: others may be copies of what it adds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an earlier article is.

    Attributes:
        story: its story.
        copies: the article that first had its text.
        when: it came out, aware UTC or None.
    """

    story: int
    copies: int
    source: str
    when: datetime | None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an article goes.

    Attributes:
        story: an earlier story; None when the article founds one.
        relation: first | copy | related.
        reason: in words; {} stands for the article it was compared with.
        copies: the article that first had its text, maybe itself.
        matched: the article it was compared with; None for the first.
        score: copy: share of the shorter text; related: likeness; None for the first.
        runs: by which later texts are compared with this one; none when a text before has them already.
        unites: stories that tell the same as `story`, as this article shows.
    """

    article: int
    story: int | None
    relation: str
    reason: str
    copies: int
    matched: int | None = None
    score: float | None = None
    runs: frozenset[int] = frozenset()
    unites: tuple[int, ...] = ()

    def reason_with(self, name: object) -> str:
        """The reason, with a name for the article it was compared with."""
        return self.reason.replace("{}", str(name))


class Index(Protocol):
    """What is known of the articles before, by what they share with the next one."""

    def texts_with(self, wanted: Collection[int]) -> Mapping[int, Sequence[int]]:
        """Run -> articles that have it, at most `DULL`."""

    def stories_with(self, terms: Sequence[str]) -> Mapping[str, Sequence[int]]:
        """Term -> stories that have it, at most `STORIES_PER_TERM`, the latest last."""

    def text(self, article: int) -> Text:
        """What an earlier article says."""

    def where(self, article: int) -> Place | None:
        """Where an earlier article is; None when it is in no story any more."""

    def core(self, story: int) -> Core | None:
        """The core of an earlier story; None when it has no article any more."""

    def rarity(self) -> Rarity:
        """How rare terms are."""


def place(subject: Subject, text: Text, index: Index, sketch: frozenset[int] | None = None) -> Placement:
    """Decide where an article goes.

    Args:
        subject: the article.
        text: what it says.
        index: of the articles before.
        sketch: the runs of its text, if they are at hand.
    """
    sketch = runs(text.words) if sketch is None else sketch
    found = index.texts_with(sketch)
    dull = frozenset(run for run, articles in found.items() if len(articles) >= DULL)
    hits = Counter(article for run, articles in found.items() if run not in dull for article in articles)
    hits.pop(subject.id, None)
    if (copied := _copy(subject, text, hits, dull, index)) is not None:
        new = len(text.words) > LONGER * len(index.text(copied.matched or copied.copies).words)
        return replace(copied, runs=sketch) if new else copied
    near = [there.story for article, _ in _best(hits, TEXTS_READ) if (there := index.where(article)) is not None]
    if (related := _related(subject, text, near, index)) is not None:
        return replace(related, runs=sketch)
    return Placement(subject.id, None, "first", "first to tell it", subject.id, runs=sketch)


def in_window(one: datetime | None, other: datetime | None, window: timedelta) -> bool:
    """Whether two times, as far as they are known, are no further apart than `window`."""
    return one is None or other is None or abs(one - other) <= window


def one_outlet(one: str, other: str) -> bool:
    """Whether two articles are known to come from one source."""
    return bool(one) and one == other


def key_terms(text: Text, rarity: Rarity, count: int) -> list[str]:
    """The terms an article is found by, the most telling first."""
    weighed = {term: weight * rarity.of(term) for term, weight in text.terms.items()}
    return sorted(weighed, key=lambda term: (-weighed[term], term))[:count]


def likely(text: Text, rarity: Rarity, found: Mapping[str, Sequence[int]]) -> list[int]:
    """The stories that share most with an article, by what its rarest terms have found: term -> stories."""
    points: dict[int, float] = {}
    for term, stories in found.items():
        worth = text.terms[term] * rarity.of(term)
        for story in stories:
            points[story] = points.get(story, 0.0) + worth
    return [story for story, sum_ in _best(points, STORIES_READ) if sum_ >= LEAST]


def _best(hits: Mapping[int, float], count: int) -> list[tuple[int, float]]:
    return sorted(hits.items(), key=lambda hit: (-hit[1], hit[0]))[:count]


def _copy(
    subject: Subject, text: Text, hits: Mapping[int, int], dull: Collection[int], index: Index
) -> Placement | None:
    best: tuple[SameText, int, Place] | None = None
    for article, _ in _best(hits, TEXTS_READ):
        there = index.where(article)
        if there is None or not in_window(subject.when, there.when, WINDOW):
            continue
        other = index.text(article)
        if not (text.has_body and other.has_body) and not in_window(subject.when, there.when, headline_window(text)):
            continue
        same_source = one_outlet(subject.source, there.source)
        far = not in_window(subject.when, there.when, GAP)
        found = same_text(text, other, one_outlet=same_source, far=far, dull=dull)
        if found is None or not _akin(text, there.copies, article, index):
            continue
        if best is None or (found.share, found.words) > (best[0].share, best[0].words):
            best = found, article, there
    if best is None:
        return None
    found, article, there = best
    return Placement(subject.id, there.story, "copy", found.reason, there.copies, article, round(found.share, 3))


def _akin(text: Text, first: int, found_by: int, index: Index) -> bool:
    """Whether an article that copies a later text of a group has to do with the group's first text.

    A page of several briefs can copy one of them; another of its briefs must not come into that one's group.
    """
    if first == found_by:
        return True
    other, rarity = index.text(first), index.rarity()
    if sum(common(text.words, other.words)) >= 0.3 * min(len(text.words), len(other.words)):
        return True
    if text.names and other.names:
        return sum(rarity.of(name) >= RARE for name in text.names & other.names) >= KIN_NAMES
    return sum(rarity.of(term) for term in text.terms.keys() & other.terms.keys()) >= KIN_POINTS


def _related(subject: Subject, text: Text, near: Sequence[int], index: Index) -> Placement | None:
    rarity = index.rarity()
    asked = key_terms(text, rarity, TERMS_ASKED)
    candidates = dict.fromkeys([*likely(text, rarity, index.stories_with(asked)), *near])
    cores = {story: core for story in candidates if (core := index.core(story)) is not None}
    compared = [(compare(text, subject.when, core, rarity), story) for story, core in cores.items()]
    same = sorted((pair for pair in compared if pair[0].same), key=lambda pair: (-pair[0].score, pair[1]))
    if not same:
        return None
    (likeness, story), others = same[0], same[1:]
    return Placement(
        subject.id,
        story,
        "related",
        "; ".join(likeness.reasons),
        subject.id,
        cores[story].articles[0],
        round(likeness.score, 3),
        unites=tuple(other for _, other in others if cores_alike(cores[story], cores[other], rarity)),
    )
