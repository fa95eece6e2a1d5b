"""Rules and documents as a monitoring desk has them, generated from one seed.

Words are made of syllables. How often they occur follows Zipf's law; besides, every document has a few subjects whose
words come in bursts, and a rule asks for words of one subject, as an analyst does. Sentences, paragraphs, titles,
capitals, typographic quotes, hyphens, possessives, figures and names never seen before are there: they cost time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from alerts.rules import Text

SEED = 20_24
STEMS = 12_000
SUBJECTS = 200
SUBJECT_WORDS = 120
LISTS = 60
_ENDINGS = ("", "", "", "s", "s", "ed", "ing", "er", "ly", "ment")
_COMMON = tuple(
    word
    for line in (
        "the of to and in a that was for on with said is by at from it as were he be have has his are an had but not",
        "their they who been which after will one its this or about would when more she there also up out if we last",
        "over two than people year no could other new into first all what you some her can him",
    )
    for word in line.split()
)


@dataclass(frozen=True)
class Entry:
    """One rule as its file says it."""

    id: str
    find: str
    not_within: tuple[str, ...] = ()
    drop_if: str | None = None


@dataclass(frozen=True)
class Language:
    """The words there are: by rank (most frequent first), with their weights, and by subject."""

    words: Sequence[str]
    weights: Sequence[float]
    stems: Sequence[str]
    subjects: Sequence[Sequence[str]]


def make_language(rng: random.Random) -> Language:
    """Stems with their inflected forms; a stem's forms share its frequency."""
    stems: dict[str, None] = {}
    while len(stems) < STEMS:
        stems[_syllables(rng, 1 + (len(stems) > 50) + (rng.random() * len(stems) > 2_000))] = None
    made = list(stems)
    words = list(_COMMON)
    for stem in made:
        words += dict.fromkeys(stem + ending for ending in rng.sample(_ENDINGS, 2))
    # As in English news: 100 words make up half of a text, 1,000 words 70 %, and behind them it falls faster.
    weights = [1.0 / rank * min(1.0, (1_000 / rank) ** 0.35) for rank in range(1, len(words) + 1)]
    # Nothing tells as much about a subject as the words of its own that are neither very common nor very rare.
    subjects = [[made[_rank(rng, 500, STEMS)] for _ in range(SUBJECT_WORDS)] for _ in range(SUBJECTS)]
    return Language(words, list(accumulate(weights)), made, subjects)


def _syllables(rng: random.Random, count: int) -> str:
    pairs = (rng.choice("bcdfghklmnprstvz") + rng.choice("aeiou") for _ in range(count))
    return "".join(pairs) + rng.choice("nrstlmk")


def _rank(rng: random.Random, low: int, high: int) -> int:
    """Between both, with equal chances for 200 to 400 and for 2,000 to 4,000."""
    return int(low * (high / low) ** rng.random()) % high


# --- documents -----------------------------------------------------------------------------------------------------


def make_texts(language: Language, count: int, seed: int) -> list[Text]:
    """So many documents of about 4 KB."""
    return [_text(language, random.Random(f"{SEED}/{seed}/{number}")) for number in range(count)]


def _text(language: Language, rng: random.Random) -> Text:
    subjects = [word for one in rng.sample(range(SUBJECTS), 2) for word in rng.sample(language.subjects[one], 12)]
    supply = rng.choices(language.words, cum_weights=language.weights, k=900)
    for at in range(0, len(supply), 7):
        supply[at] = rng.choice(subjects) + rng.choice(("", "", "", "s"))
    words = iter([_written(word, rng, language) for word in supply])
    if rng.random() < 0.15:
        words = iter([word.replace("e", "\u00e9", 1) if rng.random() < 0.01 else word for word in words])
    title = " ".join(_take(words, rng.randint(7, 12))).capitalize()
    body, size = [], 0
    while size < 3_900:
        paragraph = " ".join(_sentence(words, rng) for _ in range(rng.randint(1, 4)))
        body.append(paragraph)
        size += len(paragraph) + 2
    source = rng.choice(("reuters", "tass", "suspilne", "aljazeera", "afp", "local-post"))
    label = rng.choice(("World news", "Politics", "Sport", "Business", "War"))
    return Text(title, "\n\n".join(body), "en", source, "GB", f"https://{source}.example/{label[:5]}/1", (), (label,))


