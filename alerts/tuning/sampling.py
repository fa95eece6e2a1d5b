"""Random draws of articles to judge a rule by: within strata of near misses, repeatable, with what weighs them.

A rule seldom fires, so a plain draw would hold none of its flags. Three strata: `fired` (the rule flags the article),
`near` (at most one part of it is missing) and `far`. Within each the draw is random: the articles whose hash with the
seed is smallest. So it does not depend on how the archive was cut into ranges, and any beginning of the list that was
judged is a random draw too.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerts.flags import rule_text
from alerts.rules import RuleSet
from alerts.tuning.misses import PARTLY, near_misses
from alerts.tuning.scan import Chunk
from crawler.articles import Article
from crawler.sources import Source

STRATA = {"fired": 0.5, "near": 0.3, "far": 0.2}
"""Stratum -> its part of a draw; what a small stratum cannot fill goes to the others."""

Ticket = tuple[int, int, int, str]
"""(hash, article, version, stratum); the smallest hashes are drawn."""


@dataclass(frozen=True, slots=True)
class Sorter:
    """Tells the stratum of an article; travels to worker processes. The rule set holds the one rule."""

    rule_set: RuleSet
    sources: Mapping[str, Source]
    seed: int

    def __call__(self, article: Article) -> Ticket:
        """Its ticket for the draw."""
        text = rule_text(article, self.sources.get(article.source))
        if self.rule_set.read(text, drafts=True):
            stratum = "fired"
        else:
            near = near_misses(self.rule_set, text, drafts=True, at_least=PARTLY)
            stratum = "near" if near else "far"
        return ticket_hash(self.seed, "draw", article.id), article.id, article.version, stratum


def sorter(rule_set: RuleSet, sources: Iterable[Source], seed: int) -> Sorter:
    """A sorter for the one rule of `rule_set`."""
    return Sorter(rule_set, {source.id: source for source in sources}, seed)


def ticket_hash(seed: int, purpose: str, article: int) -> int:
    """A number that is random in all but name."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {purpose} {article}".encode(), digest_size=7).digest())


@dataclass
class Urn:
    """Keeps the smallest tickets of each stratum while a scan goes on, and counts all."""

    size: int
    population: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, list[tuple[int, Ticket]]] = field(default_factory=lambda: {name: [] for name in STRATA})

    def add(self, chunk: Chunk[Ticket]) -> None:
        """Put the tickets of one more range into the urn."""
        for ticket in chunk.found:
            self.population[ticket[3]] += 1
            heap = self._kept[ticket[3]]
            if len(heap) < self.size:
                heapq.heappush(heap, (-ticket[0], ticket))
            else:
                heapq.heappushpop(heap, (-ticket[0], ticket))

    def draw(self, seed: int) -> list[tuple[int, int, str]]:
        """(article, version, stratum) of what is drawn, in the order in which it is to be asked for."""
        drawn: list[Ticket] = []
        for stratum, count in shares(self.size, self.population).items():
            drawn += sorted(ticket for _, ticket in self._kept[stratum])[:count]
        # The order tells nothing of the stratum, so nobody judges by expectation.
        drawn.sort(key=lambda ticket: ticket_hash(seed, "order", ticket[1]))
        return [(article, version, stratum) for _, article, version, stratum in drawn]


def shares(size: int, population: Mapping[str, int]) -> dict[str, int]:
    """How many to draw of each stratum."""
    counts = {name: min(population.get(name, 0), round(size * part)) for name, part in STRATA.items()}
    for name in STRATA:
        left = size - sum(counts.values())
        counts[name] += max(min(left, population.get(name, 0) - counts[name]), min(0, left))
    return counts
