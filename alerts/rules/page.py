"""One text while rules read it: where each term occurs, and on demand its sentences, paragraphs and offsets.

Words are numbered through the title and the body. Between paragraphs (the title is one) numbers jump by more than the
largest distance of NEAR, so that neither a phrase nor NEAR ever crosses one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from itertools import accumulate
from typing import Any

from alerts.rules.lead import lead_end
from alerts.rules.nodes import MAX_DISTANCE
from alerts.rules.runs import count_words, cut, lines, places
from alerts.rules.sentences import sentence_ends
from alerts.rules.values import Text
from alerts.rules.vocabulary import NEW_LINE, Compound, Entry, Vocabulary

Span = tuple[int, int]
"""First and last word, by number."""

_GAP = MAX_DISTANCE + 1
_PAST_LEAD = 50
"""Enough of the text behind the lead to see whether its last word goes on."""


class Paragraph:
    """One paragraph: the number of its first word, its text and where that begins in its field."""

    __slots__ = ("_places", "first", "offset", "sentence_ends", "sentence_firsts", "text", "title")

    def __init__(self, first: int, text: str, offset: int, *, title: bool) -> None:
        self.first = first
        self.text = text
        self.offset = offset
        self.title = title
        self.sentence_ends: list[int] = []
        self.sentence_firsts: list[int] = []
        self._places: dict[int, list[Span]] = {}

    def place(self, word: int) -> Span:
        """Where the word starts and ends in the text. Look closer before."""
        at = self.sentence(word)
        known = self._places.get(at)
        if known is None:
            # Only the sentence: most of a paragraph's words are never shown.
            begin = self.sentence_ends[at - 1] if at else 0
            known = places(self.text[begin : self.sentence_ends[at]])
            known = self._places[at] = [(begin + start, begin + end) for start, end in known]
        return known[word - self.sentence_firsts[at]]

    def look_closer(self) -> Paragraph:
        """Find the sentences, once; most paragraphs are never asked for them."""
        if not self.sentence_ends:
            self.sentence_ends = [len(self.text)] if self.title else sentence_ends(self.text)
            # One more than there are sentences: also the number behind the last word.
            self.sentence_firsts = list(accumulate(count_words(self.text, self.sentence_ends), initial=self.first))
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

    __slots__ = ("_firsts", "_known", "_lead_end", "_lead_last", "_lines", "at", "body_first", "memory", "over", "text")

    def __init__(self, text: Text, vocabulary: Vocabulary) -> None:
        self.text = text
        self.at: defaultdict[int, list[int]] = defaultdict(list)
        self.over: dict[int, list[Span]] = {}
        self.memory: dict[int, Any] = {}
        self._firsts = [0]
        self._known: dict[int, Paragraph] = {}
        self._lines: list[tuple[int, str]] = []
        self._lead_end: int | None = None
        self._lead_last: int | None = None
        self._read(list(map(vocabulary.__getitem__, cut(text.title, text.body))))
        self.body_first = self._firsts[1]

    def _read(self, entries: list[Entry]) -> None:
        """Note every term, and the number of each paragraph's first word."""
        at, firsts = self.at, self._firsts
        # How far a word's number is ahead of its index.
        ahead = 0
        for index, entry in enumerate(entries):
            if entry is None:
                continue
            # Most words that anybody looks for are one term.
            if type(entry) is int:
                at[entry].append(ahead + index)
            elif type(entry) is tuple:
                for term in entry:
                    at[term].append(ahead + index)
            elif entry is NEW_LINE:
                ahead += _GAP
                firsts.append(ahead + index + 1)
            elif isinstance(entry, Compound):
                if entry.found:
                    self._note(entry, ahead + index)
                ahead += entry.words - 1

    def _note(self, compound: Compound, number: int) -> None:
        for first, last, term in compound.found:
            if first == last:
                self.at[term].append(number + first)
            else:
                self.at[term]
                self.over.setdefault(term, []).append((number + first, number + last))

    def paragraph(self, word: int) -> Paragraph:
        """The paragraph the word stands in."""
        return self._paragraph(bisect_right(self._firsts, word) - 1)

    def _paragraph(self, index: int) -> Paragraph:
        """The title, or a line of the body counted from 1; made when first asked for."""
        known = self._known.get(index)
        if known is None:
            offset, line = self._body_lines()[index - 1] if index else (0, self.text.title)
            known = self._known[index] = Paragraph(self._firsts[index], line, offset, title=not index)
        return known

    def _body_lines(self) -> list[tuple[int, str]]:
        """(offset, text) of each line of the body, empty ones too."""
        if not self._lines:
            found = lines(self.text.body)
            self._lines = list(zip(accumulate((len(line) + 1 for line in found), initial=0), found, strict=False))
        return self._lines

    def paragraph_key(self, word: int) -> int:
        """A number that words of one paragraph share."""
        return bisect_right(self._firsts, word)

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
            for index, (offset, line) in enumerate(self._body_lines(), 1):
                if offset >= end:
                    break
                limit = end - offset
                if limit >= len(line) and index + 1 < len(self._firsts):
                    inside = self._firsts[index + 1] - self._firsts[index] - _GAP - 1
                else:
                    inside = sum(stop <= limit for _, stop in places(line[: limit + _PAST_LEAD]))
                if inside:
                    last = self._firsts[index] + inside - 1
            self._lead_last = last
        return self._lead_last
