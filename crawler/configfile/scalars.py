"""Where a character of a scalar's value stands in the file. Pure.

YAML folds lines, strips indentation and decodes escapes, so the value's offsets are not the file's. Instead of
repeating YAML's folding rules, value and source are walked side by side: apart from white space the characters of a
value stand in the source in the same order (after decoding escapes in quoted scalars), so every letter is found
exactly; white space between two letters is placed between them.
"""

from __future__ import annotations

import re

from crawler.configfile.nodes import Node

_SPACE = " \t\r\n\x85\u2028\u2029"
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*\s+)+")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[^\r\n]*(?:\r\n|\r|\n|\Z)")
_ESCAPES = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}

Letters = list[tuple[str, int, int]]
"""Each character of a scalar's content as it is read, with the indices where its writing starts and ends."""


def source_index(source: str, node: Node, offset: int) -> int:
    """Index in `source` of the character at `offset` of the scalar's value.

    Args:
        source: the file's text.
        node: a scalar read from it.
        offset: index into ``node.value``; values outside are clamped. ``len(node.value)`` is the place behind it.
    """
    letters, behind = _letters(source, node)
    value = node.value
    offset = max(0, min(offset, len(value)))
    cursor = 0  # next letter of the source to compare
    gap = 0  # white space of the value since the last other letter, which ends before `behind`
    for index, character in enumerate(value):
        if character in _SPACE:
            if index == offset:
                break
            gap += 1
            continue
        while cursor < len(letters) and letters[cursor][0] != character:
            cursor += 1
        if cursor == len(letters):  # cannot happen for a node read from this source; stay inside it
            break
        if index == offset:
            return letters[cursor][1]
        behind, gap = letters[cursor][2], 0
        cursor += 1
    return _in_gap(source, behind, gap, node.end)


def _in_gap(source: str, behind: int, gap: int, limit: int) -> int:
    """The gap-th white space behind the last letter: exact on one line, else at the end of that line."""
    while gap and behind < limit and source[behind] in " \t":
        behind += 1
        gap -= 1
    return min(behind, limit)


def _letters(source: str, node: Node) -> tuple[Letters, int]:
    """The characters of the scalar's content, white space and breaks included, and where the content starts."""
    start, end = node.start, node.end
    properties = _PROPERTIES.match(source, start, end)
    if properties:
        start = properties.end()
    if node.style == '"':
        return _double_quoted(source, start + 1, end - 1), start + 1
    if node.style == "'":
        return _single_quoted(source, start + 1, end - 1), start + 1
    if node.style in ("|", ">"):
        header = _BLOCK_HEADER.match(source, start, end)
        start = header.end() if header else start
        start += len(source[start:end]) - len(source[start:end].lstrip(" "))
    return [(source[index], index, index + 1) for index in range(start, end)], start


def _single_quoted(source: str, start: int, end: int) -> Letters:
    letters: Letters = []
    index = start
    while index < end:
        width = 2 if source.startswith("''", index) else 1
        letters.append((source[index], index, index + width))
        index += width
    return letters


def _double_quoted(source: str, start: int, end: int) -> Letters:
    letters: Letters = []
    index = start
    while index < end:
        character, width = source[index], 1
        if character == "\\" and index + 1 < end:
            name = source[index + 1]
            width = 2 + _HEX_ESCAPES.get(name, 0)
            if name in _HEX_ESCAPES:
                character = chr(int(source[index + 2 : index + width], 16))
            else:
                character = _ESCAPES.get(name, name)
        letters.append((character, index, index + width))
        index += width
    return letters
