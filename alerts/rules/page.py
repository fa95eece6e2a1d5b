"""One text while rules read it: where each term occurs, and on demand its sentences, paragraphs and offsets.

Words are numbered through the title and the body. Between paragraphs (the title is one) numbers jump by more than the
largest distance of NEAR, so that neither a phrase nor NEAR ever crosses one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import compress
from typing import Any

from alerts.rules.lead import lead_end
from alerts.rules.nodes import MAX_DISTANCE
from alerts.rules.sentences import sentence_ends
from alerts.rules.text import paragraphs, places, run_pattern
from alerts.rules.values import Text
from alerts.rules.vocabulary import Compound, Vocabulary

Span = tuple[int, int]
"""First and last word, by number."""

_GAP = MAX_DISTANCE + 1
_PAST_LEAD = 50
"""Enough of the text behind the lead to see whether its last word goes on."""


class Paragraph:
    """One paragraph: the number of its first word, its text and where that begins in its field."""

    __slots__ = ("first", "offset", "sentence_ends", "sentence_firsts", "text", "title", "words")

    def __init__(self, first: int, text: str, offset: int, *, title: bool) -> None:
        self.first = first
        self.text = text
        self.offset = offset
        self.title = title
        self.words: list[Span] = []
        self.sentence_ends: list[int] = []
        self.sentence_firsts: list[int] = []

    def look_closer(self) -> Paragraph:
        """Find the places of words and sentences, once; most paragraphs are never asked for them."""
        if not self.sentence_ends:
            self.words = places(self.text)
            self.sentence_ends = [len(self.text)] if self.title else sentence_ends(self.text)
            self.sentence_firsts = [self.first]
            at, starts = 0, [start for start, _ in self.words]
            for end in self.sentence_ends[:-1]:
                at = bisect_right(starts, end - 1, at)
                self.sentence_firsts.append(self.first + at)
        return self

    def sentence(self, word: int) -> int:
        """Which sentence of the paragraph the word stands in."""
        return bisect_right(self.sentence_firsts, word) - 1


class Page:
    """A text under the rules' eyes.

    Attributes:
        at: for each term that occurs, the numbers of the words that are it.
        over: for each term that occurs as a hyphenated compound, the compound's spans.
        memory: what query nodes have found, by node; lives as long as the page.
    """

    __slots__ = ("_firsts", "_lead_end", "_lead_last", "at", "body_first", "memory", "over", "paragraphs", "text")

    def __init__(self, text: Text, vocabulary: Vocabulary) -> None:
        self.text = text
        self.at: defaultdict[int, list[int]] = defaultdict(list)
        self.over: dict[int, list[Span]] = {}
        self.memory: dict[int, Any] = {}
        self.paragraphs: list[Paragraph] = []
        self._lead_end: int | None = None
        self._lead_last: int | None = None
        self._firsts: list[int] = []
        first = self._read(Paragraph(0, text.title, 0, title=True), vocabulary)
        self.body_first = first
        for offset, piece in paragraphs(text.body):
            first = self._read(Paragraph(first, piece, offset, title=False), vocabulary)

    def _read(self, paragraph: Paragraph, vocabulary: Vocabulary) -> int:
        """Note every term of the paragraph; returns the number of the first word behind it and the gap."""
        runs = run_pattern(paragraph.text).findall(paragraph.text)
        entries = list(map(vocabulary.__getitem__, runs))
        at = self.at
        number = paragraph.first
        for index in compress(range(len(entries)), entries):
            entry = entries[index]
            if type(entry) is tuple:
                for term in entry:
                    at[term].append(number + index)
            elif isinstance(entry, Compound):
                if entry.found:
                    self._note(entry, number + index)
                number += entry.words - 1
        self.paragraphs.append(paragraph)
        self._firsts.append(paragraph.first)
        return number + len(entries) + _GAP

    def _note(self, compound: Compound, number: int) -> None:
        for first, last, term in compound.found:
            if first == last:
                self.at[term].append(number + first)
            else:
                self.at[term]
                self.over.setdefault(term, []).append((number + first, number + last))

    def paragraph(self, word: int) -> Paragraph:
        """The paragraph the word stands in."""
        return self.paragraphs[bisect_right(self._firsts, word) - 1]

    def paragraph_key(self, word: int) -> int:
        """A number that words of one paragraph share."""
        return self.paragraph(word).first

    def sentence_key(self, word: int) -> int:
        """A number that words of one sentence share."""
        paragraph = self.paragraph(word).look_closer()
        return paragraph.sentence_firsts[paragraph.sentence(word)]

    def bounds(self, field: str) -> Span:
        """First and last number a word of the field can have."""
        if field == "title":
            return 0, self.body_first - 1
        if field == "lead":
            return self.body_first, self._last_of_lead()
        return self.body_first, 1 << 60

    def lead_end(self) -> int:
        """Where the lead ends in the body."""
        if self._lead_end is None:
            self._lead_end = lead_end(self.text.body)
        return self._lead_end

    def _last_of_lead(self) -> int:
        if self._lead_last is None:
            end = self.lead_end()
            last = self.body_first - 1
            for paragraph in self.paragraphs[1:]:
                if paragraph.offset >= end:
                    break
                limit = end - paragraph.offset
                inside = sum(stop <= limit for _, stop in places(paragraph.text[: limit + _PAST_LEAD]))
                if inside:
                    last = paragraph.first + inside - 1
            self._lead_last = last
        return self._lead_last
