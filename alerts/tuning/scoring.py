"""How good rules are against judgements: precision, recall and F1 with 95 % intervals. Pure.

Intervals of precision and recall are Wilson's. F1 is 2J / (1 + J) with J = tp / (tp + fp + fn), a share like them,
so its interval is Wilson's for J, carried over: no resampling, the same figures every time. Where judgements have
weights (random draws within strata), the number of cases is the effective one: (sum of weights)^2 / sum of squares.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.lines import LineError, parse_line
from alerts.rules import RuleSet
from alerts.tuning.bulk import Numbered, as_text, numbered_batches
from alerts.tuning.pool import ordered_map, worker_count

FULL_LENGTH = 900
"""Characters of text from which on an article counts as full-length when its file does not say."""
DIMENSIONS = ("topic", "language", "length", "language+length", "class", "rule")
LABELS = ("yes", "no", "borderline")
CONTEXT = "context"
_Z = 1.959964
_HERE = 8

Said = tuple[str, str, str]
"""(rule, topic, class) of a flag."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One article with what it is and what the rules said.

    Attributes:
        labels: topic -> yes, no or borderline.
        weight: how many articles it stands for.
    """

    labels: Mapping[str, str]
    language: str
    length: str
    said: tuple[Said, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval; `value` is None when there is no case."""

    value: float | None
    low: float = 0.0
    high: float = 1.0

    def as_list(self) -> list[float] | None:
        """[value, low, high], rounded for JSON."""
        return None if self.value is None else [round(one, 4) for one in (self.value, self.low, self.high)]


