"""Two sets of rules over the same articles: what is gained, what is lost, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts.flags import rule_text
from alerts.rules import Evidence, Hit, RuleSet, Text
from alerts.tuning.scan import Chunk
from alerts.tuning.trying import Card, card
from crawler.articles import Article
from crawler.sources import Source


@dataclass(frozen=True, slots=True)
class Change:
    """One rule that flags an article on one side only.

    Attributes:
        gained: the new side flags it; else the old side does.
        reason: why the other side does not, in its rule's words.
        evidence: of the side that flags it.
    """

    rule: str
    gained: bool
    reason: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Compared:
    """An article that one side flags at least: what changed, and the rules that fire on the old and the new side."""

    card: Card
    changes: tuple[Change, ...]
    before: frozenset[str]
    after: frozenset[str]

    def rows(self) -> Iterator[dict[str, Any]]:
        """For JSON: one object a change."""
        for change in self.changes:
            yield {
                "change": "gained" if change.gained else "lost",
                "rule": change.rule,
                "reason": change.reason,
                **self.card.as_dict(),
                "field": change.evidence.field,
                "sentence": change.evidence.sentence,
                "terms": [list(term) for term in change.evidence.terms],
            }


@dataclass(frozen=True, slots=True)
class Comparer:
    """Reads an article with both sides."""

    old: RuleSet
    new: RuleSet
    sources: Mapping[str, Source]
    drafts: bool

    def __call__(self, article: Article) -> Compared | None:
        """None for an article that neither side flags."""
        text = rule_text(article, self.sources.get(article.source))
        before, after = (
            {hit.rule: hit for hit in rules.read(text, drafts=self.drafts)} for rules in (self.old, self.new)
        )
        if not before and not after:
            return None
        gained = [hit for rule, hit in after.items() if rule not in before]
        lost = [hit for rule, hit in before.items() if rule not in after]
        changes = [
            *self._changes(gained, text, self.old, gained=True),
            *self._changes(lost, text, self.new, gained=False),
        ]
        return Compared(card(article), tuple(changes), frozenset(before), frozenset(after))

    def _changes(self, hits: list[Hit], text: Text, other: RuleSet, *, gained: bool) -> Iterator[Change]:
        """Each hit with the reason why the other side has none."""
        if not hits:
            return
        silent = dict(other.explain_silence(text, drafts=self.drafts))
        for hit in hits:
            yield Change(
                hit.rule, gained, silent.get(hit.rule) or _absent(other, hit.rule, gained=gained), hit.evidence
            )


def _absent(other: RuleSet, name: str, *, gained: bool) -> str:
    rule = other.rule(name)
    if rule is None:
        return "the rule is new" if gained else "the rule is gone"
    return "the rule was a draft" if gained else "the rule is a draft now"


def comparer(old: RuleSet, new: RuleSet, sources: Iterable[Source], *, drafts: bool) -> Comparer:
    """A reader of both sides; with `drafts` rules count whether live or not."""
    return Comparer(old, new, {source.id: source for source in sources}, drafts)


@dataclass
class Balance:
    """Counts of a comparison that grow while it goes on; its size depends on rules and reasons, not on articles.

    Attributes:
        before, after: articles each rule flags; the empty name stands for any rule.
    """

    articles: int = 0
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    gained: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, bool, str]] = field(default_factory=Counter)

    def add(self, chunk: Chunk[Compared]) -> None:
        """Count one more range."""
        self.articles += chunk.articles
        for one in chunk.found:
            self.before.update([*one.before, ""] if one.before else ())
            self.after.update([*one.after, ""] if one.after else ())
            self.gained[""] += not one.before
            self.lost[""] += not one.after
            for change in one.changes:
                (self.gained if change.gained else self.lost)[change.rule] += 1
                self.reasons[change.rule, change.gained, kind_of(change.reason)] += 1

    def share(self, rule: str) -> float:
        """How much changed: gained and lost against what was flagged before. Infinite when nothing was before."""
        moved = self.gained[rule] + self.lost[rule]
        if not moved:
            return 0.0
        return moved / self.before[rule] if self.before[rule] else float("inf")

    def over(self, limit: float, known_before: Iterable[str]) -> list[str]:
        """Rules of both sides that changed by more than `limit`, and the empty name if all rules together did."""
        return [rule for rule in ["", *sorted(known_before)] if self.share(rule) > limit]


def kind_of(reason: str) -> str:
    """A reason without what differs from article to article, for counting."""
    return re.sub(r'"[^"]*"', '".."', re.sub(r"\b\d+ (words apart|points|of \d+ mentions)", r"\1", reason))
