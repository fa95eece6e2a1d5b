"""Queries made ready to run: what occurs where, asked of one page after another.

A plan is a graph: equal parts of all rules are one node (lists above all), and a node remembers its answer for the
page at hand. `spans` are all occurrences, `least` the shortest ones (those that hold no other), `test` whether there
is any. Conditions without a place (`source:`, NOT) have no spans.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Literal

from alerts.rules.atoms import AnyWord, Plan, Row, Words
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


def first_words(ways: Iterable[Words]) -> Words:
    """Of several ways to make up one occurrence: the one with fewest words, then the first."""
    return min(ways, key=lambda words: (len(words), words))


class AnyOf(Plan):
    """Any of several things. Single words come as one `AnyWord`, phrases looked up by one of their words."""

    def __init__(self, number: int, rows: dict[int, tuple[Row, ...]], others: tuple[Plan, ...]) -> None:
        super().__init__(number)
        self.rows = rows
        self.others = others
        self.solid = all(other.solid for other in others)
        self._placed = tuple(other for other in others if other.placed)
        self.placed = bool(rows or self._placed)

    def _present(self, page: Page) -> list[Row]:
        at, rows = page.at, self.rows
        if len(rows) > len(at):
            return [row for term in at.keys() & rows.keys() for row in rows[term]]
        return [row for term in rows if term in at for row in rows[term]]

    def test(self, page: Page) -> bool:
        """Whether one of them occurs; the cheapest are asked first."""
        for part in self.others:
            if part.test(page):
                return True
        return any(row.spans(page) for row in self._present(page)) if self.rows else False

    def parts(self, page: Page) -> list[Plan]:
        """The alternatives that may occur on this page."""
        return [*self._placed, *self._present(page)]

    def _spans(self, page: Page) -> list[Span]:
        lists = []
        for part in self._placed:
            found = part.spans(page)
            if found:
                lists.append(found)
        for row in self._present(page) if self.rows else ():
            found = row.spans(page)
            if found:
                lists.append(found)
        return lists[0] if len(lists) == 1 else sorted({span for one in lists for span in one}) if lists else []

    def _least(self, page: Page) -> list[Span]:
        lists = [found for part in self.parts(page) if (found := part.least(page))]
        return lists[0] if len(lists) == 1 else shortest([span for one in lists for span in one])

    def _words(self, page: Page, span: Span) -> Words:
        return first_words(part.words(page, span) for part in self.parts(page) if _among(span, part.spans(page)))


class AllOf(Plan):
    """All of several things. Its occurrences are those of its members, when all of them hold."""

    def __init__(self, number: int, items: tuple[Plan, ...]) -> None:
        super().__init__(number)
        self.items = items
        self.placed = any(item.placed for item in items)
        # Cheap and likely to fail first; refusals last.
        order = {AnyWord: 0, Row: 1, AnyOf: 2, Meta: 2, Never: 9}
        self._in_order = sorted(items, key=lambda item: order.get(type(item), 5))

    def test(self, page: Page) -> bool:
        """Whether all of them hold."""
        for item in self._in_order:
            if not item.test(page):
                break
        else:
            return True
        return False

    def _spans(self, page: Page) -> list[Span]:
        if not self.test(page):
            return []
        return sorted({span for item in self.items if item.placed for span in item.spans(page)})

    def _least(self, page: Page) -> list[Span]:
        if not self.test(page):
            return []
        return shortest([span for item in self.items if item.placed for span in item.least(page)])

    def _words(self, page: Page, span: Span) -> Words:
        ways = (item.words(page, span) for item in self.items if item.placed and _among(span, item.spans(page)))
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

    def test(self, page: Page) -> bool:
        """Whether some pair is near enough."""
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
        if self.unit == "paragraph":
            return closest(left, right, UNLIMITED, overlap=self._overlap, key=page.paragraph_key)
        # Sentences are only sought in paragraphs that hold both sides.
        shared = {page.paragraph_key(span[0]) for span in left} & {page.paragraph_key(span[0]) for span in right}
        if not shared:
            return []
        key = page.sentence_key
        left = [span for span in left if page.paragraph_key(span[0]) in shared]
        right = [span for span in right if page.paragraph_key(span[0]) in shared]
        left = [span for span in left if key(span[0]) == key(span[1])]
        right = [span for span in right if key(span[0]) == key(span[1])]
        return closest(left, right, UNLIMITED, overlap=self._overlap, key=key)

    def _words(self, page: Page, span: Span) -> Words:
        left, right = _inside(self.left.spans(page), span), _inside(self.right.spans(page), span)
        pairs = near_pairs(left, right, UNLIMITED, ordered=False, overlap=self._overlap)
        return _of_pairs(self, page, span, pairs)


def _inside(spans: list[Span], span: Span) -> list[Span]:
    """The spans that lie in another one."""
    first, last = span
    found: list[Span] = []
    for at in range(bisect_left(spans, (first, 0)), len(spans)):
        start, end = spans[at]
        if start > last:
            break
        if end <= last:
            found.append(spans[at])
    return found


def _among(span: Span, spans: list[Span]) -> bool:
    at = bisect_left(spans, span)
    return at < len(spans) and spans[at] == span


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

    def test(self, page: Page) -> bool:
        """Whether there are enough."""
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

    def test(self, page: Page) -> bool:
        """Whether the item is absent."""
        return not self.item.test(page)

    def _spans(self, _page: Page) -> list[Span]:
        return []


class Meta(Plan):
    """A condition on what describes the article: `source:`, `label:` and the like."""

    placed = False

    def __init__(self, number: int, holds: Callable[[Page], bool]) -> None:
        super().__init__(number)
        self._holds = holds

    def test(self, page: Page) -> bool:
        """Whether the article is so described."""
        # A negative key: the others are taken by spans.
        known: bool | None = page.memory.get(~self.number)
        if known is None:
            known = page.memory[~self.number] = self._holds(page)
        return known

    def _spans(self, _page: Page) -> list[Span]:
        return []
