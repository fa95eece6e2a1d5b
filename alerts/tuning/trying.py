"""What rules flag in the archive: the live matcher over every article of some days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alerts.flags import rule_text
from alerts.ledger.schema import story_article
from alerts.rules import Hit, RuleSet
from alerts.tuning.bulk import as_row
from alerts.tuning.scan import Chunk
from crawler.articles import Article
from crawler.sources import Source


@dataclass(frozen=True, slots=True)
class Card:
    """An article as far as it is shown. Datetimes are aware UTC."""

    id: int
    version: int
    url: str
    title: str
    source: str
    language: str
    published: datetime | None
    seen_at: datetime

    @property
    def day(self) -> date:
        """The day it counts for: published, or stored when no date was given."""
        return (self.published or self.seen_at).date()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "article": self.id,
            "url": self.url,
            "title": self.title,
            "source": self.source,
            "language": self.language,
            "published": self.published.isoformat() if self.published else None,
            "seen_at": self.seen_at.isoformat(),
        }


def card(article: Article) -> Card:
    """What is shown of an article."""
    return Card(
        article.id, article.version, article.url, article.title, article.source, article.language,
        article.published, article.seen_at,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flagged:
    """An article that rules flag, with the flags."""

    card: Card
    hits: tuple[Hit, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**self.card.as_dict(), "flags": [as_row(hit) for hit in self.hits]}


@dataclass(frozen=True, slots=True)
class FlagReader:
    """Gives the flags of an article, as `run` would store them."""

    rule_set: RuleSet
    sources: Mapping[str, Source]
    drafts: bool = False

    def __call__(self, article: Article) -> Flagged | None:
        """None for an article without a flag."""
        hits = self.rule_set.read(rule_text(article, self.sources.get(article.source)), drafts=self.drafts)
        return Flagged(card(article), hits) if hits else None


def flag_reader(rule_set: RuleSet, sources: Iterable[Source], *, drafts: bool) -> FlagReader:
    """A reader of these rules, which are flags whether live or not if `drafts`."""
    return FlagReader(rule_set, {source.id: source for source in sources}, drafts)


@dataclass
class Tally:
    """Counts that grow while a scan goes on. Its size depends on rules, days and stories, not on articles."""

    articles: int = 0
    flagged: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    days: Counter[date] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    stories: set[int] = field(default_factory=set)

    def add(self, chunk: Chunk[Flagged]) -> None:
        """Count one more range."""
        self.articles += chunk.articles
        self.flagged += len(chunk.found)
        for one in chunk.found:
            self.rules.update(hit.rule for hit in one.hits)
            self.days[one.card.day] += 1
            self.languages[one.card.language] += 1

    def volume(self, since: datetime, until: datetime) -> tuple[int, list[tuple[date, int]]]:
        """Articles flagged: how many are of earlier days, and the count of each day."""
        first, last = since.date(), max([until.date(), *self.days])
        days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
        earlier = sum(count for day, count in self.days.items() if day < first)
        return earlier, [(day, self.days[day]) for day in days]


def stories_of(connection: sa.Connection, articles: Collection[int]) -> dict[int, int]:
    """The story of each article; articles not grouped yet are left out."""
    rows = connection.execute(sa.select(story_article).where(story_article.c.article.in_(articles)))
    return {row.article: row.story for row in rows}


_BARS = "▁▂▃▄▅▆▇█"


def sparkline(counts: Sequence[int], width: int = 60) -> str:
    """Counts as a line of bars; neighbours are added up when there are more than `width`. A dot is none at all."""
    size = -(-len(counts) // width) or 1
    sums = [sum(counts[at : at + size]) for at in range(0, len(counts), size)]
    top = max(sums, default=0)
    return "".join("·" if not one else _BARS[(one * len(_BARS) - 1) // top] for one in sums)
