"""The plain reference at millions of pairs: which pairs it need not be asked about, and words looked up by an index.

Nothing here knows the matcher. A pair is left out only if a word that the query cannot do without is not in the text,
by the reference's own reading of words; the reference cannot hold there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from alerts.rules.values import Text
from tests.rules.reference import Reader, Tree

Span = tuple[int, int]
Pattern = tuple[str, bool]
"""A word of a query and whether it compares as written."""


def patterns_in(tree: Tree) -> Iterator[Pattern]:
    """Every word of a query."""
    match tree[0]:
        case "word":
            yield tree[1], tree[2]
        case "row":
            yield from tree[1]
        case "any" | "all":
            for one in tree[1]:
                yield from patterns_in(one)
        case "meta":
            pass
        case _:
            for part in tree[1:]:
                if isinstance(part, tuple):
                    yield from patterns_in(part)


def needs(tree: Tree) -> list[frozenset[Pattern]]:
    """Sets of words of each of which one must occur for the query to hold."""
    match tree[0]:
        case "word":
            return [frozenset([(tree[1], tree[2])])]
        case "row":
            return [frozenset([one]) for one in tree[1]]
        case "any":
            parts = [needs(one) for one in tree[1]]
            return [frozenset().union(*(min(sets, key=len) for sets in parts))] if all(parts) else []
        case "all":
            return [one for part in tree[1] for one in needs(part)]
        case "near" | "sentence" | "paragraph":
            return [*needs(tree[1]), *needs(tree[2])]
        case "without":
            return needs(tree[1])
        case "times":
            return needs(tree[2])
    return []


class Index:
    """Which patterns a form of a word meets; each form is compared once."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._plain: set[Pattern] = set()
        self._stems: set[Pattern] = set()
        self._wild: list[tuple[re.Pattern[str], Pattern]] = []
        for one in set(patterns):
            text = one[0]
            if not set("*?") & set(text):
                self._plain.add(one)
            elif text.endswith("*") and not set("*?") & set(text[:-1]):
                self._stems.add((text[:-1], one[1]))
            else:
                signs = {"*": ".*", "?": "."}
                expression = "".join(signs.get(char) or re.escape(char) for char in text)
                self._wild.append((re.compile(expression, re.DOTALL), one))
        self._known: dict[Pattern, list[Pattern]] = {}

    def met_by(self, form: str, as_written: bool) -> list[Pattern]:
        known = self._known.get((form, as_written))
        if known is None:
            key = (form, as_written)
            known = [key] if key in self._plain else []
            stems = ((form[:size], as_written) for size in range(len(form) + 1))
            known += [(stem[0] + "*", as_written) for stem in stems if stem in self._stems]
            known += [one for pattern, one in self._wild if one[1] == as_written and pattern.fullmatch(form)]
            self._known[key] = known
        return known


@dataclass
class IndexedReader(Reader):
    """The reference with its words looked up instead of compared one by one."""

    at: dict[Pattern, set[Span]] = field(default_factory=dict)

    def look_up(self, index: Index) -> IndexedReader:
        for as_written in (False, True):
            for form, spans in self.forms(as_written).items():
                for pattern in index.met_by(form, as_written):
                    self.at.setdefault(pattern, set()).update(spans)
        return self

    def word_spans(self, pattern: str, as_written: bool) -> list[Span]:
        return sorted(self.at.get((pattern, as_written), ()))


def indexed(text: Text, language: str, index: Index) -> IndexedReader:
    """A reader for queries whose trees are made already."""
    return IndexedReader(text, language).look_up(index)
