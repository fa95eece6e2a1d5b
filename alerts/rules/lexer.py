"""The words, brackets and operators of a query, with their offsets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple

QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb'
"""Any of them opens and closes a phrase: people paste from word processors."""


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """One thing wrong in a query. `offset` counts code points of the query; `code` is stable."""

    offset: int
    code: str
    message: str
    expected: str = ""
    hint: str = ""
    warning: bool = False


class Kind(StrEnum):
    """What a token is."""

    OPEN = "("
    CLOSE = ")"
    PHRASE = "phrase"
    WORD = "word"
    LIST = "list"
    FIELD = "field"
    OPERATOR = "operator"
    COLON = ":"
    END = "end"


class Token(NamedTuple):
    """A piece of the query. `value`: phrase without quotes, word without `=`, list without `@`, field without `:`."""

    kind: Kind
    value: str
    start: int
    end: int
    exact: bool = False
    number: int = 0


_token: Callable[[tuple[Kind, str, int, int, bool, int]], Token] = partial(tuple.__new__, Token)
"""The same in half the time; a large rule set has half a million of them."""
_SPACE = re.compile(r"(?:\s+|#[^\n]*)+")
_STOPS = re.compile(r"[\s():#]|[" + QUOTES + "]")
_HEBREW = re.compile("[\u05d0-\u05ea]")
_COUNTED = re.compile(r"(NEAR|ONEAR|ATLEAST)(?![A-Za-z])(.*)", re.DOTALL)
_PLAIN_OPERATORS = frozenset({"AND", "OR", "NOT", "WITHIN", "SENTENCE", "PARAGRAPH"})
DEFAULT_DISTANCE = {"NEAR": 5, "ONEAR": 5, "ATLEAST": 2}


# What nearly all queries are made of, behind white space and comments: a plain word, an operator or a list name that
# ends at a space or a bracket; a bracket; a phrase. Anything else is looked at character by character.
_STOP_CLASS = r"\s():#" + QUOTES
_QUICK = re.compile(
    r"(?:\s+|#[^\n]*)*+"
    rf"(?:([()]|[^{_STOP_CLASS}=@][^{_STOP_CLASS}]*+(?![:{QUOTES}]))|@([^{_STOP_CLASS}]++)(?![:{QUOTES}])"
    rf"|[{QUOTES}]([^{QUOTES}\u05d0-\u05ea]*+)[{QUOTES}])"
)
_QUICK_KINDS = (None, None, Kind.LIST, Kind.PHRASE)
_SIGNS = {"(": Kind.OPEN, ")": Kind.CLOSE, **dict.fromkeys(_PLAIN_OPERATORS, Kind.OPERATOR)}


def tokenise(query: str, max_distance: int) -> tuple[list[Token], list[QueryProblem]]:
    """Cut a query into tokens. The problems found here do not stop it: the rest of the query is still read."""
    tokens: list[Token] = []
    problems: list[QueryProblem] = []
    at, quick = 0, _QUICK.match
    while True:
        found = quick(query, at)
        if found is not None:
            at = found.end()
            which = found.lastindex or 0
            text = found[which]
            kind = _SIGNS.get(text) if which == 1 else _QUICK_KINDS[which]
            if kind is None:
                counted = _COUNTED.fullmatch(text) if text[0] in "NOA" else None
                if counted is not None:
                    tokens.append(_counted(counted, at - len(text), at, max_distance, problems))
                    continue
                kind = Kind.WORD
            # The quotes and the @ are no part of the value, but of the token.
            tokens.append(_token((kind, text, found.start(which) - (which > 1), at, False, 0)))
            continue
        space = _SPACE.match(query, at)
        at = space.end() if space else at
        if at >= len(query):
            tokens.append(Token(Kind.END, "", len(query.rstrip()), len(query)))
            return tokens, problems
        token = _next(query, at, max_distance, problems)
        tokens.append(token)
        at = token.end


def _next(query: str, at: int, max_distance: int, problems: list[QueryProblem]) -> Token:
    char = query[at]
    if char in "()":
        return Token(Kind.OPEN if char == "(" else Kind.CLOSE, char, at, at + 1)
    if char == ":":
        return Token(Kind.COLON, char, at, at + 1)
    if char in QUOTES:
        return _phrase(query, at, at, problems)
    if char == "=" and query[at + 1 : at + 2] and query[at + 1] in QUOTES:
        return _phrase(query, at, at + 1, problems)
    end = _word_end(query, at)
    text = query[at:end]
    if text[0] == "@" and len(text) > 1:
        return Token(Kind.LIST, text[1:], at, end)
    if query[end : end + 1] == ":" and text[0] not in "=@":
        return Token(Kind.FIELD, text, at, end + 1)
    if text in _PLAIN_OPERATORS:
        return Token(Kind.OPERATOR, text, at, end)
    counted = _COUNTED.fullmatch(text)
    if counted:
        return _counted(counted, at, end, max_distance, problems)
    if text[0] == "=" and len(text) > 1:
        return Token(Kind.WORD, text[1:], at, end, exact=True)
    return Token(Kind.WORD, text, at, end)


def _between_hebrew(query: str, at: int) -> bool:
    """A quote that stands between Hebrew letters is a letter of the word (gershayim)."""
    return at > 0 and bool(_HEBREW.match(query, at - 1) and _HEBREW.match(query, at + 1))


def _word_end(query: str, at: int) -> int:
    end = at + 1
    while True:
        stop = _STOPS.search(query, end)
        if stop is None:
            return len(query)
        if stop.group() not in QUOTES or not _between_hebrew(query, stop.start()):
            return stop.start()
        end = stop.start() + 1


def _phrase(query: str, start: int, quote: int, problems: list[QueryProblem]) -> Token:
    at = quote + 1
    while at < len(query) and not (query[at] in QUOTES and not _between_hebrew(query, at)):
        at += 1
    if at >= len(query):
        problems.append(
            QueryProblem(
                quote,
                "unclosed-quote",
                "this quote is not closed",
                'a closing " behind the phrase',
                "1 quote not closed",
            )
        )
    return Token(Kind.PHRASE, query[quote + 1 : at], start, min(at + 1, len(query)), exact=start != quote)


def _counted(found: re.Match[str], at: int, end: int, limit: int, problems: list[QueryProblem]) -> Token:
    """NEAR/n, ONEAR/n, ATLEAST/n; a bad number is reported and replaced, so that reading can go on."""
    name, tail = found.groups()
    example = f"{name}/{DEFAULT_DISTANCE[name]}"
    digits = re.search(r"[0-9]+", tail)
    wanted = f"{name}/{digits.group()}" if digits and 1 <= int(digits.group()[:9]) <= limit else example
    number = DEFAULT_DISTANCE[name]
    if not re.fullmatch(r"/[0-9]+", tail):
        if re.fullmatch(r"/-[0-9]+", tail):
            problems.append(_out_of_range(at, name, tail[1:], limit))
        else:
            message = f"{name} needs a number" if not tail else f"`{found.group()}` is not an operator"
            what = "how many words may stand between" if name != "ATLEAST" else "how many mentions there must be"
            problems.append(
                QueryProblem(at, "missing-distance", message, f"{name}/n: {what}", f"did you mean {wanted}?")
            )
    elif not 1 <= int(tail[1:10]) <= limit or len(tail) > 9:
        problems.append(_out_of_range(at, name, tail[1:], limit))
    else:
        number = int(tail[1:])
    return Token(Kind.OPERATOR, name, at, end, number=number)


def _out_of_range(at: int, name: str, number: str, limit: int) -> QueryProblem:
    hint = f"did you mean {name}/{DEFAULT_DISTANCE[name]}?"
    if name != "ATLEAST" and number.isdigit():
        hint = f"did you mean {name}/{limit}, or PARAGRAPH?" if int(number[:9]) else 'did you mean a phrase, "a b"?'
    return QueryProblem(at, "distance-range", f"{name}/{number} is out of range", f"a number from 1 to {limit}", hint)
