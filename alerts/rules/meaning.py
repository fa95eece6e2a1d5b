"""What is wrong with a query that can be read: words that match nothing, NOT where it has no place, unknown lists."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from alerts.rules.lexer import QueryProblem
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
    children,
    operator,
    show,
    walk,
)
from alerts.rules.terms import MIN_STEM, patterns, stem_too_short

# Letters of which each stays one letter of one word, however a text is cut and folded.
_PLAIN = re.compile(
    "[0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff\u0400-\u045f\u0490\u0491\u05d0-\u05ea\u0621-\u063a\u0641-\u064a]+"
)
_SHORT_CODES = ("country", "lang")


def check_meaning(node: Node, known_lists: Sequence[str] | None) -> list[QueryProblem]:
    """Every error of meaning in a query, in no particular order."""
    problems: list[QueryProblem] = []
    if not is_positive(node):
        problems.append(
            QueryProblem(
                _first_negation(node).start,
                "only-negative",
                "the query says only what must not occur",
                "at least one term that must occur, in every branch of OR",
                "add what you look for: wanted AND NOT unwanted",
            )
        )
    for one in walk(node):
        problems.extend(_check_node(one, known_lists))
    problems.extend(_check_places(node, ""))
    return problems


@lru_cache(maxsize=1 << 16)
def is_sound(word: str, exact: bool = False) -> bool:  # noqa: FBT001, FBT002  asked of every word of every rule
    """Whether nothing is wrong with a word, in whatever field it stands."""
    stem = word.removesuffix("*")
    if _PLAIN.fullmatch(stem):
        return stem == word or len(stem) >= MIN_STEM
    found = patterns(word, as_written=exact)
    return bool(found) and not any(stem_too_short(pattern) for pattern in found)


def is_positive(node: Node) -> bool:
    """Whether the query can only be true when something occurs."""
    match node:
        case Not():
            return False
        case And():
            return any(is_positive(item) for item in node.items)
        case Or():
            return all(is_positive(item) for item in node.items)
        case Field():
            return is_positive(node.item)
        case _:
            return True


def _first_negation(node: Node) -> Node:
    return next((one for one in walk(node) if isinstance(one, Not)), node)


def _check_node(node: Node, known_lists: Sequence[str] | None) -> Iterator[QueryProblem]:
    match node:
        case Phrase():
            if not node.words:
                yield QueryProblem(
                    node.start, "empty-phrase", "there is no word between these quotes", "a word or more"
                )
        case ListRef():
            if known_lists is not None and node.name not in known_lists:
                yield _unknown_list(node, known_lists)
        case Near() | Scope() | AtLeast():
            name = operator(node)
            for inner in (one for child in children(node) for one in walk(child)):
                if isinstance(inner, Not):
                    yield _misplaced_not(inner, name)
                    return
        case Within():
            yield from _check_within(node)
        case And():
            yield from _check_contradiction(node)


def _check_within(node: Within) -> Iterator[QueryProblem]:
    for inner in (one for child in children(node) for one in walk(child)):
        if isinstance(inner, Not):
            yield _misplaced_not(inner, "NOT WITHIN")
            return
    if node.left == node.right:
        message = f"`{show(node)}` drops every mention"
        yield QueryProblem(node.start, "never-matches", message, "a wider term on the right, such as a phrase")


def _check_contradiction(node: And) -> Iterator[QueryProblem]:
    refused = {show(item.item): item for item in node.items if isinstance(item, Not)}
    for item in node.items:
        clash = refused.get(show(item))
        if clash is not None:
            message = f"`{show(item)}` is both required and refused"
            yield QueryProblem(clash.start, "never-matches", message, "", "to drop single mentions use NOT WITHIN")


def _misplaced_not(node: Node, name: str) -> QueryProblem:
    return QueryProblem(
        node.start,
        "boolean-inside-near",
        f"NOT cannot stand inside {name}",
        "AND and OR are fine there",
        "write AND NOT outside it, or NOT WITHIN to drop single mentions",
    )


def _unknown_list(node: ListRef, known: Sequence[str]) -> QueryProblem:
    close = difflib.get_close_matches(node.name, known, 1, 0.6)
    expected = "one of " + ", ".join("@" + name for name in sorted(known)[:12]) if known else "a file in lists/"
    hint = f"did you mean @{close[0]}?" if close else f"add lists/{node.name}.yaml"
    return QueryProblem(node.start, "unknown-list", f"there is no list @{node.name}", expected, hint)


def _check_places(node: Node, field: str) -> Iterator[QueryProblem]:
    """Words and operators in the field they stand in; `field` is the innermost one around the node."""
    match node:
        case Word():
            yield from _check_word(node, field)
        case Phrase():
            for word in node.words:
                yield from _check_word(word, field)
            if node.words and not field and not any(patterns(word.text) for word in node.words):
                yield QueryProblem(node.start, "never-matches", "this phrase holds no letter or digit", "words")
        case Field():
            yield from _check_field(node, field)
            yield from _check_places(node.item, node.name)
        case Near() | Scope() | AtLeast() | Within():
            yield from _check_spans(node, field)
            for child in children(node):
                yield from _check_places(child, field)
        case _:
            for child in children(node):
                yield from _check_places(child, field)


def _check_word(word: Word, field: str) -> Iterator[QueryProblem]:
    if is_sound(word.text, word.exact):
        return
    found = patterns(word.text, as_written=word.exact)
    if not found and "*" not in word.text and "?" not in word.text:
        message = f"`{word.text}` holds no letter or digit, so it never matches"
        yield QueryProblem(word.start, "never-matches", message, "a word", f"remove {word.text}")
    elif field not in _SHORT_CODES and (not found or any(stem_too_short(pattern) for pattern in found)):
        sign = "*" if "*" in word.text else "?"
        yield QueryProblem(
            word.start,
            "stem-too-short",
            f"`{word.text}` has too little before its `{sign}`",
            f"at least {MIN_STEM} letters before *" if sign == "*" else "at least 2 letters beside ?",
            "write the forms out: (form OR forms), or use a longer stem",
        )


def _check_field(node: Field, outer: str) -> Iterator[QueryProblem]:
    allowed = not outer or outer == node.name or "text" in (outer, node.name) or {outer, node.name} == {"lead", "body"}
    if not allowed:
        message = f"nothing is in `{outer}:` and in `{node.name}:` at once"
        yield QueryProblem(node.start, "never-matches", message, "one field", f"remove {outer}: or {node.name}:")


def _check_spans(node: Near | Scope | AtLeast | Within, field: str) -> Iterator[QueryProblem]:
    """Operators that ask for places: the fields that describe an article have none."""
    name = operator(node)
    if field in META_FIELDS:
        yield QueryProblem(node.start, "never-matches", f"{name} has no meaning in `{field}:`", "AND, OR, NOT, phrases")
        return
    for child in children(node):
        for inner in walk(child):
            if isinstance(inner, Field) and inner.name in META_FIELDS:
                message = f"`{inner.name}:` has no place in the text, so {name} never matches"
                yield QueryProblem(inner.start, "never-matches", message, "", f"write AND {inner.name}: outside {name}")
                return
