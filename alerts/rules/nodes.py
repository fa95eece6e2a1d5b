"""What a query says, as a tree. Offsets are code points of the query and take no part in comparing.

Nodes are values: nobody changes one that is made. They are not frozen because a frozen dataclass takes three times as
long to make, and a large rule set has hundreds of thousands of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

TEXT_FIELDS = ("title", "lead", "body", "text")
META_FIELDS = ("source", "country", "url", "author", "lang", "label")
FIELDS = TEXT_FIELDS + META_FIELDS

MAX_DISTANCE = 100
"""Largest n of NEAR/n, ONEAR/n and ATLEAST/n."""


@dataclass(slots=True, unsafe_hash=True)
class _Base:
    start: int = field(default=0, compare=False, kw_only=True)
    end: int = field(default=0, compare=False, kw_only=True)


@dataclass(slots=True, unsafe_hash=True)
class Word(_Base):
    """One word as written, wildcards included; `exact` for `=Word`."""

    text: str
    exact: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Phrase(_Base):
    """Words that follow each other."""

    words: tuple[Word, ...]
    exact: bool = False


@dataclass(slots=True, unsafe_hash=True)
class ListRef(_Base):
    """``@name``."""

    name: str


@dataclass(slots=True, unsafe_hash=True)
class And(_Base):
    """All of the items, anywhere in the article."""

    items: tuple[Node, ...]


@dataclass(slots=True, unsafe_hash=True)
class Or(_Base):
    """Any of the items."""

    items: tuple[Node, ...]


@dataclass(slots=True, unsafe_hash=True)
class Not(_Base):
    """The item occurs nowhere."""

    item: Node


@dataclass(slots=True, unsafe_hash=True)
class Near(_Base):
    """Both sides with at most `distance` words between them; `ordered` for ONEAR."""

    left: Node
    right: Node
    distance: int
    ordered: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Scope(_Base):
    """Both sides in one sentence or one paragraph."""

    left: Node
    right: Node
    unit: Literal["sentence", "paragraph"]


@dataclass(slots=True, unsafe_hash=True)
class Within(_Base):
    """``left NOT WITHIN right``: the left side's occurrences that no occurrence of the right side covers."""

    left: Node
    right: Node


@dataclass(slots=True, unsafe_hash=True)
class AtLeast(_Base):
    """At least `count` occurrences that do not overlap."""

    count: int
    item: Node


@dataclass(slots=True, unsafe_hash=True)
class Field(_Base):
    """The item, looked for in one field only."""

    name: str
    item: Node


Node = Word | Phrase | ListRef | And | Or | Not | Near | Scope | Within | AtLeast | Field

_TERMS = frozenset((Word, Phrase))
_LEAVES = frozenset((Word, Phrase, ListRef))


_UNSPACED = re.compile(r"\S+")


def phrase(text: str, at: int, *, exact: bool = False, start: int = 0, end: int = 0) -> Phrase:
    """The words of a text as a phrase; the text begins at `at` in the query, the phrase reaches from start to end."""
    found = [
        Word(match[0], exact, start=at + match.start(), end=at + match.end()) for match in _UNSPACED.finditer(text)
    ]
    return Phrase(tuple(found), exact, start=start, end=end)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in order. A phrase's words are not nodes of their own."""
    match node:
        case And() | Or():
            return node.items
        case Not() | AtLeast() | Field():
            return (node.item,)
        case Near() | Scope() | Within():
            return (node.left, node.right)
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """The node and everything below it, in the order of the query."""
    if type(node) in _LEAVES:
        return [node]
    found: list[Node] = []
    waiting = [node]
    while waiting:
        one = waiting.pop()
        found.append(one)
        if type(one) not in _LEAVES:
            waiting.extend(reversed(children(one)))
    return found


def compound(nodes: Iterable[Node]) -> Iterator[Node]:
    """Those that are more than a word or a phrase; most entries of lists are not."""
    return (node for node in nodes if type(node) not in _TERMS)


def show(node: Node) -> str:
    """The query written out with every bracket it needs, so that it reads without knowing precedence."""
    match node:
        case Word() | Phrase() | ListRef():
            return _show_atom(node)
        case And() | Or():
            return (" AND " if isinstance(node, And) else " OR ").join(_bracketed(item) for item in node.items)
        case Not():
            return "NOT " + _bracketed(node.item)
        case AtLeast():
            return f"ATLEAST/{node.count} {_bracketed(node.item)}"
        case Field():
            return f"{node.name}:{_bracketed(node.item)}"
        case Near() | Scope() | Within():
            return f"{_bracketed(node.left)} {operator(node)} {_bracketed(node.right)}"


def operator(node: Near | Scope | Within | AtLeast) -> str:
    """The operator as it is written, with its number."""
    match node:
        case Near():
            return f"{'ONEAR' if node.ordered else 'NEAR'}/{node.distance}"
        case Scope():
            return node.unit.upper()
        case Within():
            return "NOT WITHIN"
        case AtLeast():
            return f"ATLEAST/{node.count}"


def _show_atom(node: Word | Phrase | ListRef) -> str:
    match node:
        case Word():
            return ("=" if node.exact else "") + node.text
        case Phrase():
            return ("=" if node.exact else "") + '"' + " ".join(word.text for word in node.words) + '"'
        case ListRef():
            return "@" + node.name


def _bracketed(node: Node) -> str:
    text = show(node)
    if isinstance(node, Word | Phrase | ListRef | Field | AtLeast) or (isinstance(node, And | Or) and not node.items):
        return text
    return f"({text})"
