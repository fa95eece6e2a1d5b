"""Many articles as JSON lines, read at the matcher's speed: batches of raw lines go out, finished lines come back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from alerts.lines import ImportedArticle, LineError, parse_line
from alerts.rules import Hit, RuleSet, Text
from alerts.tuning.misses import near_misses
from alerts.tuning.pool import ordered_map, worker_count

BATCH_LINES = 200
BATCH_CHARACTERS = 400_000
"""A batch ends at whichever comes first."""
HERE = 6
"""Batches read by this process while others start; a file of no more starts none."""

Numbered = tuple[int, str]


class Answer(NamedTuple):
    """What became of one line: its JSON, or what is wrong with it."""

    number: int
    line: str = ""
    wrong: str = ""


def read_lines(rule_set: RuleSet, lines: Iterable[str], *, near: bool = False, workers: int = 0) -> Iterator[Answer]:
    """Read articles, one JSON object a line, and answer in the same order.

    Args:
        rule_set: the rules; nothing of it is changed.
        lines: empty ones are passed over.
        near: add what nearly fired.
        workers: processes; 0 = one for each processor. Few lines are read here whatever this says.
    """
    reader = BatchReader(rule_set, near)
    for answers in ordered_map(reader, numbered_batches(lines), workers=worker_count(workers), here=HERE):
        yield from answers


def as_text(row: ImportedArticle) -> Text:
    """A line as rules read it."""
    return Text(title=row.title, body=row.text, language=row.language, source=row.source, url=row.url)


def as_row(hit: Hit) -> dict[str, Any]:
    """A hit in the form in which `rules read --json` and exports give it. Offsets are code points of the field."""
    return {
        "rule": hit.rule,
        "topic": hit.topic,
        "class": hit.class_,
        "stage": hit.stage,
        "severity": hit.severity,
        "field": hit.evidence.field,
        "start": hit.evidence.start,
        "end": hit.evidence.end,
        "sentence": hit.evidence.sentence,
        "terms": [list(term) for term in hit.evidence.terms],
    }


def as_object(rule_set: RuleSet, name: str, text: Text, *, near: bool) -> Mapping[str, Any]:
    """What `rules read --json` says of one text."""
    row: dict[str, Any] = {"id": name, "flags": [as_row(hit) for hit in rule_set.read(text)]}
    if near:
        row["near_misses"] = [{"rule": miss.rule, "reason": miss.reason} for miss in near_misses(rule_set, text)]
    return row


def numbered_batches(lines: Iterable[str]) -> Iterator[list[Numbered]]:
    """Lines with their 1-based numbers, empty ones left out, in batches of about equal work."""
    batch: list[Numbered] = []
    size = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        batch.append((number, line))
        size += len(line)
        if len(batch) == BATCH_LINES or size >= BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class BatchReader:
    """Reads batches of numbered lines; travels to worker processes."""

    rule_set: RuleSet
    near: bool

    def __call__(self, batch: list[Numbered]) -> list[Answer]:
        """One answer a line."""
        return [self._answer(number, line) for number, line in batch]

    def _answer(self, number: int, line: str) -> Answer:
        try:
            row = parse_line(line, number, strict=False)
        except LineError as error:
            return Answer(number, wrong=str(error))
        said = as_object(self.rule_set, row.id, as_text(row), near=self.near)
        return Answer(number, json.dumps(said, ensure_ascii=False))
