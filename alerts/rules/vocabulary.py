"""Every word the rules look for, and which of them a word of a text is.

Each distinct run of characters is classified once and remembered, so that reading a text is a dictionary look-up per
word. What is remembered is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from alerts.rules.runs import LINE_END
from alerts.rules.terms import expression, is_wild
from alerts.rules.text import MAX_JOINED, bare_readings, exact, fold, readings, split_run

_REMEMBERED = 400_000
_LONGEST_REMEMBERED = 80
_HEAD = 3
"""So many letters before a wildcard tell apart which patterns a word is compared with; nearly all have as many."""
_NONE: tuple[int, ...] = ()
_WILDCARD = re.compile("[*?]")
_Pattern = tuple[str, int]


class Compound:
    """A run that is not one word: how many words it holds, and the terms found as (first word, last word, term)."""

    __slots__ = ("found", "words")

    def __init__(self, words: int, found: tuple[tuple[int, int, int], ...]) -> None:
        self.words = words
        self.found = found


NEW_LINE = Compound(0, ())
"""What `LINE_END` is."""

Entry = int | tuple[int, ...] | Compound | None
"""What a run is: the term or terms that one word is, a compound, or None for a word nobody looks for."""


class Vocabulary(dict[str, Entry]):
    """Terms by number, and the memory of classified runs (the dictionary itself: run -> entry).

    A term is a pattern of `terms.patterns` with the flag whether it compares as written. Add all of them before the
    first look-up.
    """

    def __init__(self) -> None:
        super().__init__()
        self[LINE_END] = NEW_LINE
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self.name = self._names.__getitem__
        """The term of a number as it was written in rules."""
        self._literals: dict[str, list[int]] = {}
        self._as_written: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        # By the first letters before a wildcard: lengths of the prefixes, and other patterns.
        self._wild: dict[str, tuple[list[int], list[_Pattern]]] = {}
        self._heads: tuple[int, ...] = ()
        self._exact = False
        self._wild_as_written: list[_Pattern] = []

    def number(self, pattern: str, as_written: bool = False) -> int:  # noqa: FBT001, FBT002  called for every word of every rule
        """The term's number; a new one for a pattern not met before."""
        name = "=" + pattern if as_written else pattern
        known = self._numbers.get(name)
        if known is not None:
            return known
        number = self._numbers[name] = len(self._names)
        self._names.append(name)
        if len(self) > 1:
            self._forget()
        self._exact = self._exact or as_written
        if not is_wild(pattern):
            (self._as_written if as_written else self._literals).setdefault(pattern, []).append(number)
        elif as_written:
            self._wild_as_written.append((pattern, number))
        else:
            self._add_wild(pattern, number)
        return number

    def _add_wild(self, pattern: str, number: int) -> None:
        sign = _WILDCARD.search(pattern)
        stem = pattern[: sign.start()] if sign else pattern
        head = stem[:_HEAD]
        if len(head) not in self._heads:
            self._heads = tuple(sorted((*self._heads, len(head))))
        lengths, others = self._wild.setdefault(head, ([], []))
        if pattern == stem + "*":
            self._prefixes.setdefault(stem, []).append(number)
            if len(stem) not in lengths:
                lengths.append(len(stem))
        else:
            others.append((pattern, number))

    @property
    def size(self) -> int:
        """How many terms there are."""
        return len(self._numbers)

    def __missing__(self, run: str) -> Entry:
        entry: Entry
        if not run.isascii():
            entry = self._classify(run)
        elif run.isalnum():
            entry = _entry(self._plain(run))
        elif run[-2:] == "'s" and run[:-2].isalnum():
            entry = _entry({*self._plain(run), *self._of_piece(run[:-2])})
        else:
            entry = self._classify(run)
        if len(run) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self._forget()
            self[run] = entry
        return entry

    def _forget(self) -> None:
        self.clear()
        self[LINE_END] = NEW_LINE

    def _plain(self, word: str) -> Collection[int]:
        """The terms of an ASCII word in the reading that it is itself."""
        found = self._of_reading(word.lower())
        return [*found, *self._written(word)] if self._exact else found

    def _classify(self, run: str) -> Entry:
        if run.isascii():
            pieces = run.split("-")
            if len(pieces) > 1 and all(pieces) and "".join(pieces).isalnum():
                return self._compound(pieces, [True] * len(pieces))
        parts = split_run(run)
        pieces, joined = [run[part.start : part.end] for part in parts], [part.joined for part in parts]
        return _entry(self._of_piece(pieces[0])) if len(pieces) == 1 else self._compound(pieces, joined)

    def _compound(self, pieces: list[str], joined: list[bool]) -> Compound:
        found = [(at, at, term) for at, piece in enumerate(pieces) for term in self._of_piece(piece)]
        for first in range(len(pieces)):
            for last in range(first + 1, min(first + MAX_JOINED, len(pieces))):
                if not joined[last]:
                    break
                found += [(first, last, term) for term in self._of_group(pieces[first : last + 1])]
        return Compound(len(pieces), tuple(found))

    def _of_group(self, pieces: list[str]) -> Collection[int]:
        """The terms that several pieces are when read as one word."""
        whole = "".join(pieces)
        if not (whole.isascii() and whole.isalnum()):
            return self._terms("".join(map(fold, pieces)), "-".join(map(exact, pieces)))
        found = self._of_reading(whole.lower())
        return {*found, *self._written("-".join(pieces))} if self._exact else found

    def _of_piece(self, piece: str) -> Collection[int]:
        """The terms that one word is."""
        if piece.isascii() and piece.isalnum():
            known = self[piece]
            return known if isinstance(known, tuple) else (known,) if isinstance(known, int) else _NONE
        return self._terms(fold(piece), exact(piece))

    def _terms(self, folded: str, written: str) -> Collection[int]:
        """The terms that one word is, under any of its readings."""
        if folded == written and folded.isascii() and folded.isalnum():
            return self._plain(folded)
        found: set[int] = set()
        for reading in readings(folded):
            found.update(self._of_reading(reading))
        if self._exact:
            for reading in bare_readings(written):
                found.update(self._written(reading))
        return found

    def _written(self, reading: str) -> list[int]:
        return [*self._as_written.get(reading, _NONE), *_full_matches(self._wild_as_written, reading)]

    def _of_reading(self, reading: str) -> Sequence[int]:
        found = self._literals.get(reading, _NONE)
        for size in self._heads:
            wild = self._wild.get(reading[:size])
            if wild is not None:
                # A reading shorter than the head has been compared with its whole self before.
                if len(reading) < size:
                    break
                prefixes = self._prefixes
                found = [
                    *found,
                    *(n for to in wild[0] if to <= len(reading) for n in prefixes.get(reading[:to], _NONE)),
                    *_full_matches(wild[1], reading),
                ]
        return found


def _entry(terms: Collection[int]) -> Entry:
    if len(terms) < 2:
        return next(iter(terms), None)
    return tuple(sorted(terms))


def _full_matches(patterns: Iterable[_Pattern], word: str) -> list[int]:
    return [number for pattern, number in patterns if _compiled(pattern).fullmatch(word)]


@lru_cache(maxsize=1 << 14)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Only when a word comes near it: few patterns of a large rule set ever meet one.
    return re.compile(expression(pattern), re.DOTALL)
