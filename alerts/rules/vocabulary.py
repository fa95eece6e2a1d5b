"""Every word the rules look for, and which of them a word of a text is.

Each distinct run of characters is classified once and remembered, so that reading a text is a dictionary look-up per
word. What is remembered is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from alerts.rules.terms import expression, is_wild
from alerts.rules.text import MAX_JOINED, bare_readings, exact, fold, readings, split_run

_REMEMBERED = 400_000
_LONGEST_REMEMBERED = 80


class Compound:
    """A run that is not one word: how many words it holds, and the terms found as (first word, last word, term)."""

    __slots__ = ("found", "words")

    def __init__(self, words: int, found: tuple[tuple[int, int, int], ...]) -> None:
        self.words = words
        self.found = found


Entry = tuple[int, ...] | Compound | None
"""What a run is: the terms that one word is, a compound, or None for a word nobody looks for."""


class Vocabulary(dict[str, Entry]):
    """Terms by number, and the memory of classified runs (the dictionary itself: run -> entry).

    A term is a pattern of `terms.patterns` with the flag whether it compares as written. Add all of them before the
    first look-up.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[tuple[str, bool], int] = {}
        self._names: list[str] = []
        self._literals: dict[str, list[int]] = {}
        self._as_written: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        self._prefix_lengths: tuple[int, ...] = ()
        self._wild: dict[str, list[tuple[re.Pattern[str], int]]] = {}
        self._wild_as_written: list[tuple[re.Pattern[str], int]] = []

    def number(self, pattern: str, *, as_written: bool = False) -> int:
        """The term's number; a new one for a pattern not met before."""
        key = (pattern, as_written)
        known = self._numbers.get(key)
        if known is not None:
            return known
        number = self._numbers[key] = len(self._numbers)
        self._names.append("=" + pattern if as_written else pattern)
        self.clear()
        if not is_wild(pattern):
            (self._as_written if as_written else self._literals).setdefault(pattern, []).append(number)
        elif as_written:
            self._wild_as_written.append((re.compile(expression(pattern), re.DOTALL), number))
        elif pattern.endswith("*") and not is_wild(pattern[:-1]):
            self._prefixes.setdefault(pattern[:-1], []).append(number)
            self._prefix_lengths = tuple(sorted({*self._prefix_lengths, len(pattern) - 1}))
        else:
            first = "" if pattern[0] in "*?" else pattern[0]
            self._wild.setdefault(first, []).append((re.compile(expression(pattern), re.DOTALL), number))
        return number

    @property
    def size(self) -> int:
        """How many terms there are."""
        return len(self._numbers)

    def name(self, number: int) -> str:
        """The term as it was written in rules."""
        return self._names[number]

    def __missing__(self, run: str) -> Entry:
        entry = self._classify(run)
        if len(run) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[run] = entry
        return entry

    def _classify(self, run: str) -> Entry:
        parts = split_run(run)
        pieces = [run[part.start : part.end] for part in parts]
        if len(pieces) == 1:
            return self._terms(fold(pieces[0]), exact(pieces[0])) or None
        found = [(at, at, term) for at, piece in enumerate(pieces) for term in self._terms(fold(piece), exact(piece))]
        for first in range(len(pieces)):
            for last in range(first + 1, min(first + MAX_JOINED, len(pieces))):
                if not parts[last].joined:
                    break
                group = pieces[first : last + 1]
                terms = self._terms("".join(map(fold, group)), "-".join(map(exact, group)))
                found += [(first, last, term) for term in terms]
        return Compound(len(pieces), tuple(found))

    def _terms(self, folded: str, written: str) -> tuple[int, ...]:
        """The terms that one word is, under any of its readings."""
        found: set[int] = set()
        for reading in readings(folded):
            found.update(self._of_reading(reading))
        if self._as_written or self._wild_as_written:
            for reading in bare_readings(written):
                found.update(self._as_written.get(reading, ()))
                found.update(_full_matches(self._wild_as_written, reading))
        return tuple(sorted(found))

    def _of_reading(self, reading: str) -> Iterable[int]:
        found = list(self._literals.get(reading, ()))
        prefixes = self._prefixes
        for length in self._prefix_lengths:
            if length > len(reading):
                break
            hit = prefixes.get(reading[:length])
            if hit:
                found += hit
        if self._wild:
            found += _full_matches(self._wild.get(reading[:1], ()), reading)
            found += _full_matches(self._wild.get("", ()), reading)
        return found


def _full_matches(patterns: Iterable[tuple[re.Pattern[str], int]], word: str) -> list[int]:
    return [number for pattern, number in patterns if pattern.fullmatch(word)]
