"""Scanners that find all literals of all rules in one pass; Python evaluates the rest."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from alerts.rules import Text
from alerts.rules.terms import expression
from benchmarks.rules_peers.evaluation import Evaluation, Seen, Span
from benchmarks.rules_peers.peer import GAP, Line, Task

Places = dict[int, list[Span]]
Found = tuple[int, int]
"""(where it begins, number of the needle)."""


class Scanner(ABC):
    """Finds needles in a line, has the evaluation answer. A needle is a space, a word, and a space unless a prefix.

    An inner wildcard (`wom?n`) is found by what stands before it, then the word is compared.
    """

    def __init__(self, task: Task) -> None:
        self._evaluation = Evaluation(task)
        self._needles: dict[str, int] = {}
        self._asked: list[list[tuple[int, re.Pattern[str] | None]]] = []
        for literal, number in self._evaluation.literals.items():
            needle, pattern = _needle(literal)
            known = self._needles.setdefault(needle, len(self._needles))
            if known == len(self._asked):
                self._asked.append([])
            self._asked[known].append((number, pattern))
        self.prepare(list(self._needles))
        self._evaluation.learn(self.find)

    @abstractmethod
    def prepare(self, needles: Sequence[str]) -> None:
        """Compile the needles, numbered from 0."""

    @abstractmethod
    def scan(self, text: str) -> Iterable[Found]:
        """Every occurrence of every needle, by end."""

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        return [self._evaluation.hits(self.find(text)) for text in texts]

    def find(self, text: Text) -> Seen:
        """Every literal with its places as word numbers."""
        line = Line.of(text)
        at: Places = {}
        haystack, starts = line.text, (*line.starts, len(line.text) + 1)
        paragraph, last, words = 0, 0, 0
        asked = self._asked
        for start, needle in self.scan(haystack):
            if start < last:
                paragraph = last = words = 0
            words += haystack.count(" ", last, start)
            last = start
            while start >= starts[paragraph + 1]:
                paragraph += 1
            number = words + GAP * paragraph
            for literal, pattern in asked[needle]:
                if pattern is None or pattern.match(haystack, start):
                    at.setdefault(literal, []).append((number, number))
        for first, parts in line.compounds:
            self._joined(first, parts, at)
        return Seen(text, line, at)

    def _joined(self, first: int, parts: tuple[str, ...], at: Places) -> None:
        """The compound's parts, two or more together, also read as one word."""
        for begin in range(len(parts)):
            for end in range(begin + 2, min(begin + 5, len(parts)) + 1):
                word = f" {''.join(parts[begin:end])} "
                for start, needle in self.scan(word):
                    for literal, pattern in self._asked[needle]:
                        if pattern is None or pattern.match(word, start):
                            places = at.setdefault(literal, [])
                            places.append((first + begin, first + end - 1))
                            places.sort()


def _needle(literal: str) -> tuple[str, re.Pattern[str] | None]:
    if literal.endswith("*") and "?" not in literal and "*" not in literal[:-1]:
        return " " + literal[:-1], None
    if "*" in literal or "?" in literal:
        stem = re.split(r"[*?]", literal)[0]
        return " " + stem, re.compile(" " + expression(literal).replace(".", "[^ ]") + " ")
    return f" {literal} ", None


class AhoCorasick(Scanner):
    """pyahocorasick: one automaton over all needles."""

    def prepare(self, needles: Sequence[str]) -> None:
        import ahocorasick

        automaton = ahocorasick.Automaton()
        for number, needle in enumerate(needles):
            automaton.add_word(needle, (len(needle) - 1, number))
        automaton.make_automaton()
        self._iter: Callable[[str], Iterator[tuple[int, tuple[int, int]]]] = automaton.iter

    def scan(self, text: str) -> Iterable[Found]:
        return [(end - size, number) for end, (size, number) in self._iter(text)]


class Hyperscan(Scanner):
    """hyperscan: all needles as one database of literals."""

    def prepare(self, needles: Sequence[str]) -> None:
        import hyperscan

        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._sizes = [len(needle) for needle in needles]
        expressions = [needle.encode() for needle in needles]
        self._database.compile(
            expressions=expressions, ids=list(range(len(needles))), elements=len(needles), literal=True
        )

    def scan(self, text: str) -> Iterable[Found]:
        found: list[Found] = []
        sizes = self._sizes

        def note(number: int, _from: int, end: int, _flags: int, _context: Any) -> None:
            found.append((end - sizes[number], number))

        # Folded lines of the generated texts are ASCII, so bytes and characters are numbered alike.
        self._database.scan(text.encode(), match_event_handler=note)
        return found
