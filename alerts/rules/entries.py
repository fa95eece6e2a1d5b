"""Entries of lists and of `not_within`: most are a word or words side by side, which read as a phrase."""

from __future__ import annotations

import re
from collections.abc import Iterable

from alerts.rules.lexer import QUOTES, QueryProblem
from alerts.rules.meaning import check_meaning, is_sound
from alerts.rules.nodes import FIELDS, Node, phrase
from alerts.rules.syntax import parse

_MAYBE_QUERY = re.compile(f"[()@=:{QUOTES}]|[A-Z]{{2}}")
"""What has none of these is no query; cheap, since most entries are told by it."""
_ENTRY_IS_QUERY = re.compile(
    r"[()"
    + QUOTES
    + r"]|^[@=]|(^|\s)(AND|OR|NOT|SENTENCE|PARAGRAPH|O?NEAR\S*|ATLEAST\S*|@\S+)(\s|$)|^("
    + "|".join(FIELDS)
    + "):"
)


_GERSHAYIM = re.compile(f"(?<=[\u05d0-\u05ea])[{QUOTES}](?=[\u05d0-\u05ea])")


def parse_entry(text: str, *, known_lists: Iterable[str] | None = None) -> tuple[Node | None, list[QueryProblem]]:
    """Read an entry of a list or of `not_within`.

    Words side by side are a phrase; anything with an operator, a quote, a bracket or a field is a query.
    """
    if _MAYBE_QUERY.search(text) and _ENTRY_IS_QUERY.search(_GERSHAYIM.sub("x", text)):
        return parse(text, known_lists=known_lists)
    whole = phrase(text, 0, end=len(text))
    words = whole.words
    if not words:
        return None, [QueryProblem(0, "ends-early", "this entry is empty", "a word or a phrase")]
    node: Node = words[0] if len(words) == 1 else whole
    return node, [] if all(is_sound(word.text) for word in words) else check_meaning(node, None)
