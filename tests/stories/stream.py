"""A stream of made-up articles with planted copies: identical, cut, excerpted, embedded, retitled, lightly edited."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2025, 3, 1, tzinfo=UTC)
DAYS = 30
KINDS = ("same", "cut", "excerpt", "embedded", "retitled", "edited")
RECENT = 40
"""A copy follows its original after about so many other articles."""


@dataclass(frozen=True, slots=True)
class Planted:
    """One article of the stream.

    Attributes:
        id: its place in the stream.
        original: id of the article whose text it has; itself for an original.
        kind: how it was made from that; ``first`` for an original.
    """

    id: int
    title: str
    text: str
    source: str
    published: datetime
    original: int
    kind: str


class Writer:
    """Writes sentences of made-up words, the common ones often and names now and then."""

    def __init__(self, seed: int, vocabulary: int = 30_000) -> None:
        self.chance = random.Random(seed)
        parts = [first + last for first in "bcdfghklmnprstvz" for last in "aeiou"]
        made = dict.fromkeys(
            "".join(self.chance.choices(parts, k=self.chance.randint(2, 4))) for _ in range(vocabulary)
        )
        self._words = list(made)
        self._weights = list(itertools.accumulate(1 / (place + 3) for place in range(len(self._words))))
        self._names = [word.capitalize() for word in self.chance.sample(self._words, len(self._words) // 8)]

    def words(self, count: int) -> list[str]:
        """Words, the first of the vocabulary most often."""
        return self.chance.choices(self._words, cum_weights=self._weights, k=count)

    def title(self) -> str:
        """A headline with two names."""
        return " ".join([*self.chance.sample(self._names, 2), *self.words(6)])

    def sentences(self, words: int) -> list[str]:
        """Sentences of so many words together, about."""
        found = []
        while words > 0:
            sentence = self.words(self.chance.randint(8, 24))
            sentence[0] = sentence[0].capitalize()
            if self.chance.random() < 0.5:
                sentence[self.chance.randrange(1, len(sentence))] = self.chance.choice(self._names)
            found.append(" ".join(sentence) + ".")
            words -= len(sentence)
        return found


def stream(count: int, *, words: int = 400, seed: int = 1, copies: float = 0.35) -> Iterator[Planted]:
    """So many articles over `DAYS` days, the named share of them copies of recent ones.

    Args:
        count: of articles.
        words: of an original, on average.
        seed: equal seeds give equal streams.
        copies: share of copies.
    """
    writer = Writer(seed)
    chance = writer.chance
    originals: list[tuple[int, str, Sequence[str]]] = []
    for number in range(count):
        at = START + number * timedelta(days=DAYS) / count
        source = f"outlet-{number % 50}"
        if originals and chance.random() < copies:
            back = min(int(chance.expovariate(1 / RECENT)), len(originals) - 1)
            original, title, sentences = originals[-1 - back]
            kind = chance.choice(KINDS)
            title, text = _copied(writer, kind, title, sentences)
            yield Planted(number, title, text, source, at, original, kind)
        else:
            title, sentences = writer.title(), writer.sentences(max(60, int(chance.gauss(words, words * 0.4))))
            originals.append((number, title, sentences))
            yield Planted(number, title, " ".join(sentences), source, at, number, "first")


def _copied(writer: Writer, kind: str, title: str, sentences: Sequence[str]) -> tuple[str, str]:
    chance = writer.chance
    made = list(sentences)
    size = max(3, round(0.3 * len(made)))
    if kind == "cut":
        made = made[: max(3, len(made) // 3)]
    elif kind == "excerpt":
        start = chance.randrange(max(1, len(made) - size + 1))
        made = made[start : start + size]
    elif kind == "embedded":
        made = [*writer.sentences(10 * len(made)), *made, *writer.sentences(6 * len(made))]
    elif kind == "retitled":
        title = writer.title()
    elif kind == "edited":
        made = [
            " ".join(word if chance.random() > 0.05 else writer.words(1)[0] for word in line.split()) for line in made
        ]
    return title, " ".join(made)
