"""What all peers are given, and how they see a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.rules import Text
from alerts.rules.nodes import Node, Or

GAP = 101
"""Between the word numbers of two paragraphs; more than the largest distance of NEAR."""

_MARKS = re.compile("[\u0300-\u036f]+")
_POSSESSIVE = re.compile(r"'s\b")
_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


@dataclass(frozen=True)
class Question:
    """One rule, parsed."""

    find: Node
    not_within: tuple[Node, ...]
    drop_if: Node | None


@dataclass(frozen=True)
class Task:
    """What a peer is built from: rules, lists, and texts from which it may learn how rare words are."""

    questions: Sequence[Question]
    lists: Mapping[str, tuple[Node, ...]]
    sample: Sequence[Text]

    def listed(self, name: str) -> Node:
        """The list as the OR that it is."""
        return Or(self.lists[name])


class Peer(Protocol):
    """An engine, ready to read."""

    def hits(self, texts: Sequence[Text]) -> list[set[int]]:
        """For each text the indexes of the rules that hit it."""


def fold(text: str) -> str:
    """Lower case, without accents and possessives: enough for what the generated texts hold."""
    text = text.lower()
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text.replace("\u2019", "'")))
    return _POSSESSIVE.sub("", text) if "'s" in text else text


def count_words(text: str) -> int:
    """How many words the text has; the parts of a compound are words."""
    return len(_WORD.findall(fold(text)))


@dataclass(frozen=True, slots=True)
class Line:
    """A text folded for a scanner: every word with one space on each side, two spaces between paragraphs.

    Attributes:
        text: title and body in one string.
        starts: where in it each paragraph begins; the title is the first.
        compounds: (number of the first word, parts) of each hyphenated compound.
    """

    text: str
    starts: tuple[int, ...]
    compounds: tuple[tuple[int, tuple[str, ...]], ...]

    @classmethod
    def of(cls, text: Text) -> Line:
        """Fold and cut a text."""
        pieces: list[str] = []
        starts: list[int] = []
        compounds: list[tuple[int, tuple[str, ...]]] = []
        at = spaces = 0
        for paragraph in fold(f"{text.title}\n{text.body}").split("\n"):
            if not paragraph:
                continue
            piece = " ".join(_TOKEN.findall(paragraph))
            if "-" in piece:
                words = piece.split(" ")
                first = spaces + GAP * len(starts)
                for word in words:
                    parts = word.split("-")
                    if len(parts) > 1:
                        compounds.append((first, tuple(parts)))
                    first += len(parts)
                piece = piece.replace("-", " ")
            pieces.append(f" {piece} ")
            starts.append(at)
            at += len(piece) + 2
            spaces += piece.count(" ") + 2
        return cls("".join(pieces), tuple(starts), tuple(compounds))

    def with_joined(self) -> str:
        """The text, and behind it every compound written as one word."""
        return self.text + "".join(f" {''.join(parts)} " for _, parts in self.compounds)
