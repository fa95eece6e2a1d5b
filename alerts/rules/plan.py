"""Queries made ready to run: what occurs where, asked of one page after another.

A plan is a graph: equal parts of all rules are one node (lists above all), and a node remembers its answer for the
page at hand. `spans` are all occurrences, `least` the shortest ones (those that hold no other), `test` whether there
is any. Conditions without a place (`source:`, NOT) have no spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from alerts.rules.page import Page, Span
from alerts.rules.spans import (
    UNLIMITED,
    any_near,
    closest,
    cover,
    near_pairs,
    separate,
    shortest,
    uncovered,
)

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
        return self._test(page)

    def words(self, page: Page, span: Span) -> Words:
        """The words of the occurrence `span`; of several ways to make it up, see `first_words`."""
        return self._words(page, span)

    def _test(self, page: Page) -> bool:
        return bool(self.spans(page))

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

    def _test(self, page: Page) -> bool:
        at = page.at
        if self.field != "text":
            return bool(self.spans(page))
        # isdisjoint walks its argument, so the smaller side is asked about the larger one.
        if len(self.terms) < len(at):
            return any(term in at for term in self.terms)
        terms = self.terms
        return any(term in terms for term in at)

    def _spans(self, page: Page) -> list[Span]:
        at, over = page.at, page.over
        terms = self.terms
        hit = [term for term in terms if term in at] if len(terms) < len(at) else [term for term in at if term in terms]
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
        if not all(term in at for term in self.terms):
            return []
        found = self._rows(page) if any(term in over for term in self.terms) else self._plain_rows(page)
        return found if self.field == "text" else in_field(found, page, self.field)

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


def first_words(ways: Iterable[Words]) -> Words:
    """Of several ways to make up one occurrence: the one with fewest words, then the first."""
    return min(ways, key=lambda words: (len(words), words))


def _of_term(page: Page, term: int) -> list[Span]:
    return [(word, word) for word in page.at[term]] + page.over.get(term, [])


def in_field(spans: list[Span], page: Page, field: str) -> list[Span]:
    """The spans that lie in the field."""
    first, last = page.bounds(field)
    return [span for span in spans if span[0] >= first and span[1] <= last]


class AnyOf(Plan):
    """Any of several things. Single words come as one `AnyWord`, phrases looked up by one of their words."""

    def __init__(self, number: int, rows: dict[int, tuple[Row, ...]], others: tuple[Plan, ...]) -> None:
        super().__init__(number)
        self.rows = rows
        self.others = others
        self.solid = all(other.solid for other in others)
        self.placed = bool(rows) or any(other.placed for other in others)

    def _present(self, page: Page) -> list[Row]:
        at, rows = page.at, self.rows
        hit = [term for term in rows if term in at] if len(rows) < len(at) else [term for term in at if term in rows]
        return [row for term in hit for row in rows[term]]

    def _test(self, page: Page) -> bool:
        return any(other.test(page) for other in self.others) or any(row.test(page) for row in self._present(page))

    def parts(self, page: Page) -> list[Plan]:
        """The alternatives that may occur on this page."""
        return [*(other for other in self.others if other.placed), *self._present(page)]

    def _spans(self, page: Page) -> list[Span]:
        lists = [found for part in self.parts(page) if (found := part.spans(page))]
        return lists[0] if len(lists) == 1 else sorted({span for one in lists for span in one})

    def _least(self, page: Page) -> list[Span]:
        lists = [found for part in self.parts(page) if (found := part.least(page))]
        return lists[0] if len(lists) == 1 else shortest([span for one in lists for span in one])

    def _words(self, page: Page, span: Span) -> Words:
        return first_words(part.words(page, span) for part in self.parts(page) if span in part.spans(page))


class AllOf(Plan):
    """All of several things. Its occurrences are those of its members, when all of them hold."""

    def __init__(self, number: int, items: tuple[Plan, ...]) -> None:
        super().__init__(number)
        self.items = items
        self.placed = any(item.placed for item in items)
        # Cheap and likely to fail first; refusals last.
        order = {AnyWord: 0, Row: 1, AnyOf: 2, Meta: 2, Never: 9}
        self._in_order = sorted(items, key=lambda item: order.get(type(item), 5))

    def _test(self, page: Page) -> bool:
        return all(item.test(page) for item in self._in_order)

    def _spans(self, page: Page) -> list[Span]:
        if not self.test(page):
            return []
        return sorted({span for item in self.items if item.placed for span in item.spans(page)})

    def _least(self, page: Page) -> list[Span]:
        if not self.test(page):
            return []
        return shortest([span for item in self.items if item.placed for span in item.least(page)])

    def _words(self, page: Page, span: Span) -> Words:
        ways = (item.words(page, span) for item in self.items if item.placed and span in item.spans(page))
        return first_words(ways)


class Close(Plan):
    """NEAR and ONEAR."""

    def __init__(self, number: int, left: Plan, right: Plan, distance: int, *, ordered: bool) -> None:
        super().__init__(number)
        self.left = left
        self.right = right
        self.distance = distance
        self.ordered = ordered
        self._overlap = not (left.solid and right.solid) and not ordered

    def _test(self, page: Page) -> bool:
        left = self.left.spans(page)
        right = left and self.right.spans(page)
        if not right:
            return False
        if any_near(left, right, self.distance, ordered=self.ordered):
            return True
        return self._overlap and bool(self.spans(page))

    def pairs(self, page: Page) -> list[tuple[Span, Span]]:
        """Every pair that is near enough."""
        left = self.left.spans(page)
        right = left and self.right.spans(page)
        if not right:
            return []
        return near_pairs(left, right, self.distance, ordered=self.ordered, overlap=self._overlap)

    def _spans(self, page: Page) -> list[Span]:
        return sorted({cover(one, other) for one, other in self.pairs(page)})

    def _least(self, page: Page) -> list[Span]:
        left = self.left.spans(page)
        right = left and self.right.spans(page)
        if not right:
            return []
        return closest(left, right, self.distance, ordered=self.ordered, overlap=self._overlap)

    def _words(self, page: Page, span: Span) -> Words:
        left, right = _inside(self.left.spans(page), span), _inside(self.right.spans(page), span)
        pairs = near_pairs(left, right, self.distance, ordered=self.ordered, overlap=self._overlap)
        return _of_pairs(self, page, span, pairs)


class Together(Plan):
    """SENTENCE and PARAGRAPH: the shortest stretches of one unit that hold both sides."""

    def __init__(self, number: int, left: Plan, right: Plan, unit: Literal["sentence", "paragraph"]) -> None:
        super().__init__(number)
        self.left = left
        self.right = right
        self.unit = unit
        self._overlap = not (left.solid and right.solid)

    def _spans(self, page: Page) -> list[Span]:
        left = self.left.spans(page)
        right = left and self.right.spans(page)
        if not right:
            return []
        key = page.sentence_key if self.unit == "sentence" else page.paragraph_key
        left = [span for span in left if key(span[0]) == key(span[1])]
        right = [span for span in right if key(span[0]) == key(span[1])]
        return closest(left, right, UNLIMITED, overlap=self._overlap, key=key)

    def _words(self, page: Page, span: Span) -> Words:
        left, right = _inside(self.left.spans(page), span), _inside(self.right.spans(page), span)
        pairs = near_pairs(left, right, UNLIMITED, ordered=False, overlap=self._overlap)
        return _of_pairs(self, page, span, pairs)


def _inside(spans: list[Span], span: Span) -> list[Span]:
    return [one for one in spans if one[0] >= span[0] and one[1] <= span[1]]


def _of_pairs(node: Close | Together, page: Page, span: Span, pairs: list[tuple[Span, Span]]) -> Words:
    return first_words(
        tuple(sorted({*node.left.words(page, one), *node.right.words(page, other)}))
        for one, other in pairs
        if cover(one, other) == span
    )


class Without(Plan):
    """NOT WITHIN, and a rule's `not_within`: the occurrences that lie inside no occurrence of the other side."""

    def __init__(self, number: int, left: Plan, right: Plan) -> None:
        super().__init__(number)
        self.left = left
        self.right = right
        self.solid = left.solid

    def _spans(self, page: Page) -> list[Span]:
        left = self.left.spans(page)
        covers = left and self.right.spans(page)
        return uncovered(left, covers) if covers else left

    def _words(self, page: Page, span: Span) -> Words:
        return self.left.words(page, span)


