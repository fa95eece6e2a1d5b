"""Why a rule did not fire: the nearest miss, in the words of the rule."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alerts.rules.atoms import Plan
from alerts.rules.building import Builder, lift, narrower
from alerts.rules.nodes import (
    META_FIELDS,
    And,
    AtLeast,
    Field,
    ListRef,
    Near,
    Node,
    Not,
    Or,
    Phrase,
    Scope,
    Within,
    Word,
    show,
)
from alerts.rules.page import Page, Span
from alerts.rules.spans import separate, uncovered

_SHORTEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Miss:
    """What was missing. `closeness` tells nearer misses from farther ones: larger is nearer."""

    closeness: int
    reason: str


# How near a miss is: being left out is nearest, then too far apart (by distance), then the wrong place, then absence.
_LEFT_OUT, _REFUSED, _APART, _FEW, _ELSEWHERE, _ONE_MISSING, _ABSENT = 900, 850, 800, 600, 500, 300, 100


class Silence:
    """Explains queries of one rule on one page."""

    def __init__(self, builder: Builder, page: Page, excluded: Sequence[Node]) -> None:
        self._builder = builder
        self._page = page
        self._excluded = excluded
        plans = [builder.build(node) for node in excluded]
        self._apart: Plan | None = builder.any_of(plans) if plans else None

    def nearest(self, node: Node) -> Miss | None:
        """Why the query does not hold; None if it does."""
        return self._miss(lift(node), "text")

    def _plan(self, node: Node, field: str) -> Plan:
        return self._builder.part(node, field, self._apart)

    def _miss(self, node: Node, field: str) -> Miss | None:
        """Why the node does not hold; None if it does."""
        if self._plan(node, field).test(self._page):
            return None
        match node:
            case Word() | Phrase() | ListRef():
                return self._absent(node, field)
            case And():
                return self._incomplete(node, field)
            case Or():
                return max(self._each(node.items, field), key=lambda miss: miss.closeness)
            case Not():
                return Miss(_REFUSED, f"refused: {self._quote(node.item, field)} is in the text")
            case Field():
                if node.name in META_FIELDS:
                    return Miss(_ONE_MISSING, f"needs {show(node)}")
                return self._miss(node.item, narrower(field, node.name))
            case AtLeast() | Within():
                return self._too_few(node, field)
            case Near() | Scope():
                return self._apart_miss(node, field)

    def _too_few(self, node: AtLeast | Within, field: str) -> Miss:
        if isinstance(node, Within):
            left_out = Miss(_LEFT_OUT, f"left out by NOT WITHIN {_short(node.right)}")
            return self._miss(node.left, field) or left_out
        count = separate(self._plan(node.item, field).least(self._page))
        return self._miss(node.item, field) or Miss(_FEW, f"{count} of {node.count} mentions of {_short(node.item)}")

    def _each(self, nodes: Sequence[Node], field: str) -> Iterator[Miss]:
        return (miss for node in nodes if (miss := self._miss(node, field)) is not None)

    def _incomplete(self, node: And, field: str) -> Miss:
        """Of an AND: its nearest miss if only one thing is missing, else the first."""
        misses = list(self._each(node.items, field))
        if len(misses) == 1:
            return Miss(max(misses[0].closeness, _ONE_MISSING), misses[0].reason)
        first = min(misses, key=lambda miss: miss.closeness)
        return Miss(first.closeness - len(misses), first.reason)

    def _absent(self, node: Word | Phrase | ListRef, field: str) -> Miss:
        page = self._page
        bare = self._builder.part(node, field, None).spans(page)
        if bare and self._apart is not None:
            blame = [
                one for one in self._excluded if len(uncovered(bare, self._builder.build(one).spans(page))) < len(bare)
            ]
            return Miss(_LEFT_OUT, "left out by " + ", ".join(_short(one) for one in blame))
        anywhere = field != "text" and self._builder.part(node, "text", None).test(page)
        where = f"not in the {field}" if anywhere else "not in the text"
        return Miss(_ELSEWHERE if anywhere else _ABSENT, f"needs {_short(node)}: {where}")

    def _apart_miss(self, node: Near | Scope, field: str) -> Miss:
        page = self._page
        absent = list(self._each((node.left, node.right), field))
        if absent:
            if len(absent) == 1:
                return Miss(max(absent[0].closeness, _ONE_MISSING - 50), absent[0].reason)
            return min(absent, key=lambda miss: miss.closeness)
        left, right = self._plan(node.left, field).spans(page), self._plan(node.right, field).spans(page)
        pair = f"{_short(node.left)} and {_short(node.right)}"
        words = _words_between(page, left, right)
        if words is None:
            return Miss(_ELSEWHERE, f"{pair} stand in no paragraph together")
        if isinstance(node, Scope):
            return Miss(_APART - min(words, 99), f"{pair} stand in no {node.unit} together, {words} words apart")
        if words <= node.distance:
            what = f"only as {_short(node.right)} before {_short(node.left)}" if node.ordered else "only overlapping"
            return Miss(_APART, f"{pair} stand {what}")
        return Miss(_APART - min(words, 99), f"{pair} are {words} words apart, limit {node.distance}")

    def _quote(self, node: Node, field: str) -> str:
        """The words of the text that a refused query met."""
        page = self._page
        spans = self._plan(node, field).spans(page)
        if not spans:
            return _short(node)
        paragraph = page.paragraph(spans[0][0]).look_closer()
        start, end = paragraph.place(spans[0][0])[0], paragraph.place(spans[0][1])[1]
        return f'"{paragraph.text[start:end][:_SHORTEST_QUOTE]}"'


def _words_between(page: Page, left: Sequence[Span], right: Sequence[Span]) -> int | None:
    """The fewest words between a left and a right span of one paragraph, in either order; 0 if they overlap."""
    best: int | None = None
    starts = [span[0] for span in right]
    for start, end in left:
        at = bisect_left(starts, start)
        for other in right[max(0, at - 1) : at + 2]:
            gap = max(other[0] - end - 1, start - other[1] - 1, 0)
            if (best is None or gap < best) and page.paragraph_key(start) == page.paragraph_key(other[0]):
                best = gap
    return best


def _short(node: Node) -> str:
    text = show(node)
    if len(text) > _SHORTEST_QUOTE:
        text = f"{text[: _SHORTEST_QUOTE - 3]}..."
    return f"({text})" if isinstance(node, And | Or | Near | Scope | Within) else text
