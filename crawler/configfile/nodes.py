"""What a YAML file is made of: nodes that know where they stand, and their plain values. Pure."""

from __future__ import annotations

import bisect
import re
from typing import Any, Literal

Kind = Literal["scalar", "mapping", "sequence"]

_BREAKS = re.compile(r"\r\n|\r|\n")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?")
# Python refuses to read longer numbers (a denial of service); as text they are refused with a position.
_LONGEST_NUMBER = 40
# YAML's core values only. `no`, `on`, `yes` and dates stay text: NO is Norway, and plain PyYAML reads it as False.
_CORE: dict[str, bool | None] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


class Node:
    """One scalar, mapping or sequence of a file.

    Attributes:
        kind: ``scalar``, ``mapping`` or ``sequence``.
        start: index of its first character in the file's text (of an anchor, if it has one).
        end: index after its last character.
        value: a scalar's text as YAML reads it.
        style: ``""`` plain, ``'``, ``"``, ``|`` or ``>``.
        pairs: a mapping's keys and values, in file order.
        items: a sequence's members.
        size: number of nodes in it, itself included and aliases written out.
    """

    __slots__ = ("end", "items", "kind", "pairs", "size", "start", "style", "value")

    def __init__(self, kind: Kind, start: int, end: int, value: str = "", style: str = "") -> None:
        self.kind = kind
        self.start = start
        self.end = end
        self.value = value
        self.style = style
        self.pairs: list[tuple[Node, Node]] = []
        self.items: list[Node] = []
        self.size = 1

    def plain(self) -> Any:
        """Its plain value: dict, list, str, int, float, bool or None. Keys are always text."""
        if self.kind == "mapping":
            return {key.value: value.plain() for key, value in self.pairs}
        if self.kind == "sequence":
            return [item.plain() for item in self.items]
        if self.style:
            return self.value
        return _core_value(self.value)

    def child(self, part: str | int) -> tuple[Node | None, Node] | None:
        """Key node (None in a sequence) and value node under `part`, or None if there is no such member."""
        if self.kind == "mapping":
            # From behind: of two equal keys the later one is the file's mistake, and a lookup must agree with `plain`.
            return next((pair for pair in reversed(self.pairs) if pair[0].value == part), None)
        if self.kind == "sequence" and isinstance(part, int) and 0 <= part < len(self.items):
            return None, self.items[part]
        return None


def _core_value(text: str) -> str | int | float | bool | None:
    if text in _CORE:
        return _CORE[text]
    if len(text) <= _LONGEST_NUMBER and text[0] in "+-0123456789":
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


class Text:
    """A file's text and its lines.

    Only line breaks that editors count are counted: LF, CRLF, CR.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        """Index of the first character of each line."""
        if self._starts is None:
            self._starts = [0, *(match.end() for match in _BREAKS.finditer(self.text))]
        return self._starts

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, both 1-based, of a character index; the end of the text counts as a place."""
        index = max(0, min(index, len(self.text)))
        line = bisect.bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a 1-based line without its break; empty if there is no such line."""
        starts = self.starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")