class Times(Plan):
    """ATLEAST: the occurrences, when enough of them can be told apart."""

    def __init__(self, number: int, count: int, item: Plan) -> None:
        super().__init__(number)
        self.count = count
        self.item = item
        self.solid = item.solid

    def _test(self, page: Page) -> bool:
        return separate(self.item.least(page)) >= self.count

    def _spans(self, page: Page) -> list[Span]:
        return self.item.spans(page) if self.test(page) else []

    def _least(self, page: Page) -> list[Span]:
        return self.item.least(page) if self.test(page) else []

    def _words(self, page: Page, span: Span) -> Words:
        return self.item.words(page, span)


class Never(Plan):
    """NOT: the item occurs nowhere."""

    placed = False

    def __init__(self, number: int, item: Plan) -> None:
        super().__init__(number)
        self.item = item

    def _test(self, page: Page) -> bool:
        return not self.item.test(page)

    def _spans(self, _page: Page) -> list[Span]:
        return []


class Meta(Plan):
    """A condition on what describes the article: `source:`, `label:` and the like."""

    placed = False

    def __init__(self, number: int, holds: Callable[[Page], bool]) -> None:
        super().__init__(number)
        self._holds = holds

    def _test(self, page: Page) -> bool:
        # A negative key: the others are taken by spans.
        known: bool | None = page.memory.get(~self.number)
        if known is None:
            known = page.memory[~self.number] = self._holds(page)
        return known

    def _spans(self, _page: Page) -> list[Span]:
        return []