def _sentence(words: Any, rng: random.Random) -> str:
    said = _take(words, rng.randint(7, 32))
    if not said:
        return "End."
    if len(said) > 12:
        said[len(said) // 2] += ","
    text = " ".join(said)
    text = text[0].upper() + text[1:]
    return f"\u201c{text},\u201d he said." if rng.random() < 0.12 else f"{text}."


def _take(words: Any, count: int) -> list[str]:
    return [word for _, word in zip(range(count), words, strict=False)]


def _written(word: str, rng: random.Random, language: Language) -> str:
    """The word as it stands in a text: now and then a name, a figure, a possessive or half of a compound."""
    chance = rng.random()
    if chance > 0.06:
        return word
    if chance < 0.015:
        return rng.choice(language.stems[:4_000]).capitalize() + rng.choice(("ov", "son", "i"))
    if chance < 0.02:
        return word.capitalize()
    if chance < 0.035:
        return str(int(2_000 * rng.random() ** 3))
    if chance < 0.045:
        return word + rng.choice(("'s", "\u2019s"))
    if chance < 0.055:
        return word + " \u2013"
    return f"{word}-{rng.choice(_COMMON[:40])}"


# --- rules ---------------------------------------------------------------------------------------------------------


def make_lists(language: Language) -> dict[str, tuple[str, ...]]:
    """Lists of 15 to 60 terms of one subject each."""
    rng = random.Random(f"{SEED}/lists")
    made = {}
    for number in range(LISTS):
        writer = _Writer(language, language.subjects[number % SUBJECTS], rng)
        made[f"list{number}"] = tuple(dict.fromkeys(writer.term() for _ in range(rng.randint(15, 60))))
    return made


def make_rules(language: Language, count: int) -> list[Entry]:
    """So many rules; the first of them are the same whatever the count."""
    return [_rule(language, number) for number in range(count)]


def _rule(language: Language, number: int) -> Entry:
    rng = random.Random(f"{SEED}/rule/{number}")
    writer = _Writer(language, language.subjects[rng.randrange(SUBJECTS)], rng)
    find = writer.find()
    excluded = tuple(writer.phrase() for _ in range(rng.randint(1, 3))) if rng.random() < 0.25 else ()
    drop = rng.choice(writer.drops()) if rng.random() < 0.15 else None
    return Entry(f"rule-{number:05}", find, excluded, drop)


class _Writer:
    """Writes queries about one subject."""

    def __init__(self, language: Language, subject: Sequence[str], rng: random.Random) -> None:
        self._language = language
        self._subject = subject
        self._rng = rng

    def word(self) -> str:
        rng = self._rng
        if rng.random() < 0.6:
            return rng.choice(self._subject)
        return self._language.stems[_rank(rng, 1_500, STEMS)]

    def term(self) -> str:
        chance = self._rng.random()
        if chance < 0.45:
            return self.word() + self._rng.choice(("", "", "s", "ed"))
        if chance < 0.78:
            return self.word() + "*"
        if chance < 0.80:
            word = self.word()
            return word[:3] + "?" + word[4:]
        return self.phrase()

    def phrase(self) -> str:
        """Two or three words; now and then with a word that stands everywhere, or inflected."""
        rng = self._rng
        words = [self.word(), rng.choice((rng.choice(_COMMON[:20]), self.word(), self.word() + "*"))]
        rng.shuffle(words)
        return '"' + " ".join(words + ([self.word()] if rng.random() < 0.2 else [])) + '"'

    def group(self, least: int = 2, most: int = 8) -> str:
        """Terms of which one is enough, or a list."""
        rng = self._rng
        if rng.random() < 0.12:
            return f"@list{rng.randrange(LISTS)}"
        terms = dict.fromkeys(self.term() for _ in range(rng.randint(least, most)))
        return f"({' OR '.join(terms)})" if len(terms) > 1 else next(iter(terms))

    def find(self) -> str:
        rng = self._rng
        near = f"{rng.choice(('NEAR', 'NEAR', 'NEAR', 'ONEAR'))}/{rng.choice((3, 5, 8, 10, 12, 15))}"
        shapes: tuple[tuple[int, Callable[[], str]], ...] = (
            (28, lambda: f"{self.group()} {near} {self.group()}"),
            (8, lambda: f"{self.group()} {near} {self.group()} AND {self.group(3)}"),
            (14, lambda: f"{self.group()} SENTENCE {self.group()}"),
            (3, lambda: f"{self.group()} PARAGRAPH {self.group()}"),
            (14, lambda: f"{self.group()} AND {self.group()}"),
            (11, lambda: f"{self.group()} AND {self.group()} AND NOT {self.term()}"),
            (6, lambda: f"{self.phrase()} OR {self.phrase()} OR ({self.group()} {near} {self.word()})"),
            (6, lambda: f"title:{self.group()} OR lead:({self.group()} {near} {self.group()})"),
            (4, lambda: f"title:{self.group()} AND body:{self.group()}"),
            (3, lambda: f"ATLEAST/{rng.randint(2, 3)} {self.group()} AND {self.group()}"),
            (3, lambda: f"source:(reuters OR tass) AND {self.group()} {near} {self.group()}"),
        )
        return rng.choices([make for _, make in shapes], [weight for weight, _ in shapes])[0]()

    def drops(self) -> tuple[str, ...]:
        return f"title:{self.group()}", "label:sport", f"label:business OR title:{self.word()}", self.phrase()
