"""What rules read and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TextField = Literal["title", "lead", "body"]


@dataclass(frozen=True, slots=True)
class Text:
    """An article as rules see it.

    Attributes:
        title: plain text; one sentence, whatever stands in it.
        body: plain text; a line break ends a paragraph. The lead is its beginning.
        language: BCP 47 primary tag; empty if unknown, and then every language variant is tried.
        source: id of the source; `source:` also matches the host of the URL.
        country: ISO 3166 alpha-2 code of the source.
        url: the article's address.
        authors: names as written.
        labels: the entry's categories.
    """

    title: str
    body: str
    language: str = ""
    source: str = ""
    country: str = ""
    url: str = ""
    authors: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a rule found what it looks for.

    Offsets are code points of the title (field `title`) or of the body (fields `lead` and `body`).

    Attributes:
        field: `lead` when everything found stands in the lead.
        start: of the first word found.
        end: behind the last word found.
        sentence: the sentence that holds it, or the few sentences if it crosses their borders, as written.
        sentence_start: where `sentence` begins in the field.
        terms: (start, end) of every word found, in order, not overlapping.
    """

    field: TextField
    start: int
    end: int
    sentence: str
    sentence_start: int
    terms: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule's flag on one text."""

    rule: str
    topic: str
    class_: str
    stage: str | None
    severity: str
    tags: tuple[str, ...]
    evidence: Evidence
