"""A rule, a list and a filter as values: what their files say, read and found good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alerts.rules.nodes import Node

TOPICS = ("civilian_attack", "ceasefire")
"""Topics that exist when the settings name none."""
STAGED_TOPIC = "ceasefire"
"""The topic whose rules may name a stage."""


class RuleClass(StrEnum):
    """What a rule's flags are (docs/glossary.md)."""

    EVENT = "event"
    STATEMENT = "statement"
    CONTEXT = "context"


class Severity(StrEnum):
    """How loudly a desk is told; from quiet to loud."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Stage(StrEnum):
    """How far a ceasefire is."""

    CALLED_FOR = "called_for"
    TALKS = "talks"
    PROPOSED = "proposed"
    REJECTED = "rejected"
    AGREED = "agreed"
    DECLARED = "declared"
    IN_EFFECT = "in_effect"
    MONITORED = "monitored"
    EXTENDED = "extended"
    VIOLATED = "violated"
    SUSPENDED = "suspended"
    COLLAPSED = "collapsed"
    CORRIDOR = "corridor"


class Status(StrEnum):
    """Draft rules are tested and previewed but flag nothing."""

    LIVE = "live"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Query:
    """A query or a list entry: as written, and read."""

    text: str
    node: Node


@dataclass(frozen=True, slots=True)
class Case:
    """A text that a rule must flag, or must not.

    Attributes:
        kind: flags, ignores, todo_flags or todo_ignores.
        index: 0-based place among the cases of its kind.
        title: plain text, may be empty.
        body: plain text, may be empty.
        lang: BCP 47 primary tag; empty means unknown.
        source: id of a source.
        country: code of a country.
        url: an address.
        authors: names.
        labels: categories.
    """

    kind: str
    index: int
    title: str = ""
    body: str = ""
    lang: str = ""
    source: str = ""
    country: str = ""
    url: str = ""
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Exclusions that apply to all rules with one of the ids, topics or tags."""

    id: str
    rules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_within: tuple[Query, ...] = ()
    drop_if: Query | None = None

    def applies(self, rule: Rule) -> bool:
        """Whether the rule is one of those the filter names."""
        return rule.id in self.rules or rule.topic in self.topics or not set(self.tags).isdisjoint(rule.tags)

    def canonical(self) -> dict[str, Any]:
        """What decides over flags, as plain values."""
        return {
            "id": self.id,
            "rules": list(self.rules),
            "topics": list(self.topics),
            "tags": list(self.tags),
            "not_within": [query.text for query in self.not_within],
            "drop_if": self.drop_if.text if self.drop_if else None,
        }


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule. `severity` is one word, or a threshold of points for each word.

    Attributes:
        find: what opens the gate; None for a rule that only has language variants.
        languages: a find of its own for articles in that language.
        not_within: mentions inside these do not count.
        drop_if: no flag at all if this holds.
        score: points and what gives them.
        at: fewest points for a flag; None = no threshold.
        file: where it stands, for messages; no part of what the rule says.
    """

    id: str
    title: str
    topic: str
    class_: RuleClass
    severity: Severity | Mapping[Severity, int]
    find: Query | None
    stage: Stage | None = None
    tags: tuple[str, ...] = ()
    status: Status = Status.LIVE
    languages: Mapping[str, Query] = field(default_factory=dict)
    not_within: tuple[Query, ...] = ()
    drop_if: Query | None = None
    score: tuple[tuple[int, Query], ...] = ()
    at: int | None = None
    note: str = ""
    cases: tuple[Case, ...] = ()
    file: str = field(default="", compare=False)

    @property
    def live(self) -> bool:
        """Whether it may flag."""
        return self.status is Status.LIVE

    def severity_for(self, points: int) -> Severity:
        """The severity of a hit with so many points: the highest threshold reached, else the lowest word named."""
        if isinstance(self.severity, Severity):
            return self.severity
        rising = sorted(self.severity.items(), key=lambda pair: pair[1])
        return next((name for name, least in reversed(rising) if points >= least), rising[0][0])

    def queries(self) -> tuple[Query, ...]:
        """Every query of the rule."""
        single = [query for query in (self.find, self.drop_if) if query is not None]
        return (*single, *self.languages.values(), *self.not_within, *(query for _, query in self.score))

    def canonical(self) -> dict[str, Any]:
        """What decides over flags and what they carry, as plain values: cases and notes may change freely."""
        severity = self.severity if isinstance(self.severity, Severity) else dict(self.severity)
        return {
            "id": self.id,
            "title": self.title,
            "topic": self.topic,
            "stage": self.stage,
            "class": self.class_,
            "severity": severity,
            "tags": list(self.tags),
            "status": self.status,
            "find": self.find.text if self.find else None,
            "languages": {tag: query.text for tag, query in self.languages.items()},
            "not_within": [query.text for query in self.not_within],
            "drop_if": self.drop_if.text if self.drop_if else None,
            "score": [[points, query.text] for points, query in self.score],
            "at": self.at,
        }
