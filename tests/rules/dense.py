"""Rules and texts drawn so that they meet all the time: many comparisons a second, each named by its seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from alerts.rules.nodes import And, AtLeast, Field, Near, Node, Not, Or, Phrase, Scope, Within, Word
from alerts.rules.values import Text
from tests.rules.samples import SEPARATORS, SOURCES, THEMES, Theme

META: tuple[Node, ...] = (
    Field("source", Word("reuters.com")),
    Field("source", Or((Word("tass*"), Word("apnews.com")))),
    Field("label", Word("sport")),
    Field("label", Phrase((Word("breaking"), Word("news")))),
    Field("url", Word("world-news")),
    Field("country", Word("ua")),
    Field("author", Word("smith")),
    Field("lang", Word("en")),
)
FIELDS = ("title", "lead", "body", "text")


@dataclass
class Draw:
    """One theme narrowed to a few words, so that a text of thirty words repeats each of them."""

    random: Random
    words: list[str]
    patterns: list[str]
    exact: list[str]

    @classmethod
    def of(cls, seed: int) -> Draw:
        random = Random(seed)
        theme: Theme = random.choice(THEMES)
        some = random.sample(theme.words, random.randint(3, 6))
        return cls(random, some, random.sample(theme.patterns, random.randint(4, 8)), list(theme.exact))

    def written(self, size: int) -> str:
        random = self.random
        pieces = (random.choice(self.words) + random.choice(SEPARATORS) for _ in range(random.randint(size // 4, size)))
        return "".join(pieces)

    def text(self) -> Text:
        source, url = self.random.choice(SOURCES)
        language = self.random.choice(("", "en"))
        long = self.random.random() < 0.1
        return Text(
            self.written(8),
            self.written(120 if long else 36),
            language,
            source,
            "UA",
            url,
            ("Ann Smith",),
            ("Breaking news", "World sport"),
        )

    def word(self) -> Node:
        if self.random.random() < 0.1:
            return Word(self.random.choice(self.exact), exact=True)
        return Word(self.random.choice(self.patterns))

    def atom(self) -> Node:
        if self.random.random() < 0.75:
            return self.word()
        return Phrase(tuple(Word(self.random.choice(self.patterns)) for _ in range(self.random.choice((2, 2, 3)))))

    def spans(self, depth: int) -> Node:
        """A query that may stand inside NEAR."""
        random = self.random
        if depth == 0 or random.random() < 0.15:
            return self.atom()
        left, right = self.spans(depth - 1), self.spans(depth - 1)
        match random.randrange(10):
            case 0 | 1:
                return Or(tuple(self.spans(depth - 1) for _ in range(random.randint(2, 4))))
            case 2:
                return And((left, right))
            case 3 | 4 | 5:
                return Near(left, right, random.choice((1, 2, 3, 5, 9)), random.random() < 0.3)
            case 6:
                return Scope(left, right, random.choice(("sentence", "paragraph")))
            case 7:
                return Within(left, right)
            case 8:
                return AtLeast(random.randint(1, 4), left)
            case _:
                return Field(random.choice(FIELDS), self.atom())

    def query(self) -> Node:
        """A whole query that is not only negative."""
        random = self.random
        kind = random.random()
        if kind < 0.5:
            return self.spans(3)
        if kind < 0.75:
            return self.joined()
        return Or(tuple(self.joined() for _ in range(random.randint(2, 3))))

    def joined(self) -> Node:
        random = self.random
        items = [self.spans(2) for _ in range(random.randint(1, 3))]
        if random.random() < 0.2:
            items.append(Not(random.choice((self.spans(1), random.choice(META)))))
        if random.random() < 0.2:
            items.append(random.choice(META))
        return items[0] if len(items) == 1 else And(tuple(items))
