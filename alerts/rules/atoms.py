"""What every plan is, and the smallest ones: a word of a set, a row of words."""

from __future__ import annotations

from alerts.rules.page import Page, Span
from alerts.rules.spans import shortest

Words = tuple[Span, ...]
"""What makes up one occurrence: the words found, each as a span (a hyphenated compound has several words)."""


class Plan:
    """Base of all nodes.

    Attributes:
        number: unique among the nodes of one builder; 2 * number and 2 * number + 1 are its keys in a page's memory.
        solid: every occurrence is one unbroken row of words.
        placed: has occurrences; false for conditions.
    """

    solid = False
    placed = True

    def __init__(self, number: int) -> None:
        self.number = number

    def spans(self, page: Page) -> list[Span]:
        """All occurrences, sorted."""
        known: list[Span] | None = page.memory.get(2 * self.number)
        if known is None:
            known = page.memory[2 * self.number] = self._spans(page)
        return known

    def least(self, page: Page) -> list[Span]:
        """The occurrences that hold no other one."""
        known: list[Span] | None = page.memory.get(2 * self.number + 1)
        if known is None:
            known = page.memory[2 * self.number + 1] = self._least(page)
        return known

    def test(self, page: Page) -> bool:
        """Whether it occurs, or the condition holds."""
        return bool(self.spans(page))

    def words(self, page: Page, span: Span) -> Words:
        """The words of the occurrence `span`; of several ways to make it up, see `first_words`."""
        return self._words(page, span)

    def _words(self, page: Page, span: Span) -> Words:
        raise NotImplementedError

    def _spans(self, page: Page) -> list[Span]:
        raise NotImplementedError

    def _least(self, page: Page) -> list[Span]:
        return shortest(self.spans(page))


class AnyWord(Plan):
    """Any of a set of words."""

    solid = True

    def __init__(self, number: int, terms: frozenset[int], field: str) -> None:
        super().__init__(number)
        self.terms = terms
        self.field = field

    def test(self, page: Page) -> bool:
        """Whether one of them occurs; in the whole text without a look at where."""
        if self.field != "text":
            return bool(self.spans(page))
        # A view of keys walks the smaller side; a set would walk the whole dictionary.
        return not page.at.keys().isdisjoint(self.terms)

    def _spans(self, page: Page) -> list[Span]:
        at, over, terms = page.at, page.over, self.terms
        hit = [term for term in terms if term in at] if len(terms) <= len(at) else list(at.keys() & terms)
        if not hit:
            return []
        if len(hit) == 1 and hit[0] not in over:
            found = [(word, word) for word in at[hit[0]]]
        else:
            every = {(word, word) for term in hit for word in at[term]}
            if over:
                every.update(span for term in hit for span in over.get(term, ()))
            found = sorted(every)
        return found if self.field == "text" else in_field(found, page, self.field)

    def _least(self, page: Page) -> list[Span]:
        # Only a compound can hold another word.
        return shortest(self.spans(page)) if page.over else self.spans(page)

    def _words(self, _page: Page, span: Span) -> Words:
        return (span,)


class Row(Plan):
    """Words that follow each other: a phrase."""

    solid = True

    def __init__(self, number: int, terms: tuple[int, ...], field: str) -> None:
        super().__init__(number)
        self.terms = terms
        self.field = field

    def _spans(self, page: Page) -> list[Span]:
        at, over = page.at, page.over
        for term in self.terms:
            if term not in at:
                return []
        found = self._rows(page) if over and not over.keys().isdisjoint(self.terms) else self._plain_rows(page)
        return found if self.field == "text" else in_field(found, page, self.field)

    def _least(self, page: Page) -> list[Span]:
        # Without compounds all of them are equally long.
        return shortest(self.spans(page)) if page.over else self.spans(page)

    def _plain_rows(self, page: Page) -> list[Span]:
        """No term of this row stands in a hyphenated compound: places are compared directly."""
        at = page.at
        size = len(self.terms)
        pivot = min(range(size), key=lambda index: len(at[self.terms[index]]))
        starts = [word - pivot for word in at[self.terms[pivot]]]
        for index, term in enumerate(self.terms):
            if index != pivot and starts:
                places = at[term]
                known = places if len(places) < 8 else set(places)
                starts = [start for start in starts if start + index in known]
        return [(start, start + size - 1) for start in starts]

    def _rows(self, page: Page) -> list[Span]:
        rows = set(_of_term(page, self.terms[0]))
        for term in self.terms[1:]:
            ends: dict[int, list[int]] = {}
            for start, end in _of_term(page, term):
                ends.setdefault(start, []).append(end)
            rows = {(start, last) for start, end in rows for last in ends.get(end + 1, ())}
        return sorted(rows)

    def _words(self, _page: Page, span: Span) -> Words:
        return tuple((word, word) for word in range(span[0], span[1] + 1))


def _of_term(page: Page, term: int) -> list[Span]:
    return [(word, word) for word in page.at[term]] + page.over.get(term, [])


def in_field(spans: list[Span], page: Page, field: str) -> list[Span]:
    """The spans that lie in the field."""
    first, last = page.bounds(field)
    return [span for span in spans if span[0] >= first and span[1] <= last]