def wilson(share: float, cases: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share among so many cases."""
    middle = (share + _Z * _Z / (2 * cases)) / (1 + _Z * _Z / cases)
    half = _Z / (1 + _Z * _Z / cases) * math.sqrt(share * (1 - share) / cases + _Z * _Z / (4 * cases * cases))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass
class Score:
    """Counts of one group; they are sums of weights."""

    tp: float = 0.0
    fp: float = 0.0
    fn: float = 0.0
    tn: float = 0.0
    borderline: float = 0.0
    borderline_flagged: float = 0.0
    _squares: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("tp", "fp", "fn"), 0.0))

    def add(self, label: str, *, flagged: bool, weight: float) -> None:
        """Count one article."""
        if label == "borderline":
            self.borderline += weight
            self.borderline_flagged += weight * flagged
            return
        cell = ("tp" if flagged else "fn") if label == "yes" else ("fp" if flagged else "tn")
        setattr(self, cell, getattr(self, cell) + weight)
        if cell in self._squares:
            self._squares[cell] += weight * weight

    @property
    def flags(self) -> float:
        """How much was flagged, right or not."""
        return self.tp + self.fp + self.borderline_flagged

    @property
    def precision(self) -> Share:
        """Of what is flagged, how much is right."""
        return self._share("tp", "fp")

    @property
    def recall(self) -> Share:
        """Of what is right, how much is flagged."""
        return self._share("tp", "fn")

    @property
    def f1(self) -> Share:
        """The harmonic mean of both."""
        jaccard = self._share("tp", "fp", "fn")
        if jaccard.value is None:
            return jaccard
        return Share(*(2 * one / (1 + one) for one in (jaccard.value, jaccard.low, jaccard.high)))

    def _share(self, *cells: str) -> Share:
        total = sum(getattr(self, cell) for cell in cells)
        if not total:
            return Share(None)
        cases = total * total / sum(self._squares[cell] for cell in cells)
        return Share(self.tp / total, *wilson(self.tp / total, cases))

    def as_dict(self) -> dict[str, Any]:
        """For JSON. Shares are [value, low, high], or null without a case."""
        counts = {name: round(getattr(self, name), 3) for name in ("tp", "fp", "fn", "tn")}
        share = self.borderline_flagged / self.borderline if self.borderline else None
        return {
            **counts,
            "precision": self.precision.as_list(),
            "recall": self.recall.as_list(),
            "f1": self.f1.as_list(),
            "borderline": round(self.borderline, 3),
            "borderline_flagged": None if share is None else round(share, 4),
        }


Key = tuple[str, str, str]
"""(dimension, topic, group)."""


@dataclass
class Board:
    """Scores by topic and by whatever else is asked for. Context flags never count as their topic."""

    dimensions: Sequence[str]
    rules: Sequence[Said]
    scores: dict[Key, Score] = field(default_factory=dict)
    articles: int = 0

    def add(self, judged: Judged) -> None:
        """Count one article in every group it belongs to."""
        self.articles += 1
        for topic, label in judged.labels.items():
            for key, flagged in self._groups(topic, judged):
                score = self.scores.setdefault(key, Score())
                score.add(label, flagged=flagged, weight=judged.weight)

    def _groups(self, topic: str, judged: Judged) -> Iterator[tuple[Key, bool]]:
        mine = [(rule, class_) for rule, about, class_ in judged.said if about == topic]
        flagged = any(class_ != CONTEXT for _, class_ in mine)
        for dimension in self.dimensions:
            if dimension == "topic":
                yield (dimension, topic, topic), flagged
            elif dimension not in {"class", "rule"}:
                parts = {"language": judged.language or "unknown", "length": judged.length}
                yield (dimension, topic, " ".join(parts[part] for part in dimension.split("+"))), flagged
            else:
                at = 1 if dimension == "class" else 0
                fired = {one[at] for one in mine}
                groups = {said[2 if at else 0] for said in self.rules if said[1] == topic}
                yield from (((dimension, topic, group), group in fired) for group in sorted(groups))

    def rows(self) -> Iterator[tuple[Key, Score]]:
        """Every group, in the order of the dimensions asked for."""
        yield from sorted(self.scores.items(), key=lambda one: (self.dimensions.index(one[0][0]), one[0]))

    def below(self, least: float) -> list[str]:
        """Topics whose F1 is under `least`, or that cannot be measured at all when no topic can."""
        measured = {key[1]: score.f1.value for key, score in self.scores.items() if key[0] == "topic"}
        known = {topic: value for topic, value in measured.items() if value is not None}
        return sorted(topic for topic, value in known.items() if value < least) if known else ["nothing is measured"]


def said_by(rule_set: RuleSet) -> list[Said]:
    """What each live rule would say."""
    return [(rule.id, rule.topic, rule.class_.value) for rule in rule_set.rules if rule.live]


@dataclass(frozen=True, slots=True)
class LabelReader:
    """Reads batches of labelled lines; travels to worker processes."""

    rule_set: RuleSet
    topics: tuple[str, ...]

    def __call__(self, batch: list[Numbered]) -> list[Judged | tuple[int, str]]:
        """A judged article for each line, or its number and what is wrong with it."""
        return [self._read(number, line) for number, line in batch]

    def _read(self, number: int, line: str) -> Judged | tuple[int, str]:
        try:
            row = parse_line(line, number, strict=False)
            extra: dict[str, Any] = json.loads(line)
            labels = self._labels(extra.get("labels"))
        except LineError as error:
            return number, str(error)
        hits = self.rule_set.read(as_text(row))
        length = extra.get("length")
        return Judged(
            labels,
            row.language,
            length if isinstance(length, str) and length else length_of(row.text),
            tuple((hit.rule, hit.topic, hit.class_) for hit in hits),
        )

    def _labels(self, given: object) -> dict[str, str]:
        if not isinstance(given, dict) or not given:
            raise LineError('1: no `labels`: expected {"topic": "yes", "no" or "borderline"}')
        for topic, label in given.items():
            if topic not in self.topics:
                raise LineError(f"1: `labels` names {topic!r}, which is no topic; known are {', '.join(self.topics)}")
            if label not in LABELS:
                raise LineError(f"1: the label of `{topic}` is {label!r}, expected {', '.join(LABELS)}")
        return {str(topic): str(label) for topic, label in given.items()}


def length_of(text: str) -> str:
    """full, short or title_only."""
    return "full" if len(text) >= FULL_LENGTH else "short" if text.strip() else "title_only"


def read_labels(
    rule_set: RuleSet, lines: Iterable[str], topics: Sequence[str], *, workers: int = 0
) -> Iterator[Judged | tuple[int, str]]:
    """Read a labelled file with the live rules, in its order; (number, what is wrong) for a line that is no article."""
    reader = LabelReader(rule_set, tuple(topics))
    for answers in ordered_map(reader, numbered_batches(lines), workers=worker_count(workers), here=_HERE):
        yield from answers
